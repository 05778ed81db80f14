//! (pure) Titles, their people, genres and series as a compact graph; titles near to others by random walks.
//!
//! A walk starts at a title or a person that the query names, goes from titles to what they have and from there to titles
//! that have it too, each edge as likely as it counts, and begins anew now and then; how often it stands at a title is
//! the title's score (see [`walk`]). What two titles share counts the less the more titles have it, and crews that
//! worked together elsewhere count as well.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use contracts::{ContentId, CreditRole, Scored};

mod series;
mod walk;

use crate::{keyword::TitleDoc, query::Named, text::fold};
use walk::Walk;

/// How much sharing a genre counts, beside 1 for a director.
const GENRE_WEIGHT: f32 = 0.5;
/// How much being of one series counts.
const SERIES_WEIGHT: f32 = 1.0;
/// A title with less than this share of the best one's score is not near: those of a named person come, not everything of their genres.
const LEAST_SHARE: f64 = 0.02;

/// How many titles are looked at first for what may pass; then four times as many, and so on.
const FIRST_LOOK: usize = 512;

/// One end of an edge, and how much it counts.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: u32,
    weight: f32,
    /// What a person did, a bit for each role; none for a genre or series.
    roles: u8,
}

/// Edges in compressed sparse rows.
#[derive(Default)]
struct Rows {
    starts: Vec<usize>,
    edges: Vec<Edge>,
}

impl Rows {
    fn of(&self, row: u32) -> &[Edge] {
        let row = row as usize;
        match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(from), Some(to)) => &self.edges[*from..*to],
            _ => &[],
        }
    }

    /// The same edges from their other ends.
    fn transposed(&self, rows: usize) -> Self {
        let mut starts = vec![0; rows + 1];
        for edge in &self.edges {
            starts[edge.to as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut edges = vec![Edge { to: 0, weight: 0.0, roles: 0 }; self.edges.len()];
        for from in 0..self.starts.len().saturating_sub(1) {
            for edge in self.of(from as u32) {
                let slot = &mut next[edge.to as usize];
                edges[*slot] = Edge { to: from as u32, ..*edge };
                *slot += 1;
            }
        }
        Self { starts, edges }
    }
}

/// Titles on one side, people, genres and series on the other. Immutable once built.
#[derive(Default)]
pub(crate) struct Graph {
    /// In the order of their ids.
    titles: Vec<ContentId>,
    /// Hash of a folded name (or `genre:` and an id, `series:` and a name) → node. Two names with one 64-bit hash would be one person.
    nodes: HashMap<u64, u32>,
    of_title: Rows,
    of_node: Rows,
}

impl Graph {
    /// Builds the graph of these titles; the same graph whatever their order.
    pub(crate) fn build(mut docs: Vec<TitleDoc>) -> Self {
        docs.sort_unstable_by_key(|doc| doc.id);
        docs.dedup_by_key(|doc| doc.id);
        let series = series::of(&docs);
        let mut nodes: HashMap<u64, u32> = HashMap::new();
        let mut of_title = Rows { starts: vec![0], edges: Vec::new() };
        for (doc, series) in docs.iter().zip(&series) {
            let mut shares: Vec<Edge> = Vec::new();
            let people = doc.people.iter().map(|(name, role)| (hash(&fold(name)), role_weight(*role), role_bit(*role)));
            let genres = doc.genres.iter().map(|genre| (hash(&format!("genre:{genre}")), GENRE_WEIGHT, 0));
            let series = series.iter().map(|name| (hash(&format!("series:{name}")), SERIES_WEIGHT, 0));
            for (key, weight, roles) in people.chain(genres).chain(series) {
                let new = nodes.len() as u32;
                let to = *nodes.entry(key).or_insert(new);
                match shares.iter_mut().find(|edge| edge.to == to) {
                    Some(edge) => (edge.weight, edge.roles) = (edge.weight.max(weight), edge.roles | roles),
                    None => shares.push(Edge { to, weight, roles }),
                }
            }
            of_title.edges.append(&mut shares);
            of_title.starts.push(of_title.edges.len());
        }
        let of_node = of_title.transposed(nodes.len());
        Self { titles: docs.into_iter().map(|doc| doc.id).collect(), nodes, of_title, of_node }
    }

    /// How many titles it joins.
    pub(crate) fn len(&self) -> usize {
        self.titles.len()
    }

    /// The titles nearest to `seeds` and to the people who are `named`, best first, equals by id, without the
    /// seeds and what `keep` takes out of the lists that it is given, nearer ones first. The best has the score 1.
    ///
    /// # Errors
    /// As `keep`.
    pub(crate) fn near<E>(
        &self,
        seeds: &[ContentId],
        named: &[Named],
        limit: usize,
        keep: impl FnMut(&mut Vec<Scored>) -> Result<(), E>,
    ) -> Result<Vec<Scored>, E> {
        let seeds: Vec<u32> = seeds.iter().filter_map(|id| self.row(id)).collect();
        let people: Vec<(u32, Option<CreditRole>)> =
            named.iter().filter_map(|named| Some((*self.nodes.get(&hash(&named.name))?, named.role))).collect();
        let mut reached = Walk::new(self, &people).from(&seeds);
        for seed in seeds {
            reached.remove(&seed);
        }
        self.best(reached, limit, keep)
    }

    fn best<E>(
        &self,
        reached: HashMap<u32, f64>,
        limit: usize,
        mut keep: impl FnMut(&mut Vec<Scored>) -> Result<(), E>,
    ) -> Result<Vec<Scored>, E> {
        let titles = reached.into_iter().filter_map(|(row, score)| Some((*self.titles.get(row as usize)?, score)));
        let mut reached: Vec<Scored> =
            titles.filter(|(_, score)| *score > 0.0).map(|(content_id, score)| Scored { content_id, score }).collect();
        reached.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.content_id.cmp(&b.content_id)));
        let mut hits: Vec<Scored> = Vec::new();
        let (mut rest, mut length) = (reached.as_slice(), FIRST_LOOK);
        while !rest.is_empty() && hits.len() < limit {
            let (next, later) = rest.split_at(length.min(rest.len()));
            let most = hits.first().map(|hit| hit.score);
            let near = |hit: &&Scored| most.is_none_or(|most| hit.score / most >= LEAST_SHARE);
            let mut some: Vec<Scored> = next.iter().take_while(near).copied().collect();
            rest = if some.len() < next.len() { &[] } else { later };
            keep(&mut some)?;
            hits.append(&mut some);
            length *= 4;
        }
        let most = hits.first().map_or(1.0, |hit| hit.score);
        for hit in &mut hits {
            hit.score /= most;
        }
        hits.retain(|hit| hit.score >= LEAST_SHARE);
        hits.truncate(limit);
        Ok(hits)
    }

    fn row(&self, id: &ContentId) -> Option<u32> {
        self.titles.binary_search(id).ok().map(|row| row as u32)
    }
}

fn role_weight(role: CreditRole) -> f32 {
    match role {
        CreditRole::Director => 1.0,
        CreditRole::Writer => 0.7,
        CreditRole::Actor => 0.6,
    }
}

fn role_bit(role: CreditRole) -> u8 {
    match role {
        CreditRole::Director => 1,
        CreditRole::Writer => 2,
        CreditRole::Actor => 4,
    }
}

/// The same in every process: the graph is rebuilt often, never stored.
fn hash(text: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(text)
}

#[cfg(test)]
mod tests;
