//! A secret that may change while the process runs.

use std::{fmt, fs, io, path::Path, sync::Arc};

/// A secret that is asked for whenever it is used: another counts from its next use on. It is never shown.
#[derive(Clone)]
pub struct Secret(Arc<dyn Fn() -> String + Send + Sync>);

impl Secret {
    /// What `read` says each time; it must not block for long.
    pub fn live(read: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// What it is now.
    pub fn now(&self) -> String {
        (self.0)()
    }

    /// Its lines now, without those that hold nothing: of several secrets the newest is the first.
    pub fn lines(&self) -> Vec<String> {
        let text = self.now();
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::live(move || text.clone())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// Reads what an option names that says where a secret is: a file, or what whoever made this has in its place.
#[derive(Clone)]
pub struct SecretFiles(Arc<ReadText>);

type ReadText = dyn Fn(&Path) -> io::Result<String> + Send + Sync;

impl SecretFiles {
    /// Those that `read` reads, each time they are asked for; it must not block for long.
    pub fn by(read: impl Fn(&Path) -> io::Result<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The text there, as it is now.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(&self, path: &Path) -> io::Result<String> {
        (self.0)(path)
    }
}

impl Default for SecretFiles {
    /// Files and nothing else.
    fn default() -> Self {
        Self::by(from_disk)
    }
}

fn from_disk(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
