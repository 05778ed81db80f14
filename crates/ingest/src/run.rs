//! What a run is asked for, and what is known of it.

use std::{fmt, str::FromStr};

use contracts::{ApiError, IngestAction, IngestOutcome, Region, RunId};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Format, Mapping};

/// An input to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// A path on the node's own disk, or an http(s) address. The node reads it with its own rights.
    #[schema(example = "/data/netflix_titles.csv.gz")]
    pub location: String,
    /// How to read it.
    #[serde(flatten)]
    pub options: RunOptions,
}

/// How to read an input. Every field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunOptions {
    /// The format; found by the content where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "streaming_csv")]
    pub format: Option<Format>,
    /// Whose catalogue it is, where the format is one service's; found by the file's name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "netflix")]
    pub platform: Option<String>,
    /// Where its offers hold; the United States where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The day on which it was true; the day it is first read where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub as_of: Option<Date>,
    /// Which column is what, for an operator's own CSV, JSON or Parquet file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
}

impl RunRequest {
    /// An input to read as it is.
    pub fn new(location: impl Into<String>) -> Self {
        Self { location: location.into(), options: RunOptions::default() }
    }
}

/// How a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It reads. (Or its process was killed: then it goes on when the same input is asked for again.)
    Running,
    /// It came to the end.
    Done,
    /// It could not go on: `error` says why. Asking again goes on where it stopped.
    Failed,
    /// It was stopped. Asking again goes on where it stopped.
    Interrupted,
}

impl RunStatus {
    const ALL: [Self; 4] = [Self::Running, Self::Done, Self::Failed, Self::Interrupted];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RunStatus {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| ApiError::internal(format!("a run has the unknown status {text:?}")))
    }
}

/// What became of rows. A row counts once: `rows_read` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Rows read.
    pub rows_read: u64,
    /// New titles.
    pub created: u64,
    /// Titles that this source described otherwise before.
    pub updated: u64,
    /// Titles that other sources know too.
    pub merged: u64,
    /// Rows that said nothing new.
    pub unchanged: u64,
    /// Rows turned away.
    pub rejected: u64,
    /// Rows kept as seasons and episodes of the series that they are part of.
    #[serde(default)]
    pub parts: u64,
    /// Rows passed by on purpose: episodes and games, in a list of titles.
    #[serde(default)]
    pub passed_by: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, outcomes: &[IngestOutcome]) {
        for outcome in outcomes {
            let count = match outcome.action {
                IngestAction::Created => &mut self.created,
                IngestAction::Updated => &mut self.updated,
                IngestAction::Merged => &mut self.merged,
                IngestAction::Unchanged => &mut self.unchanged,
            };
            *count += 1;
        }
    }

    /// An error that ended the reading, with what stands of the input all the same.
    pub(crate) fn told_with(&self, mut error: ApiError) -> ApiError {
        let Self { rows_read, rejected, passed_by, .. } = *self;
        if rows_read > 0 {
            let taken_in = rows_read.saturating_sub(rejected + passed_by);
            error.detail += &format!("; rows read before that: {rows_read}, taken in: {taken_in}");
        }
        error
    }
}

/// The most spellings that are shown, and the most characters of each.
const MAX_SPELLINGS: usize = 10;
const MAX_SPELLING: usize = 60;

/// Languages that titles named and that can't be read: they were taken in without them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadLanguages {
    /// How many, each once for each title that names it.
    pub count: u64,
    /// The first ten of them as they are spelt, each once and at most 60 characters of it.
    pub spellings: Vec<String>,
}

impl UnreadLanguages {
    /// Counts those of one title.
    pub(crate) fn note(&mut self, spellings: &[String]) {
        self.count += spellings.len() as u64;
        spellings.iter().for_each(|spelling| self.show(spelling.chars().take(MAX_SPELLING).collect()));
    }

    /// Counts those of later titles.
    pub(crate) fn add(&mut self, later: Self) {
        self.count += later.count;
        later.spellings.into_iter().for_each(|spelling| self.show(spelling));
    }

    /// How many there were and what they are like, for people; `None` where there were none.
    pub fn told(&self) -> Option<String> {
        let spellings = self.spellings.join(", ");
        let told = || format!("languages that can't be read, and were left out: {}, such as {spellings}", self.count);
        (self.count > 0).then(told)
    }

    fn show(&mut self, spelling: String) {
        if self.spellings.len() < MAX_SPELLINGS && !self.spellings.contains(&spelling) {
            self.spellings.push(spelling);
        }
    }
}

/// A run: one input, read once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Where the input is, without what may be secret in an address.
    pub location: String,
    /// What was asked for.
    pub options: RunOptions,
    /// The format found; absent until it is.
    #[schema(value_type = Option<String>)]
    pub format: Option<Format>,
    /// SHA-256 of the input as it lies there; absent until it was read once.
    pub fingerprint: Option<String>,
    /// The day on which the input was true; absent until the input was read once.
    #[schema(value_type = Option<String>, format = Date)]
    pub as_of: Option<Date>,
    /// How it is.
    pub status: RunStatus,
    /// What became of its rows so far. After a kill a batch may be counted as unchanged that was created before it.
    #[serde(flatten)]
    pub counts: Counts,
    /// Languages that its rows named so far and that can't be read. No row is turned away for one.
    #[serde(default)]
    pub unread_languages: UnreadLanguages,
    /// Why it failed.
    pub error: Option<String>,
    /// The stable name of why it failed, as in a problem.
    pub error_code: Option<String>,
    /// The HTTP status that stands for why it failed.
    pub error_status: Option<u16>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it last came further.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Who has it: the id of this one try.
    #[serde(skip)]
    pub(crate) holder: Uuid,
}

/// What a run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It fetches the input.
    Fetching,
    /// It reads the whole input once, to know that it is whole.
    Checking,
    /// It takes rows over.
    Reading,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub phase: Phase,
    /// What became of the rows so far.
    pub counts: Counts,
    /// Bytes of the input that were taken in this phase.
    pub bytes_read: u64,
    /// How many there are, where that is known. (A database is not read from start to end: 0 of unknown.)
    pub bytes_total: Option<u64>,
}
