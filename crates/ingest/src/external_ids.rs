//! (pure) How the ids that sources share are written. The catalogue joins titles by them, whatever else is said: an
//! "N/A" that it took for an id would make one title of all rows that have it.

use contracts::ExternalId;

use crate::{RejectReason, adapters::is_imdb_title};

/// How ids of one kind are written.
struct Shape {
    kind: &'static str,
    fits: fn(&str) -> bool,
    expected: &'static str,
}

/// One for each kind by which the catalogue joins; ids of another kind are written as they like.
const SHAPES: &[Shape] = &[
    Shape { kind: "eidr", fits: is_eidr, expected: "an EIDR title id such as 10.5240/7791-8534-2C23-9030-8610-5" },
    Shape { kind: "imdb", fits: is_imdb_title, expected: "an IMDb title id such as tt0133093" },
    Shape { kind: "tmdb_movie", fits: is_number, expected: "a TMDb number such as 603" },
    Shape { kind: "tmdb_tv", fits: is_number, expected: "a TMDb number such as 1399" },
    Shape { kind: "gracenote", fits: is_stated, expected: "a Gracenote id" },
    Shape { kind: "wikidata", fits: is_wikidata, expected: "a Wikidata item such as Q83495" },
    Shape { kind: "wikipedia", fits: is_stated, expected: "a page of Wikipedia" },
];
/// What files write, in any case, where they have no id.
const NOTHING: [&str; 8] = ["0", "-", "n/a", "na", "nan", "none", "null", "\\n"];

/// The kinds of id by which the catalogue joins.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|shape| shape.kind)
}

/// Turns away an id that is not written as those of its kind are.
///
/// # Errors
/// `Malformed`, with the kind and the id.
pub(crate) fn check(id: &ExternalId) -> Result<(), RejectReason> {
    match SHAPES.iter().find(|shape| shape.kind == id.id_type) {
        Some(shape) if !(shape.fits)(&id.id_value) => {
            let (field, value, expected) = (shape.kind, id.id_value.clone(), shape.expected);
            Err(RejectReason::Malformed { field, value, expected })
        }
        _ => Ok(()),
    }
}

/// Whether it is a number from 1 on, without leading zeros, of at most ten digits.
pub(crate) fn is_number(id: &str) -> bool {
    id.len() <= 10 && id.bytes().all(|byte| byte.is_ascii_digit()) && !id.is_empty() && !id.starts_with('0')
}

/// Whether it is an item of Wikidata.
pub(crate) fn is_wikidata(id: &str) -> bool {
    id.strip_prefix('Q').is_some_and(is_number)
}

/// Five groups of four hexadecimal digits and a check character.
fn is_eidr(id: &str) -> bool {
    let Some((groups, check)) = id.strip_prefix("10.5240/").and_then(|suffix| suffix.rsplit_once('-')) else {
        return false;
    };
    let is_group = |group: &str| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.split('-').count() == 5
        && groups.split('-').all(is_group)
        && check.len() == 1
        && check.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether it is more than a word for nothing: all that can be said of ids of no fixed shape.
fn is_stated(id: &str) -> bool {
    !NOTHING.iter().any(|nothing| id.eq_ignore_ascii_case(nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(kind: &str, value: &str) -> bool {
        check(&ExternalId { id_type: kind.to_owned(), id_value: value.to_owned() }).is_ok()
    }

    #[test]
    fn ids_are_held_to_the_shape_of_their_kind() {
        let table: [(&str, &[&str], &[&str]); 8] = [
            (
                "eidr",
                &["10.5240/7791-8534-2C23-9030-8610-5", "10.5240/0eb9-1d28-cfa5-3b5a-cc34-x"],
                &[
                    "10.5240/1",
                    "10.5240/7791-8534-2C23-9030-8610",
                    "10.5240/7791-8534-2C23-9030-8610-55",
                    "10.5240/7791-8534-2C23-9030-861G-5",
                    "10.5237/7791-8534-2C23-9030-8610-5",
                ],
            ),
            (
                "imdb",
                &["tt0133093", "tt1234567890"],
                &["tt1", "tt12345678901", "nm0000001", "TT0133093", "tt013309x", "0133093"],
            ),
            ("tmdb_movie", &["5", "603"], &["007", "-1", "6.0", "movie/603", "12345678901"]),
            ("tmdb_tv", &["1399"], &["01399", "tv/1399"]),
            ("gracenote", &["MV000000010000", "1"], &["Null"]),
            ("wikidata", &["Q1", "Q83495"], &["Q", "Q0", "83495", "P31", "q83495"]),
            ("wikipedia", &["The_Matrix", "1917_(2019_film)", "9"], &["\\N"]),
            ("festival", &["0", "N/A", "x y"], &[]),
        ];
        for (kind, good, bad) in table {
            good.iter().for_each(|id| assert!(fits(kind, id), "{kind} {id}"));
            bad.iter().for_each(|id| assert!(!fits(kind, id), "{kind} {id}"));
            for nothing in ["0", "N/A", "none", "-"] {
                assert_eq!(fits(kind, nothing), kind == "festival", "{kind} {nothing}");
            }
        }
    }
}
