//! Films with their Wikipedia pages: `{title, year, cast, genres, href, extract, thumbnail, …}`.
//!
//! The extract is prose; who directed is only told there, and we take no facts out of prose.

use contracts::{ContentType, CreditRole, ExternalId, Image, SourceRecord};

use super::{blank, credits, genre_ids};
use crate::{Context, RawRow, RejectReason};

const SOURCE: &str = "wikipedia";

/// Reads one element.
pub(crate) fn adapt(row: &RawRow, context: &Context) -> Result<SourceRecord, RejectReason> {
    let title = row.required("title")?;
    let year = context.year(row, "year")?.ok_or(RejectReason::Missing("year"))?;
    let page = row.text("href");
    let key = page.clone().unwrap_or_else(|| format!("{title} ({year})"));

    let mut record = blank(SOURCE, key, ContentType::Movie, title);
    record.release_year = Some(year);
    record.overview = row.text("extract");
    record.genres = genre_ids(&row.list("genres"));
    record.credits = credits(row.names("cast"), CreditRole::Actor).collect();
    record.external_ids.extend(page.map(|page| ExternalId { id_type: SOURCE.to_owned(), id_value: page }));
    record.images.extend(poster(row)?);
    Ok(record)
}

fn poster(row: &RawRow) -> Result<Option<Image>, RejectReason> {
    let Some(url) = row.text("thumbnail").filter(|url| url.starts_with("https://") || url.starts_with("http://"))
    else {
        return Ok(None);
    };
    let width = row.number("thumbnail_width", "a number of pixels")?;
    let height = row.number("thumbnail_height", "a number of pixels")?;
    Ok(Some(Image { kind: "poster".to_owned(), url, width, height, placeholder: None }))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    fn context() -> Context {
        Context {
            service: None,
            region: contracts::Region::US,
            as_of: date(2024, 5, 1),
            as_of_stated: true,
            mapping: None,
        }
    }

    fn read(value: serde_json::Value) -> Result<SourceRecord, RejectReason> {
        let serde_json::Value::Object(object) = value else { panic!("an object") };
        adapt(&RawRow::Json(object), &context())
    }

    #[test]
    fn a_whole_element() {
        let record = read(json!({
            "title": "The Glass Harbour", "year": 1931, "cast": ["Ada Quill", " Bo Finch ", "Ada Quill", ""],
            "genres": ["Drama", "Noir", "Nonsense"], "href": "The_Glass_Harbour_(film)",
            "extract": "A pilot\nwaits.", "thumbnail": "https://example.org/p.jpg",
            "thumbnail_width": 220, "thumbnail_height": 326
        }))
        .unwrap();
        assert_eq!((record.source.as_str(), record.source_key.as_str()), ("wikipedia", "The_Glass_Harbour_(film)"));
        assert_eq!((record.title.as_str(), record.release_year), ("The Glass Harbour", Some(1931)));
        assert_eq!(record.overview.as_deref(), Some("A pilot waits."));
        assert_eq!(record.genres, ["drama", "film_noir"]);
        let cast: Vec<_> = record.credits.iter().map(|credit| (credit.name.as_str(), credit.role)).collect();
        assert_eq!(cast, [("Ada Quill", CreditRole::Actor), ("Bo Finch", CreditRole::Actor)]);
        assert_eq!(record.external_ids[0].id_value, "The_Glass_Harbour_(film)");
        assert_eq!((record.images[0].width, record.images[0].height), (Some(220), Some(326)));
    }

    #[test]
    fn without_a_page_title_and_year_are_the_key() {
        for page in [json!(null), json!("")] {
            let record =
                read(json!({"title": "Lost Reel", "year": 1904, "cast": [], "genres": [], "href": page})).unwrap();
            assert_eq!(record.source_key, "Lost Reel (1904)");
            assert!(record.external_ids.is_empty() && record.images.is_empty());
        }
    }

    #[test]
    fn what_is_turned_away() {
        let table = [
            (json!({"year": 1931}), "title is missing"),
            (json!({"title": " \u{200b}", "year": 1931}), "title is missing"),
            (json!({"title": "A"}), "year is missing"),
            (json!({"title": "A", "year": "soon"}), "year is \"soon\", which is not a year"),
            (json!({"title": "A", "year": 1492}), "year is 1492, outside 1870 to 2034"),
            (json!({"title": "A", "year": 2035}), "year is 2035, outside 1870 to 2034"),
        ];
        for (element, reason) in table {
            assert_eq!(read(element).unwrap_err().to_string(), reason);
        }
    }
}
