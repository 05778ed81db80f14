//! What is needed to show a title in a row, and sentences as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AvailabilityType, Content, ContentId, ContentType, Credit, Image, Locale, Money, Region, VideoQuality};

/// The most people and offers of a card.
const MAX_CREDITS: usize = 2;
const MAX_OFFERS: usize = 12;

/// A title in a row: enough to draw it and to say where it is; `GET /api/v1/content/{id}` tells the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TitleCard {
    /// Its id.
    pub id: ContentId,
    /// Film or series.
    pub content_type: ContentType,
    /// The title, in the language of the call or the nearest we have.
    pub title: String,
    /// The language of `title`.
    pub locale: Locale,
    /// The year it was first shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_year: Option<u16>,
    /// How long it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_minutes: Option<u16>,
    /// Genres, by their ids.
    pub genres: Vec<String>,
    /// Countries it was made in.
    pub countries: Vec<Region>,
    /// The first two of its people.
    pub credits: Vec<Credit>,
    /// Its first poster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster: Option<Image>,
    /// Where to watch it in the region asked for, or anywhere where none was; at most 12.
    pub offers: Vec<CardOffer>,
    /// Whether there are offers besides these.
    pub more_offers: bool,
}

/// An offer in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CardOffer {
    /// The platform's id.
    pub platform: String,
    /// Where it holds.
    pub region: Region,
    /// On which terms.
    pub availability_type: AvailabilityType,
    /// How sharp it is; absent where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<VideoQuality>,
    /// What it costs; absent where nothing is paid per title or the price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Who says so, or `sample`.
    pub source: String,
}

impl TitleCard {
    /// The card of a title, with its offers in `region`.
    pub fn of(content: &Content, region: Option<Region>) -> Self {
        let here = content.availability.iter().filter(|offer| region.is_none_or(|region| offer.region == region));
        let offers: Vec<CardOffer> = here
            .take(MAX_OFFERS)
            .map(|offer| CardOffer {
                platform: offer.platform.clone(),
                region: offer.region,
                availability_type: offer.availability_type,
                quality: offer.quality,
                price: offer.price.clone(),
                source: offer.source.clone(),
            })
            .collect();
        Self {
            id: content.id,
            content_type: content.content_type,
            title: content.title.clone(),
            locale: content.locale.clone(),
            release_year: content.release_year,
            runtime_minutes: content.runtime_minutes,
            genres: content.genres.clone(),
            countries: content.countries.clone(),
            credits: content.credits.iter().take(MAX_CREDITS).cloned().collect(),
            poster: content.images.iter().find(|image| image.kind == "poster").cloned(),
            more_offers: content.availability.len() > offers.len(),
            offers,
        }
    }
}

/// A sentence as data, for whoever says it in another language: which sentence, and what stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wording {
    /// Which sentence: `actor`, `genre`, `decade`, …; more may come.
    pub code: String,
    /// What stands in it, by name: `name`, `genre` (an id), `decade` (its first year), …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
}

impl Wording {
    /// The sentence `code` with these arguments.
    pub fn new<const N: usize>(code: &str, args: [(&str, String); N]) -> Self {
        Self { code: code.to_owned(), args: args.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
    }

    /// An argument; empty where it is not there.
    pub fn arg(&self, name: &str) -> &str {
        self.args.get(name).map_or("", String::as_str)
    }
}
