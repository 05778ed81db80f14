//! Webhooks of providers that push: a message that proves whose it is, taken in once.
//!
//! The envelope is that of Standard Webhooks 1.0: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`,
//! and a body `{"type", "timestamp", "data"}`. A source with a mapping sends its titles themselves; a provider that we
//! ask says which of its titles changed, and those are asked for anew. Other messages are taken note of and left.

mod http;
mod signature;
mod store;

pub(crate) use http::router;
pub use signature::{Secret, Signed};

use std::{fmt, sync::Arc};

use contracts::{ApiError, Call, ErrorKind, MAX_BATCH, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::{
    Adapted, Context, Counts, Ingest, Mapping, PlatformAdapter, RawRow, UnreadLanguages, adapters::mapped,
    drive::Drive, portions::Weighed, validate,
};

/// The most keys of a message: each is asked for while the sender waits.
const MAX_KEYS: usize = 20;
/// The most reasons for which titles were turned away that an answer names.
const MAX_REASONS: usize = 10;
/// How long a message that is being taken in keeps others like it out, when its process dies over it.
const ABANDONED: SignedDuration = SignedDuration::from_mins(5);
/// How long messages are remembered. One whose time is further off than five minutes is refused anyway.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// A source that pushes.
#[derive(Clone)]
pub struct Webhook {
    /// The secrets that its messages may be signed with, one a line: more than one while it changes.
    pub secrets: contracts::Secret,
    /// Which field of a title is what; absent for a provider that we ask.
    pub mapping: Option<Arc<Mapping>>,
    /// Where its offers hold.
    pub region: contracts::Region,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

/// The body of a message.
#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
}

/// What became of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Received {
    /// Whether it had come before: then nothing was done again, and the rest says what was done the first time.
    pub repeated: bool,
    /// Whether its type is one that we act on.
    pub acted: bool,
    /// Titles that are new.
    pub created: u64,
    /// Titles that other sources know too.
    pub merged: u64,
    /// Titles that the source now describes otherwise.
    pub updated: u64,
    /// Titles with nothing new.
    pub unchanged: u64,
    /// Titles that were turned away.
    pub rejected: u64,
    /// Why, for the first ten of them.
    pub reasons: Vec<String>,
    /// Languages that its titles named and that can't be read. No title is turned away for one.
    // What an earlier release answered to a message that comes again had none.
    #[serde(default)]
    pub unread_languages: UnreadLanguages,
}

/// The titles of a message, and why others were turned away.
type Titles = (Vec<Adapted>, Vec<String>);

impl Ingest {
    /// Takes in a message of `source`.
    ///
    /// # Errors
    /// `webhook_source_not_found`, `webhook_headers` and `webhook_signature` for one that does not prove whose it is,
    /// `webhook_expired`, `webhook_in_progress` while the same message is being taken in, `webhook_body`, and why it
    /// could not be taken in: then it may be sent again.
    pub async fn receive(&self, call: &Call, source: &str, signed: &Signed<'_>) -> Result<Received> {
        let hook = self.config.webhooks.get(source).ok_or_else(|| {
            ApiError::not_found("webhook_source_not_found", format!("no source called {source:?} sends messages here"))
        })?;
        let now = self.clock.now();
        let secrets: Vec<Secret> = hook.secrets.lines().iter().filter_map(|line| Secret::parse(line)).collect();
        signed.verify(&secrets, now)?;
        if !store::claim(&self.db, source, signed.id, now).await? {
            return match store::answer(&self.db, source, signed.id).await? {
                Some(first) => Ok(Received { repeated: true, ..serde_json::from_value(first).unwrap_or_default() }),
                None => {
                    let detail = "the same message is being taken in; send it again when no answer came";
                    Err(ApiError::new(ErrorKind::Conflict, "webhook_in_progress", detail))
                }
            };
        }
        let done = self.take_in(call, source, hook, signed.body).await;
        match &done {
            Ok(received) => {
                store::done(&self.db, source, signed.id, &serde_json::json!(received)).await?;
                store::forget(&self.db, now).await?;
                tracing::info!(
                    source,
                    created = received.created,
                    updated = received.updated,
                    rejected = received.rejected,
                    "a webhook was taken in"
                );
            }
            // It was not taken in: the sender may try again.
            Err(_) => store::release(&self.db, source, signed.id).await?,
        }
        done
    }

    async fn take_in(&self, call: &Call, source: &str, hook: &Webhook, body: &[u8]) -> Result<Received> {
        let message: Message = serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))?;
        let provider = self.config.providers.get(source);
        let (titles, reasons) = match (message.kind.as_str(), &hook.mapping, provider) {
            ("titles", Some(mapping), _) => self.rows(hook, mapping, &message.data)?,
            ("titles.changed", _, Some((adapter, region))) => self.changed(adapter, *region, &message.data).await?,
            _ => return Ok(Received::default()),
        };
        let never = CancellationToken::new();
        let drive = Drive { ingest: self, call: &self.own(call), stop: &never, on_progress: &|_| {} };
        let mut unread_languages = UnreadLanguages::default();
        titles.iter().for_each(|adapted| unread_languages.note(&adapted.unread_languages));
        let records = titles.into_iter().map(|adapted| adapted.record).collect();
        let outcomes = drive.offer(&Weighed::new(records)).await?.unwrap_or_default();
        let mut counts = Counts::default();
        counts.add(&outcomes);
        Ok(Received {
            repeated: false,
            acted: true,
            created: counts.created,
            merged: counts.merged,
            updated: counts.updated,
            unchanged: counts.unchanged,
            rejected: reasons.len() as u64,
            reasons: reasons.into_iter().take(MAX_REASONS).collect(),
            unread_languages,
        })
    }

    /// The message proved whose it is; what follows is the node's own work.
    fn own(&self, call: &Call) -> Call {
        let own = Call::system(&self.clock, &self.rng, self.config.batch_timeout);
        Call { trace: call.trace, ..own }
    }

    /// The titles of a message, read like the rows of a file with this mapping.
    fn rows(&self, hook: &Webhook, mapping: &Arc<Mapping>, data: &Value) -> Result<Titles> {
        let rows = data.as_array().ok_or_else(|| unreadable("`data` must be a list of titles"))?;
        if rows.len() > MAX_BATCH {
            return Err(unreadable(&format!("`data` has {} titles, more than {MAX_BATCH}", rows.len())));
        }
        let mut context = self.context_now(hook.region);
        context.mapping = Some(mapping.clone());
        let read = |row: &Value| {
            let fields: Map<String, Value> =
                row.as_object().cloned().ok_or("the row is not a JSON object".to_owned())?;
            let adapted = mapped::adapt(&RawRow::Json(fields), &context).map_err(|reason| reason.to_string())?;
            validate::check(&adapted.record, &context).map_err(|reason| reason.to_string())?;
            Ok::<_, String>(adapted)
        };
        let (mut titles, mut reasons) = (Vec::new(), Vec::new());
        for (at, row) in rows.iter().enumerate() {
            match read(row) {
                Ok(adapted) => titles.push(adapted),
                Err(reason) => reasons.push(format!("title {}: {reason}", at + 1)),
            }
        }
        Ok((titles, reasons))
    }

    /// The titles that a provider says have changed, asked for anew.
    async fn changed(
        &self,
        adapter: &Arc<dyn PlatformAdapter>,
        region: contracts::Region,
        data: &Value,
    ) -> Result<Titles> {
        let keys = data["keys"].as_array().ok_or_else(|| unreadable("`data.keys` must be a list of keys"))?;
        if keys.len() > MAX_KEYS {
            return Err(unreadable(&format!("`data.keys` has {} keys, more than {MAX_KEYS}", keys.len())));
        }
        let context = self.context_now(region);
        let (mut titles, mut reasons) = (Vec::new(), Vec::new());
        for key in keys {
            let key = key.as_str().ok_or_else(|| unreadable("a key must be a text"))?;
            match adapter.refreshed(key, region).await {
                Ok(adapted) => match validate::check(&adapted.record, &context) {
                    Ok(()) => titles.push(adapted),
                    Err(reason) => reasons.push(format!("title {key}: {reason}")),
                },
                Err(error) if error.is_of_the_title() => reasons.push(format!("title {key}: {error}")),
                Err(error) => return Err(error.into()),
            }
        }
        Ok((titles, reasons))
    }

    fn context_now(&self, region: contracts::Region) -> Context {
        Context { service: None, region, as_of: self.today(), as_of_stated: true, mapping: None }
    }
}

fn unreadable(why: &str) -> ApiError {
    ApiError::new(ErrorKind::Unprocessable, "webhook_body", format!("the message can't be read: {why}"))
}

/// Before this moment a message that nobody finished is abandoned.
fn abandoned(now: Timestamp) -> Timestamp {
    now.checked_sub(ABANDONED).unwrap_or(Timestamp::MIN)
}
