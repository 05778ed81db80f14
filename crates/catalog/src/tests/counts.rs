//! How many titles platforms and genres have: what a count anew gives, and there for whoever asks next.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use contracts::{Directory, GenreCount};
use rstest::rstest;
use stores::args;
use testkit::{Watched, Watcher};
use tokio::sync::Semaphore;

use super::*;

/// Platforms, and genres by kind, each with its titles.
type Counts = (BTreeSet<(String, u64)>, BTreeSet<(String, String, u64)>);

async fn told(bench: &Bench) -> Counts {
    let Directory { platforms, genres } = bench.catalog.directory(&call()).await.unwrap();
    let by_kind = |GenreCount { id, movie_count, tv_show_count, .. }: GenreCount| {
        let kinds = [(ContentType::Movie, movie_count), (ContentType::TvShow, tv_show_count)];
        kinds.map(|(kind, count)| (id.clone(), kind.as_str().to_owned(), count))
    };
    let genres = genres.into_iter().flat_map(by_kind).filter(|(_, _, count)| *count > 0).collect();
    (platforms.into_iter().map(|own| (own.id, own.title_count)).collect(), genres)
}

/// Every title looked at.
async fn counted(bench: &Bench) -> Counts {
    let platforms = "SELECT platform, COUNT(DISTINCT content_id) FROM platform_availability GROUP BY platform";
    let genres = "SELECT g.genre, c.content_type, COUNT(*) FROM genres g JOIN content c ON c.id = g.content_id
        GROUP BY g.genre, c.content_type";
    let platforms: Vec<(String, u64)> = bench.db().fetch_all(platforms, args![]).await.unwrap();
    let genres: Vec<(String, String, u64)> = bench.db().fetch_all(genres, args![]).await.unwrap();
    (platforms.into_iter().collect(), genres.into_iter().collect())
}

/// What is told, which is what is counted.
async fn agreed(bench: &Bench, when: &str) -> Counts {
    let told = told(bench).await;
    assert_eq!(told, counted(bench).await, "{when}");
    told
}

fn on(platforms: &[&str], record: SourceRecord) -> SourceRecord {
    let offers = platforms.iter().flat_map(|platform| [offer(platform, "US"), offer(platform, "DE")]).collect();
    SourceRecord { offers, ..record }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn counts_follow_every_change(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    assert_eq!(agreed(&bench, "nothing is there").await, Counts::default());
    let series = SourceRecord { content_type: ContentType::TvShow, ..film("netflix", "s1", "Harbour Street", 2004) };
    let (one, other) = (film("wikidata", "Q1", "Wind", 1992), film("hulu", "h1", "Wind", 1992));
    let heat = heat("netflix", "n1");
    let both = on(&["netflix", "hulu"], heat.clone());
    bench.ingest(&[both, on(&["hulu"], one), on(&["netflix"], other), on(&["netflix"], series)]).await;
    let (platforms, genres) = agreed(&bench, "new").await;
    assert_eq!(platforms, BTreeSet::from([("hulu".to_owned(), 2), ("netflix".to_owned(), 3)]));
    let drama = |kind: &str, count: u64| ("drama".to_owned(), kind.to_owned(), count);
    assert_eq!(genres, BTreeSet::from([drama("movie", 3), drama("tv_show", 1)]));

    let crime = SourceRecord { genres: vec!["crime".to_owned()], ..on(&["hulu"], heat) };
    bench.ingest(&[crime, on(&["netflix"], film("netflix", "s1", "Harbour Street", 2004))]).await;
    let (platforms, genres) = agreed(&bench, "other genres, offers and kinds").await;
    assert_eq!(platforms, BTreeSet::from([("hulu".to_owned(), 2), ("netflix".to_owned(), 2)]));
    assert_eq!(genres, BTreeSet::from([("crime".to_owned(), "movie".to_owned(), 1), drama("movie", 3)]));

    let operator = Call { deadline: Timestamp::MAX, ..operator_call() };
    let question = bench.catalog.reviews(&operator, "open", None, 10).await.unwrap().remove(0);
    bench.catalog.decide(&operator, question.id, true).await.unwrap();
    assert!(agreed(&bench, "two are one").await.1.contains(&drama("movie", 2)));
    bench.catalog.unmerge(&operator, "hulu", "h1").await.unwrap();
    assert!(agreed(&bench, "and two again").await.1.contains(&drama("movie", 3)));
    let later = testkit::start() + jiff::SignedDuration::from_hours(1);
    assert_eq!(bench.catalog.withdraw(&operator, &["hulu".to_owned()], later).await.unwrap(), 1);
    assert!(agreed(&bench, "offers are withdrawn").await.0.contains(&("netflix".to_owned(), 1)));
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn what_an_earlier_release_writes_is_counted_when_all_is_counted_anew(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let series = SourceRecord { content_type: ContentType::TvShow, ..film("netflix", "s1", "Harbour Street", 2004) };
    bench.ingest(&[on(&["netflix", "hulu"], heat("netflix", "n1")), on(&["netflix"], series)]).await;
    let db = bench.db();
    db.execute("INSERT INTO platform_counts (platform, titles) VALUES ('gone', 0)", args![]).await.unwrap();
    db.execute("UPDATE genre_counts SET titles = titles + 3", args![]).await.unwrap();
    // It writes titles behind the catalogue's lock, and keeps no counts of them.
    let mut earlier = db.begin().await.unwrap();
    earlier.lock("catalog").await.unwrap();
    earlier.execute("DELETE FROM platform_availability WHERE platform = 'hulu'", args![]).await.unwrap();
    let catalog = Arc::clone(&bench.catalog);
    let keeping = tokio::spawn(async move { catalog.keep_counts().await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    earlier.commit().await.unwrap();
    let counted_anew = async {
        while db.fetch_one::<i64>("SELECT COUNT(*) FROM platform_counts WHERE titles = 0", args![]).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), counted_anew).await.unwrap();
    keeping.abort();
    let (platforms, genres) = agreed(&bench, "counted anew").await;
    assert_eq!(platforms, BTreeSet::from([("netflix".to_owned(), 2)]));
    assert_eq!(genres.len(), 2);
    assert_eq!(bench.count("platform_counts").await, 1, "what has no title any more is not kept");
}

/// Loads wait for their turn, and are counted when they begin.
struct Held {
    turns: Semaphore,
    begun: AtomicUsize,
}

#[async_trait]
impl Watcher for Held {
    async fn loads(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        drop(self.turns.acquire().await);
    }
}

#[tokio::test]
async fn what_nobody_waited_for_is_there_for_the_next() {
    let bench = Bench::open("sqlite").await;
    bench.ingest(&[on(&["netflix"], heat("netflix", "n1"))]).await;
    let held = Held { turns: Semaphore::new(0), begun: AtomicUsize::new(0) };
    let cache = Watched::around(testkit::cache(), held);
    let catalog = Catalog::new(bench.db(), cache.clone(), bench.clock.clone(), testkit::rng());
    for _ in 0..3 {
        let given_up = tokio::time::timeout(Duration::from_millis(50), catalog.directory(&call())).await;
        assert!(given_up.is_err(), "it is not loaded yet");
    }
    cache.watcher.turns.add_permits(1);
    let kept = async {
        while cache.get("catalog:directory").await.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), kept).await.unwrap();
    // What is answered now can't have been read now.
    bench.db().execute("DELETE FROM platform_counts", args![]).await.unwrap();
    assert_eq!(catalog.directory(&call()).await.unwrap().platforms[0].title_count, 1);
    assert_eq!(cache.watcher.begun.load(Ordering::SeqCst), 1, "one load for all who asked");
}
