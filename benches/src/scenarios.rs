//! The measurements, in the order a run makes them.

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::data::Data;
use crate::load::{self, Load, Outcome, Requests};
use crate::node::{Product, Server};
use crate::reader;
use crate::report::Report;

/// Starts after the first, which also warms the disk's cache.
const STARTS: usize = 5;
/// An answer that takes longer is late: the gateway's objective.
const OBJECTIVE: Duration = Duration::from_millis(500);
/// Titles that are asked for by id.
const IDS: usize = 500;
/// Searches whose titles are counted.
const COUNTED: usize = 200;

/// The product, the data and a folder with the data in it.
pub struct Bench {
    pub(crate) product: Product,
    pub(crate) data: Data,
    pub(crate) load: Load,
    pub(crate) folder: TempDir,
}

impl Bench {
    /// Prepares; the folder is removed at the end.
    pub fn new(product: Product, data: Data, load: Load) -> Result<Self> {
        Ok(Self { product, data, load, folder: TempDir::new()? })
    }

    /// Fills the folder, which everything after this needs; with words alone too when that is measured.
    pub fn ingest(&self, report: &mut Report, measured: bool) -> Result<()> {
        let records = self.data.records as f64;
        if measured {
            let folder = TempDir::new()?;
            let took = self.ingest_into(&self.product.words_only(), folder.path())?;
            report.add("ingest, words alone", records / took.as_secs_f64(), "rec/s");
        }
        let took = self.ingest_into(&self.product, self.folder.path())?;
        if measured {
            report.add("source records", records, "records");
            if self.product.has_model() {
                report.add("ingest, words and vectors", records / took.as_secs_f64(), "rec/s");
            }
        }
        Ok(())
    }

    /// Takes the data from a folder that nobody has open, and lets the product bring it up to date.
    pub async fn copy(&self, from: &Path) -> Result<()> {
        copy_folder(from, self.folder.path())?;
        let out = self.product.command(self.folder.path(), "search").arg("comedy").output()?;
        if !out.status.success() {
            bail!("{} can't be used: {}", from.display(), String::from_utf8_lossy(&out.stderr).trim());
        }
        // What an older release left to bring up to date is brought up to date by a node.
        let (server, _) = self.product.serve(self.folder.path()).await?;
        let started = Instant::now();
        while !server.is_current().await? {
            if started.elapsed() > Duration::from_secs(3_600) {
                bail!("the indexes of {} are not up to date after an hour", from.display());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    fn ingest_into(&self, product: &Product, folder: &Path) -> Result<Duration> {
        let started = Instant::now();
        let mut command = product.command(folder, "ingest");
        let out = command.args(&self.data.files).output()?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            bail!("ingest failed: {}", said.trim().lines().last().unwrap_or("it said nothing"));
        }
        Ok(started.elapsed())
    }

    /// Start-up and memory.
    pub async fn start(&self, report: &mut Report, measured: bool) -> Result<()> {
        if !measured {
            return Ok(());
        }
        let export = self.product.command(self.folder.path(), "export").output()?;
        let titles = export.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        report.add("titles", titles as f64, "titles");
        let (_, first) = self.product.serve(self.folder.path()).await?;
        report.add("start to first search, first time", first.as_secs_f64() * 1e3, "ms");
        let mut took = Vec::new();
        for _ in 0..STARTS {
            took.push(self.product.serve(self.folder.path()).await?.1.as_secs_f64() * 1e3);
        }
        took.sort_by(f64::total_cmp);
        report.add("start to first search, median of 5", took[STARTS / 2], "ms");
        let empty = TempDir::new()?;
        let nothing = self.product.serve(empty.path()).await?.0.memory()?;
        let (server, _) = self.product.serve(self.folder.path()).await?;
        // After some hundred searches, so that what is loaded lazily is loaded.
        let warm = Load { duration: Duration::from_secs(2), ..self.load };
        load::run(server.address, warm, self.searches()).await?;
        let full = server.memory()?;
        report.add("memory, empty node", nothing / 1e6, "MB");
        report.add("memory, whole catalogue", full / 1e6, "MB");
        report.add("memory a title", (full - nothing) / titles.max(1) as f64, "bytes");
        Ok(())
    }

    /// Short searches, each different from all others: as they are typed, and narrowed as in the app.
    pub async fn search(&self, report: &mut Report) -> Result<()> {
        let (server, _) = self.product.serve(self.folder.path()).await?;
        self.latencies(report, "search", &server, self.searches(), ["p50", "p95", "p99"]).await?;
        self.density(report, "search", &server).await?;
        let what = "search, a filter ticked, all facets";
        self.latencies(report, what, &server, self.narrowed(), ["p50", "p95", "p99"]).await
    }

    /// How many titles a search finds in the mean, by the facet that counts them all: what a search has to look at, and
    /// how one catalogue compares with another.
    pub(crate) async fn density(&self, report: &mut Report, what: &str, server: &Server) -> Result<()> {
        let searches = self.data.queries.iter().step_by(self.data.queries.len().div_ceil(COUNTED).max(1));
        let (mut found, mut asked) = (0, 0_u32);
        for query in searches {
            let body = json!({ "query": query, "facets": ["content_types"], "page_size": 1 }).to_string();
            let answer: Value =
                serde_json::from_slice(&load::once(server.address, &load::post("/api/v1/search", &body)).await?)?;
            let kinds = answer["facets"]["content_types"].as_array().context("nothing was counted")?;
            found += kinds.iter().filter_map(|kind| kind["count"].as_u64()).sum::<u64>();
            asked += 1;
        }
        report.add(
            format!("{what}: titles that a search finds, mean"),
            found as f64 / f64::from(asked.max(1)),
            "titles",
        );
        Ok(())
    }

    /// The long questions that people asked, apart from the short searches.
    pub async fn questions(&self, report: &mut Report) -> Result<()> {
        let (server, _) = self.product.serve(self.folder.path()).await?;
        let questions = &self.data.questions;
        let length = questions.iter().map(|question| question.chars().count()).sum::<usize>() / questions.len().max(1);
        report.add("long questions: mean length", length as f64, "chars");
        self.latencies(report, "long questions", &server, posts(questions), ["p50", "p95", "p99"]).await
    }

    /// Short searches that a model on loopback reads first, which takes it 250 ms.
    pub async fn intent(&self, report: &mut Report) -> Result<()> {
        let reader = Server::reader()?;
        let (server, _) = self.product.read_by(reader.address).serve(self.folder.path()).await?;
        let first = load::once(server.address, &load::post("/api/v1/search", r#"{"query":"read by a model"}"#)).await?;
        let answer: Value = serde_json::from_slice(&first)?;
        if answer["parsed_by"] != "model" {
            bail!("the model was not asked: {}", answer["degraded"]);
        }
        report.add("read by a model: it answers after", reader::DELAY.as_secs_f64() * 1e3, "ms");
        let names = ["p50", "p95 (goal: less than 400)", "p99 (goal: less than 800)"];
        self.latencies(report, "read by a model", &server, self.searches(), names).await
    }

    /// The latencies of requests with one connection and with many. Where a request was sent twice, so that an answer may be
    /// one that was kept, the figures say so.
    pub(crate) async fn latencies(
        &self,
        report: &mut Report,
        what: &str,
        server: &Server,
        requests: Vec<Vec<u8>>,
        names: [&str; 3],
    ) -> Result<()> {
        let (few, many) = requests.split_at(requests.len() / 3);
        for (connections, requests) in [(1, few), (self.load.connections, many)] {
            let load = Load { connections, ..self.load };
            let (outcome, cpu) = measured(server, load, requests.to_vec()).await?;
            // Requests that were too few began anew.
            let kept = if outcome.count() > requests.len() { " (some answers were kept)" } else { "" };
            let name = |figure: &str| format!("{what}, {connections} connections: {figure}{kept}");
            for (figure, share) in names.into_iter().zip([0.50, 0.95, 0.99]) {
                report.add(name(figure), outcome.percentile_ms(share), "ms");
            }
            report.add(name("rate"), outcome.rate(), "req/s");
            report.add(name("CPU a request"), cpu, "µs");
        }
        Ok(())
    }

    pub(crate) fn searches(&self) -> Vec<Vec<u8>> {
        posts(&self.data.queries)
    }

    /// The same searches as the app asks them when one of three filters is ticked, with every facet counted: their words
    /// were embedded before.
    pub(crate) fn narrowed(&self) -> Vec<Vec<u8>> {
        let ticked = [
            json!({ "content_types": ["movie"] }),
            json!({ "year_range": { "from": 1990, "to": 1999 } }),
            json!({ "genres": ["drama"] }),
        ];
        let body = |(at, query): (usize, &String)| {
            let facets = ["genres", "content_types", "decades", "platforms", "languages"];
            json!({ "query": query, "filters": ticked[at % ticked.len()], "facets": facets }).to_string()
        };
        self.data.queries.iter().enumerate().map(|asked| load::post("/api/v1/search", &body(asked))).collect()
    }

    /// One title by id, beside a bare axum server under the same load.
    pub async fn content(&self, report: &mut Report) -> Result<()> {
        let (server, _) = self.product.serve(self.folder.path()).await?;
        let paths = self.contents(&server).await?;
        let requests: Vec<_> = paths.iter().map(|path| load::get(path)).collect();
        let hello = Server::hello()?;
        let peer = vec![load::get("/")];
        let [hello, ours] = in_turns(2, self.load, [(&hello, &peer), (&server, &requests)]).await?;
        report.add("bare axum hello: rate", hello.rate, "req/s");
        report.add("bare axum hello: CPU a request", hello.cpu, "µs");
        report.add("GET content/{id}: rate", ours.rate, "req/s");
        report.add("GET content/{id}: CPU a request", ours.cpu, "µs");
        report.add("GET content/{id}: a body", ours.body_bytes as f64, "bytes");
        report.add("GET content/{id}: CPU against hello (goal: at most 2)", ours.cpu / hello.cpu, "×");
        // The answers above are the ones that the gateway keeps; these are made anew by the catalogue.
        let anew = paths.iter().map(|path| load::get_uncached(path)).collect();
        let (outcome, cpu) = measured(&server, self.load, anew).await?;
        report.add("GET content/{id}, no answer kept: rate", outcome.rate(), "req/s");
        report.add("GET content/{id}, no answer kept: CPU a request", cpu, "µs");
        Ok(())
    }

    /// Ten times as many clients as a busy server has: what it still answers in time, against what it does at its best.
    pub async fn overload(&self, report: &mut Report) -> Result<()> {
        let (server, _) = self.product.serve(self.folder.path()).await?;
        let searches = self.data.unasked();
        report.add("searches at hand, each asked once", searches.len() as f64, "searches");
        let unasked: Requests = Rc::new(RefCell::new(searches.map(|query| search_for(&query))));
        let crowd = Load { connections: self.load.connections * 10, ..self.load };
        let peak = anew(report, "before", &server, self.load, &unasked).await?;
        let overload = anew(report, "as a crowd", &server, crowd, &unasked).await?;
        let again = anew(report, "after", &server, self.load, &unasked).await?;
        if peak.refused + again.refused > 0 {
            bail!("{} requests were refused that were no crowd's", peak.refused + again.refused);
        }
        let (best, kept) = (peak.goodput(OBJECTIVE).max(again.goodput(OBJECTIVE)), overload.goodput(OBJECTIVE));
        report.add(format!("search, {} clients: in time", self.load.connections), best, "req/s");
        report.add(format!("search, {} clients: in time", crowd.connections), kept, "req/s");
        report.add("goodput at 10 times the clients (goal: at least 90)", kept / best * 100.0, "%");
        report.add("answered at 10 times: p99 (objective: 500)", overload.percentile_ms(0.99), "ms");
        let asked = (overload.count() + overload.refused).max(1) as f64;
        report.add("refused at 10 times", overload.refused as f64 / asked * 100.0, "%");
        Ok(())
    }

    /// A title through a gateway that has the catalogue in another process, beside a bare axum proxy to the same one.
    pub async fn proxy(&self, report: &mut Report) -> Result<()> {
        let url =
            std::env::var("BENCH_POSTGRES").context("roles apart need PostgreSQL: `cargo xtask bench` starts one")?;
        let (back_folder, front_folder) = (TempDir::new()?, TempDir::new()?);
        let product = self.product.words_only().on_postgres(&url);
        let smallest = self.data.files.iter().min_by_key(|file| file.metadata().map_or(u64::MAX, |meta| meta.len()));
        let out = product.command(back_folder.path(), "ingest").arg(smallest.context("no data")?).output()?;
        if !out.status.success() {
            bail!("ingest failed: {}", String::from_utf8_lossy(&out.stderr));
        }
        let (back, peers) = product.serve_roles(back_folder.path(), "catalog,ingest,search", &[]).await?;
        let (front, _) = product.serve_roles(front_folder.path(), "gateway", &peers).await?;
        let peer = Server::proxy(back.address)?;
        let list: Value =
            serde_json::from_slice(&load::once(front.address, &load::get("/api/v1/content/movies?limit=50")).await?)?;
        let items = list["items"].as_array().context("no titles")?;
        let ids = items.iter().filter_map(|item| item["id"].as_str());
        let requests: Vec<_> = ids.map(|id| load::get_uncached(&format!("/api/v1/content/{id}"))).collect();
        let [peer, ours] = in_turns(3, self.load, [(&peer, &requests), (&front, &requests)]).await?;
        report.add("bare axum proxy: rate", peer.rate, "req/s");
        report.add("bare axum proxy: CPU a request", peer.cpu, "µs");
        report.add("gateway to another process: rate", ours.rate, "req/s");
        report.add("gateway to another process: CPU a request", ours.cpu, "µs");
        report.add("gateway: CPU against a bare proxy (goal: at most 1.3)", ours.cpu / peer.cpu, "×");
        report.add("bare axum proxy: p50", peer.p50_ms, "ms");
        report.add("gateway to another process: p50", ours.p50_ms, "ms");
        report.add("gateway: added latency at p50", (ours.p50_ms - peer.p50_ms) * 1_000.0, "µs");
        Ok(())
    }

    /// Paths of titles that searches find.
    async fn contents(&self, server: &Server) -> Result<Vec<String>> {
        let mut ids: Vec<String> = Vec::new();
        for search in self.searches() {
            let answer: Value = serde_json::from_slice(&load::once(server.address, &search).await?)?;
            let results = answer["results"].as_array().context("a search without results in its answer")?;
            ids.extend(results.iter().filter_map(|result| result["content"]["id"].as_str().map(str::to_owned)));
            if ids.len() >= IDS {
                break;
            }
        }
        ids.sort();
        ids.dedup();
        Ok(ids.iter().map(|id| format!("/api/v1/content/{id}")).collect())
    }
}

/// A search for each of these queries.
fn posts(queries: &[String]) -> Vec<Vec<u8>> {
    queries.iter().map(|query| search_for(query)).collect()
}

fn search_for(query: &str) -> Vec<u8> {
    load::post("/api/v1/search", &json!({ "query": query }).to_string())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("{} can't be read", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => std::fs::copy(entry.path(), target).map(|_| ())?,
        }
    }
    Ok(())
}

/// Load, and the server's CPU microseconds a request meanwhile.
pub(crate) async fn measured(server: &Server, load: Load, requests: Vec<Vec<u8>>) -> Result<(Outcome, f64)> {
    let warm = Load { duration: Duration::from_secs(1), ..load };
    // From the end, so that what is measured is not what was just answered.
    load::run(server.address, warm, requests.iter().rev().cloned().collect()).await?;
    let before = server.cpu()?;
    let outcome = load::run(server.address, load, requests).await?;
    let spent = server.cpu()?.saturating_sub(before);
    let cpu = spent.as_secs_f64() * 1e6 / outcome.count() as f64;
    Ok((outcome, cpu))
}

/// What comes of a load that asks what none before it asked, after two seconds of it that don't count: an answer that is
/// kept would count for whoever asks last. It is shorter where the searches run out, so that its length is told.
async fn anew(report: &mut Report, when: &str, server: &Server, load: Load, unasked: &Requests) -> Result<Outcome> {
    load::overload(server.address, Load { duration: Duration::from_secs(2), ..load }, unasked).await?;
    let outcome = load::overload(server.address, load, unasked).await?;
    let name = format!("search, {} clients {when}: measured for", load.connections);
    report.add(name, outcome.elapsed.as_secs_f64(), "s");
    Ok(outcome)
}

/// What a server came to at its best.
#[derive(Clone, Copy)]
struct Best {
    /// Requests a second.
    rate: f64,
    /// CPU microseconds a request.
    cpu: f64,
    /// Half of the answers came within so many milliseconds.
    p50_ms: f64,
    /// Length of an answer.
    body_bytes: usize,
}

/// The same load on two servers in turns, so that what else the machine does falls on both.
async fn in_turns(turns: usize, load: Load, sides: [(&Server, &Vec<Vec<u8>>); 2]) -> Result<[Best; 2]> {
    let mut best = [Best { rate: 0.0, cpu: f64::MAX, p50_ms: f64::MAX, body_bytes: 0 }; 2];
    for _ in 0..turns {
        for (best, (server, requests)) in best.iter_mut().zip(sides) {
            let (outcome, cpu) = measured(server, load, requests.clone()).await?;
            let (rate, cpu) = (outcome.rate().max(best.rate), cpu.min(best.cpu));
            let p50_ms = outcome.percentile_ms(0.50).min(best.p50_ms);
            *best = Best { rate, cpu, p50_ms, body_bytes: outcome.body_bytes };
        }
    }
    Ok(best)
}

/// A build from nothing with every check and test.
pub fn clean_build(root: &Path, report: &mut Report) -> Result<()> {
    let target = TempDir::new_in(root.join("target"))?;
    let started = Instant::now();
    let status = Command::new("cargo")
        .args(["xtask", "test"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", target.path())
        .status()?;
    if !status.success() {
        bail!("the tests failed");
    }
    report.add("clean build, checks and tests", started.elapsed().as_secs_f64() / 60.0, "minutes");
    Ok(())
}
