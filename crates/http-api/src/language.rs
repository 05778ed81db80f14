//! Which language the client wants (RFC 9110, section 12.5.4).

use contracts::Locale;
use http::{HeaderMap, header};

/// No client has more languages than this; what follows is ignored.
const MAX_RANGES: usize = 16;

/// The language tag with the highest weight, the first among equals; `None` when no usable tag is asked for.
pub(crate) fn preferred(headers: &HeaderMap) -> Option<Locale> {
    best(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?, |_| true)
}

/// The language tag with the highest weight, the first among equals, of those whose language is one of `spoken`.
pub fn preferred_of(headers: &HeaderMap, spoken: &[&str]) -> Option<Locale> {
    let speaks = |tag: &Locale| spoken.contains(&tag.as_str().split('-').next().unwrap_or_default());
    best(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?, speaks)
}

fn best(header: &str, takes: impl Fn(&Locale) -> bool) -> Option<Locale> {
    let mut best: Option<(f32, Locale)> = None;
    for range in header.split(',').take(MAX_RANGES) {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Some(1.0), weight);
        let (Some(weight), Ok(locale)) = (weight, tag.parse::<Locale>()) else { continue };
        if takes(&locale) && weight > best.as_ref().map_or(0.0, |(weight, _)| *weight) {
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
        assert_eq!(best(header, |_| true).map(String::from).as_deref(), expected);
    }

    #[rstest]
    #[case("fr, ar-EG;q=0.9, en;q=0.8", Some("ar-eg"))]
    #[case("en-US, ar", Some("en-us"))]
    #[case("fr, de", None)]
    fn the_heaviest_that_is_spoken_wins(#[case] header: &str, #[case] expected: Option<&str>) {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, header.parse().unwrap())]);
        assert_eq!(preferred_of(&headers, &["en", "ar"]).map(String::from).as_deref(), expected);
    }
}
