//! One row of an answer, read the same way whatever the engine.

use std::borrow::Cow;

use contracts::{ContentId, EventId, OrgId, RunId};
use jiff::{Timestamp, civil::Date};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sqlx::{Column as _, Row as _};
use uuid::Uuid;

use crate::{error::DbError, postgres, sqlite};

/// One row. Columns are found by name or by position.
pub struct Row(pub(crate) Engine);

pub(crate) enum Engine {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

/// A value as an engine gave it, before it becomes what the caller asked for.
#[derive(Debug)]
pub enum Cell<'r> {
    /// Null.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(Cow<'r, str>),
    /// Bytes.
    Bytes(Cow<'r, [u8]>),
    /// True or false.
    Boolean(bool),
    /// A UUID.
    Uuid(Uuid),
    /// A point in time.
    Timestamp(Timestamp),
    /// A day.
    Date(Date),
    /// An exact decimal number.
    Decimal(Decimal),
    /// JSON.
    Json(serde_json::Value),
}

impl Row {
    /// The value of a column.
    ///
    /// # Errors
    /// `Value` when there is no such column, or its value is null or not a `T`.
    pub fn get<T: FromCell>(&self, column: &str) -> Result<T, DbError> {
        let found = match &self.0 {
            Engine::Sqlite(row) => row.try_column(column).map(|column| column.ordinal()),
            Engine::Postgres(row) => row.try_column(column).map(|column| column.ordinal()),
        };
        self.read(found?, column)
    }

    /// The value of the column at `index`, from 0.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn at<T: FromCell>(&self, index: usize) -> Result<T, DbError> {
        self.read(index, "")
    }

    /// The value of the column at `index` as the engine gave it: for files whose columns don't keep to a type.
    ///
    /// # Errors
    /// `Value` when there is no such column.
    pub fn cell(&self, index: usize) -> Result<Cell<'_>, DbError> {
        match &self.0 {
            Engine::Sqlite(row) => sqlite::cell(row, index),
            Engine::Postgres(row) => postgres::cell(row, index),
        }
    }

    fn read<T: FromCell>(&self, index: usize, name: &str) -> Result<T, DbError> {
        T::from_cell(self.cell(index)?).map_err(|what| {
            let column = if name.is_empty() { index.to_string() } else { name.to_owned() };
            DbError::Value(format!("column {column} does not hold {what}"))
        })
    }
}

/// What a value can be read as. The error says what was wanted: "a whole number".
pub trait FromCell: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// What was wanted, when the value is something else.
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str>;
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        if matches!(cell, Cell::Null) { Ok(None) } else { T::from_cell(cell).map(Some) }
    }
}

/// Reads a type from the cells that may hold it.
macro_rules! from_cell {
    ($($type:ty, $what:literal { $($pattern:pat $(if $guard:expr)? => $read:expr),+ $(,)? })+) => {$(
        impl FromCell for $type {
            fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
                let read = match cell { $($pattern $(if $guard)? => $read,)+ _ => None };
                read.ok_or($what)
            }
        }
    )+};
}

from_cell! {
    // PostgreSQL adds up BIGINT as NUMERIC.
    i64, "a whole number" { Cell::Integer(n) => Some(n), Cell::Decimal(n) if n.is_integer() => n.to_i64() }
    i32, "a small whole number" { Cell::Integer(n) => n.try_into().ok() }
    u64, "a whole number from 0" { Cell::Integer(n) => n.try_into().ok(), Cell::Decimal(n) if n.is_integer() => n.to_u64() }
    u32, "a small whole number from 0" { Cell::Integer(n) => n.try_into().ok() }
    u16, "a small whole number from 0" { Cell::Integer(n) => n.try_into().ok() }
    f64, "a number" { Cell::Real(n) => Some(n), Cell::Integer(n) => Some(n as f64), Cell::Decimal(n) => n.to_f64() }
    bool, "true or false" { Cell::Boolean(b) => Some(b), Cell::Integer(0) => Some(false), Cell::Integer(1) => Some(true) }
    String, "text" { Cell::Text(text) => Some(text.into_owned()) }
    Vec<u8>, "bytes" { Cell::Bytes(bytes) => Some(bytes.into_owned()) }
    Uuid, "a UUID" { Cell::Uuid(id) => Some(id), Cell::Bytes(bytes) => Uuid::from_slice(&bytes).ok() }
    Timestamp, "a time" { Cell::Timestamp(at) => Some(at), Cell::Text(text) => text.parse().ok() }
    Date, "a date" { Cell::Date(date) => Some(date), Cell::Text(text) => text.parse().ok() }
    Decimal, "a decimal number" {
        Cell::Decimal(n) => Some(n), Cell::Text(text) => text.parse().ok(), Cell::Integer(n) => Some(n.into()),
    }
    serde_json::Value, "JSON" { Cell::Json(json) => Some(json), Cell::Text(text) => serde_json::from_str(&text).ok() }
}

/// An id is a UUID.
macro_rules! id_from_cell {
    ($($id:ident),+) => {$(
        impl FromCell for $id {
            fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
                Uuid::from_cell(cell).map($id)
            }
        }
    )+};
}

id_from_cell!(ContentId, EventId, OrgId, RunId);

/// What a row can be read as.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// `Value` when a column is missing or holds something else.
    fn from_row(row: &Row) -> Result<Self, DbError>;
}

impl FromRow for () {
    fn from_row(_: &Row) -> Result<Self, DbError> {
        Ok(())
    }
}

/// A row of one column is its value.
macro_rules! scalar_from_row {
    ($($type:ty),+ $(,)?) => {$(
        impl FromRow for $type {
            fn from_row(row: &Row) -> Result<Self, DbError> {
                row.at(0)
            }
        }

        impl FromRow for Option<$type> {
            fn from_row(row: &Row) -> Result<Self, DbError> {
                row.at(0)
            }
        }
    )+};
}

scalar_from_row! {
    i64, i32, u64, u32, u16, f64, bool, String, Vec<u8>, Uuid, Timestamp, Date, Decimal, serde_json::Value,
    ContentId, EventId, OrgId, RunId,
}

/// A row of several columns is a tuple, by position.
macro_rules! tuple_from_row {
    ($($type:ident $index:literal),+) => {
        impl<$($type: FromCell),+> FromRow for ($($type,)+) {
            fn from_row(row: &Row) -> Result<Self, DbError> {
                Ok(($(row.at::<$type>($index)?,)+))
            }
        }
    };
}

tuple_from_row!(A 0);
tuple_from_row!(A 0, B 1);
tuple_from_row!(A 0, B 1, C 2);
tuple_from_row!(A 0, B 1, C 2, D 3);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
