//! Inputs that are wrong as a whole give one clear error and leave nothing; rows that are wrong are turned away alone.

use contracts::ErrorKind;
use ingest::{Limits, RunOptions, RunRequest, RunStatus};

use crate::setup::{HEADER, Setup, films, gzip, setup, setup_with};

async fn refused(s: &Setup, location: &str) -> (String, String) {
    // Ids sort by time, and the clock stands still.
    s.clock.advance(jiff::SignedDuration::from_secs(1));
    let error = s.run(location).await.unwrap_err();
    assert!(s.export().await.is_empty(), "nothing is half-written");
    assert!(s.catalog.batches.lock().unwrap().is_empty());
    let runs = s.ingest.list(&s.call, None, 10).await.unwrap();
    assert_eq!((runs[0].status, runs[0].error.as_deref()), (RunStatus::Failed, Some(error.detail.as_str())));
    (error.code.into_owned(), error.detail)
}

#[tokio::test]
async fn a_broken_gzip_leaves_nothing() {
    let s = setup().await;
    let whole = gzip(films(2000));
    let location = s.file("netflix_titles.csv.gz", &whole[..whole.len() - 100]);
    let (code, detail) = refused(&s, &location).await;
    assert_eq!(code, "broken_gzip");
    assert_eq!(detail, "the gzip file is broken or cut short (it ends in the middle)");
}

#[tokio::test]
async fn a_bomb_leaves_nothing() {
    let s = setup_with(Limits { ratio_after_bytes: 1 << 20, ..Limits::default() }).await;
    let bomb = format!("{}{}", films(10), " ".repeat(8 << 20));
    let (code, detail) = refused(&s, &s.file("netflix_titles.csv.gz", gzip(bomb))).await;
    assert_eq!(code, "decompression_bomb");
    assert_eq!(detail, "the file looks like a decompression bomb: it unpacks to more than 200 times its size");
}

#[tokio::test]
async fn wrong_headers_and_formats_are_named() {
    let s = setup().await;
    let cases = [
        (HEADER.replace("title,", ""), "wrong_header", "not a file of format streaming_csv: missing title"),
        (HEADER.replace(',', ";"), "wrong_header", "; its fields are parted by \";\", not by commas"),
        ("name,age".to_owned(), "unknown_format", "wikidata_db (films of Wikidata"),
        (String::new(), "input_empty", "the file is empty"),
        ("PK\u{3}\u{4}".to_owned(), "unknown_format", "this is a ZIP archive: unpack it first"),
    ];
    for (header, code, detail) in cases {
        let location = s.file("netflix_titles.csv", format!("{header}\n"));
        let found = refused(&s, &location).await;
        assert_eq!(found.0, code, "{}", found.1);
        assert!(found.1.contains(detail), "{}", found.1);
    }
    let missing = s.folder.path().join("none.csv").to_str().unwrap().to_owned();
    assert_eq!(refused(&s, &missing).await, ("input_not_found".into(), format!("{missing} is not there")));
    assert_eq!(refused(&s, s.folder.path().to_str().unwrap()).await.0, "input_not_a_file");
}

#[tokio::test]
async fn a_format_that_is_not_the_files_is_refused() {
    let s = setup().await;
    let location = s.file("netflix_titles.csv", films(3));
    for (format, code) in [("wikidata_db", "bad_database"), ("wikipedia_json", "")] {
        let options = RunOptions { format: Some(format.parse().unwrap()), ..RunOptions::default() };
        let result = s.request(&RunRequest { location: location.clone(), options }).await;
        match result {
            Err(error) => assert_eq!(error.code, code, "{error}"),
            Ok(run) => assert_eq!(run.counts.rejected, run.counts.rows_read, "no row of it is JSON"),
        }
    }
    assert!(s.export().await.is_empty());
}

#[tokio::test]
async fn requests_have_bounds() {
    let s = setup().await;
    let location = s.file("netflix_titles.csv", films(3));
    let options = |change: fn(&mut RunOptions)| {
        let mut options = RunOptions::default();
        change(&mut options);
        RunRequest { location: location.clone(), options }
    };
    let cases = [
        (RunRequest::new(" "), "bad_location"),
        (RunRequest::new("x".repeat(5000)), "bad_location"),
        (RunRequest::new("ftp://example.org/x.csv"), "bad_address"),
        (options(|o| o.as_of = Some("2026-01-02".parse().unwrap())), "bad_as_of"),
        (options(|o| o.platform = Some("betamax".into())), "unknown_platform"),
    ];
    for (request, code) in cases {
        let error = s.request(&request).await.unwrap_err();
        assert_eq!((error.code.as_ref(), error.kind), (code, ErrorKind::InvalidArgument));
    }
    assert!(s.ingest.list(&s.call, None, 10).await.unwrap().is_empty(), "no run was begun");
}

#[tokio::test]
async fn rows_are_turned_away_with_their_place_and_reason() {
    let s = setup().await;
    let good = |n: u32| format!("s{n},Movie,Film {n},,,,,2001,,,,\n").into_bytes();
    let bytes = [
        format!("{HEADER}\n").into_bytes(),
        good(1),
        b"s2,Movie,\xff,,,,,2001,,,,\n".to_vec(),
        b"s3;Movie;Semicolons\n".to_vec(),
        b"s4,Movie,,,,,,2001,,,,\n".to_vec(),
        b"s5,Movie,Old,,,,,1600,,,,\n".to_vec(),
        b"s6,Movie,Far,,,,,2037,,,,\n".to_vec(),
        b"s7,Movie,Future,,,,\"January 2, 2026\",2001,,,,\n".to_vec(),
        b"s1,Movie,Other,,,,,2001,,,,\n".to_vec(),
        good(1),
        good(10),
    ]
    .concat();
    let run = s.run(&s.file("netflix_titles.csv", bytes)).await.unwrap();
    let reasons: Vec<_> = s.rejected(&run).into_iter().map(|r| format!("{}:{} {}", r.row, r.line, r.reason)).collect();
    let expected = [
        "2:3 the row is not valid UTF-8",
        "3:4 the row has 1 fields, the header 12",
        "4:5 title is missing",
        "5:6 release_year is 1600, outside 1870 to 2036",
        "6:7 release_year is 2037, outside 1870 to 2036",
        "7:8 date_added is 2026-01-02, after 2026-01-01, the day this was known",
        "8:9 duplicate id \"s1\": an earlier row of this input has it with other content",
    ];
    assert_eq!(reasons, expected);
    let counts = run.counts;
    assert_eq!((counts.rows_read, counts.created, counts.unchanged, counts.rejected), (10, 2, 1, 7));
    assert_eq!(s.rejected(&run)[1].raw, "s3;Movie;Semicolons");
}
