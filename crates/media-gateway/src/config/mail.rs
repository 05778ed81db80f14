//! How mail goes out.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use contracts::SecretFiles;
use mail::SmtpConfig;
use serde::Serialize;

use super::given::Given;

/// Who mail into files is from.
const NOBODY: &str = "Media Gateway <media-gateway@localhost.localdomain>";

/// Mail to people: that an address is theirs, and new passwords.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Mail {
    /// The server that mail is handed to: `smtps://user@host:465`, or `smtp://user@host:587?tls=required` for STARTTLS.
    /// Without it mail is written into files, in `outbox` of the data folder.
    #[config(env = "MEDIA_GATEWAY_MAIL_SMTP_URL")]
    pub smtp_url: Option<String>,
    /// The password of the server's user. Better kept in `smtp_password_file`.
    #[config(env = "MEDIA_GATEWAY_MAIL_SMTP_PASSWORD")]
    pub smtp_password: Option<String>,
    /// A file with the password.
    #[config(env = "MEDIA_GATEWAY_MAIL_SMTP_PASSWORD_FILE")]
    pub smtp_password_file: Option<PathBuf>,
    /// Who mail is from, such as `Media Gateway <media@example.org>`; needed with a server.
    #[config(env = "MEDIA_GATEWAY_MAIL_FROM")]
    pub from: Option<String>,
    /// How long the server may take for each step.
    #[config(env = "MEDIA_GATEWAY_MAIL_TIMEOUT_MS", default = 10000)]
    pub timeout_ms: u64,
}

/// Whether the value of this key may not be shown.
pub fn is_secret(key: &str) -> bool {
    key == "mail.smtp_password"
}

impl Mail {
    /// What can be said without asking anybody.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.smtp_url.is_some() && self.from.is_none() {
            bail!("`mail.smtp_url` needs `mail.from`: the address that mail comes from");
        }
        self.password().check()?;
        if !(100..=30_000).contains(&self.timeout_ms) {
            bail!("`mail.timeout_ms` must be from 100 to 30000, and is {}", self.timeout_ms);
        }
        Ok(())
    }

    fn password(&self) -> Given<'_> {
        Given { key: "mail.smtp_password", value: &self.smtp_password, file: &self.smtp_password_file }
    }

    /// Who mail is from.
    pub fn sender(&self) -> &str {
        self.from.as_deref().unwrap_or(NOBODY)
    }

    /// How to reach the server; `None` where mail goes into files.
    ///
    /// # Errors
    /// When the password file can't be read.
    pub fn smtp(&self, files: &SecretFiles) -> anyhow::Result<Option<SmtpConfig>> {
        let Some(url) = self.smtp_url.clone() else { return Ok(None) };
        let password = self.password().secret(files)?;
        let timeout = Duration::from_millis(self.timeout_ms);
        Ok(Some(SmtpConfig { url, password, from: self.sender().to_owned(), timeout }))
    }
}
