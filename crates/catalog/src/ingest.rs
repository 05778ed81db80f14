//! Taking records in: all of a batch or none, in one transaction.

use std::collections::BTreeSet;

use contracts::{
    ApiError, Call, Clock, ContentId, Embedder, Event, EventId, Ids, IngestOutcome, MAX_BATCH, Permission, Result,
    SourceRecord, Topic,
};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use stores::{Db, DbError, Deed, Deeds, Tx, args, events};

use crate::{
    batch::{Batch, Incoming, Logged},
    counts, load,
    project::{self, Change},
    resolve::Facets,
    stated,
    stories::Stories,
    validate,
};

/// How often a batch is begun anew because more overviews have to be embedded: each time some titles are known better, and those that
/// follow in the batch may be compared with them.
const ROUNDS: usize = 4;
/// How many sources the audit log names of a batch; how many they are it says in any case.
const MAX_NAMED: usize = 10;

/// What came of a batch, and which cached answers it made stale.
pub struct Taken {
    /// One for each record, in order.
    pub outcomes: Vec<IngestOutcome>,
    /// Titles that changed.
    pub titles: Vec<ContentId>,
    /// Ids that went to another title, or to one for the first time.
    pub ids: BTreeSet<contracts::ExternalId>,
}

/// Takes a batch in. With a model, overviews that are to be compared are embedded between two tries, so that nobody waits for the
/// model behind the catalogue's lock.
///
/// # Errors
/// `Unauthenticated` or `PermissionDenied` without `content:write:*`, `too_many_records`, `bad_record`; nothing is written
/// then.
pub async fn ingest(
    db: &Db,
    scene: &Scene<'_>,
    model: Option<&dyn Embedder>,
    records: &[SourceRecord],
) -> Result<Taken> {
    scene.call.require_permission(&Permission::WRITE_CONTENT)?;
    scene.call.remaining(scene.clock)?;
    if records.len() > MAX_BATCH {
        let detail = format!("a batch has at most {MAX_BATCH} records, this one has {}", records.len());
        return Err(ApiError::invalid("too_many_records", detail).field("records", "are too many"));
    }
    let mut stories = Stories::new(model.is_some());
    let mut round = 0;
    loop {
        let incoming = prepare(scene.clock, records)?;
        let mut tx = db.begin().await?;
        // One batch at a time, in the whole cluster: each must see the titles that the one before it made.
        tx.lock("catalog").await?;
        match take(&mut tx, "records.ingested", incoming, scene, &mut stories).await? {
            Some(taken) if taken.titles.is_empty() => return Ok(taken),
            Some(taken) => {
                tx.commit().await?;
                return Ok(taken);
            }
            None => drop(tx),
        }
        let left = scene.call.remaining(scene.clock)?;
        match model.filter(|_| round < ROUNDS) {
            // The other half is for the writing: whoever asks must hear of it before they ask again.
            Some(model) => stories.embed(model, left / 2).await,
            // Nothing is wanting from here on, so that the next round is the last.
            None => stories.close(),
        }
        round += 1;
    }
}

/// Withdraws the offers of these sources that none has confirmed since a time, of at most [`MAX_BATCH`] titles.
///
/// # Errors
/// `Unauthenticated` or `PermissionDenied` without `content:write:*`.
pub async fn withdraw(db: &Db, scene: &Scene<'_>, sources: &[String], checked_before: Timestamp) -> Result<Taken> {
    scene.call.require_permission(&Permission::WRITE_CONTENT)?;
    scene.call.remaining(scene.clock)?;
    let mut tx = db.begin().await?;
    tx.lock("catalog").await?;
    let records = unconfirmed(&mut tx, sources, checked_before).await?;
    let incoming = prepare(scene.clock, &records)?;
    let taken = take(&mut tx, "offers.withdrawn", incoming, scene, &mut Stories::default()).await?;
    tx.commit().await?;
    taken.ok_or_else(|| ApiError::internal("known records were compared"))
}

/// Takes checked records in, in a transaction that has the catalogue's lock. `None`, and nothing written, where overviews have to be
/// embedded first. What changes something is stated as this action of whoever calls.
async fn take(
    tx: &mut Tx,
    action: &'static str,
    incoming: Vec<Incoming>,
    scene: &Scene<'_>,
    stories: &mut Stories,
) -> Result<Option<Taken>> {
    let keys: Vec<_> = incoming.iter().map(Incoming::key).collect();
    let mut batch = Batch::knowing(std::mem::take(stories));
    load::known(tx, &keys, &mut batch).await?;
    let stale = |one: &Incoming| batch.known.get(&one.key()).is_none_or(|known| known.digest != one.digest);
    if incoming.iter().any(stale) {
        load::neighbours(tx, &incoming, &mut batch).await?;
    }
    let outcomes = incoming.into_iter().map(|one| batch.take(one, || ContentId(scene.ids.next()))).collect();
    if batch.stories.are_wanting() {
        *stories = batch.stories;
        return Ok(None);
    }
    let touched = batch.touched.clone();
    let moved = touched.iter().filter_map(|id| batch.title(*id)).flat_map(|title| &title.moved_ids).cloned().collect();
    if !touched.is_empty() {
        let sources: BTreeSet<&str> = keys.iter().map(|key| key.0.as_str()).collect();
        let (titles, count) = (touched.len().to_string(), sources.len().to_string());
        let target = sources.into_iter().take(MAX_NAMED).collect::<Vec<_>>().join(" ");
        let detail = [("titles", titles.as_str()), ("sources", count.as_str())];
        let deed = Deed { call: scene.call, action, target: &target, detail: &detail };
        write(tx, &mut batch, scene, Some(deed)).await?;
    }
    Ok(Some(Taken { outcomes, titles: touched, ids: moved }))
}

/// The records of these sources that hold offers last confirmed before a time, without those offers.
async fn unconfirmed(tx: &mut Tx, sources: &[String], checked_before: Timestamp) -> Result<Vec<SourceRecord>> {
    let mut records = Vec::new();
    for source in sources {
        let most = i64::try_from(MAX_BATCH.saturating_sub(records.len())).unwrap_or_default();
        let sql = "SELECT record FROM source_records WHERE source = $1 AND content_id IN
            (SELECT DISTINCT content_id FROM platform_availability WHERE source = $1 AND checked_at < $2 LIMIT $3)";
        let found: Vec<String> = tx.fetch_all(sql, args![source, checked_before, most]).await?;
        for json in found {
            let mut record: SourceRecord = serde_json::from_str(&json)
                .map_err(|fault| ApiError::internal(format!("a stored record of {source} can't be read: {fault}")))?;
            let offers = record.offers.len();
            record.offers.retain(|offer| offer.checked_at >= checked_before);
            if record.offers.len() < offers {
                records.push(record);
            }
        }
    }
    Ok(records)
}

/// What a change is made with.
pub struct Scene<'a> {
    /// Tells the time of it.
    pub clock: &'a Clock,
    /// Names what is new.
    pub ids: &'a Ids,
    /// Who made it, and in which trace.
    pub call: &'a Call,
    /// Where it is stated that somebody did.
    pub deeds: &'a Deeds,
}

/// Writes what the titles of a batch have become, its records, its log and its events, and states the deed that it is, if it
/// is one that is not stated yet.
pub async fn write(tx: &mut Tx, batch: &mut Batch, scene: &Scene<'_>, deed: Option<Deed<'_>>) -> Result<()> {
    let Scene { clock, ids, call, .. } = *scene;
    let now = clock.now();
    let changes = changes(batch)?;
    let emptied: Vec<ContentId> = batch.emptied().collect();
    counts::take_out(tx, &batch.touched).await?;
    project::forget(tx, &emptied).await?;
    project::titles(tx, batch, &changes, now).await?;
    counts::put_in(tx, &batch.touched).await?;
    let mut events: Vec<Event> = changes.iter().flat_map(|change| news(change, ids, call, clock)).collect();
    events.extend(emptied.iter().map(|id| {
        let data = json!({ "content_id": id, "source": "operator", "removed": true });
        Event::new(EventId(ids.next()), "/catalog", Topic::ContentUpdated, *id, now, call.trace, data)
    }));
    project::prices(tx, &changes, ids, now).await?;
    let notes: Vec<Logged> = changes.iter().flat_map(notes).collect();
    drop(changes);
    batch.log.extend(notes);
    project::records(tx, batch, ids, now).await?;
    project::doubts(tx, batch, ids, now).await?;
    // Last of all: from here on everybody waits who has a deed or an event to state, in whatever context.
    if let Some(deed) = deed {
        scene.deeds.state(tx, deed).await?;
    }
    events::append(tx, &events).await?;
    Ok(())
}

fn prepare(clock: &Clock, records: &[SourceRecord]) -> Result<Vec<Incoming>> {
    let this_year = clock.now().to_zoned(jiff::tz::TimeZone::UTC).year();
    let this_year = u16::try_from(this_year).unwrap_or_default();
    let one = |(index, record): (usize, &SourceRecord)| {
        validate::check(record, index, this_year)?;
        let json = serde_json::to_string(record)
            .map_err(|fault| ApiError::invalid("bad_record", format!("record {index} can't be written: {fault}")))?;
        let digest = digest(&json);
        Ok(Incoming { record: record.clone(), digest, json, facets: Facets::of(record) })
    };
    records.iter().enumerate().map(one).collect()
}

/// 128 bits of SHA-256, as hexadecimal digits.
fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What the titles of the batch have become.
fn changes(batch: &Batch) -> Result<Vec<Change<'_>>, DbError> {
    let change = |id: &ContentId| Change::of(*id, batch.title(*id)?);
    let emptied: BTreeSet<ContentId> = batch.emptied().collect();
    let changes: Option<Vec<_>> = batch.touched.iter().filter(|id| !emptied.contains(id)).map(change).collect();
    changes.ok_or_else(|| DbError::Value("a title without records".to_owned()))
}

/// Lines for the merge log where the sources of a title newly disagree.
fn notes<'a>(change: &'a Change<'_>) -> impl Iterator<Item = Logged> + 'a {
    let known = change.title.before.as_ref().map(|before| before.notes.as_slice()).unwrap_or_default();
    let news = change.after.notes.iter().filter(move |note| !known.contains(note));
    news.map(|note| Logged {
        key: change.title.key(),
        content_id: change.id,
        verdict: "note",
        evidence: note.clone(),
        confidence: 0.0,
    })
}

/// The events of one change, stated now.
fn news(change: &Change<'_>, ids: &Ids, call: &Call, clock: &Clock) -> Vec<Event> {
    let event =
        |(topic, data)| Event::new(EventId(ids.next()), "/catalog", topic, change.id, clock.now(), call.trace, data);
    stated::of(change).into_iter().map(event).collect()
}
