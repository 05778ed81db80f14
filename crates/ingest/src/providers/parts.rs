//! (pure) What the adapters of several providers read in the same way.

use std::ops::RangeInclusive;

use contracts::{
    AvailabilityType, Credit, CreditRole, Episode, ExternalId, Image, MAX_PART_NAME, MAX_PART_OVERVIEW, MAX_SEASONS,
    Money, Region, Season, SourceOffer, SourceSeason, VideoQuality,
};
use iso_currency::Currency;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

use crate::{
    context::{FIRST_YEAR, YEARS_AHEAD},
    platforms, text,
};

/// How many people of a cast are kept.
pub(super) const MAX_CAST: usize = 30;

/// A field as a cleaned, non-empty text.
pub(super) fn said(value: &Value) -> Option<String> {
    value.as_str().map(text::clean).filter(|text| !text.is_empty())
}

/// Whether every element of a list has these texts. What is no list has them not.
pub(super) fn all_have(list: &Value, fields: &[&str]) -> bool {
    list.as_array().is_some_and(|list| list.iter().all(|own| fields.iter().all(|field| own[*field].is_string())))
}

/// The elements of a list; none where it is something else.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A text of each element of a list.
pub(super) fn names(list: &Value, field: &str) -> Vec<String> {
    items(list).filter_map(|item| said(&item[field])).collect()
}

/// The texts of a list.
pub(super) fn texts(list: &Value) -> Vec<String> {
    items(list).filter_map(said).collect()
}

/// A whole number from 1 on that fits.
pub(super) fn number(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0)
}

/// A cleaned text of at most `most` characters.
pub(super) fn short(value: &Value, most: usize) -> Option<String> {
    said(value).map(|text| if text.len() > most { text.chars().take(most).collect() } else { text })
}

/// A day of a year that titles are from, as it is known at `at`.
pub(super) fn day(value: &Value, at: Timestamp) -> Option<Date> {
    said(value)?.parse().ok().filter(|day: &Date| years(at).contains(&day.year()))
}

/// A year that titles are from, as it is known at `at`.
pub(super) fn year(value: &Value, at: Timestamp) -> Option<u16> {
    number(value).filter(|year| i16::try_from(*year).is_ok_and(|year| years(at).contains(&year)))
}

fn years(at: Timestamp) -> RangeInclusive<i16> {
    FIRST_YEAR..=at.to_zoned(TimeZone::UTC).year().saturating_add(YEARS_AHEAD)
}

/// What a provider calls the number of a season, the day of an episode and its minutes; the rest all call alike.
pub(super) struct PartFields {
    pub season: &'static str,
    pub aired: &'static str,
    pub minutes: &'static str,
}

/// The seasons of a list, each number once, [`MAX_SEASONS`] at most, without their episodes.
pub(super) fn seasons(list: &[Value], fields: &PartFields, at: Timestamp) -> Vec<SourceSeason> {
    let mut seasons: Vec<SourceSeason> = Vec::new();
    for told in list {
        let Some(number) = from_zero(&told[fields.season]) else { continue };
        if seasons.len() == MAX_SEASONS || seasons.iter().any(|own| own.season.number == number) {
            continue;
        }
        let season = Season {
            number,
            name: short(&told["name"], MAX_PART_NAME),
            overview: short(&told["overview"], MAX_PART_OVERVIEW),
            air_date: day(&told["air_date"], at),
            air_year: None,
            episode_count: self::number(&told["episode_count"]),
        };
        seasons.push(SourceSeason { season, episodes: Vec::new() });
    }
    seasons
}

/// Adds an episode to its season, unless that has one of its number; one without a number is none.
pub(super) fn add_episode(season: &mut SourceSeason, told: &Value, fields: &PartFields, at: Timestamp) {
    let Some(number) = from_zero(&told["episode_number"]) else { return };
    if season.episodes.iter().all(|known| known.number != number) {
        season.episodes.push(Episode {
            number,
            title: short(&told["name"], MAX_PART_NAME),
            overview: short(&told["overview"], MAX_PART_OVERVIEW),
            air_date: day(&told[fields.aired], at),
            runtime_minutes: self::number(&told[fields.minutes]),
        });
    }
}

/// A whole number that fits, 0 too.
pub(super) fn from_zero(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|number| u16::try_from(number).ok())
}

/// People by what they did, each once in a role; of a cast the first [`MAX_CAST`].
pub(super) fn credits(directors: Vec<String>, writers: Vec<String>, mut actors: Vec<String>) -> Vec<Credit> {
    actors.truncate(MAX_CAST);
    let roles = [(directors, CreditRole::Director), (writers, CreditRole::Writer), (actors, CreditRole::Actor)];
    let credit = |(names, role): (Vec<String>, CreditRole)| {
        text::unique(names.into_iter()).into_iter().map(move |name| Credit { name, role })
    };
    roles.into_iter().flat_map(credit).collect()
}

/// An id elsewhere.
pub(super) fn id(id_type: &str, id_value: impl Into<String>) -> ExternalId {
    ExternalId { id_type: id_type.to_owned(), id_value: id_value.into() }
}

/// The value of a title's id of this kind.
pub(super) fn id_of<'a>(ids: &'a [ExternalId], id_type: &str) -> Option<&'a str> {
    ids.iter().find(|id| id.id_type == id_type).map(|id| id.id_value.as_str())
}

/// A picture at an https address.
pub(super) fn image(kind: &str, url: &Value, width: Option<u32>) -> Option<Image> {
    let url = said(url).filter(|url| url.starts_with("https://"))?;
    Some(Image { kind: kind.to_owned(), url, width, height: None, placeholder: None })
}

/// An offer with nothing but what every one must have.
pub(super) fn offer(
    service: &str,
    region: Region,
    availability_type: AvailabilityType,
    web_url: &str,
    at: Timestamp,
    confidence: f64,
) -> Option<SourceOffer> {
    let platform = platforms::id_of(service);
    // Without an address nobody is led anywhere: then there is no offer.
    let web_url = Some(text::clean(web_url)).filter(|url| url.starts_with("https://") || url.starts_with("http://"))?;
    (!platform.is_empty()).then_some(SourceOffer {
        platform,
        region,
        availability_type,
        quality: None,
        price: None,
        deep_link: None,
        web_url,
        available_from: None,
        expires_at: None,
        checked_at: at,
        confidence,
    })
}

/// A price; `None` for what is no amount of a currency.
pub(super) fn money(amount: &str, currency: &str) -> Option<Money> {
    let amount = amount.parse::<rust_decimal::Decimal>().ok().filter(|amount| !amount.is_sign_negative())?;
    Some(Money { amount, currency: Currency::from_code(currency)? })
}

/// How sharp it is, by the words of several providers; 1440 lines are more than high, and not yet ultra-high definition.
pub(super) fn quality(word: &Value) -> Option<VideoQuality> {
    match word.as_str()?.to_ascii_lowercase().as_str() {
        "sd" => Some(VideoQuality::Sd),
        "hd" | "qhd" => Some(VideoQuality::Hd),
        "uhd" | "4k" => Some(VideoQuality::Uhd),
        _ => None,
    }
}

/// Adds an offer, unless the service has the title on the same terms and as sharp for no more.
pub(super) fn add(offers: &mut Vec<SourceOffer>, offer: SourceOffer) {
    let amount = |offer: &SourceOffer| offer.price.as_ref().map(|price| price.amount);
    let same = |known: &&mut SourceOffer| {
        known.platform == offer.platform
            && known.region == offer.region
            && known.availability_type == offer.availability_type
            && known.quality == offer.quality
    };
    match offers.iter_mut().find(same) {
        Some(known) if amount(&offer).is_some_and(|new| amount(known).is_none_or(|old| old > new)) => *known = offer,
        Some(_) => {}
        None => offers.push(offer),
    }
}
