//! (pure) The seasons and episodes of an input, gathered before its titles are read: a series may come before or after them.

use std::collections::{BTreeMap, HashMap, HashSet};

use contracts::{Episode, MAX_EPISODES, MAX_SEASONS, Season, SourceSeason};

use crate::{
    RejectReason,
    validate::{MAX_LEVELS, fingerprint},
};

/// How many bytes the seasons and episodes of one input may take in memory, some half a million of them.
const MAX_BYTES: usize = 256 << 20;
/// What one takes beside its texts.
const BYTES_A_PART: usize = 400;

/// A row that is part of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// The row's key.
    pub key: String,
    /// The key of what it is part of.
    pub parent: String,
    /// What it is.
    pub what: What,
}

/// What a row is that is part of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// A season.
    Season(Season),
    /// An episode, with the number of its season where the row tells it.
    Episode(Option<u16>, Episode),
}

impl Part {
    fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let texts = match &self.what {
            What::Season(season) => length(&season.name) + length(&season.overview),
            What::Episode(_, episode) => length(&episode.title) + length(&episode.overview),
        };
        BYTES_A_PART + self.key.len() + self.parent.len() + texts
    }
}

/// What became of a row that is part of something.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It comes with its series.
    Kept,
    /// An earlier row says exactly the same.
    Repeated,
    /// It has no place.
    Refused(RejectReason),
}

/// The seasons of an input by their series, and the rows that have no place.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    seasons: HashMap<u64, BTreeMap<u16, SourceSeason>>,
    verdicts: HashMap<u64, Verdict>,
    /// The first row that there was no room for, and how many bytes there were.
    full: Option<(u64, usize)>,
}

impl Gathered {
    /// What became of the row with this number.
    pub fn verdict(&self, row: u64) -> Verdict {
        if let Some((_, room)) = self.full.filter(|(full, _)| row >= *full) {
            return Verdict::Refused(RejectReason::TooManyParts(room));
        }
        self.verdicts.get(&row).cloned().unwrap_or(Verdict::Kept)
    }

    /// Hands over the seasons of a series, by number.
    pub fn take(&mut self, series: &str) -> Vec<SourceSeason> {
        let seasons = self.seasons.remove(&fingerprint(series.as_bytes()));
        seasons.map(|seasons| seasons.into_values().collect()).unwrap_or_default()
    }
}

/// Rows while they are gathered: keys as fingerprints.
pub(crate) struct Gathering {
    /// How many bytes of parts there is room for.
    room: usize,
    /// What each row is part of.
    above: HashMap<u64, u64>,
    series: HashSet<u64>,
    /// With the numbers of their rows.
    parts: Vec<(u64, Part)>,
    /// The place of each in `parts`.
    known: HashMap<u64, usize>,
    bytes: usize,
    found: Gathered,
}

impl Default for Gathering {
    fn default() -> Self {
        Self::with_room(MAX_BYTES)
    }
}

impl Gathering {
    fn with_room(room: usize) -> Self {
        let (above, series, parts, known) = Default::default();
        Self { room, above, series, parts, known, bytes: 0, found: Gathered::default() }
    }

    /// Notes a series that is taken in.
    pub fn series(&mut self, key: &str) {
        self.series.insert(fingerprint(key.as_bytes()));
    }

    /// Notes what any row is part of.
    pub fn above(&mut self, key: &str, parent: &str) {
        self.above.entry(fingerprint(key.as_bytes())).or_insert_with(|| fingerprint(parent.as_bytes()));
    }

    /// Takes a season or an episode, as long as there is room.
    pub fn add(&mut self, row: u64, part: Part) {
        let own = fingerprint(part.key.as_bytes());
        if let Some(at) = self.known.get(&own) {
            let same = self.parts[*at].1 == part;
            let verdict = if same { Verdict::Repeated } else { Verdict::Refused(RejectReason::DuplicateId(part.key)) };
            self.found.verdicts.insert(row, verdict);
            return;
        }
        self.bytes += part.bytes();
        if self.bytes > self.room {
            self.found.full.get_or_insert((row, self.room));
            return;
        }
        self.above(&part.key, &part.parent);
        self.known.insert(own, self.parts.len());
        self.parts.push((row, part));
    }

    /// Puts every season in its series and every episode in its season.
    pub fn settle(mut self) -> Gathered {
        let (mut seasons, mut episodes) = (Vec::new(), Vec::new());
        for (row, part) in std::mem::take(&mut self.parts) {
            match part.what {
                _ if self.is_loop(&part) => {
                    let reason = RejectReason::Loop { key: part.key, parent: part.parent };
                    self.found.verdicts.insert(row, Verdict::Refused(reason));
                }
                What::Season(season) => seasons.push((row, part.key, part.parent, season)),
                What::Episode(of, episode) => episodes.push((row, part.parent, of, episode)),
            }
        }
        let mut places = HashMap::new();
        for (row, key, parent, season) in seasons {
            let number = season.number;
            match self.put_season(parent, season) {
                Ok(series) => drop(places.insert(fingerprint(key.as_bytes()), (series, number))),
                Err(reason) => drop(self.found.verdicts.insert(row, Verdict::Refused(reason))),
            }
        }
        let mut counts = HashMap::new();
        for (row, parent, of, episode) in episodes {
            let place = self.place(&parent, of, &places);
            if let Err(reason) = place.and_then(|place| self.put_episode(&parent, place, episode, &mut counts)) {
                self.found.verdicts.insert(row, Verdict::Refused(reason));
            }
        }
        self.found
    }

    /// Whether what a row is part of is in the end part of the row.
    fn is_loop(&self, part: &Part) -> bool {
        let own = fingerprint(part.key.as_bytes());
        let levels = std::iter::successors(self.above.get(&own).copied(), |at| self.above.get(at).copied());
        levels.take(MAX_LEVELS).any(|at| at == own)
    }

    fn put_season(&mut self, parent: String, season: Season) -> Result<u64, RejectReason> {
        let series = fingerprint(parent.as_bytes());
        if !self.series.contains(&series) {
            return Err(RejectReason::Orphan { what: "a season", of: "series", parent });
        }
        let seasons = self.found.seasons.entry(series).or_default();
        if seasons.contains_key(&season.number) {
            return Err(RejectReason::DuplicateId(format!("{parent} season {}", season.number)));
        }
        room("seasons", seasons.len(), MAX_SEASONS)?;
        seasons.insert(season.number, SourceSeason { season, episodes: Vec::new() });
        Ok(series)
    }

    /// The series and the season of an episode.
    fn place(
        &self,
        parent: &str,
        of: Option<u16>,
        places: &HashMap<u64, (u64, u16)>,
    ) -> Result<(u64, u16), RejectReason> {
        let above = fingerprint(parent.as_bytes());
        match (places.get(&above), of) {
            (Some((_, number)), Some(told)) if told != *number => Err(RejectReason::Malformed {
                field: "season",
                value: told.to_string(),
                expected: "the number of the season that it is part of",
            }),
            (Some(place), _) => Ok(*place),
            (None, _) if !self.series.contains(&above) => {
                let parent = parent.to_owned();
                Err(RejectReason::Orphan { what: "an episode", of: "season or series", parent })
            }
            (None, Some(number)) => Ok((above, number)),
            (None, None) => Err(RejectReason::Missing("season")),
        }
    }

    fn put_episode(
        &mut self,
        parent: &str,
        (series, number): (u64, u16),
        episode: Episode,
        counts: &mut HashMap<u64, usize>,
    ) -> Result<(), RejectReason> {
        let seasons = self.found.seasons.entry(series).or_default();
        let count = counts.entry(series).or_default();
        room("episodes", *count, MAX_EPISODES)?;
        if !seasons.contains_key(&number) {
            room("seasons", seasons.len(), MAX_SEASONS)?;
        }
        // An episode tells that there is a season, if no row does.
        let season = seasons
            .entry(number)
            .or_insert_with(|| SourceSeason { season: Season { number, ..Season::default() }, episodes: Vec::new() });
        match season.episodes.binary_search_by_key(&episode.number, |own| own.number) {
            Ok(_) => Err(RejectReason::DuplicateId(format!("{parent} episode {}", episode.number))),
            Err(at) => {
                *count += 1;
                season.episodes.insert(at, episode);
                Ok(())
            }
        }
    }
}

fn room(field: &'static str, found: usize, limit: usize) -> Result<(), RejectReason> {
    if found < limit { Ok(()) } else { Err(RejectReason::TooManyEntries { field, found: found + 1, limit }) }
}

#[cfg(test)]
mod tests;
