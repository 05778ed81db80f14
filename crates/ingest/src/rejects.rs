//! The rows that a run turned away: a JSON Lines file a run, for people to read.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// How much of a row is kept, in bytes.
const EXCERPT_BYTES: usize = 2048;

/// A row that was turned away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The row's number, from 1.
    pub row: u64,
    /// The line it starts on, from 1; 0 in a database.
    pub line: u64,
    /// Why.
    pub reason: String,
    /// Its bytes, at most 2048 of them, and … where there are more. Of a row that has no end we trust, the first line:
    /// those after it are rows of their own.
    pub raw: String,
}

impl Reject {
    /// A row and why it was turned away; only its beginning is kept.
    pub(crate) fn new(row: u64, line: u64, reason: &crate::RejectReason, raw: &[u8]) -> Self {
        Self { row, line, reason: reason.to_string(), raw: crate::text::excerpt(raw, EXCERPT_BYTES) }
    }
}

/// The file of one run: there is none until a row is turned away.
pub(crate) struct Rejects {
    path: PathBuf,
    file: Option<File>,
    kept: u64,
    limit: u64,
}

impl Rejects {
    /// Opens the file, where there is one, with the first `kept` rows of an earlier try: what was written after its last
    /// checkpoint goes, so that no row is there twice. At most `limit` rows are kept.
    pub fn open(path: &Path, kept: u64, limit: u64) -> io::Result<Self> {
        let mut this = Self { path: path.to_owned(), file: None, kept: 0, limit };
        if path.try_exists()? {
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            let (lines, length) = measure(&file, kept.min(limit))?;
            file.set_len(length)?;
            file.seek(SeekFrom::End(0))?;
            (this.file, this.kept) = (Some(file), lines);
        }
        Ok(this)
    }

    /// Adds rows; they are on the disk when it returns.
    pub fn add(&mut self, rejects: &[Reject]) -> io::Result<()> {
        let room = usize::try_from(self.limit - self.kept).unwrap_or(usize::MAX);
        let kept = &rejects[..rejects.len().min(room)];
        if kept.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for reject in kept {
            serde_json::to_writer(&mut text, reject)?;
            text.push(b'\n');
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(create(&self.path)?),
        };
        file.write_all(&text)?;
        self.kept += kept.len() as u64;
        file.sync_data()
    }
}

/// An empty file, in a folder made for it.
fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create_new(path)
}

/// Removes the files of the oldest runs beside `own`, so that at most `limit` are left: a run's id begins with its time.
pub(crate) fn prune(own: &Path, limit: usize) -> io::Result<usize> {
    let Some(folder) = own.parent().filter(|folder| folder.is_dir()) else { return Ok(0) };
    let mut others = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path != own && path.extension().is_some_and(|end| end == "jsonl") {
            others.push(path);
        }
    }
    others.sort_unstable();
    let surplus = (others.len() + 1).saturating_sub(limit.max(1));
    for path in &others[..surplus] {
        std::fs::remove_file(path)?;
    }
    Ok(surplus)
}

/// How many whole lines, at most `wanted`, the file has, and how many bytes they are.
fn measure(file: &File, wanted: u64) -> io::Result<(u64, u64)> {
    let mut reader = BufReader::new(file);
    let (mut lines, mut length) = (0, 0);
    let mut line = Vec::new();
    while lines < wanted {
        line.clear();
        let count = reader.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            break;
        }
        (lines, length) = (lines + 1, length + count as u64);
    }
    Ok((lines, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(row: u64) -> Reject {
        Reject::new(row, row + 1, &crate::RejectReason::Missing("title"), b"a,b")
    }

    fn rows(path: &Path) -> Vec<u64> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str::<Reject>(line).unwrap().row).collect()
    }

    #[test]
    fn a_second_try_keeps_what_the_checkpoint_knew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejected").join("run.jsonl");
        Rejects::open(&path, 0, 100).unwrap().add(&[]).unwrap();
        assert!(!path.exists(), "a clean run leaves no file");
        Rejects::open(&path, 0, 100).unwrap().add(&[reject(1), reject(2), reject(3)]).unwrap();
        Rejects::open(&path, 2, 100).unwrap().add(&[reject(3), reject(4)]).unwrap();
        assert_eq!(rows(&path), [1, 2, 3, 4]);
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"row\":").unwrap();
        Rejects::open(&path, 5, 100).unwrap().add(&[reject(5)]).unwrap();
        assert_eq!(rows(&path), [1, 2, 3, 4, 5], "a line that a kill cut goes too");
        Rejects::open(&path, 0, 100).unwrap();
        assert!(rows(&path).is_empty());
    }

    #[test]
    fn the_files_of_old_runs_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = |n: usize| folder.path().join(format!("{n:02}.jsonl"));
        (1..=5).for_each(|n| std::fs::write(path(n), "").unwrap());
        std::fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert_eq!(prune(&path(1), 3).unwrap(), 2);
        let left: Vec<_> = (1..=5).filter(|n| path(*n).exists()).collect();
        assert_eq!(left, [1, 4, 5], "its own file stays, however old its run");
        assert!(folder.path().join("notes.txt").exists());
        assert_eq!(prune(&path(1), 3).unwrap(), 0);
    }

    #[test]
    fn no_more_than_the_bound_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let mut rejects = Rejects::open(&path, 0, 3).unwrap();
        rejects.add(&[reject(1), reject(2)]).unwrap();
        rejects.add(&[reject(3), reject(4)]).unwrap();
        rejects.add(&[reject(5)]).unwrap();
        assert_eq!(rows(&path), [1, 2, 3]);
        Rejects::open(&path, 5, 3).unwrap().add(&[reject(6)]).unwrap();
        assert_eq!(rows(&path), [1, 2, 3]);
    }
}
