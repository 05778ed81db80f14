//! A secret of the configuration: as it stands there, or in a file of its own.

use std::path::PathBuf;

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

    /// The secret, where there is one. One of a file, which `files` read, is another within a second once its file holds
    /// another.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn secret(&self, files: &SecretFiles) -> anyhow::Result<Option<Secret>> {
        let Some(path) = self.file else { return Ok(self.value.clone().map(Secret::from)) };
        let secret = files.live(path, |text| !text.is_empty());
        secret.map(Some).with_context(|| format!("`{}_file` {} can't be read", self.key, path.display()))
    }
}
