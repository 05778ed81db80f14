//! What is told of a title, and what is left out of its story.

use proptest::prelude::*;

use super::*;
use crate::fixtures::film;

#[test]
fn sentences_end_where_they_do() {
    let table: &[(&str, &[&str])] = &[
        ("One. Two! Three? Four", &["One.", "Two!", "Three?", "Four"]),
        ("A film by J. R. Smith and Dr. Who. It is short.", &["A film by J. R. Smith and Dr. Who.", "It is short."]),
        ("It cost 1.5 million. 3 people saw it.", &["It cost 1.5 million.", "3 people saw it."]),
        ("Wait... no", &["Wait... no"]),
        ("", &[]),
    ];
    for (text, expected) in table {
        assert_eq!(sentences(text), *expected);
    }
}

#[test]
fn a_sentence_keeps_what_happens() {
    let table = [
        (
            "Dust is a 1950 drama film directed by Ann Lee and starring Bo Finch, Cy Day and Di Moss.",
            "Dust is a 1950 drama film.",
        ),
        (
            "Dust is a film written and directed by Ann Lee, about a farmer who loses his land.",
            "Dust is a film about a farmer who loses his land.",
        ),
        ("It is a comedy starring Bo Finch as a thief with a heart.", "It is a comedy as a thief with a heart."),
        ("A thief stands by the door, directed by nobody", "A thief stands by the door."),
        ("Two sisters and a brother run away.", "Two sisters and a brother run away."),
    ];
    for (sentence, expected) in table {
        assert_eq!(without_credits(sentence), expected);
    }
}

#[test]
fn a_story_has_a_passage_of_its_own() {
    let overview = "Dust is a 1950 American drama film directed by Ann Lee and starring Bo Finch, Cy Day and Di Moss. \
                    A farmer loses his land to a storm. The film was released in June and received two awards.";
    let dust = film(1, "Dust", 1950, &["drama"], &["Ann Lee", "Bo Finch"], overview);
    let passages = passages_of(&dust);
    assert_eq!(passages[0], format!("Dust (1950). Drama. Directed by Ann Lee. With Bo Finch. {overview}"));
    assert_eq!(passages[1..], ["Dust. Drama. Dust is a 1950 American drama film. A farmer loses his land to a storm."]);
    let bare = film(2, "Dust", 1950, &[], &[], "A farmer loses his land to a storm.");
    assert_eq!(passages_of(&bare).len(), 1, "its story is all there is");
    assert_eq!(passages_of(&film(3, "Dust", 1950, &[], &["Ann Lee"], "")), ["Dust (1950). Directed by Ann Lee."]);
    let received = film(4, "Dust", 1950, &[], &["Ann Lee"], "Dust received an award.");
    assert!(!passages_of(&received)[0].is_empty());
}

proptest! {
    #[test]
    fn any_overview_has_passages_within_bounds(overview in "[A-Za-z,.!? \\u{e9}\\u{4e00}]{0,400}") {
        let passages = passages_of(&film(1, "Dust", 1950, &["drama"], &["Ann Lee"], &overview));
        prop_assert!((1..=2).contains(&passages.len()));
        prop_assert!(passages.iter().all(|passage| !passage.is_empty() && passage.chars().count() <= MAX_TEXT_CHARS + 200));
        let sentences = sentences(&overview);
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        prop_assert_eq!(sentences.iter().map(|s| letters(s)).sum::<usize>(), letters(&overview), "nothing is lost");
    }
}
