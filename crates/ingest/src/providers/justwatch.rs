//! JustWatch, with a partner's key: GraphQL, in queries that ask for no more than we read.
//!
//! Its titles become rows of the shape that its clients write, which the adapter of such files reads.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{Clock, Content, ContentType, Region, SourceOffer, SourceRecord};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use stores::cache::Cache;

use super::{
    AVAILABILITY_TTL, Answer, CATALOG_TTL, ClientConfig, DETAILS_TTL, FRESH_TTL, Listed, PlatformAdapter,
    ProviderClient, ProviderError, Request, known,
    parts::{self, id_of, items, said},
};
use crate::{
    Context, RawRow,
    adapters::{Adapted, justwatch_json},
};

const SOURCE: &str = "justwatch";
const IMAGES: &str = "https://images.justwatch.com";
/// How much its offers are believed.
const CONFIDENCE: f64 = 0.85;
/// Titles on a page.
const PAGE: u64 = 40;
/// It gives nothing beyond this many titles of a list.
const LAST: u64 = 2_000;
/// How many titles of a name are looked through for one with the right id.
const LOOKED_AT: u64 = 5;

const LIST: &str = "query GetPopularTitles($popularTitlesFilter: TitleFilter, $country: Country!, $language: Language!, \
$first: Int!, $offset: Int, $filter: OfferFilter!, $profile: PosterProfile, $formatPoster: ImageFormat) { \
popularTitles(country: $country, filter: $popularTitlesFilter, first: $first, sortBy: POPULAR, offset: $offset) \
{ edges { node { ...TitleDetails } } } } ";
const NODE: &str = "query GetTitleNode($nodeId: ID!, $country: Country!, $language: Language!, $filter: OfferFilter!, \
$profile: PosterProfile, $formatPoster: ImageFormat) { node(id: $nodeId) { ...TitleDetails } } ";
const TITLE: &str = "fragment TitleDetails on MovieOrShowOrSeasonOrEpisode { id objectType \
content(country: $country, language: $language) { title originalReleaseYear originalReleaseDate runtime \
shortDescription ... on MovieOrShowOrSeasonContent { genres { shortName } externalIds { imdbId tmdbId } \
posterUrl(profile: $profile, format: $formatPoster) scoring { imdbScore imdbVotes } } \
... on MovieOrShowContent { ageCertification } } ... on Show { totalSeasonCount } \
offers(country: $country, platform: WEB, filter: $filter) { monetizationType presentationType retailPriceValue currency standardWebURL \
availableTo package { clearName technicalName } } }";

/// JustWatch as a source. A key is a node's id: `tm123` of a film, `ts123` of a series.
pub struct JustWatch(ProviderClient);

impl fmt::Debug for JustWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JustWatch")
    }
}

impl JustWatch {
    /// The provider, asked at `config.base`.
    ///
    /// # Errors
    /// `Failed` without a key.
    pub fn new(config: ClientConfig, cache: Arc<dyn Cache>, clock: Clock) -> Result<Self, ProviderError> {
        ProviderClient::new(&known::JUSTWATCH, config, cache, clock).map(Self)
    }

    /// Titles by what is watched most, of these words where there are some.
    async fn list(
        &self,
        words: Option<&str>,
        region: Region,
        first: u64,
        offset: u64,
    ) -> Result<Answer, ProviderError> {
        let mut variables = variables(region);
        variables.insert("first".to_owned(), json!(first));
        variables.insert("offset".to_owned(), json!(offset));
        let mut filter = Map::from_iter([("objectTypes".to_owned(), json!(["MOVIE", "SHOW"]))]);
        filter.extend(words.map(|words| ("searchQuery".to_owned(), json!(words))));
        variables.insert("popularTitlesFilter".to_owned(), Value::Object(filter));
        let answer = self.0.ask(&request("GetPopularTitles", LIST, variables, is_list), CATALOG_TTL).await?;
        let edges = items(&answer.value["data"]["popularTitles"]["edges"]);
        let titles: Vec<Value> = edges.map(|edge| edge["node"].clone()).collect();
        for title in &titles {
            let Some(key) = title["id"].as_str() else { continue };
            let own = Answer { value: json!({ "data": { "node": title } }), at: answer.at };
            self.0.remember(&of_one(key, region), &own).await;
        }
        Ok(Answer { value: Value::Array(titles), ..answer })
    }

    async fn title(&self, key: &str, region: Region, max_age: Duration) -> Result<SourceRecord, ProviderError> {
        let answer = self.0.ask(&of_one(key, region), max_age).await?;
        let node = &answer.value["data"]["node"];
        if node.is_null() {
            return Err(self.0.not_found());
        }
        record(node, &answer, region).map_err(|reason| self.0.unexpected(&reason))
    }
}

fn variables(region: Region) -> Map<String, Value> {
    let all = json!({
        "country": region.as_str(), "language": "en", "filter": { "bestOnly": false },
        "profile": "S718", "formatPoster": "JPG",
    });
    all.as_object().cloned().unwrap_or_default()
}

fn request(
    operation: &str,
    query: &str,
    variables: Map<String, Value>,
    is_whole: fn(&Value) -> bool,
) -> Request<'static> {
    let body = json!({ "operationName": operation, "variables": variables, "query": format!("{query}{TITLE}") });
    Request { body: Some(body), ..Request::whole("/graphql", [], is_whole) }
}

/// GraphQL says with 200 what it could not do.
fn is_list(answer: &Value) -> bool {
    !answer["errors"].is_array() && answer["data"]["popularTitles"]["edges"].is_array()
}

/// Whether it has a title with its offers, or says that there is none.
fn is_title(answer: &Value) -> bool {
    let node = &answer["data"]["node"];
    let told = |offer: &Value| offer["package"]["clearName"].is_string();
    let offers = parts::all_have(&node["offers"], &["monetizationType"]) && items(&node["offers"]).all(told);
    let none = answer["data"].as_object().is_some_and(|data| data.get("node").is_some_and(Value::is_null));
    !answer["errors"].is_array() && (none || (offers && node["content"]["title"].is_string()))
}

fn of_one(key: &str, region: Region) -> Request<'static> {
    let mut variables = variables(region);
    variables.insert("nodeId".to_owned(), json!(key));
    request("GetTitleNode", NODE, variables, is_title)
}

#[async_trait]
impl PlatformAdapter for JustWatch {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn standing(&self, now: jiff::Timestamp) -> crate::Standing {
        self.0.standing(now)
    }

    async fn catalog(&self, region: Region, cursor: Option<&str>) -> Result<Listed, ProviderError> {
        let from: u64 =
            cursor.unwrap_or("0").parse().map_err(|_| self.0.unexpected("a cursor that is none of its own"))?;
        let titles = self.list(None, region, PAGE, from).await?.value;
        let keys: Vec<String> = items(&titles).filter_map(|title| said(&title["id"])).collect();
        let next = from + PAGE;
        Ok(Listed { next: (!keys.is_empty() && next < LAST).then(|| next.to_string()), keys })
    }

    async fn search(&self, words: &str, region: Region) -> Result<Vec<String>, ProviderError> {
        let titles = self.list(Some(words), region, PAGE, 0).await?.value;
        Ok(items(&titles).filter_map(|title| said(&title["id"])).collect())
    }

    async fn details(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, DETAILS_TTL).await.map(Adapted::from)
    }

    async fn availability(&self, key: &str, region: Region) -> Result<Vec<SourceOffer>, ProviderError> {
        Ok(self.title(key, region, AVAILABILITY_TTL).await?.offers)
    }

    /// It takes no id of others: among the titles of that name, the one with the same id is it.
    async fn locate(&self, title: &Content, region: Region) -> Result<Option<String>, ProviderError> {
        let own = if title.content_type == ContentType::Movie { "tmdb_movie" } else { "tmdb_tv" };
        let (imdb, tmdb) = (id_of(&title.external_ids, "imdb"), id_of(&title.external_ids, own));
        if imdb.is_none() && tmdb.is_none() {
            return Ok(None);
        }
        let kind = if title.content_type == ContentType::Movie { "MOVIE" } else { "SHOW" };
        let titles = self.list(Some(&title.title), region, LOOKED_AT, 0).await?.value;
        let same = |node: &&Value| {
            let ids = &node["content"]["externalIds"];
            let known = |id: Option<&str>, field: &str| id.is_some() && ids[field].as_str() == id;
            node["objectType"] == kind && (known(imdb, "imdbId") || known(tmdb, "tmdbId"))
        };
        Ok(items(&titles).find(same).and_then(|node| said(&node["id"])))
    }

    async fn refreshed(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, FRESH_TTL).await.map(Adapted::from)
    }
}

/// A node in the shape of a client's file.
fn row(node: &Value) -> Value {
    let content = &node["content"];
    let offer = |offer: &Value| {
        json!({
            "monetization_type": offer["monetizationType"], "presentation_type": offer["presentationType"],
            "url": offer["standardWebURL"],
            "price_value": offer["retailPriceValue"], "price_currency": offer["currency"],
            "available_to": offer["availableTo"],
            "package": { "name": offer["package"]["clearName"], "technical_name": offer["package"]["technicalName"] },
        })
    };
    json!({
        "entry_id": node["id"], "object_type": node["objectType"], "title": content["title"],
        "release_year": content["originalReleaseYear"], "release_date": content["originalReleaseDate"],
        "runtime_minutes": content["runtime"], "short_description": content["shortDescription"],
        "genres": items(&content["genres"]).map(|genre| genre["shortName"].clone()).collect::<Vec<_>>(),
        "imdb_id": content["externalIds"]["imdbId"], "tmdb_id": content["externalIds"]["tmdbId"],
        "poster": said(&content["posterUrl"]).map(|path| format!("{IMAGES}{path}")),
        "total_season_count": node["totalSeasonCount"], "age_certification": content["ageCertification"],
        "scoring": { "imdb_score": content["scoring"]["imdbScore"], "imdb_votes": content["scoring"]["imdbVotes"] },
        "offers": items(&node["offers"]).map(offer).collect::<Vec<_>>(),
    })
}

fn record(node: &Value, answer: &Answer, region: Region) -> Result<SourceRecord, String> {
    let Value::Object(fields) = row(node) else { return Err("a title that is none".to_owned()) };
    let as_of = answer.at.to_zoned(TimeZone::UTC).date();
    let context = Context { service: None, region, as_of, as_of_stated: true, mapping: None };
    let mut record = justwatch_json::adapt(&RawRow::Json(fields), &context).map_err(|reason| reason.to_string())?;
    for offer in &mut record.offers {
        (offer.checked_at, offer.confidence) = (answer.at, CONFIDENCE);
    }
    Ok(record)
}
