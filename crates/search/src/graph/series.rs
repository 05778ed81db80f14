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

/// A series that a title is of.
pub(super) struct Member {
    /// The folded name.
    pub name: String,
    /// Whether the title itself says that it is a part.
    pub is_part: bool,
}

/// The series that each title is of, where there is a part of it: "Alien", "Aliens 2" and "Alien: Covenant" are of
/// "alien". Two films that merely have one name are not.
pub(super) fn of(docs: &[TitleDoc]) -> Vec<Option<Member>> {
    let cut: Vec<Option<String>> = docs.iter().map(|doc| cut(&doc.title)).collect();
    let known: HashSet<&String> = cut.iter().flatten().collect();
    docs.iter().zip(&cut).map(|(doc, cut)| member(&doc.title, cut.clone(), |name| known.contains(name))).collect()
}

/// The series of a title that is `cut` like this: its own, or the one of its name where there `is_known` to be one.
pub(super) fn member(title: &str, cut: Option<String>, is_known: impl Fn(&String) -> bool) -> Option<Member> {
    match cut {
        Some(name) => Some(Member { name, is_part: true }),
        None => Some(fold(title)).filter(is_known).map(|name| Member { name, is_part: false }),
    }
}

/// What a title begins with before its part: a number, or what stands after a colon. `None` for the title of no part.
pub(super) fn cut(title: &str) -> Option<String> {
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
            assert_eq!(cut(title).as_deref(), expected, "{title}");
        }
    }
}
