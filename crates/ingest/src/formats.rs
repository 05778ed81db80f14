//! (pure) The formats we read: one row of the table and one file in `adapters/` each.

use std::{fmt, str::FromStr};

use contracts::ApiError;
use serde::{Deserialize, Serialize};

use crate::{
    Context, InputError, RawRow, RejectReason, Source,
    adapters::{self, Adapted},
    rows::{IMDB, Joined, MOVIELENS},
};

/// A format that an adapter reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Format {
    /// The catalogue of one streaming service.
    StreamingCsv,
    /// Films with their Wikipedia pages.
    WikipediaJson,
    /// Films of Wikidata.
    WikidataDb,
    /// The datasets of IMDb.
    Imdb,
    /// Films of MovieLens.
    Movielens,
    /// Titles with their offers, as clients of JustWatch write them.
    JustwatchJson,
    /// An operator's own file, with a mapping.
    Mapped,
}

/// How a format's rows lie in its file.
pub(crate) enum Shape {
    /// Comma-separated, with a header that has these columns in any order.
    Csv(&'static [&'static str]),
    /// A JSON array or JSON Lines of objects; the first has at least these keys.
    Json(&'static [&'static str]),
    /// A SQLite file.
    Database(Query),
    /// Several tables that make titles together.
    Tables(&'static Joined),
    /// A table, JSON or Parquet, with the columns that a mapping names.
    Mapped,
}

/// How the rows of a SQLite file are had.
pub(crate) struct Query {
    /// The tables it must have.
    pub tables: &'static [&'static str],
    /// Gives the rows, in an order that stays.
    pub sql: &'static str,
    /// What the query's columns are called, in order.
    pub columns: &'static [&'static str],
}

/// One row of the table.
pub(crate) struct Spec {
    pub format: Format,
    pub name: &'static str,
    pub about: &'static str,
    pub shape: Shape,
    /// The field that a source means as the row's id, where the record's key does not say it.
    pub id_field: Option<&'static str>,
    pub adapt: fn(&RawRow, &Context) -> Result<Adapted, RejectReason>,
    /// Whether a row comes with the series that it is part of, which its adapter reads.
    pub is_kept_part: Option<fn(&RawRow) -> bool>,
    /// Whether the input is one service's catalogue, so that the service must be known.
    pub one_service: bool,
}

/// To add a format: a file in `adapters/`, a variant above, a row here.
const SPECS: [Spec; 7] = [
    Spec {
        format: Format::StreamingCsv,
        name: "streaming_csv",
        about: "the catalogue of one streaming service (show_id, type, title, …)",
        shape: Shape::Csv(adapters::streaming_csv::COLUMNS),
        id_field: Some("show_id"),
        adapt: |row, context| adapters::streaming_csv::adapt(row, context).map(Adapted::from),
        is_kept_part: None,
        one_service: true,
    },
    Spec {
        format: Format::WikipediaJson,
        name: "wikipedia_json",
        about: "films with their Wikipedia pages (title, year, cast, genres, href, extract), array or lines",
        shape: Shape::Json(&["title", "year", "cast", "genres"]),
        id_field: None,
        adapt: |row, context| adapters::wikipedia_json::adapt(row, context).map(Adapted::from),
        is_kept_part: None,
        one_service: false,
    },
    Spec {
        format: Format::WikidataDb,
        name: "wikidata_db",
        about: "films of Wikidata in a SQLite file with the tables omdb and tomatoes",
        shape: Shape::Database(adapters::wikidata_db::QUERY),
        id_field: Some("imdbID"),
        adapt: adapters::wikidata_db::adapt,
        is_kept_part: None,
        one_service: false,
    },
    Spec {
        format: Format::Imdb,
        name: "imdb",
        about: "the datasets of IMDb: title.basics, read with title.akas, .ratings, .principals, .episode, name.basics beside it",
        shape: Shape::Tables(&IMDB),
        id_field: None,
        adapt: adapters::imdb::adapt,
        is_kept_part: Some(adapters::imdb::is_kept_part),
        one_service: false,
    },
    Spec {
        format: Format::Movielens,
        name: "movielens",
        about: "films of MovieLens: movies.csv, read with links.csv and ratings.csv beside it",
        shape: Shape::Tables(&MOVIELENS),
        id_field: None,
        adapt: |row, context| adapters::movielens::adapt(row, context).map(Adapted::from),
        is_kept_part: None,
        one_service: false,
    },
    Spec {
        format: Format::JustwatchJson,
        name: "justwatch_json",
        about: "titles with offers as clients of JustWatch write them (entry_id, object_type, offers), array or lines",
        shape: Shape::Json(&["entry_id", "object_type", "offers"]),
        id_field: None,
        adapt: |row, context| adapters::justwatch_json::adapt(row, context).map(Adapted::from),
        is_kept_part: None,
        one_service: false,
    },
    Spec {
        format: Format::Mapped,
        name: "mapped",
        about: "any CSV, JSON, JSON Lines or Parquet file, with a mapping of its columns",
        shape: Shape::Mapped,
        id_field: None,
        adapt: adapters::mapped::adapt,
        is_kept_part: None,
        one_service: false,
    },
];

impl Format {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Self> {
        SPECS.iter().map(|spec| spec.format)
    }

    /// Its name, as `--format` takes it.
    pub fn as_str(self) -> &'static str {
        self.spec().name
    }

    pub(crate) fn spec(self) -> &'static Spec {
        // The table lists the formats in the order they are declared; a test holds it to that.
        &SPECS[self as usize]
    }

    /// Finds the format by the first bytes of the (unpacked) file; its name has no say.
    ///
    /// # Errors
    /// `Empty`, `Companion` for a table that is only read beside another, or `UnknownFormat` with what it is, where we
    /// recognise that, and the known ones.
    pub fn detect(head: &[u8]) -> Result<Self, InputError> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        if head.is_empty() {
            return Err(InputError::Empty);
        }
        let found = SPECS.iter().find(|spec| match spec.shape {
            Shape::Csv(columns) => has_header(head, columns),
            Shape::Json(keys) => matches!(head[0], b'[' | b'{') && keys.iter().all(|key| has_key(head, key)),
            Shape::Database(..) => head.starts_with(b"SQLite format 3\0"),
            Shape::Tables(joined) => header(head).contains(&joined.columns[0]) && has_header(head, joined.columns),
            Shape::Mapped => false,
        });
        if let (None, Some(first)) = (found, companion_of(head)) {
            return Err(InputError::Companion { first });
        }
        found.map(|spec| spec.format).ok_or_else(|| InputError::UnknownFormat {
            seen: seen(head),
            known: SPECS.iter().map(|spec| format!("{} ({})", spec.name, spec.about)).collect::<Vec<_>>().join("; "),
        })
    }
}

/// Whether reading `first` reads `other` along, because it lies beside it and says more of the same titles.
pub fn reads_along(first: &str, other: &str) -> bool {
    let (Ok(first), Ok(other)) = (Source::parse(first), Source::parse(other)) else { return false };
    let joined = SPECS.iter().filter_map(|spec| match spec.shape {
        Shape::Tables(joined) => Some(joined),
        _ => None,
    });
    joined.into_iter().any(|joined| {
        let mut places = joined.beside.iter().flat_map(|beside| first.beside(joined.stem, beside.stem));
        first != other && places.any(|place| place == other)
    })
}

/// Whether at least half of the columns stand in the first line, whatever parts them: a header with a column too few
/// or with semicolons is a bad file of this format, not an unknown one.
fn has_header(head: &[u8], columns: &[&str]) -> bool {
    let names = header(head);
    columns.iter().filter(|column| names.contains(column)).count() * 2 >= columns.len()
}

/// The names in the first line, whatever parts them; none when it is no text.
fn header(head: &[u8]) -> Vec<&str> {
    let line = head.split(|byte| *byte == b'\n' || *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap_or_default();
    line.split([',', ';', '\t', '|']).map(|name| name.trim().trim_matches('"')).collect()
}

/// The table that must be given where this one lies beside it.
fn companion_of(head: &[u8]) -> Option<&'static str> {
    let names = header(head);
    let tables = SPECS.iter().filter_map(|spec| match spec.shape {
        Shape::Tables(joined) => Some(joined),
        _ => None,
    });
    let lies_beside = |joined: &&Joined| {
        joined.beside.iter().any(|beside| beside.columns.iter().all(|column| names.contains(column)))
    };
    tables.into_iter().find(lies_beside).map(|joined| joined.stem)
}

fn has_key(head: &[u8], key: &str) -> bool {
    let quoted = format!("\"{key}\"");
    head.windows(quoted.len()).enumerate().any(|(at, window)| {
        window == quoted.as_bytes() && head[at + quoted.len()..].trim_ascii_start().starts_with(b":")
    })
}

/// What a head of no known format is, where we recognise it.
fn seen(head: &[u8]) -> &'static str {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "this is a ZIP archive: unpack it first"),
        (b"\x28\xb5\x2f\xfd", "this is packed with zstd: unpack it first"),
        (b"\xfd7zXZ\0", "this is packed with xz: unpack it first"),
        (b"BZh", "this is packed with bzip2: unpack it first"),
        (b"PAR1", "this is a Parquet file: give --mapping, which says what its columns are"),
        (b"\xff\xfe", "this is UTF-16: save it as UTF-8"),
        (b"\xfe\xff", "this is UTF-16: save it as UTF-8"),
        (b"<", "this is HTML or XML, which is not read"),
    ];
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map_or("the format is not known", |(_, seen)| seen)
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Format {
    type Error = ApiError;

    fn try_from(text: String) -> Result<Self, ApiError> {
        text.parse()
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        format.as_str().to_owned()
    }
}

impl FromStr for Format {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        SPECS.iter().find(|spec| spec.name == text).map(|spec| spec.format).ok_or_else(|| {
            let known = SPECS.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", ");
            ApiError::invalid("unknown_format", format!("no format is called {text:?}; known are {known}"))
                .field("format", format!("must be one of {known}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_formats() {
        for format in Format::all() {
            assert_eq!(format.spec().format, format);
            assert_eq!(format.as_str().parse::<Format>().unwrap(), format);
        }
        assert!("xml".parse::<Format>().unwrap_err().detail.contains("streaming_csv"));
    }

    #[test]
    fn content_decides() {
        let csv =
            "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description";
        let table: &[(&[u8], Format)] = &[
            (csv.as_bytes(), Format::StreamingCsv),
            (b"\xef\xbb\xbf\"show_id\",\"type\",\"title\",\"cast\",\"rating\",\"country\"\r\n", Format::StreamingCsv),
            (b"show_id;type;title;director;cast;country;x\n1;2", Format::StreamingCsv),
            (b" [\n{\"title\": \"A\", \"year\" : 1, \"cast\":[], \"genres\":[]}]", Format::WikipediaJson),
            (b"{\"title\":\"A\",\"year\":1,\"cast\":[],\"genres\":[]}\n", Format::WikipediaJson),
            (b"SQLite format 3\0\x10\0", Format::WikidataDb),
            (b"tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\n", Format::Imdb),
            (b"movieId,title,genres\r\n1,", Format::Movielens),
            (b"[{\"entry_id\": \"tm1\", \"object_type\": \"MOVIE\", \"offers\": []}]", Format::JustwatchJson),
        ];
        for (head, format) in table {
            assert_eq!(Format::detect(head).unwrap(), *format, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_file_beside_another_is_read_along() {
        assert!(reads_along("/d/title.basics.tsv.gz", "/d/name.basics.tsv.gz"));
        assert!(reads_along("/d/title.basics.tsv.gz", "/d/title.akas.tsv"));
        assert!(reads_along("/d/movies.csv", "/d/ratings.csv"));
        for (first, other) in [
            ("/d/title.basics.tsv.gz", "/e/name.basics.tsv.gz"),
            ("/d/title.basics.tsv.gz", "/d/title.basics.tsv.gz"),
            ("/d/name.basics.tsv.gz", "/d/title.basics.tsv.gz"),
            ("/d/movies.csv", "/d/netflix_titles.csv"),
        ] {
            assert!(!reads_along(first, other), "{first} {other}");
        }
    }

    #[test]
    fn an_unknown_format_says_what_it_is_and_lists_the_known() {
        let table: &[(&[u8], &str)] = &[
            (b"name,age\n", "the format is not known; known formats are "),
            (b"[]", "the format is not known; "),
            (b"[{\"name\":1}]", "the format is not known; "),
            (b"PK\x03\x04xx", "this is a ZIP archive: unpack it first; known formats are "),
            (b"<html>", "this is HTML or XML, "),
            (b"\xff\xfes\0", "this is UTF-16: "),
        ];
        for (head, first) in table {
            let error = Format::detect(head).unwrap_err();
            assert_eq!(error.code(), "unknown_format");
            let told = error.to_string();
            assert!(told.starts_with(first), "{told}");
            let known = Format::all().all(|format| told.contains(&format!("{format} (")));
            assert!(known, "{told}");
        }
        for (head, first) in [
            (b"tconst\taverageRating\tnumVotes\n".as_slice(), "title.basics"),
            (b"tconst\tparentTconst\tseasonNumber\tepisodeNumber\n", "title.basics"),
            (b"movieId,imdbId,tmdbId\n", "movies"),
        ] {
            let error = Format::detect(head).unwrap_err();
            assert!(error.code() == "input_companion" && error.to_string().contains(first), "{error}");
        }
        assert_eq!(Format::detect(b" \n").unwrap_err().code(), "input_empty");
    }
}
