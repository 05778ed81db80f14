//! The overviews that resolution compares, as vectors: asked for while a batch is decided, embedded between two tries.

use std::{
    collections::{BTreeSet, HashMap},
    pin::pin,
    time::Duration,
};

use contracts::{EmbedError, Embedder, Locale, SourceRecord, Vector};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use crate::resolve::tells;

/// How many texts the model has at the same time.
const AT_ONCE: usize = 4;
/// The most overviews of one title that a record's is compared with.
const MAX_OVERVIEWS: usize = 4;

/// What is known of the overviews of a batch. Without a model nothing is, and nothing is wanting.
#[derive(Default)]
pub struct Stories {
    /// Whether what is not known may still be asked for.
    open: bool,
    vectors: HashMap<String, Vector>,
    wanting: BTreeSet<String>,
}

impl Stories {
    /// Nothing yet; `open` where there is a model.
    pub fn new(open: bool) -> Self {
        Self { open, ..Self::default() }
    }

    /// The cosine of a record's overview and the likest of a title's, from -1 to 1. `None` where one side has none in
    /// English, the language of the model, that tells something; and where one has yet to be embedded, which is noted.
    pub fn likeness<'a>(
        &mut self,
        record: &SourceRecord,
        others: impl Iterator<Item = &'a SourceRecord>,
    ) -> Option<f64> {
        if !self.open && self.vectors.is_empty() {
            return None;
        }
        let ours = overview(record)?;
        let theirs: Vec<&str> = others.filter_map(overview).take(MAX_OVERVIEWS).collect();
        let wanting = |text: &&str| !self.vectors.contains_key(*text);
        let texts = theirs.iter().copied().chain((!theirs.is_empty()).then_some(ours));
        let missing: Vec<String> = texts.filter(wanting).map(str::to_owned).collect();
        if self.open {
            self.wanting.extend(missing);
        }
        let own = self.vectors.get(ours)?;
        let cosines = theirs.iter().map(|text| self.vectors.get(*text).map(|other| cosine(own, other)));
        // All or none: the likest of some would be another one the next time.
        let cosines: Vec<f64> = cosines.collect::<Option<_>>()?;
        cosines.into_iter().max_by(f64::total_cmp)
    }

    /// Whether something is to be embedded before the batch can be decided.
    pub fn are_wanting(&self) -> bool {
        self.open && !self.wanting.is_empty()
    }

    /// Embeds what is wanting, each text by itself: a model's numbers depend a little on what it reads beside it, and
    /// a decision must not. Where the model fails, or is not done `within` that time, no more of them are compared in this batch.
    pub async fn embed(&mut self, model: &dyn Embedder, within: Duration) {
        let texts = std::mem::take(&mut self.wanting);
        let one = |text: String| async move {
            let vectors = model.embed(std::slice::from_ref(&text)).await?;
            Ok::<_, EmbedError>(vectors.into_iter().next().map(|vector| (text, vector)))
        };
        let mut found = pin!(stream::iter(texts.into_iter().map(one)).buffered(AT_ONCE));
        let all = async {
            while let Some(vector) = found.try_next().await? {
                self.vectors.extend(vector);
            }
            Ok::<_, EmbedError>(())
        };
        let late = || Err(EmbedError("it takes too long".to_owned()));
        if let Err(error) = timeout(within, all).await.unwrap_or_else(|_| late()) {
            tracing::warn!(%error, "overviews are not compared; what they could decide waits for a person");
            self.close();
        }
    }

    /// Compares what is known already, and no more.
    pub fn close(&mut self) {
        self.open = false;
        self.wanting.clear();
    }
}

fn overview(record: &SourceRecord) -> Option<&str> {
    let english = record.locale.as_str().split('-').next() == Some(Locale::english().as_str());
    record.overview.as_deref().filter(|overview| english && tells(overview))
}

/// Of two vectors of length 1.
fn cosine(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
