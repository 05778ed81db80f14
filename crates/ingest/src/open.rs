//! A file to read: unpacked when it is gzipped (its bytes say so, not its name), never beyond the bounds.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};
use tempfile::{TempDir, TempPath};
use tokio_util::sync::CancellationToken;

use crate::{InputError, Limits};

/// How much of an input its format is recognised by.
const HEAD_BYTES: usize = 64 << 10;
const CHUNK_BYTES: usize = 64 << 10;

/// An input on the local disk.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    /// What people call it: the path or address they gave.
    location: String,
    size: u64,
    gzipped: bool,
    /// Where it was fetched or unpacked to; the file goes when this does.
    temp: Option<TempPath>,
}

/// What one pass over an input found.
#[derive(Debug, PartialEq, Eq)]
pub struct Inspection {
    /// SHA-256 of the file as it lies there, in hexadecimal digits.
    pub fingerprint: String,
    /// The first bytes of what it unpacks to.
    pub head: Vec<u8>,
}

impl Opened {
    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound`, `NotAFile` (folders, pipes, devices), `Unreadable`, `TooLarge`.
    pub fn file(path: &Path, location: &str, limits: &Limits) -> Result<Self, InputError> {
        Self::open(path.to_owned(), location, None, limits)
    }

    /// Opens a file that was fetched.
    pub(crate) fn fetched(temp: TempPath, location: &str, limits: &Limits) -> Result<Self, InputError> {
        Self::open(temp.to_path_buf(), location, Some(temp), limits)
    }

    fn open(path: PathBuf, location: &str, temp: Option<TempPath>, limits: &Limits) -> Result<Self, InputError> {
        let failed = |error| InputError::from_io(location, error);
        let meta = std::fs::metadata(&path).map_err(failed)?;
        if !meta.is_file() {
            return Err(InputError::NotAFile(location.to_owned()));
        }
        if meta.len() > limits.max_input_bytes {
            return Err(InputError::TooLarge(limits.max_input_bytes));
        }
        let mut magic = Vec::new();
        File::open(&path).map_err(failed)?.take(2).read_to_end(&mut magic).map_err(failed)?;
        let gzipped = magic == [0x1f, 0x8b];
        Ok(Self { path, location: location.to_owned(), size: meta.len(), gzipped, temp })
    }

    /// Its size on the disk, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What people call it.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The unpacked bytes. `taken` counts the bytes taken from the disk.
    ///
    /// # Errors
    /// `NotFound` or `Unreadable`. The reader's own errors wrap an [`InputError`].
    pub fn reader(&self, limits: &Limits, taken: Arc<AtomicU64>) -> Result<Box<dyn Read + Send>, InputError> {
        let file = File::open(&self.path).map_err(|error| InputError::from_io(&self.location, error))?;
        Ok(self.unpacking(Counted { inner: file, taken: taken.clone(), hash: None }, taken, limits))
    }

    fn unpacking<R: Read + Send + 'static>(
        &self,
        packed: R,
        taken: Arc<AtomicU64>,
        limits: &Limits,
    ) -> Box<dyn Read + Send> {
        let packed = BufReader::with_capacity(CHUNK_BYTES, packed);
        if self.gzipped {
            Box::new(Guarded { inner: MultiGzDecoder::new(packed), taken, given: 0, limits: limits.clone() })
        } else {
            Box::new(packed)
        }
    }

    /// Reads all of it once, before anything of it is taken over: a file that is broken or a bomb leaves no trace.
    ///
    /// # Errors
    /// `BrokenGzip`, `Bomb`, `UnpacksTooLarge`, `Unreadable`, `Stopped`.
    pub fn inspect(
        &self,
        limits: &Limits,
        taken: Arc<AtomicU64>,
        stop: &CancellationToken,
    ) -> Result<Inspection, InputError> {
        let failed = |error| InputError::from_io(&self.location, error);
        let hash = Arc::new(std::sync::Mutex::new(Sha256::new()));
        let file = File::open(&self.path).map_err(failed)?;
        let counted = Counted { inner: file, taken: taken.clone(), hash: Some(hash.clone()) };
        let mut reader = self.unpacking(counted, taken, limits);
        let mut head = Vec::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            let wanted = (HEAD_BYTES - head.len()).min(count);
            head.extend_from_slice(&chunk[..wanted]);
            if stop.is_cancelled() {
                return Err(InputError::Stopped);
            }
        }
        let digest = hash.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone().finalize();
        Ok(Inspection { fingerprint: digest.iter().map(|byte| format!("{byte:02x}")).collect(), head })
    }

    /// A path to the unpacked file, for what must be read in place: its own, or in a folder of its own within `folder` that
    /// goes with the value returned where it was fetched or unpacked (a database may put files beside itself).
    ///
    /// # Errors
    /// As [`Opened::inspect`], and `DiskFull`.
    pub fn unpacked(&self, folder: &Path, limits: &Limits) -> Result<(PathBuf, Option<TempDir>), InputError> {
        if !self.gzipped && self.temp.is_none() {
            return Ok((self.path.clone(), None));
        }
        let failed = |error| InputError::from_io(&self.location, error);
        let own = TempDir::new_in(folder).map_err(failed)?;
        let path = own.path().join("unpacked");
        // What was fetched lies there already: a second name takes no room.
        if !self.gzipped && std::fs::hard_link(&self.path, &path).is_ok() {
            return Ok((path, Some(own)));
        }
        let mut file = File::create_new(&path).map_err(failed)?;
        io::copy(&mut self.reader(limits, Arc::default())?, &mut file).map_err(failed)?;
        Ok((path, Some(own)))
    }
}

/// Counts (and hashes) what is read.
struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
    hash: Option<Arc<std::sync::Mutex<Sha256>>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        if let Some(hash) = &self.hash {
            hash.lock().unwrap_or_else(std::sync::PoisonError::into_inner).update(&buffer[..count]);
        }
        Ok(count)
    }
}

/// Unpacks until a bound is passed. It never holds more than the caller's buffer, so stopping is all it has to do.
struct Guarded<R> {
    inner: R,
    taken: Arc<AtomicU64>,
    given: u64,
    limits: Limits,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.inner.read(buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(InputError::BrokenGzip(reason(&error)).into()),
        };
        self.given += count as u64;
        if self.given > self.limits.max_unpacked_bytes {
            return Err(InputError::UnpacksTooLarge(self.limits.max_unpacked_bytes).into());
        }
        let packed = self.taken.load(Ordering::Relaxed).max(1);
        if self.given > self.limits.ratio_after_bytes && self.given / packed > self.limits.max_ratio {
            return Err(InputError::Bomb(self.limits.max_ratio).into());
        }
        Ok(count)
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends in the middle".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
