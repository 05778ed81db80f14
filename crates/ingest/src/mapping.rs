//! (pure) What an operator says about a file of their own: which column is what.

use std::collections::BTreeMap;

use contracts::{AvailabilityType, ContentType, Region, VideoQuality};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{InputError, external_ids, text};

/// Sources that mean something to us, so that nobody's own file may speak in their name.
const RESERVED: &[&str] = &["sample"];
/// The longest name of a column, in bytes, and the most words for types.
const MAX_NAME: usize = 200;
const MAX_WORDS: usize = 50;
/// How much of a table's header is told to whoever misspelt a column, in bytes.
pub(crate) const MAX_TOLD: usize = 1_000;

/// Which column of a CSV, JSON or Parquet file is what. A column of JSON or Parquet may be a path: `imdb.rating`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What the source is called, in lower-case letters, digits and `_`. Its records are told apart by it.
    #[schema(example = "festival")]
    pub source: String,
    /// What every title is, where no column says so.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// What parts the fields of a table; found by its header where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub delimiter: Option<char>,
    /// What parts the entries of a list within a field; a comma where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub list_separator: Option<char>,
    /// The columns.
    pub columns: Columns,
    /// Ids elsewhere: the kind of id (`eidr`, `imdb`, `tmdb_movie`, `tmdb_tv`, `gracenote`, `wikidata`, `wikipedia`)
    /// and its column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<String, String>,
    /// What the words of the column `type` mean.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, ContentType>,
    /// Where to watch it, when the file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<OfferMapping>,
}

/// The columns of a title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// What tells a row apart from the others, now and in later files.
    pub key: String,
    /// The title.
    pub title: String,
    /// The title in its first language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_title: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<String>,
    /// The kind: `movie`, `tv_show`, or a word of `types`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What a row of type `season` or `episode` is part of: the key of its series or season in the same file. With
    /// `number` such rows come with their series; without, they are looked at and passed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The number of a season in its series or of an episode in its season, from 0; needs `parent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The number of an episode's season, where `parent` names the series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<String>,
    /// How many episodes a season has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episodes: Option<String>,
    /// The year, as four digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<String>,
    /// The day, as in 2024-05-01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Minutes it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_minutes: Option<String>,
    /// How many seasons a series has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seasons: Option<String>,
    /// Genres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genres: Option<String>,
    /// Countries, by name or ISO 3166 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countries: Option<String>,
    /// Languages, by BCP 47 tag, ISO 639 code or English name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub languages: Option<String>,
    /// Directors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directors: Option<String>,
    /// Writers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writers: Option<String>,
    /// Actors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actors: Option<String>,
    /// The mean rating, from 0 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<String>,
    /// How many voted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<String>,
    /// The address of a poster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster: Option<String>,
    /// The address of a wide picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backdrop: Option<String>,
}

/// The offer that a row states. Where both a value and a column are given, the column wins in rows that fill it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferMapping {
    /// The platform's id, for every row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The column of the platform's id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_column: Option<String>,
    /// Where it holds, for every row; the run's region where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The column of the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_column: Option<String>,
    /// On which terms, for every row; by subscription where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<AvailabilityType>,
    /// The column of the terms: `subscription`, `free`, `ads`, `rent` or `buy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_column: Option<String>,
    /// How sharp the picture is, for every row: `sd`, `hd` or `uhd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<VideoQuality>,
    /// The column of the quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality_column: Option<String>,
    /// The platform's page, for every row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_url: Option<String>,
    /// The column of the platform's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_url_column: Option<String>,
    /// The column of the price, as a decimal number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_column: Option<String>,
    /// The price's currency, as an ISO 4217 code, for every row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The column of the price's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency_column: Option<String>,
    /// The column of the day since when it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_column: Option<String>,
    /// The column of the day until when it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_column: Option<String>,
}

impl Mapping {
    /// Reads a mapping as it is written in a file.
    ///
    /// # Errors
    /// `Mapping`, with the number of the line at fault. The line itself is not told: the file may be another than was meant.
    pub fn from_toml(text: &str) -> Result<Self, InputError> {
        let mapping: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let said = text::excerpt(error.message().as_bytes(), MAX_TOLD);
            InputError::Mapping(format!("line {}: {said}", before.matches('\n').count() + 1))
        })?;
        mapping.check()?;
        Ok(mapping)
    }

    /// Holds it to what can't be said by types.
    ///
    /// # Errors
    /// `Mapping`.
    pub fn check(&self) -> Result<(), InputError> {
        let fail = |what: String| Err(InputError::Mapping(what));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.source.is_empty() || self.source.len() > 64 || !self.source.chars().all(plain) {
            return fail("source must be 1 to 64 lower-case letters, digits and _".to_owned());
        }
        if RESERVED.contains(&self.source.as_str()) {
            return fail(format!("the source {:?} is our own", self.source));
        }
        if self.content_type.is_none() && self.columns.content_type.is_none() {
            return fail(
                "nothing says whether a title is a movie or a tv_show: give `type` or `columns.type`".to_owned(),
            );
        }
        if self.types.len() > MAX_WORDS {
            return fail(format!("`types` has at most {MAX_WORDS} entries"));
        }
        // By an id of another kind no title is ever joined: it is one of these, misspelt.
        if let Some(kind) = self.ids.keys().find(|kind| external_ids::kinds().all(|known| known != kind.as_str())) {
            let known = external_ids::kinds().collect::<Vec<_>>().join(", ");
            return fail(format!("`ids` names {kind:?}, which is no kind of id that is known; known are {known}"));
        }
        if self.ids.values().any(|column| column.trim().is_empty() || column.len() > MAX_NAME) {
            return fail("the column of an id is empty or too long".to_owned());
        }
        if self.delimiter.is_some_and(|sign| !sign.is_ascii() || matches!(sign, '"' | '\n' | '\r')) {
            return fail("delimiter must be one ASCII character, and no quote".to_owned());
        }
        if self.columns.number.is_some() && self.columns.parent.is_none() {
            return fail(
                "`columns.number` says which season or episode a row is: it needs `columns.parent`".to_owned(),
            );
        }
        if self.columns.number.is_none() && (self.columns.season.is_some() || self.columns.episodes.is_some()) {
            return fail("`columns.season` and `columns.episodes` need `columns.number`".to_owned());
        }
        match &self.offer {
            Some(offer) if offer.platform.is_none() && offer.platform_column.is_none() => {
                fail("an offer needs `platform` or `platform_column`".to_owned())
            }
            Some(offer) if offer.web_url.is_none() && offer.web_url_column.is_none() => {
                fail("an offer needs `web_url` or `web_url_column`: we make up no addresses".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Holds it to the columns that a table has: one that is misspelt would be empty in every row. A path leads somewhere only
    /// where columns may be `nested`.
    ///
    /// # Errors
    /// `Mapping`, with the column that is not there and those that are.
    pub(crate) fn fits(&self, header: &[String], nested: bool) -> Result<(), InputError> {
        let offer = self.offer.as_ref().map(|offer| columns_of(offer, |field| field.ends_with("_column")));
        let columns = columns_of(&self.columns, |_| true).into_iter().chain(self.ids.values().cloned());
        let is_in = |column: &String| {
            let leads =
                |name: &String| nested && column.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
            header.iter().any(|name| name == column || leads(name))
        };
        match columns.chain(offer.into_iter().flatten()).find(|column| !is_in(column)) {
            Some(column) => {
                let header = text::columns(header, MAX_TOLD);
                Err(InputError::Mapping(format!("the file has no column {column:?}; its columns are {header}")))
            }
            None => Ok(()),
        }
    }

    /// Whether rows of type `season` and `episode` are kept with their series.
    pub(crate) fn keeps_parts(&self) -> bool {
        self.columns.parent.is_some() && self.columns.number.is_some()
    }

    /// The columns that no row can do without.
    pub(crate) fn needed(&self) -> [&str; 2] {
        [&self.columns.key, &self.columns.title]
    }
}

/// The columns that a part of a mapping names, in the fields that `is_column` picks of its written form: there none can be
/// forgotten.
fn columns_of(part: &impl Serialize, is_column: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(Value::Object(fields)) = serde_json::to_value(part) else { return Vec::new() };
    let named = fields.into_iter().filter(|(field, _)| is_column(field));
    named.filter_map(|(_, column)| column.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "source = \"festival\"\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\n";

    #[test]
    fn the_least_that_is_needed() {
        let mapping = Mapping::from_toml(LEAST).unwrap();
        assert_eq!((mapping.needed(), mapping.content_type), (["id", "name"], Some(ContentType::Movie)));
    }

    #[test]
    fn whatever_names_a_column_is_held_to_the_header() {
        let offer = "[offer]\nplatform = \"mubi\"\nweb_url_column = \"at\"\n";
        let text = format!("{LEAST}rating = \"marks.mean\"\n[ids]\nimdb = \"no\"\n{offer}");
        let mapping = Mapping::from_toml(&text).unwrap();
        let header = ["id", "name", "marks", "no", "at"].map(str::to_owned);
        assert!(mapping.fits(&header, true).is_ok(), "the platform is no column");
        assert!(
            mapping.fits(&header, false).unwrap_err().to_string().contains("no column \"marks.mean\""),
            "no path leads into text"
        );
        for (left_out, column) in ["id", "name", "marks.mean", "no", "at"].into_iter().enumerate() {
            let mut less = header.to_vec();
            less.remove(left_out);
            let told = format!("the file has no column {column:?}; its columns are {}", less.join(", "));
            assert_eq!(mapping.fits(&less, true).unwrap_err().to_string(), format!("the mapping is not valid: {told}"));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let table = [
            (LEAST.replace("festival", "Festival 24"), "lower-case letters"),
            (LEAST.replace("festival", "sample"), "is our own"),
            (LEAST.replace("type = \"movie\"\n", ""), "movie or a tv_show"),
            (LEAST.replace("\"movie\"", "\"film\""), "film"),
            (LEAST.replace("title", "name"), "unknown field `name`"),
            (format!("{LEAST}yeer = \"year\"\n"), "unknown field `yeer`, expected one of `key`, `title`"),
            (format!("{LEAST}[offer]\nplatfrom = \"x\"\n"), "unknown field `platfrom`, expected one of `platform`"),
            (LEAST.replace("[columns]", "delimiter = \"é\"\n[columns]"), "ASCII"),
            (format!("{LEAST}number = \"no\"\n"), "needs `columns.parent`"),
            (format!("{LEAST}season = \"no\"\n"), "need `columns.number`"),
            (
                format!("{LEAST}[ids]\nimdb = \"imdb\"\ntmbd_movie = \"tmdb\"\n"),
                "`ids` names \"tmbd_movie\", which is no kind of id that is known; known are eidr, imdb, tmdb_movie, \
                 tmdb_tv, gracenote, wikidata, wikipedia",
            ),
            (format!("{LEAST}[ids]\nimdb = \"{}\"\n", "i".repeat(201)), "the column of an id is empty or too long"),
            (format!("{LEAST}[offer]\nweb_url = \"https://example.org/\"\n"), "needs `platform`"),
            (format!("{LEAST}[offer]\nplatform = \"netflix\"\n"), "we make up no addresses"),
        ];
        for (text, expected) in table {
            let error = Mapping::from_toml(&text).unwrap_err();
            assert_eq!(error.code(), "bad_mapping");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_mapping_is_not_repeated() {
        let told = Mapping::from_toml("source = \"festival\"\nmachine example.org password SuperSecret\n").unwrap_err();
        let told = told.to_string();
        assert!(told.starts_with("the mapping is not valid: line 2: ") && !told.contains("SuperSecret"), "{told}");
        let long = format!("{LEAST}{} = \"x\"\n", "k".repeat(100_000));
        assert!(Mapping::from_toml(&long).unwrap_err().to_string().len() < 2_000);
    }
}
