//! (pure) Where a title can be watched, one line a service and kind.

use std::collections::BTreeMap;

use contracts::{AvailabilityType, Directory, Offer, VideoQuality};

/// The source of every offer that was generated for the demo.
const SAMPLE: &str = "sample";

/// What one service offers on one kind of terms.
#[derive(Debug, PartialEq, Eq)]
pub struct OfferLine {
    /// The service's name.
    pub service: String,
    /// "Subscription", "Rent", …
    pub kind: &'static str,
    /// Where, with price and quality where they are known: `US 3.99 USD HD`.
    pub places: Vec<String>,
    /// Who says so.
    pub source: String,
    /// On which day they last said so.
    pub checked: String,
    /// Whether it was made up for the demo.
    pub sample: bool,
}

/// The lines, by service and kind; offers of different sources never share one.
pub fn lines(offers: &[Offer], directory: &Directory) -> Vec<OfferLine> {
    let mut groups: BTreeMap<(&str, AvailabilityType, &str), Vec<&Offer>> = BTreeMap::new();
    for offer in offers {
        groups.entry((&offer.platform, offer.availability_type, &offer.source)).or_default().push(offer);
    }
    groups
        .into_iter()
        .map(|((platform, kind, source), group)| line(platform, kind, source, &group, directory))
        .collect()
}

fn line(platform: &str, kind: AvailabilityType, source: &str, group: &[&Offer], directory: &Directory) -> OfferLine {
    let known = directory.platforms.iter().find(|known| known.id == platform);
    let place = |offer: &&Offer| {
        let price = offer.price.as_ref().map(|price| format!("{} {}", price.amount, price.currency.code()));
        let quality = offer.quality.map(|quality| if quality == VideoQuality::Uhd { "4K" } else { quality.as_str() });
        let parts = [Some(offer.region.as_str().to_owned()), price, quality.map(str::to_uppercase)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    OfferLine {
        service: known.map_or_else(|| platform.replace('_', " "), |known| known.name.clone()),
        kind: name(kind),
        places: group.iter().map(place).collect(),
        source: source.to_owned(),
        checked: group
            .iter()
            .map(|offer| offer.checked_at)
            .max()
            .map(|at| at.to_string()[..10].to_owned())
            .unwrap_or_default(),
        sample: source == SAMPLE,
    }
}

fn name(kind: AvailabilityType) -> &'static str {
    match kind {
        AvailabilityType::Subscription => "Subscription",
        AvailabilityType::Free => "Free",
        AvailabilityType::Ads => "Free with advertisements",
        AvailabilityType::Rent => "Rent",
        AvailabilityType::Buy => "Buy",
        #[allow(unreachable_patterns, reason = "the words of the contract may grow")]
        _ => "Other terms",
    }
}
