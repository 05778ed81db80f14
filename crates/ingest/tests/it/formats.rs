//! Every format from a file and from an address, gzipped or not; stopped and gone on with; read twice.

use std::collections::BTreeMap;

use ingest::{Format, Mapping, RunOptions, RunRequest, RunStatus};
use serde_json::{Value, json};
use stores::args;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

use crate::{
    mapped::{MAPPING, parquet},
    setup::{Setup, films, gzip, ok, setup},
};

/// The files of an input with their names; the first is the one to give.
pub type Files = Vec<(&'static str, Vec<u8>)>;

/// Inputs of so many rows: one of each format, and two of those that a mapping reads.
async fn inputs(count: usize) -> Vec<(Format, Files)> {
    let mut all = vec![(Format::Mapped, vec![("films.parquet", columns(count))])];
    for format in Format::all() {
        all.push((format, files(format, count).await));
    }
    all
}

pub async fn files(format: Format, count: usize) -> Files {
    match format {
        Format::StreamingCsv => vec![("netflix_titles.csv", films(count).into_bytes())],
        Format::WikipediaJson => {
            let film = |n: usize| {
                json!({ "title": title(n), "year": year(n), "cast": ["Cy Day"], "genres": ["Drama"],
                    "href": format!("Harbour_{n}"), "extract": "A pilot waits." })
            };
            vec![("films.json", Value::Array((1..=count).map(film).collect()).to_string().into_bytes())]
        }
        Format::WikidataDb => vec![("films.db", database(count).await)],
        Format::Imdb => {
            let basics =
                "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n";
            let film = |n: usize| {
                let (title, year) = (title(n), year(n));
                format!("tt{n:07}\tmovie\t{title}\t{title}\t0\t{year}\t\\N\t90\tDrama")
            };
            let votes = |n: usize| format!("tt{n:07}\t7.5\t{n}");
            vec![
                ("title.basics.tsv", rows(count, basics, film)),
                ("title.ratings.tsv", rows(count, "tconst\taverageRating\tnumVotes\n", votes)),
            ]
        }
        Format::Movielens => vec![
            ("movies.csv", rows(count, "movieId,title,genres\n", |n| format!("{n},{} ({}),Drama", title(n), year(n)))),
            ("links.csv", rows(count, "movieId,imdbId,tmdbId\n", |n| format!("{n},{n:07},{n}"))),
            ("ratings.csv", rows(count, "userId,movieId,rating,timestamp\n", |n| format!("1,{n},4.0,1"))),
        ],
        Format::JustwatchJson => {
            let film = |n: usize| {
                json!({ "entry_id": format!("tm{n}"), "object_type": "MOVIE", "title": title(n),
                    "release_year": year(n), "offers": [] })
                .to_string()
            };
            vec![("offers.jsonl", rows(count, "", film))]
        }
        Format::Mapped => {
            vec![("films.csv", rows(count, "id,name,year\n", |n| format!("{n},{},{}", title(n), year(n))))]
        }
    }
}

/// A header and rows by their numbers.
fn rows(count: usize, header: &str, row: impl Fn(usize) -> String) -> Vec<u8> {
    (1..=count).fold(header.to_owned(), |text, n| text + &row(n) + "\n").into_bytes()
}

fn title(n: usize) -> String {
    format!("Harbour {n}")
}

fn year(n: usize) -> usize {
    1950 + n % 60
}

fn columns(count: usize) -> Vec<u8> {
    let names: Vec<(String, String)> = (1..=count).map(|n| (n.to_string(), title(n))).collect();
    let films: Vec<_> = names.iter().map(|(key, name)| (key.as_str(), Some(name.as_str()), 1999_i64)).collect();
    parquet(&films)
}

/// A database of our own in the shape of the Wikidata one.
async fn database(count: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("films.db");
    let db = stores::Db::open_sqlite(&path, &stores::DbConfig::default()).await.unwrap();
    let film = |n: usize| {
        let (title, year) = (title(n), year(n));
        format!("({n}, 'tt{n:07}', '{title}', {year}, 'R', 90.0, 'Drama', NULL, 'Ada Quill', '', '', NULL, '', NULL)")
    };
    let films: Vec<String> = (1..=count).map(film).collect();
    let insert = format!("INSERT INTO omdb VALUES {}", films.join(", "));
    for sql in [
        "CREATE TABLE omdb (ID INTEGER, imdbID TEXT, Title TEXT, Year INTEGER, Rating TEXT, Runtime REAL, Genre TEXT,
            Released TEXT, Director TEXT, Writer TEXT, \"Cast\" TEXT, Language TEXT, Country TEXT, Awards TEXT)",
        "CREATE TABLE tomatoes (ID INTEGER, Rating REAL, Meter INTEGER, Reviews INTEGER)",
    ] {
        db.execute(sql, args![]).await.unwrap();
    }
    db.execute(insert, args![]).await.unwrap();
    db.close().await;
    std::fs::read(&path).unwrap()
}

/// A server that has these files and no others. Its address.
async fn site(files: BTreeMap<String, Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let count = socket.read(&mut head).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(&head[..count]).into_owned();
            let name = asked.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
            let answer = match files.get(name) {
                Some(bytes) => ok(bytes.len(), bytes),
                None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
            };
            let _ = socket.write_all(&answer).await;
        }
    });
    format!("http://{address}")
}

/// What is asked for where the files lie in the setup's folder, or on a server.
pub async fn request(s: &Setup, format: Format, files: &Files, packed: bool, fetched: bool) -> RunRequest {
    let named = files.iter().map(|(name, bytes)| match packed {
        true => (format!("{name}.gz"), gzip(bytes)),
        false => ((*name).to_owned(), bytes.clone()),
    });
    let named: Vec<(String, Vec<u8>)> = named.collect();
    let first = named[0].0.clone();
    let location = match fetched {
        true => format!("{}/{first}", site(named.into_iter().collect()).await),
        false => {
            let places: Vec<String> = named.iter().map(|(name, bytes)| s.file(name, bytes)).collect();
            places[0].clone()
        }
    };
    let mapping = (format == Format::Mapped).then(|| Mapping::from_toml(MAPPING).unwrap());
    RunRequest { location, options: RunOptions { mapping, ..RunOptions::default() } }
}

#[tokio::test]
async fn every_format_is_read_from_a_file_and_an_address_gzipped_or_not() {
    for (format, files) in inputs(20).await {
        let mut read = Vec::new();
        for (packed, fetched) in [(false, false), (true, false), (false, true), (true, true)] {
            let s = setup().await;
            let run = s.request(&request(&s, format, &files, packed, fetched).await).await.unwrap();
            assert_eq!((run.status, run.format, run.counts.rows_read), (RunStatus::Done, Some(format), 20));
            assert!(s.incoming().is_empty(), "{format}: what was fetched or unpacked is gone");
            read.push((run.counts, s.export().await));
        }
        assert!(read[0].1.len() >= 18, "{format}: {:?}", read[0]);
        assert!(read.iter().all(|own| *own == read[0]), "{format}: {read:?}");
    }
}

#[tokio::test]
async fn every_format_goes_on_where_it_was_stopped_and_changes_nothing_the_second_time() {
    for (format, files) in inputs(600).await {
        let (whole, s) = (setup().await, setup().await);
        let undisturbed = whole.request(&request(&whole, format, &files, false, false).await).await.unwrap();
        let (asked, export) = (request(&s, format, &files, false, false).await, whole.export().await);
        let stop = CancellationToken::new();
        *s.catalog.stop.lock().unwrap() = Some((1, stop.clone()));
        let stopped = s.ingest.run(&s.call, &asked, &stop, &|_| {}).await.unwrap();
        assert_eq!(stopped.status, RunStatus::Interrupted, "{format}");
        assert!((1..600).contains(&stopped.counts.rows_read), "{format}: {:?}", stopped.counts);
        let rest = s.request(&asked).await.unwrap();
        assert_eq!((rest.id, rest.status, rest.counts), (stopped.id, RunStatus::Done, undisturbed.counts), "{format}");
        assert_eq!(s.export().await, export, "{format}");
        let again = s.request(&asked).await.unwrap().counts;
        let changed = (again.created, again.merged, again.updated);
        let all = undisturbed.counts.created + undisturbed.counts.merged;
        assert_eq!((changed, again.unchanged), ((0, 0, 0), all), "{format}");
        assert_eq!(s.export().await, export, "{format}: twice without change");
    }
}
