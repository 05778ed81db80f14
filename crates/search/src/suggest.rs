//! (pure) Completes what someone types: titles, people and genres by a prefix of their names, the likely first.
//!
//! A name is found from its start, a title also without its article and from each of its first words, a person also
//! from the last name. All names are sorted at once; what changed since is looked at beside them, and what it takes the
//! place of is passed over, so that what is found is what all names sorted anew would give.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use contracts::{ContentId, CreditRole, MAX_SUGGESTIONS, Suggestion, SuggestionKind, genres};

mod names;

use crate::{changes::Changes, keyword::TitleDoc, text::fold};
use names::{Entry, HELD, Match, Names};

/// The people of a title that are worth suggesting; the catalogue lists the important first.
const MAX_PEOPLE: usize = 20;
/// How many of the best are asked for where not all of them suit who asks.
pub(crate) const KEPT: usize = 10 * MAX_SUGGESTIONS;

/// The titles and people of one reading of the whole catalogue. Immutable once built.
#[derive(Default)]
struct Base {
    /// Titles in the order of their ids, then people.
    names: Names,
    /// How many of the first entries are titles.
    titles: usize,
    /// The people whose name is written in more than one way: each way, and in how many titles.
    spellings: HashMap<u32, Vec<(Box<str>, u32)>>,
    /// How many titles have each genre, by its id.
    genres: BTreeMap<String, u32>,
}

impl Base {
    fn build(docs: &[TitleDoc]) -> Self {
        let mut base = Self { titles: docs.len(), ..Self::default() };
        for doc in docs {
            base.names.add_title(doc);
            count_genres(&mut base.genres, doc, 1);
        }
        for (folded, tally) in tallies(docs.iter().map(|doc| (doc, 1))) {
            let ways = tally.iter().map(|(name, titles)| (*name, titles.unsigned_abs()));
            let spelt: Vec<(&str, u32)> = ways.collect();
            let person = base.names.add_person(&folded, &spelt);
            if spelt.len() > 1 {
                let owned: Vec<(Box<str>, u32)> =
                    spelt.into_iter().map(|(name, titles)| (name.into(), titles)).collect();
                base.spellings.insert(person, owned);
            }
        }
        base.names.sort();
        base.names.keep_crowded();
        base
    }

    fn title(&self, id: ContentId) -> Option<u32> {
        let titles = &self.names.entries[..self.titles];
        titles.binary_search_by(|entry| entry.id().cmp(&Some(id))).ok().map(|entry| entry as u32)
    }

    fn person(&self, folded: &str) -> Option<u32> {
        let mut named = self.names.named(folded);
        named.find(|(_, entry)| entry.kind() == SuggestionKind::Person).map(|(person, _)| person)
    }

    /// How a name is written once `tally` is added to what is known of the person: each way, and in how many titles.
    fn spelt<'a>(&'a self, person: Option<u32>, tally: &[(&'a str, i32)]) -> Vec<(&'a str, u32)> {
        let mut spelt: Vec<(&'a str, u32)> = match person {
            None => Vec::new(),
            Some(person) => match self.spellings.get(&person) {
                Some(all) => all.iter().map(|(name, titles)| (&**name, *titles)).collect(),
                None => self.names.entries[person as usize].person().into_iter().collect(),
            },
        };
        for (name, by) in tally {
            match spelt.iter_mut().find(|(known, _)| known == name) {
                Some((_, titles)) => *titles = titles.saturating_add_signed(*by),
                None => spelt.push((*name, u32::try_from(*by).unwrap_or(0))),
            }
        }
        spelt.retain(|(_, titles)| *titles > 0);
        spelt
    }
}

/// Everything that can be suggested. Immutable once built.
#[derive(Default)]
pub(crate) struct Suggester {
    base: Arc<Base>,
    /// Entries of the base that are no more, or have another over it.
    gone: HashSet<u32>,
    /// What changed since, and the genres.
    over: Names,
    /// The best of those crowded prefixes of which the base no longer holds enough, in place of what it holds.
    renewed: HashMap<String, Vec<Match>>,
}

impl Suggester {
    /// Builds it from the catalogue's titles, in the order of their ids and each once.
    pub(crate) fn build(docs: &[TitleDoc]) -> Self {
        Self { base: Arc::new(Base::build(docs)), ..Self::default() }.after(&Changes::default())
    }

    /// What can be suggested after `changes` of the titles that it was built from.
    pub(crate) fn after(&self, changes: &Changes) -> Self {
        let (base, mut gone) = (&*self.base, HashSet::new());
        let (mut over, mut lost) = (Names::default(), Names::default());
        for (id, change) in changes.iter() {
            if !change.keeps(|doc| (&doc.title, &doc.other_titles, doc.year, doc.weight)) {
                gone.extend(base.title(*id));
                change.was.iter().for_each(|doc| lost.add_title(doc));
                change.is.iter().for_each(|doc| over.add_title(doc));
            }
        }
        for (folded, tally) in tallies(changes.counted()) {
            let person = base.person(&folded);
            if let Some(person) = person {
                gone.insert(person);
                lost.add_person(&folded, &[]);
            }
            let spelt = base.spelt(person, &tally);
            if !spelt.is_empty() {
                over.add_person(&folded, &spelt);
            }
        }
        let mut held = base.genres.clone();
        changes.counted().for_each(|(doc, by)| count_genres(&mut held, doc, by));
        let mut named: Vec<&str> =
            held.iter().filter(|(_, titles)| **titles > 0).filter_map(|(id, _)| genres::name(id)).collect();
        named.sort_by_cached_key(|name| fold(name));
        named.into_iter().for_each(|name| over.add_genre(name));
        over.sort();
        lost.sort();
        let mut after = Self { base: Arc::clone(&self.base), gone, over, renewed: HashMap::new() };
        after.renew(&lost);
        after
    }

    /// Makes the lists of crowded prefixes anew that hold too few: what changes often is often what is popular, and
    /// nobody should walk through such a prefix at each keystroke. `lost` are the names of what is gone.
    fn renew(&mut self, lost: &Names) {
        for prefix in lost.crowded(HELD - KEPT) {
            let Some(kept) = self.base.names.kept.get(&prefix) else { continue };
            if self.base.names.still(kept, KEPT, &self.gone, &self.beside(&prefix, KEPT)).is_none() {
                let best = self.base.names.best(&prefix, HELD, &self.gone);
                self.renewed.insert(prefix, best);
            }
        }
    }

    /// The best of what changed since.
    fn beside(&self, folded: &str, limit: usize) -> Vec<(f32, &Entry)> {
        self.over.begin(folded, limit, &HashSet::new(), None, &[])
    }

    /// What is kept of a crowded prefix of the base.
    fn kept(&self, folded: &str) -> Option<&[Match]> {
        self.renewed.get(folded).or_else(|| self.base.names.kept.get(folded)).map(Vec::as_slice)
    }

    /// The titles that it was built from whose whole name, folded, is this one, each once, and how it is written.
    pub(crate) fn called(&self, folded: &str) -> BTreeMap<ContentId, &str> {
        let named = self.base.names.named(folded);
        let titles = named.filter_map(|(_, entry)| Some((entry.id()?, &*entry.text)));
        titles.filter(|(_, title)| fold(title) == folded).collect()
    }

    /// What starts with `folded`, the likely first, at most `limit`.
    pub(crate) fn complete(&self, folded: &str, limit: usize) -> Vec<Suggestion> {
        let mut found = self.beside(folded, limit);
        let base = self.base.names.begin(folded, limit, &self.gone, self.kept(folded), &found);
        found.extend(base);
        found.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.place().cmp(&other.place())));
        found.truncate(limit);
        found.into_iter().map(|(_, entry)| entry.suggestion()).collect()
    }
}

/// How each name (folded) is written, each way with how many titles more there are of it than there were; what comes to
/// none is left out.
fn tallies<'a>(docs: impl Iterator<Item = (&'a TitleDoc, i32)>) -> BTreeMap<String, Vec<(&'a str, i32)>> {
    let mut tallies: BTreeMap<String, Vec<(&'a str, i32)>> = BTreeMap::new();
    for (doc, by) in docs {
        for name in suggested(doc) {
            // Hardly anybody's name is written in two ways.
            let tally = tallies.entry(fold(name)).or_insert_with(|| Vec::with_capacity(1));
            match tally.iter_mut().find(|(known, _)| *known == name) {
                Some((_, titles)) => *titles += by,
                None => tally.push((name, by)),
            }
        }
    }
    tallies.remove("");
    tallies.retain(|_, tally| {
        tally.retain(|(_, titles)| *titles != 0);
        !tally.is_empty()
    });
    tallies
}

/// The people of a title that are suggested, each once.
fn suggested(doc: &TitleDoc) -> Vec<&str> {
    let mut people: Vec<&str> = Vec::new();
    for (name, _) in doc.people.iter().filter(|(_, role)| *role != CreditRole::Writer).take(MAX_PEOPLE) {
        if !people.contains(&name.as_str()) {
            people.push(name);
        }
    }
    people
}

fn count_genres(genres: &mut BTreeMap<String, u32>, doc: &TitleDoc, by: i32) {
    for genre in &doc.genres {
        match genres.get_mut(genre) {
            Some(titles) => *titles = titles.saturating_add_signed(by),
            None => {
                genres.insert(genre.clone(), u32::try_from(by).unwrap_or(0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{self, changes, histories};

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

    /// Films whose names begin alike.
    fn crowd() -> Vec<TitleDoc> {
        let film = |number| fixtures::film(number, &format!("The Film {number}"), 2000, &[], &[], "");
        (1..=600).map(|number| TitleDoc::of(&film(number))).collect()
    }

    #[test]
    fn what_is_kept_apart_is_what_the_keys_say() {
        let suggester = Suggester::build(&crowd());
        let names = &suggester.base.names;
        let mut kept: Vec<&str> = names.kept.keys().map(String::as_str).collect();
        kept.sort_unstable();
        assert_eq!(kept[..4], ["f", "fi", "fil", "film"]);
        assert!(kept.contains(&"the film ") && !kept.contains(&"the film 1"));
        for prefix in kept {
            let (best, walked) = (&names.kept[prefix], names.best(prefix, HELD, &HashSet::new()));
            assert_eq!((best.len(), best), (HELD, &walked), "{prefix}");
            assert_eq!(suggester.complete(prefix, MAX_SUGGESTIONS).len(), MAX_SUGGESTIONS, "{prefix}");
        }
    }

    #[test]
    fn what_is_gone_from_what_is_kept_makes_room() {
        let before = crowd();
        let suggester = Suggester::build(&before);
        for gone in [1, HELD - MAX_SUGGESTIONS, HELD, 590] {
            let after = &before[gone..];
            let followed = suggester.after(&changes(&before, after));
            for limit in [MAX_SUGGESTIONS, KEPT] {
                let expected = Suggester::build(after).complete("film", limit);
                assert_eq!(followed.complete("film", limit), expected, "{gone} are gone");
                assert_eq!(expected.len(), limit.min(after.len()));
            }
        }
    }

    #[test]
    fn nobody_walks_through_a_crowded_prefix_at_a_keystroke() {
        let before = crowd();
        let suggester = Suggester::build(&before);
        let weighing = |many: usize, weight: u16| {
            let mut after = before.clone();
            after[..many].iter_mut().for_each(|doc| doc.weight = weight);
            after
        };
        let usual = before[0].weight;
        for (after, is_renewed, told) in [
            (before[HELD - KEPT..].to_vec(), false, "enough are left"),
            (before[HELD - KEPT + 1..].to_vec(), true, "too few are left"),
            (before[590..].to_vec(), true, "few are left at all"),
            (weighing(150, usual + 1), false, "they come first again"),
            (weighing(150, usual - 1), true, "others come before them"),
        ] {
            let (followed, whole) = (suggester.after(&changes(&before, &after)), Suggester::build(&after));
            for prefix in suggester.base.names.kept.keys() {
                let (kept, beside) = (followed.kept(prefix).unwrap(), followed.beside(prefix, KEPT));
                let still = followed.base.names.still(kept, KEPT, &followed.gone, &beside);
                assert!(still.is_some(), "{told}: {prefix} is walked through");
                assert_eq!(followed.renewed.contains_key(prefix), is_renewed, "{told}: {prefix}");
                assert_eq!(followed.complete(prefix, KEPT), whole.complete(prefix, KEPT), "{told}: {prefix}");
            }
        }
    }

    #[test]
    fn a_name_is_shown_as_most_titles_write_it() {
        let film = |number, name| fixtures::film(number, "Film", 2000, &[], &[name], "");
        let docs = [film(1, "Zoe Ray"), film(2, "Zoë Ray"), film(3, "Zoë Ray")].map(|film| TitleDoc::of(&film));
        let shown = |suggester: &Suggester| -> Vec<String> {
            suggester.complete("zoe", 5).into_iter().map(|one| one.text).collect()
        };
        let suggester = Suggester::build(&docs);
        assert_eq!(shown(&suggester), ["Zoë Ray"]);
        assert_eq!(shown(&suggester.after(&changes(&docs, &docs[..2]))), ["Zoe Ray"], "of two ways the first");
        assert_eq!(shown(&suggester.after(&changes(&docs, &docs[..0]))), [""; 0]);
    }

    proptest! {
        #[test]
        fn what_changed_is_completed_as_if_all_were_sorted_anew((before, after) in histories()) {
            let followed = Suggester::build(&before).after(&changes(&before, &after));
            let whole = Suggester::build(&after);
            for prefix in ["a", "alien", "alien 2", "the", "heat", "j", "l", "lee", "ann lee", "r", "d", "drama", "c"] {
                for limit in [1, 3, KEPT] {
                    prop_assert_eq!(followed.complete(prefix, limit), whole.complete(prefix, limit), "{}", prefix);
                }
            }
        }
    }
}
