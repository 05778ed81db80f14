//! Which language the client wants (RFC 9110, section 12.5.4).

use contracts::Locale;
use http::{HeaderMap, header};

/// No client has more languages than this; what follows is ignored.
const MAX_RANGES: usize = 16;

/// The language tag with the highest weight, the first among equals; `None` when no usable tag is asked for.
pub(crate) fn preferred(headers: &HeaderMap) -> Option<Locale> {
    best(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)
}

fn best(header: &str) -> Option<Locale> {
    let mut best: Option<(f32, Locale)> = None;
    for range in header.split(',').take(MAX_RANGES) {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Some(1.0), weight);
        let (Some(weight), Ok(locale)) = (weight, tag.parse::<Locale>()) else { continue };
        if weight > best.as_ref().map_or(0.0, |(weight, _)| *weight) {
            best = Some((weight, locale));
        }
    }
    best.map(|(_, locale)| locale)
}

fn weight(text: &str) -> Option<f32> {
    text.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("de", Some("de"))]
    #[case("de-AT, en;q=0.8", Some("de-at"))]
    #[case("en;q=0.5, fr;q=0.9", Some("fr"))]
    #[case("fr;q=0.5,de;q=0.5", Some("fr"))]
    #[case("*", None)]
    #[case("fr;q=0", None)]
    #[case("fr;q=7, de;q=0.1", Some("de"))]
    #[case("!!, ,;;q=, de", Some("de"))]
    #[case("", None)]
    fn the_heaviest_usable_tag_wins(#[case] header: &str, #[case] expected: Option<&str>) {
        assert_eq!(best(header).map(String::from).as_deref(), expected);
    }
}
