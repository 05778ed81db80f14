//! Films of Wikidata in a SQLite file: the tables `omdb` (facts) and `tomatoes` (critics), joined by `ID`.

use contracts::{ContentType, CreditRole, ExternalId, Language, Region};
use jiff::civil::Date;

use super::{Adapted, blank, credits, genre_ids, is_imdb_title};
use crate::{Context, RawRow, RejectReason, countries, formats::Query};

pub(crate) const QUERY: Query = Query {
    tables: &["omdb", "tomatoes"],
    // Ordered, so that a run that goes on later counts the same rows.
    sql: r#"SELECT o.imdbID, o.Title, o.Year, o.Rating, o.Runtime, o.Genre, o.Released, o.Director, o.Writer, o."Cast",
        o.Language, o.Country, t.Rating, t.Meter, t.Reviews
        FROM omdb AS o LEFT JOIN tomatoes AS t ON t.ID = o.ID ORDER BY o.ID, o.rowid, t.rowid"#,
    columns: &[
        "imdbID",
        "Title",
        "Year",
        "Rating",
        "Runtime",
        "Genre",
        "Released",
        "Director",
        "Writer",
        "Cast",
        "Language",
        "Country",
        "CriticRating",
        "Meter",
        "Reviews",
    ],
};

/// Reads one row of the join.
pub(crate) fn adapt(row: &RawRow, context: &Context) -> Result<Adapted, RejectReason> {
    let imdb_id = row.required("imdbID")?;
    if !is_imdb_title(&imdb_id) {
        return Err(RejectReason::Malformed {
            field: "imdbID",
            value: imdb_id,
            expected: "an IMDb title id such as tt0133093",
        });
    }
    let title = row.required("Title")?;
    let mut record = blank("wikidata", imdb_id.clone(), ContentType::Movie, title);
    record.release_year = context.year(row, "Year")?;
    record.release_date = released(row)?;
    record.runtime_minutes = row.number::<f64>("Runtime", "a number of minutes")?.and_then(whole_minutes);
    record.genres = genre_ids(&row.list("Genre"));
    record.countries = countries::regions(&row.list("Country"));
    let (languages, unread_languages) = Language::split(row.list("Language"));
    record.languages = languages;
    record.credits = credits(row.names("Director"), CreditRole::Director)
        .chain(credits(row.names("Writer"), CreditRole::Writer))
        .chain(credits(row.names("Cast"), CreditRole::Actor))
        .collect();
    record.ratings.extend(row.text("Rating").map(|mark| (Region::US, "mpa".to_owned(), mark)));
    record.external_ids.push(ExternalId { id_type: "imdb".to_owned(), id_value: imdb_id });
    record.rating = critics(row)?;
    Ok(Adapted { record, unread_languages })
}

/// The day of release. The first of January stands for "some day of that year" in this file (more than half of all
/// rows have it), so it is no day.
fn released(row: &RawRow) -> Result<Option<Date>, RejectReason> {
    let field = "Released";
    let Some(value) = row.text(field) else { return Ok(None) };
    let day: Date = value.parse().map_err(|_| RejectReason::Malformed {
        field,
        value: value.clone(),
        expected: "a date such as 2011-11-02",
    })?;
    Ok((day.day_of_year() != 1).then_some(day))
}

/// The critics' mean from 0 to 10 (or else the share of them who liked it, on the same scale), and how many they are.
fn critics(row: &RawRow) -> Result<Option<(f64, u32)>, RejectReason> {
    let mean = row.number::<f64>("CriticRating", "a rating from 0 to 10")?;
    let share = row.number::<f64>("Meter", "a percentage")?.map(|percent| percent / 10.0);
    let reviews = row.number::<u32>("Reviews", "a number of reviews")?.unwrap_or(0);
    Ok(mean.or(share).filter(|_| reviews > 0).map(|score| (score, reviews)))
}

fn whole_minutes(minutes: f64) -> Option<u16> {
    let minutes = minutes.round();
    (1.0..=f64::from(u16::MAX)).contains(&minutes).then_some(minutes as u16)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contracts::SourceRecord;
    use jiff::civil::date;

    use super::*;

    fn row(changes: &[(&str, &str)]) -> RawRow {
        let mut fields = vec![
            ("imdbID", "tt1234567"),
            ("Title", "The Glass Harbour"),
            ("Year", "1999"),
            ("Rating", "PG-13"),
            ("Runtime", "101.6"),
            ("Genre", "Sci-Fi, Drama"),
            ("Released", "1999-03-31"),
            ("Director", "Ada Quill, Bo Finch"),
            ("Writer", "Ada Quill"),
            ("Cast", "Cy Day, Di Moss, Jr."),
            ("Language", "English, Mandarin, Klingonese, Standard Chinese"),
            ("Country", "United States, Yugoslavia, West Germany"),
            ("CriticRating", "7.5"),
            ("Meter", "82"),
            ("Reviews", "51"),
        ];
        for (name, value) in changes {
            fields.iter_mut().find(|field| field.0 == *name).unwrap().1 = value;
        }
        RawRow::Fields {
            columns: fields.iter().map(|field| field.0.to_owned()).collect::<Arc<[String]>>(),
            values: fields.iter().map(|field| Some(field.1.to_owned())).collect(),
        }
    }

    fn adapted(changes: &[(&str, &str)]) -> Result<Adapted, RejectReason> {
        let context =
            Context { service: None, region: Region::US, as_of: date(2024, 5, 1), as_of_stated: true, mapping: None };
        adapt(&row(changes), &context)
    }

    fn read(changes: &[(&str, &str)]) -> Result<SourceRecord, RejectReason> {
        adapted(changes).map(|adapted| adapted.record)
    }

    #[test]
    fn a_whole_row() {
        let record = read(&[]).unwrap();
        assert_eq!((record.source.as_str(), record.source_key.as_str()), ("wikidata", "tt1234567"));
        assert_eq!((record.release_year, record.release_date), (Some(1999), Some(date(1999, 3, 31))));
        assert_eq!(record.runtime_minutes, Some(102));
        assert_eq!(record.genres, ["science_fiction", "drama"]);
        assert_eq!(record.countries.iter().map(Region::as_str).collect::<Vec<_>>(), ["US", "DE"]);
        assert_eq!(record.languages.iter().map(|language| language.as_str()).collect::<Vec<_>>(), ["en", "zh"]);
        assert_eq!(adapted(&[]).unwrap().unread_languages, ["Klingonese"]);
        let people: Vec<_> = record.credits.iter().map(|c| format!("{} {}", c.role, c.name)).collect();
        assert_eq!(
            people,
            ["director Ada Quill", "director Bo Finch", "writer Ada Quill", "actor Cy Day", "actor Di Moss, Jr."]
        );
        assert_eq!(record.ratings, [(Region::US, "mpa".to_owned(), "PG-13".to_owned())]);
        assert_eq!(record.external_ids, [ExternalId { id_type: "imdb".into(), id_value: "tt1234567".into() }]);
        assert_eq!(record.rating, Some((7.5, 51)));
        assert!(record.offers.is_empty(), "Wikidata does not say where to watch");
    }

    #[test]
    fn what_is_not_known_stays_unknown() {
        assert_eq!(read(&[("Released", "1999-01-01")]).unwrap().release_date, None);
        assert_eq!(read(&[("Runtime", "")]).unwrap().runtime_minutes, None);
        assert_eq!(read(&[("CriticRating", "")]).unwrap().rating, Some((8.2, 51)));
        assert_eq!(read(&[("Reviews", "0")]).unwrap().rating, None);
        assert_eq!(read(&[("CriticRating", ""), ("Meter", "")]).unwrap().rating, None);
        assert_eq!(read(&[("Rating", "")]).unwrap().ratings, []);
    }

    #[test]
    fn what_is_turned_away() {
        let table: &[(&str, &str, &str)] = &[
            ("imdbID", "", "imdbID is missing"),
            ("imdbID", "nm0000001", "imdbID is \"nm0000001\", which is not an IMDb title id such as tt0133093"),
            ("Title", "\u{200b}", "Title is missing"),
            ("Year", "3000", "Year is 3000, outside 1870 to 2034"),
            ("Year", "MCM", "Year is \"MCM\", which is not a year"),
            ("Released", "someday", "Released is \"someday\", which is not a date such as 2011-11-02"),
            ("Reviews", "-4", "Reviews is \"-4\", which is not a number of reviews"),
        ];
        for (field, value, reason) in table {
            assert_eq!(read(&[(field, value)]).unwrap_err().to_string(), *reason);
        }
    }
}
