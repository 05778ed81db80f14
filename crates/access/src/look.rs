//! Asking whoever keeps the snapshot to look now: a key that was made a moment ago in another process is not in it yet.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, watch},
    time::timeout,
};

/// How long whoever asks waits for the look.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many wait at once. The others go by what is known: keys that were made up cost nobody a place for long.
const WAITING: usize = 64;

/// The looks of a keeper, which decides how often there is one; all who ask meanwhile share the next.
pub struct Looks {
    begun: AtomicU64,
    ended: watch::Sender<u64>,
    asked: Notify,
    room: Semaphore,
}

impl Default for Looks {
    fn default() -> Self {
        let (begun, ended, asked) = (AtomicU64::new(0), watch::Sender::new(0), Notify::new());
        Self { begun, ended, asked, room: Semaphore::new(WAITING) }
    }
}

impl Looks {
    /// Waits for a look that begins after this, for half a second at most. Not at all before the first look, when nobody
    /// keeps the snapshot, nor where many wait already.
    pub async fn ask(&self) {
        let begun = self.begun();
        let Some(_place) = self.room.try_acquire().ok().filter(|_| begun > 0) else { return };
        let mut ended = self.ended.subscribe();
        self.asked.notify_one();
        let _ = timeout(PATIENCE, ended.wait_for(|ended| *ended > begun)).await;
    }

    /// Waits until somebody has asked since this last returned: for the keeper.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Says that the keeper begins to look; what to [`Looks::end`] then.
    pub fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Says that this look is over, whatever came of it.
    pub fn end(&self, look: u64) {
        self.ended.send_replace(look);
    }

    /// How many have begun.
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn who_asks_waits_for_a_look_that_began_after() {
        let looks = Looks::default();
        timeout(PATIENCE / 2, looks.ask()).await.expect("nobody looks here");
        let first = looks.begin();
        let asking = looks.ask();
        tokio::pin!(asking);
        assert!(timeout(SOON, &mut asking).await.is_err());
        timeout(PATIENCE / 2, looks.asked()).await.expect("the keeper hears of it");
        looks.end(first);
        assert!(timeout(SOON, &mut asking).await.is_err(), "that look may have come too early");
        looks.end(looks.begin());
        timeout(PATIENCE / 2, asking).await.expect("it was looked");
    }

    #[tokio::test]
    async fn few_wait_and_not_for_long() {
        let looks = Looks::default();
        looks.end(looks.begin());
        let all = looks.room.try_acquire_many(WAITING as u32).unwrap();
        timeout(PATIENCE / 2, looks.ask()).await.expect("it goes by what is known");
        drop(all);
        let since = Instant::now();
        timeout(40 * PATIENCE, looks.ask()).await.expect("a keeper that hangs is not waited for");
        assert!(since.elapsed() >= PATIENCE, "there is room");
    }
}
