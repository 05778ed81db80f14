//! The rows of an input, one after the other, in bounded memory. A row that can't be read is an item like any other:
//! turned away with its place and reason. Only what makes the rest unreadable ends the iteration.

mod csv;
mod database;
mod json;
mod window;

use std::io::Read;

use crate::{InputError, Limits, RawRow, RejectReason, formats::Shape};

pub(crate) use database::{Database, DatabaseRows};

/// One row and where it stands.
#[derive(Debug)]
pub struct Row {
    /// Its number, from 1; a header is no row.
    pub number: u64,
    /// The line it starts on, from 1; 0 in a database.
    pub line: u64,
    /// Its bytes as they stand in the file; empty in a database.
    pub raw: Vec<u8>,
    /// What is in it.
    pub content: Result<RawRow, RejectReason>,
}

/// The rows of an input.
pub(crate) enum Rows {
    Csv(Box<csv::CsvRows>),
    Json(Box<json::JsonRows>),
    Database(DatabaseRows),
}

impl Rows {
    /// The rows of a text: a CSV file or JSON.
    ///
    /// # Errors
    /// `WrongHeader`, or what reading the first bytes met.
    pub fn text(
        format: &'static str,
        shape: &Shape,
        reader: Box<dyn Read + Send>,
        location: &str,
        limits: &Limits,
    ) -> Result<Self, InputError> {
        match shape {
            Shape::Csv(columns) => {
                let rows = csv::CsvRows::open(reader, format, columns, location, limits)?;
                Ok(Self::Csv(Box::new(rows)))
            }
            Shape::Json(_) => Ok(Self::Json(Box::new(json::JsonRows::open(reader, location, limits)?))),
            Shape::Database(..) => Err(InputError::Database("a database is not read as a text".to_owned())),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Json(rows) => rows.next(),
            Self::Database(rows) => rows.next(),
        }
    }
}

#[cfg(test)]
mod tests;
