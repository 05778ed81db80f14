//! `eval vectors`: how many of the nearest titles the vector index finds, and how fast, judged by comparing all.

use anyhow::Context as _;
use clap::Args;
use comfy_table::{Table, presets};
use contracts::ApiError;
use serde_json::{Value, json};
use stores::vectors::VectorError;
use stores_embedded::{Measured, measure};

use super::Global;
use crate::config::Config;

#[derive(Args, Debug)]
pub struct VectorsEvalArgs {
    /// How many titles to ask for the neighbours of
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    queries: u32,
}

/// Only reads, so that a node may run on the data folder meanwhile.
pub async fn run(global: &Global, args: &VectorsEvalArgs) -> anyhow::Result<()> {
    let path = Config::load(&global.flags())?.data_dir()?.join("index").join("vectors");
    if !path.is_file() {
        let detail = "this data folder has no vectors: ingest titles with a sentence model at hand";
        return Err(ApiError::not_found("no_vectors", detail).into());
    }
    let queries = args.queries as usize;
    let measured = tokio::task::spawn_blocking(move || measure(&path, queries)).await.context("the task was lost")?;
    let measured = measured.map_err(|error| match error {
        VectorError::Invalid(detail) => ApiError::invalid("too_few_vectors", detail),
        other => ApiError::unavailable("vector_index_unavailable", other.to_string()),
    })?;
    if global.json {
        println!("{}", report(&measured));
    } else {
        print(&measured);
    }
    Ok(())
}

fn report(measured: &Measured) -> Value {
    let class = |class: &stores_embedded::Class| {
        json!({
            "selectivity_percent": class.percent,
            "recall_at_10": class.recall_at_10,
            "queries_per_second": class.queries_per_second,
            "led_by_graph": class.led,
            "led_by_bits": class.by_bits,
            "graph_recall_at_10": class.graph_recall_at_10,
            "graph_queries_per_second": class.graph_queries_per_second,
            "exact_queries_per_second": class.exact_queries_per_second,
        })
    };
    json!({
        "model": measured.model.name,
        "dimension": measured.model.dimension,
        "titles": measured.titles,
        "vectors": measured.vectors,
        "build_seconds": measured.build_seconds,
        "vector_bytes": measured.vector_bytes,
        "graph_bytes": measured.graph_bytes,
        "classes": measured.classes.iter().map(class).collect::<Vec<_>>(),
    })
}

fn print(measured: &Measured) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "titles that pass",
        "recall@10",
        "queries/s",
        "graph",
        "bits",
        "graph: recall@10",
        "queries/s",
        "exact: queries/s",
    ]);
    for class in &measured.classes {
        let passing = if class.percent == 100 { "all".to_owned() } else { format!("{} %", class.percent) };
        table.add_row([
            passing,
            format!("{:.3}", class.recall_at_10),
            format!("{:.0}", class.queries_per_second),
            format!("{:.0} %", 100.0 * class.led),
            format!("{:.0} %", 100.0 * class.by_bits),
            format!("{:.3}", class.graph_recall_at_10),
            format!("{:.0}", class.graph_queries_per_second),
            format!("{:.0}", class.exact_queries_per_second),
        ]);
    }
    println!("{table}");
    println!(
        "{} vectors of {} titles, {} components of {}; the graph took {:.1} s; a vector takes {} bytes and {} in the graph.",
        measured.vectors,
        measured.titles,
        measured.model.dimension,
        measured.model.name,
        measured.build_seconds,
        measured.vector_bytes,
        measured.graph_bytes,
    );
    println!(
        "One thread. Each title asked about is left out of its own neighbours; which titles pass has nothing to do with \
         what they are about. “graph” and “bits” are the shares of searches that walk through the graph and that compare the \
         bits of all that pass: the others are quicker compared with all."
    );
}
