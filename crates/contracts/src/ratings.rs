//! The age a certificate asks for, and which titles suit a maximum. (pure)

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ContentRating, Region};

/// The highest age that a certificate asks for anywhere.
pub const MAX_AGE: u16 = 21;

/// The highest age of titles that somebody sees, by their own choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgeLimit {
    /// The age, from 0 to [`MAX_AGE`].
    pub max_age: u16,
    /// Whose certificates count first.
    pub region: Option<Region>,
}

impl AgeLimit {
    /// Whether a title with these certificates suits: certified for the age in the region or, where it has no certificate
    /// there that tells an age, by every other. A title that nobody certified suits nobody.
    pub fn suits(&self, ratings: &BTreeMap<Region, ContentRating>) -> bool {
        let age = |(region, rating): (&Region, &ContentRating)| min_age(*region, &rating.certificate);
        let here = self.region.and_then(|region| min_age(region, &ratings.get(&region)?.certificate));
        here.or_else(|| ratings.iter().filter_map(age).max()).is_some_and(|asked| asked <= self.max_age)
    }
}

/// Certificates whose words say no age, or another one than their digits, where they hold: region, certificate, age.
///
/// Source: the meanings in TMDb's lists of certifications for films and for television (`/3/certification/{movie,tv}/list`), as its OpenAPI
/// document gives them as examples, read on 21 November 2026; for AU `M` and HK the boards' own scales. `None`: it says that there is none.
const HERE: &[(&str, &str, Option<u16>)] = &[
    ("AR", "ATP", Some(0)),
    ("AU", "C", Some(0)),
    ("AU", "M", Some(15)),
    ("AU", "P", Some(0)),
    ("BG", "A", Some(0)),
    ("BG", "B", Some(0)),
    ("BG", "C", Some(12)),
    ("BG", "D", Some(16)),
    ("BG", "UNRATED", Some(0)),
    ("BR", "L", Some(0)),
    ("CA", "A", Some(18)),
    ("CA", "C", Some(0)),
    ("CA", "R", Some(18)),
    ("DK", "A", Some(0)),
    ("ES", "A", Some(0)),
    ("ES", "AI", Some(0)),
    ("ES", "ERI", Some(0)),
    ("FI", "S", Some(0)),
    ("GR", "K", Some(0)),
    ("HK", "I", Some(0)),
    ("HK", "III", Some(18)),
    ("HU", "CHILDREN", Some(0)),
    ("HU", "KN", Some(0)),
    ("HU", "UNRATED", Some(0)),
    ("ID", "A", Some(7)),
    ("ID", "D", Some(18)),
    ("ID", "P", Some(0)),
    ("ID", "R", Some(13)),
    ("ID", "SU", Some(0)),
    ("IN", "A", Some(18)),
    ("IN", "UA", Some(12)),
    ("IT", "T", Some(0)),
    ("LT", "S", Some(18)),
    ("LT", "V", Some(0)),
    ("LU", "EA", Some(0)),
    ("MX", "A", Some(0)),
    ("MX", "AA", Some(0)),
    ("MX", "B", Some(12)),
    ("MX", "C", Some(18)),
    ("MX", "D", Some(18)),
    ("NL", "AL", Some(0)),
    ("NO", "A", Some(0)),
    ("NZ", "M", Some(16)),
    ("NZ", "R", None),
    ("PH", "PG", Some(13)),
    ("PT", "PÚBLICOS", Some(0)),
    ("PT", "T", Some(0)),
    ("SE", "BTL", Some(0)),
    ("TR", "GENEL İZLEYICI", Some(0)),
    ("US", "PG", Some(10)),
    ("US", "R", Some(17)),
    ("US", "TV-MA", Some(17)),
    ("ZA", "A", Some(0)),
];

/// The lowest age a certificate asks for in its region; `None` where it says nothing of age, such as `NR`, or we don't know it.
///
/// First what it means there, then what the word means wherever it is used; else a certificate that holds a number (`13+`, `FSK 16`,
/// `12A`, `M/6`) means that age.
pub fn min_age(region: Region, certificate: &str) -> Option<u16> {
    let word = certificate.trim().to_uppercase();
    if let Some((.., age)) = HERE.iter().find(|known| known.0 == region.as_str() && known.1 == word) {
        return *age;
    }
    let named = match word.as_str() {
        "G" | "U" | "ALL" | "TP" | "TV-Y" | "TV-G" | "ALL_AGES" => Some(0),
        "TV-Y7" | "TV-Y7-FV" => Some(7),
        "PG" | "TV-PG" => Some(8),
        "R" | "TV-MA" => Some(17),
        "NC-17" | "X" => Some(18),
        _ => None,
    };
    named.or_else(|| {
        let digits: String =
            word.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        digits.parse().ok().filter(|age| *age <= MAX_AGE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_suits_an_age() {
        let rated = |all: &[(&str, &str)]| {
            let one = |(region, certificate): &(&str, &str)| {
                let rating = ContentRating { system: "x".to_owned(), certificate: (*certificate).to_owned() };
                (region.parse().unwrap(), rating)
            };
            all.iter().map(one).collect::<BTreeMap<Region, ContentRating>>()
        };
        let (de, none) = ("DE".parse().ok(), None);
        for (ratings, max_age, region, suits) in [
            (&[("DE", "12"), ("US", "R")][..], 12, de, true),
            (&[("DE", "12"), ("US", "R")], 11, de, false),
            (&[("DE", "12"), ("US", "R")], 12, none, false),
            (&[("DE", "12"), ("US", "R")], 17, none, true),
            (&[("US", "PG")], 10, de, true),
            (&[("US", "PG")], 9, de, false),
            (&[("DE", "unknown"), ("US", "PG")], 10, de, true),
            (&[("US", "NR")], 21, none, false),
            (&[], 21, de, false),
        ] {
            assert_eq!(AgeLimit { max_age, region }.suits(&rated(ratings)), suits, "{ratings:?} {max_age} {region:?}");
        }
    }

    #[test]
    fn certificates() {
        let table = [
            ("US", "PG-13", Some(13)),
            ("US", "R", Some(17)),
            ("US", "tv-ma", Some(17)),
            ("US", "TV-14", Some(14)),
            ("US", "ALL", Some(0)),
            ("US", "16+", Some(16)),
            ("DE", "FSK 12", Some(12)),
            ("GB", "12A", Some(12)),
            ("GB", "R18", Some(18)),
            ("US", "NR", None),
            ("US", "UNRATED", None),
            ("HU", "Unrated", Some(0)),
            ("US", "74 min", None),
            // One letter, five meanings.
            ("IN", "A", Some(18)),
            ("DK", "A", Some(0)),
            ("CA", "A", Some(18)),
            ("ID", "A", Some(7)),
            ("FR", "A", None),
            ("CA", "R", Some(18)),
            ("NZ", "R", None),
            ("NZ", "R16", Some(16)),
            ("AU", "M", Some(15)),
            ("AU", "MA 15+", Some(15)),
            ("MX", "B-15", Some(15)),
            ("PT", "M/6", Some(6)),
            ("LT", "N-13", Some(13)),
            ("IT", "VM14", Some(14)),
            ("FI", "K-16", Some(16)),
            ("SE", "Btl", Some(0)),
            ("SE", "Från 11 år", Some(11)),
            ("SG", "R21", Some(21)),
            ("MY", "18SG", Some(18)),
            ("FR", "TP", Some(0)),
        ];
        for (region, certificate, age) in table {
            assert_eq!(min_age(region.parse().unwrap(), certificate), age, "{region} {certificate}");
        }
        assert!(HERE.windows(2).all(|pair| (pair[0].0, pair[0].1) < (pair[1].0, pair[1].1)), "in order, each once");
        assert!(HERE.iter().all(|known| known.0.parse::<Region>().is_ok() && known.1.to_uppercase() == known.1));
    }
}
