//! A secret that may change while the process runs.

use std::{
    collections::HashSet,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long what was read of a file stands: a secret may be asked for with every request.
const STANDS: Duration = Duration::from_secs(1);

/// A secret that is asked for whenever it is used, so that another counts while the process runs. It is never shown.
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
pub struct SecretFiles {
    read: Arc<ReadText>,
    /// Those that can't be used now, which was said: once, however many have them.
    bad: Arc<Mutex<HashSet<PathBuf>>>,
}

type ReadText = dyn Fn(&Path) -> io::Result<String> + Send + Sync;

impl SecretFiles {
    /// Those that `read` reads, each time they are asked for; it must not block for long.
    pub fn by(read: impl Fn(&Path) -> io::Result<String> + Send + Sync + 'static) -> Self {
        Self { read: Arc::new(read), bad: Arc::default() }
    }

    /// The text there, as it is now.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(&self, path: &Path) -> io::Result<String> {
        (self.read)(path)
    }

    /// The secret there, without the blanks around it. Another counts from the first use on that comes a second after the last reading; while what is there
    /// can't be read or is not good, the last one counts, and the log says so once. The first is as it is: whoever asks
    /// holds it to what they need.
    ///
    /// # Errors
    /// When it can't be read now.
    pub fn live(&self, path: &Path, is_good: impl Fn(&str) -> bool + Send + Sync + 'static) -> io::Result<Secret> {
        let text = self.read(path)?.trim().to_owned();
        let last = Mutex::new(Last { text, asked: Instant::now(), reading: false });
        let live = Live { files: self.clone(), path: path.to_owned(), last };
        Ok(Secret::live(move || live.now(&is_good)))
    }

    /// Says that a file can't be used, or can be again; nothing where that was said.
    fn tell(&self, path: &Path, wrong: Option<&dyn fmt::Display>) {
        let mut bad = self.bad.lock().unwrap_or_else(PoisonError::into_inner);
        let file = path.display();
        match wrong {
            Some(why) if bad.insert(path.to_owned()) => {
                tracing::warn!(%why, %file, "a secret can't be used as it is now; the last that was good goes on");
            }
            None if bad.remove(path) => tracing::info!(%file, "a secret can be used again"),
            _ => {}
        }
    }
}

/// A file that is read again and again.
struct Live {
    files: SecretFiles,
    path: PathBuf,
    last: Mutex<Last>,
}

/// The last text that was good.
struct Last {
    text: String,
    /// When it was asked for last.
    asked: Instant,
    /// Whether somebody reads it now: where that hangs, one waits and not everybody.
    reading: bool,
}

impl Live {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self, is_good: impl Fn(&str) -> bool) -> String {
        let mut last = self.last();
        if last.reading || last.asked.elapsed() < STANDS {
            return last.text.clone();
        }
        (last.asked, last.reading) = (Instant::now(), true);
        // Others go on with the last one meanwhile.
        drop(last);
        let read = self.files.read(&self.path);
        let mut last = self.last();
        last.reading = false;
        match read {
            Ok(text) if is_good(text.trim()) => {
                text.trim().clone_into(&mut last.text);
                self.files.tell(&self.path, None);
            }
            Ok(_) => self.files.tell(&self.path, Some(&"it does not hold what it should")),
            Err(error) => self.files.tell(&self.path, Some(&error)),
        }
        last.text.clone()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_a_second_and_its_last_good_text_counts() {
        let there = Arc::new(Mutex::new((Some(" one\n"), 0)));
        let say = |text| there.lock().unwrap().0 = text;
        let reads = || there.lock().unwrap().1;
        let read = Arc::clone(&there);
        let files = SecretFiles::by(move |_| {
            let mut there = read.lock().unwrap();
            there.1 += 1;
            there.0.map(str::to_owned).ok_or_else(|| io::ErrorKind::NotFound.into())
        });
        let secret = files.live(Path::new("there"), |text| text.len() > 2).unwrap();
        say(Some("two"));
        assert!((0..1_000).all(|_| secret.now() == "one") && reads() == 1, "{} reads", reads());
        let later = || {
            std::thread::sleep(STANDS);
            secret.now()
        };
        assert_eq!((later().as_str(), reads()), ("two", 2));
        for worse in [Some("x"), None] {
            say(worse);
            assert_eq!(later(), "two", "{worse:?}");
        }
        assert_eq!(files.bad.lock().unwrap().len(), 1, "it is told of once");
        say(Some("three"));
        assert_eq!((later().as_str(), reads()), ("three", 5));
        assert!(files.bad.lock().unwrap().is_empty(), "and told of again when it is bad once more");
        say(None);
        assert!(files.live(Path::new("there"), |_| true).is_err());
    }
}
