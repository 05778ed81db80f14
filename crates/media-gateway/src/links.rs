//! Tokens of accounts that providers are asked with: a file each in the data folder, sealed under the deployment's secret.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use auth::Auth;
use contracts::{ApiError, Result};
use ingest::LinkStore;

use crate::folder::write_whole;

/// The files of a data folder.
pub struct FileLinks {
    auth: Arc<Auth>,
    folder: PathBuf,
}

impl FileLinks {
    /// Those in `folder`, sealed with what `auth` has.
    pub fn new(auth: Arc<Auth>, folder: &Path) -> Self {
        Self { auth, folder: folder.to_owned() }
    }

    fn path(&self, source: &str) -> PathBuf {
        self.folder.join(format!("link-{source}.sealed"))
    }
}

fn purpose(source: &str) -> String {
    format!("link of {source}")
}

fn disk(path: &Path) -> impl FnOnce(std::io::Error) -> ApiError {
    move |error| ApiError::unavailable("link_unreadable", format!("{}: {error}", path.display()))
}

impl LinkStore for FileLinks {
    fn load(&self, source: &str) -> Result<Option<String>> {
        let path = self.path(source);
        let sealed = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(disk(&path))?,
        };
        let (plain, old) = self.auth.open_own(&purpose(source), &sealed)?;
        let token = String::from_utf8(plain).map_err(|_| ApiError::internal("a link holds no token"))?;
        if old {
            self.save(source, &token)?;
        }
        Ok(Some(token))
    }

    fn save(&self, source: &str, token: &str) -> Result<()> {
        let path = self.path(source);
        let sealed = self.auth.seal_own(&purpose(source), token.as_bytes())?;
        write_whole(&path, &sealed).map_err(disk(&path))
    }

    fn remove(&self, source: &str) -> Result<()> {
        let path = self.path(source);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(disk(&path)(error)),
            _ => Ok(()),
        }
    }
}
