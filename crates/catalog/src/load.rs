//! What a batch needs to know before it decides: read in a few statements, whatever the number of records.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{ContentId, ExternalId, SourceRecord};
use stores::{DbError, FromRow, Sql, Tx, Value, sql::placeholders};

use crate::batch::{Batch, Incoming, Key, Stored};

/// The most values of one `IN` list.
pub const MAX_LIST: usize = 1_024;

/// One statement with an `IN` list: `head` ends before the list. The list is filled up to a power of two by repeating
/// its last value, so that a handful of statements is prepared and not one for every length.
pub fn in_list(head: &str, tail: &str, first: Vec<Value>, mut list: Vec<Value>) -> (Sql, Vec<Value>) {
    if let Some(last) = list.last().cloned() {
        list.resize(list.len().next_power_of_two(), last);
    }
    let text = format!("{head} {}{tail}", placeholders(first.len() + 1, list.len()));
    let mut args = first;
    args.extend(list);
    (text.into(), args)
}

/// The rows of a statement with an `IN` list of any length.
pub async fn fetch_in<T: FromRow>(
    tx: &mut Tx,
    head: &str,
    first: Vec<Value>,
    list: impl IntoIterator<Item = Value>,
) -> Result<Vec<T>, DbError> {
    let list: Vec<Value> = list.into_iter().collect();
    let mut rows = Vec::new();
    for part in list.chunks(MAX_LIST) {
        let (sql, args) = in_list(head, "", first.clone(), part.to_vec());
        rows.extend(tx.fetch_all::<T>(sql, args).await?);
    }
    Ok(rows)
}

/// Records of the batch that are stored already.
pub async fn known(tx: &mut Tx, keys: &[Key], batch: &mut Batch) -> Result<(), DbError> {
    let mut by_source: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (source, key) in keys {
        by_source.entry(source).or_default().insert(key);
    }
    for (source, keys) in by_source {
        let head = "SELECT source_key, content_id, digest, evidence, entity_confidence FROM source_records
            WHERE source = $1 AND source_key IN";
        let rows: Vec<(String, ContentId, String, String, f64)> =
            fetch_in(tx, head, vec![Value::from(source)], keys.into_iter().map(Value::from)).await?;
        batch.known.extend(rows.into_iter().map(|(key, content_id, digest, evidence, confidence)| {
            ((source.to_owned(), key), Stored { content_id, digest, evidence, confidence })
        }));
    }
    Ok(())
}

/// Everything that resolution may compare the records with: who has their ids, which titles have their names about
/// their years, and all records of those titles and of the ones that are about to change.
pub async fn neighbours(tx: &mut Tx, incoming: &[Incoming], batch: &mut Batch) -> Result<(), DbError> {
    let mut wanted: BTreeSet<ContentId> =
        incoming.iter().filter_map(|one| batch.known.get(&one.key())).map(|known| known.content_id).collect();
    let ids: BTreeSet<_> = incoming.iter().flat_map(|one| &one.record.external_ids).cloned().collect();
    owners(tx, &ids, batch).await?;
    wanted.extend(batch.owners.values());
    namesakes(tx, incoming, &mut wanted).await?;
    titles(tx, &wanted, batch).await
}

/// All records of some titles, and their ids.
pub async fn titles(tx: &mut Tx, wanted: &BTreeSet<ContentId>, batch: &mut Batch) -> Result<(), DbError> {
    let list = || wanted.iter().map(|id| Value::from(*id)).collect::<Vec<_>>();
    let rows: Vec<(ContentId, String)> =
        fetch_in(tx, "SELECT content_id, record FROM source_records WHERE content_id IN", vec![], list()).await?;
    for (id, json) in rows {
        let record: SourceRecord = serde_json::from_str(&json)
            .map_err(|fault| DbError::Value(format!("a stored record of title {id} can't be read: {fault}")))?;
        batch.load(id, record);
    }
    let head = "SELECT id_type, id_value, content_id FROM external_ids WHERE content_id IN";
    let rows: Vec<(String, String, ContentId)> = fetch_in(tx, head, vec![], list()).await?;
    batch.owners.extend(rows.into_iter().map(|(id_type, id_value, owner)| (ExternalId { id_type, id_value }, owner)));
    batch.loaded();
    Ok(())
}

/// [`titles`], and who has the ids that their records claim: some may be other titles', and stay there when a record
/// moves.
pub async fn titles_and_claims(tx: &mut Tx, wanted: &BTreeSet<ContentId>, batch: &mut Batch) -> Result<(), DbError> {
    titles(tx, wanted, batch).await?;
    owners(tx, &batch.claimed(), batch).await
}

async fn owners(tx: &mut Tx, ids: &BTreeSet<ExternalId>, batch: &mut Batch) -> Result<(), DbError> {
    let types: BTreeSet<&str> = ids.iter().map(|id| id.id_type.as_str()).collect();
    for id_type in types {
        let values = ids.iter().filter(|id| id.id_type == id_type).map(|id| Value::from(&id.id_value));
        let head = "SELECT id_value, content_id FROM external_ids WHERE id_type = $1 AND id_value IN";
        let rows: Vec<(String, ContentId)> = fetch_in(tx, head, vec![Value::from(id_type)], values).await?;
        let owned = |(id_value, owner)| (ExternalId { id_type: id_type.to_owned(), id_value }, owner);
        batch.owners.extend(rows.into_iter().map(owned));
    }
    Ok(())
}

/// Adds the titles that have the name of a record about its year.
async fn namesakes(tx: &mut Tx, incoming: &[Incoming], wanted: &mut BTreeSet<ContentId>) -> Result<(), DbError> {
    let mut names: BTreeMap<_, BTreeMap<&str, Vec<&Incoming>>> = BTreeMap::new();
    for one in incoming {
        for key in one.facets.names() {
            names.entry(one.record.content_type).or_default().entry(key.as_str()).or_default().push(one);
        }
    }
    for (content_type, keys) in names {
        let head = "SELECT title_key, release_year, content_id FROM title_keys
            WHERE content_type = $1 AND title_key IN";
        let first = vec![Value::from(content_type.as_str())];
        let rows: Vec<(String, u16, ContentId)> =
            fetch_in(tx, head, first, keys.keys().map(|key| Value::from(*key))).await?;
        let near = |(key, year, _): &&(String, u16, ContentId)| {
            let records = keys.get(key.as_str());
            records.into_iter().flatten().any(|one| one.facets.near(content_type, *year))
        };
        wanted.extend(rows.iter().filter(near).map(|row| row.2));
    }
    Ok(())
}
