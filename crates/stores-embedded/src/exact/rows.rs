//! What the index holds in memory: a matrix with a row per vector, and per tag the set of points that have it.

use std::collections::{BTreeMap, HashMap};

use contracts::{ContentId, Scored, Vector, YearRange};
use stores::vectors::{Point, VectorFilter};

use super::{
    bits::Bits,
    format::{Batch, Record, put_bytes},
    matrix::Matrix,
    scan::{Best, dot},
};
use crate::hnsw::{Graph, Places, RowKey};

/// The points in slots, and their vectors in rows. What was given up is taken by the next that needs one.
pub struct Rows {
    dimension: usize,
    cursor: Option<i64>,
    matrix: Matrix,
    /// For each row the slot of its point, or [`NOBODY`].
    pub(super) owners: Vec<u32>,
    free_rows: Vec<u32>,
    /// Rows that were taken, filled anew or given up since [`Rows::settle`]: what the graph has of them is outdated.
    pub(super) changed: Bits,
    /// The rows that vectors had when the graph was written, while the file is read again.
    places: Places,
    /// Rows that are kept free for the vector that `places` names.
    reserved: Bits,
    pub(super) points: Vec<Meta>,
    by_id: HashMap<ContentId, usize>,
    live: Bits,
    free: Vec<usize>,
    tags: Tags,
    /// For each year the slots of the points that have it.
    years: BTreeMap<u16, Bits>,
    live_bytes: u64,
}

/// Of how many vectors the mean is taken.
const MEANT: usize = 100_000;
/// The owner of a row that is free.
pub(super) const NOBODY: u32 = u32::MAX;

pub(super) struct Meta {
    pub(super) id: ContentId,
    text_hash: u64,
    year: Option<u16>,
    tags: Box<[u32]>,
    pub(super) rows: Box<[u32]>,
}

/// Every tag that was ever seen, by number.
#[derive(Default)]
struct Tags {
    numbers: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
    /// For each tag the slots of the points that have it.
    slots: Vec<Bits>,
}

impl Tags {
    fn number(&mut self, tag: &str) -> u32 {
        if let Some(&number) = self.numbers.get(tag) {
            return number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(tag.into(), number);
        self.names.push(tag.into());
        self.slots.push(Bits::default());
        number
    }
}

impl Rows {
    /// No rows, for vectors of `dimension` that are held in memory.
    #[cfg(test)]
    pub fn new(dimension: usize) -> Self {
        Self::over(dimension, Matrix::in_memory())
    }

    /// No rows, for vectors of `dimension` that are held in `matrix`, which is empty.
    pub fn over(dimension: usize, matrix: Matrix) -> Self {
        Self {
            dimension,
            cursor: None,
            matrix,
            owners: Vec::new(),
            free_rows: Vec::new(),
            changed: Bits::default(),
            places: Places::default(),
            reserved: Bits::default(),
            points: Vec::new(),
            by_id: HashMap::new(),
            live: Bits::default(),
            free: Vec::new(),
            tags: Tags::default(),
            years: BTreeMap::new(),
            live_bytes: 0,
        }
    }

    /// No rows yet, but the vectors that `places` names will take the rows they had.
    pub fn expecting(dimension: usize, matrix: Matrix, places: Places) -> Self {
        let len = places.len as usize;
        let mut rows = Self::over(dimension, matrix);
        rows.matrix.grow_to(len * dimension);
        rows.owners = vec![NOBODY; len];
        (0..len).for_each(|row| rows.changed.insert(row));
        places.rows().for_each(|row| rows.reserved.insert(row as usize));
        rows.free_rows = (0..places.len).rev().filter(|row| !rows.reserved.contains(*row as usize)).collect();
        rows.places = places;
        rows
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        let mut matrix = std::mem::replace(&mut self.matrix, Matrix::in_memory());
        matrix.clear();
        *self = Self::over(self.dimension, matrix);
    }

    /// Everything was read: rows that are still kept free are so for all.
    pub fn expect_no_more(&mut self) {
        self.free_rows.extend(self.reserved.slots().map(|row| row as u32));
        self.reserved = Bits::default();
        self.places = Places::default();
    }

    /// Does what a batch says. Vectors have the right dimension and are normalised.
    pub fn apply(&mut self, batch: Batch) {
        for record in batch.records {
            match record {
                Record::Put(point) => self.put(point),
                Record::Remove(id) => self.remove(id),
            }
        }
        self.cursor = batch.cursor.or(self.cursor);
    }

    fn put(&mut self, point: Point) {
        let Some(slot) = self.slot_for(&point) else { return };
        self.untag(slot);
        if !point.vectors.is_empty() {
            self.give_up_rows(slot);
            let vectors = point.vectors.iter().zip(0..);
            self.points[slot].rows = vectors.map(|(vector, place)| self.take_row(slot, place, vector)).collect();
            self.points[slot].text_hash = point.text_hash;
        }
        let numbers: Box<[u32]> = point.tags.iter().map(|tag| self.tags.number(tag)).collect();
        numbers.iter().for_each(|&tag| self.tags.slots[tag as usize].insert(slot));
        if let Some(year) = point.year {
            self.years.entry(year).or_default().insert(slot);
        }
        self.points[slot].year = point.year;
        self.points[slot].tags = numbers;
        self.live_bytes += self.bytes_of(slot);
    }

    /// The slot that `point` goes to; none for a point that would keep vectors that are not there.
    fn slot_for(&mut self, point: &Point) -> Option<usize> {
        if let Some(&slot) = self.by_id.get(&point.id) {
            self.live_bytes -= self.bytes_of(slot);
            return Some(slot);
        }
        if point.vectors.is_empty() {
            return None;
        }
        let meta = Meta { id: point.id, text_hash: 0, year: None, tags: Box::default(), rows: Box::default() };
        let slot = self.free.pop().unwrap_or(self.points.len());
        if slot == self.points.len() {
            self.points.push(meta);
        } else {
            self.points[slot] = meta;
        }
        self.by_id.insert(point.id, slot);
        self.live.insert(slot);
        Some(slot)
    }

    fn take_row(&mut self, slot: usize, place: u8, vector: &[f32]) -> u32 {
        let kept = self.kept_row(slot, place, vector);
        let row = kept.or_else(|| self.free_rows.pop()).unwrap_or(self.owners.len() as u32);
        if kept.is_none() {
            self.changed.insert(row as usize);
        }
        let at = row as usize * self.dimension;
        self.matrix.put(at, vector);
        if row as usize == self.owners.len() {
            self.owners.push(slot as u32);
        } else {
            self.owners[row as usize] = slot as u32;
        }
        row
    }

    /// The row that is kept free for this vector, which the graph knows there.
    fn kept_row(&mut self, slot: usize, place: u8, vector: &[f32]) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        let row = self.places.row(RowKey::new(self.points[slot].id, place, vector))?;
        if !self.reserved.contains(row as usize) {
            return None;
        }
        self.reserved.remove(row as usize);
        self.changed.remove(row as usize);
        Some(row)
    }

    fn give_up_rows(&mut self, slot: usize) {
        // Backwards, so that as many new vectors take the same rows in the same order.
        for &row in std::mem::take(&mut self.points[slot].rows).iter().rev() {
            self.owners[row as usize] = NOBODY;
            self.changed.insert(row as usize);
            self.free_rows.push(row);
        }
    }

    fn remove(&mut self, id: ContentId) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        self.live_bytes -= self.bytes_of(slot);
        self.untag(slot);
        self.give_up_rows(slot);
        self.live.remove(slot);
        self.free.push(slot);
    }

    fn untag(&mut self, slot: usize) {
        for tag in std::mem::take(&mut self.points[slot].tags) {
            self.tags.slots[tag as usize].remove(slot);
        }
        if let Some(slots) = self.points[slot].year.take().and_then(|year| self.years.get_mut(&year)) {
            slots.remove(slot);
        }
    }

    fn bytes_of(&self, slot: usize) -> u64 {
        let Meta { tags, rows, .. } = &self.points[slot];
        put_bytes(tags.iter().map(|&tag| self.tags.names[tag as usize].len()), rows.len() * self.dimension)
    }

    pub(super) fn vector_of(&self, row: u32) -> &[f32] {
        &self.matrix.numbers()[row as usize * self.dimension..][..self.dimension]
    }

    /// The points nearest to `query` (normalised) that pass `filter`, nearest first; with a graph, where that is
    /// quicker, about the nearest.
    pub fn search(&self, query: &[f32], limit: usize, filter: &VectorFilter, graph: Option<&Graph>) -> Vec<Scored> {
        let passing = self.passing(filter);
        let led = graph.and_then(|graph| self.led_by(graph, query, limit, &passing));
        led.map_or_else(|| self.search_all(query, limit, &passing), |(found, _)| found)
    }

    /// The points nearest to `query` (normalised) among those in the slots `passing`, nearest first.
    pub fn search_all(&self, query: &[f32], limit: usize, passing: &Bits) -> Vec<Scored> {
        let mut best = Best::new(limit, self.by_id.len());
        // Memory is read about three times as fast in order as with gaps: with small gaps all rows are compared.
        if 3 * passing.len() > self.by_id.len() {
            let scores = self.all_scores(query);
            passing.slots().for_each(|slot| best.offer(scores[slot], self.points[slot].id));
        } else {
            passing.slots().for_each(|slot| best.offer(self.score(query, slot), self.points[slot].id));
        }
        scored(best)
    }

    /// The score of the nearest vector of the point in `slot`.
    pub(super) fn score(&self, query: &[f32], slot: usize) -> f32 {
        let rows = self.points[slot].rows.iter();
        rows.map(|&row| dot(query, self.vector_of(row))).fold(f32::NEG_INFINITY, f32::max)
    }

    /// For each slot the score of its nearest vector.
    fn all_scores(&self, query: &[f32]) -> Vec<f32> {
        let mut scores = vec![f32::NEG_INFINITY; self.points.len()];
        for (vector, &owner) in self.matrix.numbers().chunks_exact(self.dimension).zip(&self.owners) {
            if owner != NOBODY {
                let score = &mut scores[owner as usize];
                *score = score.max(dot(query, vector));
            }
        }
        scores
    }

    /// The slots of the points that have a tag of each group and a year in the range.
    pub fn passing(&self, filter: &VectorFilter) -> Bits {
        let mut passing = self.live.clone();
        for group in filter.any_of.iter().filter(|group| !group.is_empty()) {
            let mut any = Bits::default();
            for number in group.iter().filter_map(|tag| self.tags.numbers.get(&**tag)) {
                any.add(&self.tags.slots[*number as usize]);
            }
            passing.keep(&any);
        }
        if let Some(years) = filter.years.filter(|years| *years != YearRange::default()) {
            let mut fitting = Bits::default();
            let within = |year: u16| years.from.is_none_or(|from| from <= year) && years.to.is_none_or(|to| year <= to);
            self.years.iter().filter(|(year, _)| within(**year)).for_each(|(_, slots)| fitting.add(slots));
            passing.keep(&fitting);
        }
        passing
    }

    /// Up to `most` of the rows that changed, each with its vector, or with none when it was given up.
    pub fn changed(&self, most: usize) -> Vec<(u32, Option<Vector>)> {
        self.changed.slots().take(most).map(|row| (row as u32, self.row(row as u32).map(<[f32]>::to_vec))).collect()
    }

    /// Notes that the graph has `rows` as they are given; what changed once more meanwhile stays changed.
    pub fn settle(&mut self, rows: &[(u32, Option<Vector>)]) {
        for (row, vector) in rows {
            if self.row(*row) == vector.as_deref() {
                self.changed.remove(*row as usize);
            }
        }
    }

    /// Notes that the graph knows nothing any more.
    pub fn change_all(&mut self) {
        (0..self.owners.len()).for_each(|row| self.changed.insert(row));
    }

    /// The mean of the vectors, of a hundred thousand where there are more.
    pub fn mean(&self) -> Vector {
        let step = (self.owners.len() / MEANT).max(1);
        let mut mean = vec![0.0; self.dimension];
        let mut count = 0.0_f32;
        for vector in (0..self.owners.len()).step_by(step).filter_map(|row| self.row(row as u32)) {
            count += 1.0;
            mean.iter_mut().zip(vector).for_each(|(mean, x)| *mean += x);
        }
        mean.iter_mut().for_each(|mean| *mean /= count.max(1.0));
        mean
    }

    /// The dimension of the vectors.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    fn row(&self, row: u32) -> Option<&[f32]> {
        self.owners.get(row as usize).filter(|owner| **owner != NOBODY).map(|_| self.vector_of(row))
    }

    /// How many vectors there are.
    pub fn vectors_len(&self) -> usize {
        self.owners.len() - self.free_rows.len() - self.reserved.len()
    }

    /// For up to `count` rows from `first` on which vector the graph holds there, if it holds one; none at the end.
    pub fn keys(&self, first: usize, count: usize) -> Vec<RowKey> {
        let end = first.saturating_add(count).min(self.owners.len());
        (first..end).map(|row| self.key(row).unwrap_or(RowKey::NOTHING)).collect()
    }

    fn key(&self, row: usize) -> Option<RowKey> {
        let owner = self.owners.get(row).filter(|owner| **owner != NOBODY && !self.changed.contains(row))?;
        let (meta, row) = (self.points.get(*owner as usize)?, row as u32);
        let place = meta.rows.iter().position(|held| *held == row)?;
        Some(RowKey::new(meta.id, u8::try_from(place).ok()?, self.vector_of(row)))
    }

    /// The slots of all points.
    pub fn live(&self) -> &Bits {
        &self.live
    }

    /// The title in `slot`, which must be live.
    pub fn id(&self, slot: usize) -> ContentId {
        self.points[slot].id
    }

    /// Everything in batches of at most `size` points, as a fresh file would hold it.
    pub fn batches(&self, size: usize) -> impl Iterator<Item = Batch> + '_ {
        let mut slots = self.live.slots().peekable();
        let mut first = true;
        std::iter::from_fn(move || {
            // The first one is made even of no points, for the cursor.
            let wanted = slots.peek().is_some() || (first && self.cursor.is_some());
            first = false;
            wanted.then(|| {
                let records = slots.by_ref().take(size).map(|slot| Record::Put(self.point(slot))).collect();
                Batch { cursor: self.cursor, records }
            })
        })
    }

    fn point(&self, slot: usize) -> Point {
        let meta = &self.points[slot];
        Point {
            id: meta.id,
            text_hash: meta.text_hash,
            vectors: self.vectors_of(slot),
            tags: meta.tags.iter().map(|&tag| self.tags.names[tag as usize].to_string()).collect(),
            year: meta.year,
        }
    }

    fn vectors_of(&self, slot: usize) -> Vec<Vector> {
        self.points[slot].rows.iter().map(|&row| self.vector_of(row).to_vec()).collect()
    }

    /// The normalised vectors of `id`.
    pub fn vectors(&self, id: ContentId) -> Vec<Vector> {
        self.by_id.get(&id).map(|&slot| self.vectors_of(slot)).unwrap_or_default()
    }

    /// The hash of the text that the vectors of `id` were made from.
    pub fn text_hash(&self, id: ContentId) -> Option<u64> {
        self.by_id.get(&id).map(|&slot| self.points[slot].text_hash)
    }

    /// The cursor of the last batch that had one.
    pub fn cursor(&self) -> Option<i64> {
        self.cursor
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The bytes of a file that holds just these points, without its start and frames.
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// How many different tags there would be with those of `points`, or a little more.
    pub fn tags_with(&self, points: &[Point]) -> usize {
        let new = |tag: &&String| !self.tags.numbers.contains_key(&***tag);
        let new: std::collections::HashSet<_> = points.iter().flat_map(|point| &point.tags).filter(new).collect();
        self.tags.names.len() + new.len()
    }
}

/// The best as results.
pub(super) fn scored(best: Best) -> Vec<Scored> {
    let scored = |(content_id, score)| Scored { content_id, score: f64::from(score).clamp(-1.0, 1.0) };
    best.into_sorted().into_iter().map(scored).collect()
}
