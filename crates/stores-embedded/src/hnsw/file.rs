//! The file of the graph, beside that of the vectors. All numbers are little-endian.
//!
//! ```text
//! "MGHNSW\0\0" format:u32 dimension:u32 rows:u32 row × rows graph_bytes:u64 graph crc:u32
//! row = id:u128 place:u8 crc:u32      the vector at this place of this title; its crc
//! ```
//! The file is derived: one that is missing, old, cut or changed means a graph built anew, and a row whose vector is
//! not what it was is put into the graph again.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use contracts::ContentId;
use uuid::Uuid;

const MAGIC: &[u8; 8] = b"MGHNSW\0\0";
/// Counts up when the format or the meaning of the graph's bytes changes.
const FORMAT: u32 = 2;
const ROW: usize = 16 + 1 + 4;

/// Which vector a row held: its title, its place among the title's, its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowKey {
    pub id: ContentId,
    pub place: u8,
    pub crc: u32,
}

impl RowKey {
    /// The key of a row without a vector.
    pub const NOTHING: Self = Self { id: ContentId(Uuid::nil()), place: 0, crc: 0 };

    /// The key of `vector`, which is at `place` of the title `id`.
    pub fn new(id: ContentId, place: u8, vector: &[f32]) -> Self {
        let mut crc = crc32fast::Hasher::new();
        vector.iter().for_each(|x| crc.update(&x.to_le_bytes()));
        Self { id, place, crc: crc.finalize() }
    }
}

/// The rows that a graph holds, and for a vector the row it should take to be known to the graph.
#[derive(Debug, Default)]
pub struct Places {
    rows: HashMap<(ContentId, u8), (u32, u32)>,
    /// How many rows the graph numbers.
    pub len: u32,
}

impl Places {
    /// The places that the graph of these rows knows.
    pub fn new(keys: &[RowKey]) -> Self {
        let held = keys.iter().zip(0..).filter(|(key, _)| key.id != RowKey::NOTHING.id);
        Self { rows: held.map(|(key, row)| ((key.id, key.place), (row, key.crc))).collect(), len: keys.len() as u32 }
    }

    /// The row of this very vector.
    pub fn row(&self, key: RowKey) -> Option<u32> {
        self.rows.get(&(key.id, key.place)).filter(|(_, crc)| *crc == key.crc).map(|(row, _)| *row)
    }

    /// The rows that hold a vector.
    pub fn rows(&self) -> impl Iterator<Item = u32> {
        self.rows.values().map(|(row, _)| *row)
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Where the graph of the vectors at `path` is.
pub fn graph_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".hnsw");
    PathBuf::from(name)
}

/// Writes the file anew: whole, or not at all.
pub fn write(path: &Path, dimension: usize, keys: &[RowKey], graph: &[u8]) -> io::Result<()> {
    let mut head = MAGIC.to_vec();
    for number in [FORMAT, dimension as u32, keys.len() as u32] {
        head.extend(number.to_le_bytes());
    }
    for key in keys {
        head.extend(key.id.0.as_bytes());
        head.push(key.place);
        head.extend(key.crc.to_le_bytes());
    }
    head.extend((graph.len() as u64).to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&head);
    crc.update(graph);
    let temporary = path.with_extension("hnsw.new");
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(&head)?;
        file.write_all(graph)?;
        file.write_all(&crc.finalize().to_le_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        // It may not be there; what counts is the error that we return.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The rows and the graph in `file`; `None` when they are not what was written.
pub fn read(file: &[u8], dimension: usize) -> Option<(Vec<RowKey>, &[u8])> {
    let (body, crc) = file.split_last_chunk::<4>()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (magic, rest) = body.split_first_chunk::<8>()?;
    let (numbers, rest) = rest.split_first_chunk::<12>()?;
    let (numbers, _) = numbers.as_chunks::<4>();
    let rows = u32::from_le_bytes(numbers[2]) as usize;
    if magic != MAGIC || numbers[0] != FORMAT.to_le_bytes() || numbers[1] != (dimension as u32).to_le_bytes() {
        return None;
    }
    let (table, rest) = rest.split_at_checked(rows.checked_mul(ROW)?)?;
    let (length, graph) = rest.split_first_chunk::<8>()?;
    let keys = table.as_chunks::<ROW>().0.iter().filter_map(key).collect();
    (u64::from_le_bytes(*length) == graph.len() as u64).then_some((keys, graph))
}

fn key(row: &[u8; ROW]) -> Option<RowKey> {
    let (id, rest) = row.split_first_chunk::<16>()?;
    let (place, crc) = rest.split_first()?;
    Some(RowKey { id: ContentId(Uuid::from_bytes(*id)), place: *place, crc: u32::from_le_bytes(crc.try_into().ok()?) })
}
