//! Measures how many reads of titles the cache answers when some are asked for far more than others.
//!
//! `cargo run --release -p ingest --example zipf -- FOLDER` takes the catalogue that the example `million` left in FOLDER, and
//! asks it for single titles as a node does, the n-th most wanted with a probability of 1/n (Zipf's law, exponent 1), with
//! caches of several sizes. It prints the ratio over all reads, from an empty cache on, and over the second half.

use std::{
    error::Error,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use catalog::Catalog;
use contracts::{Call, Clock, ContentId, Rng};
use stores::{Db, DbConfig, args};
use stores_embedded::MemoryCache;
use testkit::{Watched, Watcher};

type Failure = Box<dyn Error + Send + Sync>;

/// An hour, which is how long a title stays in the cache, at a thousand reads a second.
const READS: u64 = 3_600_000;
/// The first is what a node takes by default.
const MEGABYTES: [u64; 2] = [512, 1024];

/// How often the cache had what was asked for.
#[derive(Default)]
struct Hits(AtomicU64);

impl Watcher for Hits {
    fn asked(&self, found: bool) {
        self.0.fetch_add(u64::from(found), Ordering::Relaxed);
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("usage: zipf FOLDER")?;
    let db = Db::open_sqlite(&Path::new(&folder).join("million.db"), &DbConfig::default()).await?;
    let mut ids: Vec<ContentId> = db.fetch_all("SELECT id FROM content ORDER BY id", args![]).await?;
    let rng = Rng::seeded(7);
    // Which title is wanted most has nothing to do with when it came.
    for at in (1..ids.len()).rev() {
        ids.swap(at, usize::try_from(rng.below(at as u64 + 1))?);
    }
    let mut sums = Vec::with_capacity(ids.len());
    let mut sum = 0.0;
    for rank in 1..=ids.len() {
        sum += 1.0 / rank as f64;
        sums.push(sum);
    }
    println!("{} generated titles, {READS} reads\ncache MB | hit ratio, all | second half | reads/s", ids.len());
    let (clock, system) = (Clock::system(), Rng::system());
    for megabytes in MEGABYTES {
        let cache = Watched::around(Arc::new(MemoryCache::new(megabytes << 20)), Hits::default());
        let catalog = Catalog::new(db.clone(), cache.clone(), clock.clone(), system.clone());
        let call = Call::system(&clock, &system, Duration::from_secs(86_400));
        let (draws, began, mut first) = (Rng::seeded(11), Instant::now(), 0);
        for read in 0..READS {
            let wanted = draws.below(1 << 53) as f64 / (1_u64 << 53) as f64 * sum;
            let rank = sums.partition_point(|up_to| *up_to <= wanted).min(ids.len() - 1);
            catalog.content_json(&call, ids[rank]).await?.ok_or("a title is gone")?;
            if read + 1 == READS / 2 {
                first = cache.watcher.0.load(Ordering::Relaxed);
            }
        }
        let hits = cache.watcher.0.load(Ordering::Relaxed);
        let share = |hits: u64, reads: u64| hits as f64 / reads as f64;
        println!(
            "{megabytes} | {:.3} | {:.3} | {:.0}",
            share(hits, READS),
            share(hits - first, READS - READS / 2),
            READS as f64 / began.elapsed().as_secs_f64()
        );
    }
    db.close().await;
    Ok(())
}
