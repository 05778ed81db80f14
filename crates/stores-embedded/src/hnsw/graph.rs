//! A graph over rows of bits (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
//! Hierarchical Navigable Small World graphs", 2016), by the library `usearch`.

use std::{
    slice,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread,
};

use stores::vectors::VectorError;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind, b1x8};

use super::{
    kernel::{bits, bytes_of, distance},
    sketches::Sketches,
};

/// Edges a node has, twice as many at the bottom.
const CONNECTIVITY: usize = 16;
/// Candidates that are looked at for the edges of a new node.
const EXPANSION: usize = 128;

/// Which rows are near which. Rows are added and removed by one worker and looked for by many.
pub struct Graph {
    dimension: usize,
    /// Searches share it; whoever changes it has it alone, for some milliseconds.
    held: RwLock<Held>,
}

struct Held {
    index: Index,
    /// The bits of the rows that were put in, once more, where they can be read in order.
    sketches: Sketches,
    /// What a bit of a vector tells the side of; the same for every row of one graph.
    centre: Vec<f32>,
}

impl Graph {
    /// A graph of no rows, for vectors of `dimension`.
    pub fn new(dimension: usize) -> Result<Self, VectorError> {
        let held = Held { index: empty(dimension)?, sketches: Sketches::new(dimension), centre: vec![0.0; dimension] };
        Ok(Self { dimension, held: RwLock::new(held) })
    }

    /// The graph of the numbered `rows` that [`Graph::to_bytes`] made. The bytes must be those: the library does not look
    /// at them closely.
    pub fn from_bytes(bytes: &[u8], dimension: usize, rows: impl Iterator<Item = u32>) -> Result<Self, VectorError> {
        let corrupt = |what: &str| VectorError::Corrupt(what.to_owned());
        let (centre, graph) = bytes.split_at_checked(4 * dimension).ok_or_else(|| corrupt("the graph is cut"))?;
        let mut index = empty(dimension)?;
        index.load_from_buffer(graph).map_err(failed)?;
        // Loading brings the library's own metric along.
        measure_by_ours(&mut index, dimension);
        if index.dimensions() != 8 * bytes_of(dimension) {
            return Err(corrupt("the graph is of another dimension"));
        }
        reserve(&index, index.size())?;
        let centre = centre.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect();
        let sketches = sketches(&index, dimension, rows)?;
        Ok(Self { dimension, held: RwLock::new(Held { index, sketches, centre }) })
    }

    /// The graph as bytes: its centre, and what the library writes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, VectorError> {
        let held = self.read();
        let mut bytes: Vec<u8> = held.centre.iter().flat_map(|number| number.to_le_bytes()).collect();
        let start = bytes.len();
        bytes.resize(start + held.index.serialized_length(), 0);
        held.index.save_to_buffer(&mut bytes[start..]).map_err(failed)?;
        Ok(bytes)
    }

    /// Forgets every row.
    pub fn clear(&self) -> Result<(), VectorError> {
        let mut held = self.write();
        held.index = empty(self.dimension)?;
        held.sketches = Sketches::new(self.dimension);
        Ok(())
    }

    /// Tells what lies on which side of `centre` from now on; only while it holds no row.
    pub fn centre_on(&self, centre: Vec<f32>) {
        let mut held = self.write();
        if held.index.size() == 0 {
            held.centre = centre;
        }
    }

    /// Makes the graph hold `rows`: each with this vector, or not at all. Uses as many threads as it is given.
    pub fn put(&self, rows: &[(u32, Option<Vec<f32>>)], threads: usize) -> Result<(), VectorError> {
        let mut held = self.write();
        let Held { index, sketches, centre } = &mut *held;
        for (row, vector) in rows {
            index.remove(u64::from(*row)).map_err(failed)?;
            if let Some(vector) = vector {
                sketches.row_mut(*row).copy_from_slice(&bits(vector, centre));
            }
        }
        let (index, centre) = (&*index, &*centre);
        if index.capacity() < index.size() + rows.len() {
            reserve(index, index.size() + index.size() / 4 + rows.len().max(1_024))?;
        }
        let add = |rows: &[(u32, Option<Vec<f32>>)]| {
            let mut there = rows.iter().filter_map(|(row, vector)| Some((row, vector.as_ref()?)));
            there.try_for_each(|(row, vector)| {
                index.add(u64::from(*row), b1x8::from_u8s(&bits(vector, centre))).map_err(failed)
            })
        };
        let share = rows.len().div_ceil(threads.max(1)).max(1);
        thread::scope(|scope| {
            let parts: Vec<_> = rows.chunks(share).map(|part| scope.spawn(move || add(part))).collect();
            let lost = || Err(VectorError::Io("a thread that built the graph was lost".to_owned()));
            parts.into_iter().try_for_each(|part| part.join().unwrap_or_else(|_| lost()))
        })
    }

    /// About the `count` nearest rows to `query` (normalised) among those that `wanted` names, nearest first.
    pub fn search(&self, query: &[f32], count: usize, wanted: impl Fn(u32) -> bool) -> Result<Vec<u32>, VectorError> {
        let held = self.read();
        let Held { index, centre, .. } = &*held;
        if index.size() == 0 || count == 0 {
            return Ok(Vec::new());
        }
        let wanted = |key: u64| u32::try_from(key).is_ok_and(&wanted);
        let found = index.filtered_search(b1x8::from_u8s(&bits(query, centre)), count, wanted).map_err(failed)?;
        Ok(found.keys.into_iter().filter_map(|key| u32::try_from(key).ok()).collect())
    }

    /// The `count` nearest to `query` (normalised) of `rows` by their bits alone, in no order. Name only rows that were put
    /// in: one below others that was not is compared as if it were all zeros.
    pub fn nearest(&self, query: &[f32], count: usize, rows: impl Iterator<Item = u32>) -> Vec<u32> {
        let held = self.read();
        held.sketches.nearest(&bits(query, &held.centre), count, rows)
    }

    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.read().index.size()
    }

    /// The bytes of memory it takes.
    pub fn memory(&self) -> usize {
        let held = self.read();
        held.index.memory_usage() + held.sketches.memory()
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn empty(dimension: usize) -> Result<Index, VectorError> {
    let options = IndexOptions {
        dimensions: 8 * bytes_of(dimension),
        metric: MetricKind::Hamming,
        quantization: ScalarKind::B1,
        connectivity: CONNECTIVITY,
        expansion_add: EXPANSION,
        // At least as many as are asked for are looked at.
        expansion_search: 1,
        multi: false,
    };
    let mut index = Index::new(&options).map_err(failed)?;
    measure_by_ours(&mut index, dimension);
    reserve(&index, 0)?;
    Ok(index)
}

/// The bits that `index` holds of these rows.
fn sketches(index: &Index, dimension: usize, rows: impl Iterator<Item = u32>) -> Result<Sketches, VectorError> {
    let mut sketches = Sketches::new(dimension);
    // Of bits too the library wants room for a byte a component; it fills the first of them.
    let mut bits = vec![b1x8(0); index.dimensions()];
    for row in rows {
        if index.get(u64::from(row), &mut bits).map_err(failed)? == 0 {
            return Err(VectorError::Corrupt("the graph lacks a row that it should hold".to_owned()));
        }
        sketches.row_mut(row).iter_mut().zip(&bits).for_each(|(place, bits)| *place = bits.0);
    }
    Ok(sketches)
}

/// The library's own metric is portable code unless a large library of kernels is built with it.
fn measure_by_ours(index: &mut Index, dimension: usize) {
    let bytes = bytes_of(dimension);
    index.change_metric::<b1x8>(Box::new(move |left, right| {
        #[allow(unsafe_code, reason = "the library hands over two vectors of the index's dimension")]
        let (left, right) =
            unsafe { (slice::from_raw_parts(left.cast(), bytes), slice::from_raw_parts(right.cast(), bytes)) };
        distance(left, right) as f32
    }));
}

fn reserve(index: &Index, rows: usize) -> Result<(), VectorError> {
    // A thread needs a place of its own; more than there are cores may ask at a moment.
    let threads = 2 * thread::available_parallelism().map_or(1, usize::from) + 2;
    index.reserve_capacity_and_threads(rows.max(1), threads).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> VectorError {
    VectorError::Io(format!("the graph of vectors: {error}"))
}
