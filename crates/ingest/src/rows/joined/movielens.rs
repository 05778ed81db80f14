//! MovieLens: `movies` lists the films; `links` and `ratings` lie beside it. (`tags` are people's own words; they are
//! not read.)
//!
//! Ratings come in the order of who gave them, so they are added up before the first film: two numbers a film, of which
//! the largest set has some ninety thousand.

use std::{
    collections::{HashMap, VecDeque},
    path::Path,
};

use serde_json::{Value, json};

use super::{Beside, Dialect, Joined, JoinedRows, Table, beside, object};
use crate::{
    Context, InputError, RawRow, RejectReason,
    rows::{Row, csv::CsvRows},
};

/// How many films are added up for at most.
const MAX_FILMS: usize = 5_000_000;
/// How many rows that can't be read are turned away one by one, before the whole file is.
const MAX_FAULTS: usize = 10_000;

pub(crate) const MOVIELENS: Joined = Joined {
    stem: "movies",
    columns: &["movieId", "title", "genres"],
    dialect: Dialect::COMMAS,
    beside: &[
        Beside { stem: "links", columns: &["movieId", "imdbId", "tmdbId"] },
        Beside { stem: "ratings", columns: &["userId", "movieId", "rating"] },
    ],
    twice_for: None,
    join,
};

/// What the tables beside say of one film.
#[derive(Default)]
struct Said {
    imdb: Option<String>,
    tmdb: Option<String>,
    /// The sum of the ratings, in half stars: whole numbers add up the same in every order.
    half_stars: u64,
    ratings: u32,
}

struct MovieLensRows {
    films: CsvRows,
    beside: Vec<Table>,
    said: HashMap<u32, Said>,
    faults: VecDeque<Row>,
    number: u64,
}

fn join(films: CsvRows, beside: Vec<Table>, _: &Path, _: &Context) -> Result<JoinedRows, InputError> {
    Ok(Box::new(MovieLensRows { films, beside, said: HashMap::new(), faults: VecDeque::new(), number: 0 }))
}

impl MovieLensRows {
    fn read(&mut self) -> Result<Option<Row>, InputError> {
        for table in std::mem::take(&mut self.beside) {
            self.gather(table)?;
        }
        let row = match self.faults.pop_front() {
            Some(fault) => fault,
            None => match self.films.next() {
                Some(row) => self.joined(row?),
                None => return Ok(None),
            },
        };
        self.number += 1;
        Ok(Some(Row { number: self.number, ..row }))
    }

    fn gather(&mut self, mut table: Table) -> Result<(), InputError> {
        for row in table.rows.by_ref() {
            let row = row.map_err(|error| error.beside(&table.file))?;
            let line = row.line;
            let noted = row.content.as_ref().map_err(Clone::clone).and_then(|content| self.note(table.stem, content));
            if let Err(reason) = noted {
                self.faults.push_back(beside(table.stem, Row { content: Err(reason), ..row }));
            }
            if self.faults.len() > MAX_FAULTS {
                return Err(InputError::OutOfStep(line).beside(&table.file));
            }
        }
        Ok(())
    }

    fn note(&mut self, stem: &str, row: &RawRow) -> Result<(), RejectReason> {
        let film = row.number::<u32>("movieId", "a film's number")?.ok_or(RejectReason::Missing("movieId"))?;
        if self.said.len() >= MAX_FILMS && !self.said.contains_key(&film) {
            return Err(RejectReason::TooManyEntries { field: "films", found: MAX_FILMS + 1, limit: MAX_FILMS });
        }
        let rating = match stem {
            "ratings" => Some(half_stars(row)?),
            _ => None,
        };
        let said = self.said.entry(film).or_default();
        match rating {
            Some(half_stars) => (said.half_stars, said.ratings) = (said.half_stars + half_stars, said.ratings + 1),
            None => (said.imdb, said.tmdb) = (row.text("imdbId"), row.text("tmdbId")),
        }
        Ok(())
    }

    fn joined(&self, row: Row) -> Row {
        let Ok(RawRow::Fields { columns, values }) = row.content else { return row };
        let mut fields = object(&columns, values);
        let film = fields.get("movieId").and_then(Value::as_str).and_then(|id| id.trim().parse::<u32>().ok());
        if let Some(said) = film.and_then(|film| self.said.get(&film)) {
            fields.insert("imdbId".to_owned(), json!(said.imdb));
            fields.insert("tmdbId".to_owned(), json!(said.tmdb));
            fields.insert("halfStars".to_owned(), json!(said.half_stars));
            fields.insert("ratings".to_owned(), json!(said.ratings));
        }
        Row { content: Ok(RawRow::Json(fields)), ..row }
    }
}

/// A rating from half a star to five, in half stars.
fn half_stars(row: &RawRow) -> Result<u64, RejectReason> {
    let field = "rating";
    let stars = row.number::<f64>(field, "a number of stars")?.ok_or(RejectReason::Missing(field))?;
    if (0.5..=5.0).contains(&stars) {
        return Ok((stars * 2.0).round() as u64);
    }
    Err(RejectReason::OutOfRange { field, value: stars.to_string(), from: "0.5".to_owned(), to: "5".to_owned() })
}

impl Iterator for MovieLensRows {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
