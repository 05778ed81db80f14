//! The secrets that the deployment's keys come of: a file that an operator hands to every node, or one of the folder's
//! own; in plain, or sealed by a key of Google Cloud KMS.

mod sealer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow, bail, ensure};
use async_trait::async_trait;
use auth::{KeyVault, MAX_SECRETS, has_sealed};
use contracts::{ApiError, ErrorKind, Secret, SecretFiles};
use sha2::{Digest as _, Sha256};
use stores::Db;
use tokio::sync::Mutex;

use crate::{
    backends,
    config::Config,
    folder::{Damaged, Folder, is_forbidden, write_whole},
    peers,
    roles::Role,
    services::Means,
};

use sealer::{Line, MARK, PATIENCE};
pub use sealer::{Purpose, Sealer};

/// The file in the folder: 32 bytes a secret, or a sealed line for each; the newest first.
const FILE: &str = "auth.key";
/// The shortest line that is a secret.
pub const SHORTEST: usize = 32;
/// What helps where the secret of a database is gone that nobody else writes to.
const PUT_BACK: &str = "put `auth.key` back from the backup, or name the `auth.secret_file` or `peers.token_file` that \
    was here: what is sealed can't be read without";
/// What helps where lines are given, of which none sealed it.
const PUT_LINE_BACK: &str = "put the line that it was sealed under back into `auth.secret_file` or `peers.token_file`, \
    below the newer ones, or `auth.key` from the backup: `auth keys rotate` then puts everything under the first line";
/// What helps where it may always have been another node's.
const GIVE: &str = "give this node the `auth.secret_file` or `peers.token_file` of the node that sealed it, or put \
    `auth.key` back from the backup; where another node has the role auth, leave it out of `roles` here";

/// Where the secrets are.
pub struct FileSecrets {
    /// What the operator hands to every node: a secret a line, the newest first.
    given: Option<PathBuf>,
    /// What the roles show each other, of whose lines secrets come where none is given.
    token: Option<Secret>,
    own: PathBuf,
    files: SecretFiles,
    /// What opens those that are sealed, and seals the folder's own.
    sealer: Option<Arc<Sealer>>,
    /// Held by who writes the file or takes it in, so that a line which is being written is not let go.
    turn: Mutex<()>,
}

/// A secret, as it is kept.
enum Kept {
    Plain([u8; 32]),
    Sealed(Line),
}

impl FileSecrets {
    /// Those of a node; made in its folder where nobody gives any. Where it `seals`, which is to have the auth role,
    /// that is only before anything is sealed in the database: a fresh secret opens nothing of it. What is sealed is
    /// opened, and the folder's own from before there was a key is sealed.
    ///
    /// # Errors
    /// `sealing_key_missing` where none is here; `key_service_unavailable` where what is sealed can't be
    /// opened, or a fresh one sealed: nothing is written then; or when they can't be read, are too short or can't be made.
    pub async fn open(config: &Config, folder: &Folder, db: &Db, means: &Means, seals: bool) -> anyhow::Result<Self> {
        let secrets = Self::with(config, folder.path(), means)?;
        if secrets.are_there() {
            secrets.open_all().await?;
            secrets.seal_own().await?;
            return Ok(secrets);
        }
        if seals && has_sealed(db).await? {
            let (_, lacking) = secrets.lacking(config);
            return Err(ApiError::unavailable("sealing_key_missing", lacking.to_string()).into());
        }
        match &secrets.sealer {
            Some(sealer) => {
                let line = sealed(sealer, &means.rng.bytes::<32>()).await?;
                secrets.write(&[line])?;
            }
            None => _ = folder.secret(FILE, &means.rng)?,
        }
        Ok(secrets)
    }

    /// Nothing is opened yet.
    fn with(config: &Config, folder: &Path, means: &Means) -> anyhow::Result<Self> {
        let sealer = means.google.as_ref().and_then(|google| google.sealer()).cloned();
        Ok(Self { sealer, ..Self::of(config, folder, &means.files)? })
    }

    fn of(config: &Config, folder: &Path, files: &SecretFiles) -> anyhow::Result<Self> {
        Ok(Self {
            given: config.auth.secret_file.clone(),
            token: peers::token(config, files)?,
            own: folder.join(FILE),
            files: files.clone(),
            sealer: None,
            turn: Mutex::default(),
        })
    }

    fn are_there(&self) -> bool {
        self.given.is_some() || self.token.is_some() || self.own.exists()
    }

    /// That none is here, though something is sealed. Whether the folder's own ever was, nobody knows.
    fn lacking(&self, config: &Config) -> (&'static str, Damaged) {
        let own = self.own.display();
        let found = format!("the database is sealed under a secret that this node does not have: {own} is not there");
        let (name, fix) = self.cure(config);
        (name, Damaged { found, fix })
    }

    /// What helps where what is sealed can't be opened, after what `doctor` calls that.
    fn cure(&self, config: &Config) -> (&'static str, &'static str) {
        match backends::owns_database(config) {
            _ if self.given.is_some() || self.token.is_some() => ("secret", PUT_LINE_BACK),
            true => (FILE, PUT_BACK),
            false => ("secret", GIVE),
        }
    }

    /// Every secret that is there and open, the newest first.
    ///
    /// # Errors
    /// When one can't be read or is too short.
    pub fn read(&self) -> anyhow::Result<Vec<[u8; 32]>> {
        let mut all = Vec::new();
        for kept in self.kept()? {
            match kept {
                Kept::Plain(secret) => all.push(secret),
                Kept::Sealed(line) => all.extend(self.opened(&line)?),
            }
        }
        ensure!(!all.is_empty(), "there is no secret in {}", self.own.display());
        Ok(all)
    }

    /// All that are kept, open or not.
    fn kept(&self) -> anyhow::Result<Vec<Kept>> {
        let mut all = match &self.given {
            Some(path) => given(&self.files, path)?,
            None => Vec::new(),
        };
        all.extend(self.token.iter().flat_map(Secret::lines).map(|line| Kept::Plain(derived(&line))));
        // From before an operator gave any.
        all.extend(own(&self.own)?);
        all.truncate(MAX_SECRETS);
        Ok(all)
    }

    /// The secret of a sealed line; `None` while it is not open.
    fn opened(&self, line: &Line) -> anyhow::Result<Option<[u8; 32]>> {
        let Some(plain) = self.sealer()?.opened(line) else { return Ok(None) };
        secret_of(line.0, &plain).map(Some)
    }

    fn sealer(&self) -> anyhow::Result<&Sealer> {
        const MISSING: &str = "a secret is sealed by a key of Google Cloud KMS: name it in `auth.kms_key`";
        self.sealer.as_deref().context(MISSING)
    }

    /// Opens all that is sealed.
    async fn open_all(&self) -> anyhow::Result<()> {
        for kept in self.kept()? {
            let Kept::Sealed(line) = kept else { continue };
            self.sealer()?.open(&line).await.map_err(|why| unavailable(&why))?;
            self.opened(&line)?;
        }
        Ok(())
    }

    /// Seals what is in plain in the folder's own file, where there is a key for it.
    async fn seal_own(&self) -> anyhow::Result<()> {
        let kept = own(&self.own)?;
        if self.sealer.is_some() && kept.iter().any(|kept| matches!(kept, Kept::Plain(_))) {
            self.write(&self.under_key(kept).await?)?;
            tracing::info!("the secrets in `auth.key` were in plain, and are sealed from now on");
        }
        Ok(())
    }

    /// These, with those sealed that are in plain, where there is a key for it.
    async fn under_key(&self, kept: Vec<Kept>) -> anyhow::Result<Vec<Kept>> {
        if kept.iter().all(|kept| matches!(kept, Kept::Plain(_))) && self.sealer.is_none() {
            return Ok(kept);
        }
        let (sealer, mut all) = (self.sealer()?, Vec::new());
        for kept in kept {
            all.push(match kept {
                Kept::Plain(secret) => sealed(sealer, &secret).await?,
                already => already,
            });
        }
        Ok(all)
    }

    /// Does what a start does with the key, and keeps nothing of it.
    async fn try_key(&self, means: &Means) -> anyhow::Result<()> {
        self.open_all().await?;
        let seals = !self.are_there() || own(&self.own)?.iter().any(|kept| matches!(kept, Kept::Plain(_)));
        match &self.sealer {
            Some(sealer) if seals => sealed(sealer, &means.rng.bytes::<32>()).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Writes the folder's own file, whole or not at all.
    fn write(&self, kept: &[Kept]) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for kept in kept {
            match kept {
                Kept::Plain(secret) => bytes.extend_from_slice(secret),
                Kept::Sealed((_, text)) => bytes.extend_from_slice(format!("{text}\n").as_bytes()),
            }
        }
        write_whole(&self.own, &bytes).with_context(|| format!("can't write {}", self.own.display()))
    }

    /// Puts a secret before the folder's own.
    async fn prepend(&self, fresh: [u8; 32]) -> anyhow::Result<()> {
        let _turn = self.turn.lock().await;
        let mut kept = own(&self.own)?;
        kept.insert(0, Kept::Plain(fresh));
        kept.truncate(MAX_SECRETS);
        self.write(&self.under_key(kept).await?)
    }
}

/// A secret of the folder's own, sealed.
async fn sealed(sealer: &Sealer, secret: &[u8; 32]) -> anyhow::Result<Kept> {
    let text = sealer.seal(Purpose::Own, secret).await.map_err(|why| unavailable(&why))?;
    Ok(Kept::Sealed((Purpose::Own, text)))
}

fn unavailable(why: &anyhow::Error) -> ApiError {
    let detail = format!("what the deployment's keys come of can't be opened or sealed by `auth.kms_key`: {why:#}");
    ApiError::unavailable("key_service_unavailable", detail)
}

/// What helps where the folder's own file can't be read, or is damaged.
fn mend(error: &anyhow::Error) -> &'static str {
    match is_forbidden(error) {
        true => "let the node's user read it: `chmod 600` by who owns it, or `chown` where that is another",
        false => "take it from a backup: what is sealed under it, such as addresses, can't be read without",
    }
}

/// What is wrong with the folder's own file, where there is one.
pub fn damaged(folder: &Path) -> Option<(&'static str, Damaged)> {
    let error = own(&folder.join(FILE)).err()?;
    Some((FILE, Damaged { found: format!("{error:#}"), fix: mend(&error) }))
}

/// What is wrong with the file that the operator hands to every node, where they do.
pub fn unreadable(config: &Config, files: &SecretFiles) -> Option<(&'static str, Damaged)> {
    let found = format!("{:#}", given(files, config.auth.secret_file.as_deref()?).err()?);
    Some(("secret", Damaged { found, fix: "give this node the file that the others have: it does not start without" }))
}

/// What a node with the auth role lacks whose database is sealed, where it has no secret. `None` where that can't be
/// asked: the check of the database says why.
pub async fn lacking(config: &Config, folder: &Path) -> Option<(&'static str, Damaged)> {
    let secrets = FileSecrets::of(config, folder, &SecretFiles::default()).ok()?;
    let needed = config.roles().contains(&Role::Auth) && !secrets.are_there();
    if !needed || !backends::has_sealed(config, folder).await.unwrap_or(false) {
        return None;
    }
    Some(secrets.lacking(config))
}

/// What a node with the auth role lacks whose secrets are all other ones than what the database is sealed under. `None`
/// where that can't be tried: another check says why.
pub async fn foreign(config: &Config, folder: &Path, means: &Means) -> Option<(&'static str, Damaged)> {
    let secrets = FileSecrets::with(config, folder, means).ok()?;
    if !config.roles().contains(&Role::Auth) || !secrets.are_there() {
        return None;
    }
    secrets.open_all().await.ok()?;
    if backends::opens_sealed(config, folder, &secrets.read().ok()?).await.unwrap_or(true) {
        return None;
    }
    let found = "the database is sealed under a secret that is not among those of this node".to_owned();
    let (name, fix) = secrets.cure(config);
    Some((name, Damaged { found, fix }))
}

/// Why what is sealed can't be opened, or what a start would seal can't be. `None` where it can't even be read: another
/// check says why.
pub async fn shut(config: &Config, folder: &Path, means: &Means) -> Option<Damaged> {
    const FIX: &str = "check that `auth.kms_key` names the key that they are sealed by, and that the node's service \
        account may use it: no node starts otherwise";
    let secrets = FileSecrets::with(config, folder, means).ok()?;
    secrets.kept().ok()?;
    let error = secrets.try_key(means).await.err()?;
    Some(Damaged { found: format!("{error:#}"), fix: FIX })
}

#[async_trait]
impl KeyVault for FileSecrets {
    fn secrets(&self) -> Result<Vec<[u8; 32]>, ApiError> {
        self.read().map_err(|error| ApiError::unavailable("secrets_unreadable", format!("{error:#}")))
    }

    async fn refresh(&self) {
        let Some(sealer) = &self.sealer else { return };
        // Whoever adds one waits for the key: nobody waits with them for long.
        let Ok(_turn) = tokio::time::timeout(PATIENCE, self.turn.lock()).await else { return };
        // Where they can't be read, whoever needs them says so.
        let Ok(kept) = self.kept() else { return };
        let sealed = kept.into_iter().filter_map(|kept| match kept {
            Kept::Sealed(line) => Some(line),
            Kept::Plain(_) => None,
        });
        sealer.follow(&sealed.collect::<Vec<_>>()).await;
    }

    async fn add(&self, fresh: [u8; 32]) -> Result<(), ApiError> {
        let elsewhere = |detail: String| Err(ApiError::new(ErrorKind::Conflict, "secret_not_ours", detail));
        match (&self.given, &self.token) {
            (Some(path), _) => {
                return elsewhere(format!(
                    "put a new secret of at least {SHORTEST} characters before the first line of {}, on every node with \
                     the role auth, ingest or playback, and rotate again",
                    path.display()
                ));
            }
            (None, Some(_)) => {
                return elsewhere(
                    "keys are sealed under the roles' shared secret: put a new one before the first line of \
                     `peers.token_file` on every node, or give every node with the role auth, ingest or playback an \
                     `auth.secret_file` with a secret of its own, and rotate again"
                        .to_owned(),
                );
            }
            (None, None) => {}
        }
        // The file is written at the very end: of what takes too long nothing was done.
        let done = tokio::time::timeout(PATIENCE, self.prepend(fresh)).await;
        let done = done.unwrap_or_else(|_| Err(unavailable(&anyhow!("it takes too long")).into()));
        done.map_err(|error| match error.downcast::<ApiError>() {
            Ok(known) => known,
            Err(error) => ApiError::unavailable("secrets_unwritable", format!("{error:#}")),
        })
    }
}

fn derived(text: &str) -> [u8; 32] {
    Sha256::digest(format!("auth master\n{text}")).into()
}

/// The secret that a sealed line held.
fn secret_of(purpose: Purpose, plain: &[u8]) -> anyhow::Result<[u8; 32]> {
    match purpose {
        Purpose::Own => plain.try_into().map_err(|_| anyhow!("a sealed line of {FILE} does not hold 32 bytes")),
        Purpose::Given => {
            let text = std::str::from_utf8(plain).map(str::trim).unwrap_or_default();
            ensure!(text.len() >= SHORTEST, "a sealed line of `auth.secret_file` has under {SHORTEST} characters");
            Ok(derived(text))
        }
    }
}

/// A secret a line. The text as a whole was one once, so that it still opens what it sealed.
fn given(files: &SecretFiles, path: &Path) -> anyhow::Result<Vec<Kept>> {
    let text = files.read(path).with_context(|| format!("`auth.secret_file`: can't read {}", path.display()))?;
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let short = lines.iter().any(|line| line.len() < SHORTEST) || lines.is_empty();
    ensure!(!short, "`auth.secret_file`: every line of {} must hold at least {SHORTEST} characters", path.display());
    let read = |line: &&str| match line.starts_with(MARK) {
        true => Kept::Sealed((Purpose::Given, (*line).to_owned())),
        false => Kept::Plain(derived(line)),
    };
    let mut all: Vec<_> = lines.iter().map(read).collect();
    if lines.len() > 1 && all.iter().all(|kept| matches!(kept, Kept::Plain(_))) {
        all.push(Kept::Plain(derived(text.trim())));
    }
    Ok(all)
}

fn own(path: &Path) -> anyhow::Result<Vec<Kept>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.with_context(|| format!("can't read {}", path.display()))?,
    };
    if bytes.starts_with(MARK.as_bytes()) {
        return sealed_lines(path, &bytes);
    }
    let (all, rest) = bytes.as_chunks::<32>();
    let whole = rest.is_empty() && (1..=MAX_SECRETS).contains(&all.len());
    ensure!(whole, "{} does not hold one to {MAX_SECRETS} secrets of 32 bytes", path.display());
    Ok(all.iter().copied().map(Kept::Plain).collect())
}

fn sealed_lines(path: &Path, bytes: &[u8]) -> anyhow::Result<Vec<Kept>> {
    let lines: Vec<_> = std::str::from_utf8(bytes).unwrap_or_default().lines().collect();
    let whole = (1..=MAX_SECRETS).contains(&lines.len()) && lines.iter().all(|line| line.starts_with(MARK));
    if !whole {
        bail!("{} does not hold one to {MAX_SECRETS} lines `{MARK}…`", path.display());
    }
    Ok(lines.into_iter().map(|line| Kept::Sealed((Purpose::Own, line.to_owned()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(dir: &Path, given: Option<&str>, token: Option<&str>) -> FileSecrets {
        let path = dir.join("given");
        if let Some(text) = given {
            std::fs::write(&path, text).unwrap();
        }
        FileSecrets {
            given: given.map(|_| path),
            token: token.map(Into::into),
            own: dir.join(FILE),
            files: SecretFiles::default(),
            sealer: None,
            turn: Mutex::default(),
        }
    }

    #[tokio::test]
    async fn the_folders_own_file_grows_and_keeps_ten() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = over(dir.path(), None, None);
        std::fs::write(dir.path().join(FILE), [1; 32]).unwrap();
        assert_eq!(secrets.read().unwrap(), [[1; 32]], "as the commit before wrote it");
        for n in 2..=12 {
            secrets.add([n; 32]).await.unwrap();
        }
        let read = secrets.read().unwrap();
        assert_eq!((read.len(), read[0], read[9]), (10, [12; 32], [3; 32]));
        std::fs::write(dir.path().join(FILE), [1; 40]).unwrap();
        assert!(secrets.read().is_err() && secrets.add([1; 32]).await.is_err());
        assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap(), [1; 40], "what can't be read is not written over");
    }

    #[tokio::test]
    async fn a_sealed_file_without_its_key_is_read_by_nobody_and_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let (secrets, file) = (over(dir.path(), None, None), dir.path().join(FILE));
        for (text, why) in [("kms:AAAA\n", "`auth.kms_key`"), ("kms:AAAA\nBBBB\n", "lines `kms:…`")] {
            std::fs::write(&file, text).unwrap();
            assert!(secrets.read().unwrap_err().to_string().contains(why), "{text}");
            assert!(secrets.add([1; 32]).await.is_err());
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
        assert!(damaged(dir.path()).is_some());
        std::fs::write(&file, "kms:AAAA\n").unwrap();
        assert!(damaged(dir.path()).is_none());
    }

    #[test]
    fn what_may_not_be_read_needs_no_backup() {
        let dir = tempfile::tempdir().unwrap();
        let forbidden = anyhow::Error::from(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
        assert!(mend(&forbidden.context("can't read auth.key")).contains("`chmod 600`"));
        std::fs::write(dir.path().join(FILE), "half").unwrap();
        assert!(damaged(dir.path()).unwrap().1.fix.contains("backup"));
    }

    #[tokio::test]
    async fn what_an_operator_gives_comes_first_and_stays_theirs() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = ("o".repeat(32), "n".repeat(40));
        let before = over(dir.path(), Some(&old), None).read().unwrap();
        let two = over(dir.path(), Some(&format!("{new}\n\n{old}\n")), Some(&"t".repeat(32)));
        let read = two.read().unwrap();
        assert_eq!((read.len(), read[0], read[1]), (4, derived(&new), before[0]));
        assert_eq!(two.add([1; 32]).await.unwrap_err().code, "secret_not_ours");
        let roles = over(dir.path(), None, Some(&"t".repeat(32)));
        assert_eq!(roles.add([1; 32]).await.unwrap_err().code, "secret_not_ours");
        let lines = format!("{new}\n{}\n", "t".repeat(32));
        let changed = over(dir.path(), None, Some(&lines)).read().unwrap();
        assert_eq!(changed, [derived(&new), read[3]], "what an older line sealed is opened");
        assert!(over(dir.path(), Some("short"), None).read().is_err());
        assert!(over(dir.path(), Some(&format!("{new}\nshort")), None).read().is_err());
    }
}
