//! Rows of a CSV file (RFC 4180), parsed by `csv-core`.
//!
//! A quote that is never closed would eat the rest of the file. So a row is bounded, and when one is too long, or spans
//! lines and has the wrong number of fields, only its first line is turned away and reading goes on at the next.

use std::{io::Read, sync::Arc};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{Dialect, Row, window::Window};
use crate::{InputError, Limits, RawRow, RejectReason, mapping::MAX_TOLD, text};

pub(crate) struct CsvRows {
    window: Window,
    parser: Reader,
    location: String,
    columns: Arc<[String]>,
    number: u64,
    /// How many bytes were parsed and not used.
    wasted: usize,
    max_bytes: usize,
    max_wasted: usize,
    fields: Vec<u8>,
    ends: Vec<usize>,
    done: bool,
}

/// What was found at the start of the window.
enum Found {
    /// A row of so many bytes.
    Row(usize),
    TooLong,
    End,
}

impl CsvRows {
    /// Reads the header and holds it to the columns a format has; others may stand beside them.
    pub fn open(
        reader: Box<dyn Read + Send>,
        format: &'static str,
        needed: &[&str],
        dialect: Dialect,
        location: &str,
        limits: &Limits,
    ) -> Result<Self, InputError> {
        let mut rows = Self {
            window: Window::new(reader),
            parser: ReaderBuilder::new().delimiter(dialect.delimiter).quoting(dialect.quotes).build(),
            location: location.to_owned(),
            columns: Arc::new([]),
            number: 0,
            wasted: 0,
            max_bytes: limits.max_record_bytes,
            max_wasted: limits.max_wasted_bytes,
            fields: vec![0; 4096],
            ends: vec![0; 64],
            done: false,
        };
        let failed = |error| InputError::from_io(location, error);
        rows.window.skip_prefix(b"\xef\xbb\xbf").map_err(failed)?;
        rows.window.skip_blanks().map_err(failed)?;
        let header = match rows.parse()? {
            Found::Row(length) => {
                let values = rows.values().map_err(|_| wrong(format, needed, dialect, &[]))?;
                rows.window.advance(length);
                values
            }
            Found::TooLong | Found::End => return Err(wrong(format, needed, dialect, &[])),
        };
        let header: Vec<String> = header.into_iter().map(|name| name.trim().to_owned()).collect();
        if needed.iter().any(|column| !header.iter().any(|name| name == column)) {
            return Err(wrong(format, needed, dialect, &header));
        }
        rows.columns = header.into();
        Ok(rows)
    }

    /// The names in the header.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Parses the row at the start of the window into `fields` and `ends`.
    fn parse(&mut self) -> Result<Found, InputError> {
        self.parser.reset();
        let (mut at, mut written, mut count) = (0, 0, 0);
        loop {
            if at > self.max_bytes {
                return Ok(Found::TooLong);
            }
            if at == self.window.bytes().len() {
                // At the end of the stream the parser is told so by an empty input.
                self.window.more().map_err(|error| InputError::from_io(&self.location, error))?;
            }
            let input = &self.window.bytes()[at..];
            let (result, read, wrote, ended) =
                self.parser.read_record(input, &mut self.fields[written..], &mut self.ends[count..]);
            (at, written, count) = (at + read, written + wrote, count + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    self.ends.truncate(count);
                    return Ok(if at > self.max_bytes { Found::TooLong } else { Found::Row(at) });
                }
                ReadRecordResult::End => return Ok(Found::End),
            }
        }
    }

    /// The fields of the row just parsed.
    fn values(&mut self) -> Result<Vec<String>, RejectReason> {
        let mut from = 0;
        let mut values = Vec::with_capacity(self.ends.len());
        for end in &self.ends {
            let text = std::str::from_utf8(&self.fields[from..*end]).map_err(|_| RejectReason::InvalidUtf8)?;
            values.push(text.to_owned());
            from = *end;
        }
        self.ends.resize(64.max(self.ends.len()), 0);
        Ok(values)
    }

    fn read(&mut self) -> Result<Option<Row>, InputError> {
        let failed = |location: &str, error| InputError::from_io(location, error);
        if self.window.skip_blanks().map_err(|error| failed(&self.location, error))?.is_none() {
            return Ok(None);
        }
        let line = self.window.line();
        let found = self.parse()?;
        let (length, content) = match found {
            Found::End => return Ok(None),
            Found::TooLong => {
                self.waste(self.max_bytes, line)?;
                (None, Err(RejectReason::TooLong(self.max_bytes)))
            }
            Found::Row(length) => {
                let found = self.ends.len();
                let expected = self.columns.len();
                let spans_lines = self.window.bytes()[..length].trim_ascii_end().contains(&b'\n');
                let values = self.values();
                if found == expected {
                    (Some(length), values.map(|values| self.row(values)))
                } else if spans_lines {
                    self.waste(length, line)?;
                    (None, Err(RejectReason::FieldCount { found, expected }))
                } else {
                    (Some(length), Err(RejectReason::FieldCount { found, expected }))
                }
            }
        };
        self.number += 1;
        let raw = self.let_go(length)?;
        Ok(Some(Row { number: self.number, line, raw, content }))
    }

    fn waste(&mut self, bytes: usize, line: u64) -> Result<(), InputError> {
        self.wasted += bytes;
        if self.wasted > self.max_wasted { Err(InputError::OutOfStep(line)) } else { Ok(()) }
    }

    fn row(&self, values: Vec<String>) -> RawRow {
        RawRow::Fields { columns: self.columns.clone(), values: values.into_iter().map(Some).collect() }
    }

    /// Goes beyond the row: by its length, or where it has no end we trust, to the next line.
    fn let_go(&mut self, length: Option<usize>) -> Result<Vec<u8>, InputError> {
        let bytes = self.window.bytes();
        let newline = || bytes.iter().position(|byte| *byte == b'\n');
        let end = length.or_else(newline).unwrap_or(bytes.len());
        let raw = bytes[..end].trim_ascii_end().to_vec();
        self.window.advance(end);
        if length.is_none() {
            // A single line may be longer than the window: the rest of it belongs to what was turned away.
            self.window.skip_line().map_err(|error| InputError::from_io(&self.location, error))?;
        }
        Ok(raw)
    }
}

impl Iterator for CsvRows {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

fn wrong(format: &'static str, needed: &[&str], dialect: Dialect, header: &[String]) -> InputError {
    let missing = needed.iter().filter(|column| !header.iter().any(|name| name == *column));
    let own = char::from(dialect.delimiter);
    let others = [',', ';', '\t', '|'].into_iter().filter(|sign| *sign != own);
    let parted_by = others.into_iter().find(|sign| header.len() < 3 && header.iter().any(|name| name.contains(*sign)));
    let expected = if own == ',' { "commas".to_owned() } else { format!("{own:?}") };
    let hint = match parted_by {
        Some(sign) => format!("; its fields are parted by {:?}, not by {expected}", sign.to_string()),
        None if header.is_empty() => String::new(),
        None => format!("; its columns are {}", text::columns(header, MAX_TOLD)),
    };
    InputError::WrongHeader { format, missing: missing.map(|column| (*column).to_owned()).collect(), hint }
}
