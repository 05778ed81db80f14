//! (pure) Completes what someone types: titles, people and genres by a prefix of their names, the likely first.
//!
//! A name is found from its start, a title also without its article and from each of its first words, a person also
//! from the last name. The keys are sorted, so that a prefix is a range of them; ranges that hold too many to walk
//! through at each keystroke have their best kept apart.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use contracts::{ContentId, CreditRole, MAX_SUGGESTIONS, Suggestion, SuggestionKind, genres};

use crate::{keyword::TitleDoc, text::fold};

/// The words of a title that it is found from.
const MAX_STARTS: usize = 6;
/// The people of a title that are worth suggesting; the catalogue lists the important first.
const MAX_PEOPLE: usize = 20;
/// More keys than this are not walked through at a keystroke: the best of their prefix are kept apart, up to this many
/// letters. No longer prefix is that crowded.
const MAX_WALKED: usize = 500;
const LONGEST_KEPT: usize = 16;
/// How many of the best are kept: more than are shown, for those whom not all of them suit.
pub(crate) const KEPT: usize = 10 * MAX_SUGGESTIONS;
/// What a name that is found from its start has before one that is found from a later word.
const FROM_START: f32 = 0.3;
/// What a name has that is all that was typed.
const WHOLE: f32 = 2.0;

/// Someone or something with a name.
struct Entry {
    text: Box<str>,
    kind: SuggestionKind,
    title: Option<(ContentId, Option<u16>)>,
    weight: f32,
}

/// A folded name or the end of one.
struct Key {
    text: Range<usize>,
    entry: u32,
    from_start: bool,
}

/// Everything that can be suggested. Immutable once built.
#[derive(Default)]
pub(crate) struct Suggester {
    entries: Vec<Entry>,
    /// All keys' text, one after the other.
    texts: String,
    /// In the order of their text.
    keys: Vec<Key>,
    kept: HashMap<String, Vec<u32>>,
}

impl Suggester {
    /// Builds it from the catalogue's titles.
    pub(crate) fn build(docs: &[TitleDoc]) -> Self {
        let mut suggester = Self::default();
        for doc in docs {
            let title = Some((doc.id, doc.year));
            let weight = 0.5 + doc.popularity();
            let entry = suggester.add(&doc.title, SuggestionKind::Title, title, weight);
            for title in std::iter::once(&doc.title).chain(&doc.other_titles) {
                suggester.add_starts(&fold(title), entry);
            }
        }
        for (folded, (name, titles)) in people(docs) {
            // From 0 for one title to about 1 for two hundred.
            let weight = (titles as f32).ln() / 200.0_f32.ln();
            let entry = suggester.add(name, SuggestionKind::Person, None, weight);
            suggester.add_key(&folded, entry, true);
            if let Some((_, last)) = folded.rsplit_once(' ') {
                suggester.add_key(last, entry, false);
            }
        }
        let mut held: Vec<&String> = docs.iter().flat_map(|doc| &doc.genres).collect();
        held.sort_unstable();
        held.dedup();
        for name in held.into_iter().filter_map(|id| genres::name(id)) {
            let entry = suggester.add(name, SuggestionKind::Genre, None, 1.5);
            suggester.add_key(&fold(name), entry, true);
        }
        suggester.sort();
        suggester
    }

    fn add(&mut self, text: &str, kind: SuggestionKind, title: Option<(ContentId, Option<u16>)>, weight: f32) -> u32 {
        self.entries.push(Entry { text: text.into(), kind, title, weight });
        (self.entries.len() - 1) as u32
    }

    fn add_starts(&mut self, folded: &str, entry: u32) {
        let starts = std::iter::once(0).chain(folded.match_indices(' ').map(|(at, _)| at + 1));
        let article = ["the ", "a ", "an "].into_iter().find(|article| folded.starts_with(article)).map_or(0, str::len);
        for at in starts.take(MAX_STARTS) {
            self.add_key(&folded[at..], entry, at == 0 || at == article);
        }
    }

    fn add_key(&mut self, text: &str, entry: u32, from_start: bool) {
        if !text.is_empty() {
            let from = self.texts.len();
            self.texts.push_str(text);
            self.keys.push(Key { text: from..self.texts.len(), entry, from_start });
        }
    }

    fn sort(&mut self) {
        let texts = &self.texts;
        self.keys
            .sort_unstable_by(|a, b| texts[a.text.clone()].cmp(&texts[b.text.clone()]).then(a.entry.cmp(&b.entry)));
        let crowded = self.crowded();
        self.kept = crowded
            .into_iter()
            .map(|prefix| {
                let best = self.best(&prefix, KEPT);
                (prefix, best)
            })
            .collect();
    }

    /// The prefixes that more keys begin with than are walked through at a keystroke.
    fn crowded(&self) -> Vec<String> {
        let mut crowded = Vec::new();
        for letters in 1..=LONGEST_KEPT {
            let mut run: (&str, usize) = ("", 0);
            for key in &self.keys {
                let text = &self.texts[key.text.clone()];
                let Some((end, last)) = text.char_indices().nth(letters - 1) else { continue };
                let prefix = &text[..end + last.len_utf8()];
                run = if run.0 == prefix { (prefix, run.1 + 1) } else { (prefix, 1) };
                if run.1 == MAX_WALKED + 1 {
                    crowded.push(prefix.to_owned());
                }
            }
        }
        crowded
    }

    /// What starts with `folded`, the likely first, at most `limit`.
    pub(crate) fn complete(&self, folded: &str, limit: usize) -> Vec<Suggestion> {
        let best = match self.kept.get(folded) {
            Some(kept) => kept.iter().copied().take(limit).collect(),
            None => self.best(folded, limit),
        };
        let suggestion = |entry: &Entry| Suggestion {
            text: entry.text.to_string(),
            kind: entry.kind,
            content_id: entry.title.map(|(id, _)| id),
            year: entry.title.and_then(|(_, year)| year),
        };
        best.into_iter().filter_map(|entry| self.entries.get(entry as usize)).map(suggestion).collect()
    }

    fn best(&self, prefix: &str, limit: usize) -> Vec<u32> {
        if prefix.is_empty() {
            return Vec::new();
        }
        let text = |key: &Key| &self.texts[key.text.clone()];
        let from = self.keys.partition_point(|key| text(key) < prefix);
        let mut weights: HashMap<u32, f32> = HashMap::new();
        for key in self.keys[from..].iter().take_while(|key| text(key).starts_with(prefix)) {
            let entry = &self.entries[key.entry as usize];
            let whole = if key.text.len() == prefix.len() { WHOLE } else { 0.0 };
            let weight = entry.weight + if key.from_start { FROM_START + whole } else { 0.0 };
            let known = weights.entry(key.entry).or_insert(weight);
            *known = known.max(weight);
        }
        let mut best: Vec<(u32, f32)> = weights.into_iter().collect();
        let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if best.len() > limit && limit > 0 {
            best.select_nth_unstable_by(limit - 1, order);
            best.truncate(limit);
        }
        best.sort_unstable_by(order);
        best.truncate(limit);
        best.into_iter().map(|(entry, _)| entry).collect()
    }
}

/// Everyone by folded name, as first written, and in how many titles they are.
fn people(docs: &[TitleDoc]) -> BTreeMap<String, (&str, usize)> {
    let mut people: BTreeMap<String, (&str, usize)> = BTreeMap::new();
    for doc in docs {
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in doc.people.iter().filter(|(_, role)| *role != CreditRole::Writer).take(MAX_PEOPLE) {
            if !seen.contains(&name.as_str()) {
                seen.push(name);
                people.entry(fold(name)).or_insert((name, 0)).1 += 1;
            }
        }
    }
    people.remove("");
    people
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn suggester() -> Suggester {
        Suggester::build(&fixtures::films().iter().map(TitleDoc::of).collect::<Vec<_>>())
    }

    fn texts(prefix: &str) -> Vec<String> {
        suggester().complete(prefix, 5).into_iter().map(|suggestion| suggestion.text).collect()
    }

    #[test]
    fn names_are_completed_from_their_words() {
        assert_eq!(texts("matr"), ["The Matrix", "The Matrix Reloaded"], "the popular first, without the article");
        assert_eq!(texts("the matrix r"), ["The Matrix Reloaded"]);
        assert_eq!(texts("reloaded"), ["The Matrix Reloaded"]);
        assert_eq!(texts("amelie"), ["Amélie"]);
        assert_eq!(texts("pacino"), ["Al Pacino"]);
        assert_eq!(texts("al p"), ["Al Pacino"]);
        assert_eq!(texts("les vac"), ["Monsieur Hulot's Holiday"], "found by its other title");
        assert_eq!(texts("science f"), ["Science fiction"]);
        assert_eq!(texts("it")[0], "It", "a whole name comes first");
        assert!(texts("zzz").is_empty() && texts("").is_empty());
        assert!(suggester().complete("m", 3).len() == 3 && suggester().complete("m", 0).is_empty());
    }

    #[test]
    fn a_title_says_which_it_is() {
        let found = suggester().complete("heat", 5);
        let shown: Vec<_> = found.iter().map(|s| (s.text.as_str(), s.kind, s.content_id, s.year)).collect();
        let heat = |number, year| ("Heat", SuggestionKind::Title, Some(fixtures::id(number)), Some(year));
        assert_eq!(shown, [heat(3, 1995), heat(4, 1986)]);
        let person = &suggester().complete("keanu", 5)[0];
        assert_eq!((person.kind, person.content_id, person.year), (SuggestionKind::Person, None, None));
    }

    #[test]
    fn what_is_kept_apart_is_what_the_keys_say() {
        let films =
            (0..600_u128).map(|number| fixtures::film(number, &format!("The Film {number}"), 2000, &[], &[], ""));
        let suggester = Suggester::build(&films.map(|film| TitleDoc::of(&film)).collect::<Vec<_>>());
        let mut kept: Vec<&str> = suggester.kept.keys().map(String::as_str).collect();
        kept.sort_unstable();
        assert_eq!(kept[..4], ["f", "fi", "fil", "film"]);
        assert!(kept.contains(&"the film ") && !kept.contains(&"the film 1"));
        for prefix in kept {
            let (best, walked) = (&suggester.kept[prefix], suggester.best(prefix, KEPT));
            assert_eq!((best.len(), best), (KEPT, &walked), "{prefix}");
            assert_eq!(suggester.complete(prefix, MAX_SUGGESTIONS).len(), MAX_SUGGESTIONS, "{prefix}");
        }
    }
}
