//! The rows of an input, one after the other, in bounded memory. A row that can't be read is an item like any other:
//! turned away with its place and reason. Only what makes the rest unreadable ends the iteration.

mod csv;
mod database;
mod joined;
mod json;
mod parquet;
mod window;

use std::{io::Read, path::Path};

use crate::{InputError, Limits, Mapping, RawRow, RejectReason, formats::Shape};

pub(crate) use database::{Database, DatabaseRows};
pub(crate) use joined::{Dialect, Joined, JoinedRows, imdb::IMDB, movielens::MOVIELENS};

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
    Joined(JoinedRows),
    Parquet(Box<parquet::ParquetRows>),
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
                let rows = csv::CsvRows::open(reader, format, columns, Dialect::COMMAS, location, limits)?;
                Ok(Self::Csv(Box::new(rows)))
            }
            Shape::Json(_) => Ok(Self::Json(Box::new(json::JsonRows::open(reader, location, limits)?))),
            _ => Err(InputError::Database("this format is not read as a text".to_owned())),
        }
    }

    /// The rows of an operator's own text: JSON when it begins like it, else a table.
    ///
    /// # Errors
    /// As [`Rows::text`], and `Mapping` for a column that the table does not have.
    pub fn mapped(
        mapping: &Mapping,
        head: &[u8],
        reader: Box<dyn Read + Send>,
        location: &str,
        limits: &Limits,
    ) -> Result<Self, InputError> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        if matches!(head.first(), Some(b'[' | b'{')) {
            return Ok(Self::Json(Box::new(json::JsonRows::open(reader, location, limits)?)));
        }
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = |sign: &u8| line.iter().filter(|byte| *byte == sign).count();
        // The last of equals wins: a comma where nothing parts anything.
        let found = [b'|', b';', b'\t', b','].into_iter().max_by_key(count).unwrap_or(b',');
        let delimiter = mapping.delimiter.and_then(|sign| u8::try_from(sign).ok()).unwrap_or(found);
        let dialect = Dialect { delimiter, quotes: true };
        let rows = csv::CsvRows::open(reader, "mapped", &mapping.needed(), dialect, location, limits)?;
        mapping.fits(rows.columns(), false)?;
        Ok(Self::Csv(Box::new(rows)))
    }

    /// The rows of a Parquet file on the disk.
    ///
    /// # Errors
    /// `Parquet`, `UnpacksTooLarge`, and `Mapping` for a column that the file does not have.
    pub fn parquet(mapping: &Mapping, path: &Path, limits: &Limits) -> Result<Self, InputError> {
        Ok(Self::Parquet(Box::new(parquet::ParquetRows::open(mapping, path, limits)?)))
    }
}

impl Iterator for Rows {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Json(rows) => rows.next(),
            Self::Database(rows) => rows.next(),
            Self::Joined(rows) => rows.next(),
            Self::Parquet(rows) => rows.next(),
        }
    }
}

#[cfg(test)]
mod tests;
