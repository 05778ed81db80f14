//! The catalogue of one streaming service: `show_id,type,title,…`, as Netflix, Prime Video, Disney+ and Hulu's are published.
//!
//! Two traits of the real files shape this: some rows have the duration in the column of the certificate, and `show_id`
//! is only a row number, so that it is no id of the title anywhere.

use contracts::{AvailabilityType, ContentType, CreditRole, Region, SourceOffer, SourceRecord};
use jiff::{Timestamp, civil::Date};

use super::{blank, credits, genre_ids};
use crate::{Context, RawRow, RejectReason, context::midnight, countries, platforms::Service};

/// The header.
pub(crate) const COLUMNS: &[&str] = &[
    "show_id",
    "type",
    "title",
    "director",
    "cast",
    "country",
    "date_added",
    "release_year",
    "rating",
    "duration",
    "listed_in",
    "description",
];

/// Reads one row.
pub(crate) fn adapt(row: &RawRow, context: &Context) -> Result<SourceRecord, RejectReason> {
    let service = context.service.ok_or(RejectReason::Missing("platform"))?;
    let show_id = row.required("show_id")?;
    let kind = row.required("type")?;
    let content_type = match kind.to_lowercase().as_str() {
        "movie" => ContentType::Movie,
        "tv show" | "series" => ContentType::TvShow,
        _ => return Err(RejectReason::Malformed { field: "type", value: kind, expected: "Movie or TV Show" }),
    };
    let title = row.required("title")?;
    let year = context.year(row, "release_year")?;
    let certificate_or_duration = row.text("rating");
    let misplaced =
        certificate_or_duration.as_deref().is_some_and(|text| minutes(text).is_some() || seasons(text).is_some());
    let duration = row.text("duration").or_else(|| certificate_or_duration.clone().filter(|_| misplaced));

    let year_part = year.map_or_else(String::new, |year| year.to_string());
    let key = format!("{show_id}/{content_type}/{year_part}/{title}");
    let mut record = blank(service.id, key, content_type, title);
    record.release_year = year;
    record.overview = row.text("description");
    record.genres = genre_ids(&row.list("listed_in"));
    record.countries = countries::regions(&row.list("country"));
    record.credits = credits(row.names("director"), CreditRole::Director)
        .chain(credits(row.names("cast"), CreditRole::Actor))
        .collect();
    if content_type == ContentType::Movie {
        record.runtime_minutes = duration.as_deref().and_then(minutes).filter(|minutes| *minutes > 0);
    } else {
        record.season_count = duration.as_deref().and_then(seasons);
    }
    if !misplaced {
        record.ratings.extend(certificate_or_duration.and_then(|text| certificate(&text, service, context.region)));
    }
    record.offers.push(offer(service, added(row, context)?, context));
    Ok(record)
}

fn offer(service: &Service, available_from: Option<Timestamp>, context: &Context) -> SourceOffer {
    SourceOffer {
        platform: service.id.to_owned(),
        region: context.region,
        availability_type: AvailabilityType::Subscription,
        quality: None,
        price: None,
        deep_link: None,
        web_url: service.home_url.to_owned(),
        available_from,
        expires_at: None,
        checked_at: context.checked_at(),
        confidence: context.offer_confidence(),
    }
}

/// `September 25, 2021`, not after the day the list was true.
fn added(row: &RawRow, context: &Context) -> Result<Option<Timestamp>, RejectReason> {
    let field = "date_added";
    let Some(value) = row.text(field) else { return Ok(None) };
    let day = Date::strptime("%B %d, %Y", &value)
        .or_else(|_| value.parse::<Date>())
        .map_err(|_| RejectReason::Malformed { field, value, expected: "a date such as September 25, 2021" })?;
    if day > context.as_of {
        return Err(RejectReason::InTheFuture { field, value: day, latest: context.as_of });
    }
    Ok(Some(midnight(day)))
}

/// The minutes of `90 min`.
fn minutes(text: &str) -> Option<u16> {
    text.strip_suffix(" min")?.trim().parse().ok()
}

/// The seasons of `3 Seasons`.
fn seasons(text: &str) -> Option<u16> {
    let (count, unit) = text.split_once(' ')?;
    count.parse().ok().filter(|count| *count > 0 && matches!(unit, "Season" | "Seasons"))
}

/// Region, system and certificate. The film board's and the networks' hold in the United States; `13+` and the like are
/// the service's own, where it lists the title. `NR`, `UR`, `UNRATED` say that there is none.
fn certificate(text: &str, service: &Service, region: Region) -> Option<(Region, String, String)> {
    let upper = text.to_uppercase();
    let (region, system, certificate) = match upper.as_str() {
        "G" | "PG" | "PG-13" | "R" | "NC-17" => (Region::US, "mpa", upper.as_str()),
        "TV-Y" | "TV-Y7" | "TV-Y7-FV" | "TV-G" | "TV-PG" | "TV-14" | "TV-MA" => (Region::US, "tvpg", upper.as_str()),
        "ALL" | "ALL_AGES" => (region, service.id, "ALL"),
        "7+" => (region, service.id, "7+"),
        "13+" => (region, service.id, "13+"),
        "16+" | "16" | "AGES_16_" => (region, service.id, "16+"),
        "18+" | "18" | "AGES_18_" => (region, service.id, "18+"),
        _ => return None,
    };
    Some((region, system.to_owned(), certificate.to_owned()))
}

#[cfg(test)]
mod tests;
