//! The faults of a row in every format, where no other test has them: the command line is given a bad row of each format in
//! `media-gateway it::curation`, Parquet and loops in tables are in `mapped`, the episodes of IMDb in `tables`.

use std::sync::Arc;

use ingest::{Format, Mapping, RunOptions, RunRequest};
use parquet::{
    data_type::{ByteArray, ByteArrayType},
    file::writer::SerializedFileWriter,
    schema::parser::parse_message_type,
};
use rstest::rstest;
use serde_json::json;

use crate::{
    formats::{files, request},
    mapped::MAPPING,
    setup::{HEADER, Setup, setup},
};

/// One field of ten megabytes.
fn huge() -> String {
    "x".repeat(10 << 20)
}

fn mapped(mapping: &str) -> RunOptions {
    RunOptions { mapping: Some(Mapping::from_toml(mapping).unwrap()), ..RunOptions::default() }
}

/// Reads a file of which these rows are turned away, in their order, and two are taken in.
async fn turns_away(s: &Setup, location: String, options: RunOptions, reasons: &[&str]) {
    let run = s.request(&RunRequest { location, options }).await.unwrap();
    let rejects = s.rejected(&run);
    let told: Vec<String> = rejects.iter().map(|reject| reject.reason.chars().take(120).collect()).collect();
    assert_eq!(told.len(), reasons.len(), "{}: {told:#?}", run.location);
    for (told, reason) in told.iter().zip(reasons) {
        assert!(told.contains(reason), "{}: {told} is not {reason}", run.location);
    }
    assert!(rejects.windows(2).all(|pair| pair[0].line < pair[1].line), "each has its own line");
    assert!(rejects.iter().all(|reject| reject.raw.len() <= 4096), "only the beginning is kept");
    assert_eq!((run.counts.created, run.counts.rejected), (2, reasons.len() as u64), "the run goes on");
}

#[rstest]
#[case("netflix")]
#[case("prime_video")]
#[case("hulu")]
#[case("disney_plus")]
#[tokio::test]
async fn a_bad_row_of_each_services_list(#[case] service: &str) {
    let rows = [
        HEADER.to_owned(),
        "s1,Movie,The Brass Meridian,,,,,2019,PG,90 min,Dramas,A map.".to_owned(),
        "s2,Movie".to_owned(),
        "s3;Movie;Semicolons;;;;;2019;PG;90 min;Dramas;x".to_owned(),
        "s4,Movie,Too Early,,,,,1492,PG,90 min,Dramas,x".to_owned(),
        format!("s5,Movie,{},,,,,2019,PG,90 min,Dramas,x", huge()),
        "s1,Movie,Another,,,,,2019,PG,90 min,Dramas,x".to_owned(),
        "s6,Movie,The Second Meridian,,,,,2020,PG,90 min,Dramas,x".to_owned(),
    ];
    let reasons =
        ["has 2 fields, the header 12", "has 1 fields", "release_year is 1492", "longer than", "duplicate id \"s1\""];
    let s = setup().await;
    let options = RunOptions { platform: Some(service.to_owned()), ..RunOptions::default() };
    turns_away(&s, s.file("list.csv", rows.join("\n")), options, &reasons).await;
    assert!(s.titles().await.iter().all(|title| title.availability[0].platform == service));
}

#[tokio::test]
async fn an_id_of_imdb_that_two_rows_have() {
    let row = |id: &str, title: &str, year: &str| format!("{id}\tmovie\t{title}\t{title}\t0\t{year}\t\\N\t90\tDrama");
    let rows = [
        "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres"
            .to_owned(),
        row("tt9000001", "The Brass Meridian", "2019"),
        row("tt9000001", "Another", "2019"),
        row("tt9000002", &huge(), "2019"),
        row("tt9000006", "The Second Meridian", "2020"),
    ];
    let s = setup().await;
    let reasons = ["duplicate id \"tt9000001\"", "longer than"];
    turns_away(&s, s.file("title.basics.tsv", rows.join("\n")), RunOptions::default(), &reasons).await;
}

#[tokio::test]
async fn a_bad_line_of_ones_own_json() {
    let row = |id: u32, name: &str, year: u32| json!({ "id": id, "name": name, "year": year }).to_string();
    let rows = [
        row(1, "The Brass Meridian", 2019),
        json!({ "id": 2, "year": 2019 }).to_string(),
        "3;Semicolons;2019".to_owned(),
        row(4, "Too Early", 1492),
        row(5, &huge(), 2019),
        row(1, "Another", 2019),
        row(6, "The Second Meridian", 2020),
    ];
    let reasons = ["title is missing", "not valid JSON", "year is 1492", "longer than", "duplicate id \"1\""];
    let s = setup().await;
    turns_away(&s, s.file("films.jsonl", rows.join("\n")), mapped(MAPPING), &reasons).await;
}

/// Rows of which each may be part of another: two series, a season of one, and loops of one and of three.
const PARTS: [[&str; 4]; 7] = [
    ["t1", "Harbour Lights", "tv_show", ""],
    ["s1", "Season 1", "season", "t1"],
    ["s3", "Season 1", "season", "s3"],
    ["s4", "Season 1", "season", "e4"],
    ["e4", "Low Tide", "episode", "s5"],
    ["s5", "Season 2", "season", "s4"],
    ["t3", "Salt", "tv_show", ""],
];

/// They as a Parquet file.
fn columns() -> Vec<u8> {
    let columns = ["id", "name", "kind", "parent"].map(|name| format!("required binary {name} (UTF8);")).concat();
    let schema = Arc::new(parse_message_type(&format!("message parts {{ {columns} }}")).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    for at in 0..4 {
        let values: Vec<ByteArray> = PARTS.iter().map(|row| ByteArray::from(row[at])).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[tokio::test]
async fn a_loop_of_series_and_seasons_in_json_and_parquet() {
    let mapping =
        "source = \"festival\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\ntype = \"kind\"\nparent = \"parent\"\n";
    let line = |row: &[&str; 4]| json!({ "id": row[0], "name": row[1], "kind": row[2], "parent": row[3] }).to_string();
    let lines = PARTS.iter().map(line).collect::<Vec<_>>().join("\n");
    for (name, bytes) in [("parts.jsonl", lines.into_bytes()), ("parts.parquet", columns())] {
        let s = setup().await;
        let run = s.request(&RunRequest { location: s.file(name, bytes), options: mapped(mapping) }).await.unwrap();
        let told: Vec<_> = s.rejected(&run).into_iter().map(|r| format!("{}: {}", r.row, r.reason)).collect();
        let expected = [
            "3: \"s3\" is part of \"s3\", which is part of \"s3\": a loop",
            "6: \"s5\" is part of \"s4\", which is part of \"s5\": a loop",
        ];
        assert_eq!(told, expected, "{name}");
        assert_eq!((run.counts.created, run.counts.passed_by, run.counts.rejected), (2, 3, 2), "{name}");
    }
}

/// Where the id is not the row's own, both rows are titles; the first has the id, and a person is asked.
#[tokio::test]
async fn an_id_elsewhere_that_two_titles_of_one_input_claim_waits_for_a_person() {
    let films = [("1", "First Light", 1990), ("2", "Other Thing", 2005)];
    let lines = |line: &dyn Fn(&(&str, &str, i32)) -> String| films.iter().map(line).collect::<String>();
    let justwatch = lines(&|(key, title, year)| {
        let film = json!({ "entry_id": key, "object_type": "MOVIE", "title": title, "release_year": year,
            "imdb_id": "tt0000077", "offers": [] });
        format!("{film}\n")
    });
    let own = lines(&|(key, title, year)| {
        let film = json!({ "id": key, "name": title, "year": year, "imdb": "tt0000077" });
        format!("{film}\n")
    });
    let movies = lines(&|(key, title, year)| format!("{key},{title} ({year}),Drama\n"));
    let inputs = [
        (Format::JustwatchJson, "offers.jsonl", justwatch, RunOptions::default()),
        (Format::Mapped, "films.jsonl", own, mapped(&format!("{MAPPING}[ids]\nimdb = \"imdb\"\n"))),
        (Format::Movielens, "movies.csv", format!("movieId,title,genres\n{movies}"), RunOptions::default()),
    ];
    for (format, name, text, options) in inputs {
        let s = setup().await;
        s.file("links.csv", "movieId,imdbId,tmdbId\n1,0000077,\n2,0000077,\n");
        let run = s.request(&RunRequest { location: s.file(name, text), options }).await.unwrap();
        assert_eq!((run.format, run.counts.created, run.counts.rejected), (Some(format), 2, 0), "{format}");
        let sql = "SELECT kind FROM reviews WHERE status = 'open'";
        let asked: Vec<String> = s.db().fetch_all(sql, stores::args![]).await.unwrap();
        assert_eq!(asked, ["id_conflict"], "{format}");
    }
}

#[tokio::test]
async fn a_page_of_html_is_no_input_of_any_format() {
    let s = setup().await;
    let location = s.file("answer", "<!DOCTYPE html>\n<html><body>Busy, come back later.</body></html>\n");
    let error = s.run(&location).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.detail.contains("this is HTML or XML")), ("unknown_format", true));
    for format in Format::all() {
        let options = match format {
            Format::Mapped => mapped(MAPPING),
            _ => RunOptions { format: Some(format), platform: Some("netflix".to_owned()), ..RunOptions::default() },
        };
        match s.request(&RunRequest { location: location.clone(), options }).await {
            Err(error) => {
                let codes = ["wrong_header", "bad_database"];
                assert!(codes.contains(&error.code.as_ref()), "{format}: {} {}", error.code, error.detail);
            }
            Ok(run) => assert_eq!((run.counts.rows_read, run.counts.rejected), (2, 2), "{format}: no JSON"),
        }
    }
    assert!(s.export().await.is_empty());
}

#[tokio::test]
async fn a_source_that_changed_its_fields_is_refused_as_a_whole() {
    for format in Format::all() {
        let (from, to, code) = match format {
            Format::StreamingCsv => (",title,", ",label,", "wrong_header"),
            Format::WikipediaJson => ("\"title\"", "\"label\"", "unknown_format"),
            // As long as before: the file is changed in place.
            Format::WikidataDb => ("Title TEXT", "Label TEXT", "bad_database"),
            Format::Imdb => ("primaryTitle", "primaryLabel", "wrong_header"),
            Format::Movielens => (",title,", ",label,", "wrong_header"),
            Format::JustwatchJson => ("\"offers\"", "\"deals\"", "unknown_format"),
            Format::Mapped => ("id,name", "id,label", "wrong_header"),
        };
        let mut files = files(format, 3).await;
        let first = &mut files[0].1;
        *first = renamed(first, from, to);
        assert!(first.windows(to.len()).any(|part| part == to.as_bytes()), "{format} had no {from}");
        let s = setup().await;
        let error = s.request(&request(&s, format, &files, false, false).await).await.unwrap_err();
        assert_eq!(error.code, code, "{format}: {}", error.detail);
        assert!(s.export().await.is_empty(), "{format}");
    }
}

fn renamed(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let (mut all, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(from.len()).position(|part| part == from.as_bytes()) {
        all.extend_from_slice(&rest[..at]);
        all.extend_from_slice(to.as_bytes());
        rest = &rest[at + from.len()..];
    }
    all.extend_from_slice(rest);
    all
}
