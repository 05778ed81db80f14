//! A bounded window on a stream: what was read and not yet let go.

use std::io::{self, Read};

const CHUNK_BYTES: usize = 64 << 10;

/// Holds the bytes of the row being read, so that reading can go back to its start.
pub(super) struct Window {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
    /// How many line ends were let go, plus one.
    line: u64,
}

impl Window {
    pub fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, buffer: Vec::new(), start: 0, ended: false, line: 1 }
    }

    /// What is there.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// The line on which the window starts, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Reads more; false at the end of the stream. The caller bounds how often: the window grows by at most a chunk.
    pub fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let length = self.buffer.len();
        self.buffer.resize(length + CHUNK_BYTES, 0);
        let count = loop {
            match self.source.read(&mut self.buffer[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.buffer.truncate(length + *count.as_ref().unwrap_or(&0));
        let count = count?;
        self.ended = count == 0;
        Ok(!self.ended)
    }

    /// Lets the first `count` bytes go.
    pub fn advance(&mut self, count: usize) {
        let gone = &self.buffer[self.start..self.start + count];
        self.line += gone.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.start += count;
    }

    /// The bytes at the start, when they are all of `prefix`, go.
    pub fn skip_prefix(&mut self, prefix: &[u8]) -> io::Result<()> {
        while self.bytes().len() < prefix.len() && self.more()? {}
        if self.bytes().starts_with(prefix) {
            self.advance(prefix.len());
        }
        Ok(())
    }

    /// The first byte that is no blank, after letting blanks go; `None` at the end.
    pub fn skip_blanks(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.bytes().iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(at) => {
                    self.advance(at);
                    return Ok(self.bytes().first().copied());
                }
                None => {
                    self.advance(self.bytes().len());
                    if !self.more()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Lets everything go up to and including the next line end.
    pub fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(at) = self.bytes().iter().position(|byte| *byte == b'\n') {
                self.advance(at + 1);
                return Ok(());
            }
            self.advance(self.bytes().len());
            if !self.more()? {
                return Ok(());
            }
        }
    }
}
