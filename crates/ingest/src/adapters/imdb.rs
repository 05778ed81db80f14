//! Titles of IMDb's datasets: a row of `title.basics` with what the tables beside it say.

use contracts::{ContentType, Credit, CreditRole, ExternalId, SourceRecord};
use serde_json::{Map, Value};

use super::{blank, genre_ids, is_imdb_title};
use crate::{Context, RawRow, RejectReason, text};

const SOURCE: &str = "imdb";

/// Whether rows of this kind become titles. Episodes belong to their series; games are none.
pub(crate) fn wanted(kind: &str) -> bool {
    content_type(kind).is_some()
}

fn content_type(kind: &str) -> Option<ContentType> {
    match kind {
        "movie" | "tvMovie" | "short" | "tvShort" | "tvSpecial" | "video" => Some(ContentType::Movie),
        "tvSeries" | "tvMiniSeries" => Some(ContentType::TvShow),
        _ => None,
    }
}

/// Reads one row.
pub(crate) fn adapt(row: &RawRow, context: &Context) -> Result<SourceRecord, RejectReason> {
    let id = row.required("tconst")?;
    if !is_imdb_title(&id) {
        let expected = "an IMDb title id such as tt0133093";
        return Err(RejectReason::Malformed { field: "tconst", value: id, expected });
    }
    let kind = row.required("titleType")?;
    let content_type = content_type(&kind).ok_or(RejectReason::NotATitle(kind))?;
    if row.text("isAdult").as_deref() == Some("1") {
        return Err(RejectReason::NotATitle("adult title".to_owned()));
    }
    let title = row.required("primaryTitle")?;
    let original = row.text("originalTitle").or_else(|| original(row)).filter(|original| *original != title);
    let mut record = blank(SOURCE, id.clone(), content_type, title);
    record.original_title = original;
    record.release_year = context.year(row, "startYear")?;
    record.runtime_minutes =
        row.number::<u32>("runtimeMinutes", "a number of minutes")?.and_then(|minutes| u16::try_from(minutes).ok());
    record.genres = genre_ids(&row.list("genres"));
    record.credits = credits(row);
    record.external_ids.push(ExternalId { id_type: SOURCE.to_owned(), id_value: id });
    let votes = row.number::<u32>("numVotes", "a number of votes")?;
    record.rating = row.number::<f64>("averageRating", "a rating from 0 to 10")?.zip(votes);
    Ok(record)
}

fn objects<'a>(row: &'a RawRow, field: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    let list = match row {
        RawRow::Json(fields) => fields.get(field).and_then(Value::as_array),
        RawRow::Fields { .. } => None,
    };
    list.into_iter().flatten().filter_map(Value::as_object)
}

/// The title in its first language, as the list of other titles marks it.
fn original(row: &RawRow) -> Option<String> {
    let text = |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_str).map(text::clean);
    let mut marked = objects(row, "akas").filter(|aka| text(aka, "isOriginalTitle").as_deref() == Some("1"));
    marked.find_map(|aka| text(aka, "title")).filter(|title| !title.is_empty())
}

/// Those of the people whose part we know, each once for each.
fn credits(row: &RawRow) -> Vec<Credit> {
    let mut credits: Vec<Credit> = Vec::new();
    for person in objects(row, "principals") {
        let text = |name: &str| person.get(name).and_then(Value::as_str).unwrap_or_default();
        let role = match text("category") {
            "director" => CreditRole::Director,
            "writer" => CreditRole::Writer,
            "actor" | "actress" => CreditRole::Actor,
            _ => continue,
        };
        let credit = Credit { name: text::clean(text("name")), role };
        if !credit.name.is_empty() && !credits.contains(&credit) {
            credits.push(credit);
        }
    }
    credits
}
