//! Jobs: work that comes back on a schedule, is run by hand, and goes on where it was stopped.
//!
//! A job is there only where its input is. Its state is a row, so that the schedule outlives the process and several
//! processes share it: whoever moves a due job's row to `running` has it, until its beat is ten minutes old.

mod chain;
mod expiry;
mod http;
mod provider;
mod store;
mod work;

pub(crate) use http::router;
pub(crate) use store::interrupt_running;

use std::{collections::BTreeMap, fmt, sync::Arc};

use contracts::{ApiError, Region};
use croner::Cron;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PlatformAdapter;

/// How long a running job may be silent before another process may take it over.
pub(crate) const SILENCE: SignedDuration = SignedDuration::from_mins(10);

/// How a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It waits for its time.
    Waiting,
    /// It runs.
    Running,
    /// Its last run failed: `error` says why. It runs again at its time.
    Failed,
    /// Its last run was stopped. It goes on there at its time, or when it is run by hand.
    Interrupted,
}

impl JobStatus {
    const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Failed, Self::Interrupted];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    fn parse(text: &str) -> Result<Self, ApiError> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| ApiError::internal(format!("a job has the unknown status {text:?}")))
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A job and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its name.
    #[schema(example = "expiry_warnings")]
    pub name: String,
    /// What it does, in a few words.
    pub about: String,
    /// When it runs, as a cron pattern in UTC.
    #[schema(example = "*/15 * * * *")]
    pub schedule: String,
    /// How it is.
    pub status: JobStatus,
    /// When it runs next.
    #[schema(value_type = String, format = DateTime)]
    pub next_at: Timestamp,
    /// When its last run began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When its last run ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Rows or titles that this run, or the last, has seen.
    pub done: u64,
    /// What came of the last run.
    pub summary: Option<String>,
    /// Why the last run failed.
    pub error: Option<String>,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Reads a feed of the configuration anew.
    Refresh(String),
    /// Reads what a provider lists.
    Provider(String),
    /// Asks the chain of providers about titles that are there.
    Ask(chain::Wanted),
    /// Announces offers that end within seven days.
    ExpiryWarnings,
    /// Withdraws offers that no provider confirms any more.
    Withdrawals,
}

/// A job as this process knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub name: String,
    pub about: String,
    pub schedule: &'static str,
    pub work: Work,
}

impl Definition {
    /// The jobs of a node with these feeds and providers.
    pub fn all<'a>(
        feeds: impl Iterator<Item = &'a String>,
        providers: &BTreeMap<String, (Arc<dyn PlatformAdapter>, Region)>,
    ) -> Vec<Self> {
        let job = |name: String, about: String, schedule, work| Self { name, about, schedule, work };
        let refresh = |source: &String, work: Work| {
            job(
                format!("refresh_{source}"),
                format!("reads the source {source} into the catalogue"),
                "0 */6 * * *",
                work,
            )
        };
        let mut jobs: Vec<Self> = feeds.map(|feed| refresh(feed, Work::Refresh(feed.clone()))).collect();
        let listing = providers.iter().filter(|(_, (adapter, _))| adapter.lists());
        jobs.extend(listing.map(|(name, _)| refresh(name, Work::Provider(name.clone()))));
        if providers.values().any(|(adapter, _)| adapter.knows_offers()) {
            let about = "asks providers where titles can be watched now".to_owned();
            jobs.push(job("availability".to_owned(), about, "0 * * * *", Work::Ask(chain::Wanted::Offers)));
            let about = "withdraws offers that their provider has not confirmed for 30 days".to_owned();
            jobs.push(job("withdrawals".to_owned(), about, "30 2 * * *", Work::Withdrawals));
        }
        if !providers.is_empty() {
            let about = "asks providers for what is missing of titles".to_owned();
            jobs.push(job("enrichment".to_owned(), about, "0 3 * * *", Work::Ask(chain::Wanted::Facts)));
        }
        let about = "announces offers that end within 7 days, each once".to_owned();
        jobs.push(job("expiry_warnings".to_owned(), about, "*/15 * * * *", Work::ExpiryWarnings));
        jobs
    }

    /// When it runs next, after `now`.
    ///
    /// # Errors
    /// None for the patterns we have: a test holds them to it.
    pub fn next(&self, now: Timestamp) -> Result<Timestamp, ApiError> {
        let broken =
            |error: String| ApiError::internal(format!("the schedule of {} can't be read: {error}", self.name));
        let cron: Cron = self.schedule.parse().map_err(|error| broken(format!("{error}")))?;
        let next = cron.find_next_occurrence(&now.to_zoned(TimeZone::UTC), false);
        next.map(|next| next.timestamp()).map_err(|error| broken(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_come_back_in_their_time() {
        let feeds = ["festival".to_owned()];
        let jobs = Definition::all(feeds.iter(), &BTreeMap::new());
        let next = |name: &str, now: &str| {
            let job = jobs.iter().find(|job| job.name == name).unwrap();
            job.next(now.parse().unwrap()).unwrap().to_string()
        };
        assert_eq!(next("expiry_warnings", "2026-01-01T00:00:00Z"), "2026-01-01T00:15:00Z");
        assert_eq!(next("expiry_warnings", "2026-01-01T23:59:59Z"), "2026-01-02T00:00:00Z");
        assert_eq!(next("refresh_festival", "2026-01-01T00:00:00Z"), "2026-01-01T06:00:00Z");
        assert_eq!(next("refresh_festival", "2026-12-31T18:00:01Z"), "2027-01-01T00:00:00Z");
        assert_eq!(Definition::all([].iter(), &BTreeMap::new()).len(), 1, "no feed, nothing to refresh");
    }
}
