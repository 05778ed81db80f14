//! Seasons and episodes: kept, changed, moved with their records, and gone with their title.

use contracts::{ContentId, Episode, IngestAction::*, Season, SourceSeason};
use jiff::civil::date;
use rstest::rstest;

use super::*;

fn season(number: u16, name: &str, titles: &[&str]) -> SourceSeason {
    let episode = |(number, title): (u16, &&str)| Episode {
        number,
        title: Some((*title).to_owned()),
        air_date: Some(date(2004, 3, 1)),
        ..Episode::default()
    };
    SourceSeason {
        season: Season { number, name: Some(name.to_owned()), ..Season::default() },
        episodes: (1..).zip(titles).map(episode).collect(),
    }
}

fn series(source: &str, key: &str, seasons: Vec<SourceSeason>) -> SourceRecord {
    let content_type = ContentType::TvShow;
    SourceRecord { content_type, seasons, credits: heat("", "").credits, ..film(source, key, "Harbour Street", 2004) }
}

/// What is known of the seasons of a title: `1 Salt: Pilot, Tide`.
async fn told(bench: &Bench, id: ContentId) -> Vec<String> {
    let mut lines = Vec::new();
    for own in bench.catalog.seasons(&call(), id).await.unwrap() {
        let whole = bench.catalog.season(&call(), id, own.number).await.unwrap().unwrap();
        assert_eq!(whole.season, own, "a season is the same in the list and alone");
        let titles: Vec<_> = whole.episodes.into_iter().filter_map(|episode| episode.title).collect();
        lines.push(format!("{} {}: {}", own.number, own.name.unwrap_or_default(), titles.join(", ")));
    }
    lines
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn seasons_are_kept_changed_and_stated(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let mut record = series("tmdb", "tv/1", vec![season(2, "Fog", &[]), season(1, "Salt", &["Pilot", "Tide"])]);
    record.seasons[1].season.air_date = Some(date(2004, 3, 1));
    record.seasons[1].season.overview = Some("Boats.".to_owned());
    record.seasons[1].episodes[0].runtime_minutes = Some(51);
    let id = bench.ingest(&[record.clone()]).await[0].content_id;
    assert_eq!(told(&bench, id).await, ["1 Salt: Pilot, Tide", "2 Fog: "]);
    let first = bench.catalog.season(&call(), id, 1).await.unwrap().unwrap();
    assert_eq!((first.season.air_year, first.season.episode_count), (Some(2004), Some(2)));
    assert_eq!(first.season.overview.as_deref(), Some("Boats."));
    assert_eq!((first.episodes[0].runtime_minutes, first.episodes[1].air_date), (Some(51), Some(date(2004, 3, 1))));
    let title = bench.catalog.titles(&call(), &[id]).await.unwrap().remove(0);
    assert_eq!(title.season_count, Some(2));
    let export = bench.export().await;
    assert!(export[0].contains("\"Tide\"") && export[0].contains("\"Fog\""), "{}", export[0]);

    assert_eq!(actions(&bench.ingest(&[record.clone()]).await), [Unchanged]);
    assert_eq!((bench.export().await, bench.topics().await), (export, vec!["content.ingested".to_owned()]));

    record.seasons[1].episodes[1].title = Some("Low Tide".to_owned());
    record.seasons.remove(0);
    assert_eq!(actions(&bench.ingest(&[record.clone()]).await), [Updated]);
    assert_eq!(told(&bench, id).await, ["1 Salt: Pilot, Low Tide"]);
    assert_eq!(bench.topics().await, ["content.ingested", "content.updated"]);
    assert_eq!(bench.catalog.season(&call(), id, 2).await.unwrap(), None);

    record.seasons.clear();
    bench.ingest(&[record]).await;
    assert_eq!((bench.count("seasons").await, bench.count("episodes").await), (0, 0));
    assert_eq!(bench.catalog.seasons(&call(), ContentId(uuid::Uuid::nil())).await.unwrap(), []);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn seasons_go_where_their_records_go(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let ours = series("tmdb", "tv/1", vec![season(1, "Salt", &["Pilot"]), season(3, "Late", &[])]);
    let theirs =
        series("festival", "t1", vec![season(1, "Season 1", &["Opening", "Tide"]), season(2, "Fog", &["Bell"])]);
    let made = bench.ingest(&[ours, theirs]).await;
    assert_eq!(actions(&made), [Created, Merged]);
    let whole = made[0].content_id;
    let merged = ["1 Season 1: Opening, Tide", "2 Fog: Bell", "3 Late: "];
    assert_eq!(told(&bench, whole).await, merged, "the sources by name");

    let undone = bench.catalog.unmerge(&operator_call(), "festival", "t1").await.unwrap();
    assert_eq!(told(&bench, whole).await, ["1 Salt: Pilot", "3 Late: "]);
    assert_eq!(told(&bench, undone.content_id).await, ["1 Season 1: Opening, Tide", "2 Fog: Bell"]);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn seasons_come_along_when_a_title_becomes_part_of_another(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let alike = |source: &str, seasons| SourceRecord {
        credits: vec![],
        title: "Wind".to_owned(),
        ..series(source, "1", seasons)
    };
    let made = bench.ingest(&[alike("wikidata", vec![]), alike("hulu", vec![season(1, "Salt", &["Pilot"])])]).await;
    assert_eq!(actions(&made), [Created, Created]);
    let question = bench.catalog.reviews(&operator_call(), "open", None, 10).await.unwrap().remove(0);
    bench.catalog.decide(&operator_call(), question.id, true).await.unwrap();
    let (kept, gone) = (made[0].content_id, made[1].content_id);
    for id in [kept, gone] {
        let seasons = bench.catalog.seasons(&call(), id).await.unwrap();
        assert_eq!(seasons.iter().map(|season| season.number).collect::<Vec<_>>(), [1], "also by the id that went");
    }
    assert_eq!((bench.count("seasons").await, bench.count("episodes").await), (1, 1), "nothing is left of what went");
}
