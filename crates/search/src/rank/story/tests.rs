//! What is read of a long question, and what follows from it.

use proptest::prelude::*;

use super::*;

fn eras_of(text: &str) -> Vec<(u16, u16)> {
    Story::of(text).eras.iter().map(|era| (era.from, era.to)).collect()
}

#[test]
fn years_and_decades_are_eras() {
    let table: &[(&str, &[(u16, u16)])] = &[
        ("I saw it in 1995 or so", &[(1995, 1995)]),
        ("an early 80's film", &[(1980, 1984)]),
        ("[Late 1990s] the mid-'60s", &[(1995, 1999), (1963, 1967)]),
        ("from the nineties, or the 00s", &[(1990, 1999), (2000, 2009)]),
        ("a woman in her late 50s and a man in his 20s", &[]),
        ("set in the 1880s, room 237, 3000 soldiers, 12345", &[]),
        ("", &[]),
    ];
    for (text, expected) in table {
        assert_eq!(eras_of(text), *expected, "{text}");
    }
    assert_eq!(Story::of(&"in 1999 ".repeat(50)).eras.len(), MAX_ERAS);
}

#[test]
fn words_of_asking_tell_nothing() {
    assert!(ASKING.is_sorted());
    let story = Story::of("[TOMT] Movie about a robot\nI think I saw it as a kid: the robot meets a whale, a whale!");
    let words: Vec<_> = story.words.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["robot", "meets", "whale"]);
    let weight = |name: &str| story.words.iter().find(|(word, _)| word == name).unwrap().1;
    assert!(weight("robot") > weight("whale") && weight("whale") > weight("meets"));
    assert_eq!(Story::of("a robot meets").words, [("robot".to_owned(), 1.0), ("meets".to_owned(), 1.0)]);
    assert!(Story::of("what was that movie").words.is_empty());
}

#[test]
fn neighbours_stand_beside_each_other_but_for_stop_words() {
    let story = Story::of("a robot in the desert\nI think the robot is a desert robot, and a movie whale");
    let words: Vec<_> = story.words.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["robot", "desert", "whale"]);
    assert_eq!(story.pairs, [(0, 1), (1, 0)], "words of asking part what they stand between");
    assert_eq!(Story::of("waltz").pairs, []);
}

#[test]
fn names_have_a_capital_in_the_middle_of_a_sentence() {
    let names = |text: &str| {
        let story = Story::of(text);
        story.names.iter().map(|place| story.words[*place].0.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        names("A spy called Alan\nHe meets Élise, Bond and McCoy. Then I shot the TV, in LA, near Ely's"),
        ["alan", "elise", "bond", "elys"]
    );
    assert!(names("[TOMT] Robots\n\"Where\" (Robots) fight. Robots win").is_empty());
    assert_eq!(names("he meets Bond, and Bond leaves").len(), 1, "however often it stands there");
}

#[test]
fn evidence_is_for_what_was_told_of_and_near_in_time() {
    let told = |year: u16, words: u32| Told { year: Some(year), words, genres: 0.0 };
    let timeless = Story::of("a robot meets a whale");
    assert!(timeless.evidence(&told(1995, 60)) > timeless.evidence(&told(1922, 60)));
    assert!(timeless.evidence(&told(1995, 60)) > timeless.evidence(&told(1995, 12)));
    assert!(timeless.evidence(&told(1995, 1)) > timeless.evidence(&told(1995, 0)));
    assert_eq!(timeless.evidence(&told(2015, 60)), timeless.evidence(&told(2060, 60)), "the new is not punished");
    let eighties = Story::of("a robot meets a whale in the 80s");
    let gain = |year: u16| eighties.evidence(&told(year, 60)) - timeless.evidence(&told(year, 60));
    assert_eq!((gain(1980), gain(1990)), (0.0, 0.0), "one year off is nothing");
    assert!(gain(1980) > gain(1994) && gain(1994) > gain(2004) && gain(2004) > -5.0);
    assert!(gain(1960) < 0.0 && timeless.evidence(&Told::default()).is_finite());
}

proptest! {
    #[test]
    fn any_question_is_read_within_bounds(text in any::<String>(), year in any::<Option<u16>>(), words in any::<u32>()) {
        let story = Story::of(&text);
        prop_assert!(story.eras.len() <= MAX_ERAS);
        prop_assert!(story.words.iter().all(|(word, weight)| !word.is_empty() && *weight >= 1.0));
        let evidence = story.evidence(&Told { year, words, genres: 1.0 });
        prop_assert!(evidence.abs() < 100.0);
    }

    #[test]
    fn farther_is_never_nearer(from in 1900_u16..2020, span in 0_u16..10, year in 1850_u16..2080) {
        let era = Era { from, to: from + span };
        let away = |years: u16| nearness(era, if year < from { year - years } else { year + years });
        prop_assert!(away(1) <= away(0) && away(0) <= 0.0);
    }
}
