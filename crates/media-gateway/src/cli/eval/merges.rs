//! `eval merges`: takes sources into a catalogue that is thrown away, and says which records became one title, and why.
//!
//! With `--hide-ids` resolution sees no id of any record, and the ids judge what it did: that measures what it would do
//! for sources that share none. With `--hide-people` it sees neither people nor lengths, and the people judge: that
//! measures what overviews alone decide, where there is a sentence model.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use catalog::{Catalog, person_key, title_key};
use clap::Args;
use contracts::{
    ApiError, Call, CatalogApi, Clock, Content, ContentId, CreditRole, Directory, Embedder, ExternalId, IngestAction,
    IngestOutcome, ListQuery, Rng, SourceRecord,
};
use flate2::bufread::MultiGzDecoder;
use ingest::{Ingest, IngestConfig, RunRequest};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stores::{Db, DbConfig};
use stores_embedded::MemoryCache;
use tokio_util::sync::CancellationToken;

use super::Global;
use crate::{
    backends,
    cli::{bar, ingest::show},
    config::Config,
};

/// The kind of id that a person's name is taken for.
const PERSON: &str = "person";
/// The deadline of the whole; each batch has its own.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

#[derive(Args, Debug)]
pub struct MergesEvalArgs {
    /// Files or addresses, as `ingest` takes them, one after the other
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// Hide every id from resolution, and judge what it does by them
    #[arg(long)]
    hide_ids: bool,
    /// Hide people and lengths from resolution, and judge what it does by the people
    #[arg(long, conflicts_with = "hide_ids")]
    hide_people: bool,
    /// Questions that name films by IMDb id and Wikipedia page: which ids mean the same
    #[arg(long, value_name = "FILE", requires = "hide_ids")]
    same: Option<PathBuf>,
    /// Print so many of the merges, drawn at random
    #[arg(long, value_name = "N", default_value_t = 0)]
    print: usize,
    /// What the draw begins with
    #[arg(long, value_name = "NUMBER", default_value_t = 20_261_121)]
    seed: u64,
}

pub async fn run(global: &Global, args: &MergesEvalArgs) -> anyhow::Result<()> {
    let same = args.same.as_deref().map(same).transpose()?.unwrap_or_default();
    let config = Config::load(&global.flags())?;
    let model = backends::embedder(&config);
    let told = match &model {
        Ok(model) => format!("overviews are compared by {}", model.model().name),
        Err(reason) => format!("overviews are not compared: {reason}"),
    };
    let seen = taken_in(args, same, model.ok()).await?;
    let drawn = draw(seen.iter().filter(|one| one.joined.is_some()).collect(), args.print, args.seed);
    let judges = args.hide_ids || args.hide_people;
    // Whatever is chosen with the answers in view may only look at the one half.
    let of = |keep: &dyn Fn(&Seen) -> bool| Judged::of(seen.iter().filter(|one| keep(one)));
    // What overviews should have joined, nothing tells: only what they did.
    let joined = |keep: &dyn Fn(&Seen) -> bool| Judged { shared: None, ..of(keep) };
    let parts = [
        ("whole", of(&|_| true)),
        ("train", of(&|one| !one.held_out)),
        ("held_out", of(&|one| one.held_out)),
        ("by_story", joined(&Seen::is_by_story)),
        ("by_story_train", joined(&|one| one.is_by_story() && !one.held_out)),
        ("by_story_held_out", joined(&|one| one.is_by_story() && one.held_out)),
    ];
    if global.json {
        let mut report = parts[0].1.json(judges);
        report["records"] = json!(seen.len());
        for (name, judged) in parts.iter().skip(1).filter(|_| judges) {
            report[*name] = judged.json(true);
        }
        report["overviews"] = json!(told);
        report["drawn"] = drawn.iter().map(|one| one.json()).collect();
        println!("{report}");
        return Ok(());
    }
    println!(
        "{} records, {} merges, {} of them by overviews; {told}",
        seen.len(),
        parts[0].1.joined,
        parts[3].1.joined
    );
    for (name, judged) in parts.iter().filter(|_| judges) {
        println!("{name:18}  {}{}", judged.line(), judged.found());
    }
    if !drawn.is_empty() {
        println!("\n| record | title it joined | confidence | evidence | judged |\n|---|---|---|---|---|");
    }
    for one in drawn {
        let other = one.joined.as_deref().unwrap_or_default();
        let judged = one.verdict.as_str();
        println!("| {} | {other} | {:.2} | {} | {judged} |", one.told, one.confidence, one.evidence);
    }
    Ok(())
}

async fn taken_in(
    args: &MergesEvalArgs,
    same: HashMap<String, String>,
    model: Option<Arc<dyn Embedder>>,
) -> anyhow::Result<Vec<Seen>> {
    let folder = tempfile::tempdir()?;
    let db = Db::open_sqlite(&folder.path().join("catalogue.db"), &DbConfig::default()).await?;
    db.migrate().await?;
    let (clock, rng) = (Clock::system(), Rng::system());
    let cache = Arc::new(MemoryCache::new(1 << 20));
    let bare = Catalog::new(db.clone(), cache, clock.clone(), rng.clone());
    let inner = match model {
        Some(model) => bare.with_model(model),
        None => bare,
    };
    let hide = match (args.hide_ids, args.hide_people) {
        (true, _) => Some(Hidden::Ids),
        (_, true) => Some(Hidden::People),
        _ => None,
    };
    let watched = Arc::new(Watched { inner, hide, same, noted: Mutex::default() });
    let config = IngestConfig::new(folder.path());
    let ingest = Ingest::new(db.clone(), watched.clone(), clock.clone(), rng.clone(), config);
    let call = Call::system(&clock, &rng, PATIENCE);
    let stop = CancellationToken::new();
    for input in &args.inputs {
        let bar = bar::rows();
        let run = ingest.run(&call, &RunRequest::new(input), &stop, &|progress| show(&bar, progress)).await;
        bar.finish();
        run?;
    }
    db.close().await;
    let mut noted = watched.noted.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut noted.seen))
}

/// A record and what became of it.
struct Seen {
    /// For people.
    told: String,
    /// The record that stood for the title it joined; `None` for one that made a title.
    joined: Option<String>,
    evidence: String,
    confidence: f64,
    /// What the ids, which resolution may not have seen, say.
    verdict: Verdict,
    /// Whether an earlier record of another source is the same by its ids.
    shared: bool,
    /// Whether it belongs to the half that nothing is chosen by: a bit of the hash of its title, which its namesakes have too.
    held_out: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Right,
    Wrong,
    Unknown,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Unknown => "",
        }
    }
}

/// What resolution doesn't see, and what is judged by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hidden {
    Ids,
    People,
}

impl Seen {
    /// Whether it was joined because the overviews are alike.
    fn is_by_story(&self) -> bool {
        self.joined.is_some() && self.evidence.contains("overviews alike")
    }

    fn json(&self) -> Value {
        json!({ "record": self.told, "title": self.joined, "confidence": self.confidence, "evidence": self.evidence,
            "judged": self.verdict.as_str(), "held_out": self.held_out })
    }
}

/// The catalogue, with a note of what became of each record.
struct Watched {
    inner: Catalog,
    hide: Option<Hidden>,
    same: HashMap<String, String>,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    seen: Vec<Seen>,
    /// What each title's first record looks like, and all ids of its records.
    titles: HashMap<ContentId, (String, BTreeSet<ExternalId>)>,
    /// Which source gave each id first.
    owners: HashMap<(String, String), String>,
}

impl Noted {
    fn note(&mut self, record: &SourceRecord, ids: BTreeSet<ExternalId>, outcome: &IngestOutcome) {
        let (told, name) = (told(record), title_key(&record.title));
        // A person has many films: it takes the name and the year as well.
        let place = match ids.iter().next() {
            Some(id) if id.id_type == PERSON => format!("{name} {:?} ", record.release_year),
            _ => String::new(),
        };
        let placed = |id: &ExternalId| (id.id_type.clone(), format!("{place}{}", id.id_value));
        let shared = ids.iter().any(|id| self.owners.get(&placed(id)).is_some_and(|source| *source != record.source));
        for id in &ids {
            self.owners.entry(placed(id)).or_insert_with(|| record.source.clone());
        }
        let title = self.titles.entry(outcome.content_id).or_insert_with(|| (told.clone(), BTreeSet::new()));
        let merged = outcome.action == IngestAction::Merged;
        let verdict = match merged {
            true => verdict(&title.1, &ids),
            false => Verdict::Unknown,
        };
        let joined = merged.then(|| title.0.clone());
        title.1.extend(ids);
        let (evidence, confidence) = (outcome.evidence.clone(), outcome.entity_confidence);
        let held_out = Sha256::digest(name.as_bytes()).first().is_some_and(|byte| byte % 2 == 1);
        self.seen.push(Seen { told, joined, evidence, confidence, verdict, shared, held_out });
    }
}

/// One id in common means the same title; ids of one kind and none in common, another one.
fn verdict(title: &BTreeSet<ExternalId>, record: &BTreeSet<ExternalId>) -> Verdict {
    if title.intersection(record).next().is_some() {
        return Verdict::Right;
    }
    let kinds: BTreeSet<&str> = title.iter().map(|id| id.id_type.as_str()).collect();
    if record.iter().any(|id| kinds.contains(id.id_type.as_str())) { Verdict::Wrong } else { Verdict::Unknown }
}

fn told(record: &SourceRecord) -> String {
    let of = |role| record.credits.iter().filter(move |own| own.role == role).map(|own| own.name.as_str());
    let people: Vec<_> = of(CreditRole::Director).chain(of(CreditRole::Actor)).take(2).collect();
    let facts = [
        record.release_year.map(|year| year.to_string()),
        record.runtime_minutes.map(|minutes| format!("{minutes} min")),
        Some(if people.is_empty() { "nobody named".to_owned() } else { people.join(", ") }),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let bare = |text: &str| text.replace('|', "/");
    format!("{} ({}) — {}:{}", bare(&record.title), bare(&facts.join(", ")), record.source, bare(&record.source_key))
}

#[async_trait]
impl CatalogApi for Watched {
    async fn titles(&self, call: &Call, ids: &[ContentId]) -> contracts::Result<Vec<Content>> {
        self.inner.titles(call, ids).await
    }

    async fn resolve(&self, call: &Call, id: &ExternalId) -> contracts::Result<Option<Content>> {
        self.inner.resolve(call, id).await
    }

    async fn list(&self, call: &Call, query: &ListQuery) -> contracts::Result<Vec<Content>> {
        self.inner.list(call, query).await
    }

    async fn directory(&self, call: &Call) -> contracts::Result<Directory> {
        self.inner.directory(call).await
    }

    async fn seasons(&self, call: &Call, id: ContentId) -> contracts::Result<Vec<contracts::Season>> {
        self.inner.seasons(call, id).await
    }

    async fn ingest(&self, call: &Call, records: &[SourceRecord]) -> contracts::Result<Vec<IngestOutcome>> {
        let bare = |record: &SourceRecord| match self.hide {
            Some(Hidden::Ids) => SourceRecord { external_ids: Vec::new(), ..record.clone() },
            Some(Hidden::People) => SourceRecord { credits: Vec::new(), runtime_minutes: None, ..record.clone() },
            None => record.clone(),
        };
        let given: Vec<SourceRecord> = records.iter().map(bare).collect();
        let outcomes = self.inner.ingest(call, &given).await?;
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        for (record, outcome) in records.iter().zip(&outcomes) {
            if self.hide == Some(Hidden::People) {
                noted.note(record, people(record), outcome);
                continue;
            }
            let mut ids: BTreeSet<ExternalId> = record.external_ids.iter().cloned().collect();
            let pages = record.external_ids.iter().filter(|id| id.id_type == "wikipedia");
            let same = pages.filter_map(|page| self.same.get(&page.id_value));
            ids.extend(same.map(|imdb| ExternalId { id_type: "imdb".to_owned(), id_value: imdb.clone() }));
            noted.note(record, ids, outcome);
        }
        Ok(outcomes)
    }

    async fn withdraw(
        &self,
        call: &Call,
        sources: &[String],
        checked_before: jiff::Timestamp,
    ) -> contracts::Result<u64> {
        self.inner.withdraw(call, sources, checked_before).await
    }
}

/// The people of a record, as ids of one kind.
fn people(record: &SourceRecord) -> BTreeSet<ExternalId> {
    let person = |name: &str| ExternalId { id_type: PERSON.to_owned(), id_value: person_key(name) };
    record.credits.iter().map(|credit| person(&credit.name)).collect()
}

/// How many merges there are, how many the ids call right and wrong, and how many there should be.
#[derive(Default)]
struct Judged {
    joined: usize,
    right: usize,
    wrong: usize,
    /// How many there should be, where something tells.
    shared: Option<usize>,
}

impl Judged {
    fn of<'a>(seen: impl Iterator<Item = &'a Seen>) -> Self {
        seen.fold(Self { shared: Some(0), ..Self::default() }, |sum, one| Self {
            joined: sum.joined + usize::from(one.joined.is_some()),
            right: sum.right + usize::from(one.verdict == Verdict::Right),
            wrong: sum.wrong + usize::from(one.verdict == Verdict::Wrong),
            shared: sum.shared.map(|shared| shared + usize::from(one.shared)),
        })
    }

    fn line(&self) -> String {
        let (right, wrong) = (self.right, self.wrong);
        let open = self.joined - right - wrong;
        format!("precision {:.4} ({right} right, {wrong} wrong, {open} that nothing judges)", self.precision())
    }

    fn found(&self) -> String {
        let told = |shared| {
            format!("  recall {:.4}  f1 {:.4} ({shared} should be)", part(self.right, shared), self.f1(shared))
        };
        self.shared.map(told).unwrap_or_default()
    }

    fn precision(&self) -> f64 {
        part(self.right, self.right + self.wrong)
    }

    fn f1(&self, shared: usize) -> f64 {
        part(2 * self.right, self.right + self.wrong + shared)
    }

    fn json(&self, judged: bool) -> Value {
        let mut report = json!({ "merges": self.joined });
        if judged {
            report["precision"] = json!(self.precision());
            report["right"] = json!(self.right);
            report["wrong"] = json!(self.wrong);
        }
        if let Some(shared) = self.shared.filter(|_| judged) {
            report["recall"] = json!(part(self.right, shared));
            report["f1"] = json!(self.f1(shared));
            report["should_be"] = json!(shared);
        }
        report
    }
}

fn part(some: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

/// Some of them at random, in the order in which they came; the same for the same seed.
fn draw(mut all: Vec<&Seen>, count: usize, seed: u64) -> Vec<&Seen> {
    let rng = Rng::seeded(seed);
    while all.len() > count {
        let at = usize::try_from(rng.below(all.len() as u64)).unwrap_or(0);
        all.remove(at);
    }
    all
}

/// Wikipedia pages and the IMDb ids of the films they are about, from lines of `{"wikipedia_href", "imdb_id", …}`.
fn same(path: &Path) -> Result<HashMap<String, String>, ApiError> {
    let bad = |what: String| ApiError::invalid("bad_questions", format!("{} {what}", path.display()));
    let file = File::open(path)
        .map_err(|_| ApiError::not_found("input_not_found", format!("{} is not there", path.display())))?;
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let file = BufReader::new(file);
    let lines: Box<dyn BufRead> =
        if packed { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
    let mut same = HashMap::new();
    for (at, line) in lines.lines().enumerate() {
        let line = line.map_err(|error| bad(format!("can't be read: {error}")))?;
        let question: Value = serde_json::from_str(&line).map_err(|_| bad(format!("is no JSON in line {}", at + 1)))?;
        if let (Some(page), Some(imdb)) = (question["wikipedia_href"].as_str(), question["imdb_id"].as_str()) {
            same.insert(page.to_owned(), imdb.to_owned());
        }
    }
    Ok(same)
}
