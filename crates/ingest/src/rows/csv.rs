//! Rows of a CSV file (RFC 4180), parsed by `csv-core`.
//!
//! A quote that is never closed would eat the rest of the file. So a row is bounded, and when one is too long, or spans
//! lines and has the wrong number of fields or a quote that closes within a field, only its first line is turned away
//! and reading goes on at the next. So it does where a quote is open at the end of the file; the file was cut short in
//! it when no good row follows.

use std::{io::Read, sync::Arc};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{Dialect, Row, window::Window};
use crate::{InputError, Limits, RawRow, RejectReason, mapping::MAX_TOLD, text};

pub(crate) struct CsvRows {
    window: Window,
    parser: Reader,
    dialect: Dialect,
    location: String,
    columns: Arc<[String]>,
    number: u64,
    /// How many bytes were parsed and not used.
    wasted: usize,
    /// The line of a row whose quote is open at the end of the input, until a good row follows it.
    open: Option<u64>,
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
    /// The input ends after so many bytes, within a quote.
    Open(usize),
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
            dialect,
            location: location.to_owned(),
            columns: Arc::new([]),
            number: 0,
            wasted: 0,
            open: None,
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
            Found::Open(_) | Found::TooLong | Found::End => return Err(wrong(format, needed, dialect, &[])),
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
            let all = at == self.window.bytes().len()
                && !self.window.more().map_err(|error| InputError::from_io(&self.location, error))?;
            // At the end of the stream the parser gets one more line end, which ends every row but one whose quote is
            // open. An empty input, by which it is told of the end, would end that one too.
            let input = if all { b"\n".as_slice() } else { &self.window.bytes()[at..] };
            let (result, read, wrote, ended) =
                self.parser.read_record(input, &mut self.fields[written..], &mut self.ends[count..]);
            (written, count) = (written + wrote, count + ended);
            if !all {
                at += read;
            }
            match result {
                ReadRecordResult::InputEmpty if !all => {}
                ReadRecordResult::InputEmpty if at > 0 => return Ok(Found::Open(at)),
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    self.ends.truncate(count);
                    return Ok(if at > self.max_bytes { Found::TooLong } else { Found::Row(at) });
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return Ok(Found::End),
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
        let first = self.window.skip_blanks().map_err(|error| InputError::from_io(&self.location, error))?;
        let line = self.window.line();
        let found = if first.is_some() { self.parse()? } else { Found::End };
        let (length, content) = match found {
            Found::End => return self.open.map_or(Ok(None), |line| Err(InputError::CutShort(line))),
            Found::TooLong => {
                self.waste(self.max_bytes, line)?;
                (None, Err(RejectReason::TooLong(self.max_bytes)))
            }
            Found::Open(length) => {
                self.waste(length, line)?;
                self.open = self.open.or(Some(line));
                (None, Err(RejectReason::OpenQuote))
            }
            Found::Row(length) => {
                let (content, is_trusted) = self.judge(length);
                if !is_trusted {
                    self.waste(length, line)?;
                }
                (is_trusted.then_some(length), content)
            }
        };
        if content.is_ok() {
            self.open = None;
        }
        self.number += 1;
        let raw = self.let_go(length)?;
        Ok(Some(Row { number: self.number, line, raw, content }))
    }

    /// What the row just parsed holds, and whether it ends where it seems to: one that spans lines and is wrong may
    /// have taken later rows in.
    fn judge(&mut self, length: usize) -> (Result<RawRow, RejectReason>, bool) {
        let (found, expected) = (self.ends.len(), self.columns.len());
        let raw = self.window.bytes()[..length].trim_ascii_end();
        let spans_lines = raw.contains(&b'\n');
        let runs_on = spans_lines && self.dialect.quotes && runs_on(raw, self.dialect.delimiter);
        let values = self.values();
        let content = if runs_on {
            Err(RejectReason::OpenQuote)
        } else if found == expected {
            values.map(|values| self.row(values))
        } else {
            Err(RejectReason::FieldCount { found, expected })
        };
        (content, !runs_on && (found == expected || !spans_lines))
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

/// Whether a quoted field of the row goes over a line end and is closed where no field ends: nobody closed it then, and
/// the quote that did opens a field of a later row.
fn runs_on(row: &[u8], delimiter: u8) -> bool {
    let (mut is_quoted, mut spans_lines, mut at_start) = (false, false, true);
    let mut bytes = row.iter().copied().peekable();
    // Two quotes, one after the other, are one that is written in the field.
    while let Some(byte) = bytes.next() {
        if !is_quoted {
            (is_quoted, spans_lines) = (at_start && byte == b'"', false);
            at_start = byte == delimiter;
        } else if byte == b'\n' {
            spans_lines = true;
        } else if byte == b'"' && bytes.next_if_eq(&b'"').is_none() {
            if spans_lines && bytes.peek().is_some_and(|next| *next != delimiter) {
                return true;
            }
            is_quoted = false;
        }
    }
    false
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
