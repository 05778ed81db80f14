//! The password of the database's user, in a file that may change while nodes run.

use std::{
    borrow::Cow,
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::Rng;
use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgPool},
};
use tokio::sync::Mutex;

use super::transport;
use crate::error::DbError;

/// How long nobody looks for another password after none was taken: of many requests that wait for a connection each would,
/// and the server's log would tell of them all.
const PAUSE: Duration = Duration::from_secs(1);
/// The server's code where the password is wrong, and nothing else.
const WRONG_PASSWORD: &str = "28P01";

/// A file whose first line is a password. While it is being changed, the one that is to take its place is beside it, in a
/// file of the same name with `.next` behind it: whoever the server refuses with the one tries the other.
#[derive(Clone, Debug)]
pub struct PasswordFile(PathBuf);

impl PasswordFile {
    /// The one at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The password.
    ///
    /// # Errors
    /// When the file can't be read, or its first line is empty.
    pub fn read(&self) -> io::Result<String> {
        first_line(&self.0)
    }

    /// The password that somebody began to put in its place, and stopped before the end.
    ///
    /// # Errors
    /// As [`PasswordFile::read`].
    pub fn begun(&self) -> io::Result<Option<String>> {
        match self.beside("next").and_then(|path| first_line(&path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Whether the server at `url` refuses it as the password of `user`, and the one that was begun as well. Not where
    /// the server can't be asked so, as where it takes that user from elsewhere only: then nobody can tell.
    ///
    /// # Errors
    /// `Unavailable` when `url` is none of PostgreSQL, or the file can't be read.
    pub async fn is_refused(&self, url: &str, user: &str, patience: Duration) -> Result<bool, DbError> {
        let options = transport::options(url)?.username(user).disable_statement_logging();
        let unread = |error: io::Error| DbError::Unavailable(format!("{} can't be read: {error}", self.0.display()));
        for password in self.candidates().map_err(unread)? {
            let options = options.clone().password(&password);
            match tokio::time::timeout(patience, options.connect()).await {
                Ok(Err(error)) if code(&error).is_some_and(|code| code == WRONG_PASSWORD) => {}
                Ok(Ok(connection)) => {
                    let _ = connection.close().await;
                    return Ok(false);
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Keeps other processes from changing it until what this gives is dropped; `None` where one is at it.
    ///
    /// # Errors
    /// When its folder can't be opened or locked.
    pub fn lock(&self) -> io::Result<Option<File>> {
        // The folder, for the file itself is another after each change.
        let folder = File::open(folder_of(&fs::canonicalize(&self.0)?))?;
        match folder.try_lock() {
            Ok(()) => Ok(Some(folder)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Makes the file, with a password of 256 bits, for its owner alone. It is there for good once this returns.
    ///
    /// # Errors
    /// When it can't be written, or is there: nothing has changed then.
    pub fn make(&self, rng: &Rng) -> io::Result<String> {
        if self.0.symlink_metadata().is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let part = suffixed(&self.0, "part");
        let (file, password) = fresh(&part, rng)?;
        file.sync_all()?;
        rename(&part, &self.0)?;
        Ok(password)
    }

    /// Makes another password of 256 bits and puts it beside the file, for its owner and the group that may read that. It is
    /// there for good once this returns.
    ///
    /// # Errors
    /// When it can't be written, or not so that the file's owner owns it: nothing has changed then.
    pub fn stage(&self, rng: &Rng) -> io::Result<String> {
        let (part, next, old) = (self.beside("part")?, self.beside("next")?, fs::metadata(&self.0)?);
        let (file, password) = fresh(&part, rng)?;
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        // A group is let in on purpose, by whoever runs nodes as other users than the file's. Everybody is by mistake.
        if old.mode() & 0o007 == 0 {
            file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
        }
        file.sync_all()?;
        rename(&part, &next)?;
        Ok(password)
    }

    /// Puts what is beside the file in its place, for good.
    ///
    /// # Errors
    /// When there is nothing, or it can't be renamed.
    pub fn settle(&self) -> io::Result<()> {
        rename(&self.beside("next")?, &fs::canonicalize(&self.0)?)
    }

    /// A file beside the one that this leads to, if it is a link.
    fn beside(&self, suffix: &str) -> io::Result<PathBuf> {
        Ok(suffixed(&fs::canonicalize(&self.0)?, suffix))
    }

    /// What the server may take, the likeliest first. The one that is to come is read before the other, so that a rename in
    /// between hides neither.
    fn candidates(&self) -> io::Result<Vec<String>> {
        let begun = self.begun().unwrap_or_default();
        Ok([Some(self.read()?), begun].into_iter().flatten().collect())
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(format!(".{suffix}"));
    path.into()
}

/// A new file that only its owner reads, with a new password.
fn fresh(path: &Path, rng: &Rng) -> io::Result<(File, String)> {
    // Left by a process that was killed here: it may be one that can't be opened to write, or that others read.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let password = BASE64_URL_SAFE_NO_PAD.encode(rng.bytes::<32>());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{password}")?;
    Ok((file, password))
}

fn first_line(path: &Path) -> io::Result<String> {
    let text = fs::read_to_string(path)?;
    let line = text.lines().next().filter(|line| !line.trim().is_empty());
    line.map(str::to_owned).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "its first line is empty"))
}

/// Renames within a folder, for good.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    File::open(folder_of(to))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// The password of a pool's connections, looked for again once the server refuses the one they have.
pub(super) struct Live {
    file: PasswordFile,
    /// When none was taken last; `None` while all is well.
    failed: Mutex<Option<Instant>>,
}

impl Live {
    pub fn new(file: PasswordFile) -> Self {
        Self { file, failed: Mutex::default() }
    }

    /// Whether the pool's next connections have another password than those that were `refused`: one that the server takes.
    pub async fn renew(&self, pool: &PgPool, refused: &Arc<PgConnectOptions>) -> bool {
        let mut failed = self.failed.lock().await;
        let options = pool.connect_options();
        if !Arc::ptr_eq(&options, refused) {
            return true;
        }
        if failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return false;
        }
        match self.taken(&options, pool.options().get_acquire_timeout()).await {
            Ok(taken) => {
                pool.set_connect_options(taken);
                *failed = None;
                tracing::info!("the database's password was read again");
                true
            }
            Err(error) => {
                // Said once, and not again before one was taken.
                if failed.replace(Instant::now()).is_none() {
                    let file = self.file.path().display();
                    tracing::warn!(error, %file, "the database refuses the password, and its file has none that it takes");
                }
                false
            }
        }
    }

    /// The first that the server takes, proven by a connection beside the pool, so that nobody is given one that it does not.
    async fn taken(&self, options: &PgConnectOptions, patience: Duration) -> Result<PgConnectOptions, String> {
        let mut why = String::new();
        for password in self.file.candidates().map_err(|error| error.to_string())? {
            let options = options.clone().password(&password);
            let connected = tokio::time::timeout(patience, options.connect()).await;
            match connected {
                Ok(Ok(connection)) => {
                    // It was taken, however it ends.
                    let _ = connection.close().await;
                    return Ok(options);
                }
                Ok(Err(error)) => why = error.to_string(),
                Err(_) => "it did not answer in time".clone_into(&mut why),
            }
        }
        Err(why)
    }
}

/// Whether the server knows neither user nor password: class 28 of its codes.
pub(super) fn is_refused(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code.starts_with("28"))
}

/// The server's code of what it refused.
fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, text: &str) -> PasswordFile {
        let file = PasswordFile::new(folder.path().join("password"));
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_password_is_the_first_line_and_not_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(file(&folder, "a secret \nof ours\n").read().unwrap(), "a secret ");
        assert_eq!(file(&folder, "a secret\r\n").read().unwrap(), "a secret");
        for empty in ["", "\n", "  \nsecret"] {
            assert_eq!(file(&folder, empty).read().unwrap_err().kind(), ErrorKind::InvalidData, "{empty:?}");
        }
        assert_eq!(PasswordFile::new(folder.path().join("none")).read().unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_file_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = PasswordFile::new(folder.path().join("one.password"));
        // By somebody else, or a process that was killed.
        let part = folder.path().join("one.password.part");
        fs::write(&part, "hal").unwrap();
        fs::set_permissions(&part, fs::Permissions::from_mode(0o666)).unwrap();
        let made = file.make(&Rng::seeded(1)).unwrap();
        assert_eq!((made.len(), file.read().unwrap()), (43, made));
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(file.make(&Rng::seeded(2)).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }

    /// However far somebody came, the password that the server has is one of those that are tried.
    #[test]
    fn the_next_is_beside_it_until_it_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder, "first\n");
        assert!(file.settle().is_err() && file.begun().unwrap().is_none());
        // By a process that was killed before it had written it all.
        fs::write(folder.path().join("password.part"), "hal").unwrap();
        fs::set_permissions(folder.path().join("password.part"), fs::Permissions::from_mode(0o400)).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o440)).unwrap();
        assert_eq!(file.candidates().unwrap(), ["first"]);
        let second = file.stage(&Rng::seeded(1)).unwrap();
        assert_eq!(second.len(), 43);
        assert_eq!(
            (file.begun().unwrap(), file.candidates().unwrap()),
            (Some(second.clone()), vec!["first".to_owned(), second.clone()])
        );
        file.settle().unwrap();
        assert_eq!((file.begun().unwrap(), file.candidates().unwrap()), (None, vec![second]));
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o440);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_everybody_reads_is_its_owners_alone_once_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder, "first\n");
        for (before, after) in [(0o644, 0o600), (0o604, 0o600), (0o640, 0o640), (0o400, 0o400)] {
            fs::set_permissions(file.path(), Permissions::from_mode(before)).unwrap();
            file.stage(&Rng::seeded(1)).unwrap();
            let next = fs::metadata(folder.path().join("password.next")).unwrap();
            assert_eq!(next.mode() & 0o777, after, "{before:o}");
            file.settle().unwrap();
            assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o777, after, "{before:o}");
        }
    }

    #[test]
    fn a_link_is_followed_and_one_at_a_time_changes_it() {
        let (folder, links) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (file, link) = (file(&folder, "first\n"), PasswordFile::new(links.path().join("link")));
        std::os::unix::fs::symlink(file.path(), link.path()).unwrap();
        let held = link.lock().unwrap().unwrap();
        assert!(file.lock().unwrap().is_none());
        drop(held);
        assert!(file.lock().unwrap().is_some());
        let second = link.stage(&Rng::seeded(1)).unwrap();
        assert_eq!(file.begun().unwrap(), Some(second.clone()));
        link.settle().unwrap();
        assert!(link.path().is_symlink());
        assert_eq!(file.read().unwrap(), second);
    }
}
