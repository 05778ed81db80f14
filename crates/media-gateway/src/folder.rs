//! The data folder: one owner at a time, a format, and how others find the owner.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use contracts::{ApiError, Rng};
use serde::{Deserialize, Serialize};

/// The format of the folder as a whole; each file inside has its own.
const FORMAT: u32 = 1;

/// What the owner of a folder leaves in the lock file for other processes of the same user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The owner's process.
    pub pid: u32,
    /// Base URLs: of each role it runs, and of `metrics`. Empty while it starts, or for a command that opens no port.
    pub urls: BTreeMap<String, String>,
    /// Shown as a bearer token, it makes the caller the operator.
    pub token: String,
}

/// A data folder that this process owns until it is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: File,
    owner: Owner,
}

/// What [`Folder::own`] found.
#[derive(Debug)]
pub enum Opened {
    /// It is ours now.
    Ours(Folder),
    /// Another process has it.
    Theirs(Owner),
}

impl Folder {
    /// Takes a folder that is there, for a command that only reads.
    ///
    /// # Errors
    /// `not_found` when nothing ever kept a catalogue there, and as [`Folder::own`].
    pub fn existing(path: &Path, rng: &Rng) -> anyhow::Result<Opened> {
        let there = path.join("FORMAT").try_exists();
        if !there.with_context(|| format!("can't look into {}", path.display()))? {
            let detail = format!("{} holds no catalogue: `ingest`, `serve` and `demo` make one", path.display());
            return Err(ApiError::not_found("no_data_folder", detail).into());
        }
        Self::own(path, rng)
    }

    /// Takes the folder, making it where it is missing.
    ///
    /// # Errors
    /// When it can't be made or read, or was written by a newer release.
    pub fn own(path: &Path, rng: &Rng) -> anyhow::Result<Opened> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("can't make the data folder {}", path.display()))?;
        let lock_path = path.join("node.lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .with_context(|| format!("can't open {}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                lock.read_to_string(&mut text)?;
                let starting = Owner { pid: 0, urls: BTreeMap::new(), token: String::new() };
                return Ok(Opened::Theirs(serde_json::from_str(&text).unwrap_or(starting)));
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("can't lock {}", lock_path.display()));
            }
        }
        check_format(path)?;
        let token = rng.bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect();
        let owner = Owner { pid: std::process::id(), urls: BTreeMap::new(), token };
        let mut folder = Self { path: path.to_owned(), lock, owner };
        folder.write()?;
        Ok(Opened::Ours(folder))
    }

    /// Says where the roles and metrics are.
    ///
    /// # Errors
    /// When the lock file can't be written.
    pub fn announce(&mut self, urls: BTreeMap<String, String>) -> anyhow::Result<()> {
        self.owner.urls = urls;
        self.write()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The operator's token for this run.
    pub fn token(&self) -> &str {
        &self.owner.token
    }

    /// A secret of 32 bytes that outlives the process, in a file of the folder that only its user reads.
    ///
    /// # Errors
    /// When the file can't be read or made, or holds something else.
    pub fn secret(&self, name: &str, rng: &Rng) -> anyhow::Result<[u8; 32]> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => bytes.try_into().map_err(|_| anyhow::anyhow!("{}", Damaged::new(&path))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let secret = rng.bytes::<32>();
                write_whole(&path, &secret).with_context(|| format!("can't write {}", path.display()))?;
                Ok(secret)
            }
            Err(error) => Err(error).with_context(|| format!("can't read {}", path.display())),
        }
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let text = serde_json::to_string(&self.owner)?;
        self.lock.rewind()?;
        self.lock.set_len(0)?;
        self.lock.write_all(text.as_bytes()).context("can't write the lock file")?;
        Ok(())
    }
}

/// Writes a file whole or not at all, for its user alone: a node that is killed in between starts again.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension("part");
    // Left by a process that was killed here, or somebody else's: others may have it open, or read it.
    if let Err(error) = fs::remove_file(&part)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(part, path)?;
    // What is sealed under a secret may be durable the next moment: its name must be, too.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Whether this failed because our user may not do it to a file or a folder.
pub fn is_forbidden(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == ErrorKind::PermissionDenied)
}

/// A secret of the folder that is not what it was.
pub struct Damaged {
    /// What is found.
    pub found: String,
    /// What can be done.
    pub fix: &'static str,
}

impl Damaged {
    fn new(path: &Path) -> Self {
        let fix = "remove it: a new one is made, and only pages that someone was leafing through are lost";
        Self { found: format!("{} does not hold 32 bytes", path.display()), fix }
    }
}

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.found, self.fix)
    }
}

/// The secrets of a folder that are there and damaged, by name; `secrets::damaged` looks at those that everything is
/// sealed under.
pub fn damaged_secrets(folder: &Path) -> Vec<(&'static str, Damaged)> {
    let short = |name: &&str| fs::metadata(folder.join(name)).is_ok_and(|file| file.len() != 32);
    let names = ["cursor.key", "replica.id"].into_iter().filter(short);
    names.map(|name| (name, Damaged::new(&folder.join(name)))).collect()
}

/// Refuses a folder of a newer format, and marks a new one.
fn check_format(path: &Path) -> anyhow::Result<()> {
    let file = path.join("FORMAT");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mark = format!("{FORMAT}\n");
            return write_whole(&file, mark.as_bytes()).with_context(|| format!("can't write {}", file.display()));
        }
        // Not knowing its format is no reason to mark it as ours.
        Err(error) => return Err(error).with_context(|| format!("can't read {}", file.display())),
    };
    let found: u32 = text.trim().parse().with_context(|| {
        format!(
            "{} does not hold the number of a format: is this our folder? If so, write {FORMAT} into it",
            file.display()
        )
    })?;
    if found > FORMAT {
        bail!(
            "{} was written by a newer release (format {found}, this one knows {FORMAT}): use that release",
            path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(path: &Path) -> Opened {
        Folder::own(path, &Rng::seeded(1)).unwrap()
    }

    #[test]
    fn a_folder_has_one_owner_and_tells_who() {
        let dir = tempfile::tempdir().unwrap();
        let Opened::Ours(mut folder) = own(dir.path()) else { panic!("it was free") };
        folder.announce(BTreeMap::from([("gateway".into(), "http://127.0.0.1:8080".into())])).unwrap();
        let Opened::Theirs(owner) = own(dir.path()) else { panic!("it is taken") };
        assert_eq!(owner.urls["gateway"], "http://127.0.0.1:8080");
        assert_eq!(owner.token, folder.token());
        drop(folder);
        assert!(matches!(own(dir.path()), Opened::Ours(_)));
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made_by_who_only_reads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mistyped");
        let error = Folder::existing(&path, &Rng::seeded(1)).unwrap_err();
        assert_eq!(error.downcast_ref::<ApiError>().unwrap().code, "no_data_folder");
        assert!(!path.exists());
        drop(own(&path));
        assert!(matches!(Folder::existing(&path, &Rng::seeded(1)).unwrap(), Opened::Ours(_)));
    }

    /// A loop of links, because whoever runs the tests may be let into every folder.
    #[test]
    fn a_folder_that_can_not_be_looked_into_is_not_said_to_be_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("loop");
        std::os::unix::fs::symlink(&path, &path).unwrap();
        let error = Folder::existing(&path, &Rng::seeded(1)).unwrap_err();
        assert!(error.downcast_ref::<ApiError>().is_none(), "{error:#}");
        assert!(error.to_string().starts_with("can't look into ") && !is_forbidden(&error), "{error:#}");
        let forbidden = anyhow::Error::from(std::io::Error::from(ErrorKind::PermissionDenied));
        assert!(is_forbidden(&forbidden.context("can't look into it")));
    }

    #[test]
    fn others_can_not_read_the_token() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let _folder = own(dir.path());
        let mode = fs::metadata(dir.path().join("node.lock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }

    #[test]
    fn a_secret_stays_and_half_of_one_is_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let Opened::Ours(folder) = own(dir.path()) else { panic!("it was free") };
        // Left by a process that was killed while it wrote.
        fs::write(dir.path().join("cursor.part"), "half").unwrap();
        assert!(damaged_secrets(folder.path()).is_empty());
        let secret = folder.secret("cursor.key", &Rng::seeded(1)).unwrap();
        assert_eq!(folder.secret("cursor.key", &Rng::seeded(2)).unwrap(), secret);
        fs::write(folder.path().join("cursor.key"), [1]).unwrap();
        assert!(folder.secret("cursor.key", &Rng::seeded(1)).unwrap_err().to_string().contains("remove it"));
        assert_eq!(damaged_secrets(folder.path())[0].0, "cursor.key");
        assert!(!dir.path().join("cursor.part").exists());
    }

    #[test]
    fn what_lay_in_the_way_is_not_written_into() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (elsewhere, part, path) = (dir.path().join("theirs"), dir.path().join("a.part"), dir.path().join("a.key"));
        fs::write(&elsewhere, "theirs").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &part).unwrap();
        write_whole(&path, b"ours").unwrap();
        fs::write(&part, "open to all").unwrap();
        fs::set_permissions(&part, fs::Permissions::from_mode(0o666)).unwrap();
        write_whole(&path, b"ours again").unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(&path).unwrap(), "ours again");
        assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_format_that_can_not_be_read_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("FORMAT"), [0xff, 0xfe]).unwrap();
        assert!(Folder::own(dir.path(), &Rng::seeded(1)).is_err());
        assert_eq!(fs::read(dir.path().join("FORMAT")).unwrap(), [0xff, 0xfe]);
    }

    #[test]
    fn a_newer_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("FORMAT"), "99\n").unwrap();
        let error = Folder::own(dir.path(), &Rng::seeded(1)).unwrap_err();
        assert!(error.to_string().contains("newer release"), "{error}");
    }
}
