//! The fold of seasons: tables of precedence, and order-independence as a property.

use contracts::ContentType::{Movie, TvShow};
use jiff::civil::date;
use proptest::prelude::*;

use super::{super::tests::record, *};
use crate::merge::fold;

fn series(source: &str, seasons: Vec<SourceSeason>) -> SourceRecord {
    SourceRecord { content_type: TvShow, seasons, ..record(source, "1") }
}

fn season(number: u16, name: &str) -> Season {
    Season { number, name: (!name.is_empty()).then(|| name.to_owned()), ..Season::default() }
}

fn episode(number: u16, title: &str) -> Episode {
    Episode { number, title: (!title.is_empty()).then(|| title.to_owned()), ..Episode::default() }
}

fn told(season: Season, episodes: Vec<Episode>) -> SourceSeason {
    SourceSeason { season, episodes }
}

#[test]
fn each_fact_comes_from_the_first_source_that_has_it() {
    let named = Season { overview: Some("Boats.".to_owned()), episode_count: Some(3), ..season(1, "Salt") };
    let dated = Season { air_date: Some(date(1999, 5, 1)), episode_count: Some(8), ..season(1, "Series 1") };
    let timed = Episode { runtime_minutes: Some(50), ..episode(1, "The Pilot") };
    let wikidata = series("wikidata", vec![told(named, vec![episode(2, "Low Tide"), episode(1, "Pilot")])]);
    let tmdb = series("tmdb", vec![told(dated, vec![timed]), told(season(2, "Series 2"), vec![])]);
    let merged = fold(&[&tmdb, &wikidata]).unwrap();
    let first = Season {
        overview: Some("Boats.".to_owned()),
        air_date: Some(date(1999, 5, 1)),
        air_year: Some(1999),
        episode_count: Some(8),
        ..season(1, "Salt")
    };
    let pilot = Episode { runtime_minutes: Some(50), ..episode(1, "Pilot") };
    let expected = [told(first, vec![pilot, episode(2, "Low Tide")]), told(season(2, "Series 2"), vec![])];
    assert_eq!(merged.seasons, expected, "by number, whoever comes first");
    assert_eq!(merged.season_count, Some(2));
}

#[test]
fn a_day_belongs_to_the_year() {
    let year = |source: &str, air_year| series(source, vec![told(Season { air_year, ..season(1, "") }, vec![])]);
    let day = |day| series("tmdb", vec![told(Season { air_date: Some(day), ..season(1, "") }, vec![])]);
    for (aired, expected) in [(date(1998, 3, 31), None), (date(1999, 3, 31), Some(date(1999, 3, 31)))] {
        let merged = seasons(&[&year("wikidata", Some(1999)), &day(aired)], TvShow);
        assert_eq!((merged[0].season.air_year, merged[0].season.air_date), (Some(1999), expected));
    }
    let merged = seasons(&[&year("wikidata", None), &day(date(1998, 3, 31))], TvShow);
    assert_eq!(merged[0].season.air_year, Some(1998), "a day tells the year");
}

#[test]
fn counts_cover_what_is_named() {
    let counted = |count: Option<u16>, numbers: &[u16]| {
        let seasons = numbers.iter().map(|number| told(season(*number, ""), vec![episode(1, ""), episode(2, "")]));
        SourceRecord { season_count: count, ..series("tmdb", seasons.collect()) }
    };
    let table = [
        (None, &[][..], None),
        (Some(3), &[], Some(3)),
        (None, &[0], None),
        (Some(1), &[0, 1, 2], Some(2)),
        (Some(7), &[2], Some(7)),
    ];
    for (count, numbers, expected) in table {
        let merged = fold(&[&counted(count, numbers)]).unwrap();
        assert_eq!(merged.season_count, expected, "{count:?} {numbers:?}");
        assert!(merged.seasons.iter().all(|told| told.season.episode_count == Some(2)));
    }
    let film = SourceRecord { content_type: Movie, ..counted(Some(1), &[1]) };
    let merged = fold(&[&film]).unwrap();
    assert_eq!((merged.seasons, merged.season_count), (vec![], None), "a film has none");
    let made_up = series(SAMPLE, vec![told(season(1, "Season 1"), vec![])]);
    assert_eq!(fold(&[&made_up]).unwrap().seasons, [], "nothing is made up");
}

#[test]
fn there_are_no_more_than_the_bounds() {
    let long: Vec<Episode> = (0..1_500).map(|number| episode(number, "")).collect();
    let daily = |source: &str, first: u16| {
        let seasons = (first..first + 150).map(|number| told(season(number, ""), vec![]));
        let with_episodes = [told(season(1, ""), long.clone()), told(season(2, ""), long.clone())];
        series(source, with_episodes.into_iter().chain(seasons).collect())
    };
    let merged = seasons(&[&daily("a", 3), &daily("b", 153)], TvShow);
    let lengths: Vec<usize> = merged.iter().map(|told| told.episodes.len()).take(3).collect();
    assert_eq!((merged.len(), lengths), (MAX_SEASONS, vec![1_500, MAX_EPISODES - 1_500, 0]));
    assert_eq!(merged[1].season.episode_count, Some(1_500), "how many there are is known all the same");
}

fn arbitrary() -> impl Strategy<Value = SourceRecord> {
    let episodes = prop::collection::vec((0..4_u16, "[a-c]{0,2}"), 0..4);
    let seasons = prop::collection::vec((0..4_u16, "[a-c]{0,2}", prop::option::of(1999..2003_u16), episodes), 0..4);
    (prop::sample::select(vec!["wikidata", "tmdb", "festival", SAMPLE]), seasons).prop_map(|(source, seasons)| {
        let one = |(number, name, air_year, episodes): (u16, String, _, Vec<(u16, String)>)| {
            let episodes = episodes.iter().map(|(number, title)| episode(*number, title)).collect();
            told(Season { air_year, ..season(number, &name) }, episodes)
        };
        series(source, seasons.into_iter().map(one).collect())
    })
}

proptest! {
    #[test]
    fn the_order_of_arrival_makes_no_difference(records in prop::collection::vec(arbitrary(), 1..5)) {
        let unique: BTreeMap<_, _> = records.iter().map(|record| (&record.source, record)).collect();
        let forward: Vec<_> = unique.values().copied().collect();
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        let merged = fold(&forward).unwrap();
        prop_assert_eq!(&merged, &fold(&backward).unwrap());
        prop_assert!(merged.seasons.is_sorted_by(|a, b| a.season.number < b.season.number));
        for said in forward.iter().filter(|record| record.source != SAMPLE).flat_map(|record| &record.seasons) {
            let found = merged.seasons.iter().find(|told| told.season.number == said.season.number).unwrap();
            let numbers: Vec<u16> = found.episodes.iter().map(|episode| episode.number).collect();
            prop_assert!(said.episodes.iter().all(|episode| numbers.contains(&episode.number)), "none is lost");
        }
    }
}
