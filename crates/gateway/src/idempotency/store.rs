//! Claims on idempotency keys, in the database.

use std::time::Duration;

use contracts::{ApiError, Clock, Rng};
use jiff::{SignedDuration, Timestamp};
use stores::{Db, DbError, Tx, args};

/// How long an answer is kept.
const KEEP: SignedDuration = SignedDuration::from_hours(24);
/// How long a claim holds without an answer: longer than any request may take.
const LOCK: SignedDuration = SignedDuration::from_secs(60);

/// An answer that was kept.
pub(super) struct Kept {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) location: Option<String>,
    /// Sealed; absent when it was too large.
    pub(super) body: Option<Vec<u8>>,
}

/// What became of a claim.
pub(super) enum Claim {
    /// The work is ours; with the name under which to finish it.
    Ours(String),
    /// It was done; this was the answer.
    Kept(Kept),
    /// Somebody is at it, and holds the claim for this long at most.
    InFlight(Duration),
    /// The key was used with another body.
    OtherRequest,
}

/// The table.
#[derive(Clone)]
pub(super) struct Claims {
    db: Db,
    clock: Clock,
    rng: Rng,
}

type Row = (String, Timestamp, Option<i64>, Option<String>, Option<String>, Option<Vec<u8>>);

impl Claims {
    pub(super) fn new(db: Db, clock: Clock, rng: Rng) -> Self {
        Self { db, clock, rng }
    }

    /// Claims `scope` for a request with this fingerprint, or says why not.
    pub(super) async fn claim(&self, scope: &str, fingerprint: &str) -> Result<Claim, ApiError> {
        let now = self.clock.now();
        let owner = format!("{:032x}", u128::from_le_bytes(self.rng.bytes()));
        let mut tx = self.db.begin().await?;
        tx.execute("DELETE FROM idempotency_keys WHERE expires_at <= $1", args![now]).await?;
        let added = tx
            .execute(
                "INSERT INTO idempotency_keys (scope, fingerprint, owner, locked_until, expires_at) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope) DO NOTHING",
                args![scope, fingerprint, owner.as_str(), after(now, LOCK), after(now, KEEP)],
            )
            .await?;
        let claim = if added == 1 {
            Claim::Ours(owner)
        } else {
            let row: Option<Row> = tx
                .fetch_optional(
                    "SELECT fingerprint, locked_until, status, content_type, location, body \
                     FROM idempotency_keys WHERE scope = $1",
                    args![scope],
                )
                .await?;
            match row.map(|row| judge(row, fingerprint, now)).transpose()? {
                // Given back just now: the client may send it again.
                None => Claim::InFlight(Duration::from_secs(1)),
                Some(Some(claim)) => claim,
                Some(None) => self.take_over(&mut tx, scope, owner, now).await?,
            }
        };
        tx.commit().await?;
        Ok(claim)
    }

    /// Claims what a process that died left behind. The condition lets only one of several have it.
    async fn take_over(&self, tx: &mut Tx, scope: &str, owner: String, now: Timestamp) -> Result<Claim, ApiError> {
        let taken = tx
            .execute(
                "UPDATE idempotency_keys SET owner = $1, locked_until = $2 \
                 WHERE scope = $3 AND status IS NULL AND locked_until <= $4",
                args![owner.as_str(), after(now, LOCK), scope, now],
            )
            .await?;
        Ok(if taken == 1 { Claim::Ours(owner) } else { Claim::InFlight(Duration::from_secs(1)) })
    }

    /// Keeps the answer of work that was ours; nothing when another took the claim over.
    pub(super) async fn keep(&self, scope: &str, owner: &str, kept: Kept) -> Result<(), ApiError> {
        let done = self
            .db
            .execute(
                "UPDATE idempotency_keys SET status = $1, content_type = $2, location = $3, body = $4 \
                 WHERE scope = $5 AND owner = $6 AND status IS NULL",
                args![i64::from(kept.status), kept.content_type, kept.location, kept.body, scope, owner],
            )
            .await?;
        if done == 0 {
            tracing::warn!("a write took so long that its idempotency key was claimed again");
        }
        Ok(())
    }

    /// Gives back a claim whose work changed nothing.
    pub(super) async fn release(&self, scope: &str, owner: &str) -> Result<(), DbError> {
        let statement = "DELETE FROM idempotency_keys WHERE scope = $1 AND owner = $2 AND status IS NULL";
        self.db.execute(statement, args![scope, owner]).await.map(|_| ())
    }
}

/// What a row means for another request; `None` when its claim may be taken over.
fn judge(row: Row, fingerprint: &str, now: Timestamp) -> Result<Option<Claim>, ApiError> {
    let (theirs, locked_until, status, content_type, location, body) = row;
    if theirs != fingerprint {
        return Ok(Some(Claim::OtherRequest));
    }
    if let Some(status) = status {
        let status = u16::try_from(status).map_err(|_| ApiError::internal("a kept answer can't be read"))?;
        return Ok(Some(Claim::Kept(Kept { status, content_type, location, body })));
    }
    let left = Duration::try_from(locked_until.duration_since(now)).unwrap_or_default();
    Ok((!left.is_zero()).then_some(Claim::InFlight(left)))
}

fn after(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.checked_add(time).unwrap_or(Timestamp::MAX)
}
