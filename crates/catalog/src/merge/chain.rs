//! (pure) Whose offers stand where several providers tell of one platform.

use std::collections::BTreeMap;

use contracts::{OFFER_CHAIN, Offer, Region, platforms};
use jiff::{SignedDuration, Timestamp};

/// For how long what a provider said stands over what later ones of the chain say since: one that is down for an hour costs
/// the freshness of its offers and nothing else.
const STANDS: SignedDuration = SignedDuration::from_hours(24);

/// Of the offers of a platform in a region those of the first provider of its chain, as long as none was checked a day after
/// it. What others than those providers say, such as an operator's own file, stands beside them.
pub(super) fn standing(offers: Vec<Offer>) -> Vec<Offer> {
    if !offers.iter().any(is_of_a_provider) {
        return offers;
    }
    let mut told: BTreeMap<(&str, Region), BTreeMap<&str, Timestamp>> = BTreeMap::new();
    for offer in offers.iter().filter(|offer| is_of_a_provider(offer)) {
        let here = told.entry((offer.platform.as_str(), offer.region)).or_default();
        let last = here.entry(offer.source.as_str()).or_insert(offer.checked_at);
        *last = offer.checked_at.max(*last);
    }
    let stands = |offer: &&Offer| {
        let here = told.get(&(offer.platform.as_str(), offer.region)).filter(|_| is_of_a_provider(offer));
        here.is_none_or(|here| first(&offer.platform, here) == Some(offer.source.as_str()))
    };
    offers.iter().filter(stands).cloned().collect()
}

fn is_of_a_provider(offer: &Offer) -> bool {
    OFFER_CHAIN.contains(&offer.source.as_str())
}

/// The first of the chain of a platform among those that told of it, each with when it last did.
fn first<'a>(platform: &str, told: &BTreeMap<&'a str, Timestamp>) -> Option<&'a str> {
    let newest = *told.values().max()?;
    let recent = told.iter().filter(|(_, at)| newest.duration_since(**at) < STANDS);
    recent.map(|(source, _)| *source).min_by_key(|source| platforms::rank(platform, source))
}
