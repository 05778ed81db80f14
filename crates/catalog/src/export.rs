//! The whole catalogue as text that depends on its sources alone, so that two catalogues can be compared.

use std::collections::HashMap;

use contracts::{ApiError, Call, ContentId, MAX_BATCH, Result};
use serde_json::{Value as Json, json};
use stores::args;

use crate::{Catalog, store};

impl Catalog {
    /// Gives `write` one line of JSON for each title, in the order of the titles' smallest external ids: everything
    /// that `titles` tells, with the records it is made of, and without our own ids and the times at which we did
    /// something. Keeps the ids of all titles in memory, and takes as long as it takes: the call's deadline is not
    /// looked at.
    ///
    /// # Errors
    /// When the database can't be read, or the first error of `write`.
    pub async fn export(&self, call: &Call, write: &mut (dyn FnMut(&str) -> Result<()> + Send)) -> Result<()> {
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
            .map(|(id, keys)| (smallest.remove(&id).ok_or_else(|| keys.first().cloned()), id, keys))
            .collect();
        order.sort_unstable_by(|a, b| (&a.0, &a.2).cmp(&(&b.0, &b.2)));
        for part in order.chunks(MAX_BATCH) {
            let ids: Vec<_> = part.iter().map(|(_, id, _)| *id).collect();
            let titles = store::titles(&self.db, &ids, &call.locale.fallbacks()).await?;
            for (key, id, keys) in part {
                let Some(content) = titles.get(id) else { continue };
                let mut line = serde_json::to_value(content)
                    .map_err(|fault| ApiError::internal(format!("a title can't be written: {fault}")))?;
                strip(&mut line);
                line["key"] = json!(key.as_ref().map_or_else(|_| String::new(), |(kind, id)| format!("{kind}:{id}")));
                line["records"] = json!(keys);
                write(&line.to_string())?;
            }
        }
        Ok(())
    }
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
}
