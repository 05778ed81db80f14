//! Several tables that make titles together: the first lists the titles, the others lie beside it and say more.
//!
//! A row that is made of several is a JSON object with the fields of all. Rows of the tables beside that can't be read
//! are items of their own, turned away with the line of their own file.

mod episodes;
pub(crate) mod imdb;
pub(crate) mod movielens;
mod names;

use std::{collections::VecDeque, io::Read, path::Path, sync::Arc};

use serde_json::{Map, Value};

use super::{Row, csv::CsvRows};
use crate::{Context, InputError, Limits, RawRow, RejectReason};

/// Rows that are made of several tables.
pub(crate) type JoinedRows = Box<dyn Iterator<Item = Result<Row, InputError>> + Send>;

/// The first table of a format that has several.
pub(crate) struct Joined {
    /// How the name of its file begins.
    pub stem: &'static str,
    /// Its columns.
    pub columns: &'static [&'static str],
    /// How its fields are parted.
    pub dialect: Dialect,
    /// The tables that may lie beside it.
    pub beside: &'static [Beside],
    /// The one of them for which the first is read twice.
    pub twice_for: Option<&'static str>,
    /// Puts them together.
    pub join: fn(CsvRows, Vec<Table>, &Path, &Context) -> Result<JoinedRows, InputError>,
}

/// A table that may lie beside the first.
pub(crate) struct Beside {
    /// How the name of its file begins.
    pub stem: &'static str,
    /// The columns it must have.
    pub columns: &'static [&'static str],
}

/// How the fields of a table are parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Between two fields.
    pub delimiter: u8,
    /// Whether a field may stand in double quotes.
    pub quotes: bool,
}

impl Dialect {
    /// Commas and quotes (RFC 4180).
    pub const COMMAS: Self = Self { delimiter: b',', quotes: true };
    /// Tabs and no quotes, as `text/tab-separated-values`.
    pub const TABS: Self = Self { delimiter: b'\t', quotes: false };
}

/// A table that was found beside the first.
pub(crate) struct Table {
    pub stem: &'static str,
    /// What people call its file.
    pub file: String,
    pub rows: CsvRows,
}

impl Joined {
    /// Opens the tables and puts them together. `beside` has those that are there, by their stems, and the first once more
    /// where it is read twice.
    ///
    /// # Errors
    /// `WrongHeader`, `Unsorted`, or what reading the first bytes met.
    pub fn open(
        &self,
        format: &'static str,
        first: (Box<dyn Read + Send>, &str),
        beside: Vec<(&'static str, Box<dyn Read + Send>, String)>,
        (folder, context): (&Path, &Context),
        limits: &Limits,
    ) -> Result<JoinedRows, InputError> {
        let rows = CsvRows::open(first.0, format, self.columns, self.dialect, first.1, limits)?;
        let mut tables = Vec::new();
        for (stem, reader, location) in beside {
            let known = self.beside.iter().find(|known| known.stem == stem).map(|known| known.columns);
            let Some(columns) = known.or((stem == self.stem).then_some(self.columns)) else { continue };
            let rows = CsvRows::open(reader, stem, columns, self.dialect, &location, limits);
            let rows = rows.map_err(|error| error.beside(&location))?;
            tables.push(Table { stem, file: location, rows });
        }
        (self.join)(rows, tables, folder, context)
    }
}

/// The values of a row by their columns; blanks and `\N` are absent.
fn object(columns: &Arc<[String]>, values: Vec<Option<String>>) -> Map<String, Value> {
    let named = columns.iter().cloned().zip(values);
    named.filter_map(|(name, value)| Some((name, Value::String(value.filter(|text| text != "\\N")?)))).collect()
}

/// How many rows of a table beside that can't be read are turned away one by one, before the whole file is.
const MAX_FAULTS: usize = 10_000;

/// A row with its key.
type Keyed = (String, Map<String, Value>);

/// A table in the order of its key, read along with the first.
struct Sorted {
    table: Table,
    key: &'static str,
    ahead: Option<Keyed>,
    last: String,
    ended: bool,
}

/// The most rows of one title that are kept of a table; a source's list of people ends long before.
const MAX_ROWS_A_KEY: usize = 400;

impl Sorted {
    fn new(table: Table, key: &'static str) -> Self {
        Self { table, key, ahead: None, last: String::new(), ended: false }
    }

    /// The rows with this key; those of earlier keys are let go. Rows that can't be read go to `faults`.
    fn take(&mut self, key: &str, faults: &mut VecDeque<Row>) -> Result<Vec<Map<String, Value>>, InputError> {
        let mut found = Vec::new();
        loop {
            if self.ahead.is_none() {
                self.ahead = self.read(faults)?;
            }
            match &self.ahead {
                Some((own, _)) if own.as_str() > key => return Ok(found),
                None => return Ok(found),
                Some(_) => {}
            }
            if let Some((own, fields)) = self.ahead.take()
                && own == key
                && found.len() < MAX_ROWS_A_KEY
            {
                found.push(fields);
            }
        }
    }

    fn read(&mut self, faults: &mut VecDeque<Row>) -> Result<Option<Keyed>, InputError> {
        while !self.ended {
            let Some(row) = self.table.rows.next() else { break };
            let row = row.map_err(|error| error.beside(&self.table.file))?;
            let fields = match row.content {
                Ok(RawRow::Fields { columns, values }) => object(&columns, values),
                content => {
                    faults.push_back(beside(self.table.stem, Row { content, ..row }));
                    continue;
                }
            };
            let key = fields.get(self.key).and_then(Value::as_str).unwrap_or_default().to_owned();
            if key < self.last {
                return Err(InputError::Unsorted { stem: self.table.stem, line: row.line });
            }
            self.last.clone_from(&key);
            return Ok(Some((key, fields)));
        }
        self.ended = true;
        Ok(None)
    }
}

/// A row of a table beside, as an item to turn away.
fn beside(stem: &'static str, row: Row) -> Row {
    let reason = match row.content {
        Err(reason) => reason,
        Ok(_) => RejectReason::NotAnObject,
    };
    Row { content: Err(RejectReason::Beside { file: stem, reason: Box::new(reason) }), ..row }
}

#[cfg(test)]
mod tests;
