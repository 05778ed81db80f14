//! Measures the product as its users meet it: the release binary on loopback, real data, one peer in the same run.

mod catalogue;
mod data;
mod draw;
mod embedding;
mod follow;
mod hello;
mod load;
mod lookups;
mod million;
mod node;
mod proc;
mod reader;
mod report;
mod scenarios;
mod tokens;
mod vectors;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use data::Data;
use node::Product;
use report::Report;
use stores_embedded::stored_vectors;

/// Measures a release build of Media Gateway and prints a table and JSON.
#[derive(Parser, Debug)]
struct Args {
    /// The project's folder
    #[arg(long, env = "BENCH_ROOT", default_value = "..")]
    root: PathBuf,
    /// Real catalogues: wikipedia-movies/ and streaming-catalogues/ [default: shared/data beside the project]
    #[arg(long, env = "BENCH_DATA")]
    data: Option<PathBuf>,
    /// The product [default: target/release/media-gateway of the project]
    #[arg(long)]
    binary: Option<PathBuf>,
    /// What to measure; everything but `clean` when absent
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// How long each load lasts, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    seconds: u64,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// A data folder with the real titles in it, embedded: it is copied, and nothing is ingested
    #[arg(long)]
    folder: Option<PathBuf>,
    /// How many titles are generated for the part `million`
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=2_000_000))]
    hybrid: u32,
    /// Use words alone, even where the sentence model is at hand
    #[arg(long)]
    no_model: bool,
    /// How many titles are generated for the part `catalogue`: a million takes some five minutes with its reads
    #[arg(long, default_value_t = 250_000, value_parser = clap::value_parser!(u64).range(100_000..=20_000_000))]
    titles: u64,
    /// Questions of the load whose answers are kept
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    draws: u32,
    /// A file of real vectors, of a data folder's index, to measure with instead of those of the ingest
    #[arg(long)]
    vectors: Option<PathBuf>,
    /// Vectors to generate for latency and memory; 0 for none
    #[arg(long, default_value_t = 1_000_000)]
    generated: usize,
    /// Where the JSON goes [default: target/bench.json]
    #[arg(long)]
    json: Option<PathBuf>,
    /// Be the peer: a bare axum server that says hello
    #[arg(long, hide = true)]
    hello: bool,
    /// Be a language model that reads queries, on loopback
    #[arg(long, hide = true)]
    reader: bool,
    /// Be the peer: SQLite's full-text search over this file
    #[arg(long, hide = true)]
    fts5: Option<PathBuf>,
    /// Be the peer: a bare axum proxy to this address
    #[arg(long, hide = true)]
    proxy: Option<std::net::SocketAddr>,
}

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Ingest records a second.
    Ingest,
    /// Time from the start of the process to the first answered search, and memory.
    Start,
    /// Latency and rate of short searches.
    Search,
    /// Latency and rate of the long questions that people asked.
    Questions,
    /// Short searches that a language model beside the node reads first.
    Intent,
    /// Rate and cost of `GET /api/v1/content/{id}` beside a bare axum server.
    Content,
    /// What is answered in time when ten times as many clients ask.
    Overload,
    /// CPU of the gateway before another process, beside a bare axum proxy; needs PostgreSQL.
    Proxy,
    /// Refreshes of tokens a second, and the time that verifying one takes.
    Tokens,
    /// Generated titles taken in, the hit ratio of reads by Zipf's law, and records linked a second.
    Catalogue,
    /// Hybrid searches over generated titles with generated vectors.
    Million,
    /// Answers that are kept, under a load of Zipf's law.
    Cache,
    /// Latency of names as they are typed.
    Autocomplete,
    /// Searches by words beside SQLite FTS5.
    Words,
    /// Time until search shows that a title changed.
    Follow,
    /// The vector index beside the usearch crate on real embeddings, then over generated ones.
    Vectors,
    /// Texts embedded a second.
    Embedding,
    /// A clean build with every test, in a target folder of its own: many minutes.
    Clean,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.hello {
        return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(hello::serve());
    }
    if args.reader {
        return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(reader::serve());
    }
    if let Some(back) = args.proxy {
        return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(hello::proxy(back));
    }
    if let Some(file) = args.fts5 {
        return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(words::serve(&file));
    }
    // One thread sends the load and leaves the other cores to the server; it does so little that it keeps up.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(args))
}

async fn measure(args: Args) -> Result<()> {
    let root = args.root.canonicalize()?;
    let mut report = Report::default();
    let wants = |part| if args.only.is_empty() { part != Part::Clean } else { args.only.contains(&part) };
    if wants(Part::Clean) {
        scenarios::clean_build(&root, &mut report)?;
    }
    let binary = args.binary.clone().unwrap_or_else(|| root.join("target/release/media-gateway"));
    let load = load::Load { duration: Duration::from_secs(args.seconds), connections: args.connections.into() };
    if wants(Part::Tokens) {
        let outcome = tokens::measure(&Product::new(binary.clone(), false)?, load, &mut report).await;
        report.part("tokens", outcome);
    }
    let folder = args.data.clone().unwrap_or_else(|| root.join("../shared/data"));
    if wants(Part::Catalogue) {
        let outcome = catalogue::measure(&root, &binary, &folder, args.titles, &mut report);
        report.part("catalogue", outcome);
    }
    let loads = [
        Part::Ingest,
        Part::Start,
        Part::Search,
        Part::Questions,
        Part::Intent,
        Part::Content,
        Part::Overload,
        Part::Proxy,
        Part::Cache,
        Part::Autocomplete,
        Part::Words,
        Part::Million,
        Part::Follow,
    ];
    let needs_ingest = loads.into_iter().any(wants) || (wants(Part::Vectors) && args.vectors.is_none());
    if needs_ingest || wants(Part::Embedding) {
        let data = Data::open(&folder)?;
        if wants(Part::Embedding) {
            let outcome = embedding::measure(&data.films, &mut report).await;
            report.part("embedding", outcome);
        }
        if needs_ingest {
            let product = Product::new(binary, !args.no_model)?;
            over_the_data(&args, scenarios::Bench::new(product, data, load)?, wants, &mut report).await?;
        }
    }
    if let Some(file) = args.vectors.as_ref().filter(|_| wants(Part::Vectors)) {
        let outcome = real_vectors(file, &mut report).await;
        report.part("real vectors", outcome);
    }
    if wants(Part::Vectors) && args.generated > 0 {
        let outcome = vectors::generated(args.generated, &mut report).await;
        report.part("generated vectors", outcome);
    }
    report.finish(&root, &args.json.unwrap_or_else(|| root.join("target/bench.json")))
}

async fn real_vectors(file: &Path, report: &mut Report) -> Result<()> {
    vectors::real(&stored_vectors(file)?.1, report).await
}

/// What is measured over a folder with all the data in it.
async fn over_the_data(
    args: &Args,
    bench: scenarios::Bench,
    wants: impl Fn(Part) -> bool,
    report: &mut Report,
) -> Result<()> {
    match &args.folder {
        Some(folder) => bench.copy(folder).await?,
        None => bench.ingest(report, wants(Part::Ingest))?,
    }
    let outcome = bench.start(report, wants(Part::Start)).await;
    report.part("start", outcome);
    if wants(Part::Search) {
        let outcome = bench.search(report).await;
        report.part("search", outcome);
    }
    if wants(Part::Questions) {
        let outcome = bench.questions(report).await;
        report.part("long questions", outcome);
    }
    if wants(Part::Intent) {
        let outcome = bench.intent(report).await;
        report.part("read by a model", outcome);
    }
    if wants(Part::Cache) {
        let outcome = bench.cache(report, args.draws as usize).await;
        report.part("cache", outcome);
    }
    if wants(Part::Autocomplete) {
        let outcome = bench.autocomplete(report).await;
        report.part("autocomplete", outcome);
    }
    if wants(Part::Words) {
        let outcome = bench.words(report).await;
        report.part("words", outcome);
    }
    if wants(Part::Million) {
        let outcome = bench.million(report, args.hybrid as usize).await;
        report.part("million", outcome);
    }
    if wants(Part::Vectors) && args.vectors.is_none() && bench.product.has_model() {
        let outcome = real_vectors(&bench.folder.path().join("index/vectors"), report).await;
        report.part("real vectors", outcome);
    }
    if wants(Part::Content) {
        let outcome = bench.content(report).await;
        report.part("content", outcome);
    }
    if wants(Part::Overload) {
        let outcome = bench.overload(report).await;
        report.part("overload", outcome);
    }
    if wants(Part::Proxy) {
        let outcome = bench.proxy(report).await;
        report.part("proxy", outcome);
    }
    // The last, because it adds a title.
    if wants(Part::Follow) {
        let outcome = bench.follow(report).await;
        report.part("follow", outcome);
    }
    Ok(())
}
