//! `eval search`: ranks the answers of a question file with the product's own search.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::Context as _;
use clap::Args;
use comfy_table::{Table, presets};
use contracts::{ApiError, Call, Caller, CatalogApi as _, ContentId, ErrorKind, Rng, Scored, SearchRequest};
use futures::{StreamExt as _, TryStreamExt as _};
use search::{FEATURES, Features, Ranked, Search, Source};
use serde::Serialize;

use super::{
    Global,
    metrics::{Interval, Metrics, difference, interval},
    questions::{self, Question},
};
use crate::{
    cli::{bar, ingest},
    config::Config,
    folder::Opened,
    services::{Services, Wanted},
};

/// Questions that are asked at a time.
const AT_ONCE: usize = 4;
/// The seed of the bootstrap, so that the same ranks always give the same intervals.
const SEED: u64 = 20_261_121;

#[derive(Args, Debug)]
pub struct SearchEvalArgs {
    /// JSON lines, gzipped or not: query, text, and the answer's title, year, imdb_id, wikipedia_href
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// Write what the re-ranker of long questions saw of each question's first titles, as JSON lines: its weights are
    /// fitted on this
    #[arg(long, value_name = "FILE")]
    features: Option<PathBuf>,
}

/// The rank of each question's answer, counted from 1, by source and fused.
#[derive(Default)]
struct Ranks {
    keyword: Vec<Option<usize>>,
    vector: Vec<Option<usize>>,
    graph: Vec<Option<usize>>,
    fused: Vec<Option<usize>>,
    /// Questions whose answer the catalogue does not have.
    unanswerable: usize,
    /// Questions for which a source did not answer.
    degraded: usize,
    /// What the re-ranker saw of each question that it took part in.
    seen: Vec<Seen>,
}

/// A line of the file of features; the first line names them.
#[derive(Serialize)]
struct Seen {
    /// The answer's place among the candidates, counted from 0.
    answer: Option<usize>,
    /// The answer's rank in the end, counted from 1.
    rank: Option<usize>,
    candidates: Vec<Features>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    keyword: Metrics,
    vector: Metrics,
    graph: Metrics,
    fused: Metrics,
}

pub async fn run(global: &Global, args: &SearchEvalArgs) -> anyhow::Result<()> {
    let questions = questions::read(&args.queries)?;
    let config = Config::load(&global.flags())?;
    let folder = match Services::folder(&config)? {
        Opened::Ours(folder) => folder,
        Opened::Theirs(owner) => {
            let detail = format!("process {} runs on this data folder: stop it, or evaluate a copy", owner.pid);
            return Err(ApiError::new(ErrorKind::Conflict, "folder_in_use", detail).into());
        }
    };
    let services = Services::open(&config, &folder, Wanted::Everything).await?;
    services.start_workers();
    let ranks = match ingest::index(&services).await {
        Ok(()) => rank(&services, &questions).await,
        Err(error) => Err(error),
    };
    services.close().await;
    let ranks = ranks?;
    if ranks.fused.is_empty() {
        let detail = format!("the catalogue has the answer to none of the {} questions", questions.len());
        return Err(ApiError::not_found("no_answers", detail).into());
    }
    if let Some(file) = &args.features {
        write_features(file, &ranks.seen).with_context(|| format!("{} can't be written", file.display()))?;
    }
    if global.json {
        let report = Report {
            keyword: Metrics::of(&ranks.keyword),
            vector: Metrics::of(&ranks.vector),
            graph: Metrics::of(&ranks.graph),
            fused: Metrics::of(&ranks.fused),
        };
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&ranks);
    }
    notes(&ranks);
    Ok(())
}

/// Asks every question whose answer the catalogue has.
async fn rank(services: &Services, questions: &[Question]) -> anyhow::Result<Ranks> {
    let missing = || ApiError::internal("this process has no search of its own");
    let search = services.search.as_ref().ok_or_else(missing)?;
    let bar = bar::rows();
    let (done, all) = (AtomicU64::new(0), questions.len() as u64);
    let asked = futures::stream::iter(questions).map(|question| async {
        let call = services.call(Caller::Operator);
        let found = match answer(services, &call, question).await? {
            Some(answer) => Some((answer, ask(search, &call, question).await?)),
            None => None,
        };
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        bar.at(done, Some(all), format!("asked {done} of {all} questions"));
        Ok::<_, anyhow::Error>(found)
    });
    let found: Vec<_> = asked.buffered(AT_ONCE).try_collect().await?;
    bar.finish();
    let mut ranks = Ranks::default();
    for found in found {
        match found {
            Some((answer, ranked)) => ranks.add(answer, &ranked),
            None => ranks.unanswerable += 1,
        }
    }
    Ok(ranks)
}

/// The title that a question is about, if the catalogue has it.
async fn answer(services: &Services, call: &Call, question: &Question) -> anyhow::Result<Option<ContentId>> {
    let missing = || ApiError::internal("this process has no catalogue of its own");
    let catalog = services.catalog.as_ref().ok_or_else(missing)?;
    for id in question.answers() {
        if let Some(title) = catalog.resolve(call, &id).await? {
            return Ok(Some(title.id));
        }
    }
    Ok(None)
}

async fn ask(search: &Search, call: &Call, question: &Question) -> anyhow::Result<Ranked> {
    let request: SearchRequest = serde_json::from_value(serde_json::json!({ "query": question.words() }))?;
    Ok(search.ranked(call, &request).await?)
}

impl Ranks {
    fn add(&mut self, answer: ContentId, ranked: &Ranked) {
        let place = |hits: &[Scored]| hits.iter().position(|hit| hit.content_id == answer).map(|place| place + 1);
        let of = |source: Source| {
            let list = ranked.lists.iter().find(|list| list.source == source);
            list.and_then(|list| place(&list.hits))
        };
        self.keyword.push(of(Source::Keyword));
        self.vector.push(of(Source::Vector));
        self.graph.push(of(Source::Graph));
        self.fused.push(ranked.fused.iter().position(|title| title.content_id == answer).map(|place| place + 1));
        self.degraded += usize::from(!ranked.degraded.is_empty());
        self.seen.push(Seen {
            answer: ranked.judged.iter().position(|title| title.content_id == answer),
            rank: ranked.fused.iter().position(|title| title.content_id == answer).map(|place| place + 1),
            candidates: ranked.judged.iter().map(|title| title.features).collect(),
        });
    }

    fn sources(&self) -> [(&'static str, &[Option<usize>]); 3] {
        [("keyword", &self.keyword), ("vector", &self.vector), ("graph", &self.graph)]
    }
}

fn write_features(file: &Path, seen: &[Seen]) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(file)?);
    writeln!(file, "{}", serde_json::to_string(&FEATURES)?)?;
    for question in seen {
        writeln!(file, "{}", serde_json::to_string(question)?)?;
    }
    Ok(file.flush()?)
}

fn print(ranks: &Ranks) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(std::iter::once("").chain(Metrics::NAMES));
    for (name, ranks) in ranks.sources().into_iter().chain([("fused", ranks.fused.as_slice())]) {
        let values = Metrics::of(ranks).values().into_iter().zip(interval(ranks, &Rng::seeded(SEED)));
        let cells = values.map(|(value, interval)| format!("{value:.3} {}", shown(interval, false)));
        table.add_row(std::iter::once(name.to_owned()).chain(cells));
    }
    for (name, theirs) in ranks.sources() {
        let gains = difference(&ranks.fused, theirs, &Rng::seeded(SEED));
        let (ours, theirs) = (Metrics::of(&ranks.fused).values(), Metrics::of(theirs).values());
        let cells = (0..gains.len()).map(|at| format!("{:+.3} {}", ours[at] - theirs[at], shown(gains[at], true)));
        table.add_row(std::iter::once(format!("fused − {name}")).chain(cells));
    }
    println!("{table}");
    println!("In brackets: 95 % of 2000 bootstrap draws of the questions, paired in the differences.");
    println!("{}", verdict(ranks));
}

/// Whether fusion is worth it: compares it with the best of its sources, by nDCG@10.
fn verdict(ranks: &Ranks) -> String {
    const NDCG: usize = 5;
    let value = |ranks: &[Option<usize>]| Metrics::of(ranks).values()[NDCG];
    let best = ranks.sources().into_iter().max_by(|a, b| value(a.1).total_cmp(&value(b.1)));
    let Some((name, theirs)) = best else { return String::new() };
    let gain = difference(&ranks.fused, theirs, &Rng::seeded(SEED))[NDCG];
    let judged = match gain {
        Interval { low, .. } if low > 0.0 => "significantly better than",
        Interval { high, .. } if high < 0.0 => "significantly worse than",
        _ => "not significantly different from",
    };
    format!("By nDCG@10 fused is {judged} {name}, the best of its sources: {}.", shown(gain, true))
}

fn shown(interval: Interval, signed: bool) -> String {
    if signed {
        format!("[{:+.3} {:+.3}]", interval.low, interval.high)
    } else {
        format!("[{:.3} {:.3}]", interval.low, interval.high)
    }
}

/// What the figures don't say, beside them.
fn notes(ranks: &Ranks) {
    let (asked, apart) = (ranks.fused.len(), ranks.unanswerable);
    eprintln!("{asked} questions; the answers to {apart} more are not in the catalogue and don't count");
    if ranks.degraded > 0 {
        eprintln!(
            "note: for {} questions a source did not answer: the figures are lower than they should be",
            ranks.degraded
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many questions, each answered at `rank` by fusion and at `words` by the words.
    fn ranks(rank: usize, words: usize) -> Ranks {
        let all = |rank: usize| vec![Some(rank); 50];
        Ranks { keyword: all(words), vector: vec![None; 50], graph: all(9), fused: all(rank), ..Ranks::default() }
    }

    #[test]
    fn the_verdict_compares_with_the_best_source() {
        for (fused, words, verdict) in [
            (1, 2, "fused is significantly better than keyword, the best of its sources: [+0.369 +0.369]"),
            (2, 1, "fused is significantly worse than keyword, the best of its sources: [-0.369 -0.369]"),
            (2, 2, "fused is not significantly different from keyword"),
            (8, 10, "fused is significantly better than graph"),
        ] {
            let said = super::verdict(&ranks(fused, words));
            assert!(said.contains(verdict), "{said}");
        }
    }

    #[test]
    fn a_rank_is_the_answers_place_in_each_list() {
        let id = |number: u128| ContentId(uuid::Uuid::from_u128(number));
        let hits = |ids: &[u128]| ids.iter().map(|n| Scored { content_id: id(*n), score: 1.0 }).collect();
        let fused =
            |number: u128| search::Fused { content_id: id(number), score: 0.5, keyword: 0.0, vector: 0.0, graph: 0.0 };
        let lists = vec![
            search::List { source: Source::Keyword, hits: hits(&[4, 7]) },
            search::List { source: Source::Vector, hits: hits(&[1, 2, 7]) },
        ];
        let ranked = Ranked { lists, fused: vec![fused(7), fused(4)], degraded: Vec::new(), judged: Vec::new() };
        let mut ranks = Ranks::default();
        ranks.add(id(7), &ranked);
        ranks.add(id(9), &ranked);
        assert_eq!((&ranks.keyword[..], &ranks.vector[..]), (&[Some(2), None][..], &[Some(3), None][..]));
        assert_eq!((&ranks.graph[..], &ranks.fused[..]), (&[None, None][..], &[Some(1), None][..]));
        assert_eq!(ranks.degraded, 0);
    }
}
