//! The secrets that the deployment's keys come of: a file that an operator hands to every node, or one of the folder's
//! own.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use auth::{KeyVault, MAX_SECRETS, has_sealed};
use contracts::{ApiError, ErrorKind, Secret};
use sha2::{Digest as _, Sha256};
use stores::Db;

use crate::{
    backends,
    config::Config,
    folder::{Damaged, Folder, write_whole},
    peers,
    roles::Role,
    services::Means,
};

/// The file in the folder: 32 bytes a secret, the newest first.
const FILE: &str = "auth.key";
/// The shortest line that is a secret.
const SHORTEST: usize = 32;
/// What helps where the folder's own file is gone.
const PUT_BACK: &str = "put `auth.key` back from the backup: what is sealed under it can't be read without";

/// Where the secrets are.
pub struct FileSecrets {
    /// What the operator hands to every node: a secret a line, the newest first.
    given: Option<PathBuf>,
    /// What the roles show each other, of whose lines secrets come where none is given.
    token: Option<Secret>,
    own: PathBuf,
}

impl FileSecrets {
    /// Those of a node; made in its folder where nobody gives any. Where it `seals`, which is to have the auth role,
    /// that is only before anything is sealed in the database: a fresh secret opens nothing of it.
    ///
    /// # Errors
    /// `sealing_key_missing` where the folder's own is gone; or when they can't be read, are too short or can't be
    /// made.
    pub async fn open(config: &Config, folder: &Folder, db: &Db, means: &Means, seals: bool) -> anyhow::Result<Self> {
        let secrets = Self::of(config, folder.path())?;
        if !secrets.are_there() {
            if seals && has_sealed(db).await? {
                let detail = format!("{} is gone; {PUT_BACK}", secrets.own.display());
                return Err(ApiError::unavailable("sealing_key_missing", detail).into());
            }
            folder.secret(FILE, &means.rng)?;
        }
        Ok(secrets)
    }

    fn of(config: &Config, folder: &Path) -> anyhow::Result<Self> {
        Ok(Self { given: config.auth.secret_file.clone(), token: peers::token(config)?, own: folder.join(FILE) })
    }

    fn are_there(&self) -> bool {
        self.given.is_some() || self.token.is_some() || self.own.exists()
    }

    /// Every secret that is there, the newest first.
    ///
    /// # Errors
    /// When one can't be read or is too short.
    pub fn read(&self) -> anyhow::Result<Vec<[u8; 32]>> {
        let mut all = match &self.given {
            Some(path) => given(path)?,
            None => Vec::new(),
        };
        all.extend(self.token.iter().flat_map(Secret::lines).map(|line| derived(&line)));
        // From before an operator gave any.
        all.extend(own(&self.own)?);
        all.truncate(MAX_SECRETS);
        anyhow::ensure!(!all.is_empty(), "there is no secret in {}", self.own.display());
        Ok(all)
    }
}

/// What is wrong with the folder's own file, where there is one.
pub fn damaged(folder: &Path) -> Option<(&'static str, Damaged)> {
    let found = format!("{:#}", own(&folder.join(FILE)).err()?);
    let fix = "take it from a backup: what is sealed under it, such as addresses, can't be read without";
    Some((FILE, Damaged { found, fix }))
}

/// What is wrong with the file that the operator hands to every node, where they do.
pub fn unreadable(config: &Config) -> Option<(&'static str, Damaged)> {
    let found = format!("{:#}", given(config.auth.secret_file.as_deref()?).err()?);
    Some(("secret", Damaged { found, fix: "give this node the file that the others have: it does not start without" }))
}

/// The folder's own file, where it is gone and the database of a node with the auth role is sealed under it. `None`
/// where that can't be asked: the check of the database says why.
pub async fn gone(config: &Config, folder: &Path) -> Option<(&'static str, Damaged)> {
    let secrets = FileSecrets::of(config, folder).ok()?;
    let needed = config.roles().contains(&Role::Auth) && !secrets.are_there();
    if !needed || !backends::has_sealed(config, folder).await.unwrap_or(false) {
        return None;
    }
    Some((FILE, Damaged { found: format!("{} is gone", secrets.own.display()), fix: PUT_BACK }))
}

impl KeyVault for FileSecrets {
    fn secrets(&self) -> Result<Vec<[u8; 32]>, ApiError> {
        self.read().map_err(|error| ApiError::unavailable("secrets_unreadable", format!("{error:#}")))
    }

    fn add(&self, fresh: [u8; 32]) -> Result<(), ApiError> {
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
        let mut all = vec![fresh];
        all.extend(self.secrets()?);
        all.truncate(MAX_SECRETS);
        write_whole(&self.own, &all.concat())
            .map_err(|error| ApiError::unavailable("secrets_unwritable", format!("{}: {error}", self.own.display())))
    }
}

fn derived(text: &str) -> [u8; 32] {
    Sha256::digest(format!("auth master\n{text}")).into()
}

/// A secret a line. The text as a whole was one once, so that it still opens what it sealed.
fn given(path: &Path) -> anyhow::Result<Vec<[u8; 32]>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("`auth.secret_file`: can't read {}", path.display()))?;
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let short = lines.iter().any(|line| line.len() < SHORTEST) || lines.is_empty();
    anyhow::ensure!(
        !short,
        "`auth.secret_file`: every line of {} must hold at least {SHORTEST} characters",
        path.display()
    );
    let mut all: Vec<_> = lines.iter().map(|line| derived(line)).collect();
    if lines.len() > 1 {
        all.push(derived(text.trim()));
    }
    Ok(all)
}

fn own(path: &Path) -> anyhow::Result<Vec<[u8; 32]>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.with_context(|| format!("can't read {}", path.display()))?,
    };
    let (all, rest) = bytes.as_chunks::<32>();
    let whole = rest.is_empty() && (1..=MAX_SECRETS).contains(&all.len());
    anyhow::ensure!(whole, "{} does not hold one to {MAX_SECRETS} secrets of 32 bytes", path.display());
    Ok(all.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(dir: &Path, given: Option<&str>, token: Option<&str>) -> FileSecrets {
        let path = dir.join("given");
        if let Some(text) = given {
            std::fs::write(&path, text).unwrap();
        }
        FileSecrets { given: given.map(|_| path), token: token.map(Into::into), own: dir.join(FILE) }
    }

    #[test]
    fn the_folders_own_file_grows_and_keeps_ten() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = over(dir.path(), None, None);
        std::fs::write(dir.path().join(FILE), [1; 32]).unwrap();
        assert_eq!(secrets.read().unwrap(), [[1; 32]], "as the commit before wrote it");
        for n in 2..=12 {
            secrets.add([n; 32]).unwrap();
        }
        let read = secrets.read().unwrap();
        assert_eq!((read.len(), read[0], read[9]), (10, [12; 32], [3; 32]));
        std::fs::write(dir.path().join(FILE), [1; 40]).unwrap();
        assert!(secrets.read().is_err() && secrets.add([1; 32]).is_err());
        assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap(), [1; 40], "what can't be read is not written over");
    }

    #[test]
    fn what_an_operator_gives_comes_first_and_stays_theirs() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = ("o".repeat(32), "n".repeat(40));
        let before = over(dir.path(), Some(&old), None).read().unwrap();
        let two = over(dir.path(), Some(&format!("{new}\n\n{old}\n")), Some(&"t".repeat(32)));
        let read = two.read().unwrap();
        assert_eq!((read.len(), read[0], read[1]), (4, derived(&new), before[0]));
        assert_eq!(two.add([1; 32]).unwrap_err().code, "secret_not_ours");
        assert_eq!(over(dir.path(), None, Some(&"t".repeat(32))).add([1; 32]).unwrap_err().code, "secret_not_ours");
        let lines = format!("{new}\n{}\n", "t".repeat(32));
        let changed = over(dir.path(), None, Some(&lines)).read().unwrap();
        assert_eq!(changed, [derived(&new), read[3]], "what an older line sealed is opened");
        assert!(over(dir.path(), Some("short"), None).read().is_err());
        assert!(over(dir.path(), Some(&format!("{new}\nshort")), None).read().is_err());
    }
}
