//! (pure) The query of a story: many words, each of which says little.

use tantivy::Score;

use super::{
    clause::{Clause, Part},
    query::{MAX_WORDS, stem, term_query},
    schema::Fields,
};

/// How much a word counts where it is in the title, or a name: a story tells what happens there.
const ELSEWHERE: Score = 0.6;

/// Clauses for titles that hold any of `words` (folded, with how much each counts). Words that the index does not know
/// are left out: among so many, guessing at a slip of the pen finds more wrong than right.
pub(super) fn told(fields: &Fields, words: &[(String, f32)]) -> Vec<Clause> {
    let clause = |(word, weight): &(String, f32)| {
        let stem = stem(word);
        let places = [
            (fields.title, stem.as_str(), ELSEWHERE),
            (fields.people, word.as_str(), ELSEWHERE),
            (fields.genres, stem.as_str(), 1.0),
            (fields.overview, stem.as_str(), 1.0),
        ];
        let places =
            places.map(|(field, word, share)| Part::unbounded(term_query(field, word)).boosted(share * weight));
        Clause { parts: places.into() }
    };
    words.iter().take(MAX_WORDS).map(clause).collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        conditions::Conditions,
        fixtures::{id, snapshot},
        keyword::KeywordQuery,
        rank::story::{Story, Told},
    };

    #[test]
    fn a_story_is_found_by_what_it_tells() {
        let (_folder, snapshot) = snapshot();
        let story = Story::of("What is the film where a waitress\nI saw it in the 2000s and she changes some lives?");
        let query = KeywordQuery { story: true, told: Some(story), ..KeywordQuery::default() };
        let hits = snapshot.search(&query, &Conditions::default(), 5).unwrap();
        assert_eq!(hits[0].content_id, id(8), "{hits:?}");
        let nothing =
            KeywordQuery { story: true, told: Some(Story::of("what was that film")), ..KeywordQuery::default() };
        assert!(snapshot.search(&nothing, &Conditions::default(), 5).unwrap().is_empty());
    }

    #[test]
    fn titles_are_told_of_with_year_and_length() {
        let (_folder, snapshot) = snapshot();
        let told = snapshot.told(&[id(8), id(10), id(99)]).unwrap();
        assert_eq!(told.get(&id(8)), Some(&Told { year: Some(2001), words: 4, genres: 0.0 }));
        assert_eq!((told[&id(10)].year, told.len()), (Some(2017), 2));
        assert!(told[&id(10)].genres > 0.0, "horror is asked for more often than others");
    }
}
