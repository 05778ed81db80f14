//! The bytes of the index file, without any I/O. All numbers are little-endian.
//!
//! ```text
//! file   = start batch*
//! start  = "MGVECTOR" format:u32 crc:u32              the crc of what stands before it, in every format alike
//!          dimension:u32 name_bytes:u32 name crc:u32  the crc of this line
//! batch  = "batc" payload_bytes:u32 payload_crc:u32 crc:u32 payload
//!                                                     the crc covers the three before it and the batch's own offset
//! payload = has_cursor:u8 cursor:i64 record*
//! record = 1 id:u128 has_year:u8 year:u16 tags vectors:u8 [text_hash:u64 (f32 × dimension) × vectors]   put
//!        | 2 id:u128                                                                                    remove
//! tags   = count:u16 (bytes:u8 text)*
//! ```
//! Format 1 had at most one vector a record and is else the same, so that both are read alike; what is written is the
//! newest format, and an older file becomes one when it is opened.
//!
//! A batch is written and synced before the next begins. So a broken batch at the end is one that was never
//! acknowledged, and is dropped; a broken batch with another after it is damage.

use contracts::{ContentId, ModelInfo};
use stores::vectors::{MAX_VECTORS, Point, VectorError};
use uuid::Uuid;

/// The format this release writes.
pub const FORMAT: u32 = 2;
/// The most bytes of one batch's payload.
pub const MAX_PAYLOAD: usize = 256 << 20;
/// The bytes of a batch before its payload.
pub const FRAME: usize = 16;
/// The longest model name, in bytes.
const MAX_NAME: usize = 1_024;

const MAGIC: &[u8; 8] = b"MGVECTOR";
const MARK: &[u8; 4] = b"batc";
const PUT: u8 = 1;
const REMOVE: u8 = 2;

/// One thing a batch does.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Puts a point in; its vectors are normalised, its tags are sorted and differ.
    Put(Point),
    /// Takes a point out.
    Remove(ContentId),
}

/// What one batch does, all or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The new cursor; `None` leaves it.
    pub cursor: Option<i64>,
    /// In order.
    pub records: Vec<Record>,
}

/// Why bytes could not be read.
pub fn corrupt(what: impl Into<String>) -> VectorError {
    VectorError::Corrupt(what.into())
}

/// The start of a file with vectors of `model`.
pub fn encode_start(model: &ModelInfo) -> Result<Vec<u8>, VectorError> {
    let dimension = u32::try_from(model.dimension).ok().filter(|&dimension| (1..=65_536).contains(&dimension));
    let dimension = dimension.ok_or_else(|| VectorError::Invalid("a dimension must be from 1 to 65536".into()))?;
    if model.name.len() > MAX_NAME {
        return Err(VectorError::Invalid(format!("a model's name has at most {MAX_NAME} bytes")));
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let line = bytes.len();
    bytes.extend(dimension.to_le_bytes());
    bytes.extend((model.name.len() as u32).to_le_bytes());
    bytes.extend(model.name.as_bytes());
    bytes.extend(crc32fast::hash(&bytes[line..]).to_le_bytes());
    Ok(bytes)
}

/// The most bytes a file's start can take.
pub fn longest_start() -> usize {
    16 + 8 + MAX_NAME + 4
}

/// How a file starts.
#[derive(Debug, PartialEq, Eq)]
pub struct Start {
    /// The format it is written in, [`FORMAT`] at most.
    pub format: u32,
    /// Whose vectors it holds.
    pub model: ModelInfo,
    /// How many bytes the start takes.
    pub bytes: usize,
}

/// Reads the start of a file.
pub fn decode_start(file: &[u8]) -> Result<Start, VectorError> {
    let mut rest = Reader(file);
    let (magic, format) = (rest.array::<8>()?, rest.u32()?);
    if &magic != MAGIC {
        return Err(corrupt("the file does not start as a vector index does"));
    }
    if rest.u32()? != crc32fast::hash(&file[..12]) {
        return Err(corrupt("the checksum of the file's start is wrong"));
    }
    if format > FORMAT {
        return Err(VectorError::Newer { found: format, known: FORMAT });
    }
    let (dimension, name) = (rest.u32()?, rest.u32()? as usize);
    let name = rest.bytes(name)?;
    let end = 16 + 8 + name.len();
    if rest.u32()? != crc32fast::hash(&file[16..end]) {
        return Err(corrupt("the checksum of the model's name is wrong"));
    }
    let name = std::str::from_utf8(name).map_err(|_| corrupt("the model's name is not text"))?;
    let model = ModelInfo { name: name.to_owned(), dimension: dimension as usize };
    Ok(Start { format, model, bytes: end + 4 })
}

/// `batch` as it stands at `offset` of a file.
pub fn encode_batch(batch: &Batch, offset: u64) -> Result<Vec<u8>, VectorError> {
    let mut bytes = vec![0; FRAME];
    bytes.push(u8::from(batch.cursor.is_some()));
    bytes.extend(batch.cursor.unwrap_or_default().to_le_bytes());
    for record in &batch.records {
        match record {
            Record::Put(point) => put(&mut bytes, point),
            Record::Remove(id) => {
                bytes.push(REMOVE);
                bytes.extend(id.0.as_bytes());
            }
        }
        if bytes.len() - FRAME > MAX_PAYLOAD {
            return Err(VectorError::Invalid(format!("a batch takes at most {} MiB", MAX_PAYLOAD >> 20)));
        }
    }
    let payload = &bytes[FRAME..];
    let (length, crc) = (payload.len() as u32, crc32fast::hash(payload));
    bytes[..4].copy_from_slice(MARK);
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    let own = frame_crc(&bytes, offset);
    bytes[12..16].copy_from_slice(&own.to_le_bytes());
    Ok(bytes)
}

fn put(bytes: &mut Vec<u8>, point: &Point) {
    bytes.push(PUT);
    bytes.extend(point.id.0.as_bytes());
    bytes.push(u8::from(point.year.is_some()));
    bytes.extend(point.year.unwrap_or_default().to_le_bytes());
    bytes.extend((point.tags.len() as u16).to_le_bytes());
    for tag in &point.tags {
        bytes.push(tag.len() as u8);
        bytes.extend(tag.as_bytes());
    }
    bytes.push(point.vectors.len() as u8);
    if !point.vectors.is_empty() {
        bytes.extend(point.text_hash.to_le_bytes());
        point.vectors.iter().flatten().for_each(|x| bytes.extend(x.to_le_bytes()));
    }
}

/// The bytes a put takes of a point with some vectors of `components` numbers together, and tags of these lengths.
pub fn put_bytes(tags: impl Iterator<Item = usize>, components: usize) -> u64 {
    let tags: usize = tags.map(|tag| tag + 1).sum();
    (1 + 16 + 3 + 2 + tags + 1 + 8 + 4 * components) as u64
}

fn frame_crc(frame: &[u8], offset: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..12]);
    hasher.update(&offset.to_le_bytes());
    hasher.finalize()
}

/// What stands before a batch's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The payload's length.
    pub bytes: usize,
    /// The payload's checksum.
    pub crc: u32,
}

/// The frame at `offset` of a file, when one is there whole and unbroken.
pub fn decode_frame(frame: &[u8], offset: u64) -> Option<Frame> {
    let mut rest = Reader(frame.get(..FRAME)?);
    let (mark, bytes, crc, own) = (rest.array::<4>().ok()?, rest.u32().ok()?, rest.u32().ok()?, rest.u32().ok()?);
    (&mark == MARK && own == frame_crc(frame, offset)).then_some(Frame { bytes: bytes as usize, crc })
}

/// Whether an unbroken frame begins anywhere in `rest`, which stands at `offset` of the file.
pub fn has_frame(rest: &[u8], offset: u64) -> bool {
    rest.windows(FRAME).zip(offset..).any(|(window, at)| window.starts_with(MARK) && decode_frame(window, at).is_some())
}

/// The batch whose payload this is; its checksum was right, so an error here means another format.
pub fn decode_payload(payload: &[u8], dimension: usize) -> Result<Batch, VectorError> {
    let mut rest = Reader(payload);
    let (has_cursor, cursor) = (rest.flag()?, i64::from_le_bytes(rest.array()?));
    let mut batch = Batch { cursor: has_cursor.then_some(cursor), records: Vec::new() };
    while !rest.0.is_empty() {
        batch.records.push(record(&mut rest, dimension)?);
    }
    Ok(batch)
}

fn record(rest: &mut Reader<'_>, dimension: usize) -> Result<Record, VectorError> {
    let kind = rest.array::<1>()?[0];
    let id = ContentId(Uuid::from_bytes(rest.array()?));
    match kind {
        REMOVE => return Ok(Record::Remove(id)),
        PUT => {}
        other => return Err(corrupt(format!("a record has the unknown kind {other}"))),
    }
    let (has_year, year) = (rest.flag()?, u16::from_le_bytes(rest.array()?));
    let count = u16::from_le_bytes(rest.array()?);
    let mut tags = Vec::with_capacity(count.into());
    for _ in 0..count {
        let length = rest.array::<1>()?[0];
        let tag = std::str::from_utf8(rest.bytes(length.into())?).map_err(|_| corrupt("a tag is not text"))?;
        tags.push(tag.to_owned());
    }
    let mut point = Point { id, text_hash: 0, vectors: Vec::new(), tags, year: has_year.then_some(year) };
    let vectors = usize::from(rest.array::<1>()?[0]);
    if vectors > MAX_VECTORS {
        return Err(corrupt(format!("a point has {vectors} vectors")));
    }
    if vectors > 0 {
        point.text_hash = u64::from_le_bytes(rest.array()?);
    }
    for _ in 0..vectors {
        let (components, _) = rest.bytes(4 * dimension)?.as_chunks::<4>();
        point.vectors.push(components.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect());
    }
    Ok(Record::Put(point))
}

/// Reads from the front of a slice and never past its end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], VectorError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or_else(|| corrupt("it ends too early"))?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], VectorError> {
        let (head, tail) = self.0.split_first_chunk().ok_or_else(|| corrupt("it ends too early"))?;
        self.0 = tail;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, VectorError> {
        self.array().map(u32::from_le_bytes)
    }

    fn flag(&mut self) -> Result<bool, VectorError> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(corrupt(format!("a flag is {other}"))),
        }
    }
}
