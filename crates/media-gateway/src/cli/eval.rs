//! `eval`: measures how good the answers are, with questions whose answers are known.

mod merges;
mod metrics;
mod questions;
mod resolve;
mod search;
mod vectors;

use clap::Subcommand;

use super::Global;

#[derive(Subcommand, Debug)]
pub enum EvalVerb {
    /// Link the records of two sources and compare the links with the true ones
    Resolve(resolve::ResolveEvalArgs),
    /// Take sources into a catalogue that is thrown away: which records become one title, and how sure is it?
    Merges(merges::MergesEvalArgs),
    /// Ask questions whose answers are known: how high does each source rank them, and how high all together?
    Search(search::SearchEvalArgs),
    /// Look for the nearest titles: how many of them does the vector index find, and how fast?
    Vectors(vectors::VectorsEvalArgs),
}

pub async fn run(global: &Global, verb: &EvalVerb) -> anyhow::Result<()> {
    match verb {
        EvalVerb::Resolve(args) => resolve::run(global, args),
        EvalVerb::Merges(args) => merges::run(global, args).await,
        EvalVerb::Search(args) => search::run(global, args).await,
        EvalVerb::Vectors(args) => vectors::run(global, args).await,
    }
}
