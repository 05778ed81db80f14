//! (pure) Where random walks from some titles and people stand: personalised PageRank.
//!
//! The measure is Haveliwala's ("Topic-sensitive PageRank", WWW 2002). It is computed from the start outwards by pushing
//! what has not walked on yet, which touches only what is near (Andersen, Chung and Lang, "Local graph partitioning using
//! PageRank vectors", FOCS 2006): whatever the size of the graph, at most `1 / (RESTART · TOLERANCE)` edges are walked.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, VecDeque},
};

use contracts::CreditRole;

use super::{Edge, Graph, role_bit};

/// How likely a walk begins anew at each step: from a title to a person to a title is the usual way.
pub(super) const RESTART: f64 = 0.3;
/// What is left of a place, by edge, when it is not pushed on any more.
pub(super) const TOLERANCE: f64 = 5e-6;
/// How much less likely the walk goes from a person who is named to a title in which they did something else than is
/// meant.
const OTHER_PART: f32 = 0.5;

/// One side of the graph or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Title(u32),
    Node(u32),
}

/// Walks over `graph`; the people who are named are starts too.
pub(super) struct Walk<'a> {
    graph: &'a Graph,
    people: &'a [(u32, Option<CreditRole>)],
    /// What arrived at each place and has not walked on.
    waiting: HashMap<Place, f64>,
    /// How often a walk stands at each title.
    reached: HashMap<u32, f64>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(graph: &'a Graph, people: &'a [(u32, Option<CreditRole>)]) -> Self {
        Self { graph, people, waiting: HashMap::new(), reached: HashMap::new() }
    }

    /// Walks from `titles` and the people, all alike: how likely a walk stands at each title that it can reach.
    pub(super) fn from(mut self, titles: &[u32]) -> HashMap<u32, f64> {
        let people = self.people.iter().map(|(node, _)| Place::Node(*node));
        let mut seen = HashSet::new();
        let starts: Vec<Place> =
            titles.iter().map(|row| Place::Title(*row)).chain(people).filter(|place| seen.insert(*place)).collect();
        for place in &starts {
            self.waiting.insert(*place, 1.0 / starts.len() as f64);
        }
        let mut queue: VecDeque<Place> = starts.into();
        while let Some(place) = queue.pop_front() {
            let mass = self.waiting.get(&place).copied().unwrap_or_default();
            if mass <= TOLERANCE * self.graph.degree(place) as f64 {
                continue;
            }
            let edges = self.edges_of(place);
            self.waiting.remove(&place);
            self.stand(place, RESTART * mass);
            self.push(place, &edges, (1.0 - RESTART) * mass, &mut queue);
        }
        // What still waits would begin anew where it is with this likelihood.
        for (place, mass) in std::mem::take(&mut self.waiting) {
            self.stand(place, RESTART * mass);
        }
        self.reached
    }

    fn edges_of(&self, place: Place) -> Cow<'a, [Edge]> {
        match place {
            Place::Title(row) => Cow::Borrowed(self.graph.of_title(row)),
            Place::Node(node) => self.graph.of_node(node),
        }
    }

    fn stand(&mut self, place: Place, mass: f64) {
        if let Place::Title(row) = place {
            *self.reached.entry(row).or_default() += mass;
        }
    }

    /// Gives what walks on to the ends of `edges`, each by its weight.
    fn push(&mut self, place: Place, edges: &[Edge], mass: f64, queue: &mut VecDeque<Place>) {
        let meant = match place {
            Place::Node(node) => self.people.iter().find(|(named, _)| *named == node).and_then(|(_, role)| *role),
            Place::Title(_) => None,
        };
        let weight = |edge: &Edge| match meant {
            Some(role) if edge.roles & role_bit(role) == 0 => f64::from(edge.weight * OTHER_PART),
            Some(_) => 1.0,
            None => f64::from(edge.weight),
        };
        let all: f64 = edges.iter().map(weight).sum();
        for edge in edges {
            let to = match place {
                Place::Title(_) => Place::Node(edge.to),
                Place::Node(_) => Place::Title(edge.to),
            };
            let waiting = self.waiting.entry(to).or_default();
            let threshold = TOLERANCE * self.graph.degree(to) as f64;
            let waited = *waiting > threshold;
            *waiting += mass * weight(edge) / all;
            if !waited && *waiting > threshold {
                queue.push_back(to);
            }
        }
    }
}

impl Graph {
    fn degree(&self, place: Place) -> usize {
        match place {
            Place::Title(row) => self.of_title(row).len(),
            Place::Node(node) => self.titles_of(node),
        }
    }
}
