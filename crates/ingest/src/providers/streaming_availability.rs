//! Streaming Availability, v4: titles with every offer of a country, its price, its end and an address that leads there.
//!
//! A request names one country, so that one answer is a title and its offers. What its lists say of a title is kept as
//! if the title had been asked for.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{AvailabilityType, Clock, Content, ContentType, Locale, Region, SourceOffer, SourceRecord};
use jiff::Timestamp;
use serde_json::Value;
use stores::cache::Cache;

use super::{
    AVAILABILITY_TTL, Answer, CATALOG_TTL, ClientConfig, DETAILS_TTL, FRESH_TTL, Listed, PlatformAdapter,
    ProviderClient, ProviderError, Request, known,
    parts::{self, id_of, items, names, said, texts},
};
use crate::adapters::{blank, genre_ids, is_imdb_title};

const SOURCE: &str = "streaming_availability";
/// How much its offers are believed: it reads the services themselves.
const CONFIDENCE: f64 = 0.9;

/// Streaming Availability as a source. A key is an id of its own, an IMDb id, or `movie/11`, `tv/1399` of TMDb.
pub struct StreamingAvailability(ProviderClient);

impl fmt::Debug for StreamingAvailability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamingAvailability")
    }
}

impl StreamingAvailability {
    /// The provider, asked at `config.base`.
    ///
    /// # Errors
    /// `Failed` without a key.
    pub fn new(config: ClientConfig, cache: Arc<dyn Cache>, clock: Clock) -> Result<Self, ProviderError> {
        ProviderClient::new(&known::STREAMING_AVAILABILITY, config, cache, clock).map(Self)
    }

    async fn show(&self, key: &str, region: Region, max_age: Duration) -> Result<Answer, ProviderError> {
        let path = path(key).ok_or_else(|| self.0.unexpected("a key that is none of its own"))?;
        self.0.get(&path, &of_one(region), max_age).await
    }

    async fn title(&self, key: &str, region: Region, max_age: Duration) -> Result<SourceRecord, ProviderError> {
        let answer = self.show(key, region, max_age).await?;
        record(&answer, region).ok_or_else(|| self.0.unexpected("a title without id, kind or name"))
    }
}

/// `/shows/movie%2F11`; `None` for what can't be an id of a title.
fn path(key: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    (!key.is_empty() && key.len() <= 50 && key.chars().all(plain))
        .then(|| format!("/shows/{}", key.replace('/', "%2F")))
}

fn country(region: Region) -> String {
    region.as_str().to_lowercase()
}

fn of_one(region: Region) -> [(&'static str, String); 2] {
    [("country", country(region)), ("series_granularity", "show".to_owned())]
}

#[async_trait]
impl PlatformAdapter for StreamingAvailability {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn standing(&self, now: jiff::Timestamp) -> crate::Standing {
        self.0.standing(now)
    }

    async fn catalog(&self, region: Region, cursor: Option<&str>) -> Result<Listed, ProviderError> {
        let mut query = of_one(region).to_vec();
        query.push(("order_by", "popularity_1year".to_owned()));
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let answer = self.0.get("/shows/search/filters", &query, CATALOG_TTL).await?;
        let shows = answer.value["shows"].as_array().ok_or_else(|| self.0.unexpected("a list without shows"))?;
        let mut keys = Vec::new();
        for show in shows {
            let Some(key) = show["id"].as_str() else { continue };
            if let Some(path) = path(key) {
                let own = Answer { value: show.clone(), at: answer.at };
                self.0.remember(&Request::get(&path, of_one(region)), &own).await;
                keys.push(key.to_owned());
            }
        }
        let next = answer.value["nextCursor"].as_str().filter(|_| answer.value["hasMore"] == Value::Bool(true));
        Ok(Listed { keys, next: next.map(str::to_owned) })
    }

    async fn search(&self, words: &str, region: Region) -> Result<Vec<String>, ProviderError> {
        let mut query = of_one(region).to_vec();
        query.push(("title", words.to_owned()));
        let answer = self.0.get("/shows/search/title", &query, CATALOG_TTL).await?;
        let shows = answer.value.as_array().ok_or_else(|| self.0.unexpected("a list that is none"))?;
        Ok(shows.iter().filter_map(|show| said(&show["id"])).collect())
    }

    async fn details(&self, key: &str, region: Region) -> Result<SourceRecord, ProviderError> {
        self.title(key, region, DETAILS_TTL).await
    }

    async fn availability(&self, key: &str, region: Region) -> Result<Vec<SourceOffer>, ProviderError> {
        Ok(offers(&self.show(key, region, AVAILABILITY_TTL).await?, region))
    }

    async fn locate(&self, title: &Content, _: Region) -> Result<Option<String>, ProviderError> {
        let (own, kind) = match title.content_type {
            ContentType::Movie => ("tmdb_movie", "movie"),
            ContentType::TvShow => ("tmdb_tv", "tv"),
        };
        let imdb = id_of(&title.external_ids, "imdb").filter(|id| is_imdb_title(id)).map(str::to_owned);
        Ok(imdb.or_else(|| id_of(&title.external_ids, own).map(|number| format!("{kind}/{number}"))))
    }

    async fn refreshed(&self, key: &str, region: Region) -> Result<SourceRecord, ProviderError> {
        self.title(key, region, FRESH_TTL).await
    }
}

fn record(answer: &Answer, region: Region) -> Option<SourceRecord> {
    let show = &answer.value;
    let (content_type, year) = match show["showType"].as_str()? {
        "movie" => (ContentType::Movie, "releaseYear"),
        "series" => (ContentType::TvShow, "firstAirYear"),
        _ => return None,
    };
    let mut record = blank(SOURCE, said(&show["id"])?, content_type, said(&show["title"])?);
    record.locale = Locale::english();
    record.original_title = said(&show["originalTitle"]).filter(|original| *original != record.title);
    record.overview = said(&show["overview"]);
    record.release_year = parts::number(&show[year]);
    record.runtime_minutes = parts::number(&show["runtime"]);
    record.season_count = parts::number(&show["seasonCount"]).filter(|_| content_type == ContentType::TvShow);
    record.genres = genre_ids(&names(&show["genres"], "name"));
    let directors = [texts(&show["directors"]), texts(&show["creators"])].concat();
    record.credits = parts::credits(directors, Vec::new(), texts(&show["cast"]));
    let imdb = said(&show["imdbId"]).filter(|id| is_imdb_title(id));
    record.external_ids.extend(imdb.map(|imdb| parts::id("imdb", imdb)));
    let tmdb = show["tmdbId"].as_str().and_then(|id| id.split_once('/'));
    record.external_ids.extend(tmdb.filter(|tmdb| matches!(tmdb.0, "movie" | "tv")).map(|(kind, number)| {
        let own = if kind == "movie" { "tmdb_movie" } else { "tmdb_tv" };
        parts::id(own, number)
    }));
    record.images.extend(parts::image("poster", &show["imageSet"]["verticalPoster"]["w480"], Some(480)));
    record.images.extend(parts::image("backdrop", &show["imageSet"]["horizontalBackdrop"]["w1080"], Some(1080)));
    record.offers = offers(answer, region);
    Some(record)
}

fn offers(answer: &Answer, region: Region) -> Vec<SourceOffer> {
    let mut offers = Vec::new();
    for option in items(&answer.value["streamingOptions"][country(region)]) {
        if let Some(offer) = offer(option, region, answer.at) {
            parts::add(&mut offers, offer);
        }
    }
    offers
}

fn offer(option: &Value, region: Region, at: Timestamp) -> Option<SourceOffer> {
    let service = said(&option["service"]["name"])?;
    let (service, terms) = match option["type"].as_str()? {
        "subscription" => (service, AvailabilityType::Subscription),
        "free" => (service, AvailabilityType::Free),
        "rent" => (service, AvailabilityType::Rent),
        "buy" => (service, AvailabilityType::Buy),
        // A channel inside a service is subscribed to by itself.
        "addon" => (format!("{} {service} channel", said(&option["addon"]["name"])?), AvailabilityType::Subscription),
        _ => return None,
    };
    let moment = |field: &str| option[field].as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let mut offer = parts::offer(&service, region, terms, option["link"].as_str()?, at, CONFIDENCE)?;
    offer.quality = parts::quality(&option["quality"]);
    offer.deep_link = said(&option["videoLink"]).filter(|link| link.contains("://"));
    offer.price = option["price"]["amount"]
        .as_str()
        .zip(option["price"]["currency"].as_str())
        .and_then(|(amount, currency)| parts::money(amount, currency));
    offer.available_from = moment("availableSince");
    offer.expires_at = moment("expiresOn");
    Some(offer)
}
