//! The file of the index: replayed at open, appended to by batches, rewritten when most of it is dead.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use contracts::ModelInfo;
use stores::vectors::VectorError;

use super::format::{
    Batch, FORMAT, FRAME, Start, corrupt, decode_frame, decode_payload, decode_start, encode_batch, encode_start,
    has_frame, longest_start,
};

/// The open file. It ends where the last acknowledged batch ends.
pub struct Log {
    path: PathBuf,
    file: File,
    format: u32,
    end: u64,
    /// Set when an unfinished write could not be taken back: appending after it would make it look like damage.
    broken: bool,
    /// The length below which it is not worth rewriting it.
    patience: u64,
}

impl Log {
    /// Opens the file at `path` and hands every batch to `apply`, or makes one without batches when there is none.
    /// What an interrupted write left at the end is cut off.
    pub fn open(path: &Path, model: &ModelInfo, apply: impl FnMut(Batch)) -> Result<Self, VectorError> {
        let file = match File::options().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::create(path, model, std::iter::empty()),
            Err(error) => return Err(failed(path, &error)),
        };
        let length = file.metadata().map_err(|error| failed(path, &error))?.len();
        let (format, end) =
            Replay { file: BufReader::with_capacity(1 << 20, &file), path, length }.run(model, apply)?;
        let log = Self { path: path.to_owned(), file, format, end, broken: false, patience: 0 };
        if end < length {
            tracing::warn!(bytes = length - end, "an unfinished write was cut off the end of the vector index");
            log.cut().map_err(|error| failed(path, &error))?;
        }
        Ok(log)
    }

    /// Writes a new file with `batches` in place of what is at `path`: all of it or, on an error, nothing.
    pub fn create(path: &Path, model: &ModelInfo, batches: impl Iterator<Item = Batch>) -> Result<Self, VectorError> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let written = write_all(&temporary, model, batches).and_then(|(file, end)| {
            let renamed = fs::rename(&temporary, path).and_then(|()| sync_folder(path));
            renamed.map_err(|error| failed(path, &error))?;
            Ok(Self { path: path.to_owned(), file, format: FORMAT, end, broken: false, patience: 0 })
        });
        if written.is_err() {
            // It may not be there; what counts is the error that we return.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Appends one batch; it is durable when this returns. After an error the file is as it was.
    pub fn append(&mut self, batch: &Batch) -> Result<(), VectorError> {
        if self.broken {
            return Err(VectorError::Io("an earlier write failed half-way; open the index again".to_owned()));
        }
        let bytes = encode_batch(batch, self.end)?;
        let written = self
            .file
            .seek(SeekFrom::Start(self.end))
            .and_then(|_| self.file.write_all(&bytes))
            .and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.end += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.broken = self.cut().is_err();
                Err(failed(&self.path, &error))
            }
        }
    }

    fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.sync_all()
    }

    /// Whether it should be rewritten, when `live` bytes of it are all that counts: more than half is dead, and
    /// `slack` at least.
    pub fn is_worn(&self, live: u64, slack: u64) -> bool {
        self.end > (2 * live + slack).max(self.patience)
    }

    /// Rewriting it failed: waits until it has grown by a quarter, so as not to try at every write.
    pub fn be_patient(&mut self) {
        self.patience = self.end + self.end / 4;
    }

    /// Whether the file is in an older format than what is appended would be.
    pub fn is_old(&self) -> bool {
        self.format < FORMAT
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Hands every batch of the file at `path` to `apply` and leaves the file as it is, though it be another's that writes.
pub fn replay(path: &Path, model: &ModelInfo, apply: impl FnMut(Batch)) -> Result<(), VectorError> {
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    let length = file.metadata().map_err(|error| failed(path, &error))?.len();
    Replay { file: BufReader::with_capacity(1 << 20, &file), path, length }.run(model, apply).map(|_| ())
}

/// The model whose vectors the file at `path` holds.
pub fn model(path: &Path) -> Result<ModelInfo, VectorError> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(longest_start() as u64).read_to_end(&mut start));
    read.map_err(|error| failed(path, &error))?;
    Ok(decode_start(&start)?.model)
}

/// One reading of the file from its start.
struct Replay<'a> {
    file: BufReader<&'a File>,
    path: &'a Path,
    length: u64,
}

impl Replay<'_> {
    /// Hands every whole batch to `apply`, and says which format they have and where the last one ends.
    fn run(mut self, model: &ModelInfo, mut apply: impl FnMut(Batch)) -> Result<(u32, u64), VectorError> {
        let start = self.read(longest_start().min(self.length as usize))?;
        let Start { format, model: found, bytes } = decode_start(&start)?;
        let mut offset = bytes as u64;
        if &found != model {
            let name = |model: &ModelInfo| format!("{} ({} components)", model.name, model.dimension);
            return Err(VectorError::OtherModel { wanted: name(model), found: name(&found) });
        }
        self.file.seek(SeekFrom::Start(offset)).map_err(|error| failed(self.path, &error))?;
        while let Some(payload) = self.next_payload(offset)? {
            apply(decode_payload(&payload, model.dimension)?);
            offset += (FRAME + payload.len()) as u64;
        }
        Ok((format, offset))
    }

    /// The payload of the batch at `offset`; `None` when the file, or what was acknowledged of it, ends there.
    fn next_payload(&mut self, offset: u64) -> Result<Option<Vec<u8>>, VectorError> {
        let rest = self.length - offset;
        let frame = self.read(rest.min(FRAME as u64) as usize)?;
        let Some(head) = decode_frame(&frame, offset) else {
            let mut tail = frame;
            self.file.read_to_end(&mut tail).map_err(|error| failed(self.path, &error))?;
            let more = tail.get(1..).is_some_and(|tail| has_frame(tail, offset + 1));
            return if more { Err(broken_at(offset)) } else { Ok(None) };
        };
        let room = rest - FRAME as u64;
        if head.bytes as u64 > room {
            return Ok(None);
        }
        let payload = self.read(head.bytes)?;
        let last = head.bytes as u64 == room;
        match crc32fast::hash(&payload) == head.crc {
            true => Ok(Some(payload)),
            false if last => Ok(None),
            false => Err(broken_at(offset)),
        }
    }

    fn read(&mut self, count: usize) -> Result<Vec<u8>, VectorError> {
        let mut bytes = vec![0; count];
        self.file.read_exact(&mut bytes).map_err(|error| failed(self.path, &error))?;
        Ok(bytes)
    }
}

fn broken_at(offset: u64) -> VectorError {
    corrupt(format!("the checksum of the batch at byte {offset} is wrong"))
}

fn write_all(path: &Path, model: &ModelInfo, batches: impl Iterator<Item = Batch>) -> Result<(File, u64), VectorError> {
    let io = |error: io::Error| failed(path, &error);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path).map_err(io)?;
    let mut writer = BufWriter::with_capacity(1 << 20, &file);
    let start = encode_start(model)?;
    writer.write_all(&start).map_err(io)?;
    let mut end = start.len() as u64;
    for batch in batches {
        let bytes = encode_batch(&batch, end)?;
        writer.write_all(&bytes).map_err(io)?;
        end += bytes.len() as u64;
    }
    writer.flush().map_err(io)?;
    drop(writer);
    file.sync_all().map_err(io)?;
    Ok((file, end))
}

/// Makes a rename last: on Unix the folder is a file of its own, with a sync of its own.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// What a failure of the file means.
fn failed(path: &Path, error: &io::Error) -> VectorError {
    let sentence = format!("{}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            VectorError::StorageFull(sentence)
        }
        _ => VectorError::Io(sentence),
    }
}
