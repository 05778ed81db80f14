//! Searches that are kept, names as they are typed, and words beside SQLite FTS5.

use std::time::Instant;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::draw::Draw;
use crate::load::{self, Load};
use crate::node::Server;
use crate::report::Report;
use crate::scenarios::{Bench, measured};
use crate::words;

/// Letters of a name that are typed before somebody has chosen.
const TYPED: usize = 6;

impl Bench {
    /// Questions drawn by Zipf's law with exponent 1, as those of a search engine roughly are, from the data's: how many
    /// of the answers were kept.
    pub async fn cache(&self, report: &mut Report, draws: usize) -> Result<()> {
        let (server, _) = self.product.serve(self.folder.path()).await?;
        let searches = self.searches();
        let (hits, misses) = server.cache_lookups().await?;
        let (mut took, started) = (Vec::with_capacity(draws), Instant::now());
        for place in zipf(searches.len(), draws) {
            let asked = Instant::now();
            load::once(server.address, &searches[place]).await?;
            took.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        let (hits, misses) = (server.cache_lookups().await?.0 - hits, server.cache_lookups().await?.1 - misses);
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        report.add("kept answers: questions to draw from", searches.len() as f64, "");
        report.add("kept answers: drawn by Zipf's law, exponent 1", draws as f64, "");
        report.add("kept answers: hits (goal: at least 70)", hits / (hits + misses).max(1.0) * 100.0, "%");
        report.add("kept answers: p50", at(0.5), "ms");
        report.add("kept answers: p95", at(0.95), "ms");
        report.add("kept answers: rate, 1 connection", draws as f64 / started.elapsed().as_secs_f64(), "req/s");
        Ok(())
    }

    /// Names as they are typed, over all the real titles.
    pub async fn autocomplete(&self, report: &mut Report) -> Result<()> {
        let (server, _) = self.product.serve(self.folder.path()).await?;
        self.typed(report, "autocomplete", &server).await
    }

    /// The first letters of real titles, one more at a time, whatever titles the server has.
    pub(crate) async fn typed(&self, report: &mut Report, what: &str, server: &Server) -> Result<()> {
        let mut requests = Vec::new();
        for title in self.data.titles.iter().take(2_000) {
            let letters: Vec<char> = title.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ').collect();
            for typed in 1..=TYPED.min(letters.len()) {
                let prefix: String = letters[..typed].iter().collect();
                let path = format!("/api/v1/search/autocomplete?q={}", prefix.trim_start().replace(' ', "+"));
                requests.push(load::get_uncached(&path));
            }
        }
        let (outcome, cpu) = measured(server, Load { connections: 1, ..self.load }, requests).await?;
        report.add(format!("{what}: p50"), outcome.percentile_ms(0.5), "ms");
        report.add(format!("{what}: p95 (goal: less than 10)"), outcome.percentile_ms(0.95), "ms");
        report.add(format!("{what}: p99"), outcome.percentile_ms(0.99), "ms");
        report.add(format!("{what}: CPU a request"), cpu, "µs");
        Ok(())
    }

    /// The same questions over the same documents: the product by words and graph, and FTS5 behind axum.
    pub async fn words(&self, report: &mut Report) -> Result<()> {
        let export = self.product.command(self.folder.path(), "export").output()?;
        let folder = TempDir::new()?;
        let file = folder.path().join("fts5.db");
        let documents = words::fill(&file, &export.stdout).await.context("the peer can't be filled")?;
        report.add("words: documents", documents as f64, "titles");
        let peer = Server::fts5(&file)?;
        let (product, _) = self.product.words_only().serve(self.folder.path()).await?;
        for connections in [1, self.load.connections] {
            let load = Load { connections, ..self.load };
            for (name, server) in [("product by words", &product), ("SQLite FTS5 behind axum", &peer)] {
                let (outcome, cpu) = measured(server, load, self.searches()).await?;
                let name = |what: &str| format!("{name}, {connections} connections: {what}");
                report.add(name("p50"), outcome.percentile_ms(0.5), "ms");
                report.add(name("p95"), outcome.percentile_ms(0.95), "ms");
                report.add(name("rate"), outcome.rate(), "req/s");
                report.add(name("CPU a request"), cpu, "µs");
            }
        }
        Ok(())
    }
}

/// `draws` places below `of`, the first place the likeliest: the same in every run.
fn zipf(of: usize, draws: usize) -> Vec<usize> {
    let mut sums = Vec::with_capacity(of);
    let mut sum = 0.0;
    for rank in 1..=of {
        sum += 1.0 / rank as f64;
        sums.push(sum);
    }
    let mut draw = Draw(7);
    (0..draws).map(|_| draw.unit() * sum).map(|at| sums.partition_point(|sum| *sum <= at).min(of - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_zipfs_law() {
        let drawn = zipf(1_000, 100_000);
        let count = |place: usize| drawn.iter().filter(|at| **at == place).count() as f64;
        assert!((count(0) / count(1) - 2.0).abs() < 0.2 && (count(0) / count(9) - 10.0).abs() < 2.0);
        assert!(drawn.iter().all(|at| *at < 1_000));
    }
}
