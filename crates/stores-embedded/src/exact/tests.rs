//! The exact index against its suite, a plain map, damage of every byte, and a disk that is full.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use contracts::YearRange;
use proptest::prelude::*;
use stores::suites::vectors::{self as suite, any_of, id, model, point};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;

type Outcome = Result<(), VectorError>;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What a file holds, as the batches that a rewritten one would have.
fn held(path: &Path) -> Result<Vec<Batch>, VectorError> {
    let mut rows = Rows::new(suite::DIMENSION);
    Log::open(path, &model(), |batch| rows.apply(batch))?;
    Ok(rows.batches(usize::MAX).collect())
}

#[tokio::test]
async fn is_a_vector_index() -> Outcome {
    let folder = folder();
    suite::run(|name| {
        let path = folder.path().join(name);
        async move { Ok(Arc::new(ExactVectors::open(&path, model())?) as Arc<dyn VectorIndex>) }
    })
    .await
}

/// One step of the comparison with a map.
#[derive(Clone, Debug)]
enum Step {
    Upsert(Vec<Point>),
    Remove(Vec<ContentId>),
    Clear,
    Reopen,
    /// Loses that share (of 256) of the last batch, as a crash in the middle of writing it does.
    Tear(u8),
}

/// The map: what the index should hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Oracle {
    points: BTreeMap<ContentId, Point>,
    cursor: Option<i64>,
}

impl Oracle {
    fn upsert(&mut self, points: &[Point], cursor: i64) {
        self.cursor = Some(cursor);
        for point in points {
            let mut point = point.clone();
            match self.points.get(&point.id) {
                _ if !point.vectors.is_empty() => point.vectors.iter_mut().for_each(|it| *it = normalised(it)),
                Some(old) => (point.vectors, point.text_hash) = (old.vectors.clone(), old.text_hash),
                None => continue,
            }
            self.points.insert(point.id, point);
        }
    }

    fn search(&self, query: &[f32], limit: usize, filter: &VectorFilter) -> Vec<Scored> {
        let passes = |point: &&Point| {
            let tags = |group: &Vec<String>| group.is_empty() || group.iter().any(|tag| point.tags.contains(tag));
            let years = filter.years.is_none_or(|range| match point.year {
                Some(year) => (range.from.unwrap_or(0)..=range.to.unwrap_or(u16::MAX)).contains(&year),
                None => range == YearRange::default(),
            });
            years && filter.any_of.iter().all(tags)
        };
        let query = normalised(query);
        let score = |point: &Point| {
            let cosines = point.vectors.iter().map(|vector| vector.iter().zip(&query).map(|(a, b)| a * b).sum());
            let cosine = cosines.fold(f32::NEG_INFINITY, f32::max);
            Scored { content_id: point.id, score: f64::from(cosine).clamp(-1.0, 1.0) }
        };
        let mut found: Vec<_> = self.points.values().filter(passes).map(score).collect();
        found.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap().then(a.content_id.cmp(&b.content_id)));
        found.truncate(limit);
        found
    }
}

const TAGS: [&str; 4] = ["type:movie", "type:tv_show", "genre:drama", "offer:netflix:US"];

fn tags() -> impl Strategy<Value = Vec<String>> {
    prop::sample::subsequence(&TAGS, 0..=TAGS.len()).prop_map(|tags| tags.into_iter().map(str::to_owned).collect())
}

fn vector() -> impl Strategy<Value = Vector> {
    prop::array::uniform4(-2_i8..3).prop_map(|vector| vector.map(f32::from).to_vec())
}

fn points() -> impl Strategy<Value = Vec<Point>> {
    let point =
        (0..10_u128, any::<u64>(), prop::collection::vec(vector(), 0..4), tags(), prop::option::of(1990..1995_u16))
            .prop_map(|(n, text_hash, vectors, tags, year)| Point { id: id(n), text_hash, vectors, tags, year });
    prop::collection::vec(point, 0..5)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => points().prop_map(Step::Upsert),
        3 => prop::collection::vec((0..10_u128).prop_map(id), 0..3).prop_map(Step::Remove),
        1 => Just(Step::Clear),
        1 => Just(Step::Reopen),
        2 => any::<u8>().prop_map(Step::Tear),
    ]
}

fn filter() -> impl Strategy<Value = VectorFilter> {
    let year = || prop::option::of(1990..1995_u16);
    let years = prop::option::of((year(), year()).prop_map(|(from, to)| YearRange { from, to }));
    (prop::collection::vec(tags(), 0..3), years).prop_map(|(any_of, years)| VectorFilter { any_of, years })
}

/// An index and its map, walked step by step.
struct Walk {
    path: PathBuf,
    index: Option<ExactVectors>,
    now: Oracle,
    /// The map and the file's length before the last batch.
    before: (Oracle, u64),
}

impl Walk {
    fn index(&self) -> &ExactVectors {
        self.index.as_ref().unwrap()
    }

    async fn take(&mut self, step: Step, cursor: i64) -> Outcome {
        let length = fs::metadata(&self.path).unwrap().len();
        match step {
            Step::Upsert(points) => {
                self.before = (self.now.clone(), length);
                self.now.upsert(&points, cursor);
                self.index().upsert(points, cursor).await?;
            }
            Step::Remove(ids) => {
                self.before = (self.now.clone(), length);
                self.now.points.retain(|id, _| !ids.contains(id));
                self.index().remove(&ids).await?;
            }
            Step::Clear => {
                self.now = Oracle::default();
                self.index().clear().await?;
                self.before = (Oracle::default(), fs::metadata(&self.path).unwrap().len());
            }
            Step::Reopen => self.reopen()?,
            Step::Tear(share) => {
                let (before, start) = self.before.clone();
                if length > start {
                    let kept = start + (length - start) * u64::from(share) / 256;
                    fs::File::options().write(true).open(&self.path).unwrap().set_len(kept).unwrap();
                    self.now = before;
                }
                self.reopen()?;
                self.before = (self.now.clone(), fs::metadata(&self.path).unwrap().len());
            }
        }
        Ok(())
    }

    fn reopen(&mut self) -> Outcome {
        self.index = None;
        self.index = Some(ExactVectors::open(&self.path, model())?);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn behaves_as_a_map(
        steps in prop::collection::vec(step(), 1..16),
        queries in prop::collection::vec((vector(), 0_usize..12, filter()), 4),
    ) {
        let folder = folder();
        let path = folder.path().join("vectors");
        runtime().block_on(async {
            let index = Some(ExactVectors::open(&path, model())?);
            let start = fs::metadata(&path).unwrap().len();
            let mut walk = Walk { path, index, now: Oracle::default(), before: (Oracle::default(), start) };
            for (step, cursor) in steps.into_iter().zip(1..) {
                walk.take(step.clone(), cursor).await?;
                let (index, now) = (walk.index(), &walk.now);
                assert_eq!(index.cursor().await?, now.cursor, "after {step:?}");
                assert_eq!(index.len().await?, now.points.len());
                for (query, limit, filter) in &queries {
                    let found = index.search(query, *limit, filter).await?;
                    assert_eq!(found, now.search(query, *limit, filter), "after {step:?}, {filter:?}");
                }
                let ids: Vec<_> = (0..10).map(id).collect();
                let hashes: Vec<_> = ids.iter().map(|id| now.points.get(id).map(|point| point.text_hash)).collect();
                assert_eq!(index.text_hashes(&ids).await?, hashes);
            }
            Ok::<_, VectorError>(())
        }).unwrap();
    }

    #[test]
    fn a_batch_reads_back(points in points(), cursor in any::<Option<i64>>(), offset in 0..1_u64 << 40) {
        let mut records: Vec<_> = points.into_iter().map(Record::Put).collect();
        records.push(Record::Remove(id(3)));
        // The hash of a point without vectors is not kept.
        for record in &mut records {
            if let Record::Put(point) = record && point.vectors.is_empty() {
                point.text_hash = 0;
            }
        }
        let batch = Batch { cursor, records };
        let bytes = format::encode_batch(&batch, offset).unwrap();
        let frame = format::decode_frame(&bytes, offset).unwrap();
        prop_assert_eq!(frame.bytes + format::FRAME, bytes.len());
        prop_assert_eq!(format::decode_frame(&bytes, offset + 1), None, "a frame knows its place");
        prop_assert_eq!(format::decode_payload(&bytes[format::FRAME..], suite::DIMENSION).unwrap(), batch);
    }
}

/// A small index: what it held after each batch, and where that batch ended.
async fn sample(path: &Path) -> Result<Vec<(u64, Vec<Batch>)>, VectorError> {
    let index = ExactVectors::open(path, model())?;
    let mut stages = vec![(fs::metadata(path).unwrap().len(), held(path)?)];
    for n in 0..4_u128 {
        let first = point(2 * n, [1.0, n as f32, 0.0, 0.0], &["type:movie", "genre:drama"], Some(1990));
        let mut second = point(2 * n + 1, [0.0, 1.0, n as f32, 0.0], &["type:tv_show"], None);
        second.vectors.push(vec![0.0, 0.0, 1.0, n as f32]);
        index.upsert(vec![first, second], n as i64).await?;
        stages.push((fs::metadata(path).unwrap().len(), held(path)?));
    }
    index.upsert(vec![Point { vectors: Vec::new(), ..point(1, [0.0; 4], &["genre:war"], Some(2001)) }], 9).await?;
    stages.push((fs::metadata(path).unwrap().len(), held(path)?));
    index.remove(&[id(0), id(5)]).await?;
    stages.push((fs::metadata(path).unwrap().len(), held(path)?));
    Ok(stages)
}

#[tokio::test]
async fn a_changed_byte_is_found_or_costs_only_the_last_batch() -> Outcome {
    let folder = folder();
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    let stages = sample(&good).await?;
    let bytes = fs::read(&good).unwrap();
    let (last, before) = &stages[stages.len() - 2];
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            fs::write(&bad, &changed).unwrap();
            match held(&bad) {
                Err(VectorError::Corrupt(_)) => assert!((at as u64) < *last, "byte {at} is in the last batch"),
                Ok(found) => {
                    assert!(at as u64 >= *last, "byte {at} was changed and nobody saw it");
                    assert_eq!(&found, before);
                    assert_eq!(fs::metadata(&bad).unwrap().len(), *last, "the broken end was cut off");
                }
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_file_cut_anywhere_holds_its_whole_batches() -> Outcome {
    let folder = folder();
    let (good, cut) = (folder.path().join("good"), folder.path().join("cut"));
    let stages = sample(&good).await?;
    let bytes = fs::read(&good).unwrap();
    for length in 0..bytes.len() {
        fs::write(&cut, &bytes[..length]).unwrap();
        match stages.iter().rev().find(|(end, _)| *end <= length as u64) {
            Some((_, expected)) => assert_eq!(&held(&cut)?, expected, "cut at byte {length}"),
            None => assert!(matches!(held(&cut), Err(VectorError::Corrupt(_))), "cut at byte {length}"),
        }
    }
    // Some file systems lengthen a file before they write to it: what a crash leaves are zeros.
    for zeros in [1, 15, 16, 17, 4_096] {
        let mut longer = bytes.clone();
        longer.resize(bytes.len() + zeros, 0);
        fs::write(&cut, longer).unwrap();
        assert_eq!(held(&cut)?, stages[stages.len() - 1].1);
    }
    Ok(())
}

#[tokio::test]
async fn a_damaged_file_can_be_made_anew() -> Outcome {
    let folder = folder();
    let path = folder.path().join("vectors");
    fs::write(&path, "not an index").unwrap();
    assert!(matches!(ExactVectors::open(&path, model()), Err(VectorError::Corrupt(_))));
    let index = ExactVectors::recreate(&path, model())?;
    index.upsert(vec![point(1, [1.0; 4], &[], None)], 1).await?;
    drop(index);
    assert_eq!(ExactVectors::open(&path, model())?.len().await?, 1);
    Ok(())
}

#[test]
fn another_model_is_refused_and_left_alone() -> Outcome {
    let folder = folder();
    let path = folder.path().join("vectors");
    drop(ExactVectors::open(&path, model())?);
    let bytes = fs::read(&path).unwrap();
    let others = [ModelInfo { name: "other".into(), ..model() }, ModelInfo { dimension: 5, ..model() }];
    for other in others {
        let sentence = ExactVectors::open(&path, other).err().unwrap().to_string();
        assert!(sentence.contains("suite-model (4 components)"), "{sentence}");
    }
    assert_eq!(fs::read(&path).unwrap(), bytes);
    Ok(())
}

#[test]
fn a_later_format_is_refused_and_left_alone() -> Outcome {
    let folder = folder();
    let path = folder.path().join("vectors");
    let mut bytes = format::encode_start(&model())?;
    bytes[8] += 1;
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    // What follows the checksum is the later format's own affair.
    bytes.truncate(20);
    fs::write(&path, &bytes).unwrap();
    let error = ExactVectors::open(&path, model()).err();
    assert_eq!(error, Some(VectorError::Newer { found: 3, known: 2 }));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    Ok(())
}

/// A file that the first release wrote opens for ever, and becomes one of the newest format at once: an earlier release
/// then knows that it can't read what is appended.
#[tokio::test]
async fn a_file_of_format_1_opens() -> Outcome {
    let folder = folder();
    let path = folder.path().join("vectors");
    fs::write(&path, include_bytes!("fixtures/format-1.vectors")).unwrap();
    let index = ExactVectors::open(&path, model())?;
    assert_eq!((index.len().await?, index.cursor().await?), (6, Some(9)));
    assert_eq!(index.vectors(id(3)).await?, [normalised(&[0.0, 1.0, 1.0, 0.0])]);
    assert_eq!(index.text_hashes(&[id(7), id(0)]).await?, [Some(7), None]);
    let years = Some(YearRange { from: Some(2001), to: Some(2001) });
    let filter = VectorFilter { years, ..any_of(&[&["genre:war"]]) };
    let found = index.search(&[0.0, 1.0, 0.0, 0.0], 9, &filter).await?;
    assert_eq!(found, [Scored { content_id: id(1), score: 1.0 }]);
    assert_eq!(format::decode_start(&fs::read(&path).unwrap())?.format, format::FORMAT);
    let several = Point { vectors: vec![vec![1.0; 4], vec![0.0, 0.0, 0.0, 1.0]], ..point(3, [0.0; 4], &[], None) };
    index.upsert(vec![several], 10).await?;
    drop(index);
    let index = ExactVectors::open(&path, model())?;
    assert_eq!((index.len().await?, index.cursor().await?), (6, Some(10)));
    assert_eq!(index.vectors(id(3)).await?, [vec![0.5; 4], vec![0.0, 0.0, 0.0, 1.0]]);
    Ok(())
}

#[tokio::test]
async fn dead_bytes_do_not_pile_up() -> Outcome {
    let folder = folder();
    let path = folder.path().join("vectors");
    let index = ExactVectors::open(&path, model())?;
    let mut longest = 0;
    for round in 0..60_i64 {
        let points = (0..100).map(|n| point(n, [1.0, n as f32, round as f32, 0.0], &["type:movie"], None)).collect();
        index.upsert(points, round).await?;
        longest = longest.max(fs::metadata(&path).unwrap().len());
    }
    let one_round = 100 * format::put_bytes(["type:movie".len()].into_iter(), 4);
    assert!(longest > one_round * 5, "the test never came near the limit: {longest} bytes");
    assert!(longest < 2 * one_round + SLACK + one_round + 1_000, "{longest} bytes for {one_round} that live");
    index.remove(&(50..100).map(id).collect::<Vec<_>>()).await?;
    let query = [0.0, 0.0, 1.0, 0.0];
    let before = index.search(&query, 100, &any_of(&[&["type:movie"]])).await?;
    drop(index);
    let index = ExactVectors::open(&path, model())?;
    assert_eq!((index.len().await?, index.cursor().await?), (50, Some(59)));
    assert_eq!(index.search(&query, 100, &any_of(&[&["type:movie"]])).await?, before);
    let names: BTreeSet<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1, "nothing temporary stays: {names:?}");
    Ok(())
}

#[tokio::test]
async fn different_tags_have_a_bound() -> Outcome {
    let folder = folder();
    let index = ExactVectors::open(&folder.path().join("vectors"), model())?;
    let many = |from: usize| {
        let tags = |n: usize| (0..MAX_TAGS).map(|t| format!("t:{}", from + n * MAX_TAGS + t)).collect();
        (0..8).map(|n| Point { tags: tags(n), ..point(n as u128, [1.0; 4], &[], None) }).collect::<Vec<_>>()
    };
    index.upsert(many(0), 1).await?;
    index.upsert(many(MAX_DIFFERENT_TAGS / 2), 2).await?;
    let outcome = index.upsert(many(MAX_DIFFERENT_TAGS), 3).await;
    assert!(matches!(outcome, Err(VectorError::Invalid(_))), "{outcome:?}");
    index.upsert(many(0), 4).await?;
    assert_eq!(index.cursor().await?, Some(4));
    Ok(())
}

/// Runs itself under a limit on the size of files, the nearest thing to a full disk that needs no privilege.
#[cfg(unix)]
#[test]
fn a_full_disk_costs_nothing_that_was_acknowledged() {
    const FOLDER: &str = "STORES_EMBEDDED_FULL_DISK";
    if let Some(folder) = std::env::var_os(FOLDER) {
        return runtime().block_on(fill(&Path::new(&folder).join("vectors"))).unwrap();
    }
    let folder = folder();
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 40; exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg("exact::tests::a_full_disk_costs_nothing_that_was_acknowledged")
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&status.stderr) + String::from_utf8_lossy(&status.stdout);
    assert!(status.status.success() && output.contains("1 passed"), "{output}");
}

/// Fills the index until the disk is full, then looks at what is there.
#[cfg(unix)]
async fn fill(path: &Path) -> Outcome {
    let index = ExactVectors::open(path, model())?;
    let batch = |round: u128| (0..50).map(|n| point(50 * round + n, [1.0; 4], &["a"], None)).collect::<Vec<_>>();
    let mut rounds = 0;
    let full = loop {
        match index.upsert(batch(rounds), rounds as i64).await {
            Ok(()) => rounds += 1,
            Err(error) => break error,
        }
        assert!(rounds < 1_000, "the disk is never full");
    };
    assert!(matches!(full, VectorError::StorageFull(_)), "{full}");
    assert!(rounds > 2, "there was room for some: {rounds}");
    for _ in 0..2 {
        assert!(matches!(index.upsert(batch(rounds), 99).await, Err(VectorError::StorageFull(_))), "and still is");
    }
    let there = (50 * rounds as usize, Some(rounds as i64 - 1));
    assert_eq!((index.len().await?, index.cursor().await?), there, "a refused batch is not half there");
    drop(index);

    let length = fs::metadata(path).unwrap().len();
    let index = ExactVectors::open(path, model())?;
    assert_eq!((index.len().await?, index.cursor().await?), there);
    assert_eq!(fs::metadata(path).unwrap().len(), length, "there was nothing to cut off");
    index.clear().await?;
    index.upsert(batch(0), 1).await?;
    assert_eq!(index.len().await?, 50, "with room again it goes on");
    Ok(())
}
