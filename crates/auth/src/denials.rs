//! Refusals for the audit log: each kind once a minute, with how often it came, so that nobody can fill the log by being
//! refused.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::{ApiError, Caller};
use jiff::Timestamp;

use crate::{
    Auth,
    audit::{self, Entry, STRANGER, actor},
};

/// How often what is new is written.
const PAUSE: Duration = Duration::from_secs(1);
/// How many kinds of refusals are told apart in a minute; the rest is one kind.
const MOST: usize = 100;

/// Who was refused what, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    /// As the audit log names who did something.
    actor: String,
    /// Masked, and of strangers alone: who has an id is named by it.
    address: Option<String>,
    operation: String,
    status: u16,
}

/// What came in one minute.
#[derive(Default)]
struct Minute {
    number: i64,
    /// How often each came, and whether its first entry is written.
    kinds: HashMap<Kind, (u64, bool)>,
    /// How often anything else came.
    others: u64,
}

/// Refusals on their way into the audit log.
pub struct Denials {
    auth: Arc<Auth>,
    minute: Mutex<Minute>,
    /// Minutes that are over, with what is yet to be written of them. At most two: who waits longer is dropped.
    over: Mutex<Vec<Minute>>,
}

impl Denials {
    /// Into the audit log of `auth`.
    pub fn new(auth: Arc<Auth>) -> Self {
        Self { auth, minute: Mutex::default(), over: Mutex::default() }
    }

    /// Notes a refusal; never waits.
    pub fn note(&self, caller: &Caller, address: Option<IpAddr>, operation: String, status: u16) {
        let actor = actor(caller);
        let address = address.filter(|_| actor == STRANGER).map(masked);
        let kind = Kind { actor, address, operation, status };
        let mut minute = self.turn(self.auth.clock.now());
        if let Some((times, _)) = minute.kinds.get_mut(&kind) {
            *times += 1;
        } else if minute.kinds.len() < MOST {
            minute.kinds.insert(kind, (1, false));
        } else {
            minute.others += 1;
        }
    }

    /// The minute of `now`; one that is over is put aside.
    fn turn(&self, now: Timestamp) -> MutexGuard<'_, Minute> {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.as_second().div_euclid(60);
        if minute.number != number {
            let old = std::mem::replace(&mut *minute, Minute { number, ..Minute::default() });
            let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
            if over.len() < 2 {
                over.push(old);
            }
        }
        minute
    }

    /// Writes until dropped.
    pub async fn run(&self) {
        loop {
            self.attempt(false).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Writes what is left, when the process ends.
    pub async fn last_words(&self) {
        self.attempt(true).await;
    }

    async fn attempt(&self, all: bool) {
        if let Err(error) = self.write(all).await {
            tracing::warn!(%error, "refusals can't be written into the audit log");
        }
    }

    /// Writes the first of each kind, and how often it came once its minute is over.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn write(&self, all: bool) -> Result<(), ApiError> {
        let now = self.auth.clock.now();
        let entries = self.entries(now, all);
        if entries.is_empty() {
            return Ok(());
        }
        let mut tx = self.auth.db.begin().await?;
        audit::write_all(&mut tx, entries.into_iter().map(|entry| (entry, now)).collect()).await?;
        tx.commit().await?;
        Ok(())
    }

    fn entries(&self, now: Timestamp, all: bool) -> Vec<Entry> {
        let mut entries = Vec::new();
        {
            let mut minute = self.turn(now);
            for (kind, (times, written)) in minute.kinds.iter_mut().filter(|(_, (_, written))| !written) {
                (*times, *written) = (*times - 1, true);
                entries.push(kind.entry("access.denied"));
            }
        }
        let mut over = std::mem::take(&mut *self.over.lock().unwrap_or_else(PoisonError::into_inner));
        if all {
            over.push(std::mem::take(&mut *self.minute.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        for minute in over {
            for (kind, (times, written)) in minute.kinds.into_iter().filter(|(_, (times, _))| *times > 0) {
                let entry = kind.entry(if written { "access.denied_again" } else { "access.denied" });
                entries.push(entry.with("times", times));
            }
            if minute.others > 0 {
                entries.push(Entry::by("access.denied_others", "system".to_owned()).with("times", minute.others));
            }
        }
        entries
    }
}

impl Kind {
    fn entry(&self, action: &'static str) -> Entry {
        let entry = Entry::by(action, self.actor.clone()).to(&self.operation).with("status", self.status);
        match &self.address {
            Some(address) => entry.with("address", address),
            None => entry,
        }
    }
}

/// An address without what tells one person from their neighbours: of IPv4 the last byte, of IPv6 all but the first
/// three groups.
pub(crate) fn masked(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.x")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:x")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_what_tells_neighbours_apart() {
        for (address, shown) in [
            ("198.51.100.77", "198.51.100.x"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:x"),
            ("::ffff:198.51.100.77", "198.51.100.x"),
        ] {
            assert_eq!(masked(address.parse().unwrap()), shown);
        }
    }
}
