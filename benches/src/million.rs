//! Hybrid searches over a catalogue of generated titles with generated vectors: latency and memory, never quality.
//!
//! The generator draws, by splitmix64 from a fixed seed, each word of a title from the words of the real titles, each word
//! of a plot from the words of the real plots, and each first and last name from the real casts. So common words stay as
//! common as they are. Every title and plot says that it is generated. The vectors are drawn too, and embedded by nobody.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use contracts::{ContentId, ModelInfo};
use serde_json::{Value, json};
use stores::events;
use stores::vectors::{Point, VectorIndex as _};
use stores::{Db, DbConfig, args};
use stores_embedded::{ExactVectors, HnswVectors, stored_vectors};
use tempfile::TempDir;

use crate::draw::Draw;
use crate::load;
use crate::proc::to_its_end;
use crate::report::Report;
use crate::scenarios::Bench;
use crate::vectors;

/// The seed of everything that is drawn.
const SEED: u64 = 20_261_121;
const GENRES: [&str; 8] = [
    "Dramas",
    "Comedies",
    "Thrillers",
    "Horror Movies",
    "Documentaries",
    "Action & Adventure",
    "Romantic Movies",
    "Sci-Fi & Fantasy",
];
const COUNTRIES: [&str; 6] = ["United States", "India", "France", "Japan", "South Korea", "United Kingdom"];
pub(crate) const HEADER: &str =
    "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description";

impl Bench {
    /// Fills a folder with `count` generated titles, asks it what the real one is asked, and changes a title.
    ///
    /// # Errors
    /// Without the model, which embeds the queries, or when an answer lacks a source.
    pub async fn million(&self, report: &mut Report, count: usize) -> Result<()> {
        ensure!(self.product.has_model(), "hybrid searches need the sentence model");
        let folder = TempDir::new()?;
        let name = |what: &str| format!("hybrid, {count} generated titles: {what}");
        println!("generated titles: {count}, words drawn from the real ones by splitmix64, seed {SEED}");
        let source = folder.path().join("netflix_titles.csv");
        write_titles(&source, &self.data.films, count)?;
        let data = folder.path().join("data");
        let (took, most) = to_its_end(self.product.words_only().command(&data, "ingest").arg(&source))?;
        report.add(name("ingest by words"), count as f64 / took.as_secs_f64(), "rec/s");
        report.add(name("ingest by words, all (a million: at most 600)"), took.as_secs_f64(), "s");
        report.add(name("ingest by words, most memory (a million: at most 4000)"), most / 1e6, "MB");
        fs::remove_file(&source)?;
        let (model, _) = stored_vectors(&self.folder.path().join("index/vectors"))?;
        let titles = self.fill_vectors(&data, model).await?;
        report.add(name("titles"), titles as f64, "titles");
        fs::copy(self.folder.path().join("index/vector-tags"), data.join("index/vector-tags"))?;

        let (server, first) = self.product.serve(&data).await?;
        report.add(name("start to first search"), first.as_secs_f64() * 1e3, "ms");
        // Until then one of the cores joins titles and names.
        let started = Instant::now();
        while !server.is_current().await? {
            ensure!(started.elapsed() < Duration::from_secs(600), "the graph is not joined after ten minutes");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        report.add(name("until the graph is joined"), (first + started.elapsed()).as_secs_f64(), "s");
        let searches = self.searches();
        let answer: Value = serde_json::from_slice(&load::once(server.address, &searches[0]).await?)?;
        ensure!(answer["degraded"] == json!([]), "a source is missing: {}", answer["degraded"]);
        let what = format!("hybrid, {count} generated titles");
        // It warms up by it.
        self.density(report, &what, &server).await?;
        self.latencies(report, &what, &server, searches, ["p50", "p95 (goal: less than 50)", "p99"]).await?;
        self.typed(report, &format!("{what}, autocomplete"), &server).await?;
        report.add(name("memory of the server"), server.memory()? / 1e6, "MB");
        report.add(name("what of it is not mapped from files"), server.held()? / 1e6, "MB");
        let followed = self.changes(report, &name("a title changed"), &server, &data).await;
        // The last: where they are answered too late there is nothing after them to measure.
        let what = format!("{what}, a filter ticked, all facets");
        let mut narrowed = self.narrowed();
        // What is late is left out of an answer, which is then none to be measured.
        let first = load::once(server.address, &narrowed.remove(0)).await?;
        let answer: Value = serde_json::from_slice(&first)?;
        ensure!(answer["degraded"] == json!([]), "something is missing: {}", answer["degraded"]);
        self.latencies(report, &what, &server, narrowed, ["p50", "p95", "p99"]).await?;
        followed
    }

    /// A drawn vector for each title, where the index of the product has the embedded ones, and the graph over them.
    async fn fill_vectors(&self, data: &Path, model: ModelInfo) -> Result<usize> {
        let db = Db::open_sqlite(&data.join("media-gateway.db"), &DbConfig::default()).await?;
        let head = events::head(&db).await?;
        let path = data.join("index/vectors");
        let index = ExactVectors::open(&path, model.clone())?;
        // The empty blob is before every id.
        let (mut last, mut count) = (Vec::new(), 0);
        loop {
            let titles = titles(&db, last).await?;
            let Some((id, ..)) = titles.last() else { break };
            last = id.0.as_bytes().to_vec();
            let points = titles.into_iter().map(|title| {
                count += 1;
                point(title, vectors::one(count, model.dimension))
            });
            index.upsert(points.collect(), head).await?;
        }
        db.close().await;
        drop(index);
        let index = HnswVectors::open(&path, model)?;
        // The graph is written once it is whole.
        let (started, written) = (Instant::now(), data.join("index/vectors.hnsw"));
        while !index.is_settled() || !written.exists() {
            ensure!(started.elapsed() < Duration::from_secs(3_600), "the graph takes more than an hour");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(count as usize)
    }
}

/// A title as the vectors' filters see it: its id, type, year, and genres with a comma between them.
type Title = (ContentId, String, Option<u16>, Option<String>);

/// The next titles by id.
async fn titles(db: &Db, after: Vec<u8>) -> Result<Vec<Title>> {
    let sql = "SELECT c.id, c.content_type, c.release_year,
            (SELECT GROUP_CONCAT(g.genre) FROM genres g WHERE g.content_id = c.id)
        FROM content c WHERE c.id > $1 ORDER BY c.id LIMIT 5000";
    Ok(db.fetch_all(sql, args![after]).await?)
}

/// A title's vector with the tags that the questions filter by.
fn point((id, content_type, year, genres): Title, vector: Vec<f32>) -> Point {
    let mut tags = vec![format!("type:{content_type}")];
    tags.extend(genres.iter().flat_map(|all| all.split(',')).map(|genre| format!("genre:{genre}")));
    Point { id, text_hash: 0, vectors: vec![vector], tags, year }
}

/// Writes the catalogue of a service with this many titles.
fn write_titles(file: &Path, films: &[Value], count: usize) -> Result<()> {
    let words = |key: &str| -> Vec<&str> {
        let texts = films.iter().filter_map(|film| film[key].as_str());
        texts.flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).filter(|word| word.len() > 1).collect()
    };
    let (titles, plots) = (words("title"), words("extract"));
    let cast = films.iter().flat_map(|film| film["cast"].as_array().into_iter().flatten().filter_map(Value::as_str));
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for (one, other) in cast.filter_map(|name| name.rsplit_once(' ')) {
        first.push(one);
        last.push(other);
    }
    ensure!(!titles.is_empty() && !plots.is_empty() && !first.is_empty(), "the real films have no words to draw from");
    let mut draw = Draw(SEED);
    let mut out = csv::Writer::from_writer(BufWriter::new(fs::File::create(file)?));
    out.write_record(HEADER.split(','))?;
    for number in 0..count {
        let many = |draw: &mut Draw, from: &[&str], length: usize| {
            (0..length).map(|_| *draw.one(from)).collect::<Vec<_>>().join(" ")
        };
        let name = |draw: &mut Draw| format!("{} {}", draw.one(&first), draw.one(&last));
        let length = 1 + draw.below(4);
        let title = format!("{} (generated {number})", many(&mut draw, &titles, length));
        let director = name(&mut draw);
        let actors = (0..4).map(|_| name(&mut draw)).collect::<Vec<_>>().join(", ");
        let genres = format!("{}, {}", draw.one(&GENRES), draw.one(&GENRES));
        let (year, minutes) = (1930 + draw.below(95), 60 + draw.below(120));
        let length = 20 + draw.below(40);
        let plot = format!("Generated: {}.", many(&mut draw, &plots, length));
        out.write_record([
            &format!("g{number}"),
            "Movie",
            &title,
            &director,
            &actors,
            *draw.one(&COUNTRIES),
            "June 1, 2021",
            &year.to_string(),
            "PG",
            &format!("{minutes} min"),
            &genres,
            &plot,
        ])?;
    }
    out.into_inner().map_err(|error| error.into_error())?.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_titles_are_drawn_each_time_and_say_what_they_are() {
        let films =
            [json!({ "title": "The Night Train", "extract": "A train leaves at night.", "cast": ["Ada Wren"] })];
        let folder = TempDir::new().unwrap();
        let [one, other] = ["a.csv", "b.csv"].map(|name| folder.path().join(name));
        write_titles(&one, &films, 20).unwrap();
        write_titles(&other, &films, 20).unwrap();
        let (one, other) = (fs::read_to_string(one).unwrap(), fs::read_to_string(other).unwrap());
        assert_eq!((one.lines().count(), &one), (21, &other));
        assert!(one.lines().skip(1).all(|line| line.contains("(generated ") && line.contains("Generated: ")));
    }
}
