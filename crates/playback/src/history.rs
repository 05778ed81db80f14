//! What somebody watched, as a value: what may be said of it, and in which order it is shown (pure).

use std::cmp::Reverse;

use contracts::ContentId;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::HistoryError;

/// The year of the oldest film that is left (*Roundhay Garden Scene*).
const FIRST_YEAR: i16 = 1888;

/// What somebody says they watched.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHistoryEntry {
    /// The title.
    pub content_id: ContentId,
    /// When, from 1888 until now; now where not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub watched_at: Option<Timestamp>,
    /// How much of it, from 0 to 1; all of it where not given.
    #[schema(minimum = 0, maximum = 1)]
    pub completion_rate: Option<f64>,
}

impl NewHistoryEntry {
    /// What is kept of it at `now`.
    pub(crate) fn checked(&self, now: Timestamp) -> Result<Watched, HistoryError> {
        let watched_at = self.watched_at.unwrap_or(now);
        if watched_at > now || watched_at.to_zoned(TimeZone::UTC).year() < FIRST_YEAR {
            return Err(HistoryError::BadTime);
        }
        let completion_rate = self.completion_rate.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&completion_rate) {
            return Err(HistoryError::BadRate);
        }
        Ok(Watched { content_id: self.content_id, watched_at, completion_rate })
    }
}

/// What is sealed of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watched {
    pub content_id: ContentId,
    pub watched_at: Timestamp,
    pub completion_rate: f64,
}

impl Watched {
    /// What was sealed, once it is opened.
    pub(crate) fn read(plain: &[u8]) -> Result<Self, HistoryError> {
        serde_json::from_slice(plain).map_err(|_| HistoryError::Unreadable)
    }

    /// What to seal.
    pub(crate) fn write(&self) -> Result<Vec<u8>, HistoryError> {
        serde_json::to_vec(self).map_err(|_| HistoryError::Unreadable)
    }

    /// The month, by its first day: all that is left of the time once nobody is named.
    pub(crate) fn month(&self) -> Date {
        self.watched_at.to_zoned(TimeZone::UTC).date().first_of_month()
    }
}

/// Something that the caller watched.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// Its id.
    pub id: Uuid,
    /// The title.
    pub content_id: ContentId,
    /// When it was watched.
    #[schema(value_type = String, format = DateTime)]
    pub watched_at: Timestamp,
    /// How much of it, from 0 to 1.
    pub completion_rate: f64,
}

/// Where an entry stands: by when it was watched, then by its id.
pub(crate) type Place = (Timestamp, Uuid);

impl HistoryEntry {
    pub(crate) fn of(id: Uuid, watched: Watched) -> Self {
        let Watched { content_id, watched_at, completion_rate } = watched;
        Self { id, content_id, watched_at, completion_rate }
    }

    pub(crate) fn place(&self) -> Place {
        (self.watched_at, self.id)
    }
}

/// At most `limit` entries, those watched last first, from the one that comes after a place.
pub(crate) fn page(mut entries: Vec<HistoryEntry>, after: Option<Place>, limit: usize) -> Vec<HistoryEntry> {
    entries.retain(|entry| after.is_none_or(|after| entry.place() < after));
    entries.sort_unstable_by_key(|entry| Reverse(entry.place()));
    entries.truncate(limit);
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn said(watched_at: Option<&str>, completion_rate: Option<f64>) -> Result<Watched, HistoryError> {
        let watched_at = watched_at.map(at);
        let new = NewHistoryEntry { content_id: ContentId(Uuid::nil()), watched_at, completion_rate };
        new.checked(at("2026-03-01T12:00:00Z"))
    }

    #[test]
    fn what_is_left_out_is_now_and_all_of_it() {
        let watched = said(None, None).unwrap();
        assert_eq!((watched.watched_at, watched.completion_rate), (at("2026-03-01T12:00:00Z"), 1.0));
        assert_eq!(watched.month().to_string(), "2026-03-01");
        assert_eq!(Watched::read(&watched.write().unwrap()), Ok(watched));
    }

    #[test]
    fn nobody_watched_before_there_were_films_or_will_have() {
        for (time, known) in [
            ("1887-12-31T23:59:59Z", false),
            ("1888-01-01T00:00:00Z", true),
            ("2026-03-01T12:00:00Z", true),
            ("2026-03-01T12:00:00.000001Z", false),
        ] {
            assert_eq!(said(Some(time), None).is_ok(), known, "{time}");
        }
        for (rate, known) in [(0.0, true), (1.0, true), (-0.01, false), (1.01, false), (f64::NAN, false)] {
            assert_eq!(said(None, Some(rate)).is_ok(), known, "{rate}");
        }
    }

    proptest! {
        /// Times are few, so that many entries share one.
        #[test]
        fn pages_of_any_size_give_every_entry_once_and_the_last_first(
            times in prop::collection::vec((0..5_i64, any::<u128>()), 0..40),
            limit in 1..10_usize,
        ) {
            let entry = |(second, id): (i64, u128)| HistoryEntry {
                id: Uuid::from_u128(id),
                content_id: ContentId(Uuid::nil()),
                watched_at: Timestamp::from_second(second).unwrap(),
                completion_rate: 1.0,
            };
            let all: Vec<_> = times.into_iter().map(entry).collect();
            let (mut shown, mut after) = (Vec::new(), None);
            loop {
                let page = page(all.clone(), after, limit);
                prop_assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = Some(last.place());
                shown.extend(page);
            }
            prop_assert_eq!(shown.len(), all.len());
            prop_assert!(shown.is_sorted_by(|one, next| one.place() > next.place()));
        }
    }
}
