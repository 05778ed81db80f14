//! (pure) Where a title can be watched, one line a service and kind.

use std::collections::BTreeMap;

use contracts::{AvailabilityType, Directory, Offer, VideoQuality};

use crate::language::Language;

/// The source of every offer that was generated for the demo.
const SAMPLE: &str = "sample";

/// What one service offers on one kind of terms.
#[derive(Debug, PartialEq, Eq)]
pub struct OfferLine {
    /// The service's name.
    pub service: String,
    /// "Included", "Rent", …
    pub kind: String,
    /// Where, with price and quality where they are known: `United States $3.99 HD`.
    pub places: Vec<String>,
    /// Who says so.
    pub source: String,
    /// On which day they last said so.
    pub checked: String,
    /// How sure that is: "likely, 70%"; of what was made up only that it was.
    pub confidence: String,
    /// Whether it was made up for the demo.
    pub sample: bool,
}

/// The lines, by service and kind; offers of different sources never share one.
pub fn lines(offers: &[Offer], directory: &Directory, language: &Language) -> Vec<OfferLine> {
    let mut groups: BTreeMap<(&str, AvailabilityType, &str), Vec<&Offer>> = BTreeMap::new();
    for offer in offers {
        groups.entry((&offer.platform, offer.availability_type, &offer.source)).or_default().push(offer);
    }
    let line = |((platform, kind, source), group): ((&str, AvailabilityType, &str), Vec<&Offer>)| {
        let known = directory.platforms.iter().find(|known| known.id == platform);
        // A line is as old and as sure as the weakest of its offers.
        let checked = group.iter().map(|offer| offer.checked_at).min();
        let sure = group.iter().map(|offer| offer.confidence).fold(1.0, f64::min);
        OfferLine {
            service: known.map_or_else(|| platform.replace('_', " "), |known| known.name.clone()),
            kind: kind_in(kind, language),
            places: group.iter().map(|offer| place(offer, language)).collect(),
            sample: source == SAMPLE,
            source: if source == SAMPLE { language.say("sample") } else { source.to_owned() },
            checked: checked.map(|at| language.date(at.to_zoned(jiff::tz::TimeZone::UTC).date())).unwrap_or_default(),
            // A figure would read as if somebody had looked.
            confidence: if source == SAMPLE { language.say("confidence-sample") } else { confidence(sure, language) },
        }
    };
    groups.into_iter().map(line).collect()
}

fn place(offer: &Offer, language: &Language) -> String {
    let price = offer.price.as_ref().map(|price| language.apart(language.money(price.amount, price.currency.code())));
    let quality = offer.quality.map(|quality: VideoQuality| language.say(&format!("quality-{}", quality.as_str())));
    let parts = [Some(language.region(offer.region.as_str()).to_owned()), price, quality];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The same steps as the app's (`web/src/parts/Offers.svelte`).
fn confidence(sure: f64, language: &Language) -> String {
    let word = if sure >= 0.8 {
        "confidence-high"
    } else if sure >= 0.5 {
        "confidence-middle"
    } else {
        "confidence-low"
    };
    let (word, percent) = (language.say(word), language.percent(sure));
    language.tell("confidence-label", &[("word", word.into()), ("percent", percent.into())])
}

fn kind_in(kind: AvailabilityType, language: &Language) -> String {
    match kind {
        AvailabilityType::Subscription => language.say("offers-stream"),
        AvailabilityType::Ads => language.list(&[language.say("offers-free"), language.say("offers-ads")]),
        other => language.say(&format!("offers-{}", other.as_str())),
    }
}
