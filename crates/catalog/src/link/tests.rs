//! What is linked and what is not.

use super::*;

fn person(name: &str, born: Option<u16>, role: &str) -> Entity {
    let roles = if role.is_empty() { vec![] } else { vec![role.to_owned()] };
    Entity { life: (born, None), roles, ..Entity::named(Kind::Person, name) }
}

fn film(name: &str, year: u16) -> Entity {
    Entity { year: Some(year), ..Entity::named(Kind::Film, name) }
}

fn episode(name: &str, season: u32, episode: u32, year: u16) -> Entity {
    let (season, episode) = (Some(season), Some(episode));
    Entity { season, episode, year: Some(year), ..Entity::named(Kind::Episode, name) }
}

/// Names that make the lists long enough for words to be rare or common.
fn crowd(kind: Kind) -> impl Iterator<Item = Entity> {
    (0..200).map(move |n| Entity::named(kind, format!("quux{n} corge{}", n % 7)))
}

fn linked(left: Vec<Entity>, right: Vec<Entity>) -> Vec<(usize, usize)> {
    let right: Vec<_> = right.into_iter().chain(crowd(Kind::Film)).chain(crowd(Kind::Person)).collect();
    link(&left, &right).iter().map(|link| (link.left, link.right)).collect()
}

#[test]
fn spellings_of_one_name_are_linked() {
    let table = [
        (person("Ugur Y?cel", None, ""), person("U?ur Y?cel", None, "")),
        (person("Sutton Roley", None, ""), person("Sutton Rolley", None, "director")),
        (person("Harry Miles Muheim", None, ""), person("Harry Muheim", None, "")),
        (film("Law & Disorder", 1974), film("Law and Disorder", 1974)),
        (episode("The Spear Gun", 1, 3, 1957), episode("Spear Gun", 1, 3, 1957)),
        (episode("Unconditional Surrender", 8, 10, 1960), episode("Conditional Surrender", 8, 10, 1960)),
        (episode("The Works, in Wax", 1, 5, 1993), episode("The Works...in Wax", 1, 6, 1993)),
    ];
    for (left, right) in table {
        let text = format!("{left:?} {right:?}");
        assert_eq!(linked(vec![left], vec![right]), [(0, 0)], "{text}");
    }
}

#[test]
fn what_differs_is_not_linked() {
    let table = [
        (person("Alan Smith", None, ""), film("Alan Smith", 1990)),
        (person("Thomas Mitchell", Some(1892), ""), person("Thomas Mitchell", Some(1950), "")),
        (film("Pilot", 1973), episode("Pilot", 1, 1, 1973)),
        (film("The Chase", 1946), film("The Chase", 1966)),
        (episode("Part 1", 1, 1, 1957), episode("Part 2", 1, 2, 1957)),
        (film("Night Train", 1959), film("Night Moves", 1959)),
        (person("Peter Whitney", None, ""), person("Peter White", None, "")),
        (person("", None, "actor"), person("", None, "actor")),
    ];
    for (left, right) in table {
        let text = format!("{left:?} {right:?}");
        assert_eq!(linked(vec![left], vec![right]), [], "{text}");
    }
}

#[test]
fn a_record_is_linked_once_and_to_the_better_one() {
    let left = vec![film("Solaris", 1972), film("Solaris", 2002)];
    let right = vec![film("Solaris", 2002), film("Solaris", 1972)];
    assert_eq!(linked(left, right), [(0, 1), (1, 0)]);
}

#[test]
fn two_that_nothing_tells_apart_are_not_linked() {
    let twice = vec![person("Larry David", None, "writer"), person("Larry David", None, "writer")];
    assert_eq!(linked(vec![person("Larry David", None, "writer")], twice.clone()), []);
    let told = vec![twice[0].clone(), person("Larry David", None, "composer")];
    assert_eq!(linked(vec![person("Larry David", None, "writer")], told), [(0, 0)]);
}

#[test]
fn the_order_of_the_lists_makes_no_difference() {
    let left: Vec<_> = ["Arrival", "Stalker", "Moon", "Alien"].map(|name| film(name, 1990)).into();
    let mut right = left.clone();
    let forward = link(&left, &right);
    right.reverse();
    let mut backward: Vec<_> = link(&left, &right).into_iter().map(|l| Link { right: 3 - l.right, ..l }).collect();
    backward.sort_by_key(|link| link.left);
    assert_eq!(forward, backward);
    assert_eq!(forward.len(), 4);
}
