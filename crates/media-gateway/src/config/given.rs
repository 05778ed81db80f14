//! A secret of the configuration: as it stands there, or in a file of its own.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

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

    /// The secret, where there is one.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn read(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = self.file else { return Ok(self.value.clone()) };
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("`{}_file` {} can't be read", self.key, path.display()))?;
        Ok(Some(text.trim().to_owned()))
    }
}
