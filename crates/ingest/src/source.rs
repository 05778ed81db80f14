//! Where an input is: a local path, or an address it is fetched from first.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use reqwest::{Client, Response, Url, redirect};
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use crate::{InputError, Limits, error::chain, open::Opened};

const MAX_REDIRECTS: usize = 5;

/// Where an input is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file on this machine.
    File(PathBuf),
    /// An http or https address.
    Address(Url),
}

impl Source {
    /// Reads what an operator wrote: anything with `://` is an address, everything else a path.
    ///
    /// # Errors
    /// `BadAddress` for a scheme that is not http or https, or an address that is none.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        if !text.contains("://") {
            return Ok(Self::File(std::path::absolute(text).unwrap_or_else(|_| PathBuf::from(text))));
        }
        // The scheme alone is repeated: the rest may hold a password.
        let scheme = text.split("://").next().unwrap_or_default();
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Self::Address(url)),
            _ => Err(InputError::BadAddress(format!("{scheme}://…"))),
        }
    }

    /// What may be stored and shown: an address without user, password, query and fragment, where secrets live.
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Address(url) => {
                let mut url = url.clone();
                // Both only fail for addresses without a host, which `parse` turns away.
                let _ = url.set_username("");
                let _ = url.set_password(None);
                url.set_query(None);
                url.set_fragment(None);
                url.to_string()
            }
        }
    }

    /// The file's name: the last part of the path.
    pub fn file_name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            Self::Address(url) => url.path().rsplit('/').next().unwrap_or_default().to_owned(),
        }
    }

    /// Where a file lies beside this one whose name has `other` in the place of `stem`; files may be gzipped or not,
    /// whatever this one is. Nowhere when this one's name does not have `stem`.
    pub(crate) fn beside(&self, stem: &str, other: &str) -> Vec<Self> {
        let name = self.file_name();
        if !name.contains(stem) {
            return Vec::new();
        }
        let named = name.replacen(stem, other, 1);
        match self {
            Self::File(path) => {
                let packed = match named.strip_suffix(".gz") {
                    Some(plain) => plain.to_owned(),
                    None => format!("{named}.gz"),
                };
                [named, packed].into_iter().map(|name| Self::File(path.with_file_name(name))).collect()
            }
            Self::Address(url) => {
                let mut url = url.clone();
                let path = url.path().rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                url.set_path(&format!("{path}/{named}"));
                vec![Self::Address(url)]
            }
        }
    }

    /// The input as a local file, fetched into `folder` where it has to be. `progress` gets the bytes fetched so far and
    /// how many there will be, where the server says so.
    ///
    /// # Errors
    /// What is wrong with the file, `Status` for an answer that is no success, `Fetch` for a connection that fails, is
    /// silent for too long or ends early, `TooLarge`, `DiskFull`, `Stopped`.
    pub async fn open(
        &self,
        folder: &Path,
        limits: &Limits,
        stop: &CancellationToken,
        progress: impl FnMut(u64, Option<u64>),
    ) -> Result<Opened, InputError> {
        let shown = self.shown();
        match self {
            Self::File(path) => Opened::file(path, &shown, limits),
            Self::Address(url) => tokio::select! {
                () = stop.cancelled() => Err(InputError::Stopped),
                fetched = fetch(url, &shown, folder, limits, progress) => fetched,
            },
        }
    }
}

async fn fetch(
    url: &Url,
    shown: &str,
    folder: &Path,
    limits: &Limits,
    mut progress: impl FnMut(u64, Option<u64>),
) -> Result<Opened, InputError> {
    let failed = |error: reqwest::Error| InputError::Fetch {
        address: shown.to_owned(),
        cause: if error.is_timeout() { "it took too long to answer".to_owned() } else { chain(&error.without_url()) },
    };
    let client = Client::builder()
        .connect_timeout(limits.connect_timeout)
        .read_timeout(limits.read_timeout)
        .redirect(redirect::Policy::limited(MAX_REDIRECTS))
        .user_agent(concat!("media-gateway/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(failed)?;
    let response = client.get(url.clone()).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(InputError::Status { address: shown.to_owned(), status: response.status().as_u16() });
    }
    let total = response.content_length();
    if total.is_some_and(|total| total > limits.max_input_bytes) {
        return Err(InputError::TooLarge(limits.max_input_bytes));
    }
    let temp = NamedTempFile::new_in(folder).map_err(|error| InputError::from_io(shown, error))?;
    let temp = store(response, temp, shown, limits.max_input_bytes, |done| progress(done, total)).await?;
    Opened::fetched(temp.into_temp_path(), shown, limits)
}

/// Writes chunk by chunk: the writes go to the page cache and are short, so they need no thread of their own.
async fn store(
    mut response: Response,
    mut temp: NamedTempFile,
    shown: &str,
    limit: u64,
    mut progress: impl FnMut(u64),
) -> Result<NamedTempFile, InputError> {
    let mut done = 0;
    loop {
        let chunk = response.chunk().await.map_err(|error| InputError::Fetch {
            address: shown.to_owned(),
            cause: if error.is_timeout() {
                format!("it fell silent after {done} bytes")
            } else {
                format!("the connection ended after {done} bytes: {}", chain(&error.without_url()))
            },
        })?;
        let Some(chunk) = chunk else { return Ok(temp) };
        done += chunk.len() as u64;
        if done > limit {
            return Err(InputError::TooLarge(limit));
        }
        temp.write_all(&chunk).map_err(|error| InputError::from_io(shown, error))?;
        progress(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_addresses() {
        assert!(matches!(Source::parse("/data/netflix_titles.csv.gz").unwrap(), Source::File(_)));
        let Source::File(relative) = Source::parse("titles.csv").unwrap() else { panic!("a path") };
        assert!(relative.is_absolute(), "the node may have another working folder");
        let address = Source::parse("https://user:secret@example.org/a/hulu_titles.csv?token=secret#x").unwrap();
        assert_eq!(address.shown(), "https://example.org/a/hulu_titles.csv");
        assert_eq!(address.file_name(), "hulu_titles.csv");
        let [beside] = address.beside("titles", "offers").try_into().unwrap();
        assert_eq!(beside.shown(), "https://example.org/a/hulu_offers.csv");
        assert!(
            matches!(beside, Source::Address(url) if url.query() == Some("token=secret")),
            "the key fits there too"
        );
        let basics = Source::parse("/data/title.basics.tsv.gz").unwrap();
        let shown: Vec<_> = basics.beside("title.basics", "name.basics").iter().map(Source::shown).collect();
        assert_eq!(shown, ["/data/name.basics.tsv.gz", "/data/name.basics.tsv"]);
        assert!(basics.beside("movies", "links").is_empty());
        for bad in ["ftp://user:secret@example.org/x", "file:///etc/passwd", "http://"] {
            let error = Source::parse(bad).unwrap_err();
            assert_eq!(error.code(), "bad_address");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
