//! Groups of consumers: what each has got to, what comes next, and handling it with effect once.

use contracts::{ApiError, Clock, Event, PARTITIONS, Topic};
use futures::future::BoxFuture;

use super::{COLUMNS, Fate, Logged, bound, inbox, redelivery};
use crate::{
    args,
    db::{Db, Tx},
    error::DbError,
    value::Value,
};

/// Consumers that share the work of following some topics. Each event has its effect in a group once, however many
/// processes poll, and an event of a partition is offered only after those before it were handled or put aside.
#[derive(Clone)]
pub struct Group {
    db: Db,
    name: String,
    clock: Clock,
}

/// An event offered to a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Where it stands in the log.
    pub position: i64,
    /// The event.
    pub event: Event,
    /// How often it failed so far.
    pub attempts: u32,
    /// Whether it was put aside after a failure, rather than read from the log.
    pub again: bool,
}

/// How far a group has come in one partition.
type Offset = (String, i64, i64);

impl Group {
    /// The group called `name`. The first time, it starts at the oldest event of each of its topics.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn join(db: &Db, name: &str, topics: &[Topic], clock: &Clock) -> Result<Self, DbError> {
        let mut rows = Vec::new();
        for topic in topics {
            for partition in 0..PARTITIONS {
                rows.push(args![name, topic.as_str(), partition, 0_i64]);
            }
        }
        let mut tx = db.begin().await?;
        tx.insert_many(
            "INSERT INTO event_offsets (consumer, topic, partition, position)",
            "ON CONFLICT (consumer, topic, partition) DO NOTHING",
            rows,
        )
        .await?;
        tx.commit().await?;
        Ok(Self { db: db.clone(), name: name.to_owned(), clock: clock.clone() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// At most `limit` events to handle now, in the order to handle them: first what is due again (at most half, so
    /// that failures never hold up the log), then what comes next in each partition.
    ///
    /// # Errors
    /// As [`Db::fetch_all`].
    pub async fn poll(&self, limit: usize) -> Result<Vec<Delivery>, DbError> {
        let mut deliveries = redelivery::due(&self.db, &self.name, self.clock.now(), limit.div_ceil(2)).await?;
        let fresh = limit.saturating_sub(deliveries.len());
        let offsets = offsets(&self.db, &self.name).await?;
        if fresh == 0 || offsets.is_empty() {
            return Ok(deliveries);
        }
        let (sql, args) = next(&offsets, fresh);
        let logged: Vec<Logged> = self.db.fetch_all(sql, args).await?;
        deliveries.extend(logged.into_iter().map(|Logged { position, event }| Delivery {
            position,
            event,
            attempts: 0,
            again: false,
        }));
        Ok(deliveries)
    }

    /// Says in the handler's own transaction that an event is handled. `false`: it was already; do nothing.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn accept(&self, tx: &mut Tx, delivery: &Delivery) -> Result<bool, DbError> {
        let first = inbox::enter(tx, &self.name, delivery).await?;
        redelivery::forget(tx, &self.name, delivery.event.id).await?;
        advance(tx, &self.name, delivery).await?;
        Ok(first)
    }

    /// Puts an event aside after its handler failed, so that those after it can go on; unless too many are.
    ///
    /// # Errors
    /// As [`Tx::execute`]; the event is then simply offered again.
    pub async fn fail(&self, delivery: &Delivery, reason: &ApiError) -> Result<Fate, DbError> {
        let mut tx = self.db.begin().await?;
        let fate = redelivery::put_aside(&mut tx, &self.name, delivery, reason, self.clock.now()).await?;
        metrics::counter!("event_failures_total", "group" => self.name.clone(), "fate" => fate.label()).increment(1);
        if fate == Fate::Full {
            return Ok(fate);
        }
        advance(&mut tx, &self.name, delivery).await?;
        tx.commit().await?;
        Ok(fate)
    }

    /// Handles what [`Group::poll`] offers, each event in a transaction of its own that the handler writes to, and
    /// puts aside what fails. Returns how many were offered: 0 means that there is nothing to do now.
    ///
    /// # Errors
    /// When the database fails, and with `too_many_put_aside` when so many events failed; nothing is lost, and the next call
    /// goes on.
    pub async fn deliver<H>(&self, limit: usize, handler: H) -> Result<usize, DbError>
    where
        H: for<'a> Fn(&'a mut Tx, &'a Event) -> BoxFuture<'a, Result<(), ApiError>>,
    {
        let deliveries = self.poll(limit).await?;
        for delivery in &deliveries {
            let mut tx = self.db.begin().await?;
            if !self.accept(&mut tx, delivery).await? {
                tx.commit().await?;
                continue;
            }
            match handler(&mut tx, &delivery.event).await {
                Ok(()) => tx.commit().await?,
                // The event is not to blame: it keeps its turn, and the caller comes back later.
                Err(reason) if DbError::is_outage(&reason) => return Err(DbError::Refused(reason)),
                Err(reason) => {
                    drop(tx);
                    let fate = self.fail(delivery, &reason).await?;
                    let (group, event) = (&self.name, delivery.event.id);
                    tracing::warn!(%group, %event, %reason, %fate, "an event could not be handled");
                    if fate == Fate::Full {
                        let detail = format!("{group} failed on too many events; see `media-gateway events dead`");
                        return Err(DbError::Refused(ApiError::unavailable("too_many_put_aside", detail)));
                    }
                }
            }
        }
        Ok(deliveries.len())
    }

    /// Counts everything up to `position` as handled: for a follower that reads the whole log by itself.
    ///
    /// # Errors
    /// As [`Db::execute`].
    pub async fn skip_to(&self, position: i64) -> Result<(), DbError> {
        let sql = "UPDATE event_offsets SET position = $1 WHERE consumer = $2 AND position < $1";
        self.db.execute(sql, args![position, &self.name]).await?;
        Ok(())
    }

    /// How many events wait in the log.
    ///
    /// # Errors
    /// As [`Db::fetch_one`].
    pub async fn lag(&self) -> Result<i64, DbError> {
        lag(&self.db, &self.name).await
    }
}

/// How many events of its topics a group has not got to.
///
/// # Errors
/// As [`Db::fetch_one`].
pub async fn lag(db: &Db, group: &str) -> Result<i64, DbError> {
    let offsets = offsets(db, group).await?;
    if offsets.is_empty() {
        return Ok(0);
    }
    let (counts, args) = arms(&offsets, 1, |from| format!("(SELECT COUNT(*) {from})"), " + ");
    db.fetch_one(format!("SELECT {counts}"), args).await
}

async fn offsets(db: &Db, group: &str) -> Result<Vec<Offset>, DbError> {
    let sql = "SELECT topic, partition, position FROM event_offsets WHERE consumer = $1 ORDER BY topic, partition";
    db.fetch_all(sql, args![group]).await
}

/// The next events of every partition, one look into the index for each: a join would walk over all that was handled.
fn next(offsets: &[Offset], limit: usize) -> (String, Vec<Value>) {
    let arm = |from: String| format!("SELECT * FROM (SELECT {COLUMNS} {from} ORDER BY position LIMIT $1) AS next");
    let (union, rest) = arms(offsets, 2, arm, " UNION ALL ");
    let mut args = args![bound(limit)];
    args.extend(rest);
    (format!("SELECT * FROM ({union}) AS fresh ORDER BY position LIMIT $1"), args)
}

/// One fragment for each partition, with arguments from `$first` on.
fn arms(offsets: &[Offset], first: usize, arm: impl Fn(String) -> String, between: &str) -> (String, Vec<Value>) {
    let mut args = Vec::with_capacity(offsets.len() * 3);
    let mut fragments = Vec::with_capacity(offsets.len());
    for (topic, partition, position) in offsets {
        let n = first + args.len();
        let from = format!("FROM events WHERE topic = ${n} AND partition = ${} AND position > ${}", n + 1, n + 2);
        fragments.push(arm(from));
        args.extend(args![topic, *partition, *position]);
    }
    (fragments.join(between), args)
}

async fn advance(tx: &mut Tx, group: &str, delivery: &Delivery) -> Result<(), DbError> {
    let sql = "UPDATE event_offsets SET position = $1
        WHERE consumer = $2 AND topic = $3 AND partition = $4 AND position < $1";
    let (topic, partition) = (&delivery.event.kind, Event::partition(delivery.event.key));
    tx.execute(sql, args![delivery.position, group, topic, partition]).await?;
    Ok(())
}
