//! (pure) Titles, their people and genres as a compact graph; titles near to others by what they share.
//!
//! The score is Adamic and Adar's ("Friends and neighbors on the web", 2003): what two titles share counts the less the
//! more titles have it, `Σ w(seed, n) · w(title, n) / ln(1 + degree(n))`, weighted by what the person did. A person that
//! the query names is a seed too: their own titles score by their part.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use contracts::{ContentId, CreditRole, Scored};

use crate::{keyword::TitleDoc, query::Named, text::fold};

/// What has more titles than this says nothing, and walking over it would take too long.
const MAX_DEGREE: usize = 50_000;
/// How much sharing a genre counts, beside 1 for a director.
const GENRE_WEIGHT: f32 = 0.5;
/// How much more a title of a named person counts than a title that shares something with a seed.
const NAMED_WEIGHT: f32 = 2.0;
/// What is left of that for a title in which the person did something else than is meant.
const OTHER_PART: f32 = 0.5;

/// One end of an edge, and how much it counts.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: u32,
    weight: f32,
    /// What a person did, a bit for each role; none for a genre.
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

/// Titles on one side, people and genres on the other. Immutable once built.
#[derive(Default)]
pub(crate) struct Graph {
    /// In the order of their ids.
    titles: Vec<ContentId>,
    /// Hash of a folded name (or `genre:` and an id) → node. Two names with one 64-bit hash would be one person.
    nodes: HashMap<u64, u32>,
    of_title: Rows,
    of_node: Rows,
}

impl Graph {
    /// Builds the graph of these titles; the same graph whatever their order.
    pub(crate) fn build(mut docs: Vec<TitleDoc>) -> Self {
        docs.sort_unstable_by_key(|doc| doc.id);
        docs.dedup_by_key(|doc| doc.id);
        let mut nodes: HashMap<u64, u32> = HashMap::new();
        let mut of_title = Rows { starts: vec![0], edges: Vec::new() };
        for doc in &docs {
            let mut shares: Vec<Edge> = Vec::new();
            let people = doc.people.iter().map(|(name, role)| (hash(&fold(name)), role_weight(*role), role_bit(*role)));
            let genres = doc.genres.iter().map(|genre| (hash(&format!("genre:{genre}")), GENRE_WEIGHT, 0));
            for (key, weight, roles) in people.chain(genres) {
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
    /// seeds, only those that `keep` lets pass. The best has the score 1.
    pub(crate) fn near(
        &self,
        seeds: &[ContentId],
        named: &[Named],
        limit: usize,
        keep: impl Fn(&ContentId) -> bool,
    ) -> Vec<Scored> {
        let mut scores = vec![0.0_f32; self.titles.len()];
        let seeds: Vec<u32> = seeds.iter().filter_map(|id| self.row(id)).collect();
        for seed in &seeds {
            for share in self.of_title.of(*seed) {
                self.spread(share.to, share.weight, &mut scores);
            }
        }
        for Named { name, role } in named {
            let Some(node) = self.nodes.get(&hash(name)) else { continue };
            for edge in self.of_node.of(*node) {
                let meant = role.is_none_or(|role| edge.roles & role_bit(role) != 0);
                scores[edge.to as usize] += NAMED_WEIGHT * if meant { 1.0 } else { OTHER_PART };
            }
        }
        for seed in seeds {
            scores[seed as usize] = 0.0;
        }
        self.best(&scores, limit, keep)
    }

    /// Gives every title of a node its share.
    fn spread(&self, node: u32, weight: f32, scores: &mut [f32]) {
        let titles = self.of_node.of(node);
        if titles.len() > MAX_DEGREE {
            return;
        }
        let discount = (1.0 + titles.len() as f32).ln();
        for edge in titles {
            scores[edge.to as usize] += weight * edge.weight / discount;
        }
    }

    fn best(&self, scores: &[f32], limit: usize, keep: impl Fn(&ContentId) -> bool) -> Vec<Scored> {
        let reached = scores.iter().zip(&self.titles).filter(|(score, id)| **score > 0.0 && keep(id));
        let mut hits: Vec<Scored> =
            reached.map(|(score, id)| Scored { content_id: *id, score: f64::from(*score) }).collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.content_id.cmp(&b.content_id)));
        hits.truncate(limit);
        let most = hits.first().map_or(1.0, |hit| hit.score);
        for hit in &mut hits {
            hit.score /= most;
        }
        hits
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
