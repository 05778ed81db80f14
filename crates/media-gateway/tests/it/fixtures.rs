//! Files of our own in every source's shape, with titles that several of them know.
//!
//! *The Paper Lighthouse* is on Netflix in the United States and on Prime Video in Britain, and Wikipedia and Wikidata
//! describe it; *Harbour Street* is on Netflix and Hulu; *Salt and Thunder* on Netflix and in Wikidata.

use std::{
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use stores::{Db, args};

use crate::app::{App, Setup};

/// Every title of the fixtures, once.
pub const TITLES: usize = 10;

/// The header of a streaming service's catalogue.
pub const HEADER: &str =
    "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description";

/// A fixture as a path the command line takes.
pub fn path(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures");
    format!("{folder}/{name}")
}

/// Ingests every fixture, beside a node or without one: five runs of the command line.
pub fn ingest_all(setup: &Setup) {
    let dir = tempfile::tempdir().unwrap();
    let wikidata = wikidata(dir.path());
    let (netflix, disney, hulu) = (path("netflix_titles.csv"), path("disney_plus_titles.csv"), path("hulu_titles.csv"));
    let wikipedia = gzip_file(dir.path(), "wikipedia.json.gz", &std::fs::read(path("wikipedia_movies.json")).unwrap());
    for args in [
        &["ingest", &netflix, &disney, &hulu, &wikipedia, wikidata.to_str().unwrap()][..],
        &["ingest", "--region", "GB", &path("amazon_prime_titles.csv")],
    ] {
        let output = setup.run(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A node whose search has every fixture.
pub fn loaded(setup: Setup) -> App {
    let app = setup.start();
    ingest_all(&app.setup);
    // The graph is built last.
    let joined = format!("{TITLES} titles joined");
    app.eventually("/readyz", |ready| ready["components"].to_string().contains(&joined));
    app
}

/// A film: its IMDb id, title, year, genres, director and cast.
pub type Film<'a> = (&'a str, &'a str, i64, &'a str, &'a str, &'a str);

/// The film database, in the shape of the one from Wikidata.
pub fn wikidata(dir: &Path) -> PathBuf {
    let path = dir.join("movies.db");
    films(
        &path,
        &[
            ("tt9900001", "The Paper Lighthouse", 2019, "Drama", "Ada Wren", "Bo Finch, Cy Dove"),
            ("tt9900002", "Salt and Thunder", 1994, "Action, Adventure", "Eli Brandt", "Jo Kestrel, Kit Rowe"),
        ],
    );
    path
}

/// A film database with these films.
pub fn films(path: &Path, films: &[Film<'_>]) {
    let build = async {
        let db = Db::open_sqlite(path, &testkit::fast()).await.unwrap();
        let omdb = "CREATE TABLE omdb (ID INTEGER PRIMARY KEY, imdbID TEXT, Title TEXT, Year INT, Rating TEXT, \
                    Runtime REAL, Genre TEXT, Released TEXT, Director TEXT, Writer TEXT, \"Cast\" TEXT, Language TEXT, \
                    Country TEXT)";
        let tomatoes = "CREATE TABLE tomatoes (ID INTEGER PRIMARY KEY, Rating REAL, Meter INT, Reviews INT)";
        for sql in [omdb, tomatoes] {
            db.execute(sql, args![]).await.unwrap();
        }
        for (id, (imdb, title, year, genre, director, cast)) in (1_i64..).zip(films) {
            let sql = "INSERT INTO omdb VALUES ($1, $2, $3, $4, 'PG-13', 102.0, $5, '2019-03-31', $6, 'Mira Sand', $7, \
                       'English', 'France')";
            db.execute(sql, args![id, *imdb, *title, *year, *genre, *director, *cast]).await.unwrap();
            db.execute("INSERT INTO tomatoes VALUES ($1, 7.5, 82, 51)", args![id]).await.unwrap();
        }
        db.close().await;
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(build);
}

/// Writes `text` gzipped; its path.
pub fn gzip_file(dir: &Path, name: &str, bytes: &[u8]) -> String {
    write(dir, name, &gzip(bytes))
}

/// `bytes`, gzipped.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes a file; its path.
pub fn write(dir: &Path, name: &str, bytes: &[u8]) -> String {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Every file below a folder, with what it holds; none that goes meanwhile, as it may below a node that runs.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file() {
            match std::fs::read(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                read => all.push((path, read.unwrap())),
            }
        }
    }
    all
}
