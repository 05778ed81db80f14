//! Watches the head of the log: one look for all who follow it in this process.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use super::head;
use crate::db::Db;

/// How often it looks for what other processes append; what this one appends it hears of at once.
const PAUSE: Duration = Duration::from_millis(100);

/// The position of the newest event, kept up to date in the background until the last clone is dropped. Each clone sees
/// every change that comes after it was made.
#[derive(Clone)]
pub struct Head {
    seen: watch::Receiver<i64>,
    _watching: Arc<Watching>,
}

struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Head {
    /// Watches the log in `db`. Call it within the runtime that is to do so.
    pub fn watch(db: Db) -> Self {
        let (tell, seen) = watch::channel(0);
        let watching = tokio::spawn(async move {
            loop {
                // A database that does not answer is told of at `/readyz`, and by whoever reads it.
                if let Ok(now) = head(&db).await {
                    tell.send_if_modified(|before| std::mem::replace(before, now) != now);
                }
                tokio::select! {
                    () = db.appended().notified() => {}
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        });
        Self { seen, _watching: Arc::new(Watching(watching)) }
    }

    /// Waits until the newest event is another than when this was last called, or than when this clone was made.
    pub async fn changed(&mut self) {
        if self.seen.changed().await.is_err() {
            // The watcher ends only with its runtime.
            std::future::pending().await
        }
    }
}
