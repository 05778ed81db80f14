//! The table at the end: what ran, how long it took, how it ended.

use std::time::{Duration, Instant};

use anyhow::Result;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// Not as it should; later steps still ran.
    Failed,
}

/// Steps so far.
#[derive(Default)]
pub struct Summary {
    steps: Vec<(String, Duration, Outcome)>,
}

impl Summary {
    /// Times a step. Its `false` is noted; its error ends the run, so it is noted and passed on.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>, passed: impl Fn(&T) -> bool) -> Result<T> {
        let started = Instant::now();
        let result = work();
        let outcome = if result.as_ref().is_ok_and(passed) { Outcome::Passed } else { Outcome::Failed };
        self.steps.push((name.into(), started.elapsed(), outcome));
        result
    }

    /// Notes a step that passed in an earlier run.
    pub fn note(&mut self, name: &str, took: Duration) {
        self.steps.push((name.into(), took, Outcome::Passed));
    }

    /// Whether every step passed.
    pub fn passed(&self) -> bool {
        self.steps.iter().all(|(_, _, outcome)| *outcome == Outcome::Passed)
    }

    /// The table, as Markdown that reads well in a terminal too.
    pub fn table(&self) -> String {
        let total = self.steps.iter().map(|(_, took, _)| *took).sum();
        let row = |name: &str, took: Duration, end: &str| {
            format!("| {name:<28} | {:>8.1} | {end:<6} |\n", took.as_secs_f64())
        };
        let mut table =
            format!("| {:<28} | {:>8} | {:<6} |\n|{:-<30}|{:->10}|{:-<8}|\n", "step", "seconds", "", "", "", "");
        for (name, took, outcome) in &self.steps {
            table += &row(name, *took, if *outcome == Outcome::Passed { "ok" } else { "FAILED" });
        }
        table + &row("all", total, if self.passed() { "ok" } else { "FAILED" })
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failed_step_and_an_error_both_fail_the_whole() {
        let mut summary = Summary::default();
        summary.step("fmt", || Ok(true), |ok| *ok).unwrap();
        assert!(summary.passed() && !summary.table().contains("FAILED"));
        summary.step("tidy", || Ok(false), |ok| *ok).unwrap();
        assert!(!summary.passed() && summary.table().contains("| tidy "));
        let mut summary = Summary::default();
        assert!(summary.step("engines", || -> Result<bool> { bail!("none") }, |ok| *ok).is_err());
        assert!(!summary.passed());
    }
}
