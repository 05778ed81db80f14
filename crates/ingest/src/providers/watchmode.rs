//! Watchmode, v1: titles with where they can be watched in a region, and the seasons and episodes of series.
//!
//! Its prices name no currency, so that we take none. What comes with a cable contract (`tve`) is no offer to everyone.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{
    AvailabilityType, Clock, Content, ContentType, Locale, MAX_EPISODES, Region, SourceOffer, SourceRecord,
    SourceSeason,
};
use jiff::Timestamp;
use serde_json::Value;
use stores::cache::Cache;

use super::{
    AVAILABILITY_TTL, Answer, CATALOG_TTL, ClientConfig, DETAILS_TTL, FRESH_TTL, Listed, PlatformAdapter,
    ProviderClient, ProviderError, Request, known,
    parts::{self, PartFields, id_of, items, said, texts},
};
use crate::{
    adapters::{Adapted, blank, genre_ids, is_imdb_title},
    certificates,
};

const SOURCE: &str = "watchmode";
/// How much its offers are believed.
const CONFIDENCE: f64 = 0.85;
const PARTS: PartFields = PartFields { season: "number", aired: "release_date", minutes: "runtime_minutes" };
/// Titles on a page; it gives 250 at most.
const PAGE: u32 = 100;

/// Watchmode as a source. A key is a number of its own, an IMDb id, or `movie-11`, `tv-1399` of TMDb.
pub struct Watchmode(ProviderClient);

impl fmt::Debug for Watchmode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watchmode")
    }
}

impl Watchmode {
    /// The provider, asked at `config.base`.
    ///
    /// # Errors
    /// `Failed` without a key.
    pub fn new(config: ClientConfig, cache: Arc<dyn Cache>, clock: Clock) -> Result<Self, ProviderError> {
        ProviderClient::new(&known::WATCHMODE, config, cache, clock).map(Self)
    }

    /// What a request for one title costs: 1 credit by its own number, 2 by another id, and 1 for each thing beside it.
    fn cost(key: &str, beside: u32) -> u32 {
        beside + if key.bytes().all(|byte| byte.is_ascii_digit()) { 1 } else { 2 }
    }

    fn checked<'a>(&self, key: &'a str) -> Result<&'a str, ProviderError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let good = !key.is_empty() && key.len() <= 50 && key.chars().all(plain);
        if good { Ok(key) } else { Err(self.0.unexpected("a key that is none of its own")) }
    }

    async fn offers(&self, key: &str, region: Region, max_age: Duration) -> Result<Vec<SourceOffer>, ProviderError> {
        let path = format!("/title/{}/sources", self.checked(key)?);
        let query = vec![("regions", region.as_str().to_owned())];
        let request = Request { cost: Self::cost(key, 0), ..Request::whole(&path, query, are_sources) };
        Ok(offers(&self.0.ask(&request, max_age).await?, region))
    }

    async fn title(&self, key: &str, region: Region, max_age: Duration) -> Result<SourceRecord, ProviderError> {
        let path = format!("/title/{}/details", self.checked(key)?);
        let query = vec![
            ("append_to_response", "sources,cast-crew".to_owned()),
            ("regions", region.as_str().to_owned()),
            ("language", "en".to_owned()),
        ];
        let request = Request { cost: Self::cost(key, 2), ..Request::whole(&path, query, is_title) };
        let answer = self.0.ask(&request, DETAILS_TTL).await?;
        let mut record = record(&answer.value).ok_or_else(|| self.0.unexpected("a title without id, kind or name"))?;
        if record.content_type == ContentType::TvShow {
            record.seasons = self.seasons(&record.source_key).await?;
        }
        let offers = match self.0.is_older(&answer, max_age) {
            true => self.offers(key, region, max_age).await?,
            false => offers(&Answer { value: answer.value["sources"].clone(), ..answer }, region),
        };
        Ok(SourceRecord { offers, ..record })
    }

    /// The seasons of a series and their episodes: two requests a day, a credit each. A list that it does not have is empty; one that
    /// can't be read says nothing, least of all that there are none any more.
    async fn seasons(&self, key: &str) -> Result<Vec<SourceSeason>, ProviderError> {
        let Some((told, at)) = self.list(key, "seasons").await? else { return Ok(Vec::new()) };
        let mut seasons = parts::seasons(&told, &PARTS, at);
        if seasons.is_empty() {
            return Ok(seasons);
        }
        let Some((told, at)) = self.list(key, "episodes").await? else { return Ok(seasons) };
        for own in told.iter().take(MAX_EPISODES) {
            let of = parts::from_zero(&own["season_number"]);
            if let Some(season) = seasons.iter_mut().find(|told| Some(told.season.number) == of) {
                parts::add_episode(season, own, &PARTS, at);
            }
        }
        Ok(seasons)
    }

    async fn list(&self, key: &str, what: &str) -> Result<Option<(Vec<Value>, Timestamp)>, ProviderError> {
        let path = format!("/title/{key}/{what}");
        match self.0.ask(&Request::whole(&path, [], Value::is_array), DETAILS_TTL).await {
            Err(ProviderError::NotFound { .. }) => Ok(None),
            Ok(Answer { value: Value::Array(list), at }) => Ok(Some((list, at))),
            Ok(_) => Err(self.0.unexpected(&format!("{what} that are no list"))),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl PlatformAdapter for Watchmode {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn standing(&self, now: jiff::Timestamp) -> crate::Standing {
        self.0.standing(now)
    }

    async fn catalog(&self, region: Region, cursor: Option<&str>) -> Result<Listed, ProviderError> {
        let page: u64 =
            cursor.unwrap_or("1").parse().map_err(|_| self.0.unexpected("a cursor that is none of its own"))?;
        let query = [
            ("regions", region.as_str().to_owned()),
            ("sort_by", "popularity_desc".to_owned()),
            ("page", page.to_string()),
            ("limit", PAGE.to_string()),
        ];
        let request = Request::whole("/list-titles", query, |list| list["titles"].is_array());
        let answer = self.0.ask(&request, CATALOG_TTL).await?.value;
        let keys = items(&answer["titles"]).filter_map(|title| Some(title["id"].as_u64()?.to_string())).collect();
        let more = page < answer["total_pages"].as_u64().unwrap_or(0);
        Ok(Listed { keys, next: more.then(|| (page + 1).to_string()) })
    }

    async fn search(&self, words: &str, _: Region) -> Result<Vec<String>, ProviderError> {
        let query =
            [("search_field", "name".to_owned()), ("search_value", words.to_owned()), ("types", "tv,movie".to_owned())];
        let request = Request::whole("/search", query, |list| list["title_results"].is_array());
        let answer = self.0.ask(&request, CATALOG_TTL).await?.value;
        Ok(items(&answer["title_results"]).filter_map(|title| Some(title["id"].as_u64()?.to_string())).collect())
    }

    async fn details(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, AVAILABILITY_TTL).await.map(Adapted::from)
    }

    async fn availability(&self, key: &str, region: Region) -> Result<Vec<SourceOffer>, ProviderError> {
        self.offers(key, region, AVAILABILITY_TTL).await
    }

    async fn locate(&self, title: &Content, _: Region) -> Result<Option<String>, ProviderError> {
        let (own, kind) = match title.content_type {
            ContentType::Movie => ("tmdb_movie", "movie"),
            ContentType::TvShow => ("tmdb_tv", "tv"),
        };
        let imdb = id_of(&title.external_ids, "imdb").filter(|id| is_imdb_title(id)).map(str::to_owned);
        Ok(imdb.or_else(|| id_of(&title.external_ids, own).map(|number| format!("{kind}-{number}"))))
    }

    async fn refreshed(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, FRESH_TTL).await.map(Adapted::from)
    }
}

fn is_title(title: &Value) -> bool {
    title["title"].is_string() && title["type"].is_string() && are_sources(&title["sources"])
}

fn are_sources(list: &Value) -> bool {
    parts::all_have(list, &["name", "type", "region"])
}

fn record(title: &Value) -> Option<SourceRecord> {
    let content_type = match title["type"].as_str()? {
        "movie" | "short_film" | "tv_movie" | "tv_special" => ContentType::Movie,
        "tv_series" | "tv_miniseries" => ContentType::TvShow,
        _ => return None,
    };
    let key = title["id"].as_u64()?.to_string();
    let mut record = blank(SOURCE, key, content_type, said(&title["title"])?);
    record.locale = Locale::english();
    record.original_title = said(&title["original_title"]).filter(|original| *original != record.title);
    record.overview = said(&title["plot_overview"]);
    record.release_year = parts::number(&title["year"]);
    record.release_date = said(&title["release_date"]).and_then(|day| day.parse().ok());
    record.runtime_minutes = parts::number(&title["runtime_minutes"]);
    record.genres = genre_ids(&texts(&title["genre_names"]));
    let people = |wanted: &dyn Fn(&Value) -> bool| -> Vec<String> {
        items(&title["cast"]).filter(|person| wanted(person)).filter_map(|person| said(&person["full_name"])).collect()
    };
    let crew = |job: &str| people(&|person| person["type"] == "Crew" && person["role"] == job);
    let directors = [crew("Director"), crew("Creator")].concat();
    let writers = [crew("Screenplay"), crew("Writer")].concat();
    record.credits = parts::credits(directors, writers, people(&|person| person["type"] == "Cast"));
    let imdb = said(&title["imdb_id"]).filter(|id| is_imdb_title(id));
    record.external_ids.extend(imdb.map(|imdb| parts::id("imdb", imdb)));
    let tmdb = title["tmdb_id"].as_u64().filter(|number| *number > 0).zip(title["tmdb_type"].as_str());
    record.external_ids.extend(tmdb.map(|(number, kind)| {
        let own = if kind == "movie" { "tmdb_movie" } else { "tmdb_tv" };
        parts::id(own, number.to_string())
    }));
    record.images.extend(parts::image("poster", &title["poster"], None));
    record.images.extend(parts::image("backdrop", &title["backdrop"], None));
    record.ratings.extend(said(&title["us_rating"]).and_then(|mark| certificates::of(&mark, Region::US)));
    Some(record)
}

fn offers(answer: &Answer, region: Region) -> Vec<SourceOffer> {
    let mut offers = Vec::new();
    for source in items(&answer.value).filter(|source| source["region"] == region.as_str()) {
        let terms = match source["type"].as_str() {
            Some("sub") => AvailabilityType::Subscription,
            Some("free") => AvailabilityType::Free,
            Some("rent") => AvailabilityType::Rent,
            Some("buy") => AvailabilityType::Buy,
            _ => continue,
        };
        let (name, link) =
            (source["name"].as_str().unwrap_or_default(), source["web_url"].as_str().unwrap_or_default());
        if let Some(mut offer) = parts::offer(name, region, terms, link, answer.at, CONFIDENCE) {
            offer.quality = parts::quality(&source["format"]);
            // Without a paid plan a sentence stands where the link should be.
            offer.deep_link = said(&source["ios_url"]).filter(|link| link.contains("://"));
            parts::add(&mut offers, offer);
        }
    }
    offers
}
