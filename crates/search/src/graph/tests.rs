//! Who is near to whom.

use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{changes, films, histories, id},
    suggest::Suggester,
};

fn docs() -> Vec<TitleDoc> {
    films().iter().map(TitleDoc::of).collect()
}

/// What is near, whatever it is.
fn nearest(graph: &Graph, seeds: &[ContentId], named: &[Named], limit: usize) -> Vec<Scored> {
    graph.near(seeds, named, limit, |_| Ok::<_, ()>(())).unwrap()
}

fn numbers(hits: &[Scored]) -> Vec<u128> {
    hits.iter().map(|hit| hit.content_id.0.as_u128()).collect()
}

#[test]
fn titles_that_share_people_are_nearer_than_those_that_share_genres() {
    let graph = Graph::build(docs());
    let near = nearest(&graph, &[id(1)], &[], 10);
    assert_eq!(near[0].content_id, id(2), "the sequel shares everybody");
    assert!((near[0].score - 1.0).abs() < 1e-9);
    assert!(numbers(&near).contains(&5), "a genre is enough to be reached");
    assert!(!numbers(&near).contains(&1), "a seed is not its own neighbour");
    assert!(near.windows(2).all(|pair| pair[0].score >= pair[1].score));
    let heat = numbers(&nearest(&graph, &[id(3)], &[], 10));
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
    let first = |role| numbers(&nearest(&graph, &[], &[named("al pacino", Some(role))], 10))[0];
    assert_eq!(first(CreditRole::Director), 5);
    assert_eq!(first(CreditRole::Actor), 3);
}

#[test]
fn a_named_person_leads_to_their_titles() {
    let graph = Graph::build(docs());
    let found = nearest(&graph, &[], &[named("al pacino", None)], 10);
    let mut first = numbers(&found[..2]);
    first.sort_unstable();
    assert_eq!(first, [3, 9]);
    assert!(found[1].score > 2.0 * found[2].score, "their own come long before those of the same crews: {found:?}");
    assert!(nearest(&graph, &[], &[named("nobody", None)], 10).is_empty());
    assert!(nearest(&graph, &[id(999)], &[], 10).is_empty());
}

#[test]
fn what_may_not_pass_does_not() {
    let graph = Graph::build(docs());
    let not_the_second = |some: &mut Vec<Scored>| {
        some.retain(|hit| hit.content_id != id(2));
        Ok::<_, ()>(())
    };
    let near = graph.near(&[id(1)], &[], 1, not_the_second).unwrap();
    assert_eq!(near.len(), 1);
    assert_ne!(near[0].content_id, id(2));
}

#[test]
fn what_passes_is_looked_for_as_far_as_anything_is_near() {
    // Everybody shares the star, and the later a title the more others are in it too.
    let crowd = |number: u128| {
        let mut people = vec!["Star".to_owned()];
        people.extend((0..number % 7).map(|other| format!("Other {number} {other}")));
        doc(number, "Film", &people.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let graph = Graph::build((1..=3_000).map(crowd).collect());
    let all = nearest(&graph, &[id(1)], &[], 3_000);
    assert!(all.len() > 2_000, "{}", all.len());
    for every in [1, 5, 700, 4_000] {
        let passes = |hit: &Scored| hit.content_id.0.as_u128().is_multiple_of(every);
        let mut expected: Vec<Scored> = all.iter().copied().filter(|hit| passes(hit)).collect();
        let most = expected.first().map_or(1.0, |best| best.score);
        expected.iter_mut().for_each(|hit| hit.score /= most);
        let mut asked = 0;
        let keep = |some: &mut Vec<Scored>| {
            asked += some.len();
            some.retain(passes);
            Ok::<_, ()>(())
        };
        let found = graph.near(&[id(1)], &[], 100, keep).unwrap();
        expected.truncate(100);
        assert_eq!(numbers(&found), numbers(&expected), "{every}");
        assert!(found.iter().zip(&expected).all(|(one, other)| (one.score - other.score).abs() < 1e-9));
        assert!(every > 1 || asked == FIRST_LOOK, "nobody looks at what can't be shown: {asked}");
    }
    let refused = graph.near(&[id(1)], &[], 9, |_| Err("no"));
    assert_eq!(refused, Err("no"));
}

/// A title of these people, without genres.
fn doc(number: u128, title: &str, people: &[&str]) -> TitleDoc {
    TitleDoc::of(&crate::fixtures::film(number, title, 2000, &[], people, ""))
}

#[test]
fn crews_that_work_together_elsewhere_are_near() {
    let docs = vec![
        doc(1, "Seed", &["Ann", "Bo"]),
        doc(2, "Between", &["Bo", "Cy"]),
        doc(3, "Beyond", &["Cy", "Di"]),
        doc(4, "Elsewhere", &["Ed", "Flo"]),
    ];
    let near = nearest(&Graph::build(docs), &[id(1)], &[], 10);
    assert_eq!(numbers(&near), [2, 3], "{near:?}");
    assert!(near[1].score < 0.5);
}

#[test]
fn what_many_titles_share_counts_less() {
    let mut docs = vec![doc(1, "Seed", &["X", "Rare", "Busy"]), doc(2, "Of the rare", &["Y", "Rare"])];
    docs.extend((3..20).map(|number| doc(number, "Of the busy", &["Z", "Busy"])));
    let near = nearest(&Graph::build(docs), &[id(1)], &[], 3);
    assert_eq!(near[0].content_id, id(2));
    assert!(near[1].score < 0.3, "{near:?}");
}

#[test]
fn parts_of_a_series_are_near_without_a_common_crew() {
    let docs = vec![doc(1, "Alien", &["A"]), doc(2, "Alien: Covenant", &["B"]), doc(3, "Alienation", &["C"])];
    assert_eq!(numbers(&nearest(&Graph::build(docs), &[id(1)], &[], 10)), [2]);
}

/// Personalised PageRank of all places by many steps of a walk over the whole graph.
fn by_power_iteration(graph: &Graph, start: u32) -> Vec<f64> {
    let graph = &graph.base;
    let mut start_mass = vec![0.0; graph.titles.len()];
    start_mass[start as usize] = 1.0;
    let (mut at_titles, mut at_nodes) = (start_mass.clone(), vec![0.0; graph.nodes.len()]);
    for _ in 0..200 {
        let step = |rows: &Rows, masses: &[f64], ends: usize| {
            let mut next = vec![0.0; ends];
            for (row, mass) in masses.iter().enumerate() {
                let edges = rows.of(row as u32);
                let all: f64 = edges.iter().map(|edge| f64::from(edge.weight)).sum();
                for edge in edges {
                    next[edge.to as usize] += (1.0 - walk::RESTART) * mass * f64::from(edge.weight) / all;
                }
            }
            next
        };
        let nodes = step(&graph.of_title, &at_titles, graph.nodes.len());
        let mut titles = step(&graph.of_node, &at_nodes, graph.titles.len());
        for (place, mass) in start_mass.iter().enumerate() {
            titles[place] += walk::RESTART * mass;
        }
        (at_titles, at_nodes) = (titles, nodes);
    }
    at_titles
}

#[test]
fn a_series_begins_and_ends_with_its_parts() {
    let docs = [doc(1, "Alien", &["A"]), doc(2, "Alien: Covenant", &["B"]), doc(3, "Alien", &["C"])];
    let near = |before: &[TitleDoc], after: &[TitleDoc], of: u128| {
        let suggester = Suggester::build(before);
        let graph = Graph::build(before.to_vec());
        let graph = graph.after(&changes(before, after), |name| suggester.called(name));
        let mut near = numbers(&nearest(&graph, &[id(of)], &[], 10));
        near.sort_unstable();
        near
    };
    let without = [docs[0].clone(), docs[2].clone()];
    assert_eq!((near(&without, &docs, 1), near(&without, &docs, 2)), (vec![2, 3], vec![1, 3]), "it begins");
    assert!(near(&docs, &without, 1).is_empty(), "it ends: two films have one name");
    assert_eq!(near(&docs, &docs[..2], 1), [2], "one title of it goes");
}

#[test]
fn a_title_with_two_names_alike_is_of_a_series_once() {
    let table: [&[&str]; 3] = [&[], &["The Alien"], &["The Alien", "An Alien", "Alien"]];
    for others in table {
        let others = others.iter().map(|name| (*name).to_owned()).collect();
        let first = TitleDoc { other_titles: others, ..doc(1, "Alien", &["A"]) };
        let after = [first, doc(2, "Alien 2", &["B"]), doc(3, "Elsewhere", &["A"])];
        let before = [after[0].clone(), after[2].clone()];
        let suggester = Suggester::build(&before);
        let followed = Graph::build(before.to_vec()).after(&changes(&before, &after), |name| suggester.called(name));
        let whole = Graph::build(after.to_vec());
        for seed in 1..=3 {
            let (near, expected) = (nearest(&followed, &[id(seed)], &[], 10), nearest(&whole, &[id(seed)], &[], 10));
            assert_eq!(near, expected, "{seed}, also called {:?}", after[0].other_titles);
        }
    }
}

#[test]
fn somebody_whose_titles_are_all_gone_leads_nowhere() {
    let casts: [&[&str]; 4] = [&["A", "B"], &["C", "D"], &["C", "D", "E"], &["D", "F"]];
    let films = (1..).zip(casts).map(|(number, cast)| doc(number, "Film", cast));
    let before: Vec<TitleDoc> = films.collect();
    let graph = Graph::build(before.clone()).after(&changes(&before, &before[1..]), |_| BTreeMap::new());
    // To the last bit: half of the walks would begin with them, and end there.
    let found = nearest(&graph, &[id(2)], &[named("a", None)], 10);
    assert_eq!(found, nearest(&Graph::build(before[1..].to_vec()), &[id(2)], &[], 10));
    assert_eq!((found.len(), graph.len(), graph.node("a")), (2, 3, None));
    assert!(nearest(&graph, &[id(1)], &[], 10).is_empty());
}

proptest! {
    #[test]
    fn what_changed_is_walked_as_if_all_were_joined_anew((before, after) in histories(), seed in 1_u128..25) {
        let suggester = Suggester::build(&before);
        let followed = Graph::build(before.clone());
        let followed = followed.after(&changes(&before, &after), |name| suggester.called(name));
        let whole = Graph::build(after);
        prop_assert_eq!(followed.len(), whole.len());
        let director = vec![named("ann lee", Some(CreditRole::Director))];
        for (seeds, people) in
            [(vec![id(seed)], vec![]), (vec![], director), (vec![id(seed), id(seed + 1)], vec![named("bo ray", None)])]
        {
            let (near, expected) = (nearest(&followed, &seeds, &people, 50), nearest(&whole, &seeds, &people, 50));
            prop_assert_eq!(near, expected);
        }
    }

    #[test]
    fn pushing_agrees_with_power_iteration(casts in prop::collection::vec(prop::collection::vec(0_u8..12, 1..5), 2..25)) {
        let film = |(place, cast): (usize, &Vec<u8>)| {
            let names: Vec<String> = cast.iter().map(|person| format!("Person {person}")).collect();
            doc(place as u128 + 1, "Film", &names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let graph = Graph::build(casts.iter().enumerate().map(film).collect());
        let pushed = Walk::new(&graph, &[]).from(&[0]);
        let exact = by_power_iteration(&graph, 0);
        prop_assert!(pushed.values().sum::<f64>() <= 1.0 + 1e-9);
        let edges: usize = graph.base.of_title.edges.len() * 2;
        for (row, exact) in exact.iter().enumerate() {
            let pushed = pushed.get(&(row as u32)).copied().unwrap_or_default();
            prop_assert!((pushed - exact).abs() <= walk::TOLERANCE * edges as f64 + 1e-9, "{row}: {pushed} {exact}");
        }
    }

    #[test]
    fn the_order_of_the_titles_does_not_matter(seed in 1_u128..15, turn in 0_usize..14) {
        let mut turned = docs();
        turned.rotate_left(turn);
        let straight = nearest(&Graph::build(docs()), &[id(seed)], &[], 20);
        let turned = nearest(&Graph::build(turned), &[id(seed)], &[], 20);
        prop_assert_eq!(numbers(&straight), numbers(&turned));
    }
}
