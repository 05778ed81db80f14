//! The episodes of IMDb's series: `title.episode` says where each belongs, the rows of `title.basics` what it is called.
//!
//! Both come in the order of the episodes' ids, and are wanted by series. So where each belongs is kept in memory, 20 bytes an episode,
//! and sorted; what it is called lies in a file, as people's names do.

use std::{
    collections::{HashMap, VecDeque},
    io,
    path::Path,
};

use contracts::{ContentType, Episode, MAX_EPISODES, MAX_PART_NAME, MAX_SEASONS, Season, SourceSeason};

use super::{MAX_FAULTS, Table, beside, imdb::IMDB, names::Names, object};
use crate::{
    Context, InputError, RawRow, RejectReason,
    adapters::imdb,
    rows::{Row, csv::CsvRows},
    text,
    validate::{self, MAX_LEVELS},
};

/// The most episodes, and the most series, that are kept in memory: half a gigabyte at the worst. IMDb has some nine million.
const MAX_PLACES: usize = 12_000_000;

/// Where an episode belongs: the order is that of a series' list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    series: u32,
    season: u16,
    number: u16,
    episode: u32,
}

/// What a row of `title.episode` says of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It has a place in a series that is taken in.
    At(Place),
    /// Its series is turned away or passed by, or it has no season or number: it comes with nothing.
    Nowhere,
    /// What it is part of is no series: first its own id.
    Orphan(u32, u32),
}

/// What became of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    Kept,
    /// Another has its number.
    Repeated,
    /// Its series has as many seasons as one may have.
    NoSeason,
    /// Its series has as many episodes as one may have.
    NoEpisode,
}

pub(super) struct Episodes {
    /// Those that are kept, in order.
    places: Vec<Place>,
    /// What became of each, in the order of their ids.
    placed: Vec<(u32, Placed)>,
    /// Episodes with what they are part of that is no series, in the order of their ids.
    orphans: Vec<(u32, u32)>,
    told: Names,
}

impl Episodes {
    /// Reads `title.basics` once for what its series are and its episodes are called, and `title.episode` for where they belong.
    /// What can't be read in the first is met again when titles are read; of the second it goes to `faults`.
    ///
    /// # Errors
    /// What ends the reading of either, `TooManyRows`, or what the data folder met.
    pub fn read(
        titles: CsvRows,
        table: Table,
        folder: &Path,
        context: &Context,
        faults: &mut VecDeque<Row>,
    ) -> Result<Self, InputError> {
        let failed = |error| InputError::from_io("the data folder", error);
        let mut told = Names::new(folder).map_err(failed)?;
        let series = called(titles, context, &mut told)?;
        told.flush().map_err(failed)?;
        // Those of another table are none of this one's.
        let before = faults.len();
        let (mut places, mut orphans) = (Vec::new(), Vec::new());
        for row in table.rows {
            let row = row.map_err(|error| error.beside(&table.file))?;
            let line = row.line;
            match row.content.as_ref().map_err(Clone::clone).and_then(|content| place(content, &series)) {
                Ok(Told::At(place)) => places.push(place),
                Ok(Told::Nowhere) => {}
                Ok(Told::Orphan(own, parent)) => orphans.push((own, parent)),
                Err(reason) => faults.push_back(beside(table.stem, Row { content: Err(reason), ..row })),
            }
            if faults.len() - before > MAX_FAULTS {
                return Err(InputError::OutOfStep(line).beside(&table.file));
            }
            if places.len() + orphans.len() > MAX_PLACES {
                return Err(InputError::TooManyRows { stem: table.stem, limit: MAX_PLACES });
            }
        }
        let (places, placed) = settle(places);
        orphans.sort_unstable();
        Ok(Self { places, placed, orphans, told })
    }

    /// What becomes of the row of an episode: `Ok(true)` where it comes with its series, `Ok(false)` where that is turned away itself or
    /// the episode has no number, or why it has no place: there is no room, or what it is part of is no series.
    pub fn verdict(&self, key: &str) -> Result<bool, RejectReason> {
        let Some(own) = number(key) else { return Ok(false) };
        let Ok(at) = self.placed.binary_search_by_key(&own, |placed| placed.0) else { return self.orphan(key, own) };
        match self.placed[at].1 {
            Placed::Kept => Ok(true),
            Placed::Repeated => Err(RejectReason::DuplicateId(format!("{key} by its season and number"))),
            Placed::NoSeason => Err(RejectReason::NoRoom { field: "seasons", limit: MAX_SEASONS }),
            Placed::NoEpisode => Err(RejectReason::NoRoom { field: "episodes", limit: MAX_EPISODES }),
        }
    }

    /// Why an episode without a place is turned away, if it is.
    fn orphan(&self, key: &str, own: u32) -> Result<bool, RejectReason> {
        let above = |episode: &u32| {
            let at = self.orphans.binary_search_by_key(episode, |orphan| orphan.0).ok()?;
            Some(self.orphans[at].1)
        };
        let Some(parent) = above(&own) else { return Ok(false) };
        let is_loop = std::iter::successors(Some(parent), above).take(MAX_LEVELS).any(|at| at == own);
        // As IMDb writes its ids: seven digits, or more where they don't suffice.
        let parent = format!("tt{parent:07}");
        Err(match is_loop {
            true => RejectReason::Loop { key: key.to_owned(), parent },
            false => RejectReason::Orphan { what: "an episode", of: "series", parent },
        })
    }

    /// The seasons of a series with their episodes, in order.
    pub fn seasons(&mut self, key: &str) -> io::Result<Vec<SourceSeason>> {
        let Some(series) = number(key) else { return Ok(Vec::new()) };
        let from = self.places.partition_point(|place| place.series < series);
        let mut seasons: Vec<SourceSeason> = Vec::new();
        for place in self.places[from..].iter().take_while(|place| place.series == series) {
            let (episode, year) = episode(place.number, self.told.get(u64::from(place.episode))?.as_deref());
            match seasons.last_mut().filter(|told| told.season.number == place.season) {
                Some(told) => {
                    told.season.air_year = told.season.air_year.into_iter().chain(year).min();
                    told.episodes.push(episode);
                }
                None => {
                    let season = Season { number: place.season, air_year: year, ..Season::default() };
                    seasons.push(SourceSeason { season, episodes: vec![episode] });
                }
            }
        }
        Ok(seasons)
    }
}

/// The series, and whether each is taken in; what episodes are called goes into `told`, with their years and lengths.
fn called(titles: CsvRows, context: &Context, told: &mut Names) -> Result<HashMap<u32, bool>, InputError> {
    let mut series = HashMap::<u32, bool>::new();
    for row in titles {
        let row = row?;
        let Ok(content) = &row.content else { continue };
        let text = |field| content.text(field).filter(|text| text != "\\N");
        let (Some(own), Some(kind)) = (text("tconst").as_deref().and_then(number), text("titleType")) else { continue };
        if imdb::is_series(&kind) {
            *series.entry(own).or_default() |= is_taken(content, context);
            if series.len() > MAX_PLACES {
                return Err(InputError::TooManyRows { stem: IMDB.stem, limit: MAX_PLACES });
            }
        }
        if kind == imdb::EPISODE {
            let facts = ["startYear", "runtimeMinutes", "primaryTitle"].map(|field| text(field).unwrap_or_default());
            let failed = |error| InputError::from_io("the data folder", error);
            told.put(u64::from(own), &facts.join("\t")).map_err(failed)?;
        }
    }
    Ok(series)
}

/// Whether a series is taken in, as far as its own row says: the episodes of one that is turned away come with nothing.
fn is_taken(row: &RawRow, context: &Context) -> bool {
    let RawRow::Fields { columns, values } = row else { return false };
    let row = RawRow::Json(object(columns, values.clone()));
    imdb::adapt(&row, context).is_ok_and(|adapted| validate::check(&adapted.record, context).is_ok())
}

/// Where a row of `title.episode` says that an episode belongs.
fn place(row: &RawRow, known_series: &HashMap<u32, bool>) -> Result<Told, RejectReason> {
    let known = |text: &String| text != "\\N";
    let id = |field: &'static str| {
        let value = row.text(field).filter(known).ok_or(RejectReason::Missing(field))?;
        let expected = "an IMDb title id such as tt0133093";
        number(&value).ok_or(RejectReason::Malformed { field, value, expected })
    };
    let count = |field: &'static str| {
        let Some(value) = row.text(field).filter(known) else { return Ok(None) };
        let expected = "a number from 0 to 65535";
        value.parse::<u16>().map(Some).map_err(|_| RejectReason::Malformed { field, value, expected })
    };
    let (episode, series) = (id("tconst")?, id("parentTconst")?);
    let (season, number) = (count("seasonNumber")?, count("episodeNumber")?);
    if known_series.contains_key(&episode) {
        let parent = row.required("parentTconst")?;
        return Err(RejectReason::NoPart { kind: ContentType::TvShow.as_str(), parent });
    }
    Ok(match (known_series.get(&series), season.zip(number)) {
        (None, _) => Told::Orphan(episode, series),
        (Some(true), Some((season, number))) => Told::At(Place { series, season, number, episode }),
        (Some(_), _) => Told::Nowhere,
    })
}

/// Those that have a place, in order, and what became of each.
fn settle(mut places: Vec<Place>) -> (Vec<Place>, Vec<(u32, Placed)>) {
    places.sort_unstable();
    places.dedup();
    let mut placed = Vec::with_capacity(places.len());
    let (mut last, mut seasons, mut episodes): (Option<Place>, _, _) = (None, 0, 0);
    places.retain(|place| {
        let before = last.filter(|last| last.series == place.series);
        if before.is_none() {
            (seasons, episodes) = (0, 0);
        }
        let opens = before.is_none_or(|last| last.season != place.season);
        let verdict = if before.is_some_and(|last| (last.season, last.number) == (place.season, place.number)) {
            Placed::Repeated
        } else if episodes == MAX_EPISODES {
            Placed::NoEpisode
        } else if opens && seasons == MAX_SEASONS {
            Placed::NoSeason
        } else {
            (seasons, episodes) = (seasons + usize::from(opens), episodes + 1);
            last = Some(*place);
            Placed::Kept
        };
        placed.push((place.episode, verdict));
        verdict == Placed::Kept
    });
    places.shrink_to_fit();
    placed.sort_unstable_by_key(|placed| placed.0);
    (places, placed)
}

/// An episode by what is told of it, and its year.
fn episode(number: u16, told: Option<&str>) -> (Episode, Option<u16>) {
    let mut facts = told.unwrap_or_default().splitn(3, '\t');
    let mut next = || facts.next().unwrap_or_default();
    let (year, minutes, title) = (next().parse().ok(), next().parse().ok(), text::clean(next()));
    let title = Some(title).filter(|title| !title.is_empty());
    let title = title.map(|title| title.chars().take(MAX_PART_NAME).collect());
    (Episode { number, title, runtime_minutes: minutes, ..Episode::default() }, year)
}

/// The number of `tt0133093`.
fn number(tconst: &str) -> Option<u32> {
    tconst.strip_prefix("tt")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(season: u16, number: u16, episode: u32) -> Place {
        Place { series: 7, season, number, episode }
    }

    #[test]
    fn every_episode_has_one_place_and_every_place_one_episode() {
        let (kept, placed) = settle(vec![place(2, 1, 14), place(1, 2, 12), place(1, 1, 13), place(1, 2, 11)]);
        assert_eq!(kept, [place(1, 1, 13), place(1, 2, 11), place(2, 1, 14)]);
        assert_eq!(
            placed,
            [(11, Placed::Kept), (12, Placed::Repeated), (13, Placed::Kept), (14, Placed::Kept)],
            "the first of two by their ids"
        );
    }

    #[test]
    fn a_series_has_room_for_so_many() {
        let long = (0..=MAX_EPISODES as u16).map(|number| place(1, number, u32::from(number)));
        let (kept, placed) = settle(long.collect());
        assert_eq!((kept.len(), placed.last()), (MAX_EPISODES, Some(&(MAX_EPISODES as u32, Placed::NoEpisode))));
        let wide = (0..=MAX_SEASONS as u16).map(|season| place(season, 1, u32::from(season)));
        let (kept, placed) = settle(wide.chain([Place { series: 8, ..place(1, 1, 999) }]).collect());
        assert_eq!(kept.len(), MAX_SEASONS + 1, "another series has its own");
        assert_eq!(placed[MAX_SEASONS].1, Placed::NoSeason);
    }

    #[test]
    fn what_is_told_of_an_episode() {
        let (told, year) = episode(3, Some("1999\t51\tThe \"Long\" Night"));
        assert_eq!((told.number, told.title.as_deref(), year), (3, Some("The \"Long\" Night"), Some(1999)));
        assert_eq!(told.runtime_minutes, Some(51));
        assert_eq!(episode(3, Some("\t\t")), (Episode { number: 3, ..Episode::default() }, None));
        assert_eq!(episode(3, None), (Episode { number: 3, ..Episode::default() }, None));
        let long = format!("\t\t{}", "é".repeat(MAX_PART_NAME + 1));
        assert_eq!(episode(3, Some(&long)).0.title.unwrap().chars().count(), MAX_PART_NAME);
    }
}
