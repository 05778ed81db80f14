//! (pure) Whose offers stand where several providers tell of one platform.

use std::collections::BTreeMap;

use contracts::{OFFER_CHAIN, Offer, Region, platforms};
use jiff::{SignedDuration, Timestamp};

/// For how long what a provider said stands over what later ones of the chain say since: one that is down for an hour costs
/// the freshness of its offers and nothing else.
const STANDS: SignedDuration = SignedDuration::from_hours(24);

/// When each provider last told of something.
type Told = BTreeMap<&'static str, Timestamp>;

/// Of the offers of a platform in a region those of the first provider of its chain, as long as none was checked a day after
/// it; and none that is a day older than what an earlier one last said of the title there, which is that the platform lacks it.
/// What others than those providers say, such as an operator's own file, stands beside them.
pub(super) fn standing(mut offers: Vec<Offer>) -> Vec<Offer> {
    let spoke = latest(&offers, |offer| offer.region);
    if spoke.is_empty() {
        return offers;
    }
    offers.retain(|offer| !is_denied(offer, &spoke));
    let told = latest(&offers, |offer| (offer.platform.as_str(), offer.region));
    let stands = |offer: &&Offer| {
        let here = told.get(&(offer.platform.as_str(), offer.region)).filter(|_| provider(offer).is_some());
        here.is_none_or(|here| first(&offer.platform, here) == Some(offer.source.as_str()))
    };
    offers.iter().filter(stands).cloned().collect()
}

/// When each provider last told of each thing that `of` makes of its offers.
fn latest<'a, K: Ord>(offers: &'a [Offer], of: impl Fn(&'a Offer) -> K) -> BTreeMap<K, Told> {
    let mut latest: BTreeMap<K, Told> = BTreeMap::new();
    for (provider, offer) in offers.iter().filter_map(|offer| Some((provider(offer)?, offer))) {
        let last = latest.entry(of(offer)).or_default().entry(provider).or_insert(offer.checked_at);
        *last = offer.checked_at.max(*last);
    }
    latest
}

/// The provider that an offer is of, if it is of one.
fn provider(offer: &Offer) -> Option<&'static str> {
    OFFER_CHAIN.iter().copied().find(|known| *known == offer.source)
}

/// Whether an earlier provider, which is known to have the platform, spoke of the title a day later and did not name it. Of a
/// platform that the directory lacks the silence of a provider says nothing.
fn is_denied(offer: &Offer, spoke: &BTreeMap<Region, Told>) -> bool {
    let (Some(own), Some(service)) = (provider(offer), platforms::find(&offer.platform)) else { return false };
    let Some(spoke) = spoke.get(&offer.region) else { return false };
    let earlier = service.chain.iter().take_while(|known| **known != own);
    let mut last = earlier.filter_map(|known| spoke.get(known));
    last.any(|at| at.duration_since(offer.checked_at) >= STANDS)
}

/// The first of the chain of a platform among those that told of it, each with when it last did.
fn first(platform: &str, told: &Told) -> Option<&'static str> {
    let newest = *told.values().max()?;
    let recent = told.iter().filter(|(_, at)| newest.duration_since(**at) < STANDS);
    recent.map(|(source, _)| *source).min_by_key(|source| platforms::rank(platform, source))
}
