//! The SQL database's address, and where its password is.

use anyhow::bail;
use reqwest::Url;

use super::Database;

impl Database {
    /// What can be said without asking anybody.
    ///
    /// # Errors
    /// Names the setting, and never what it holds: that may be a password.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let Some(url) = &self.url
            && !url.starts_with("postgres://")
            && !url.starts_with("postgresql://")
        {
            bail!("`database.url` must start with postgres://; leave it out for SQLite in the data folder");
        }
        match (&self.url, &self.password_file) {
            (_, None) => Ok(()),
            (None, Some(_)) => bail!("`database.password_file` needs `database.url`: SQLite has no password"),
            (Some(url), Some(_)) if has_password(url) => {
                bail!("`database.url` holds a password and `database.password_file` is given: leave one out")
            }
            (Some(_), Some(_)) => Ok(()),
        }
    }
}

/// Before the host or, as the driver takes it too, behind the question mark.
fn has_password(url: &str) -> bool {
    let Ok(url) = url.parse::<Url>() else { return false };
    url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password")
}
