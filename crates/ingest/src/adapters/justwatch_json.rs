//! Titles with their offers as clients of JustWatch write them: `{entry_id, object_type, title, …, offers: […]}`.
//!
//! The file says nothing of where its offers hold: the run's region does. A service lists an offer for each quality; we
//! keep one for each platform, kind and quality, the cheapest.

use contracts::{AvailabilityType, ContentType, ExternalId, Image, Money, SourceOffer, SourceRecord, VideoQuality};
use iso_currency::Currency;
use jiff::{Timestamp, civil::Date};
use rust_decimal::{Decimal, prelude::FromPrimitive};
use serde_json::{Map, Value};

use super::{blank, is_imdb_title};
use crate::{Context, RawRow, RejectReason, certificates, context::midnight, external_ids::is_number, platforms, text};

const SOURCE: &str = "justwatch";

/// JustWatch's codes of genres and ours; what is left out says where a title was made, not what it is.
const GENRES: &[(&str, &str)] = &[
    ("act", "action"),
    ("ani", "animation"),
    ("cmy", "comedy"),
    ("crm", "crime"),
    ("doc", "documentary"),
    ("drm", "drama"),
    ("fml", "family"),
    ("fnt", "fantasy"),
    ("hrr", "horror"),
    ("hst", "history"),
    ("msc", "music"),
    ("rly", "reality"),
    ("rma", "romance"),
    ("scf", "science_fiction"),
    ("spt", "sports"),
    ("trl", "thriller"),
    ("war", "war"),
    ("wsn", "western"),
];

/// Reads one title.
pub(crate) fn adapt(row: &RawRow, context: &Context) -> Result<SourceRecord, RejectReason> {
    let RawRow::Json(fields) = row else { return Err(RejectReason::NotAnObject) };
    let key = row.required("entry_id")?;
    let kind = row.required("object_type")?;
    let content_type = match kind.as_str() {
        "MOVIE" => ContentType::Movie,
        "SHOW" => ContentType::TvShow,
        "SHOW_SEASON" | "SHOW_EPISODE" => return Err(RejectReason::NotATitle(kind)),
        _ => return Err(RejectReason::Malformed { field: "object_type", value: kind, expected: "MOVIE or SHOW" }),
    };
    let mut record = blank(SOURCE, key, content_type, row.required("title")?);
    record.overview = row.text("short_description");
    record.release_year = context.year(row, "release_year")?;
    record.release_date = date(row, "release_date")?;
    record.runtime_minutes =
        row.number::<u16>("runtime_minutes", "a number of minutes")?.filter(|minutes| *minutes > 0);
    let genre = |code: &String| GENRES.iter().find(|known| known.0 == code).map(|known| known.1.to_owned());
    if content_type == ContentType::TvShow {
        record.season_count =
            row.number::<u16>("total_season_count", "a number of seasons")?.filter(|seasons| *seasons > 0);
    }
    record.genres = row.list("genres").iter().filter_map(genre).collect();
    record.external_ids = ids(row, content_type);
    record.images.extend(image("poster", row.text("poster")));
    record.images.extend(row.list("backdrops").into_iter().take(10).filter_map(|url| image("backdrop", Some(url))));
    record.ratings.extend(row.text("age_certification").and_then(|mark| certificates::of(&mark, context.region)));
    record.rating = rating(fields);
    record.offers = offers(fields, context)?;
    Ok(record)
}

fn date(row: &RawRow, field: &'static str) -> Result<Option<Date>, RejectReason> {
    let Some(value) = row.text(field) else { return Ok(None) };
    let day =
        value.parse().map_err(|_| RejectReason::Malformed { field, value, expected: "a date such as 2013-12-16" });
    day.map(Some)
}

fn ids(row: &RawRow, content_type: ContentType) -> Vec<ExternalId> {
    let tmdb = match content_type {
        ContentType::TvShow => "tmdb_tv",
        _ => "tmdb_movie",
    };
    let imdb = row.text("imdb_id").filter(|id| is_imdb_title(id)).map(|id| ("imdb", id));
    let tmdb = row.text("tmdb_id").filter(|id| is_number(id)).map(|id| (tmdb, id));
    let id = |(id_type, id_value): (&str, String)| ExternalId { id_type: id_type.to_owned(), id_value };
    imdb.into_iter().chain(tmdb).map(id).collect()
}

/// A picture; its width stands in its address: `…/s718/…`.
fn image(kind: &str, url: Option<String>) -> Option<Image> {
    let url = url.filter(|url| url.starts_with("https://"))?;
    let width = url.split('/').find_map(|part| part.strip_prefix('s')?.parse().ok());
    Some(Image { kind: kind.to_owned(), url, width, height: None, placeholder: None })
}

fn rating(fields: &Map<String, Value>) -> Option<(f64, u32)> {
    let scoring = fields.get("scoring")?.as_object()?;
    let votes = scoring.get("imdb_votes")?.as_u64()?;
    Some((scoring.get("imdb_score")?.as_f64()?, u32::try_from(votes).ok()?))
}

fn offers(fields: &Map<String, Value>, context: &Context) -> Result<Vec<SourceOffer>, RejectReason> {
    let mut offers: Vec<SourceOffer> = Vec::new();
    // A title that nobody offers has an empty list: without one it is not known who offers it.
    for value in fields.get("offers").and_then(Value::as_array).ok_or(RejectReason::Missing("offers"))? {
        let Some(offer) = value.as_object().map(|value| offer(value, context)).transpose()?.flatten() else { continue };
        let same = |known: &&mut SourceOffer| {
            (&known.platform, known.availability_type, known.quality)
                == (&offer.platform, offer.availability_type, offer.quality)
        };
        match offers.iter_mut().find(same) {
            Some(known) if dearer(known, &offer) => *known = offer,
            Some(_) => {}
            None => offers.push(offer),
        }
    }
    Ok(offers)
}

fn dearer(one: &SourceOffer, other: &SourceOffer) -> bool {
    let amount = |offer: &SourceOffer| offer.price.as_ref().map(|price| price.amount);
    amount(other).is_some_and(|other| amount(one).is_none_or(|one| one > other))
}

/// One offer; `None` for what is not seen at home.
fn offer(value: &Map<String, Value>, context: &Context) -> Result<Option<SourceOffer>, RejectReason> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).map(text::clean).filter(|text| !text.is_empty());
    let availability_type = match text("monetization_type").as_deref() {
        Some("FLATRATE" | "FLATRATE_AND_BUY") => AvailabilityType::Subscription,
        Some("ADS" | "FAST") => AvailabilityType::Ads,
        Some("FREE") => AvailabilityType::Free,
        Some("RENT") => AvailabilityType::Rent,
        Some("BUY") => AvailabilityType::Buy,
        Some(_) => return Ok(None),
        None => return Err(RejectReason::Missing("offers.monetization_type")),
    };
    let package = value.get("package").and_then(Value::as_object);
    let name = package.and_then(|package| package.get("name").or_else(|| package.get("technical_name")));
    let name = name.and_then(Value::as_str).ok_or(RejectReason::Missing("offers.package.name"))?;
    let web_url = text("url").filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let until = text("available_to");
    let expires_at = until.as_deref().and_then(|until| until.parse::<Timestamp>().ok()).or_else(|| {
        // A day counts to its end.
        let day: Date = until.as_deref()?.get(..10)?.parse().ok()?;
        Some(midnight(day.tomorrow().ok()?))
    });
    Ok(Some(SourceOffer {
        platform: platforms::id_of(name),
        region: context.region,
        availability_type,
        quality: text("presentation_type").and_then(|word| quality(&word)),
        price: price(value, availability_type),
        deep_link: None,
        web_url: web_url.ok_or(RejectReason::Missing("offers.url"))?,
        available_from: None,
        expires_at,
        checked_at: context.checked_at(),
        confidence: context.offer_confidence(),
    }))
}

/// `SD`, `HD`, `4K`; as a word of their query language it is `_4K`.
fn quality(word: &str) -> Option<VideoQuality> {
    match word.trim_start_matches('_') {
        "SD" => Some(VideoQuality::Sd),
        "HD" => Some(VideoQuality::Hd),
        "4K" => Some(VideoQuality::Uhd),
        _ => None,
    }
}

fn price(value: &Map<String, Value>, terms: AvailabilityType) -> Option<Money> {
    if !matches!(terms, AvailabilityType::Rent | AvailabilityType::Buy) {
        return None;
    }
    let amount = Decimal::from_f64(value.get("price_value")?.as_f64()?)?;
    let currency = Currency::from_code(value.get("price_currency")?.as_str()?)?;
    (!amount.is_sign_negative()).then_some(Money { amount, currency })
}

#[cfg(test)]
mod tests;
