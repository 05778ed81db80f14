//! Gracenote (TMS OnConnect), v1.1: what a title is about and who made it. It is for enrichment alone.
//!
//! UNVERIFIED: we have no document of this provider. Paths and fields are those that public programs use; nobody has
//! held the adapter against the provider, and `doctor` says so.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use contracts::{Clock, Content, ContentType, Locale, Region, SourceOffer, SourceRecord};
use serde_json::Value;
use stores::cache::Cache;

use super::{
    CATALOG_TTL, ClientConfig, DETAILS_TTL, Listed, PlatformAdapter, ProviderClient, ProviderError, Request, known,
    parts::{self, id_of, items, said, texts},
};
use crate::adapters::{Adapted, blank, genre_ids};

const SOURCE: &str = "gracenote";

/// Gracenote as a source. A key is a TMS id: `MV…` of a film, `SH…` of a series.
pub struct Gracenote(ProviderClient);

impl fmt::Debug for Gracenote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gracenote")
    }
}

impl Gracenote {
    /// The provider, asked at `config.base`.
    ///
    /// # Errors
    /// `Failed` without a key.
    pub fn new(config: ClientConfig, cache: Arc<dyn Cache>, clock: Clock) -> Result<Self, ProviderError> {
        ProviderClient::new(&known::GRACENOTE, config, cache, clock).map(Self)
    }
}

#[async_trait]
impl PlatformAdapter for Gracenote {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn standing(&self, now: jiff::Timestamp) -> crate::Standing {
        self.0.standing(now)
    }

    fn lists(&self) -> bool {
        false
    }

    fn knows_offers(&self) -> bool {
        false
    }

    async fn catalog(&self, _: Region, _: Option<&str>) -> Result<Listed, ProviderError> {
        Err(self.0.not_offered("a list of titles"))
    }

    async fn search(&self, words: &str, _: Region) -> Result<Vec<String>, ProviderError> {
        let query =
            [("q", words.to_owned()), ("queryFields", "title".to_owned()), ("entityType", "movie,show".to_owned())];
        let request = Request::whole("/v1.1/programs/search", query, |list| list["hits"].is_array());
        let answer = self.0.ask(&request, CATALOG_TTL).await?.value;
        Ok(items(&answer["hits"]).filter_map(|hit| said(&hit["program"]["tmsId"])).collect())
    }

    async fn details(&self, key: &str, _: Region) -> Result<Adapted, ProviderError> {
        if key.is_empty() || key.len() > 20 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(self.0.unexpected("a key that is none of its own"));
        }
        let path = format!("/v1.1/programs/{key}");
        let answer = self.0.ask(&Request::whole(&path, [], is_title), DETAILS_TTL).await?;
        let record = record(key, &answer.value).ok_or_else(|| self.0.unexpected("a title without kind or name"))?;
        Ok(record.into())
    }

    async fn availability(&self, _: &str, _: Region) -> Result<Vec<SourceOffer>, ProviderError> {
        Err(self.0.not_offered("where a title can be watched"))
    }

    async fn locate(&self, title: &Content, _: Region) -> Result<Option<String>, ProviderError> {
        Ok(id_of(&title.external_ids, SOURCE).map(str::to_owned))
    }

    async fn refreshed(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.details(key, region).await
    }
}

fn is_title(program: &Value) -> bool {
    program["entityType"].is_string() && program["title"].is_string()
}

fn record(key: &str, program: &Value) -> Option<SourceRecord> {
    let content_type = match program["entityType"].as_str()? {
        "Movie" => ContentType::Movie,
        "Show" => ContentType::TvShow,
        _ => return None,
    };
    let mut record = blank(SOURCE, key.to_owned(), content_type, said(&program["title"])?);
    record.locale = Locale::english();
    record.overview = said(&program["longDescription"]).or_else(|| said(&program["shortDescription"]));
    record.release_year = parts::number(&program["releaseYear"]);
    record.release_date = said(&program["releaseDate"]).and_then(|day| day.parse().ok());
    record.runtime_minutes = program["runTime"].as_str().and_then(minutes);
    record.genres = genre_ids(&texts(&program["genres"]));
    let named = |list: &Value, role: Option<&str>| -> Vec<String> {
        let wanted = items(list).filter(|person| role.is_none_or(|role| person["role"] == role));
        wanted.filter_map(|person| said(person).or_else(|| said(&person["name"]))).collect()
    };
    let directors = [named(&program["directors"], None), named(&program["crew"], Some("Director"))].concat();
    let cast = [named(&program["cast"], None), named(&program["topCast"], None)].concat();
    record.credits = parts::credits(directors, named(&program["crew"], Some("Writer")), cast);
    record.external_ids.push(parts::id(SOURCE, key));
    Some(record)
}

/// `PT01H44M` → 104.
fn minutes(duration: &str) -> Option<u16> {
    let (hours, minutes) = duration.strip_prefix("PT")?.split_once('H')?;
    let minutes = minutes.split('M').next().unwrap_or_default();
    let whole = hours.parse::<u16>().ok()?.checked_mul(60)?.checked_add(minutes.parse().unwrap_or(0))?;
    Some(whole).filter(|minutes| *minutes > 0)
}
