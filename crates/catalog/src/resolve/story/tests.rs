//! Stories as a table: what is uncertain, how alike the overviews are, and what becomes of it.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn id(n: usize) -> ContentId {
    ContentId(Uuid::from_u128(n as u128))
}

/// Titles that the stages before left uncertain, by the likeness of their overviews.
fn uncertain(count: usize) -> Resolution {
    let one = |n| Match { id: id(n), confidence: 0.5, evidence: "title, year".to_owned(), open: Some(Open::TooLittle) };
    Resolution { uncertain: (0..count).map(one).collect(), ..Resolution::default() }
}

fn decide(cosines: &[Option<f64>]) -> Resolution {
    by_story(uncertain(cosines.len()), |one| cosines[(0..cosines.len()).find(|n| id(*n) == one).unwrap()])
}

/// The likeness of each title's overview; which one joins; which are others; which stay uncertain.
type Row = (&'static [Option<f64>], Option<usize>, &'static [usize], &'static [usize]);

#[test]
fn a_story_decides_where_it_is_clear() {
    let table: [Row; 11] = [
        (&[Some(0.93)], Some(0), &[], &[]),
        (&[Some(SAME_STORY)], Some(0), &[], &[]),
        (&[Some(SAME_STORY - 0.01)], None, &[], &[0]),
        (&[Some(OTHER_STORY + 0.01)], None, &[], &[0]),
        (&[Some(OTHER_STORY)], None, &[0], &[]),
        (&[Some(-0.2)], None, &[0], &[]),
        (&[None], None, &[], &[0]),
        (&[Some(0.4), Some(0.95)], Some(1), &[], &[]),
        // a rival that is nearly as alike, one that says nothing, and one that is out of the question
        (&[Some(0.95), Some(0.9)], None, &[], &[0, 1]),
        (&[Some(0.95), None], None, &[], &[0, 1]),
        (&[Some(0.05), Some(0.95)], Some(1), &[0], &[]),
    ];
    for (cosines, joined, apart, left) in table {
        let found = decide(cosines);
        assert_eq!(found.joined.as_ref().map(|one| one.id), joined.map(id), "{cosines:?}");
        assert_eq!(
            found.apart.iter().map(|one| one.0).collect::<Vec<_>>(),
            apart.iter().map(|n| id(*n)).collect::<Vec<_>>()
        );
        let uncertain: Vec<_> = found.uncertain.iter().map(|one| one.id).collect();
        assert_eq!(uncertain, left.iter().map(|n| id(*n)).collect::<Vec<_>>(), "{cosines:?}");
    }
}

#[test]
fn films_of_other_lengths_are_never_joined_by_a_story() {
    let mut found = uncertain(1);
    found.uncertain[0].open = Some(Open::OtherLength);
    let left = by_story(found.clone(), |_| Some(1.0));
    assert_eq!((left.joined, left.uncertain.len()), (None, 1));
    assert_eq!(by_story(found, |_| Some(0.0)).apart.len(), 1, "but put apart");
}

#[test]
fn it_says_why() {
    let joined = decide(&[Some(0.934)]).joined.unwrap();
    assert_eq!((joined.confidence, joined.words().as_str()), (CONFIDENCE, "title, year, overviews alike .93"));
    assert_eq!(decide(&[Some(0.051)]).apart[0].1, "title, year, overviews unlike .05");
    assert_eq!(decide(&[Some(-0.2)]).apart[0].1, "title, year, overviews unlike .00");
    let between = decide(&[Some(0.5)]).uncertain.remove(0);
    assert_eq!(between.words(), "title, year, overviews alike .50; too little else to go by");
    assert_eq!(decide(&[None]).uncertain.remove(0).words(), "title, year; too little else to go by");
    assert_eq!(told(1.0), "1.00");
}

#[test]
fn what_is_certain_and_what_many_are_called_is_not_looked_at() {
    let never = |_| -> Option<f64> { panic!("it is compared") };
    let one = Match { id: id(7), confidence: 0.98, evidence: "title, year, director".to_owned(), open: None };
    let certain = Resolution { joined: Some(one), apart: vec![(id(8), "other years".to_owned())], uncertain: vec![] };
    assert_eq!(by_story(certain.clone(), never), certain);
    assert_eq!(by_story(Resolution::default(), never), Resolution::default());
    assert_eq!(by_story(uncertain(MAX_COMPARED + 1), never), uncertain(MAX_COMPARED + 1));
}

#[test]
fn a_few_words_tell_nothing() {
    assert!(!tells("") && !tells("A film by its maker, in colour."));
    assert!(tells("A keeper of a lighthouse hides a letter."));
}

proptest! {
    /// Whatever the likenesses: every title ends in one place, and one that joins is the likest of all.
    #[test]
    fn nothing_is_lost_and_only_the_likest_joins(
        cosines in prop::collection::vec(prop::option::of(-1.0_f64..=1.0), 1..MAX_COMPARED + 1)
    ) {
        let found = decide(&cosines);
        let likest = cosines.iter().flatten().copied().fold(-1.0, f64::max);
        match &found.joined {
            Some(one) => {
                let at = (0..cosines.len()).find(|n| id(*n) == one.id).unwrap();
                prop_assert!(cosines[at] == Some(likest) && likest >= SAME_STORY);
                prop_assert!(!cosines.contains(&None) && found.uncertain.is_empty());
            }
            None => prop_assert_eq!(found.apart.len() + found.uncertain.len(), cosines.len()),
        }
    }
}
