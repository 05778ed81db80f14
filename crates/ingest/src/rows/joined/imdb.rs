//! The datasets of IMDb: `title.basics` lists the titles; `title.akas`, `title.ratings`, `title.principals`, `title.episode` and
//! `name.basics` lie beside it.
//!
//! The tables of titles are published in the order of their ids (compared as texts), so they are read side by side, in
//! memory that does not grow with them, and one that is out of order is refused. People are looked up in a file; where each episode
//! belongs is kept in memory, within a bound.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{
    Beside, Dialect, Joined, JoinedRows, MAX_FAULTS, Sorted, Table, beside, episodes::Episodes, names::Names, object,
};
use crate::{
    Context, InputError, RawRow, RejectReason,
    adapters::imdb,
    rows::{Row, csv::CsvRows},
};

/// The table of episodes: where it is there, the titles are read once more for what they are called.
const EPISODES: &str = "title.episode";

pub(crate) const IMDB: Joined = Joined {
    stem: "title.basics",
    columns: &[
        "tconst",
        "titleType",
        "primaryTitle",
        "originalTitle",
        "isAdult",
        "startYear",
        "endYear",
        "runtimeMinutes",
        "genres",
    ],
    dialect: Dialect::TABS,
    beside: &[
        Beside {
            stem: "title.akas",
            columns: &["titleId", "ordering", "title", "region", "language", "types", "isOriginalTitle"],
        },
        Beside { stem: "title.ratings", columns: &["tconst", "averageRating", "numVotes"] },
        Beside { stem: "title.principals", columns: &["tconst", "ordering", "nconst", "category"] },
        Beside { stem: "name.basics", columns: &["nconst", "primaryName"] },
        Beside { stem: EPISODES, columns: &["tconst", "parentTconst", "seasonNumber", "episodeNumber"] },
    ],
    twice_for: Some(EPISODES),
    join,
};

fn join(titles: CsvRows, tables: Vec<Table>, folder: &Path, context: &Context) -> Result<JoinedRows, InputError> {
    let mut rows = ImdbRows {
        titles,
        akas: None,
        ratings: None,
        principals: None,
        names: Names::new(folder).map_err(|error| InputError::from_io("the data folder", error))?,
        people: None,
        again: None,
        places: None,
        episodes: None,
        folder: folder.to_owned(),
        context: context.clone(),
        faults: VecDeque::new(),
        number: 0,
        last: String::new(),
    };
    for table in tables {
        match table.stem {
            "title.akas" => rows.akas = Some(Sorted::new(table, "titleId")),
            "title.ratings" => rows.ratings = Some(Sorted::new(table, "tconst")),
            "title.principals" => rows.principals = Some(Sorted::new(table, "tconst")),
            EPISODES => rows.places = Some(table),
            stem if stem == IMDB.stem => rows.again = Some(table),
            _ => rows.people = Some(table),
        }
    }
    Ok(Box::new(rows))
}

struct ImdbRows {
    titles: CsvRows,
    akas: Option<Sorted>,
    ratings: Option<Sorted>,
    principals: Option<Sorted>,
    names: Names,
    /// Read into `names` before the first title; on the thread that reads, because it takes its time.
    people: Option<Table>,
    /// The titles once more, and where episodes belong: read into `episodes` before the first title, too.
    again: Option<Table>,
    places: Option<Table>,
    episodes: Option<Episodes>,
    folder: PathBuf,
    context: Context,
    faults: VecDeque<Row>,
    number: u64,
    last: String,
}

impl ImdbRows {
    fn read(&mut self) -> Result<Option<Row>, InputError> {
        if let Some(people) = self.people.take() {
            self.spill(people)?;
        }
        if let (Some(again), Some(places)) = (self.again.take(), self.places.take()) {
            self.episodes = Some(Episodes::read(again.rows, places, &self.folder, &self.context, &mut self.faults)?);
        }
        let row = match self.faults.pop_front() {
            Some(fault) => fault,
            None => match self.titles.next() {
                Some(row) => self.joined(row?)?,
                None => return Ok(None),
            },
        };
        self.number += 1;
        Ok(Some(Row { number: self.number, ..row }))
    }

    fn spill(&mut self, mut people: Table) -> Result<(), InputError> {
        let failed = |error| InputError::from_io("the data folder", error);
        for row in people.rows.by_ref() {
            let row = row.map_err(|error| error.beside(&people.file))?;
            let line = row.line;
            let kept = match &row.content {
                Ok(RawRow::Fields { .. }) => {
                    let text = |field| row.content.as_ref().ok().and_then(|content| content.text(field));
                    let number = text("nconst").as_deref().and_then(number);
                    match (number, text("primaryName").filter(|name| name != "\\N")) {
                        (Some(number), Some(name)) => self.names.put(number, &name).map_err(failed)?,
                        // A person without a name says nothing, and nobody is lost.
                        (Some(_), None) => true,
                        (None, _) => false,
                    }
                }
                _ => false,
            };
            if !kept {
                let content = row.content.and(Err(RejectReason::Missing("nconst")));
                self.faults.push_back(beside(people.stem, Row { content, ..row }));
            }
            if self.faults.len() > MAX_FAULTS {
                return Err(InputError::OutOfStep(line).beside(&people.file));
            }
        }
        self.names.flush().map_err(failed)
    }

    fn joined(&mut self, row: Row) -> Result<Row, InputError> {
        let Ok(RawRow::Fields { columns, values }) = row.content else { return Ok(row) };
        let mut fields = object(&columns, values);
        let key = fields.get("tconst").and_then(Value::as_str).unwrap_or_default().to_owned();
        if key < self.last {
            return Err(InputError::Unsorted { stem: IMDB.stem, line: row.line });
        }
        // Most rows are episodes, which are no titles: what else is said of them is passed by with the next title.
        let kind = fields.get("titleType").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut refused = None;
        if imdb::wanted(&kind) {
            self.join(&key, &mut fields)?;
        } else if let Some(episodes) = self.episodes.as_ref().filter(|_| kind == imdb::EPISODE) {
            match episodes.verdict(&key) {
                Ok(kept) => drop(fields.insert(imdb::KEPT.to_owned(), Value::Bool(kept))),
                Err(reason) => refused = Some(reason),
            }
        }
        self.last = key;
        Ok(Row { content: refused.map_or(Ok(RawRow::Json(fields)), Err), ..row })
    }

    fn join(&mut self, key: &str, fields: &mut Map<String, Value>) -> Result<(), InputError> {
        let mut take = |table: &mut Option<Sorted>| match table {
            Some(table) => table.take(key, &mut self.faults),
            None => Ok(Vec::new()),
        };
        let (ratings, akas) = (take(&mut self.ratings)?, take(&mut self.akas)?);
        let principals = take(&mut self.principals)?;
        fields.extend(ratings.into_iter().next().into_iter().flatten().filter(|(name, _)| name != "tconst"));
        fields.insert("akas".to_owned(), akas.into_iter().map(Value::Object).collect());
        let mut people = Vec::new();
        for principal in principals {
            let text = |field: &str| principal.get(field).and_then(Value::as_str);
            let Some(number) = text("nconst").and_then(number) else { continue };
            let name = self.names.get(number).map_err(|error| InputError::from_io("the data folder", error))?;
            people.extend(name.map(|name| json!({ "name": name, "category": text("category") })));
        }
        fields.insert("principals".to_owned(), Value::Array(people));
        if let Some(episodes) = &mut self.episodes {
            let seasons = episodes.seasons(key).map_err(|error| InputError::from_io("the data folder", error))?;
            fields.insert(imdb::SEASONS.to_owned(), json!(seasons));
        }
        Ok(())
    }
}

impl Iterator for ImdbRows {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// The number of `nm0000206`.
fn number(nconst: &str) -> Option<u64> {
    nconst.strip_prefix("nm")?.parse().ok()
}
