//! What an adapter must know beside the row.

use std::sync::Arc;

use contracts::Region;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{Mapping, RejectReason, platforms::Service, row::RawRow};

/// The year of the oldest film that survives is 1888; a little earlier leaves room for a source's estimate.
pub(crate) const FIRST_YEAR: i16 = 1870;
/// How many years ahead a title may be announced.
pub(crate) const YEARS_AHEAD: i16 = 10;

/// What an adapter must know beside the row.
#[derive(Clone, Debug)]
pub struct Context {
    /// The service whose catalogue this is, for formats that are one service's catalogue.
    pub service: Option<&'static Service>,
    /// Where the offers hold.
    pub region: Region,
    /// The day on which the input was true.
    pub as_of: Date,
    /// Whether the operator said so; otherwise `as_of` is the day of the first ingest.
    pub as_of_stated: bool,
    /// Which column is what, for an operator's own file.
    pub mapping: Option<Arc<Mapping>>,
}

impl Context {
    /// When the input was last known to be true: the first moment of `as_of` in UTC.
    pub fn checked_at(&self) -> Timestamp {
        midnight(self.as_of)
    }

    /// How much an offer of a service's own list is believed: 0.9 when the operator vouched for its date, else 0.6.
    /// It says nothing of age: whoever reads it weighs `checked_at` against the present.
    pub fn offer_confidence(&self) -> f64 {
        if self.as_of_stated { 0.9 } else { 0.6 }
    }

    /// The last year a title may bear.
    pub(crate) fn last_year(&self) -> i16 {
        self.as_of.year().saturating_add(YEARS_AHEAD)
    }

    /// A year between 1870 and ten years after `as_of`; `None` where the field is blank.
    ///
    /// # Errors
    /// `Malformed` or `OutOfRange`.
    pub fn year(&self, row: &RawRow, field: &'static str) -> Result<Option<u16>, RejectReason> {
        let Some(year) = row.number::<i64>(field, "a year")? else { return Ok(None) };
        self.checked_year(field, year).map(Some)
    }

    /// A year between 1870 and ten years after `as_of`.
    ///
    /// # Errors
    /// `OutOfRange`.
    pub(crate) fn checked_year(&self, field: &'static str, year: i64) -> Result<u16, RejectReason> {
        let range = i64::from(FIRST_YEAR)..=i64::from(self.last_year());
        let found = u16::try_from(year).ok().filter(|_| range.contains(&year));
        found.ok_or_else(|| RejectReason::OutOfRange {
            field,
            value: year.to_string(),
            from: range.start().to_string(),
            to: range.end().to_string(),
        })
    }
}

/// The first moment of a day in UTC.
pub(crate) fn midnight(day: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).unwrap_or(Timestamp::UNIX_EPOCH)
}
