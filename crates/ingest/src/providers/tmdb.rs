//! The Movie Database, v3, with the operator's read access token: titles, people, certificates and where to watch.
//!
//! Its offers name a platform and its terms; the only address they give is TMDb's own page, which leads on.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use contracts::{
    AvailabilityType, Clock, ContentType, Credit, CreditRole, ExternalId, Image, Locale, Region, SourceOffer,
    SourceRecord,
};
use serde_json::Value;
use stores::cache::Cache;

use super::{
    AVAILABILITY_TTL, CATALOG_TTL, ClientConfig, DETAILS_TTL, Listed, PlatformAdapter, ProviderClient, ProviderError,
    pacing::Allowance,
};
use crate::{
    adapters::{blank, genre_ids, is_imdb_title},
    certificates, platforms, text,
};

const SOURCE: &str = "tmdb";
const IMAGES: &str = "https://image.tmdb.org/t/p";
/// TMDb gives no page after this one.
const LAST_PAGE: u64 = 500;
/// How much its offers are believed: TMDb has them from another provider, a day old at most.
const CONFIDENCE: f64 = 0.8;
/// How many people of a cast are kept.
const MAX_CAST: usize = 30;
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
        ProviderClient::new(SOURCE, config, Allowance::USUAL, cache, clock).map(Self)
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

    async fn catalog(&self, region: Region, cursor: Option<&str>) -> Result<Listed, ProviderError> {
        let (kind, page) = cursor.and_then(|cursor| cursor.split_once('/')).unwrap_or(("movie", "1"));
        let page: u64 = page.parse().map_err(|_| unexpected("a cursor that is none of its own"))?;
        let query = [
            ("page", page.to_string()),
            ("watch_region", region.as_str().to_owned()),
            ("with_watch_monetization_types", "flatrate|free|ads|rent|buy".to_owned()),
            ("sort_by", "popularity.desc".to_owned()),
            ("include_adult", "false".to_owned()),
        ];
        let answer = self.0.get(&format!("/3/discover/{kind}"), &query, CATALOG_TTL).await?;
        let results = answer["results"].as_array().ok_or_else(|| unexpected("a list without results"))?;
        let keys = results.iter().filter_map(|result| Some(format!("{kind}/{}", result["id"].as_u64()?))).collect();
        let pages = answer["total_pages"].as_u64().unwrap_or(0).min(LAST_PAGE);
        let next = match kind {
            _ if page < pages => Some(format!("{kind}/{}", page + 1)),
            "movie" => Some("tv/1".to_owned()),
            _ => None,
        };
        Ok(Listed { keys, next })
    }

    async fn search(&self, words: &str) -> Result<Vec<String>, ProviderError> {
        let query = [("query", words.to_owned()), ("include_adult", "false".to_owned())];
        let answer = self.0.get("/3/search/multi", &query, CATALOG_TTL).await?;
        let results = answer["results"].as_array().ok_or_else(|| unexpected("a list without results"))?;
        let key = |result: &Value| {
            let kind = result["media_type"].as_str().filter(|kind| matches!(*kind, "movie" | "tv"))?;
            Some(format!("{kind}/{}", result["id"].as_u64()?))
        };
        Ok(results.iter().filter_map(key).collect())
    }

    async fn details(&self, key: &str, region: Region) -> Result<SourceRecord, ProviderError> {
        let (content_type, path) = place(key)?;
        let certificates = if content_type == ContentType::Movie { "release_dates" } else { "content_ratings" };
        let wanted = format!("credits,external_ids,watch/providers,{certificates}");
        let answer = self.0.get(&path, &[("append_to_response", wanted)], DETAILS_TTL).await?;
        let mut record = record(key, content_type, &answer, region)?;
        record.offers = self.offers(&answer["watch/providers"], region);
        Ok(record)
    }

    async fn availability(&self, key: &str, region: Region) -> Result<Vec<SourceOffer>, ProviderError> {
        let (_, path) = place(key)?;
        let answer = self.0.get(&format!("{path}/watch/providers"), &[], AVAILABILITY_TTL).await?;
        Ok(self.offers(&answer, region))
    }
}

impl Tmdb {
    fn offers(&self, answer: &Value, region: Region) -> Vec<SourceOffer> {
        let here = &answer["results"][region.as_str()];
        // Without an address nobody is led anywhere: then there is no offer.
        let Some(link) = here["link"].as_str().filter(|link| link.starts_with("https://")) else { return Vec::new() };
        let mut offers: Vec<SourceOffer> = Vec::new();
        for (field, availability_type) in TERMS {
            for provider in here[field].as_array().into_iter().flatten() {
                let Some(name) = provider["provider_name"].as_str() else { continue };
                let platform = platforms::id_of(name);
                let same =
                    |offer: &SourceOffer| offer.platform == platform && offer.availability_type == availability_type;
                if platform.is_empty() || offers.iter().any(same) {
                    continue;
                }
                offers.push(SourceOffer {
                    platform,
                    region,
                    availability_type,
                    quality: None,
                    price: None,
                    deep_link: None,
                    web_url: link.to_owned(),
                    available_from: None,
                    expires_at: None,
                    checked_at: self.0.clock().now(),
                    confidence: CONFIDENCE,
                });
            }
        }
        offers
    }
}

/// A field as a cleaned, non-empty text.
fn said(value: &Value) -> Option<String> {
    value.as_str().map(text::clean).filter(|text| !text.is_empty())
}

fn record(key: &str, content_type: ContentType, answer: &Value, region: Region) -> Result<SourceRecord, ProviderError> {
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
    record.runtime_minutes = minutes.as_u64().and_then(|minutes| u16::try_from(minutes).ok()).filter(|m| *m > 0);
    if !film {
        let seasons = answer["number_of_seasons"].as_u64().and_then(|seasons| u16::try_from(seasons).ok());
        record.season_count = seasons.filter(|seasons| *seasons > 0);
    }
    record.genres = genre_ids(&names(&answer["genres"], "name"));
    record.countries = texts(&answer["origin_country"]).iter().filter_map(|code| code.parse().ok()).collect();
    record.languages = names(&answer["spoken_languages"], "english_name");
    record.credits = credits(answer);
    record.external_ids = ids(key, film, answer);
    record.images.extend(image("poster", &answer["poster_path"], 780));
    record.images.extend(image("backdrop", &answer["backdrop_path"], 1280));
    record.ratings.extend(certificate(answer, film, region));
    let votes = answer["vote_count"].as_u64().and_then(|votes| u32::try_from(votes).ok()).filter(|votes| *votes > 0);
    record.rating = answer["vote_average"].as_f64().filter(|mean| (0.0..=10.0).contains(mean)).zip(votes);
    Ok(record)
}

fn names(list: &Value, field: &str) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| said(&item[field])).collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(said).collect()
}

fn credits(answer: &Value) -> Vec<Credit> {
    let crew = |job: &str| {
        let crew = answer["credits"]["crew"].as_array().into_iter().flatten();
        crew.filter(|person| person["job"].as_str() == Some(job)).filter_map(|person| said(&person["name"])).collect()
    };
    let directors: Vec<String> = [crew("Director"), names(&answer["created_by"], "name")].concat();
    let writers: Vec<String> = [crew("Screenplay"), crew("Writer")].concat();
    let mut actors = names(&answer["credits"]["cast"], "name");
    actors.truncate(MAX_CAST);
    let mut credits: Vec<Credit> = Vec::new();
    for (names, role) in [(directors, CreditRole::Director), (writers, CreditRole::Writer), (actors, CreditRole::Actor)]
    {
        for name in text::unique(names.into_iter()) {
            credits.push(Credit { name, role });
        }
    }
    credits
}

fn ids(key: &str, film: bool, answer: &Value) -> Vec<ExternalId> {
    let own = if film { "tmdb_movie" } else { "tmdb_tv" };
    let number = key.split('/').next_back().unwrap_or_default().to_owned();
    let elsewhere = &answer["external_ids"];
    let imdb = said(&elsewhere["imdb_id"]).or_else(|| said(&answer["imdb_id"])).filter(|id| is_imdb_title(id));
    let wikidata = said(&elsewhere["wikidata_id"]).filter(|id| id.starts_with('Q'));
    let all = [(own, Some(number)), ("imdb", imdb), ("wikidata", wikidata)];
    let id = |(id_type, id): (&str, Option<String>)| Some(ExternalId { id_type: id_type.to_owned(), id_value: id? });
    all.into_iter().filter_map(id).collect()
}

/// A picture in the width of TMDb's that is enough for every screen we serve.
fn image(kind: &str, path: &Value, width: u32) -> Option<Image> {
    let path = path.as_str().filter(|path| path.starts_with('/'))?;
    let url = format!("{IMAGES}/w{width}{path}");
    Some(Image { kind: kind.to_owned(), url, width: Some(width), height: None, placeholder: None })
}

/// The certificate of the region: the first that is not blank.
fn certificate(answer: &Value, film: bool, region: Region) -> Option<(Region, String, String)> {
    let list = if film { &answer["release_dates"]["results"] } else { &answer["content_ratings"]["results"] };
    let here = list.as_array()?.iter().find(|item| item["iso_3166_1"].as_str() == Some(region.as_str()))?;
    let mark = match film {
        true => here["release_dates"].as_array()?.iter().find_map(|release| said(&release["certification"]))?,
        false => said(&here["rating"])?,
    };
    certificates::of(&mark, region)
}
