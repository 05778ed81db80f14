//! How soon search shows that a title changed: in its words, as names are typed, in the graph and in its vectors.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::load;
use crate::million::HEADER;
use crate::node::Server;
use crate::report::Report;
use crate::scenarios::Bench;

/// The title that changes.
const TITLE: &str = "A Title That The Benchmark Changes";
/// Who directs it, one after the other: names that nobody has, and none of which could be read as another.
const DIRECTORS: [&str; 11] = [
    "Alvorin Tindrovic",
    "Bresca Quavendish",
    "Corwith Pellumbrio",
    "Dunstel Maskelyard",
    "Evrima Jandrikson",
    "Folquin Ostrafeld",
    "Grisholt Wexhamby",
    "Hestavia Brolmaster",
    "Ingolfa Ruthermoke",
    "Jorvane Colvestrin",
    "Kelpurna Zadowicki",
];
/// Where a change shows; in the last where there is a sentence model.
const PLACES: [&str; 4] = ["the words", "autocomplete", "the graph", "the vectors"];
/// A change that shows later is an error.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl Bench {
    /// The [`changes`](Self::changes) of a title among all the data.
    ///
    /// # Errors
    /// When a change does not show.
    pub async fn follow(&self, report: &mut Report) -> Result<()> {
        let (server, _) = self.product.serve(self.folder.path()).await?;
        self.changes(report, "a title changed", &server, self.folder.path()).await
    }

    /// Gives one title another director and plot, ten times, and measures from the moment that the catalogue of `server`,
    /// which has `data`, knows of it until search shows it.
    ///
    /// # Errors
    /// When a change does not show.
    pub(crate) async fn changes(&self, report: &mut Report, what: &str, server: &Server, data: &Path) -> Result<()> {
        let dir = TempDir::new()?;
        let file = dir.path().join("netflix_titles.csv");
        let id = self.first(server, data, &file).await?;
        let places = &PLACES[..PLACES.len() - usize::from(!self.product.has_model())];
        let mut took: Vec<Vec<f64>> = vec![Vec::new(); places.len()];
        for director in &DIRECTORS[1..] {
            settled(server).await?;
            let before = similarity(server, &id).await?;
            write_row(&file, director)?;
            let mut command = self.product.command(data, "ingest");
            let mut ingest = command.arg(&file).stdout(Stdio::null()).spawn()?;
            for (took, seen) in took.iter_mut().zip(until_seen(server, places, &id, director, before).await?) {
                took.push(seen);
            }
            ensure!(ingest.wait()?.success(), "ingest failed");
        }
        for (place, mut took) in places.iter().zip(took) {
            took.sort_by(f64::total_cmp);
            let name = |figure: &str| format!("{what}, until {place}: {figure}");
            report.add(name("median of 10"), took[took.len() / 2], "ms");
            report.add(name("worst (goal: at most 2000)"), took[took.len() - 1], "ms");
        }
        Ok(())
    }

    /// Makes the title; its id.
    async fn first(&self, server: &Server, data: &Path, file: &Path) -> Result<String> {
        write_row(file, DIRECTORS[0])?;
        let out = self.product.command(data, "ingest").arg(file).output()?;
        ensure!(out.status.success(), "ingest failed: {}", String::from_utf8_lossy(&out.stderr).trim());
        let found = search(server, TITLE).await?;
        let first = &found["results"][0]["content"];
        ensure!(first["title"] == TITLE, "{TITLE:?} is not found, but {}", first["title"]);
        Ok(first["id"].as_str().context("a title without an id")?.to_owned())
    }
}

/// The catalogue of a service with nothing in it but the title.
fn write_row(file: &Path, director: &str) -> Result<()> {
    let plot = format!("The tale of a {}.", word(director));
    let row = format!("c1,Movie,{TITLE},{director},,France,\"June 1, 2021\",2001,PG,90 min,Dramas,{plot}");
    Ok(fs::write(file, format!("{HEADER}\n{row}\n"))?)
}

/// A word that only the plot of this director's film holds: their name backwards.
fn word(director: &str) -> String {
    director.chars().rev().take_while(|letter| *letter != ' ').collect::<String>().to_lowercase()
}

/// Waits until nothing is left to follow or to join.
async fn settled(server: &Server) -> Result<()> {
    let started = Instant::now();
    loop {
        let ready = load::once(server.address, &load::get("/readyz")).await;
        let followed = ready.is_ok_and(|ready| !String::from_utf8_lossy(&ready).contains("behind"));
        if followed && server.is_current().await? {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "the indexes do not catch up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Milliseconds from the moment that the catalogue has a change until each of the places shows it; `before` is the
/// [`similarity`] that the title had.
async fn until_seen(server: &Server, places: &[&str], id: &str, director: &str, before: f64) -> Result<Vec<f64>> {
    let title = load::get_uncached(&format!("/api/v1/content/{id}"));
    let started = Instant::now();
    let mut known: Option<Duration> = None;
    let mut seen: Vec<Option<Duration>> = vec![None; places.len()];
    while known.is_none() || seen.contains(&None) {
        ensure!(started.elapsed() < PATIENCE, "a change does not show: {known:?} in the catalogue, then {seen:?}");
        if known.is_none() && String::from_utf8_lossy(&load::once(server.address, &title).await?).contains(director) {
            known = Some(started.elapsed());
        }
        for (place, seen) in places.iter().zip(&mut seen).filter(|(_, seen)| seen.is_none()) {
            let shown = match *place {
                "the vectors" => changed(before, similarity(server, id).await?),
                place => shows(server, place, id, director).await?,
            };
            if shown {
                *seen = Some(started.elapsed());
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let since = |seen: Duration| seen.saturating_sub(known.unwrap_or_default()).as_secs_f64() * 1e3;
    Ok(seen.into_iter().map(|seen| since(seen.unwrap_or_default())).collect())
}

/// How near the title is in meaning to its own name; 0 where the vectors do not answer.
async fn similarity(server: &Server, id: &str) -> Result<f64> {
    let found = search(server, TITLE).await?;
    let mut hits = found["results"].as_array().into_iter().flatten();
    let own = hits.find(|hit| hit["content"]["id"] == id);
    Ok(own.and_then(|hit| hit["vector_similarity"].as_f64()).unwrap_or_default())
}

/// Whether a title has other vectors: another text has another number.
fn changed(before: f64, now: f64) -> bool {
    now > 0.0 && (now - before).abs() > 1e-6
}

/// Whether a place shows the title as this director's.
async fn shows(server: &Server, place: &str, id: &str, director: &str) -> Result<bool> {
    let (query, score) = match place {
        "the words" => (word(director), "keyword_score"),
        "the graph" => (format!("films directed by {director}"), "graph_score"),
        _ => {
            let path = format!("/api/v1/search/autocomplete?q={}", director.to_lowercase().replace(' ', "+"));
            let found: Value = serde_json::from_slice(&load::once(server.address, &load::get_uncached(&path)).await?)?;
            let mut suggestions = found["suggestions"].as_array().into_iter().flatten();
            return Ok(suggestions.any(|suggestion| suggestion["text"] == director));
        }
    };
    let found = search(server, &query).await?;
    let mut hits = found["results"].as_array().into_iter().flatten();
    Ok(hits.any(|hit| hit["content"]["id"] == id && hit[score].as_f64() > Some(0.0)))
}

async fn search(server: &Server, query: &str) -> Result<Value> {
    let request = load::post("/api/v1/search", &json!({ "query": query }).to_string());
    Ok(serde_json::from_slice(&load::once(server.address, &request).await?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_says_what_no_other_does() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("netflix_titles.csv");
        let rows = DIRECTORS.map(|director| {
            write_row(&file, director).unwrap();
            fs::read_to_string(&file).unwrap()
        });
        for (place, director) in DIRECTORS.iter().enumerate() {
            let telling = |what: &str| rows.iter().filter(|row| row.contains(what)).count();
            assert_eq!((telling(director), telling(&word(director))), (1, 1));
            assert!(rows[place].contains(&word(director)) && rows[place].contains(TITLE), "{}", rows[place]);
        }
    }
}
