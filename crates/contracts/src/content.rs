//! A title of the catalogue, and what belongs to it.

use std::collections::BTreeMap;

use iso_currency::Currency;
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ContentId, Language, Locale, Region, words::words};

words! {
    /// What kind of title.
    ContentType, "content_type" {
        /// A film.
        Movie = "movie",
        /// A series.
        TvShow = "tv_show",
    }
}

words! {
    /// What a person did for a title.
    CreditRole, "credit_role" {
        /// Directed it (or created it, for a series).
        Director = "director",
        /// Wrote it.
        Writer = "writer",
        /// Acted in it.
        Actor = "actor",
    }
}

words! {
    /// On which terms a platform offers a title.
    AvailabilityType, "availability_type" {
        /// With a subscription.
        Subscription = "subscription",
        /// For nothing.
        Free = "free",
        /// For nothing, with advertisements.
        Ads = "ads",
        /// For a time, against a fee.
        Rent = "rent",
        /// For good, against a fee.
        Buy = "buy",
    }
}

words! {
    /// How sharp the picture of an offer is at best.
    VideoQuality, "quality" {
        /// Standard definition: up to 576 lines.
        Sd = "sd",
        /// High definition: 720 or 1080 lines.
        Hd = "hd",
        /// Ultra-high definition: 2160 lines or more, known as 4K.
        Uhd = "uhd",
    }
}

/// An amount of money: a decimal string and an ISO 4217 code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// The amount, as a decimal string: `"3.99"`.
    #[schema(value_type = String, example = "3.99")]
    pub amount: Decimal,
    /// The currency, as an ISO 4217 code: `"EUR"`.
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
}

/// A person's part in a title.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Credit {
    /// The person's name.
    pub name: String,
    /// What they did.
    pub role: CreditRole,
}

/// An id that someone else gave to a title.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct ExternalId {
    /// Whose id: `eidr`, `imdb`, `tmdb_movie`, `tmdb_tv`, `gracenote`, `wikidata`, `wikipedia`, or a platform's own.
    pub id_type: String,
    /// The id.
    pub id_value: String,
}

/// A picture of a title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Image {
    /// `poster`, `backdrop` or `logo`.
    pub kind: String,
    /// Where it is.
    pub url: String,
    /// Pixels across, where known.
    pub width: Option<u32>,
    /// Pixels down, where known.
    pub height: Option<u32>,
    /// What it looks like before it is there, as a ThumbHash in Base64; absent until this node has seen the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
}

/// A title's certificate in one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContentRating {
    /// Who rated it: `mpa`, `tvpg`, …
    pub system: String,
    /// What they said: `PG-13`.
    pub certificate: String,
}

/// A title and overview in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Translation {
    /// The language; `und` where the source does not say.
    pub locale: Locale,
    /// The title.
    pub title: String,
    /// What it is about.
    pub overview: Option<String>,
}

/// A season of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Season {
    /// Its number; 0 for specials that belong to no season.
    pub number: u16,
    /// Its name in the source's language, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<String>,
    /// The day its first episode was shown, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub air_date: Option<Date>,
    /// The year its first episode was shown, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub air_year: Option<u16>,
    /// How many episodes it has, where a source says so or names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode_count: Option<u16>,
}

/// An episode of a season.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Episode {
    /// Its number in the season.
    pub number: u16,
    /// Its title in the source's language, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<String>,
    /// The day it was first shown, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub air_date: Option<Date>,
    /// How long it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_minutes: Option<u16>,
}

/// Where a title can be watched, on which terms, who says so and since when they know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// The platform's id: `netflix`, `prime_video`, …
    pub platform: String,
    /// Where the offer holds.
    pub region: Region,
    /// On which terms.
    pub availability_type: AvailabilityType,
    /// How sharp it is; absent where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<VideoQuality>,
    /// What it costs; absent where nothing is paid per title or the price is not known.
    pub price: Option<Money>,
    /// Opens the title in the platform's app; absent where the platform's scheme is not known.
    pub deep_link: Option<String>,
    /// The platform's page on the web.
    pub web_url: String,
    /// Since when it is there, where known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub available_from: Option<Timestamp>,
    /// When it leaves, where known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Who says so: the source's id, or `sample` for an offer that was generated for the demo.
    pub source: String,
    /// When the source was last known to say so.
    #[schema(value_type = String, format = DateTime)]
    pub checked_at: Timestamp,
    /// How much we believe it, from 0 to 1.
    pub confidence: f64,
}

/// One title with everything the catalogue knows of it, in the language of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Content {
    /// Its id.
    pub id: ContentId,
    /// Film or series.
    pub content_type: ContentType,
    /// The title, in the language of the call or the nearest we have.
    pub title: String,
    /// The title in its first language, where it differs.
    pub original_title: Option<String>,
    /// What it is about.
    pub overview: Option<String>,
    /// The language of `title` and `overview`.
    pub locale: Locale,
    /// When it was first shown, where the day is known.
    #[schema(value_type = Option<String>, format = Date)]
    pub release_date: Option<Date>,
    /// The year it was first shown.
    pub release_year: Option<u16>,
    /// How long it runs.
    pub runtime_minutes: Option<u16>,
    /// How many seasons a series has, where a source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season_count: Option<u16>,
    /// Genres, by their ids: `science_fiction`.
    pub genres: Vec<String>,
    /// Countries it was made in.
    pub countries: Vec<Region>,
    /// Languages spoken, as BCP 47 tags.
    #[serde(deserialize_with = "crate::language::known")]
    pub languages: Vec<Language>,
    /// Certificates by region.
    #[schema(value_type = BTreeMap<String, ContentRating>)]
    pub ratings: BTreeMap<Region, ContentRating>,
    /// The people, directors first, then writers, then actors in the source's order.
    pub credits: Vec<Credit>,
    /// Where to watch it.
    pub availability: Vec<Offer>,
    /// Pictures.
    pub images: Vec<Image>,
    /// Ids elsewhere.
    pub external_ids: Vec<ExternalId>,
    /// Titles and overviews in every language we have.
    pub translations: Vec<Translation>,
    /// Mean rating from 0 to 10, 0 where nobody voted.
    pub average_rating: f64,
    /// How many voted.
    pub vote_count: u32,
    /// From 0 to 1; 0.5 where nothing is known.
    pub popularity_score: f64,
    /// When anything of it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub last_updated: Timestamp,
}

/// A streaming service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Platform {
    /// Its id: `netflix`.
    pub id: String,
    /// Its name: `Netflix`.
    pub name: String,
    /// Its home page.
    pub home_url: String,
    /// How many titles the catalogue knows there.
    pub title_count: u64,
}

/// A genre and how many titles have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GenreCount {
    /// Its id: `science_fiction`.
    pub id: String,
    /// Its name: `Science fiction`.
    pub name: String,
    /// How many films.
    pub movie_count: u64,
    /// How many series.
    pub tv_show_count: u64,
}
