//! Who is near to whom.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{films, id};

fn docs() -> Vec<TitleDoc> {
    films().iter().map(TitleDoc::of).collect()
}

fn numbers(hits: &[Scored]) -> Vec<u128> {
    hits.iter().map(|hit| hit.content_id.0.as_u128()).collect()
}

#[test]
fn titles_that_share_people_are_nearer_than_those_that_share_genres() {
    let graph = Graph::build(docs());
    let near = graph.near(&[id(1)], &[], 10, |_| true);
    assert_eq!(near[0].content_id, id(2), "the sequel shares everybody");
    assert!((near[0].score - 1.0).abs() < 1e-9);
    assert!(numbers(&near).contains(&5), "a genre is enough to be reached");
    assert!(!numbers(&near).contains(&1), "a seed is not its own neighbour");
    assert!(near.windows(2).all(|pair| pair[0].score >= pair[1].score));
    let heat = numbers(&graph.near(&[id(3)], &[], 10, |_| true));
    assert_eq!(heat[0], 9, "Scarface shares Al Pacino and crime");
}

fn named(name: &str, role: Option<CreditRole>) -> Named {
    Named { name: name.to_owned(), role }
}

#[test]
fn the_part_that_is_meant_comes_first() {
    let mut docs = docs();
    docs[4].people.push(("Al Pacino".to_owned(), CreditRole::Director));
    let graph = Graph::build(docs);
    let first = |role| numbers(&graph.near(&[], &[named("al pacino", Some(role))], 10, |_| true))[0];
    assert_eq!(first(CreditRole::Director), 5);
    assert_eq!(first(CreditRole::Actor), 3);
}

#[test]
fn a_named_person_leads_to_their_titles() {
    let graph = Graph::build(docs());
    let mut found = numbers(&graph.near(&[], &[named("al pacino", None)], 10, |_| true));
    found.sort_unstable();
    assert_eq!(found, [3, 9]);
    assert!(graph.near(&[], &[named("nobody", None)], 10, |_| true).is_empty());
    assert!(graph.near(&[id(999)], &[], 10, |_| true).is_empty());
}

#[test]
fn what_may_not_pass_does_not() {
    let graph = Graph::build(docs());
    let near = graph.near(&[id(1)], &[], 1, |other| *other != id(2));
    assert_eq!(near.len(), 1);
    assert_ne!(near[0].content_id, id(2));
}

proptest! {
    #[test]
    fn the_order_of_the_titles_does_not_matter(seed in 1_u128..15, turn in 0_usize..14) {
        let mut turned = docs();
        turned.rotate_left(turn);
        let straight = Graph::build(docs()).near(&[id(seed)], &[], 20, |_| true);
        let turned = Graph::build(turned).near(&[id(seed)], &[], 20, |_| true);
        prop_assert_eq!(numbers(&straight), numbers(&turned));
    }
}
