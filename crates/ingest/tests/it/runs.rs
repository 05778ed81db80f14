//! The three formats, and what a second look changes.

use std::sync::{Arc, Mutex};

use contracts::{CatalogApi, ContentType, ExternalId};
use ingest::{Format, RunOptions, RunRequest, RunStatus, SampleRequest};
use stores::{Deeds, args};
use tokio_util::sync::CancellationToken;

use crate::setup::{HEADER, films, gzip, setup};

#[tokio::test]
async fn a_streaming_catalogue_is_taken_over() {
    let s = setup().await;
    let rows = [
        "s1,Movie,The Glass Harbour,Ada Quill,\"Cy Day, Di Moss\",\"United States, France\",\"May 1, 2021\",2019,R,101 min,Dramas,A pilot waits.",
        "s2,TV Show,Salt Roads,,Cy Day,,,2020,TV-MA,2 Seasons,\"TV Dramas, Crime TV Shows\",\"Six roads,\none town.\"",
    ];
    let location = s.file("hulu_titles.csv.gz", gzip(format!("{HEADER}\n{}\n", rows.join("\n"))));
    let run = s.run(&location).await.unwrap();
    assert_eq!((run.status, run.format), (RunStatus::Done, Some(Format::StreamingCsv)));
    assert_eq!((run.counts.rows_read, run.counts.created, run.counts.rejected), (2, 2, 0));
    let mut titles = s.titles().await;
    titles.sort_by_key(|title| title.title.clone());
    let [salt, glass] = titles.as_slice() else { panic!("two titles: {titles:?}") };
    assert_eq!((glass.title.as_str(), glass.runtime_minutes), ("The Glass Harbour", Some(101)));
    assert_eq!((salt.content_type, salt.runtime_minutes), (ContentType::TvShow, None));
    assert_eq!(salt.overview.as_deref(), Some("Six roads, one town."));
    let offer = &glass.availability[0];
    assert_eq!((offer.platform.as_str(), offer.source.as_str(), offer.region.as_str()), ("hulu", "hulu", "US"));
    assert_eq!(offer.checked_at, testkit::start(), "what is not said is taken to be true today");
}

#[tokio::test]
async fn who_runs_and_stops_an_ingest_and_makes_up_offers_is_stated() {
    let s = setup().await;
    let said = Arc::<Mutex<Vec<String>>>::default();
    let heard = Arc::clone(&said);
    let deeds = Deeds::by(move |_, deed| {
        heard.lock().unwrap().push(format!("{} {}", deed.action, deed.target));
        Box::pin(async { Ok(()) })
    });
    let (node, stopped) = (s.other().audited(deeds), CancellationToken::new());
    stopped.cancel();
    let request = RunRequest::new(s.file("netflix_titles.csv", films(3)));
    let run = node.run(&s.call, &request, &stopped, &|_| {}).await.unwrap();
    assert_eq!(run.status, RunStatus::Interrupted);
    node.run(&s.call, &request, &s.stop, &|_| {}).await.unwrap();
    node.sample(&s.call, &SampleRequest::default(), &s.stop, &|_| {}).await.unwrap();
    let (started, stopped_it) = (format!("ingest.started {}", run.id), format!("ingest.stopped {}", run.id));
    let expected = [started.clone(), stopped_it, started, "sample.started sample".to_owned()];
    assert_eq!(*said.lock().unwrap(), expected);

    node.shutdown().await;
    let more = RunRequest::new(s.file("hulu_titles.csv", films(4)));
    let run = node.run(&s.call, &more, &stopped, &|_| {}).await.unwrap();
    assert_eq!(run.status, RunStatus::Interrupted);
    let last = format!("ingest.started {}", run.id);
    assert_eq!(said.lock().unwrap()[4..], [last], "nobody stops what ends with the node");
}

#[tokio::test]
async fn wikipedia_is_taken_over_as_array_and_as_lines() {
    let s = setup().await;
    let element = |title: &str, year: u16| {
        format!(
            "{{\"title\":\"{title}\",\"year\":{year},\"cast\":[\"Cy Day\"],\"genres\":[\"Noir\"],\"href\":\"{title}_p\",\"extract\":\"E.\"}}"
        )
    };
    let array = s.file("films.json", format!("[{},\n{}]", element("A", 1931), element("B", 1932)));
    let lines = s.file("lines.json.gz", gzip(format!("{}\n{}\n", element("B", 1932), element("C", 1933))));
    assert_eq!(s.run(&array).await.unwrap().counts.created, 2);
    let run = s.run(&lines).await.unwrap();
    assert_eq!((run.format, run.counts.created, run.counts.unchanged), (Some(Format::WikipediaJson), 1, 1));
    let id = ExternalId { id_type: "wikipedia".into(), id_value: "C_p".into() };
    let found = s.catalog.resolve(&s.call, &id).await.unwrap().unwrap();
    assert_eq!(
        (found.title.as_str(), found.release_year, found.genres.as_slice()),
        ("C", Some(1933), &["film_noir".to_owned()][..])
    );
}

/// A database of our own in the shape of the Wikidata one.
async fn wikidata(path: &std::path::Path) {
    let db = stores::Db::open_sqlite(path, &stores::DbConfig::default()).await.unwrap();
    for sql in [
        "CREATE TABLE omdb (ID INTEGER, imdbID TEXT, Title TEXT, Year INTEGER, Rating TEXT, Runtime REAL, Genre TEXT,
            Released TEXT, Director TEXT, Writer TEXT, \"Cast\" TEXT, Language TEXT, Country TEXT, Awards TEXT)",
        "CREATE TABLE tomatoes (ID INTEGER, Rating REAL, Meter INTEGER, Reviews INTEGER)",
        "INSERT INTO omdb VALUES (7, 'tt0000007', 'The Glass Harbour', 2019, 'R', 101.0, 'Drama, Sci-Fi', '2019-05-04',
            'Ada Quill', 'Bo Finch', 'Cy Day, Di Moss', 'English', 'United States', NULL)",
        "INSERT INTO omdb VALUES (8, 'tt0000008', CAST(X'54ff' AS TEXT), 2019, NULL, NULL, '', '2019-01-01', '', '', '', NULL, NULL, NULL)",
        "INSERT INTO omdb VALUES (9, 'tt0000009', 'Salt Roads', 2020, NULL, NULL, '', '2020-01-01', '', '', '', 'Klingonese, English', '', NULL)",
        "INSERT INTO omdb VALUES (10, 'tt0000009', 'Salt Roads Again', 2020, NULL, NULL, '', NULL, '', '', '', NULL, '', NULL)",
        "INSERT INTO tomatoes VALUES (7, 7.2, 82, 51)",
    ] {
        db.execute(sql, args![]).await.unwrap();
    }
    db.close().await;
}

#[tokio::test]
async fn a_film_database_is_taken_over_packed_or_not() {
    let plain = setup().await;
    let path = plain.folder.path().join("films.db");
    wikidata(&path).await;
    let run = plain.run(path.to_str().unwrap()).await.unwrap();
    assert_eq!((run.format, run.counts.rows_read), (Some(Format::WikidataDb), 4));
    assert_eq!((run.counts.created, run.counts.rejected), (2, 2));
    let rejected = plain.rejected(&run);
    assert_eq!((rejected[0].row, rejected[0].reason.as_str()), (2, "the row is not valid UTF-8"));
    assert!(rejected[1].reason.starts_with("duplicate id \"tt0000009\""), "{:?}", rejected[1]);
    assert!(rejected[1].raw.contains("Salt Roads Again"));
    let unread = plain.ingest.get(&plain.call, run.id).await.unwrap().unread_languages;
    assert_eq!((unread.count, unread.spellings), (1, vec!["Klingonese".to_owned()]));
    let id = ExternalId { id_type: "imdb".into(), id_value: "tt0000007".into() };
    let film = plain.catalog.resolve(&plain.call, &id).await.unwrap().unwrap();
    assert_eq!((film.average_rating, film.vote_count, film.runtime_minutes), (7.2, 51, Some(101)));

    let packed = setup().await;
    let location = packed.file("whatever.bin", gzip(std::fs::read(&path).unwrap()));
    assert_eq!(packed.run(&location).await.unwrap().counts, run.counts);
    assert_eq!(packed.export().await, plain.export().await);
    assert_eq!(packed.incoming().len(), 0, "the unpacked copy is gone");
}

#[tokio::test]
async fn a_database_without_the_tables_or_columns_is_refused() {
    let s = setup().await;
    let path = s.folder.path().join("other.db");
    let db = stores::Db::open_sqlite(&path, &stores::DbConfig::default()).await.unwrap();
    db.execute("CREATE TABLE omdb (ID INTEGER)", args![]).await.unwrap();
    let error = s.run(path.to_str().unwrap()).await.unwrap_err();
    assert_eq!(
        (error.code.as_ref(), error.detail.as_str()),
        ("wrong_header", "not a file of format wikidata_db: missing table tomatoes")
    );
    db.execute("CREATE TABLE tomatoes (ID INTEGER)", args![]).await.unwrap();
    db.close().await;
    let error = s.run(path.to_str().unwrap()).await.unwrap_err();
    assert_eq!(error.code, "bad_database");
    assert!(error.detail.contains("imdbID"), "{error}");
}

#[tokio::test]
async fn a_second_look_changes_nothing_on_any_later_day() {
    let s = setup().await;
    let location = s.file("netflix_titles.csv", films(700));
    let first = s.run(&location).await.unwrap();
    assert_eq!((first.counts.rows_read, first.counts.rejected), (700, 70));
    let export = s.export().await;
    s.clock.advance(jiff::SignedDuration::from_hours(24 * 40));
    let second = s.run(&location).await.unwrap();
    assert_ne!(second.id, first.id, "a run that is done is not gone on with");
    assert_eq!(second.as_of, first.as_of, "the same bytes know nothing new");
    assert_eq!((second.counts.unchanged, second.counts.rejected), (630, 70));
    assert_eq!(s.export().await, export);
}

#[tokio::test]
async fn the_operator_decides_where_content_does_not() {
    let s = setup().await;
    let location = s.file("titles.csv", films(3));
    let asked = s.run(&location).await.unwrap_err();
    assert_eq!(asked.code, "platform_needed");
    let options = RunOptions {
        format: Some(Format::StreamingCsv),
        platform: Some("netflix".into()),
        region: Some("DE".parse().unwrap()),
        as_of: Some("2021-12-24".parse().unwrap()),
        mapping: None,
    };
    let run = s.request(&RunRequest { location, options }).await.unwrap();
    assert_eq!(run.counts.created, 3);
    let offer = &s.titles().await[0].availability[0];
    assert_eq!((offer.platform.as_str(), offer.region.as_str(), offer.confidence), ("netflix", "DE", 0.9));
    assert_eq!(offer.checked_at.to_string(), "2021-12-24T00:00:00Z");
}

#[tokio::test]
async fn one_run_at_a_time_and_only_for_the_operator() {
    let s = setup().await;
    let location = s.file("netflix_titles.csv", films(3));
    let anonymous = testkit::call();
    let refused = s.ingest.run(&anonymous, &RunRequest::new(&location), &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(refused.code, "operator_required");
    s.ingest.start(&s.call, &RunRequest::new(&location)).await.unwrap();
    assert_eq!(s.run(&location).await.unwrap_err().code, "ingest_busy");
}
