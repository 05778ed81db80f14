//! Titles of IMDb's datasets: a row of `title.basics` with what the tables beside it say.

use contracts::{ContentType, Credit, CreditRole, ExternalId, Locale, SourceSeason, Translation};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Adapted, blank, genre_ids, is_imdb_title};
use crate::{Context, RawRow, RejectReason, text};

const SOURCE: &str = "imdb";

/// The kind of a row that is an episode.
pub(crate) const EPISODE: &str = "tvEpisode";
/// The field that says whether an episode comes with its series.
pub(crate) const KEPT: &str = "comesWithSeries";
/// The field of a series' seasons, in our own shape.
pub(crate) const SEASONS: &str = "seasons";

/// Whether a row is an episode that comes with its series.
pub(crate) fn is_kept_part(row: &RawRow) -> bool {
    matches!(row, RawRow::Json(fields) if fields.get(KEPT) == Some(&Value::Bool(true)))
}

/// Whether rows of this kind have seasons.
pub(crate) fn is_series(kind: &str) -> bool {
    content_type(kind) == Some(ContentType::TvShow)
}

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
pub(crate) fn adapt(row: &RawRow, context: &Context) -> Result<Adapted, RejectReason> {
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
    let (translations, unread_languages) = translations(row);
    record.translations = translations;
    record.credits = credits(row);
    if content_type == ContentType::TvShow {
        record.seasons = seasons(row, context)?;
        let numbered = record.seasons.iter().filter(|told| told.season.number > 0).count();
        record.season_count = u16::try_from(numbered).ok().filter(|count| *count > 0);
    }
    record.external_ids.push(ExternalId { id_type: SOURCE.to_owned(), id_value: id });
    let votes = row.number::<u32>("numVotes", "a number of votes")?;
    record.rating = row.number::<f64>("averageRating", "a rating from 0 to 10")?.zip(votes);
    Ok(Adapted { record, unread_languages })
}

/// The seasons that were put together beside, without years that no title is from.
fn seasons(row: &RawRow, context: &Context) -> Result<Vec<SourceSeason>, RejectReason> {
    let RawRow::Json(fields) = row else { return Ok(Vec::new()) };
    let Some(told) = fields.get(SEASONS) else { return Ok(Vec::new()) };
    // None at all would take away those that the catalogue has.
    let unread = |error: serde_json::Error| {
        let expected = "a list of seasons with their episodes";
        RejectReason::Malformed { field: SEASONS, value: error.to_string(), expected }
    };
    let mut seasons = Vec::<SourceSeason>::deserialize(told).map_err(unread)?;
    for SourceSeason { season, .. } in &mut seasons {
        season.air_year = season.air_year.filter(|year| context.checked_year("startYear", i64::from(*year)).is_ok());
    }
    Ok(seasons)
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

/// Regions with one language that their titles are in, and that language: the list of other titles mostly leaves it out. (ISO 3166-1,
/// ISO 639-1; the official languages as of 2026)
const LANGUAGES: &[(&str, &str)] = &[
    ("AR", "es-ar"),
    ("AT", "de-at"),
    ("BG", "bg"),
    ("BR", "pt-br"),
    ("CN", "zh"),
    ("CZ", "cs"),
    ("DE", "de"),
    ("DK", "da"),
    ("EE", "et"),
    ("ES", "es"),
    ("FI", "fi"),
    ("FR", "fr"),
    ("GR", "el"),
    ("HR", "hr"),
    ("HU", "hu"),
    ("IL", "he"),
    ("IS", "is"),
    ("IT", "it"),
    ("JP", "ja"),
    ("KR", "ko"),
    ("LT", "lt"),
    ("LV", "lv"),
    ("MX", "es-mx"),
    ("NL", "nl"),
    ("NO", "no"),
    ("PL", "pl"),
    ("PT", "pt"),
    ("RO", "ro"),
    ("RS", "sr"),
    ("RU", "ru"),
    ("SE", "sv"),
    ("SI", "sl"),
    ("SK", "sk"),
    ("TR", "tr"),
    ("TW", "zh-tw"),
    ("UA", "uk"),
];
/// The most languages of one title.
const MAX_TRANSLATIONS: usize = 40;

/// The titles in other languages: of each the first that is meant to be shown (`types` is `imdbDisplay` or empty). English is the title
/// itself. With them the languages that are no tags: titles in those are left out.
fn translations(row: &RawRow) -> (Vec<Translation>, Vec<String>) {
    let (mut all, mut unread) = (Vec::<Translation>::new(), Vec::new());
    for aka in objects(row, "akas") {
        let text = |name: &str| aka.get(name).and_then(Value::as_str).filter(|text| *text != "\\N").map(text::clean);
        let region = text("region").unwrap_or_default();
        let locale: Option<Locale> = match text("language").filter(|tag| !tag.is_empty()) {
            Some(tag) => tag.parse().map_err(|_| unread.push(tag)).ok(),
            None => LANGUAGES.iter().find(|known| known.0 == region).and_then(|known| known.1.parse().ok()),
        };
        let (Some(locale), Some(title)) = (locale, text("title").filter(|title| !title.is_empty())) else { continue };
        let shown = text("types").is_none_or(|types| types.is_empty() || types == "imdbDisplay");
        let known = locale.as_str() == "en" || all.iter().any(|own| own.locale == locale);
        if shown && !known && all.len() < MAX_TRANSLATIONS {
            all.push(Translation { locale, title, overview: None });
        }
    }
    (all, text::unique(unread.into_iter()))
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

#[cfg(test)]
mod tests {
    use contracts::Region;
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    #[test]
    fn other_titles_in_languages_that_are_no_tags_are_left_out_and_told_once() {
        let aka = |title: &str, region: &str, tag: &str| json!({ "title": title, "region": region, "language": tag });
        let akas = [
            aka("Le port", "FR", "fr"),
            aka("Der Hafen", "DE", "\\N"),
            aka("jIbuv", "DE", "klingon?"),
            aka("jIbuv", "US", "klingon?"),
            aka("Limani", "GR", " e! "),
            aka("Port", "XX", ""),
        ];
        let row = json!({ "tconst": "tt0000001", "titleType": "movie", "primaryTitle": "The Harbour", "akas": akas });
        let Value::Object(fields) = row else { panic!("an object") };
        let context =
            Context { service: None, region: Region::US, as_of: date(2024, 5, 1), as_of_stated: true, mapping: None };
        let adapted = adapt(&RawRow::Json(fields), &context).unwrap();
        let told: Vec<_> =
            adapted.record.translations.iter().map(|told| (told.locale.as_str(), told.title.as_str())).collect();
        assert_eq!(told, [("fr", "Le port"), ("de", "Der Hafen")], "a region says nothing where a language is told");
        assert_eq!(adapted.unread_languages, ["klingon?", "e!"]);
    }
}
