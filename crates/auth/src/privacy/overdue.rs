//! Erasures that should be done, and what they wait for (A8).

use std::sync::PoisonError;

use contracts::{ApiError, Component, ComponentState};
use jiff::{SignedDuration, Timestamp};
use stores::Db;

use crate::{
    Auth,
    grants::later,
    store::privacy::{self, KEY},
};

/// What the part of a node is called that tells of them.
pub const ERASURES: &str = "erasures";
/// How long after its end an erasure may take.
const DONE_WITHIN: SignedDuration = SignedDuration::from_hours(72);

/// Erasures that should be done and wait for one and the same. One that waits for two is in both.
#[derive(Clone, Debug)]
pub struct Overdue {
    /// `key` where the person's key is not destroyed, or the context that has not answered.
    pub waits_for: String,
    /// How many; there may be none.
    pub erasures: i64,
    /// Since when the first of them should be done.
    pub since: Option<Timestamp>,
}

impl Overdue {
    /// As a part of a sentence; `None` where there are none.
    fn told(&self) -> Option<String> {
        let since = self.since.filter(|_| self.erasures > 0)?;
        let what = match self.waits_for.as_str() {
            KEY => "a key to be destroyed".to_owned(),
            context => format!("`{context}` to answer"),
        };
        Some(format!("{} for {what}, since {since}", self.erasures))
    }
}

/// What is overdue at a time, for each that an erasure can wait for. Every erasure that there was is looked through.
///
/// # Errors
/// When the database can't be read.
pub async fn overdue(db: &Db, now: Timestamp) -> Result<Vec<Overdue>, ApiError> {
    let end = now.checked_sub(DONE_WITHIN).unwrap_or(Timestamp::MIN);
    let all = privacy::late(db, end).await?.into_iter();
    let since = |due: Timestamp| later(due, DONE_WITHIN);
    Ok(all.map(|(waits_for, erasures, due)| Overdue { waits_for, erasures, since: due.map(since) }).collect())
}

/// How erasures stand: degraded while one is overdue.
pub fn erasures_part(overdue: &[Overdue]) -> Component {
    let told: Vec<_> = overdue.iter().filter_map(Overdue::told).collect();
    if told.is_empty() {
        return Component::new(ERASURES, ComponentState::Ready, "none is overdue");
    }
    let detail = format!("72 hours after their end these wait: {}", told.join("; "));
    Component::new(ERASURES, ComponentState::Degraded, detail)
}

impl Auth {
    /// How erasures stood when [`super::Eraser`] last looked.
    pub fn erasures_part(&self) -> Component {
        erasures_part(&self.overdue.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what is overdue for whoever asks how this process is, and measures it.
    pub(super) fn note_overdue(&self, overdue: Vec<Overdue>) {
        for Overdue { waits_for, erasures, .. } in &overdue {
            metrics::gauge!("erasures_overdue", "waits_for" => waits_for.clone()).set(*erasures as f64);
        }
        *self.overdue.write().unwrap_or_else(PoisonError::into_inner) = overdue;
    }
}
