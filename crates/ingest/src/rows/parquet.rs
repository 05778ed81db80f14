//! Rows of a Parquet file, read without Arrow: a row is a JSON object of its columns.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use parquet::{
    errors::ParquetError,
    file::{reader::FileReader, serialized_reader::SerializedFileReader},
    record::reader::RowIter,
};
use serde_json::Value;

use super::Row;
use crate::{InputError, Limits, Mapping, RawRow, RejectReason};

/// The rows of a file that lies on the disk.
pub(crate) struct ParquetRows {
    rows: RowIter<'static>,
    number: u64,
    max_bytes: usize,
    done: bool,
}

impl ParquetRows {
    /// Opens a file and holds what it claims to unpack to to the bounds, and its columns to the mapping.
    ///
    /// # Errors
    /// `Parquet` for a damaged file or a packing we don't know, `UnpacksTooLarge`, `Mapping`.
    pub fn open(mapping: &Mapping, path: &Path, limits: &Limits) -> Result<Self, InputError> {
        let file = File::open(path).map_err(|error| InputError::from_io("the input", error))?;
        let reader = guarded(|| SerializedFileReader::new(file))?;
        let claimed = reader.metadata().row_groups().iter().try_fold(0_u64, |sum, group| {
            let bytes = u64::try_from(group.total_byte_size()).ok()?;
            sum.checked_add(bytes)
        });
        if claimed.is_none_or(|bytes| bytes > limits.max_unpacked_bytes) {
            return Err(InputError::UnpacksTooLarge(limits.max_unpacked_bytes));
        }
        let columns = guarded(|| {
            let fields = reader.metadata().file_metadata().schema().get_fields();
            Ok(fields.iter().map(|field| field.name().to_owned()).collect::<Vec<_>>())
        })?;
        mapping.fits(&columns, true)?;
        let rows = guarded(|| Ok(RowIter::from_file_into(Box::new(reader))))?;
        Ok(Self { rows, number: 0, max_bytes: limits.max_record_bytes, done: false })
    }
}

impl Iterator for ParquetRows {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let row = match guarded(|| self.rows.next().transpose()) {
            Ok(Some(row)) => row,
            Ok(None) => {
                self.done = true;
                return None;
            }
            // What is packed in pages can't be read on after a broken one.
            Err(error) => {
                self.done = true;
                return Some(Err(error));
            }
        };
        self.number += 1;
        let content = match row.to_json_value() {
            Value::Object(fields) if bytes(&fields) <= self.max_bytes => Ok(RawRow::Json(fields)),
            Value::Object(_) => Err(RejectReason::TooLong(self.max_bytes)),
            _ => Err(RejectReason::NotAnObject),
        };
        Some(Ok(Row { number: self.number, line: 0, raw: Vec::new(), content }))
    }
}

fn bytes(fields: &serde_json::Map<String, Value>) -> usize {
    fn of(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(of).sum(),
            Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + of(value)).sum(),
            _ => 8,
        }
    }
    fields.values().map(of).sum()
}

/// The reader panics at some damaged files and some rare types: for us both are a file that can't be read.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, InputError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| InputError::Parquet(error.to_string())),
        Err(_) => Err(InputError::Parquet("it is damaged, or has columns of a type that is not known".to_owned())),
    }
}
