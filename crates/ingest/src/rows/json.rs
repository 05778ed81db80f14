//! Elements of a JSON array, or lines of JSON Lines: the first byte says which.
//!
//! An own splitter finds the elements, so that a broken or endless one is turned away alone: JSON texts hold no line
//! ends, so a line end within quotes is a quote too many; and an element without an end gives way to the next `{` after
//! a comma.

use std::io::{self, Read};

use serde_json::{Map, Value};

use super::{Row, window::Window};
use crate::{InputError, Limits, RawRow, RejectReason};

pub(crate) struct JsonRows {
    window: Window,
    location: String,
    lines: bool,
    number: u64,
    /// How many bytes were scanned and not used.
    wasted: usize,
    max_bytes: usize,
    max_wasted: usize,
    /// An element was broken, so brackets may be left over from it.
    astray: bool,
    done: bool,
}

/// An element at the start of the window.
enum Found {
    Whole(usize),
    /// Its quotes don't pair up, or it is too long, or the file ends in it; so many bytes were scanned.
    Broken(usize),
}

impl JsonRows {
    pub fn open(reader: Box<dyn Read + Send>, location: &str, limits: &Limits) -> Result<Self, InputError> {
        let failed = |error| InputError::from_io(location, error);
        let mut window = Window::new(reader);
        window.skip_prefix(b"\xef\xbb\xbf").map_err(failed)?;
        let first = window.skip_blanks().map_err(failed)?;
        if first == Some(b'[') {
            window.advance(1);
        }
        Ok(Self {
            window,
            location: location.to_owned(),
            lines: first != Some(b'['),
            number: 0,
            wasted: 0,
            max_bytes: limits.max_record_bytes,
            max_wasted: limits.max_wasted_bytes,
            astray: false,
            done: false,
        })
    }

    fn read(&mut self) -> Result<Option<Row>, InputError> {
        let row = if self.lines { self.read_line() } else { self.read_element() };
        row.map_err(|error| InputError::from_io(&self.location, error))
    }

    fn read_line(&mut self) -> io::Result<Option<Row>> {
        if self.window.skip_blanks()?.is_none() {
            return Ok(None);
        }
        let line = self.window.line();
        let mut seen = 0;
        loop {
            let end = self.window.bytes()[seen..].iter().position(|byte| *byte == b'\n').map(|at| seen + at);
            seen = end.unwrap_or(self.window.bytes().len());
            if seen > self.max_bytes {
                let raw = self.window.bytes()[..self.max_bytes].to_vec();
                self.window.skip_line()?;
                return Ok(Some(self.row(line, raw, Err(RejectReason::TooLong(self.max_bytes)))));
            }
            if end.is_some() || !self.window.more()? {
                let raw = self.window.bytes()[..seen].trim_ascii_end().to_vec();
                self.window.advance(seen);
                let content = object(&raw);
                return Ok(Some(self.row(line, raw, content)));
            }
        }
    }

    fn read_element(&mut self) -> io::Result<Option<Row>> {
        loop {
            let first = self.window.skip_blanks()?;
            let line = self.window.line();
            match first {
                None => return Err(InputError::CutShort(line).into()),
                Some(b',') => self.window.advance(1),
                Some(b']') => {
                    self.window.advance(1);
                    match self.window.skip_blanks()? {
                        None => return Ok(None),
                        Some(_) if self.astray => {}
                        Some(_) => return Err(InputError::OutOfStep(line).into()),
                    }
                }
                Some(b'}' | b':') if self.astray => self.window.advance(1),
                Some(_) => match self.scan()? {
                    Found::Whole(length) => {
                        let raw = self.window.bytes()[..length].to_vec();
                        self.window.advance(length);
                        let content = object(&raw);
                        return Ok(Some(self.row(line, raw, content)));
                    }
                    Found::Broken(scanned) => return self.broken(line, scanned).map(Some),
                },
            }
        }
    }

    /// Finds the end of the element at the start of the window.
    fn scan(&mut self) -> io::Result<Found> {
        let (mut depth, mut quoted, mut escaped, mut at) = (0_usize, false, false, 0);
        loop {
            while let Some(&byte) = self.window.bytes().get(at) {
                if at >= self.max_bytes || (quoted && byte == b'\n') {
                    return Ok(Found::Broken(at));
                }
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    _ if quoted => {}
                    b'{' | b'[' => depth += 1,
                    // A bare value ends where the array goes on.
                    b',' | b']' | b'}' if depth == 0 => return Ok(Found::Whole(at.max(1))),
                    b'}' | b']' if depth == 1 => return Ok(Found::Whole(at + 1)),
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
            }
            if !self.window.more()? {
                return Ok(Found::Broken(at));
            }
        }
    }

    /// Turns the broken element away, and goes on to where the next seems to start. `scanned` bytes were looked at.
    fn broken(&mut self, line: u64, scanned: usize) -> io::Result<Row> {
        self.astray = true;
        self.wasted += scanned;
        if self.wasted > self.max_wasted {
            return Err(InputError::OutOfStep(line).into());
        }
        let bytes = self.window.bytes();
        let end = next_start(bytes).unwrap_or(bytes.len()).min(self.max_bytes);
        let raw = bytes[..end].trim_ascii_end();
        let raw = raw.strip_suffix(b",").unwrap_or(raw).to_vec();
        let reason = match object(&raw) {
            Err(reason) if end < self.max_bytes => reason,
            _ => RejectReason::TooLong(self.max_bytes),
        };
        loop {
            if let Some(start) = next_start(self.window.bytes()) {
                self.window.advance(start);
                break;
            }
            // A comma at the very end may be followed by a start that is not read yet.
            let bytes = self.window.bytes().trim_ascii_end();
            let kept = usize::from(bytes.last() == Some(&b','));
            self.window.advance(bytes.len() - kept);
            if !self.window.more()? {
                break;
            }
        }
        Ok(self.row(line, raw, Err(reason)))
    }

    fn row(&mut self, line: u64, raw: Vec<u8>, content: Result<Map<String, Value>, RejectReason>) -> Row {
        self.number += 1;
        Row { number: self.number, line, raw, content: content.map(RawRow::Json) }
    }
}

impl Iterator for JsonRows {
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

/// Where, after the first byte, a `{` stands that follows a comma.
fn next_start(bytes: &[u8]) -> Option<usize> {
    let mut after_comma = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if after_comma => return Some(at),
            b',' => after_comma = true,
            byte if byte.is_ascii_whitespace() => {}
            _ => after_comma = false,
        }
    }
    None
}

fn object(raw: &[u8]) -> Result<Map<String, Value>, RejectReason> {
    let text = std::str::from_utf8(raw).map_err(|_| RejectReason::InvalidUtf8)?;
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(RejectReason::NotAnObject),
        Err(error) => Err(RejectReason::NotJson(error.to_string())),
    }
}
