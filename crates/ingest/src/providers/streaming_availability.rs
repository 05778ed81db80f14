//! Streaming Availability, v4: titles with every offer of a country, its price, its end and an address that leads there.
//!
//! A request names one country, so that one answer is a title and its offers. What its lists say of a film is kept as if the film
//! had been asked for. A series is asked for once a day with its seasons and episodes, which are too much for a list, and for its
//! offers alone in between.
//!
//! Its document gives seasons and episodes no numbers: a season's is the one in its name ("Season 2"), without which it is left out;
//! an episode's is its place in the list, unless the name of one says otherwise ("Episode 9" in the third place).

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{
    AvailabilityType, Clock, Content, ContentType, Episode, Locale, MAX_EPISODES, MAX_PART_NAME, MAX_PART_OVERVIEW,
    MAX_SEASONS, Region, Season, SourceOffer, SourceRecord, SourceSeason,
};
use jiff::Timestamp;
use serde_json::Value;
use stores::cache::Cache;

use super::{
    AVAILABILITY_TTL, Answer, CATALOG_TTL, ClientConfig, DETAILS_TTL, FRESH_TTL, Listed, PlatformAdapter,
    ProviderClient, ProviderError, Request, known,
    parts::{self, id_of, items, names, said, texts},
};
use crate::{
    adapters::{Adapted, blank, genre_ids, is_imdb_title},
    external_ids::is_number,
};

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

    async fn show(
        &self,
        key: &str,
        region: Region,
        detail: Detail,
        max_age: Duration,
    ) -> Result<Answer, ProviderError> {
        let path = path(key).ok_or_else(|| self.0.unexpected("a key that is none of its own"))?;
        self.0.ask(&of_one(&path, region, detail), max_age).await
    }

    /// All that is said of a title, of today at least, and its offers, of no longer ago than `max_age`.
    async fn whole(&self, key: &str, region: Region, max_age: Duration) -> Result<(Answer, Answer), ProviderError> {
        let whole = self.show(key, region, Detail::Episodes, DETAILS_TTL).await?;
        let fresh = match self.0.is_older(&whole, max_age) {
            true => self.show(key, region, Detail::Show, max_age).await?,
            false => whole.clone(),
        };
        Ok((whole, fresh))
    }

    async fn title(&self, key: &str, region: Region, max_age: Duration) -> Result<SourceRecord, ProviderError> {
        let (whole, fresh) = self.whole(key, region, max_age).await?;
        let record = record(&whole).ok_or_else(|| self.0.unexpected("a title without id, kind or name"))?;
        Ok(SourceRecord { offers: offers(&fresh, region), ..record })
    }
}

/// How much is asked of a series.
#[derive(Clone, Copy)]
enum Detail {
    Show,
    Episodes,
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

fn params(region: Region, detail: Detail) -> [(&'static str, String); 2] {
    let granularity = match detail {
        Detail::Show => "show",
        Detail::Episodes => "episode",
    };
    [("country", country(region)), ("series_granularity", granularity.to_owned())]
}

fn of_one(path: &str, region: Region, detail: Detail) -> Request<'_> {
    Request::whole(path, params(region, detail), is_title)
}

/// Whether it has the name of a title and where it can be watched; a country in which nobody offers it is not named.
fn is_title(show: &Value) -> bool {
    let named = ["id", "showType", "title"].iter().all(|field| show[*field].is_string());
    let told = |option: &Value| option["service"]["name"].is_string();
    let here = |options: &Value| parts::all_have(options, &["type", "link"]) && items(options).all(told);
    named && show["streamingOptions"].as_object().is_some_and(|all| all.values().all(here))
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
        let mut query = params(region, Detail::Show).to_vec();
        query.push(("order_by", "popularity_1year".to_owned()));
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let request = Request::whole("/shows/search/filters", query, |list| list["shows"].is_array());
        let answer = self.0.ask(&request, CATALOG_TTL).await?;
        let mut keys = Vec::new();
        for show in answer.value["shows"].as_array().map_or(&[][..], Vec::as_slice) {
            let Some(key) = show["id"].as_str() else { continue };
            if let Some(path) = path(key) {
                let own = Answer { value: show.clone(), at: answer.at };
                // A film has no episodes: that is all of it.
                let detail = if show["showType"] == "movie" { Detail::Episodes } else { Detail::Show };
                self.0.remember(&of_one(&path, region, detail), &own).await;
                keys.push(key.to_owned());
            }
        }
        let next = answer.value["nextCursor"].as_str().filter(|_| answer.value["hasMore"] == Value::Bool(true));
        Ok(Listed { keys, next: next.map(str::to_owned) })
    }

    async fn search(&self, words: &str, region: Region) -> Result<Vec<String>, ProviderError> {
        let mut query = params(region, Detail::Show).to_vec();
        query.push(("title", words.to_owned()));
        let answer = self.0.ask(&Request::whole("/shows/search/title", query, Value::is_array), CATALOG_TTL).await?;
        Ok(items(&answer.value).filter_map(|show| said(&show["id"])).collect())
    }

    async fn details(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, DETAILS_TTL).await.map(Adapted::from)
    }

    async fn availability(&self, key: &str, region: Region) -> Result<Vec<SourceOffer>, ProviderError> {
        Ok(offers(&self.whole(key, region, AVAILABILITY_TTL).await?.1, region))
    }

    async fn locate(&self, title: &Content, _: Region) -> Result<Option<String>, ProviderError> {
        let (own, kind) = match title.content_type {
            ContentType::Movie => ("tmdb_movie", "movie"),
            ContentType::TvShow => ("tmdb_tv", "tv"),
        };
        let imdb = id_of(&title.external_ids, "imdb").filter(|id| is_imdb_title(id)).map(str::to_owned);
        Ok(imdb.or_else(|| id_of(&title.external_ids, own).map(|number| format!("{kind}/{number}"))))
    }

    async fn refreshed(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, FRESH_TTL).await.map(Adapted::from)
    }
}

fn record(answer: &Answer) -> Option<SourceRecord> {
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
    if content_type == ContentType::TvShow {
        record.season_count = parts::number(&show["seasonCount"]);
        record.seasons = seasons(&show["seasons"], answer.at);
    }
    record.genres = genre_ids(&names(&show["genres"], "name"));
    let directors = [texts(&show["directors"]), texts(&show["creators"])].concat();
    record.credits = parts::credits(directors, Vec::new(), texts(&show["cast"]));
    let imdb = said(&show["imdbId"]).filter(|id| is_imdb_title(id));
    record.external_ids.extend(imdb.map(|imdb| parts::id("imdb", imdb)));
    let tmdb = said(&show["tmdbId"]);
    let tmdb = tmdb.as_deref().and_then(|id| id.split_once('/')).filter(|(_, number)| is_number(number));
    record.external_ids.extend(tmdb.filter(|tmdb| matches!(tmdb.0, "movie" | "tv")).map(|(kind, number)| {
        let own = if kind == "movie" { "tmdb_movie" } else { "tmdb_tv" };
        parts::id(own, number)
    }));
    record.images.extend(parts::image("poster", &show["imageSet"]["verticalPoster"]["w480"], Some(480)));
    record.images.extend(parts::image("backdrop", &show["imageSet"]["horizontalBackdrop"]["w1080"], Some(1080)));
    Some(record)
}

/// The seasons whose names say their numbers, each number once, with their episodes.
fn seasons(told: &Value, at: Timestamp) -> Vec<SourceSeason> {
    let mut seasons: Vec<SourceSeason> = Vec::new();
    let mut room = MAX_EPISODES;
    for told in items(told) {
        let name = parts::short(&told["title"], MAX_PART_NAME);
        let Some(number) = name.as_deref().and_then(|name| numbered(name, "Season")) else { continue };
        if seasons.len() == MAX_SEASONS || seasons.iter().any(|own| own.season.number == number) {
            continue;
        }
        let mut episodes = episodes(&told["episodes"]);
        episodes.truncate(room);
        room -= episodes.len();
        // The name says no more than the number.
        let season = Season { number, air_year: parts::year(&told["firstAirYear"], at), ..Season::default() };
        seasons.push(SourceSeason { season, episodes });
    }
    seasons
}

/// The episodes of a season by their places; none where a name gives another number.
fn episodes(told: &Value) -> Vec<Episode> {
    let one = |(place, told): (usize, &Value)| {
        let number = u16::try_from(place + 1).ok()?;
        let title = parts::short(&told["title"], MAX_PART_NAME);
        let named = title.as_deref().and_then(|title| numbered(title, "Episode"));
        let overview = parts::short(&told["overview"], MAX_PART_OVERVIEW);
        // A name that is only its number is none.
        let title = title.filter(|_| named.is_none());
        named.is_none_or(|named| named == number).then_some(Episode { number, title, overview, ..Episode::default() })
    };
    items(told).take(MAX_EPISODES).enumerate().map(one).collect::<Option<_>>().unwrap_or_default()
}

/// The number of "Season 2", where that is all there is.
fn numbered(name: &str, word: &str) -> Option<u16> {
    name.strip_prefix(word)?.strip_prefix(' ')?.parse().ok()
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
