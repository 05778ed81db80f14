//! YouTube Data, v3: films that the channels of the operator's choice show to everyone.
//!
//! The API says neither on which terms a film of the shop is offered nor what it costs. What a channel shows in public
//! is free to watch, though, and the operator vouches for the channel: those are the offers. A video is a film when it
//! lasts and its name says its year, without which nobody could tell which film it is.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{AvailabilityType, Clock, Content, ContentType, Locale, Region, SourceOffer, SourceRecord};
use jiff::Span;
use serde_json::Value;
use stores::cache::Cache;

use super::{
    AVAILABILITY_TTL, Answer, CATALOG_TTL, ClientConfig, DETAILS_TTL, FRESH_TTL, Listed, PlatformAdapter,
    ProviderClient, ProviderError, Request, known,
    parts::{self, items, said},
};
use crate::{
    adapters::{Adapted, blank},
    text,
};

const SOURCE: &str = "youtube";
/// The provider itself says so.
const CONFIDENCE: f64 = 0.95;
/// Videos on a page, and ids in a request: the most that it takes.
const PAGE: &str = "50";
/// What a search costs of the day's units; everything else costs one.
const SEARCH_COST: u32 = 100;
/// The shortest film, in minutes: the Academy's line between a short and a feature.
const MIN_MINUTES: i64 = 40;
/// The most channels.
const MAX_CHANNELS: usize = 100;

/// YouTube as a source. A key is a video's id.
pub struct YouTube {
    client: ProviderClient,
    channels: Vec<String>,
}

impl fmt::Debug for YouTube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YouTube")
    }
}

impl YouTube {
    /// The provider, asked at `config.base` for the films of `channels` (`UC…`).
    ///
    /// # Errors
    /// `Failed` without a key or a channel.
    pub fn new(
        config: ClientConfig,
        channels: &[String],
        cache: Arc<dyn Cache>,
        clock: Clock,
    ) -> Result<Self, ProviderError> {
        let failed = |cause: &str| ProviderError::Failed { source_id: SOURCE.to_owned(), cause: cause.to_owned() };
        let good = |id: &String| id.len() == 24 && id.starts_with("UC") && id.bytes().all(plain);
        if channels.is_empty() || channels.len() > MAX_CHANNELS || !channels.iter().all(good) {
            return Err(failed(
                "give 1 to 100 `channels` by their ids (`UC` and 22 characters) whose films are theirs",
            ));
        }
        let client = ProviderClient::new(&known::YOUTUBE, config, cache, clock)?;
        Ok(Self { client, channels: channels.to_vec() })
    }

    async fn video(&self, key: &str, max_age: Duration) -> Result<Answer, ProviderError> {
        if key.is_empty() || key.len() > 20 || !key.bytes().all(plain) {
            return Err(self.client.unexpected("a key that is none of its own"));
        }
        let query = [("part", "snippet,contentDetails,status".to_owned()), ("id", key.to_owned())];
        let answer = self.client.ask(&Request::whole("/youtube/v3/videos", query, are_videos), max_age).await?;
        let video = items(&answer.value["items"]).next().ok_or_else(|| self.client.not_found())?.clone();
        Ok(Answer { value: video, ..answer })
    }

    async fn title(&self, key: &str, region: Region, max_age: Duration) -> Result<SourceRecord, ProviderError> {
        let answer = self.video(key, max_age).await?;
        let mut record = record(key, &answer.value).map_err(|cause| self.client.unexpected(cause))?;
        record.offers.extend(offer(key, &answer, region));
        Ok(record)
    }
}

fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[async_trait]
impl PlatformAdapter for YouTube {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn standing(&self, now: jiff::Timestamp) -> crate::Standing {
        self.client.standing(now)
    }

    fn knows_offers(&self) -> bool {
        false
    }

    /// A page of what a channel put up. The list of a channel's uploads has the channel's id with `UU` for `UC`.
    async fn catalog(&self, _: Region, cursor: Option<&str>) -> Result<Listed, ProviderError> {
        let (at, token) = cursor.and_then(|cursor| cursor.split_once(' ')).unwrap_or(("0", ""));
        let at: usize = at.parse().map_err(|_| self.client.unexpected("a cursor that is none of its own"))?;
        let Some(channel) = self.channels.get(at) else { return Ok(Listed::default()) };
        let mut query = vec![
            ("part", "contentDetails".to_owned()),
            ("playlistId", channel.replacen("UC", "UU", 1)),
            ("maxResults", PAGE.to_owned()),
        ];
        query.extend((!token.is_empty()).then(|| ("pageToken", token.to_owned())));
        let request = Request::whole("/youtube/v3/playlistItems", query, is_list);
        let answer = self.client.ask(&request, CATALOG_TTL).await?.value;
        let keys = items(&answer["items"]).filter_map(|video| said(&video["contentDetails"]["videoId"])).collect();
        let next = match answer["nextPageToken"].as_str() {
            Some(token) => Some(format!("{at} {token}")),
            None => (at + 1 < self.channels.len()).then(|| format!("{} ", at + 1)),
        };
        Ok(Listed { keys, next })
    }

    /// Searches the first channel: each further one would cost another hundredth of the day.
    async fn search(&self, words: &str, region: Region) -> Result<Vec<String>, ProviderError> {
        let query = vec![
            ("part", "snippet".to_owned()),
            ("type", "video".to_owned()),
            ("videoDuration", "long".to_owned()),
            ("channelId", self.channels.first().cloned().unwrap_or_default()),
            ("regionCode", region.as_str().to_owned()),
            ("maxResults", PAGE.to_owned()),
            ("q", words.to_owned()),
        ];
        let request = Request { cost: SEARCH_COST, ..Request::whole("/youtube/v3/search", query, is_list) };
        let answer = self.client.ask(&request, CATALOG_TTL).await?.value;
        Ok(items(&answer["items"]).filter_map(|video| said(&video["id"]["videoId"])).collect())
    }

    async fn details(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, DETAILS_TTL).await.map(Adapted::from)
    }

    async fn availability(&self, key: &str, region: Region) -> Result<Vec<SourceOffer>, ProviderError> {
        Ok(offer(key, &self.video(key, AVAILABILITY_TTL).await?, region).into_iter().collect())
    }

    /// It knows no ids of others: a film of the catalogue is found here by its own list alone.
    async fn locate(&self, title: &Content, _: Region) -> Result<Option<String>, ProviderError> {
        Ok(parts::id_of(&title.external_ids, SOURCE).map(str::to_owned))
    }

    async fn refreshed(&self, key: &str, region: Region) -> Result<Adapted, ProviderError> {
        self.title(key, region, FRESH_TTL).await.map(Adapted::from)
    }
}

fn is_list(answer: &Value) -> bool {
    answer["items"].is_array()
}

/// Whether each says if everyone may watch it.
fn are_videos(answer: &Value) -> bool {
    let fields = ["privacyStatus", "uploadStatus"];
    let told = |video: &Value| fields.iter().all(|field| video["status"][*field].is_string());
    is_list(answer) && items(&answer["items"]).all(told)
}

fn record(key: &str, video: &Value) -> Result<SourceRecord, &'static str> {
    let name = said(&video["snippet"]["title"]).ok_or("a video without a name")?;
    let minutes = minutes(&video["contentDetails"]["duration"]).ok_or("a video without a length")?;
    if minutes < MIN_MINUTES {
        return Err("a video that is no film: it is shorter than 40 minutes");
    }
    let (title, year) = title_and_year(&name).ok_or("a video whose name says no year")?;
    let mut record = blank(SOURCE, key.to_owned(), ContentType::Movie, title);
    let spoken = video["snippet"]["defaultLanguage"].as_str().and_then(|tag| tag.parse().ok());
    record.locale = spoken.unwrap_or_else(Locale::english);
    record.overview = said(&video["snippet"]["description"]);
    record.release_year = Some(year);
    record.runtime_minutes = u16::try_from(minutes).ok();
    record.external_ids.push(parts::id(SOURCE, key));
    let picture = &video["snippet"]["thumbnails"]["high"];
    let width = picture["width"].as_u64().and_then(|width| u32::try_from(width).ok());
    record.images.extend(parts::image("backdrop", &picture["url"], width));
    Ok(record)
}

/// `PT1H41M3S` → 101.
fn minutes(duration: &Value) -> Option<i64> {
    let span: Span = duration.as_str()?.parse().ok()?;
    let whole = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    Some(whole.as_secs() / 60)
}

/// `The Glass Harbour (1999) | Full Movie` → the film's name and year.
fn title_and_year(name: &str) -> Option<(String, u16)> {
    let open = name.char_indices().filter(|(_, c)| matches!(c, '(' | '['));
    let mut found = open.filter_map(|(at, _)| {
        let year = name.get(at + 1..at + 5)?.parse::<u16>().ok().filter(|year| (1888..=2100).contains(year))?;
        let closed = name.get(at + 5..)?.starts_with([')', ']']);
        closed.then_some((at, year))
    });
    let (at, year) = found.next_back()?;
    // What stands before a bar or a colon may be the channel's: only the part beside the year is the name.
    let title = name.get(..at)?.rsplit('|').next().map(text::clean)?;
    let title = title.trim_end_matches(['-', '–', ':']).trim().to_owned();
    (!title.is_empty()).then_some((title, year))
}

/// The offer, where everyone may watch it in this region.
fn offer(key: &str, answer: &Answer, region: Region) -> Option<SourceOffer> {
    let video = &answer.value;
    let has = |list: &Value| items(list).any(|code| code.as_str() == Some(region.as_str()));
    let limits = &video["contentDetails"]["regionRestriction"];
    let here = if limits["allowed"].is_array() { has(&limits["allowed"]) } else { !has(&limits["blocked"]) };
    let public = video["status"]["privacyStatus"] == "public" && video["status"]["uploadStatus"] == "processed";
    if !here || !public {
        return None;
    }
    let link = format!("https://www.youtube.com/watch?v={key}");
    parts::offer("YouTube", region, AvailabilityType::Free, &link, answer.at, CONFIDENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_its_year_is_a_film() {
        let table = [
            ("The Glass Harbour (1999) | Full Movie", Some(("The Glass Harbour", 1999))),
            ("Harbour Films | Salt - [1961] HD", Some(("Salt", 1961))),
            ("1984 (1956)", Some(("1984", 1956))),
            ("2001: A Space Odyssey", None),
            ("Trailer (3 minutes)", None),
            ("(1999)", None),
            ("Señor (2001", None),
        ];
        for (name, expected) in table {
            assert_eq!(title_and_year(name), expected.map(|(title, year)| (title.to_owned(), year)), "{name}");
        }
    }
}
