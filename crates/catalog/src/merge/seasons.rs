//! Which seasons and episodes a series has, given all that its sources say. (pure)

use std::collections::BTreeMap;

use contracts::{ContentType, Episode, MAX_EPISODES, MAX_SEASONS, Season, SourceRecord, SourceSeason};

use super::SAMPLE;

/// A season so far, and its episodes by number.
type Told = (Season, BTreeMap<u16, Episode>);

/// The seasons of a title by number, each with its episodes by number; none of a film.
///
/// A season is known by its number and an episode by its number in the season: what several sources say of one is said
/// of the same. Each fact comes from the first of the `sorted` sources that has it, but a season has as many episodes as
/// any source knows or names. What was generated says nothing here. Beyond [`MAX_SEASONS`] and [`MAX_EPISODES`] those with
/// the highest numbers are left out.
pub fn seasons(sorted: &[&SourceRecord], content_type: ContentType) -> Vec<SourceSeason> {
    if content_type != ContentType::TvShow {
        return Vec::new();
    }
    let mut told: BTreeMap<u16, Told> = BTreeMap::new();
    let real = sorted.iter().filter(|record| record.source != SAMPLE);
    for said in real.flat_map(|record| &record.seasons) {
        let (season, episodes) = told
            .entry(said.season.number)
            .or_insert_with(|| (Season { number: said.season.number, ..Season::default() }, BTreeMap::new()));
        complete_season(season, &said.season);
        for episode in &said.episodes {
            let known = episodes
                .entry(episode.number)
                .or_insert_with(|| Episode { number: episode.number, ..Episode::default() });
            complete_episode(known, episode);
        }
    }
    let mut room = MAX_EPISODES;
    told.into_values().take(MAX_SEASONS).map(|told| whole(told, &mut room)).collect()
}

/// How many seasons a series has: as many as any source counts or, without specials, names.
pub fn count(sorted: &[&SourceRecord], seasons: &[SourceSeason], content_type: ContentType) -> Option<u16> {
    let counted = sorted.iter().filter(|record| record.source != SAMPLE).filter_map(|record| record.season_count);
    let named = seasons.iter().filter(|told| told.season.number > 0).count();
    let named = u16::try_from(named).ok().filter(|named| *named > 0);
    counted.chain(named).max().filter(|_| content_type == ContentType::TvShow)
}

fn complete_season(known: &mut Season, said: &Season) {
    let year = said.air_date.and_then(|day| u16::try_from(day.year()).ok()).or(said.air_year);
    fill(&mut known.name, &said.name);
    fill(&mut known.overview, &said.overview);
    fill(&mut known.air_year, &year);
    // A day belongs to the year: one of another year is another source's.
    let fits = said.air_date.filter(|day| u16::try_from(day.year()).ok() == known.air_year);
    fill(&mut known.air_date, &fits);
    known.episode_count = known.episode_count.max(said.episode_count);
}

fn complete_episode(known: &mut Episode, said: &Episode) {
    fill(&mut known.title, &said.title);
    fill(&mut known.overview, &said.overview);
    fill(&mut known.air_date, &said.air_date);
    fill(&mut known.runtime_minutes, &said.runtime_minutes);
}

fn fill<T: Clone>(known: &mut Option<T>, said: &Option<T>) {
    if known.is_none() {
        known.clone_from(said);
    }
}

/// The season with as many of its episodes as there is room for.
fn whole((mut season, episodes): Told, room: &mut usize) -> SourceSeason {
    let named = u16::try_from(episodes.len()).ok().filter(|named| *named > 0);
    season.episode_count = season.episode_count.max(named);
    let episodes: Vec<Episode> = episodes.into_values().take(*room).collect();
    *room -= episodes.len();
    SourceSeason { season, episodes }
}

#[cfg(test)]
mod tests;
