//! What people have a say in: the merge log, the queue of the uncertain, and undoing a merge.

use contracts::{ApiError, Call, ContentId, ErrorKind, Permission, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stores::{DbError, Deed, FromRow, Row, Tx, args};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Catalog,
    batch::{Batch, Key},
    ingest::write,
    load,
};

/// The most records and lines of one title's history.
const MAX_HISTORY: i64 = 500;

/// A record that a title is made of, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The source.
    pub source: String,
    /// The source's own key for the record.
    pub source_key: String,
    /// Why it is this title.
    pub evidence: String,
    /// How sure we are, from 0 to 1.
    pub confidence: f64,
    /// When the source last said something new.
    #[schema(value_type = String, format = DateTime)]
    pub ingested_at: Timestamp,
}

/// A line of the merge log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MergeLine {
    /// The record it is about.
    pub source: String,
    /// The source's own key for the record.
    pub source_key: String,
    /// `joined`, `kept_apart`, `note` (its sources disagree), `parted` or `accepted` (by a person).
    pub verdict: String,
    /// Why.
    pub evidence: String,
    /// How sure we were, from 0 to 1; 0 where it says nothing.
    pub confidence: f64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub logged_at: Timestamp,
}

/// How a title came to be what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The title.
    pub content_id: ContentId,
    /// What it is made of, by source; the first 500.
    pub records: Vec<Member>,
    /// What was decided, the newest first; the last 500.
    pub log: Vec<MergeLine>,
}

/// A question for a person: is the one title also the other?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// Its id.
    pub id: Uuid,
    /// `uncertain`: they look alike; `id_conflict`: both claim an id.
    pub kind: String,
    /// The source of the record that raised it.
    pub source: String,
    /// The source's own key for the record.
    pub source_key: String,
    /// The record's title.
    pub content_id: ContentId,
    /// What it is called, with its year; absent once it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The other title.
    pub other_id: ContentId,
    /// What that is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_title: Option<String>,
    /// What is known.
    pub evidence: String,
    /// How likely it seemed, from 0 to 1.
    pub confidence: f64,
    /// `open`, `accepted` or `rejected`.
    pub status: String,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was decided.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
}

/// A record that is a title of its own again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Unmerged {
    /// Its title now.
    pub content_id: ContentId,
    /// The title it was part of.
    pub from: ContentId,
}

/// Questions with what their titles are called.
const QUESTIONS: &str = "SELECT reviews.*, own.title AS own_title, own.release_year AS own_year,
        other.title AS other_title, other.release_year AS other_year
    FROM reviews LEFT JOIN content own ON own.id = reviews.content_id
        LEFT JOIN content other ON other.id = reviews.other_id";

impl FromRow for Review {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let called = |title: Option<String>, year: Option<u16>| match (title, year) {
            (Some(title), Some(year)) => Some(format!("{title} ({year})")),
            (title, _) => title,
        };
        Ok(Self {
            title: called(row.get("own_title")?, row.get("own_year")?),
            other_title: called(row.get("other_title")?, row.get("other_year")?),
            id: row.get("id")?,
            kind: row.get("kind")?,
            source: row.get("source")?,
            source_key: row.get("source_key")?,
            content_id: row.get("content_id")?,
            other_id: row.get("other_id")?,
            evidence: row.get("evidence")?,
            confidence: row.get("confidence")?,
            status: row.get("status")?,
            created_at: row.get("created_at")?,
            decided_at: row.get("decided_at")?,
        })
    }
}

impl Catalog {
    /// How a title came to be what it is; `None` for one that is not there.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn history(&self, call: &Call, id: ContentId) -> Result<Option<History>> {
        call.remaining(&self.clock)?;
        let sql = "SELECT source, source_key, evidence, entity_confidence, ingested_at FROM source_records
            WHERE content_id = $1 ORDER BY source, source_key LIMIT $2";
        let records: Vec<(String, String, String, f64, Timestamp)> =
            self.db.fetch_all(sql, args![id, MAX_HISTORY]).await?;
        if records.is_empty() {
            return Ok(None);
        }
        let sql = "SELECT source, source_key, verdict, evidence, confidence, logged_at FROM merge_log
            WHERE content_id = $1 ORDER BY id DESC LIMIT $2";
        let log: Vec<(String, String, String, String, f64, Timestamp)> =
            self.db.fetch_all(sql, args![id, MAX_HISTORY]).await?;
        let member = |(source, source_key, evidence, confidence, ingested_at)| Member {
            source,
            source_key,
            evidence,
            confidence,
            ingested_at,
        };
        let line = |(source, source_key, verdict, evidence, confidence, logged_at)| MergeLine {
            source,
            source_key,
            verdict,
            evidence,
            confidence,
            logged_at,
        };
        let (records, log) = (records.into_iter().map(member).collect(), log.into_iter().map(line).collect());
        Ok(Some(History { content_id: id, records, log }))
    }

    /// Questions with this status after one of them, the oldest first.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without `content:curate:*`.
    pub async fn reviews(&self, call: &Call, status: &str, after: Option<Uuid>, limit: usize) -> Result<Vec<Review>> {
        call.require_permission(&Permission::CURATE_CONTENT)?;
        call.remaining(&self.clock)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!("{QUESTIONS} WHERE status = $1 AND reviews.id > $2 ORDER BY reviews.id LIMIT $3");
        Ok(self.db.fetch_all(sql, args![status, after.unwrap_or_default(), limit]).await?)
    }

    /// Decides a question: accepted, the record's title becomes part of the other one, whose id stays.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without `content:curate:*`; `unknown_review`; `already_decided`;
    /// `title_gone` and `different_kinds` where the two can't be one.
    pub async fn decide(&self, call: &Call, id: Uuid, accept: bool) -> Result<Review> {
        call.require_permission(&Permission::CURATE_CONTENT)?;
        call.remaining(&self.clock)?;
        let mut tx = self.db.begin().await?;
        tx.lock("catalog").await?;
        let sql = format!("{QUESTIONS} WHERE reviews.id = $1");
        let mut review: Review = tx
            .fetch_optional(sql, args![id])
            .await?
            .ok_or_else(|| ApiError::not_found("unknown_review", format!("there is no question {id}")))?;
        if review.status != "open" {
            let detail = format!("the question was {} already", review.status);
            return Err(ApiError::new(ErrorKind::Conflict, "already_decided", detail));
        }
        let action = if accept { "review.accepted" } else { "review.rejected" };
        let (review_id, title, other) = (id.to_string(), review.content_id.to_string(), review.other_id.to_string());
        let detail = [("title", title.as_str()), ("other", other.as_str())];
        self.deeds.state(&mut tx, Deed { call, action, target: &review_id, detail: &detail }).await?;
        let mut batch = Batch::default();
        if accept {
            self.join(&mut tx, &mut batch, call, &review).await?;
        }
        review.status = if accept { "accepted" } else { "rejected" }.to_owned();
        review.decided_at = Some(self.clock.now());
        let sql = "UPDATE reviews SET status = $2, decided_at = $3 WHERE id = $1";
        tx.execute(sql, args![id, &review.status, review.decided_at]).await?;
        tx.commit().await?;
        self.tell(&batch).await;
        Ok(review)
    }

    /// Makes the title of a question's record part of the other title.
    async fn join(&self, tx: &mut Tx, batch: &mut Batch, call: &Call, review: &Review) -> Result<()> {
        let gone = |what| ApiError::new(ErrorKind::Conflict, "title_gone", format!("{what} is not there any more"));
        let key: Key = (review.source.clone(), review.source_key.clone());
        load::known(tx, std::slice::from_ref(&key), batch).await?;
        let from = batch.known.get(&key).map(|known| known.content_id).ok_or_else(|| gone("the record"))?;
        let sql = "SELECT into_id FROM merged_titles WHERE content_id = $1";
        let into = tx.fetch_optional(sql, args![review.other_id]).await?.unwrap_or(review.other_id);
        if from == into {
            return Ok(());
        }
        load::titles_and_claims(tx, &[from, into].into(), batch).await?;
        let types = |id| batch.title(id).map(|title| title.types());
        match (types(from), types(into)) {
            (Some(one), Some(other)) if one.is_disjoint(&other) => {
                let detail = "one is a film and the other a series";
                return Err(ApiError::new(ErrorKind::Conflict, "different_kinds", detail));
            }
            (Some(_), Some(_)) => {}
            _ => return Err(gone("the other title")),
        }
        let keys = batch.records(from);
        load::known(tx, &keys, batch).await?;
        let evidence = format!("accepted by hand: {}", review.evidence);
        for key in &keys {
            batch.relocate(key, into, "accepted", &evidence);
        }
        write(tx, batch, &self.scene(call), None).await?;
        tx.execute("UPDATE merged_titles SET into_id = $2 WHERE into_id = $1", args![from, into]).await?;
        tx.execute("INSERT INTO merged_titles (content_id, into_id) VALUES ($1, $2)", args![from, into]).await?;
        Ok(())
    }

    /// Takes a record out of its title and makes it one of its own. It stays apart: a record that is known keeps its
    /// title, whatever its source says of it later.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without `content:curate:*`; `unknown_record`; `not_merged` where it is
    /// alone already.
    pub async fn unmerge(&self, call: &Call, source: &str, source_key: &str) -> Result<Unmerged> {
        call.require_permission(&Permission::CURATE_CONTENT)?;
        call.remaining(&self.clock)?;
        let key: Key = (source.to_owned(), source_key.to_owned());
        let mut batch = Batch::default();
        let mut tx = self.db.begin().await?;
        tx.lock("catalog").await?;
        load::known(&mut tx, std::slice::from_ref(&key), &mut batch).await?;
        let Some(from) = batch.known.get(&key).map(|known| known.content_id) else {
            let detail = format!("{source} has no record {source_key:?} in the catalogue");
            return Err(ApiError::not_found("unknown_record", detail));
        };
        load::titles_and_claims(&mut tx, &[from].into(), &mut batch).await?;
        if batch.records(from).len() < 2 {
            let detail = "the record is a title of its own already";
            return Err(ApiError::new(ErrorKind::Conflict, "not_merged", detail));
        }
        let content_id = ContentId(self.ids.next());
        batch.relocate(&key, content_id, "parted", "parted by hand");
        // Somebody has just decided what a question about it would ask.
        batch.doubts.clear();
        let (record, apart, title) = (format!("{source} {source_key}"), content_id.to_string(), from.to_string());
        let detail = [("title", title.as_str()), ("apart", apart.as_str())];
        let deed = Deed { call, action: "record.unmerged", target: &record, detail: &detail };
        write(&mut tx, &mut batch, &self.scene(call), Some(deed)).await?;
        tx.commit().await?;
        self.tell(&batch).await;
        Ok(Unmerged { content_id, from })
    }

    /// The title that answers for an id: its own, or the one that it became part of.
    pub(crate) async fn current(&self, id: ContentId) -> Result<Option<ContentId>> {
        let sql = "SELECT id FROM content WHERE id = $1
            UNION ALL SELECT into_id FROM merged_titles WHERE content_id = $1 LIMIT 1";
        Ok(self.db.fetch_optional(sql, args![id]).await?)
    }

    /// Forgets what is kept of the titles of a batch.
    async fn tell(&self, batch: &Batch) {
        let moved = batch.touched.iter().filter_map(|id| batch.title(*id)).flat_map(|title| title.moved_ids.clone());
        if let Err(error) = self.forget(&batch.touched, &moved.collect()).await {
            tracing::warn!(%error, "the cache can't be told what changed; cached titles may be old");
        }
    }
}
