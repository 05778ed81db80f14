//! The Movie Database, v3, with the operator's read access token: titles, people, certificates, seasons and where to watch.
//!
//! The seasons of a series come with it; their episodes are asked for a season at a time, of the newest ones.
//! Its offers name a platform and its terms; the only address they give is TMDb's own page, which leads on.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{
    AvailabilityType, Clock, Content, ContentType, Credit, ExternalId, Image, Language, Locale, MAX_EPISODES, Region,
    SourceOffer, SourceSeason,
};
use serde_json::Value;
use stores::cache::Cache;

use super::{
    AVAILABILITY_TTL, Answer, CATALOG_TTL, ClientConfig, DETAILS_TTL, FRESH_TTL, Listed, PlatformAdapter,
    ProviderClient, ProviderError, Request, known,
    parts::{self, PartFields, id_of, items, names, said, texts},
};
use crate::{
    adapters::{Adapted, blank, genre_ids, is_imdb_title},
    certificates,
    external_ids::is_wikidata,
    text,
};

const SOURCE: &str = "tmdb";
const IMAGES: &str = "https://image.tmdb.org/t/p";
/// TMDb gives no page of a list after this one.
const LAST_PAGE: u64 = 500;
/// Films and series are two lists. A cursor is the page that is next of each, a blank between them, which of the two is
/// next first: so each list has every other page while both last. Then nothing follows the blank.
const BEGINNING: &str = "movie/1 tv/1";
/// Of how many seasons of a title the episodes are asked for: each costs a request.
const SEASONS_ASKED: usize = 20;
/// How much its offers are believed: TMDb has them from another provider, a day old at most.
const CONFIDENCE: f64 = 0.8;
const PARTS: PartFields = PartFields { season: "season_number", aired: "air_date", minutes: "runtime" };
const TERMS: [(&str, AvailabilityType); 5] = [
    ("flatrate", AvailabilityType::Subscription),
    ("free", AvailabilityType::Free),
    ("ads", AvailabilityType::Ads),
    ("rent", AvailabilityType::Rent),
    ("buy", AvailabilityType::Buy),
];

/// TMDb as a source. A key is `movie/11` or `tv/1399`.
pub struct Tmdb(ProviderClient);

impl fmt::Debug for Tmdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tmdb")
    }
}

impl Tmdb {
    /// TMDb, asked at `config.base`.
    ///
    /// # Errors
    /// `Failed` without a key.
    pub fn new(config: ClientConfig, cache: Arc<dyn Cache>, clock: Clock) -> Result<Self, ProviderError> {
        ProviderClient::new(&known::TMDB, config, cache, clock).map(Self)
    }
}

fn unexpected(cause: &str) -> ProviderError {
    ProviderError::Unexpected { source_id: SOURCE.to_owned(), cause: cause.to_owned() }
}

/// `movie/11` → a film, `/3/movie/11`.
fn place(key: &str) -> Result<(ContentType, String), ProviderError> {
    let (kind, number) = key.split_once('/').unwrap_or_default();
    let content_type = match kind {
        "movie" => ContentType::Movie,
        "tv" => ContentType::TvShow,
        _ => return Err(unexpected("a key that is none of its own")),
    };
    number.parse::<u64>().map_err(|_| unexpected("a key that is none of its own"))?;
    Ok((content_type, format!("/3/{key}")))
}

#[async_trait]
impl PlatformAdapter for Tmdb {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn standing(&self, now: jiff::Timestamp) -> crate::Standing {
        self.0.standing(now)
    }

    async fn catalog(&self, region: Region, cursor: Option<&str>) -> Result<Listed, ProviderError> {
        let strange = || unexpected("a cursor that is none of its own");
        let cursor = cursor.unwrap_or(BEGINNING);
        let (first, waiting) = match cursor.split_once(' ') {
            Some((first, waiting)) => (first, Some(waiting).filter(|waiting| !waiting.is_empty())),
            // Of a release that read all films before the first series.
            None => (cursor, cursor.starts_with("movie/").then_some("tv/1")),
        };
        let (kind, page) = first.split_once('/').filter(|own| matches!(own.0, "movie" | "tv")).ok_or_else(strange)?;
        let page: u64 = page.parse().map_err(|_| strange())?;
        let query = [
            ("page", page.to_string()),
            ("watch_region", region.as_str().to_owned()),
            ("with_watch_monetization_types", "flatrate|free|ads|rent|buy".to_owned()),
            ("sort_by", "popularity.desc".to_owned()),
            ("include_adult", "false".to_owned()),
        ];
        let path = format!("/3/discover/{kind}");
        let answer = self.0.ask(&Request::whole(&path, query, is_list), CATALOG_TTL).await?.value;
        let key = |result: &Value| Some(format!("{kind}/{}", result["id"].as_u64()?));
        let keys = items(&answer["results"]).filter_map(key).collect();
        let pages = answer["total_pages"].as_u64().unwrap_or(0).min(LAST_PAGE);
        let more = (page < pages).then(|| format!("{kind}/{}", page + 1));
        let mut lists = waiting.map(str::to_owned).into_iter().chain(more);
        let next = lists.next().map(|first| format!("{first} {}", lists.next().unwrap_or_default()));
        Ok(Listed { keys, next })
    }

    async fn search(&self, words: &str, _: Region) -> Result<Vec<String>, ProviderError> {
        let query = [("query", words.to_owned()), ("include_adult", "false".to_owned())];
        let answer = self.0.ask(&Request::whole("/3/search/multi", query, is_list), CATALOG_TTL).await?.value;
        let key = |result: &Value| {
            let kind = result["media_type"].as_str().filter(|kind| matches!(*kind, "movie" | "tv"))?;
            Some(format!("{kind}/{}", result["id"].as_u64()?))
        };
        Ok(items(&answer["results"]).filter_map(key).collect())
    }

    async fn details(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, AVAILABILITY_TTL).await
    }

    async fn availability(&self, key: &str, region: Region) -> Result<Vec<SourceOffer>, ProviderError> {
        let (_, path) = place(key)?;
        Ok(offers(&self.beside(&path, AVAILABILITY_TTL).await?, region))
    }

    async fn locate(&self, title: &Content, _: Region) -> Result<Option<String>, ProviderError> {
        let (own, kind, found) = match title.content_type {
            ContentType::Movie => ("tmdb_movie", "movie", "movie_results"),
            ContentType::TvShow => ("tmdb_tv", "tv", "tv_results"),
        };
        if let Some(number) = id_of(&title.external_ids, own) {
            return Ok(Some(format!("{kind}/{number}")));
        }
        let Some(imdb) = id_of(&title.external_ids, "imdb").filter(|id| is_imdb_title(id)) else { return Ok(None) };
        let query = [("external_source", "imdb_id".to_owned())];
        let path = format!("/3/find/{imdb}");
        let answer = self.0.ask(&Request::whole(&path, query, is_found), DETAILS_TTL).await?;
        Ok(answer.value[found][0]["id"].as_u64().map(|number| format!("{kind}/{number}")))
    }

    async fn refreshed(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, FRESH_TTL).await
    }
}

impl Tmdb {
    /// Where a title can be watched.
    async fn beside(&self, path: &str, max_age: Duration) -> Result<Answer, ProviderError> {
        self.0.ask(&Request::whole(&format!("{path}/watch/providers"), [], are_offers), max_age).await
    }

    /// A title; its offers, which come with it, are asked for by themselves where they are older than `max_age`.
    async fn title(&self, key: &str, region: Region, max_age: Duration) -> Result<Adapted, ProviderError> {
        let (content_type, path) = place(key)?;
        let certificates = if content_type == ContentType::Movie { "release_dates" } else { "content_ratings" };
        let wanted = format!("credits,external_ids,watch/providers,{certificates}");
        let request = Request::whole(&path, [("append_to_response", wanted)], is_title);
        let answer = self.0.ask(&request, DETAILS_TTL).await?;
        let mut adapted = adapted(key, content_type, &answer)?;
        self.episodes(&path, &mut adapted.record.seasons).await?;
        let beside = match self.0.is_older(&answer, max_age) {
            true => self.beside(&path, max_age).await?,
            false => Answer { value: answer.value["watch/providers"].clone(), ..answer },
        };
        adapted.record.offers = offers(&beside, region);
        Ok(adapted)
    }

    /// Asks for the episodes of the newest seasons. A season that it does not have after all is one without.
    async fn episodes(&self, path: &str, seasons: &mut [SourceSeason]) -> Result<(), ProviderError> {
        let mut newest: Vec<_> = seasons.iter_mut().filter(|told| told.season.episode_count.is_some()).collect();
        newest.sort_by_key(|told| std::cmp::Reverse(told.season.number));
        let mut room = MAX_EPISODES;
        for told in newest.into_iter().take(SEASONS_ASKED) {
            let path = format!("{path}/season/{}", told.season.number);
            let request = Request::whole(&path, [], |season| season["episodes"].is_array());
            let answer = match self.0.ask(&request, DETAILS_TTL).await {
                Err(ProviderError::NotFound { .. }) => continue,
                answer => answer?,
            };
            for own in items(&answer.value["episodes"]).take(room) {
                parts::add_episode(told, own, &PARTS, answer.at);
            }
            room -= told.episodes.len();
        }
        Ok(())
    }
}

fn is_found(answer: &Value) -> bool {
    answer["movie_results"].is_array() && answer["tv_results"].is_array()
}

fn is_list(answer: &Value) -> bool {
    answer["results"].is_array()
}

fn is_title(answer: &Value) -> bool {
    (answer["title"].is_string() || answer["name"].is_string()) && are_offers(&answer["watch/providers"])
}

/// Whether it says where a title can be watched; a region in which nobody offers it is not named.
fn are_offers(answer: &Value) -> bool {
    let named = |list: &Value| list.is_null() || parts::all_have(list, &["provider_name"]);
    let here = |here: &Value| here["link"].is_string() && TERMS.iter().all(|(field, _)| named(&here[*field]));
    answer["results"].as_object().is_some_and(|all| all.values().all(here))
}

fn offers(answer: &Answer, region: Region) -> Vec<SourceOffer> {
    let here = &answer.value["results"][region.as_str()];
    let link = here["link"].as_str().unwrap_or_default();
    let mut offers = Vec::new();
    for (field, terms) in TERMS {
        for provider in items(&here[field]) {
            let name = provider["provider_name"].as_str().unwrap_or_default();
            if let Some(offer) = parts::offer(name, region, terms, link, answer.at, CONFIDENCE) {
                parts::add(&mut offers, offer);
            }
        }
    }
    offers
}

fn adapted(key: &str, content_type: ContentType, answer: &Answer) -> Result<Adapted, ProviderError> {
    let (at, answer) = (answer.at, &answer.value);
    let film = content_type == ContentType::Movie;
    let (title, original, first) = match film {
        true => ("title", "original_title", "release_date"),
        false => ("name", "original_name", "first_air_date"),
    };
    let title = said(&answer[title]).ok_or_else(|| unexpected("a title without a name"))?;
    let mut record = blank(SOURCE, key.to_owned(), content_type, title);
    record.locale = Locale::english();
    record.original_title = said(&answer[original]).filter(|original| *original != record.title);
    record.overview = said(&answer["overview"]);
    record.release_date = said(&answer[first]).and_then(|day| day.parse().ok());
    record.release_year = record.release_date.and_then(|day| u16::try_from(day.year()).ok());
    let minutes = if film { &answer["runtime"] } else { &answer["episode_run_time"][0] };
    record.runtime_minutes = parts::number(minutes);
    if !film {
        record.season_count = parts::number(&answer["number_of_seasons"]);
        record.seasons = parts::seasons(answer["seasons"].as_array().map_or(&[][..], Vec::as_slice), &PARTS, at);
    }
    record.genres = genre_ids(&names(&answer["genres"], "name"));
    record.countries = texts(&answer["origin_country"]).iter().filter_map(|code| code.parse().ok()).collect();
    let spoken = text::unique(names(&answer["spoken_languages"], "iso_639_1").into_iter());
    let (languages, unread_languages) = Language::split(spoken);
    record.languages = languages;
    record.credits = credits(answer);
    record.external_ids = ids(key, film, answer);
    record.images.extend(image("poster", &answer["poster_path"], 780));
    record.images.extend(image("backdrop", &answer["backdrop_path"], 1280));
    record.ratings = certificates(answer, film);
    let votes = answer["vote_count"].as_u64().and_then(|votes| u32::try_from(votes).ok()).filter(|votes| *votes > 0);
    record.rating = answer["vote_average"].as_f64().filter(|mean| (0.0..=10.0).contains(mean)).zip(votes);
    Ok(Adapted { record, unread_languages })
}

fn credits(answer: &Value) -> Vec<Credit> {
    let crew = |job: &str| {
        let crew = items(&answer["credits"]["crew"]).filter(|person| person["job"].as_str() == Some(job));
        crew.filter_map(|person| said(&person["name"])).collect::<Vec<_>>()
    };
    let directors = [crew("Director"), names(&answer["created_by"], "name")].concat();
    let writers = [crew("Screenplay"), crew("Writer")].concat();
    parts::credits(directors, writers, names(&answer["credits"]["cast"], "name"))
}

fn ids(key: &str, film: bool, answer: &Value) -> Vec<ExternalId> {
    let own = if film { "tmdb_movie" } else { "tmdb_tv" };
    let number = key.split('/').next_back().unwrap_or_default().to_owned();
    let elsewhere = &answer["external_ids"];
    let imdb = said(&elsewhere["imdb_id"]).or_else(|| said(&answer["imdb_id"])).filter(|id| is_imdb_title(id));
    let wikidata = said(&elsewhere["wikidata_id"]).filter(|id| is_wikidata(id));
    let all = [(own, Some(number)), ("imdb", imdb), ("wikidata", wikidata)];
    all.into_iter().filter_map(|(id_type, id)| Some(parts::id(id_type, id?))).collect()
}

/// A picture in the width of TMDb's that is enough for every screen we serve.
fn image(kind: &str, path: &Value, width: u32) -> Option<Image> {
    let path = said(path).filter(|path| path.starts_with('/'))?;
    let url = format!("{IMAGES}/w{width}{path}");
    Some(Image { kind: kind.to_owned(), url, width: Some(width), height: None, placeholder: None })
}

/// The certificates of every region, of each the first that is not blank.
fn certificates(answer: &Value, film: bool) -> Vec<(Region, String, String)> {
    let list = if film { &answer["release_dates"]["results"] } else { &answer["content_ratings"]["results"] };
    let one = |here: &Value| {
        let region: Region = here["iso_3166_1"].as_str()?.parse().ok()?;
        let mark = match film {
            true => here["release_dates"].as_array()?.iter().find_map(|release| said(&release["certification"]))?,
            false => said(&here["rating"])?,
        };
        certificates::of(&mark, region)
    };
    let mut all: Vec<_> = items(list).filter_map(one).collect();
    // Television has one list for several boards of a region.
    all.sort_by_key(|found| found.0);
    all.dedup_by_key(|found| found.0);
    all
}
