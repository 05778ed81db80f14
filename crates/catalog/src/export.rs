//! The whole catalogue as text that depends on its sources alone, so that two catalogues can be compared.

use std::collections::HashMap;

use contracts::{ApiError, Call, ContentId, MAX_BATCH, Result};
use serde_json::{Value as Json, json};
use stores::args;

use crate::{Catalog, seasons, store};

impl Catalog {
    /// Gives `write` one line of JSON for each title, in the order of the titles' smallest external ids: everything
    /// that `titles` tells, with the records it is made of, and without our own ids and the times at which we did
    /// something. Keeps the ids of all titles in memory, and takes as long as it takes: the call's deadline is not
    /// looked at.
    ///
    /// # Errors
    /// When the database can't be read, or the first error of `write`.
    pub async fn export(&self, call: &Call, write: &mut (dyn FnMut(&str) -> Result<()> + Send)) -> Result<()> {
        for part in self.export_order().await?.chunks(MAX_BATCH) {
            self.export_lines(call, part).await?.lines().try_for_each(&mut *write)?;
        }
        Ok(())
    }

    /// Every title, in the order of an export.
    pub(crate) async fn export_order(&self) -> Result<Vec<Exported>> {
        let mut records: HashMap<ContentId, Vec<(String, String)>> = HashMap::new();
        let sql = "SELECT content_id, source, source_key FROM source_records";
        for (id, source, key) in self.db.fetch_all::<(ContentId, String, String)>(sql, args![]).await? {
            records.entry(id).or_default().push((source, key));
        }
        records.values_mut().for_each(|keys| keys.sort_unstable());
        let mut smallest: HashMap<ContentId, (String, String)> = HashMap::new();
        let sql = "SELECT content_id, id_type, id_value FROM external_ids";
        for (id, id_type, value) in self.db.fetch_all::<(ContentId, String, String)>(sql, args![]).await? {
            let candidate = (id_type, value);
            let kept = smallest.entry(id).or_insert_with(|| candidate.clone());
            if candidate < *kept {
                *kept = candidate;
            }
        }
        // A title whose every id belongs to another goes by its first record, after those that have one.
        let mut order: Vec<_> = records
            .into_iter()
            .map(|(id, records)| Exported {
                key: smallest.remove(&id).ok_or_else(|| records.first().cloned()),
                id,
                records,
            })
            .collect();
        order.sort_unstable_by(|a, b| (&a.key, &a.records).cmp(&(&b.key, &b.records)));
        Ok(order)
    }

    /// The lines of some titles, each with its end.
    pub(crate) async fn export_lines(&self, call: &Call, part: &[Exported]) -> Result<String> {
        let ids: Vec<_> = part.iter().map(|title| title.id).collect();
        let titles = store::titles(&self.db, &ids, &call.locale.fallbacks()).await?;
        let mut seasons = seasons::whole(&self.db, &ids).await?;
        let mut lines = String::new();
        for Exported { key, id, records } in part {
            let Some(content) = titles.get(id) else { continue };
            let mut line = serde_json::to_value(content)
                .map_err(|fault| ApiError::internal(format!("a title can't be written: {fault}")))?;
            strip(&mut line);
            line["key"] = json!(key.as_ref().map_or_else(|_| String::new(), |(kind, id)| format!("{kind}:{id}")));
            line["records"] = json!(records);
            if let Some(seasons) = seasons.remove(id) {
                line["seasons"] = json!(seasons);
            }
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        Ok(lines)
    }
}

/// A title's place in an export.
pub(crate) struct Exported {
    /// Its smallest external id, or else its first record.
    key: std::result::Result<(String, String), Option<(String, String)>>,
    id: ContentId,
    /// Source and key of each record, sorted.
    records: Vec<(String, String)>,
}

/// Takes away what differs from one catalogue to the next with the same sources.
fn strip(line: &mut Json) {
    if let Some(fields) = line.as_object_mut() {
        fields.remove("id");
        fields.remove("last_updated");
    }
    for offer in line["availability"].as_array_mut().into_iter().flatten().filter_map(Json::as_object_mut) {
        offer.remove("checked_at");
    }
    // Whether this node saw a picture says nothing of the catalogue.
    for image in line["images"].as_array_mut().into_iter().flatten().filter_map(Json::as_object_mut) {
        image.remove("placeholder");
    }
}
