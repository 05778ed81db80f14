//! The values that go into a statement: typed, also when they are null, so that both engines read them alike.

use contracts::{ApiError, ContentId, EventId, Locale, OrgId, Region, RunId};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::error::DbError;

/// One argument of a statement. A null keeps its type, which PostgreSQL needs to prepare the statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `TEXT`. A NUL character is refused: PostgreSQL can't keep one.
    Text(Option<String>),
    /// `BIGINT`; `INTEGER` in SQLite.
    Integer(Option<i64>),
    /// `DOUBLE PRECISION`; `REAL` in SQLite. NaN is refused: SQLite would keep null.
    Real(Option<f64>),
    /// `BOOLEAN`; 0 or 1 in SQLite.
    Boolean(Option<bool>),
    /// `UUID`; 16 bytes in SQLite. Both sort alike.
    Uuid(Option<Uuid>),
    /// `TIMESTAMPTZ`; fixed-width RFC 3339 text in SQLite, which sorts. Cut to microseconds.
    Timestamp(Option<Timestamp>),
    /// `DATE`; `YYYY-MM-DD` in SQLite.
    Date(Option<Date>),
    /// `NUMERIC`; text in SQLite, so don't order or add up by it in SQL.
    Decimal(Option<Decimal>),
    /// `JSONB`; text in SQLite.
    Json(Option<serde_json::Value>),
    /// `BYTEA`; `BLOB` in SQLite.
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// Refuses what one of the engines can't keep.
    pub(crate) fn check(&self) -> Result<(), DbError> {
        match self {
            Self::Text(Some(text)) if text.contains('\0') => Err(nul("a text")),
            Self::Json(Some(json)) if holds_nul(json) => Err(nul("a JSON value")),
            Self::Real(Some(number)) if !number.is_finite() => {
                Err(DbError::Value(format!("{number} is not a number that can be stored")))
            }
            _ => Ok(()),
        }
    }
}

/// A NUL comes from whoever sent the text: it is theirs to leave out, and no fault of the database.
fn nul(place: &str) -> DbError {
    ApiError::invalid("nul_character", format!("{place} holds a NUL character, which can't be kept")).into()
}

fn holds_nul(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(holds_nul),
        serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

/// A timestamp as SQLite keeps it: UTC, six digits of fraction, so that text order is time order.
pub(crate) fn timestamp_text(at: Timestamp) -> String {
    let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
    format!("{at:.6}")
}

/// `From` for a type and for an `Option` of it.
macro_rules! from {
    ($($type:ty => $variant:ident |$value:pat_param| $convert:expr;)+) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                Self::$variant(Some($convert))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map(|$value| $convert))
            }
        }
    )+};
}

from! {
    &str => Text |text| text.to_owned();
    &String => Text |text| text.clone();
    String => Text |text| text;
    Region => Text |region| region.as_str().to_owned();
    &Locale => Text |locale| locale.as_str().to_owned();
    i16 => Integer |number| i64::from(number);
    i32 => Integer |number| i64::from(number);
    i64 => Integer |number| number;
    u8 => Integer |number| i64::from(number);
    u16 => Integer |number| i64::from(number);
    u32 => Integer |number| i64::from(number);
    f64 => Real |number| number;
    bool => Boolean |flag| flag;
    Uuid => Uuid |id| id;
    ContentId => Uuid |id| id.0;
    EventId => Uuid |id| id.0;
    OrgId => Uuid |id| id.0;
    RunId => Uuid |id| id.0;
    Timestamp => Timestamp |at| at;
    Date => Date |date| date;
    Decimal => Decimal |number| number;
    serde_json::Value => Json |json| json;
    Vec<u8> => Bytes |bytes| bytes;
    &[u8] => Bytes |bytes| bytes.to_vec();
}

/// The arguments of a statement: `args![id, title, None::<i64>]` is a `Vec<Value>`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { ::std::vec![$($crate::Value::from($value)),*] };
}
