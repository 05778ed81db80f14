//! The index of an earlier format: it answers until the one that takes its place is whole.
//!
//! It is only read. Its folder is gone once the new index has made its first commit, so that a crash at any moment leaves
//! either a whole index or this one beside the beginnings of one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tantivy::{Index, IndexReader, ReloadPolicy};

use super::{
    Snapshot,
    schema::{self, Fields},
    verify, written_format,
};
use crate::SearchError;

/// An index that was whole, in a format that is not ours.
pub(super) struct Former {
    dir: PathBuf,
    reader: IndexReader,
    fields: Fields,
}

impl Former {
    /// The one that was kept beside `dir`, where there is one that can be read.
    pub(super) fn beside(dir: &Path) -> Option<Self> {
        let dir = place(dir);
        if !dir.join("meta.json").exists() {
            return None;
        }
        match Self::open(&dir) {
            Ok(former) => {
                tracing::info!("the keyword index of an older format answers until the new one is filled");
                Some(former)
            }
            Err(error) => {
                tracing::warn!(%error, "the keyword index of an older format can't answer while the new one is filled");
                remove(&dir);
                None
            }
        }
    }

    fn open(dir: &Path) -> Result<Self, SearchError> {
        let index = Index::open_in_dir(dir)?;
        let fields = schema::fields_of(&index.schema())
            .ok_or_else(|| SearchError::Keyword("it lacks fields that are searched now".to_owned()))?;
        verify(dir, &index)?;
        schema::register_tokenizers(&index);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { dir: dir.to_owned(), reader, fields })
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.reader.searcher(), self.fields)
    }

    /// Removes its folder; searches that are under way keep what they have open.
    pub(super) fn forget(self) {
        let Self { dir, reader, .. } = self;
        drop(reader);
        remove(&dir);
    }
}

/// Puts the index in `dir` beside its place, if it was ever whole: the beginnings of one are of no use.
pub(super) fn keep(dir: &Path) -> Result<(), SearchError> {
    if written_format(dir)?.is_none() {
        return Ok(fs::remove_dir_all(dir)?);
    }
    let place = place(dir);
    match fs::remove_dir_all(&place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Ok(fs::rename(dir, place)?)
}

/// Removes what a crash left beside an index that is whole.
pub(super) fn clean(dir: &Path) {
    let place = place(dir);
    if place.exists() {
        remove(&place);
    }
}

fn remove(dir: &Path) {
    if let Err(error) = fs::remove_dir_all(dir) {
        tracing::warn!(%error, "the folder of an older keyword index can't be removed");
    }
}

fn place(dir: &Path) -> PathBuf {
    let mut place = dir.as_os_str().to_owned();
    place.push(".former");
    place.into()
}
