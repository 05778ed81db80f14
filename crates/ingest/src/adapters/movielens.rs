//! Films of MovieLens: `movieId,title,genres`, with ids elsewhere from `links` and the mean of `ratings`.
//!
//! A title carries its year, its article behind a comma and its other names in brackets:
//! `City of Lost Children, The (Cité des enfants perdus, La) (1995)`.

use contracts::{ContentType, ExternalId, SourceRecord};

use super::{blank, genre_ids};
use crate::{Context, RawRow, RejectReason};

const ARTICLES: &[&str] = &["The", "A", "An", "La", "Le", "Les", "L'", "El", "Los", "Las", "Il", "Der", "Die", "Das"];

/// Reads one row.
pub(crate) fn adapt(row: &RawRow, context: &Context) -> Result<SourceRecord, RejectReason> {
    let key = row.required("movieId")?;
    if key.parse::<u32>().is_err() {
        return Err(RejectReason::Malformed { field: "movieId", value: key, expected: "a film's number" });
    }
    let written = row.required("title")?;
    let (names, year) = split_year(&written);
    let (name, other) = split_other(names);
    let title = article_first(name);
    if title.is_empty() {
        return Err(RejectReason::Missing("title"));
    }
    let mut record = blank("movielens", key, ContentType::Movie, title);
    record.original_title = other.map(article_first).filter(|other| !other.is_empty() && *other != record.title);
    record.release_year = year.map(|year| context.checked_year("title", year)).transpose()?;
    let genres: Vec<String> = row.text("genres").unwrap_or_default().split('|').map(str::to_owned).collect();
    record.genres = genre_ids(&genres);
    record.external_ids = ids(row)?;
    let count = row.number::<u32>("ratings", "a number of ratings")?.filter(|count| *count > 0);
    // Half stars are points out of ten.
    record.rating =
        row.number::<f64>("halfStars", "a sum of ratings")?.zip(count).map(|(sum, n)| (sum / f64::from(n), n));
    Ok(record)
}

fn ids(row: &RawRow) -> Result<Vec<ExternalId>, RejectReason> {
    let imdb = row.number::<u64>("imdbId", "an IMDb number")?.map(|id| ("imdb", format!("tt{id:07}")));
    let tmdb = row.number::<u64>("tmdbId", "a TMDb number")?.map(|id| ("tmdb_movie", id.to_string()));
    let id = |(id_type, id_value): (&str, String)| ExternalId { id_type: id_type.to_owned(), id_value };
    Ok(imdb.into_iter().chain(tmdb).map(id).collect())
}

/// `Heat (1995)` → `Heat`, 1995.
fn split_year(written: &str) -> (&str, Option<i64>) {
    let year = written.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    match year.and_then(|(name, year)| Some((name.trim(), year.get(..4)?.parse().ok()?))) {
        Some((name, year)) => (name, Some(year)),
        None => (written.trim(), None),
    }
}

/// The name, and the last of those in brackets; `(a.k.a. …)` is one as well.
fn split_other(names: &str) -> (&str, Option<&str>) {
    let Some((first, rest)) = names.split_once(" (") else { return (names, None) };
    let last = rest.rsplit(" (").next().unwrap_or(rest).trim_end_matches(')').trim();
    (first.trim(), Some(last.strip_prefix("a.k.a. ").unwrap_or(last)))
}

/// `Matrix, The` → `The Matrix`.
fn article_first(name: &str) -> String {
    match name.rsplit_once(", ") {
        Some((rest, "L'")) => format!("L'{rest}"),
        Some((rest, article)) if ARTICLES.contains(&article) => format!("{article} {rest}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_written_as_people_do() {
        let table = [
            ("Heat (1995)", "Heat", None, Some(1995)),
            ("Glass Harbour, The (2001)", "The Glass Harbour", None, Some(2001)),
            (
                "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
                "The City of Lost Children",
                Some("La Cité des enfants perdus"),
                Some(1995),
            ),
            ("Seven (a.k.a. Se7en) (1995)", "Seven", Some("Se7en"), Some(1995)),
            ("Seaside, L' (1960)", "L'Seaside", None, Some(1960)),
            ("Babylon 5", "Babylon 5", None, None),
            ("Series (1993-1998)", "Series", None, Some(1993)),
            ("Stop! (What?)", "Stop!", Some("What?"), None),
        ];
        for (written, title, other, year) in table {
            let (names, found) = split_year(written);
            let (name, alias) = split_other(names);
            assert_eq!(
                (article_first(name), alias.map(article_first), found),
                (title.to_owned(), other.map(str::to_owned), year),
                "{written}"
            );
        }
    }
}
