//! What the context owes its people: all of it for them, and nothing left of it once they say so.

use async_trait::async_trait;
use contracts::{ApiError, Purpose, UserId};
use serde_json::Value;
use stores::{
    Db, Tx,
    personal::{Consented, PersonKeys, Personal},
};

use crate::{
    history::page,
    service::{PURPOSE, opened},
    store,
};

/// The histories of all people. Unlike [`Playback`](crate::Playback) it needs no catalogue, so that the process with the
/// accounts has it too.
pub struct Histories;

#[async_trait]
impl Personal for Histories {
    fn context(&self) -> &'static str {
        "playback"
    }

    async fn erase(&self, tx: &mut Tx, person: UserId) -> Result<u64, ApiError> {
        Ok(store::forget(tx, person).await?)
    }
}

#[async_trait]
impl Consented for Histories {
    fn purpose(&self) -> Purpose {
        PURPOSE
    }

    async fn export(&self, db: &Db, person: UserId, keys: &dyn PersonKeys) -> Result<Vec<Value>, ApiError> {
        let entries = page(opened(db, person, keys).await?, None, usize::MAX);
        let written: Result<Vec<Value>, _> = entries.iter().map(serde_json::to_value).collect();
        written.map_err(|_| ApiError::internal("a viewing history can't be written"))
    }
}
