//! Words by how rare they are, and how alike two names are. (pure)

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::text::word_likeness;

/// A name of this many nats is as telling as one can be: a word that one name in some three thousand has.
const FULL_INFORMATION: f64 = 8.0;

/// The words of two lists of names, with how rare each is.
#[derive(Default)]
pub struct Lexicon {
    ids: HashMap<String, u32>,
    words: Vec<Word>,
}

struct Word {
    text: String,
    /// Nats, among titles and among people.
    rarity: [f64; 2],
}

/// The words of one name, by how much each weighs; the weights' squares sum to one.
pub struct Words {
    key: String,
    weights: BTreeMap<u32, f64>,
}

impl Words {
    /// Its words, in order.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.weights.keys().copied()
    }

    /// The name as it is compared.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Lexicon {
    /// Counts in how many different names each word is; `true` for people, who have words of their own.
    pub fn of(names: impl Iterator<Item = (bool, String)>) -> Self {
        let names: BTreeSet<(bool, String)> = names.collect();
        let people = names.iter().filter(|(person, _)| *person).count();
        let total = [names.len() - people, people];
        let mut lexicon = Self::default();
        let mut counts: Vec<[usize; 2]> = Vec::new();
        for (person, name) in &names {
            for word in name.split_whitespace().collect::<BTreeSet<_>>() {
                let next = u32::try_from(counts.len()).unwrap_or(u32::MAX);
                let id = *lexicon.ids.entry(word.to_owned()).or_insert(next);
                if id == next {
                    counts.push([0; 2]);
                    lexicon.words.push(Word { text: word.to_owned(), rarity: [0.0; 2] });
                }
                counts[id as usize][usize::from(*person)] += 1;
            }
        }
        for (word, count) in lexicon.words.iter_mut().zip(counts) {
            word.rarity = std::array::from_fn(|of| (1.0 + total[of] as f64 / count[of].max(1) as f64).ln());
        }
        lexicon
    }

    /// A name's words; every one of them has to be of a name that was counted.
    pub fn words(&self, person: bool, name: &str) -> Words {
        let ids = name.split_whitespace().filter_map(|word| self.ids.get(word).copied());
        let mut weights: BTreeMap<u32, f64> = ids.map(|id| (id, self.rarity(id, person))).collect();
        let norm = weights.values().map(|weight| weight * weight).sum::<f64>().sqrt();
        weights.values_mut().for_each(|weight| *weight /= norm);
        Words { key: name.to_owned(), weights }
    }

    /// How alike two names are, from 0 to 1: Soft TF-IDF, made symmetric by taking each word once.
    pub fn similarity(&self, a: &Words, b: &Words) -> f64 {
        if !a.weights.is_empty() && a.ids().eq(b.ids()) {
            return 1.0;
        }
        let shared: f64 = a.weights.iter().filter_map(|(id, weight)| Some(weight * b.weights.get(id)?)).sum();
        let rest = |one: &Words, other: &Words| -> Vec<(u32, f64)> {
            one.weights
                .iter()
                .filter(|(id, _)| !other.weights.contains_key(id))
                .map(|(id, weight)| (*id, *weight))
                .collect()
        };
        let mut open = rest(b, a);
        let mut near = 0.0;
        for (id, weight) in rest(a, b) {
            let likeness = |(at, (other, _)): (usize, &(u32, f64))| {
                (word_likeness(&self.words[id as usize].text, &self.words[*other as usize].text), at)
            };
            let best = open.iter().enumerate().map(likeness).max_by(|x, y| x.0.total_cmp(&y.0));
            if let Some((likeness, at)) = best.filter(|(likeness, _)| *likeness > 0.0) {
                near += weight * open.swap_remove(at).1 * likeness;
            }
        }
        (shared + near).min(1.0)
    }

    /// How much a name tells, from 0 to 1: the rarity of its words together.
    pub fn information(&self, ids: impl Iterator<Item = u32>, person: bool) -> f64 {
        let nats: f64 = ids.map(|id| self.rarity(id, person)).sum();
        (nats / FULL_INFORMATION).min(1.0)
    }

    fn rarity(&self, id: u32, person: bool) -> f64 {
        self.words[id as usize].rarity[usize::from(person)]
    }
}
