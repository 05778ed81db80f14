//! The keyword index of this replica: BM25 over a folder that can always be rebuilt from the catalogue.

mod clause;
mod counting;
mod fit;
mod former;
mod ids;
mod nearby;
mod passing;
mod pruned;
mod query;
mod schema;
mod snapshot;
mod told;

use std::{
    fs, io,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use contracts::{Content, ContentId};
use serde::{Deserialize, Serialize};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Term};

pub(crate) use nearby::slips;
pub(crate) use query::{Demand, KeywordQuery, Raised, stop_word};
pub(crate) use schema::TitleDoc;
pub(crate) use snapshot::{Asked, Ordered, Popular, Rank, Snapshot};

use crate::SearchError;
use former::Former;
use schema::Fields;

/// The format of what we write. Raise it with every change of the schema, the folding, the tags or the stored document: an older
/// index is then rebuilt, and answers meanwhile where it can be read; an older release refuses a newer one. A field that
/// is added to the stored document needs a default, so that the older one can.
const FORMAT: u32 = 5;
/// Memory of the writer before it spills a segment, in bytes.
const WRITER_BYTES: usize = 50_000_000;
/// Checksums are verified when the index is opened, up to this size in bytes; reading more would delay the start.
const MAX_VERIFIED_BYTES: u64 = 2 << 30;

/// What each commit carries: an index and its cursor move together or not at all.
#[derive(Serialize, Deserialize)]
struct Payload {
    format: u32,
    cursor: i64,
}

/// The index. Its methods block: call them off the async threads.
pub(crate) struct KeywordIndex {
    index: Index,
    fields: Fields,
    reader: IndexReader,
    writer: Mutex<IndexWriter>,
    /// Whether it was ever filled.
    whole: AtomicBool,
    /// Answers while it is not.
    former: RwLock<Option<Former>>,
}

impl KeywordIndex {
    /// Opens the index in `dir`, or makes an empty one where there is none, or one that is older or broken, which the
    /// follower fills from the catalogue. An older one is moved to `dir` with `.former` added, and answers until then; a
    /// broken one is moved aside, to `dir` with `.aside` added.
    ///
    /// # Errors
    /// [`SearchError::Newer`] for an index of a newer release; [`SearchError::Locked`] when another process has it.
    pub(crate) fn open(dir: &Path) -> Result<Self, SearchError> {
        match Self::try_open(dir) {
            Ok(Some(index)) => return Ok(index),
            Ok(None) => {
                tracing::warn!("the keyword index has an older format: it is rebuilt from the catalogue");
                former::keep(dir)?;
            }
            Err(error @ (SearchError::Newer { .. } | SearchError::Locked | SearchError::StorageFull)) => {
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(%error, "the keyword index can't be used: it is moved aside and rebuilt from the catalogue");
                move_aside(dir)?;
            }
        }
        Self::try_open(dir)?.ok_or_else(|| SearchError::Keyword("a new index can't be opened".to_owned()))
    }

    /// `None` when the index is of an older format.
    fn try_open(dir: &Path) -> Result<Option<Self>, SearchError> {
        fs::create_dir_all(dir)?;
        let (schema, fields) = schema::schema();
        let index = if dir.join("meta.json").exists() {
            match written_format(dir)? {
                Some(found) if found > FORMAT => return Err(SearchError::Newer { found, known: FORMAT }),
                Some(found) if found < FORMAT => return Ok(None),
                _ => Index::open_in_dir(dir)?,
            }
        } else {
            Index::create_in_dir(dir, schema.clone())?
        };
        if index.schema() != schema {
            return Ok(None);
        }
        verify(dir, &index)?;
        schema::register_tokenizers(&index);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let writer = Mutex::new(index.writer_with_num_threads(1, WRITER_BYTES)?);
        let mut opened =
            Self { index, fields, reader, writer, whole: AtomicBool::new(false), former: RwLock::default() };
        if opened.cursor()?.is_some() {
            opened.whole = AtomicBool::new(true);
            former::clean(dir);
        } else {
            opened.former = RwLock::new(Former::beside(dir));
        }
        Ok(Some(opened))
    }

    /// The position in the event log that the index stands at; `None` when it was never filled.
    pub(crate) fn cursor(&self) -> Result<Option<i64>, SearchError> {
        let payload = self.index.load_metas()?.payload;
        Ok(payload.and_then(|json| serde_json::from_str::<Payload>(&json).ok()).map(|payload| payload.cursor))
    }

    /// Writes `titles`, forgets `gone`, and moves the cursor, all in one commit. Nothing changes when it fails.
    pub(crate) fn apply(&self, titles: &[Content], gone: &[ContentId], cursor: i64) -> Result<(), SearchError> {
        let mut writer = self.writer();
        let staged = stage(&writer, &self.fields, titles, gone);
        self.finish(&mut writer, staged, Some(cursor))
    }

    /// Starts from nothing: what is there keeps answering until the [`KeywordIndex::apply`] that ends the rebuild.
    pub(crate) fn clear(&self) -> Result<(), SearchError> {
        let mut writer = self.writer();
        let cleared = writer.delete_all_documents().map(|_| ()).map_err(SearchError::from);
        self.finish(&mut writer, cleared, None)
    }

    /// Adds titles to a rebuild, without a commit.
    pub(crate) fn add(&self, titles: &[Content]) -> Result<(), SearchError> {
        let mut writer = self.writer();
        let staged = stage(&writer, &self.fields, titles, &[]);
        self.finish(&mut writer, staged, None)
    }

    /// What the last commit left, unchanged by later ones; before the first, what the index of an older format holds.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let former = self.former.read().unwrap_or_else(PoisonError::into_inner);
        match &*former {
            Some(former) => former.snapshot(),
            None => Snapshot::new(self.reader.searcher(), self.fields),
        }
    }

    /// Whether an index of an older format answers.
    pub(crate) fn is_former(&self) -> bool {
        self.former.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Whether it answers from the whole catalogue, as this or an older format has it.
    pub(crate) fn is_filled(&self) -> bool {
        self.whole.load(Ordering::SeqCst) || self.is_former()
    }

    /// This index is whole: one of an older format goes.
    fn retire_former(&self) {
        if !self.whole.swap(true, Ordering::SeqCst)
            && let Some(former) = self.former.write().unwrap_or_else(PoisonError::into_inner).take()
        {
            former.forget();
        }
    }

    fn writer(&self) -> MutexGuard<'_, IndexWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits when there is a cursor; takes everything staged back when anything failed.
    fn finish(
        &self,
        writer: &mut IndexWriter,
        staged: Result<(), SearchError>,
        cursor: Option<i64>,
    ) -> Result<(), SearchError> {
        let done = staged.and_then(|()| match cursor {
            Some(cursor) => commit(writer, cursor).and_then(|()| Ok(self.reader.reload()?)),
            None => Ok(()),
        });
        if done.is_err() {
            writer.rollback()?;
        } else if cursor.is_some() {
            self.retire_former();
        }
        done
    }
}

fn stage(writer: &IndexWriter, fields: &Fields, titles: &[Content], gone: &[ContentId]) -> Result<(), SearchError> {
    for id in titles.iter().map(|title| title.id).chain(gone.iter().copied()) {
        writer.delete_term(Term::from_field_text(fields.id, &id.to_string()));
    }
    for title in titles {
        let document = schema::document(fields, title).map_err(|error| SearchError::Keyword(error.to_string()))?;
        writer.add_document(document)?;
    }
    Ok(())
}

fn commit(writer: &mut IndexWriter, cursor: i64) -> Result<(), SearchError> {
    let payload = serde_json::to_string(&Payload { format: FORMAT, cursor });
    let payload = payload.map_err(|error| SearchError::Keyword(error.to_string()))?;
    let mut prepared = writer.prepare_commit()?;
    prepared.set_payload(&payload);
    prepared.commit()?;
    Ok(())
}

/// The format that the index in `dir` says it has, read without the engine, which may not know a newer one's file.
fn written_format(dir: &Path) -> Result<Option<u32>, SearchError> {
    let meta: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("meta.json"))?)
        .map_err(|error| SearchError::Keyword(format!("meta.json can't be read: {error}")))?;
    let payload = meta.get("payload").and_then(serde_json::Value::as_str);
    Ok(payload.and_then(|json| serde_json::from_str::<Payload>(json).ok()).map(|payload| payload.format))
}

/// Looks at the keyword index of a data folder's `index` as [`crate::Search::open`] would, and changes nothing: how many
/// titles it holds, `None` when there is none yet.
///
/// # Errors
/// What is wrong with it.
pub fn inspect(dir: &Path) -> Result<Option<u64>, SearchError> {
    let dir = &dir.join("keyword");
    if !dir.join("meta.json").exists() {
        return Ok(None);
    }
    match written_format(dir)? {
        Some(found) if found > FORMAT => return Err(SearchError::Newer { found, known: FORMAT }),
        Some(found) if found < FORMAT => return Err(SearchError::Keyword("it has an older format".to_owned())),
        _ => {}
    }
    let index = Index::open_in_dir(dir)?;
    verify(dir, &index)?;
    Ok(Some(index.searchable_segment_metas()?.iter().map(|segment| u64::from(segment.num_docs())).sum()))
}

/// Compares every file with its checksum.
fn verify(dir: &Path, index: &Index) -> Result<(), SearchError> {
    let sizes = fs::read_dir(dir)?.map(|entry| entry?.metadata()).map(|data| data.map(|data| data.len()));
    let bytes: u64 = sizes.sum::<io::Result<u64>>()?;
    if bytes > MAX_VERIFIED_BYTES {
        tracing::info!(bytes, "the keyword index is too large to verify its checksums at the start");
        return Ok(());
    }
    let damaged = index.validate_checksum()?;
    if damaged.is_empty() {
        Ok(())
    } else {
        Err(SearchError::Keyword(format!("{} of its files are damaged", damaged.len())))
    }
}

/// Keeps one index aside, the latest, for whoever wants to know what happened.
fn move_aside(dir: &Path) -> Result<(), SearchError> {
    let mut aside = dir.as_os_str().to_owned();
    aside.push(".aside");
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Ok(fs::rename(dir, &aside)?)
}

#[cfg(test)]
mod tests;
