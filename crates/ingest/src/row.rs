//! One row of an input before an adapter has read it, and why a row may be turned away.

use std::{str::FromStr, sync::Arc};

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::text;

/// Why one row is turned away; the run goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's sentence says what it is")]
pub enum RejectReason {
    #[error("the row is not valid UTF-8")]
    InvalidUtf8,
    #[error("the row has {found} fields, the header {expected}")]
    FieldCount { found: usize, expected: usize },
    #[error("the row is longer than {0} bytes or never ends")]
    TooLong(usize),
    #[error("a quote in the row is not closed where its field ends")]
    OpenQuote,
    #[error("the row is not valid JSON ({0})")]
    NotJson(String),
    #[error("the row is not a JSON object")]
    NotAnObject,
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{field} is missing: the row has no {column:?}, but {has}")]
    NoColumn { field: &'static str, column: String, has: String },
    #[error("{field} is {value:?}, which is not {expected}")]
    Malformed { field: &'static str, value: String, expected: &'static str },
    #[error("{field} is {value}, outside {from} to {to}")]
    OutOfRange { field: &'static str, value: String, from: String, to: String },
    #[error("{field} is {value}, after {latest}, the day this was known")]
    InTheFuture { field: &'static str, value: Date, latest: Date },
    #[error("{field} has {found} characters, more than {limit}")]
    TooManyCharacters { field: &'static str, found: usize, limit: usize },
    #[error("{field} has {found} entries, more than {limit}")]
    TooManyEntries { field: &'static str, found: usize, limit: usize },
    #[error("its series has {limit} {field} already, the most that are kept")]
    NoRoom { field: &'static str, limit: usize },
    #[error("it is a {0}, which is no title of its own here")]
    NotATitle(String),
    #[error("{key:?} is part of {parent:?}, which is part of {key:?}: a loop")]
    Loop { key: String, parent: String },
    #[error("it is a {kind}, and no part of {parent:?}: only a season or an episode is part of another")]
    NoPart { kind: &'static str, parent: String },
    #[error("it is {what} of {parent:?}, and no such {of} was taken in")]
    Orphan { what: &'static str, of: &'static str, parent: String },
    #[error("the seasons and episodes of this input take more than {0} bytes")]
    TooManyParts(usize),
    #[error("in {file}: {reason}")]
    Beside { file: &'static str, reason: Box<RejectReason> },
    #[error("duplicate id {0:?}: an earlier row of this input has it with other content")]
    DuplicateId(String),
}

impl RejectReason {
    /// Whether the row is passed by on purpose: it is well, and nothing for a catalogue of titles.
    pub(crate) fn is_passed_by(&self) -> bool {
        matches!(self, Self::NotATitle(_))
    }
}

/// One row as its file has it: named fields of a table, or a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub enum RawRow {
    /// A row of a CSV file or of a query.
    Fields {
        /// The columns' names.
        columns: Arc<[String]>,
        /// As many values.
        values: Vec<Option<String>>,
    },
    /// An element of a JSON array, or a line of JSON Lines.
    Json(Map<String, Value>),
}

impl RawRow {
    /// A field as a cleaned, non-empty text. Numbers of JSON are texts too.
    pub fn text(&self, field: &str) -> Option<String> {
        let text = match self {
            Self::Fields { columns, values } => {
                let index = columns.iter().position(|column| column == field)?;
                text::clean(values.get(index)?.as_deref()?)
            }
            Self::Json(object) => match object.get(field)? {
                Value::String(text) => text::clean(text),
                Value::Number(number) => number.to_string(),
                _ => return None,
            },
        };
        (!text.is_empty()).then_some(text)
    }

    /// A field as a cleaned, non-empty text, or the reason to turn the row away.
    ///
    /// # Errors
    /// `Missing`.
    pub fn required(&self, field: &'static str) -> Result<String, RejectReason> {
        self.text(field).ok_or(RejectReason::Missing(field))
    }

    /// A list: a JSON array of texts, or a text with commas.
    pub fn list(&self, field: &str) -> Vec<String> {
        self.array(field).unwrap_or_else(|| self.text(field).map(|text| text::list(&text)).unwrap_or_default())
    }

    /// As [`RawRow::list`], for names of people.
    pub fn names(&self, field: &str) -> Vec<String> {
        self.array(field).unwrap_or_else(|| self.text(field).map(|text| text::names(&text)).unwrap_or_default())
    }

    fn array(&self, field: &str) -> Option<Vec<String>> {
        match self {
            Self::Json(object) => match object.get(field)? {
                Value::Array(items) => Some(text::unique(items.iter().filter_map(Value::as_str).map(text::clean))),
                _ => None,
            },
            Self::Fields { .. } => None,
        }
    }

    /// A number; `None` where the field is blank.
    ///
    /// # Errors
    /// `Malformed` when it is something else; `expected` says what it should be.
    pub fn number<T: FromStr>(&self, field: &'static str, expected: &'static str) -> Result<Option<T>, RejectReason> {
        let Some(value) = self.text(field) else { return Ok(None) };
        // SQLite gives 90.0 for a REAL column of whole minutes.
        let digits = value.strip_suffix(".0").unwrap_or(&value);
        digits.parse().map(Some).map_err(|_| RejectReason::Malformed { field, value, expected })
    }
}
