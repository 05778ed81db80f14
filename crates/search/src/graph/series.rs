//! (pure) Which titles are parts of one series, by their names: no source says so.

use std::collections::HashSet;

use crate::{keyword::TitleDoc, text::fold};

/// Words before the number of a part.
const PARTS: &[&str] = &["part", "chapter", "volume", "vol", "episode"];
/// Numbers of parts as titles write them; a title with a higher one is more often about a year or a place.
const NUMBERS: &[&str] = &[
    "2", "3", "4", "5", "6", "7", "8", "9", "10", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "two",
    "three", "four",
];
/// A shorter name is a word that many titles begin with.
const SHORTEST: usize = 4;

/// The folded name of the series that each title is of, where there is another title of it: "Alien", "Aliens 2" and
/// "Alien: Covenant" are of "alien". Two films that merely have one name are not.
pub(super) fn of(docs: &[TitleDoc]) -> Vec<Option<String>> {
    let cut: Vec<Option<String>> = docs.iter().map(|doc| series(&doc.title)).collect();
    let known: HashSet<&String> = cut.iter().flatten().collect();
    let whole = |doc: &TitleDoc| Some(fold(&doc.title)).filter(|name| known.contains(name));
    docs.iter().zip(&cut).map(|(doc, cut)| cut.clone().or_else(|| whole(doc))).collect()
}

/// What a title begins with before its part: a number, or what stands after a colon. `None` for the title of no part.
fn series(title: &str) -> Option<String> {
    let before = title.split_once(':').map(|(before, _)| before);
    let folded = fold(before.unwrap_or(title));
    let mut words: Vec<&str> = folded.split(' ').collect();
    let mut part = before.is_some();
    if words.len() > 1 && words.last().is_some_and(|last| NUMBERS.contains(last)) {
        words.pop();
        part = true;
        if words.len() > 1 && words.last().is_some_and(|last| PARTS.contains(last)) {
            words.pop();
        }
    }
    let name = words.join(" ");
    (part && name.len() >= SHORTEST).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_belong_to_their_series() {
        let table = [
            ("Alien: Covenant", Some("alien")),
            ("Jaws 2", Some("jaws")),
            ("The Godfather Part III", Some("the godfather")),
            ("Kill Bill: Volume 2", Some("kill bill")),
            ("Toy Story 2: The Sequel", Some("toy story")),
            ("Jaws", None),
            ("Apollo 13", None),
            ("It: Chapter Two", None),
            ("Malcolm X", Some("malcolm")),
            ("2", None),
            ("", None),
        ];
        for (title, expected) in table {
            assert_eq!(series(title).as_deref(), expected, "{title}");
        }
    }
}
