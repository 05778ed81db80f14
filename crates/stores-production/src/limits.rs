//! Rate limits in Valkey or Redis, shared by every process of a deployment: one script, atomic.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::Either};
use redis::Script;
use stores::limits::{Cell, LimitStore, LimitsGone, Taking, Verdict};

use crate::RedisLink;

/// A [`LimitStore`] in Redis. Time is the server's, so that processes whose clocks differ give no more than one would.
#[derive(Clone)]
pub struct RedisLimits {
    link: RedisLink,
    prefix: String,
    script: Arc<Script>,
}

impl RedisLimits {
    /// Keys stand under `prefix`, so that several deployments can share a server.
    pub fn new(link: RedisLink, prefix: &str) -> Self {
        Self { link, prefix: prefix.to_owned(), script: Arc::new(Script::new(include_str!("gcra.lua"))) }
    }

    async fn take_at(&self, key: &str, cells: &[Cell], cost: u32, now: Option<i64>) -> Result<Verdict, LimitsGone> {
        let mut call = self.script.key(format!("{}limit:{key}", self.prefix));
        call.arg(cost).arg(now.map(|now| now.to_string()).unwrap_or_default());
        for cell in cells {
            call.arg(cell.slot).arg(cell.quota.interval()).arg(cell.quota.units());
        }
        let asked = self.link.ask(async |mut redis| call.invoke_async::<(u8, u8, u32, u64)>(&mut redis).await).await;
        let (allowed, slot, remaining, micros) = asked.map_err(|error| LimitsGone(error.to_string()))?;
        Ok(Verdict { allowed: allowed == 1, slot, remaining, reset: Duration::from_micros(micros) })
    }
}

impl LimitStore for RedisLimits {
    fn take<'a>(&'a self, key: &'a str, cells: &'a [Cell], cost: u32) -> Taking<'a> {
        Either::Right(self.take_at(key, cells, cost, None).boxed())
    }
}

#[cfg(test)]
mod tests;
