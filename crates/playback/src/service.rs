//! The use-cases: what the caller watched, kept, shown and taken away again.

use std::sync::Arc;

use contracts::{ApiError, Call, CatalogApi, Clock, Purpose, Rng, Scope, UserId};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use stores::{Db, personal::PersonKeys};
use uuid::{Builder, Uuid};

use crate::{
    error::HistoryError,
    history::{HistoryEntry, NewHistoryEntry, Place, Watched, page},
    store::{self, MAX_ENTRIES, Sealed},
};

/// What people have to allow before anything is kept here.
pub(crate) const PURPOSE: Purpose = Purpose::History;

/// What people watched.
pub struct Playback {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    rng: Rng,
    catalog: Arc<dyn CatalogApi>,
    pub(crate) keys: Arc<dyn PersonKeys>,
}

/// The person who asks. A history is one of their lists, so that the scopes of lists reach it: those that were set have
/// none of its own.
fn person(call: &Call, scope: Scope) -> Result<UserId, ApiError> {
    Ok(call.person(scope)?.1)
}

/// The day of a time: nothing finer is kept in the clear.
pub(crate) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Everything that a person watched, in no order.
pub(crate) async fn opened(db: &Db, person: UserId, keys: &dyn PersonKeys) -> Result<Vec<HistoryEntry>, ApiError> {
    let kept = store::of(db, person).await?;
    // Whoever was erased has no key, and nothing to open.
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, sealed): (Vec<Uuid>, Vec<Vec<u8>>) = kept.into_iter().unzip();
    let plain = keys.open(person, PURPOSE, &sealed).await?;
    let read = |(id, plain): (Uuid, Option<Vec<u8>>)| {
        let watched = plain.and_then(|plain| Watched::read(&plain).ok());
        if watched.is_none() {
            tracing::warn!(entry = %id, "an entry of a viewing history can't be read, and is left out");
        }
        Some(HistoryEntry::of(id, watched?))
    };
    Ok(ids.into_iter().zip(plain).filter_map(read).collect())
}

impl Playback {
    /// Over these stores; `keys` seals and opens, and knows what people allow.
    pub fn new(db: Db, clock: Clock, rng: Rng, catalog: Arc<dyn CatalogApi>, keys: Arc<dyn PersonKeys>) -> Self {
        Self { db, clock, rng, catalog, keys }
    }

    /// Keeps what the caller says they watched.
    ///
    /// # Errors
    /// `PermissionDenied` with `consent_required` where they have not allowed that, and nothing is kept then; `NotFound`
    /// when there is no such title; `InvalidArgument` for a time or a share that can't be; `Conflict` with
    /// `history_full`. `Unauthenticated` or `PermissionDenied` without a person's token, as with everything below.
    pub async fn add(&self, call: &Call, new: &NewHistoryEntry) -> contracts::Result<HistoryEntry> {
        let (person, now) = (person(call, Scope::WriteWatchlist)?, self.clock.now());
        let mut watched = new.checked(now)?;
        let titles = self.catalog.titles(call, &[watched.content_id]).await?;
        // One that became part of another title is kept as that.
        watched.content_id = titles.first().ok_or(HistoryError::UnknownTitle)?.id;
        let (id, plain) = (Builder::from_random_bytes(self.rng.bytes()).into_uuid(), watched.write()?);
        let key = self.keys.key(person).await?;
        let mut tx = self.db.begin().await?;
        let sealed: Sealed = (id, self.keys.seal(&mut tx, &key, PURPOSE, &plain).await?);
        store::hold(&mut tx, person).await?;
        if store::count(&mut tx, person).await? >= i64::from(MAX_ENTRIES) {
            return Err(HistoryError::Full.into());
        }
        store::insert(&mut tx, person, sealed, day(now)).await?;
        tx.commit().await?;
        Ok(HistoryEntry::of(id, watched))
    }

    /// What the caller watched, the last first, from the entry that comes after a place; at most `limit`.
    ///
    /// # Errors
    /// As above.
    pub async fn history(
        &self,
        call: &Call,
        after: Option<Place>,
        limit: usize,
    ) -> contracts::Result<Vec<HistoryEntry>> {
        let person = person(call, Scope::ReadWatchlist)?;
        Ok(page(opened(&self.db, person, &*self.keys).await?, after, limit))
    }

    /// Takes an entry of the caller's away.
    ///
    /// # Errors
    /// `NotFound` when they have no such entry.
    pub async fn remove(&self, call: &Call, id: Uuid) -> contracts::Result<()> {
        let person = person(call, Scope::WriteWatchlist)?;
        let mut tx = self.db.begin().await?;
        store::hold(&mut tx, person).await?;
        if !store::remove(&mut tx, person, id).await? {
            return Err(HistoryError::UnknownEntry.into());
        }
        Ok(tx.commit().await?)
    }

    /// Takes all of the caller's history away.
    ///
    /// # Errors
    /// As above.
    pub async fn clear(&self, call: &Call) -> contracts::Result<()> {
        let person = person(call, Scope::WriteWatchlist)?;
        let mut tx = self.db.begin().await?;
        store::forget(&mut tx, person).await?;
        Ok(tx.commit().await?)
    }
}
