//! What a history refuses.

use contracts::{ApiError, ErrorKind};

use crate::store::MAX_ENTRIES;

/// Why something can't be kept, or is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HistoryError {
    /// It was watched after now, or before there were films.
    BadTime,
    /// More than all of it was watched, or less than nothing.
    BadRate,
    /// The catalogue has no such title, or none that the caller may see.
    UnknownTitle,
    /// The caller's history has no such entry.
    UnknownEntry,
    /// The caller's history holds as much as one may.
    Full,
    /// What was sealed can't be read.
    Unreadable,
}

impl From<HistoryError> for ApiError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::BadTime => {
                let detail = "`watched_at` is a time from 1888, when the first film was made, until now";
                Self::invalid("bad_watched_at", detail).field("watched_at", "must be from 1888 until now")
            }
            HistoryError::BadRate => Self::invalid("bad_completion_rate", "`completion_rate` is from 0 to 1")
                .field("completion_rate", "must be from 0 to 1"),
            HistoryError::UnknownTitle => Self::not_found("unknown_content", "there is no title with this id")
                .field("content_id", "must be the id of a title"),
            HistoryError::UnknownEntry => {
                Self::not_found("no_such_entry", "there is no such entry in your viewing history")
            }
            HistoryError::Full => {
                let detail = format!("a viewing history holds {MAX_ENTRIES} entries: remove some of them first");
                Self::new(ErrorKind::Conflict, "history_full", detail)
            }
            HistoryError::Unreadable => Self::internal("an entry of a viewing history can't be read"),
        }
    }
}
