//! Mail as files in a folder, for a machine without a mail server: its person looks there.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use contracts::{Mail, MailError, Mailer};
use jiff::Timestamp;
use lettre::message::Mailbox;
use uuid::Uuid;

use crate::{message, sender};

/// How many are kept; the oldest goes first.
const KEPT: usize = 200;

/// Writes each mail into a file of its own, readable by its owner only.
pub struct FileMailer {
    folder: PathBuf,
    from: Mailbox,
}

impl FileMailer {
    /// Into this folder, which is made when it is first needed.
    ///
    /// # Errors
    /// A sentence, when `from` is not an address.
    pub fn new(folder: PathBuf, from: &str) -> Result<Self, String> {
        Ok(Self { folder, from: sender(from)? })
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (bytes, folder) = (message(&self.from, mail)?.formatted(), self.folder.clone());
        // Names sort by time.
        let name = format!("{}-{}.eml", mail.at.as_millisecond(), mail.id);
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, &bytes)).await;
        let why = |why: String| MailError::Later(format!("the mail could not be written to a file: {why}"));
        written.map_err(|error| why(error.to_string()))?.map_err(|error| why(error.to_string()))
    }

    async fn forget(&self, to: &str) -> Result<(), MailError> {
        // Written as it would be in a mail to them; whom no mail can be written to has none.
        let (subject, text) = (String::new(), String::new());
        let sample = Mail { id: Uuid::nil(), at: Timestamp::UNIX_EPOCH, to: to.to_owned(), subject, text };
        let Some(to) = message(&self.from, &sample).ok().and_then(|sample| recipient(&sample.formatted())) else {
            return Ok(());
        };
        let folder = self.folder.clone();
        let gone = tokio::task::spawn_blocking(move || remove(&folder, &to)).await;
        let why = |why: String| MailError::Later(format!("a file of mail could not be removed: {why}"));
        gone.map_err(|error| why(error.to_string()))?.map_err(|error| why(error.to_string()))
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let half = folder.join(format!("{name}.part"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&half)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(half, folder.join(name))?;
    forget_oldest(folder)
}

fn forget_oldest(folder: &Path) -> io::Result<()> {
    let mut all = files(folder)?;
    all.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    all.sort();
    for path in all.iter().take(all.len().saturating_sub(KEPT)) {
        fs::remove_file(path)?;
    }
    Ok(())
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

/// Removes what is to this one, half-written files too.
fn remove(folder: &Path, to: &str) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for path in files(folder)? {
        if recipient(&fs::read(&path)?).as_deref() == Some(to) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The header that says whom a mail is to; it may be broken where it is long (RFC 5322, section 2.2.3).
fn recipient(mail: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(mail);
    let head = text.split("\r\n\r\n").next()?.replace("\r\n ", " ");
    head.lines().find(|line| line.starts_with("To: ")).map(str::to_owned)
}
