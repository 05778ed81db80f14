//! Rows of a query on somebody else's SQLite file.

use std::{collections::VecDeque, path::Path, sync::Arc};

use futures::StreamExt;
use stores::{Cell, DbError, Foreign};
use tokio::sync::mpsc;

use super::Row;
use crate::{InputError, Limits, RawRow, RejectReason};

const BATCH: usize = 500;

/// A SQLite file that has the tables a format needs.
pub(crate) struct Database(Foreign);

/// Its rows; a task reads ahead by a batch or two.
pub(crate) struct DatabaseRows {
    batches: mpsc::Receiver<Result<Vec<stores::Row>, DbError>>,
    ready: VecDeque<stores::Row>,
    columns: Option<Arc<[String]>>,
    names: &'static [&'static str],
    number: u64,
    max_bytes: usize,
}

impl Database {
    /// Opens a file and holds it to the tables a format has.
    ///
    /// # Errors
    /// `WrongHeader` naming the tables that are missing, `Database` for a damaged file.
    pub async fn open(path: &Path, format: &'static str, tables: &[&str]) -> Result<Self, InputError> {
        let foreign = Foreign::open(path).await.map_err(failed)?;
        let found = foreign.tables().await.map_err(failed)?;
        let missing: Vec<String> = tables
            .iter()
            .filter(|table| !found.iter().any(|name| name == *table))
            .map(|t| format!("table {t}"))
            .collect();
        if missing.is_empty() {
            Ok(Self(foreign))
        } else {
            Err(InputError::WrongHeader { format, missing, hint: String::new() })
        }
    }

    /// Runs a query that gives `names` as its columns.
    ///
    /// # Errors
    /// `Database` when it can't be run, as when a column is missing: found before any row is taken.
    pub async fn rows(
        self,
        query: &'static str,
        names: &'static [&'static str],
        limits: &Limits,
    ) -> Result<DatabaseRows, InputError> {
        let (sender, mut batches) = mpsc::channel(2);
        tokio::spawn(async move {
            let mut rows = self.0.rows(query, Vec::new(), BATCH);
            while let Some(batch) = rows.next().await {
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
        });
        // The first batch says whether the query fits the file.
        let ready = match batches.recv().await {
            Some(batch) => batch.map_err(failed)?.into(),
            None => VecDeque::new(),
        };
        Ok(DatabaseRows { batches, ready, columns: None, names, number: 0, max_bytes: limits.max_record_bytes })
    }
}

impl Iterator for DatabaseRows {
    type Item = Result<Row, InputError>;

    /// Blocks: call it on a thread of its own.
    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            match self.batches.blocking_recv()? {
                Ok(batch) => self.ready = batch.into(),
                Err(error) => return Some(Err(failed(error))),
            }
        }
        let row = self.ready.pop_front()?;
        self.number += 1;
        let columns = self.columns.get_or_insert_with(|| self.names.iter().map(|name| (*name).to_owned()).collect());
        let content = values(&row, columns.len(), self.max_bytes)
            .map(|values| RawRow::Fields { columns: columns.clone(), values });
        Some(Ok(Row { number: self.number, line: 0, raw: Vec::new(), content }))
    }
}

fn values(row: &stores::Row, width: usize, max_bytes: usize) -> Result<Vec<Option<String>>, RejectReason> {
    let values: Vec<Option<String>> = (0..width).map(|index| text(row, index)).collect::<Result<_, _>>()?;
    let bytes: usize = values.iter().flatten().map(String::len).sum();
    if bytes > max_bytes { Err(RejectReason::TooLong(max_bytes)) } else { Ok(values) }
}

fn text(row: &stores::Row, index: usize) -> Result<Option<String>, RejectReason> {
    // Only text that is not UTF-8 can't be had as a cell.
    match row.cell(index).map_err(|_| RejectReason::InvalidUtf8)? {
        Cell::Null => Ok(None),
        Cell::Integer(number) => Ok(Some(number.to_string())),
        Cell::Real(number) => Ok(Some(number.to_string())),
        Cell::Text(text) => Ok(Some(text.into_owned())),
        Cell::Bytes(bytes) => String::from_utf8(bytes.into_owned()).map(Some).map_err(|_| RejectReason::InvalidUtf8),
        other => Ok(Some(format!("{other:?}"))),
    }
}

fn failed(error: DbError) -> InputError {
    match error {
        DbError::Full => InputError::DiskFull,
        other => InputError::Database(other.to_string()),
    }
}
