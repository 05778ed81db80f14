//! Sends mail: a provider outside this program.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

/// A mail to one person, in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Names it among all others: no two have the same.
    pub id: Uuid,
    /// When it was written.
    pub at: Timestamp,
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Lines that end in `\n`.
    pub text: String,
}

/// Why a mail was not sent, as a sentence without an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Another try may do better.
    #[error("{0}")]
    Later(String),
    /// No try will do better.
    #[error("{0}")]
    Never(String),
}

/// Sends mail. A mail whose fate is not known counts as not sent, so that it may arrive twice.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail over, within the mailer's own time.
    ///
    /// # Errors
    /// [`MailError`] when nobody took it.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;

    /// Leaves nothing of the mail that went to this address, where any is still here.
    ///
    /// # Errors
    /// [`MailError`] when it can't be taken away.
    async fn forget(&self, to: &str) -> Result<(), MailError>;
}
