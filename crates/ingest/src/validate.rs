//! (pure) What every record must keep to, whatever its source.

use std::collections::HashMap;

use contracts::{MAX_EPISODES, MAX_PART_NAME, MAX_PART_OVERVIEW, MAX_SEASONS, SourceOffer, SourceRecord, SourceSeason};
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::{Context, RejectReason, context::FIRST_YEAR, external_ids};

// None is wider than what the catalogue takes: it refuses a batch as a whole.
/// The longest title, in characters: the longest known film title has some 200.
const MAX_TITLE: usize = 500;
/// The longest overview, in characters.
const MAX_OVERVIEW: usize = 20_000;
/// The longest key or name, in characters.
const MAX_NAME: usize = 500;
/// The longest external id, in characters.
const MAX_ID: usize = 255;
/// The longest certificate, in characters.
const MAX_CERTIFICATE: usize = 50;
/// The longest id of a platform, in characters.
const MAX_PLATFORM: usize = 50;
/// The longest address, in characters.
const MAX_ADDRESS: usize = 2_000;
/// The most people.
const MAX_PEOPLE: usize = 500;
/// The most genres, countries, languages, pictures, ids, certificates or offers.
const MAX_ENTRIES: usize = 50;
/// How many ids of one input are remembered, some 20 bytes each.
const MAX_REMEMBERED: usize = 20_000_000;

/// Turns away a record that breaks a bound.
///
/// # Errors
/// The first reason found.
pub fn check(record: &SourceRecord, context: &Context) -> Result<(), RejectReason> {
    if record.title.is_empty() {
        return Err(RejectReason::Missing("title"));
    }
    lengths(record)?;
    entries("people", record.credits.len(), MAX_PEOPLE)?;
    entries("translations", record.translations.len(), MAX_ENTRIES)?;
    entries("genres", record.genres.len(), MAX_ENTRIES)?;
    entries("countries", record.countries.len(), MAX_ENTRIES)?;
    entries("languages", record.languages.len(), MAX_ENTRIES)?;
    entries("images", record.images.len(), MAX_ENTRIES)?;
    entries("external ids", record.external_ids.len(), MAX_ENTRIES)?;
    entries("ratings", record.ratings.len(), MAX_ENTRIES)?;
    entries("offers", record.offers.len(), MAX_ENTRIES)?;
    entries("seasons", record.seasons.len(), MAX_SEASONS)?;
    entries("episodes", record.seasons.iter().map(|told| told.episodes.len()).sum(), MAX_EPISODES)?;
    record.external_ids.iter().try_for_each(external_ids::check)?;
    record.offers.iter().try_for_each(offer)?;
    years(record, context)?;
    record.seasons.iter().try_for_each(|told| season(told, context))?;
    rating(record)
}

/// Turns away a season, with its episodes, that breaks a bound.
///
/// # Errors
/// The first reason found.
pub(crate) fn season(told: &SourceSeason, context: &Context) -> Result<(), RejectReason> {
    let text =
        |field, text: &Option<String>, limit| text.as_ref().map_or(Ok(()), |text| characters(field, text, limit));
    text("name of a season", &told.season.name, MAX_PART_NAME)?;
    text("overview of a season", &told.season.overview, MAX_PART_OVERVIEW)?;
    year("air date", told.season.air_date, context)?;
    told.season.air_year.map_or(Ok(()), |own| within("air year", i32::from(own), &own, context))?;
    for episode in &told.episodes {
        text("title of an episode", &episode.title, MAX_PART_NAME)?;
        text("overview of an episode", &episode.overview, MAX_PART_OVERVIEW)?;
        year("air date", episode.air_date, context)?;
    }
    Ok(())
}

fn lengths(record: &SourceRecord) -> Result<(), RejectReason> {
    let texts = [
        ("title", Some(&record.title), MAX_TITLE),
        ("original title", record.original_title.as_ref(), MAX_TITLE),
        ("overview", record.overview.as_ref(), MAX_OVERVIEW),
        ("key", Some(&record.source_key), MAX_NAME),
    ];
    for (field, text, limit) in texts {
        text.map_or(Ok(()), |text| characters(field, text, limit))?;
    }
    record.translations.iter().try_for_each(|told| characters("translated title", &told.title, MAX_TITLE))?;
    record.credits.iter().try_for_each(|credit| filled("name", &credit.name, MAX_NAME))?;
    record.external_ids.iter().try_for_each(|id| filled("external id", &id.id_value, MAX_ID))?;
    record.ratings.iter().try_for_each(|(_, _, mark)| filled("certificate", mark, MAX_CERTIFICATE))?;
    record.images.iter().try_for_each(|image| filled("address of a picture", &image.url, MAX_ADDRESS))
}

/// Turns away an offer that is nobody's or leads nowhere.
fn offer(offer: &SourceOffer) -> Result<(), RejectReason> {
    filled("platform", &offer.platform, MAX_PLATFORM)?;
    filled("address of an offer", &offer.web_url, MAX_ADDRESS)?;
    offer.deep_link.as_ref().map_or(Ok(()), |link| characters("link of an offer", link, MAX_ADDRESS))
}

/// A text that must be there, within its bound.
fn filled(field: &'static str, text: &str, limit: usize) -> Result<(), RejectReason> {
    if text.trim().is_empty() { Err(RejectReason::Missing(field)) } else { characters(field, text, limit) }
}

fn characters(field: &'static str, text: &str, limit: usize) -> Result<(), RejectReason> {
    // A text has at most as many characters as bytes: most need no counting.
    if text.len() <= limit {
        return Ok(());
    }
    let found = text.chars().count();
    if found > limit { Err(RejectReason::TooManyCharacters { field, found, limit }) } else { Ok(()) }
}

fn entries(field: &'static str, found: usize, limit: usize) -> Result<(), RejectReason> {
    if found > limit { Err(RejectReason::TooManyEntries { field, found, limit }) } else { Ok(()) }
}

fn years(record: &SourceRecord, context: &Context) -> Result<(), RejectReason> {
    if let Some(own) = record.release_year {
        within("release year", i32::from(own), &own, context)?;
    }
    year("release date", record.release_date, context)
}

/// The year of a day must be one that titles are from.
fn year(field: &'static str, day: Option<Date>, context: &Context) -> Result<(), RejectReason> {
    day.map_or(Ok(()), |day| within(field, i32::from(day.year()), &day, context))
}

fn within(field: &'static str, year: i32, value: &dyn ToString, context: &Context) -> Result<(), RejectReason> {
    let (from, to) = (FIRST_YEAR, context.last_year());
    if (i32::from(from)..=i32::from(to)).contains(&year) {
        return Ok(());
    }
    Err(RejectReason::OutOfRange { field, value: value.to_string(), from: from.to_string(), to: to.to_string() })
}

fn rating(record: &SourceRecord) -> Result<(), RejectReason> {
    match record.rating {
        Some((mean, _)) if !(0.0..=10.0).contains(&mean) => Err(RejectReason::OutOfRange {
            field: "rating",
            value: mean.to_string(),
            from: "0".to_owned(),
            to: "10".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What an id of an input was seen with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Never before.
    First,
    /// Before, with the same content: there is nothing to do.
    Again,
    /// Before, with other content.
    Differently,
}

/// The ids of one input and a fingerprint of what came with each: 16 bytes an id, not the records.
#[derive(Default)]
pub struct Ids(HashMap<u64, u64>);

impl Ids {
    /// Notes an id with its record, and says how many bytes the record's JSON has, which it is compared by. Beyond 20
    /// million ids no new one is noted, and repetitions of those pass.
    pub fn note(&mut self, id: &str, record: &SourceRecord) -> (Seen, usize) {
        let id = fingerprint(id.as_bytes());
        // A record is plain data: it always has a JSON form.
        let json = serde_json::to_vec(record).unwrap_or_default();
        let content = fingerprint(&json);
        let seen = match self.0.get(&id) {
            Some(known) if *known == content => Seen::Again,
            Some(_) => Seen::Differently,
            None => {
                if self.0.len() < MAX_REMEMBERED {
                    self.0.insert(id, content);
                }
                Seen::First
            }
        };
        (seen, json.len())
    }
}

/// How many levels are looked through for a loop: an episode, its season, its series, and room for more.
pub(crate) const MAX_LEVELS: usize = 16;

/// What the rows of one input are part of: 16 bytes a row.
#[derive(Default)]
pub struct Parents(HashMap<u64, u64>);

impl Parents {
    /// Notes what a row is part of, unless that is in the end part of the row itself. Beyond 20 million rows no new one is noted.
    ///
    /// # Errors
    /// `Loop`.
    pub fn note(&mut self, key: &str, parent: &str) -> Result<(), RejectReason> {
        let (own, above) = (fingerprint(key.as_bytes()), fingerprint(parent.as_bytes()));
        let levels = std::iter::successors(Some(above), |at| self.0.get(at).copied());
        if levels.take(MAX_LEVELS).any(|at| at == own) {
            return Err(RejectReason::Loop { key: key.to_owned(), parent: parent.to_owned() });
        }
        if self.0.len() < MAX_REMEMBERED {
            self.0.insert(own, above);
        }
        Ok(())
    }
}

/// 64 bits of SHA-256.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    digest.iter().take(8).fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use contracts::{AvailabilityType, ContentType, Credit, CreditRole, ExternalId, Region, Season};
    use jiff::{Timestamp, civil::date};

    use super::*;
    use crate::adapters::blank;

    fn record() -> SourceRecord {
        blank("test", "k1".to_owned(), ContentType::Movie, "The Glass Harbour".to_owned())
    }

    fn reason(change: impl FnOnce(&mut SourceRecord)) -> Option<String> {
        let context =
            Context { service: None, region: Region::US, as_of: date(2024, 5, 1), as_of_stated: true, mapping: None };
        let mut record = record();
        change(&mut record);
        check(&record, &context).err().map(|reason| reason.to_string())
    }

    fn offered(change: impl FnOnce(&mut SourceOffer)) -> Option<String> {
        let mut offer = SourceOffer {
            platform: "netflix".to_owned(),
            region: Region::US,
            availability_type: AvailabilityType::Subscription,
            quality: None,
            price: None,
            deep_link: None,
            web_url: "https://example.org/watch".to_owned(),
            available_from: None,
            expires_at: None,
            checked_at: Timestamp::UNIX_EPOCH,
            confidence: 0.9,
        };
        change(&mut offer);
        reason(|r| r.offers = vec![offer])
    }

    #[test]
    fn a_good_record_passes() {
        assert_eq!(reason(|_| {}), None);
        assert_eq!(reason(|r| r.title = "é".repeat(500)), None);
        assert_eq!(reason(|r| (r.release_year, r.release_date) = (Some(1870), Some(date(2034, 12, 31)))), None);
        assert_eq!(reason(|r| r.rating = Some((10.0, 1))), None);
        assert_eq!(offered(|o| o.deep_link = Some("app://watch".to_owned())), None);
    }

    #[test]
    fn every_bound_has_a_reason() {
        let name = |n: usize| Credit { name: format!("P{n}"), role: CreditRole::Actor };
        let id = |value: &str| ExternalId { id_type: "imdb".to_owned(), id_value: value.to_owned() };
        let aired = |year: u16| SourceSeason {
            season: Season { number: 1, air_year: Some(year), ..Season::default() },
            episodes: Vec::new(),
        };
        let table = [
            (reason(|r| r.title.clear()), "title is missing"),
            (reason(|r| r.title = "x".repeat(501)), "title has 501 characters, more than 500"),
            (reason(|r| r.overview = Some("x".repeat(20_001))), "overview has 20001 characters, more than 20000"),
            (reason(|r| r.credits = (0..501).map(name).collect()), "people has 501 entries, more than 500"),
            (reason(|r| r.genres = vec![String::new(); 51]), "genres has 51 entries, more than 50"),
            (reason(|r| r.release_year = Some(1869)), "release year is 1869, outside 1870 to 2034"),
            (reason(|r| r.release_date = Some(date(2035, 1, 1))), "release date is 2035-01-01, outside 1870 to 2034"),
            (reason(|r| r.rating = Some((f64::NAN, 1))), "rating is NaN, outside 0 to 10"),
            (reason(|r| r.credits = vec![Credit { name: String::new(), role: CreditRole::Actor }]), "name is missing"),
            (reason(|r| r.external_ids = vec![id("")]), "external id is missing"),
            (
                reason(|r| r.external_ids = vec![id("tt0133093"), id("N/A")]),
                "imdb is \"N/A\", which is not an IMDb title id such as tt0133093",
            ),
            (reason(|r| r.seasons = vec![aired(1492)]), "air year is 1492, outside 1870 to 2034"),
            (offered(|o| o.platform.clear()), "platform is missing"),
            (offered(|o| o.platform = "x".repeat(51)), "platform has 51 characters, more than 50"),
            (offered(|o| o.web_url.clear()), "address of an offer is missing"),
            (offered(|o| o.web_url = "x".repeat(2_001)), "address of an offer has 2001 characters, more than 2000"),
            (
                offered(|o| o.deep_link = Some("x".repeat(2_001))),
                "link of an offer has 2001 characters, more than 2000",
            ),
        ];
        for (found, expected) in table {
            assert_eq!(found.as_deref(), Some(expected));
        }
    }

    #[test]
    fn ids_are_remembered_with_their_content() {
        let mut ids = Ids::default();
        let first = record();
        let other = SourceRecord { release_year: Some(1999), ..first.clone() };
        assert_eq!(ids.note("a", &first).0, Seen::First);
        assert_eq!(ids.note("b", &other).0, Seen::First);
        assert_eq!(ids.note("a", &first).0, Seen::Again);
        assert_eq!(ids.note("a", &other).0, Seen::Differently);
    }
}
