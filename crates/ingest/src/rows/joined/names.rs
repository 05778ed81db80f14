//! Names by their numbers, spilled to two files: one of all the names, one of where each begins.
//!
//! The full list of IMDb has fourteen million people, whose names would fill a gigabyte of memory; what is asked for
//! often stays in the system's page cache anyway.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// The largest number that is kept: it bounds the file of positions, which is sparse where numbers are.
const MAX_NUMBER: u64 = 1 << 30;
const SLOT: u64 = 8;
/// How many bytes of names are gathered before they are written.
const BUFFER: usize = 1 << 20;

pub(super) struct Names {
    starts: File,
    names: File,
    buffer: Vec<u8>,
    written: u64,
}

impl Names {
    /// Two files without names in `folder`: they are gone once this is dropped, or the process is.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let (starts, names) = (tempfile::tempfile_in(folder)?, tempfile::tempfile_in(folder)?);
        Ok(Self { starts, names, buffer: Vec::new(), written: 0 })
    }

    /// Keeps a name; false for a number that is too large.
    pub fn put(&mut self, number: u64, name: &str) -> io::Result<bool> {
        let Ok(length) = u16::try_from(name.len()) else { return Ok(false) };
        if number > MAX_NUMBER {
            return Ok(false);
        }
        let start = self.written + self.buffer.len() as u64;
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(name.as_bytes());
        if self.buffer.len() > BUFFER {
            self.flush()?;
        }
        self.starts.seek(SeekFrom::Start(number * SLOT))?;
        // Zero is a slot that was never written.
        self.starts.write_all(&(start + 1).to_le_bytes())?;
        Ok(true)
    }

    /// Writes what was gathered: to be called after the last name.
    pub fn flush(&mut self) -> io::Result<()> {
        self.names.seek(SeekFrom::Start(self.written))?;
        self.names.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// The name with this number.
    pub fn get(&mut self, number: u64) -> io::Result<Option<String>> {
        let mut slot = [0; 8];
        self.starts.seek(SeekFrom::Start(number.min(MAX_NUMBER + 1) * SLOT))?;
        match self.starts.read_exact(&mut slot) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let Some(start) = u64::from_le_bytes(slot).checked_sub(1) else { return Ok(None) };
        let mut length = [0; 2];
        self.names.seek(SeekFrom::Start(start))?;
        self.names.read_exact(&mut length)?;
        let mut name = vec![0; usize::from(u16::from_le_bytes(length))];
        self.names.read_exact(&mut name)?;
        Ok(String::from_utf8(name).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let mut names = Names::new(folder.path()).unwrap();
        for number in [7, 3, 90_000] {
            assert!(names.put(number, &format!("Person {number}")).unwrap());
        }
        assert!(!names.put(u64::MAX, "Nobody").unwrap());
        assert!(!names.put(1, &"x".repeat(70_000)).unwrap());
        names.flush().unwrap();
        assert_eq!(names.get(3).unwrap().as_deref(), Some("Person 3"));
        assert_eq!(names.get(90_000).unwrap().as_deref(), Some("Person 90000"));
        for missing in [0, 4, 90_001, u64::MAX] {
            assert_eq!(names.get(missing).unwrap(), None);
        }
    }
}
