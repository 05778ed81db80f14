//! A secret of the configuration: as it stands there, or in a file of its own.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, bail};
use contracts::{Secret, SecretFiles};

/// Where a secret may be.
pub struct Given<'a> {
    /// Its key; the file's is the same with `_file` behind it.
    pub key: &'a str,
    pub value: &'a Option<String>,
    pub file: &'a Option<PathBuf>,
}

impl Given<'_> {
    /// Whether it is given.
    pub fn is_some(&self) -> bool {
        self.value.is_some() || self.file.is_some()
    }

    /// It can't be given twice.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.value.is_some() && self.file.is_some() {
            bail!("`{0}` and `{0}_file` are given: leave one out", self.key);
        }
        Ok(())
    }

    /// The secret, where there is one. One of a file, which `files` read, is read again at each use; while that can't be, or
    /// is empty, the one from before counts.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn secret(&self, files: &SecretFiles) -> anyhow::Result<Option<Secret>> {
        let Some(path) = self.file.clone() else { return Ok(self.value.clone().map(Secret::from)) };
        let files = files.clone();
        let text = files.read(&path);
        let text = text.with_context(|| format!("`{}_file` {} can't be read", self.key, path.display()))?;
        let last = Mutex::new((text.trim().to_owned(), true));
        Ok(Some(Secret::live(move || {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            let (secret, was_read) = &mut *last;
            match files.read(&path) {
                Ok(text) if !text.trim().is_empty() => (*secret, *was_read) = (text.trim().to_owned(), true),
                Ok(_) => {}
                // Said once: it may be asked for with every request.
                Err(error) => {
                    if std::mem::replace(was_read, false) {
                        tracing::warn!(%error, file = %path.display(), "a secret can't be read again");
                    }
                }
            }
            secret.clone()
        })))
    }
}
