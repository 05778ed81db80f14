//! (pure) The providers that we can ask, in the order in which they are asked: those that say most of an offer first.

use super::pacing::Allowance;

/// How a key goes along with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    /// As a bearer token.
    Bearer,
    /// In a header of this name.
    Header(&'static str),
    /// In a parameter of this name.
    Query(&'static str),
}

/// What we know of a provider before it is asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// What the configuration calls it, `[sources.NAME]`, and the source of its records.
    pub name: &'static str,
    /// Where its API is.
    pub base: &'static str,
    /// The published document that our requests and the readers of its answers were tested against; absent where we
    /// have none, and nobody has held the adapter against the provider.
    pub document: Option<&'static str>,
    pub(crate) auth: Auth,
    pub(crate) allowance: Allowance,
    /// A word of its refusal that means: no quota left today.
    pub(crate) spent: Option<&'static str>,
    /// A word of its answer to a bad request that means: it does not take the key; absent where it answers 401 or 403 then.
    pub(crate) refused: Option<&'static str>,
}

pub(crate) static STREAMING_AVAILABILITY: Known = Known {
    name: "streaming_availability",
    base: "https://api.movieofthenight.com/v4",
    document: Some("its OpenAPI document 4.1.0"),
    auth: Auth::Header("X-API-Key"),
    allowance: Allowance::USUAL,
    spent: None,
    refused: None,
};

pub(crate) static WATCHMODE: Known = Known {
    name: "watchmode",
    base: "https://api.watchmode.com/v1",
    document: Some("the types of its own client, 1.0.0"),
    auth: Auth::Query("apiKey"),
    allowance: Allowance::USUAL,
    spent: None,
    refused: None,
};

pub(crate) static JUSTWATCH: Known = Known {
    name: "justwatch",
    base: "https://apis.justwatch.com",
    document: Some("the queries of a published client, which sends no key: how a partner's key goes along is a guess"),
    auth: Auth::Bearer,
    allowance: Allowance::USUAL,
    spent: None,
    refused: None,
};

pub(crate) static TMDB: Known = Known {
    name: "tmdb",
    base: "https://api.themoviedb.org",
    document: Some("its OpenAPI document, version 3"),
    auth: Auth::Bearer,
    allowance: Allowance::USUAL,
    spent: None,
    refused: None,
};

pub(crate) static YOUTUBE: Known = Known {
    name: "youtube",
    base: "https://youtube.googleapis.com",
    document: Some("its discovery document, v3"),
    auth: Auth::Query("key"),
    // 10 000 units a day for each key (C4); what a request costs is in the adapter.
    allowance: Allowance { per_day: Some(10_000), ..Allowance::USUAL },
    spent: Some("quotaExceeded"),
    // As all of Google's services say it.
    refused: Some("API_KEY_INVALID"),
};

pub(crate) static GRACENOTE: Known = Known {
    name: "gracenote",
    base: "https://data.tmsapi.com",
    document: None,
    auth: Auth::Query("api_key"),
    allowance: Allowance::USUAL,
    spent: None,
    refused: None,
};

static ALL: [&Known; 6] = [&STREAMING_AVAILABILITY, &WATCHMODE, &JUSTWATCH, &TMDB, &YOUTUBE, &GRACENOTE];

/// Every provider, in the order of the chain.
pub fn all() -> &'static [&'static Known] {
    &ALL
}

/// The provider of this name.
pub(crate) fn find(name: &str) -> Option<&'static Known> {
    ALL.iter().copied().find(|known| known.name == name)
}

/// Where a provider stands in the chain.
pub(crate) fn rank(name: &str) -> usize {
    ALL.iter().position(|known| known.name == name).unwrap_or(ALL.len())
}

#[cfg(test)]
mod tests {
    use contracts::OFFER_CHAIN;

    use super::*;

    #[test]
    fn who_knows_offers_comes_first_in_the_order_of_belief() {
        let names: Vec<_> = ALL.iter().map(|known| known.name).collect();
        assert_eq!(names[..OFFER_CHAIN.len()], *OFFER_CHAIN);
    }
}
