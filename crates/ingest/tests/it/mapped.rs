//! Files of an operator's own, with a mapping: tables, JSON Lines and Parquet say the same.

use std::sync::Arc;

use contracts::CatalogApi as _;
use ingest::{Mapping, RunOptions, RunRequest};
use parquet::{
    data_type::{ByteArray, ByteArrayType, Int64Type},
    file::writer::SerializedFileWriter,
    schema::parser::parse_message_type,
};

use crate::setup::{Setup, gzip, setup};

pub const MAPPING: &str =
    "source = \"festival\"\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\nyear = \"year\"\n";

async fn run(s: &Setup, name: &str, bytes: impl AsRef<[u8]>) -> contracts::Result<ingest::Run> {
    let mapping = Some(Mapping::from_toml(MAPPING).unwrap());
    let options = RunOptions { mapping, ..RunOptions::default() };
    s.request(&RunRequest { location: s.file(name, bytes), options }).await
}

/// A row of a Parquet file: its key, its name, which may be null, and its year.
type Film<'a> = (&'a str, Option<&'a str>, i64);
/// Two films, one row with an impossible year.
const FILMS: [Film<'static>; 3] = [("1", Some("Glass"), 1999), ("2", Some("Salt"), 2001), ("3", Some("Old"), 1492)];

/// A Parquet file.
pub fn parquet(films: &[Film<'_>]) -> Vec<u8> {
    let nulls = films.iter().any(|film| film.1.is_none());
    let name = if nulls { "optional" } else { "required" };
    let schema =
        format!("message films {{ required binary id (UTF8); {name} binary name (UTF8); required int64 year; }}");
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let keys: Vec<ByteArray> = films.iter().map(|film| ByteArray::from(film.0)).collect();
    let names: Vec<ByteArray> = films.iter().filter_map(|film| film.1).map(ByteArray::from).collect();
    let named: Vec<i16> = films.iter().map(|film| i16::from(film.1.is_some())).collect();
    for (values, levels) in [(keys, None), (names, nulls.then_some(named.as_slice()))] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, levels, None).unwrap();
        column.close().unwrap();
    }
    let years: Vec<i64> = films.iter().map(|film| film.2).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&years, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[tokio::test]
async fn every_shape_says_the_same() {
    let lines = "{\"id\":1,\"name\":\"Glass\",\"year\":1999}\n{\"id\":2,\"name\":\"Salt\",\"year\":\"2001\"}\n{\"id\":3,\"name\":\"Old\",\"year\":1492}\n";
    let inputs: [(&str, Vec<u8>); 6] = [
        ("films.csv", b"id,name,year\n1,Glass,1999\n2,Salt,2001\n3,Old,1492\n".to_vec()),
        ("films.txt", b"id;name;year\r\n1;Glass;1999\r\n2;\"Salt\";2001\r\n3;Old;1492\r\n".to_vec()),
        ("films.tsv.gz", gzip("year\tid\tname\n1999\t1\tGlass\n2001\t2\tSalt\n1492\t3\tOld\n")),
        ("films.jsonl", lines.as_bytes().to_vec()),
        ("films.json", format!("[{}]", lines.trim_end().replace('\n', ",")).into_bytes()),
        ("films.parquet", parquet(&FILMS)),
    ];
    let mut exports = Vec::new();
    for (name, bytes) in inputs {
        let s = setup().await;
        let done = run(&s, name, bytes).await.unwrap();
        assert_eq!((done.counts.rows_read, done.counts.created, done.counts.rejected), (3, 2, 1), "{name}");
        assert_eq!(s.rejected(&done)[0].reason, "year is 1492, outside 1870 to 2036", "{name}");
        assert!(s.rejected(&done)[0].raw.contains("Old"), "{name}");
        let again = s.request(&RunRequest { location: done.location, options: done.options }).await.unwrap();
        assert_eq!(again.counts.unchanged, 2, "{name}");
        exports.push(s.export().await);
    }
    assert!(exports.iter().all(|export| export == &exports[0] && export.len() == 2));
}

#[tokio::test]
async fn a_damaged_parquet_file_is_refused() {
    let s = setup().await;
    let whole = parquet(&FILMS);
    for cut in [8, 40, whole.len() - 9] {
        let error = run(&s, "films.parquet", &whole[..cut]).await.unwrap_err();
        assert_eq!(error.code, "bad_parquet", "{}", error.detail);
    }
    // Every byte in turn: an error or rows, and never a panic or an end without a word.
    for at in (4..whole.len()).step_by(7) {
        let mut broken = whole.clone();
        broken[at] ^= 0x55;
        if let Err(error) = run(&s, &format!("f{at}.parquet"), &broken).await {
            // The name of a column may be what is damaged.
            let codes = ["bad_parquet", "bad_mapping", "unpacks_too_large"];
            assert!(codes.contains(&error.code.as_ref()), "{at}: {}", error.detail);
        }
    }
    let plain = s.run(&s.file("films.parquet", &whole)).await.unwrap_err();
    assert!(plain.detail.contains("--mapping"), "{}", plain.detail);
}

/// As a row of a table is, in `media-gateway it::curation`.
#[tokio::test]
async fn a_bad_row_of_a_parquet_file_is_turned_away_with_its_place() {
    let (s, huge) = (setup().await, "x".repeat(10 << 20));
    let films = [
        FILMS[0],
        ("2", None, 2001),
        ("3", Some(huge.as_str()), 2001),
        ("4", Some("Old"), 1492),
        ("1", Some("Another"), 1999),
        ("5", Some("Salt"), 2001),
    ];
    let done = run(&s, "films.parquet", parquet(&films)).await.unwrap();
    let rejects = s.rejected(&done);
    let reasons: Vec<_> = rejects.iter().map(|reject| format!("{}: {}", reject.row, reject.reason)).collect();
    let expected = [
        "2: title is missing",
        "3: the row is longer than 1048576 bytes or never ends",
        "4: year is 1492, outside 1870 to 2036",
        "5: duplicate id \"1\": an earlier row of this input has it with other content",
    ];
    assert_eq!(reasons, expected);
    assert_eq!((done.counts.rows_read, done.counts.created, done.counts.rejected), (6, 2, 4), "the run goes on");
    assert!(rejects[0].raw.contains("\"2\"") && rejects.iter().all(|reject| reject.raw.len() <= 4096));
}

/// The catalogue refuses a batch as a whole: what it would not take must never get there.
#[tokio::test]
async fn an_offer_that_can_not_be_kept_is_turned_away_with_its_row_alone() {
    let s = setup().await;
    let mapping = format!("{MAPPING}[offer]\nplatform_column = \"on\"\nweb_url_column = \"at\"\n");
    let far = format!("https://example.org/{}", "x".repeat(2_000));
    let rows = format!(
        "id,name,year,on,at\n1,Glass,1999,Netflix,https://example.org/1\n2,Salt,2001,!!!,https://example.org/2\n\
         3,Ember,2002,Hulu,{far}\n4,Tide,2003,Hulu,https://example.org/4\n"
    );
    let options = RunOptions { mapping: Some(Mapping::from_toml(&mapping).unwrap()), ..RunOptions::default() };
    let done = s.request(&RunRequest { location: s.file("films.csv", rows), options }).await.unwrap();
    let reasons: Vec<_> = s.rejected(&done).into_iter().map(|reject| (reject.row, reject.reason)).collect();
    let expected = [
        (2, "platform is missing".to_owned()),
        (3, "address of an offer has 2020 characters, more than 2000".to_owned()),
    ];
    assert_eq!(reasons, expected);
    assert_eq!((done.counts.rows_read, done.counts.created, done.counts.rejected), (4, 2, 2), "the run goes on");
}

/// The catalogue joins by such ids whatever the titles: rows that have none, and say so, would become one.
#[tokio::test]
async fn an_id_that_is_none_is_turned_away_and_joins_nothing() {
    let s = setup().await;
    let mapping = format!("{MAPPING}[ids]\nimdb = \"imdb\"\ntmdb_movie = \"tmdb\"\n");
    let rows = "id,name,year,imdb,tmdb\n1,Glass,1999,N/A,\n2,Salt,2001,N/A,\n3,Ember,2002,,0\n4,Tide,2003,,0\n\
        5,Ash,2004,tt9000001,5\n6,Copper,2005,,\n";
    let options = RunOptions { mapping: Some(Mapping::from_toml(&mapping).unwrap()), ..RunOptions::default() };
    let done = s.request(&RunRequest { location: s.file("films.csv", rows), options }).await.unwrap();
    let reasons: Vec<_> = s.rejected(&done).into_iter().map(|reject| (reject.row, reject.reason)).collect();
    let imdb = "imdb is \"N/A\", which is not an IMDb title id such as tt0133093";
    let tmdb = "tmdb_movie is \"0\", which is not a TMDb number such as 603";
    assert_eq!(reasons, [(1_u64, imdb), (2, imdb), (3, tmdb), (4, tmdb)].map(|(row, why)| (row, why.to_owned())));
    assert_eq!((done.counts.rows_read, done.counts.created, done.counts.rejected), (6, 2, 4), "the run goes on");
}

#[tokio::test]
async fn languages_that_can_not_be_read_are_counted_and_no_row_is_turned_away_for_one() {
    let spoken = |n: usize| match n {
        1 | 2 => "Klingonese".to_owned(),
        3 => "x".repeat(100),
        600..=620 => format!("Tongue {n}"),
        621 => "Elvish".to_owned(),
        _ => "\"Korean, en\"".to_owned(),
    };
    let year = |n: usize| if n == 621 { 1492 } else { 1950 + n % 70 };
    let row = |n: usize| format!("{n},The Harbour Number {n},{},{}\n", year(n), spoken(n));
    let text: String = ["id,name,year,spoken\n".to_owned()].into_iter().chain((1..=700).map(row)).collect();
    let mapping = Some(Mapping::from_toml(&format!("{MAPPING}languages = \"spoken\"\n")).unwrap());
    let s = setup().await;
    let options = RunOptions { mapping, ..RunOptions::default() };
    let request = RunRequest { location: s.file("films.csv", text), options };
    let stop = tokio_util::sync::CancellationToken::new();
    *s.catalog.stop.lock().unwrap() = Some((1, stop.clone()));
    let stopped = s.ingest.run(&s.call, &request, &stop, &|_| {}).await.unwrap();
    assert_eq!((stopped.status, stopped.unread_languages.count), (ingest::RunStatus::Interrupted, 3));

    let done = s.request(&request).await.unwrap();
    assert_eq!((done.id, done.counts.created, done.counts.rejected), (stopped.id, 699, 1));
    let unread = s.ingest.get(&s.call, done.id).await.unwrap().unread_languages;
    assert_eq!(unread.count, 24, "what is turned away counts for nothing else");
    let mut expected = vec!["Klingonese".to_owned(), "x".repeat(60)];
    expected.extend((600..608).map(|n| format!("Tongue {n}")));
    assert_eq!(unread.spellings, expected);
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_refused() {
    let s = setup().await;
    let error = run(&s, "films.csv", "id,title\n1,x\n").await.unwrap_err();
    let told = "not a file of format mapped: missing name; its columns are id, title";
    assert_eq!((error.code.as_ref(), error.detail.as_str()), ("wrong_header", told));
    let wide = (0..10_000).map(|n| format!("column_{n}")).collect::<Vec<_>>().join(",");
    let error = run(&s, "wide.csv", format!("{wide}\n")).await.unwrap_err();
    assert!(error.detail.contains("its columns are column_0, column_1, ") && error.detail.len() < 1_200);
    let misspelt = Mapping::from_toml(&MAPPING.replace("\"year\"", "\"yeer\"")).unwrap();
    for (name, bytes) in [("films.csv", b"id,name,year\n1,Glass,1999\n".to_vec()), ("films.parquet", parquet(&FILMS))] {
        let options = RunOptions { mapping: Some(misspelt.clone()), ..RunOptions::default() };
        let error = s.request(&RunRequest { location: s.file(name, bytes), options }).await.unwrap_err();
        let told = "the mapping is not valid: the file has no column \"yeer\"; its columns are id, name, year";
        assert_eq!((error.code.as_ref(), error.detail.as_str()), ("bad_mapping", told), "{name}");
    }
    assert!(s.titles().await.is_empty(), "nothing is taken in");
    let mapped = RunOptions { format: Some("mapped".parse().unwrap()), ..RunOptions::default() };
    let error = s.request(&RunRequest { location: "/x".into(), options: mapped }).await.unwrap_err();
    assert_eq!(error.code, "bad_mapping");
}

#[tokio::test]
async fn a_loop_of_series_and_seasons_is_turned_away_and_the_run_goes_on() {
    let s = setup().await;
    let mapping =
        "source = \"festival\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\ntype = \"kind\"\nparent = \"of\"\n";
    let mapping = Some(Mapping::from_toml(mapping).unwrap());
    let rows = "id,name,kind,of\nt1,Harbour Lights,tv_show,\ns1,Season 1,season,t1\ne1,Pilot,episode,s1\n\
        t2,Round and Round,tv_show,s2\ns2,Season 1,season,t2\ns3,Season 1,season,s3\n\
        s4,Season 1,season,e4\ne4,Low Tide,episode,s5\ns5,Season 2,season,s4\nt3,Salt,tv_show,\n";
    let options = RunOptions { mapping, ..RunOptions::default() };
    let done = s.request(&RunRequest { location: s.file("series.csv", rows), options }).await.unwrap();
    let counts = done.counts;
    assert_eq!((counts.rows_read, counts.created, counts.passed_by, counts.rejected), (10, 2, 4, 4));
    let reasons: Vec<_> = s.rejected(&done).into_iter().map(|r| format!("{}: {}", r.line, r.reason)).collect();
    let expected = [
        "5: it is a tv_show, and no part of \"s2\": only a season or an episode is part of another",
        "6: \"s2\" is part of \"t2\", which is part of \"s2\": a loop",
        "7: \"s3\" is part of \"s3\", which is part of \"s3\": a loop",
        "10: \"s5\" is part of \"s4\", which is part of \"s5\": a loop",
    ];
    assert_eq!(reasons, expected);
    let mut titles: Vec<String> = s.titles().await.into_iter().map(|title| title.title).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Harbour Lights", "Salt"]);
}

/// A series, its seasons and their episodes, in an order that nobody would choose.
const SERIES: &str = "source = \"festival\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\ntype = \"kind\"\n\
    parent = \"of\"\nnumber = \"no\"\nseason = \"season\"\nyear = \"year\"\nruntime_minutes = \"minutes\"\n";
const ROWS: [(&str, &str, &str, &str, &str, &str); 8] = [
    ("e2", "Low Tide", "episode", "s1", "2", ""),
    ("s1", "Season 1", "season", "t1", "1", "2004"),
    ("t1", "Harbour Lights", "tv_show", "", "", "2004"),
    ("e1", "Pilot", "episode", "s1", "1", ""),
    ("t2", "Salt", "tv_show", "", "", "1492"),
    ("s9", "Season 1", "season", "t2", "1", "1990"),
    ("s2", "Season 2", "season", "t1", "", ""),
    ("s1", "Season 1", "season", "t1", "1", "2004"),
];

/// The rows as a table and as lines of JSON.
fn series() -> [(&'static str, String); 2] {
    let row = |(id, name, kind, of, no, year)| format!("{id},{name},{kind},{of},{no},{year},,\n");
    let table = ROWS.map(row).concat();
    let line = |(id, name, kind, of, no, year): (&str, &str, &str, &str, &str, &str)| {
        let no: Option<u16> = no.parse().ok();
        format!("{}\n", serde_json::json!({ "id": id, "name": name, "kind": kind, "of": of, "no": no, "year": year }))
    };
    let rows = ROWS.map(line).concat();
    [("series.csv", format!("id,name,kind,of,no,year,season,minutes\n{table}")), ("series.jsonl", rows)]
}

#[tokio::test]
async fn seasons_and_episodes_come_with_their_series_in_any_order() {
    let mapping = Some(Mapping::from_toml(SERIES).unwrap());
    let mut exports = Vec::new();
    for (name, text) in series() {
        let s = setup().await;
        let options = RunOptions { mapping: mapping.clone(), ..RunOptions::default() };
        let request = RunRequest { location: s.file(name, text), options };
        let done = s.request(&request).await.unwrap();
        let counts = done.counts;
        assert_eq!((counts.rows_read, counts.created, counts.parts, counts.passed_by), (8, 1, 3, 0), "{name}");
        assert_eq!((counts.unchanged, counts.rejected), (1, 3), "a row that is there twice: {name}");
        let reasons: Vec<_> = s.rejected(&done).into_iter().map(|reject| (reject.row, reject.reason)).collect();
        let expected = [
            (5, "year is 1492, outside 1870 to 2036".to_owned()),
            (6, "it is a season of \"t2\", and no such series was taken in".to_owned()),
            (7, "number is missing".to_owned()),
        ];
        assert_eq!(reasons, expected, "{name}");
        let title = s.titles().await.remove(0);
        let seasons = s.catalog.seasons(&testkit::call(), title.id).await.unwrap();
        assert_eq!((title.season_count, seasons.len()), (Some(1), 1));
        assert_eq!((seasons[0].air_year, seasons[0].episode_count), (Some(2004), Some(2)));
        let export = s.export().await;
        assert!(export[0].contains("Pilot") && export[0].contains("Low Tide"), "{}", export[0]);
        let again = s.request(&request).await.unwrap().counts;
        assert_eq!(
            (again.unchanged, again.updated, again.created, again.parts, again.rejected),
            (2, 0, 0, 3, 3),
            "{name}"
        );
        assert_eq!(s.export().await, export, "{name}");
        exports.push(export);
    }
    assert_eq!(exports[0], exports[1], "every shape says the same");
}

#[tokio::test]
async fn a_run_that_is_stopped_between_a_series_and_its_seasons_goes_on_to_the_same() {
    let mapping = Some(Mapping::from_toml(SERIES).unwrap());
    // The seasons and episodes of the first 400 series stand behind the last of 700, those of the others beside them.
    let mut rows = vec!["id,name,kind,of,no,year,season,minutes".to_owned()];
    let parts = |n: usize| [format!("s{n},Season 1,season,t{n},1,2004,,"), format!("e{n},Pilot,episode,s{n},1,,,50")];
    for n in 0..700 {
        rows.extend(parts(n).into_iter().take(if n < 400 { 0 } else { 2 }));
        rows.push(format!("t{n},Harbour Lights {n},tv_show,,,2004,,"));
    }
    rows.extend((0..400).flat_map(parts));
    let text = rows.join("\n") + "\n";
    let whole = setup().await;
    let request = |s: &Setup| {
        let options = RunOptions { mapping: mapping.clone(), ..RunOptions::default() };
        RunRequest { location: s.file("series.csv", &text), options }
    };
    let done = whole.request(&request(&whole)).await.unwrap();
    assert_eq!((done.counts.created, done.counts.parts, done.counts.rejected), (700, 1_400, 0));
    let export = whole.export().await;
    assert!(export.iter().all(|line| line.contains("Pilot")));

    let s = setup().await;
    let stop = tokio_util::sync::CancellationToken::new();
    *s.catalog.stop.lock().unwrap() = Some((1, stop.clone()));
    let stopped = s.ingest.run(&s.call, &request(&s), &stop, &|_| {}).await.unwrap();
    assert_eq!(stopped.status, ingest::RunStatus::Interrupted);
    let rest = s.request(&request(&s)).await.unwrap();
    assert_eq!((rest.id, rest.counts), (stopped.id, done.counts));
    assert_eq!(s.export().await, export);
}

#[tokio::test]
async fn bad_rows_of_json_lines_are_kept_with_their_place_and_reason() {
    let s = setup().await;
    let long = format!("{{\"id\":5,\"name\":\"{}\"}}", "x".repeat(2 << 20));
    let lines = [
        "{\"id\":1,\"name\":\"Glass\"}",
        "{\"id\":2",
        "[1,2]",
        "{\"id\":4,\"year\":1999}",
        &long,
        "{\"id\":6,\"name\":\"Salt\"}",
    ];
    let done = run(&s, "films.jsonl", lines.join("\n")).await.unwrap();
    let kept: Vec<_> = s.rejected(&done).into_iter().map(|r| format!("{}:{} {}", r.row, r.line, r.reason)).collect();
    assert_eq!((done.counts.created, done.counts.rejected as usize), (2, kept.len()));
    let lacking = "title is missing: the row has no \"name\", but id, year";
    for (line, reason) in [(2, "not valid JSON"), (3, "not a JSON object"), (4, lacking), (5, "longer than")] {
        assert!(
            kept.iter().any(|told| told.contains(&format!(":{line} ")) && told.contains(reason)),
            "{line} {kept:?}"
        );
    }
}
