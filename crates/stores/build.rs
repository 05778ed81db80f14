//! Embeds the migrations of both engines, so that a new file in `migrations/` needs no list to be kept.

use std::{error::Error, fmt::Write, fs, path::Path};

use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../migrations").canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut code = String::new();
    for (constant, folder) in [("SQLITE", "sqlite"), ("POSTGRES", "postgres")] {
        writeln!(code, "static {constant}: &[Migration] = &[{}];", embed(&root.join(folder))?)?;
    }
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("migrations.rs"), code)?;
    Ok(())
}

/// The list's items for a folder of files called `0001_name.sql`.
fn embed(folder: &Path) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<_> =
        fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?.iter().map(fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "sql"));
    files.sort();
    let mut items = String::new();
    for path in files {
        println!("cargo::rerun-if-changed={}", path.display());
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let (version, name) = stem.split_once('_').ok_or_else(|| format!("{stem} is not called NNNN_name"))?;
        let version: i64 = version.parse()?;
        // A checkout may have changed the line ends; the checksum must not change with them.
        let script = fs::read_to_string(&path)?.replace('\r', "");
        let mut checksum = String::new();
        for byte in Sha256::digest(&script) {
            write!(checksum, "{byte:02x}")?;
        }
        write!(
            items,
            "Migration {{ version: {version}, name: {name:?}, checksum: {checksum:?}, script: {script:?} }}, "
        )?;
    }
    Ok(items)
}
