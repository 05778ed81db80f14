//! (pure) Titles, their people, genres and series as a compact graph; titles near to others by random walks.
//!
//! A walk starts at a title or a person that the query names, goes from titles to what they have and from there to titles
//! that have it too, each edge as likely as it counts, and begins anew now and then; how often it stands at a title is
//! the title's score (see [`walk`]). What two titles share counts the less the more titles have it, and crews that
//! worked together elsewhere count as well.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

use contracts::{ContentId, CreditRole, Scored};

mod over;
mod series;
mod walk;

use crate::{changes::Changes, keyword::TitleDoc, query::Named, text::fold};
use over::Over;
use series::Member;
use walk::Walk;

/// How much sharing a genre counts, beside 1 for a director.
const GENRE_WEIGHT: f32 = 0.5;
/// How much being of one series counts.
const SERIES_WEIGHT: f32 = 1.0;
/// Set in the roles of an edge to a series from a title that says itself that it is a part.
const PART: u8 = 8;
/// A title with less than this share of the best one's score is not near: those of a named person come, not everything of their genres.
const LEAST_SHARE: f64 = 0.02;

/// How many titles are looked at first for what may pass; then four times as many, and so on.
const FIRST_LOOK: usize = 512;

/// One end of an edge, and how much it counts.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: u32,
    weight: f32,
    /// What a person did, a bit for each role; [`PART`] or none for a series, none for a genre.
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

/// Titles on one side, people, genres and series on the other, all joined at once. Immutable once built.
#[derive(Default)]
struct Joined {
    /// In the order of their ids.
    titles: Vec<ContentId>,
    /// Hash of a folded name (or `genre:` and an id, `series:` and a name) → node. Two names with one 64-bit hash would be one person.
    nodes: HashMap<u64, u32>,
    of_title: Rows,
    of_node: Rows,
}

impl Joined {
    fn build(mut docs: Vec<TitleDoc>) -> Self {
        docs.sort_unstable_by_key(|doc| doc.id);
        docs.dedup_by_key(|doc| doc.id);
        let series = series::of(&docs);
        let mut nodes: HashMap<u64, u32> = HashMap::new();
        let mut of_title = Rows { starts: vec![0], edges: Vec::new() };
        for (doc, series) in docs.iter().zip(&series) {
            let mut shares = shares(doc, series.as_ref(), |key| {
                let new = nodes.len() as u32;
                *nodes.entry(key).or_insert(new)
            });
            of_title.edges.append(&mut shares);
            of_title.starts.push(of_title.edges.len());
        }
        let of_node = of_title.transposed(nodes.len());
        Self { titles: docs.into_iter().map(|doc| doc.id).collect(), nodes, of_title, of_node }
    }

    fn row(&self, id: &ContentId) -> Option<u32> {
        self.titles.binary_search(id).ok().map(|row| row as u32)
    }
}

/// All titles as they were joined at once, and over that what changed since: the scores are those of all titles joined
/// anew, to the last bit, since every walk meets the same edges in the same order. Immutable once built.
#[derive(Default)]
pub(crate) struct Graph {
    base: Arc<Joined>,
    over: Over,
}

impl Graph {
    /// Builds the graph of these titles; the same graph whatever their order.
    pub(crate) fn build(docs: Vec<TitleDoc>) -> Self {
        Self { base: Arc::new(Joined::build(docs)), over: Over::default() }
    }

    /// The graph after `changes` of the titles that it was built of. `called` gives those titles whose whole name,
    /// folded, is this one, and how each is written.
    pub(crate) fn after<'a>(&self, changes: &Changes, called: impl Fn(&str) -> BTreeMap<ContentId, &'a str>) -> Self {
        Self { base: Arc::clone(&self.base), over: Over::of(&self.base, changes, called) }
    }

    /// How many titles it joins.
    pub(crate) fn len(&self) -> usize {
        self.base.titles.len() - self.over.gone.len() + self.over.titles.len()
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
            named.iter().filter_map(|named| Some((self.node(&named.name)?, named.role))).collect();
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
        let titles = reached.into_iter().filter_map(|(row, score)| Some((self.id(row)?, score)));
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

    /// Rows of the base come first, then those over it.
    fn row(&self, id: &ContentId) -> Option<u32> {
        match self.over.titles.binary_search(id) {
            Ok(place) => Some((self.base.titles.len() + place) as u32),
            Err(_) => self.base.row(id).filter(|row| !self.over.is_gone(*row)),
        }
    }

    fn id(&self, row: u32) -> Option<ContentId> {
        let (row, titles) = (row as usize, &self.base.titles);
        titles.get(row).or_else(|| self.over.titles.get(row - titles.len())).copied()
    }

    /// The node of a folded name, where any title still has it.
    fn node(&self, name: &str) -> Option<u32> {
        let key = hash(name);
        let node = self.base.nodes.get(&key).or_else(|| self.over.nodes.get(&key)).copied();
        node.filter(|node| self.titles_of(*node) > 0)
    }

    /// What a title has.
    fn of_title(&self, row: u32) -> &[Edge] {
        self.over.of_title.get(&row).map_or_else(|| self.base.of_title.of(row), Vec::as_slice)
    }

    /// How many titles have this.
    fn titles_of(&self, node: u32) -> usize {
        let titles = self.base.of_node.of(node).len();
        self.over.of_node.get(&node).map_or(titles, |other| titles - other.gone.len() + other.new.len())
    }

    /// The titles that have this, in the order of their ids: sums depend on it.
    fn of_node(&self, node: u32) -> Cow<'_, [Edge]> {
        let base = self.base.of_node.of(node);
        let Some(other) = self.over.of_node.get(&node) else { return Cow::Borrowed(base) };
        let stay = base.iter().filter(|edge| other.gone.binary_search(&edge.to).is_err());
        let mut edges: Vec<Edge> = stay.chain(&other.new).copied().collect();
        edges.sort_by_key(|edge| self.id(edge.to));
        Cow::Owned(edges)
    }
}

/// What a title has, each once, under the nodes that `node` gives for their keys: people, then genres, then the series.
fn shares(doc: &TitleDoc, series: Option<&Member>, mut node: impl FnMut(u64) -> u32) -> Vec<Edge> {
    let people = doc.people.iter().map(|(name, role)| (hash(&fold(name)), role_weight(*role), role_bit(*role)));
    let genres = doc.genres.iter().map(|genre| (hash(&format!("genre:{genre}")), GENRE_WEIGHT, 0));
    let series = series.map(|of| (series_key(&of.name), SERIES_WEIGHT, if of.is_part { PART } else { 0 }));
    let mut shares: Vec<Edge> = Vec::new();
    for (key, weight, roles) in people.chain(genres).chain(series) {
        let to = node(key);
        match shares.iter_mut().find(|edge| edge.to == to) {
            Some(edge) => (edge.weight, edge.roles) = (edge.weight.max(weight), edge.roles | roles),
            None => shares.push(Edge { to, weight, roles }),
        }
    }
    shares
}

fn series_key(name: &str) -> u64 {
    hash(&format!("series:{name}"))
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

/// The same in every process: what is derived is rebuilt often, never stored.
pub(crate) fn hash(text: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(text)
}

#[cfg(test)]
mod tests;
