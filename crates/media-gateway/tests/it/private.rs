//! What a node writes is its user's alone, though the folder and the shell would let everybody read it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::{
    app::Setup,
    fixtures::{self, HEADER},
};

/// Runs a command as a shell does under whose umask everybody may read what it writes.
fn openly(setup: &Setup, args: &[&str]) -> Output {
    let command = setup.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 022; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(key, value),
            None => shell.env_remove(key),
        };
    }
    shell.stdin(Stdio::null()).output().unwrap()
}

/// Everything below a folder, with its mode; nothing that goes meanwhile, as it may below a node that runs.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut all = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let Ok(found) = path.symlink_metadata() else { continue };
        if found.is_dir() {
            all.extend(modes(&path));
        }
        all.push((path, found.permissions().mode() & 0o777));
    }
    all
}

#[test]
fn nobody_else_reads_what_a_node_writes_into_an_open_folder() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let rows = format!("{HEADER}\ns1,Movie,Glass,,,,,1999,,,,\ns2,Movie,,,,,,1999,,,,\n");
    let file = fixtures::write(dir.path(), "netflix_titles.csv", rows.as_bytes());
    let setup = Setup::on(&folder);
    let output = openly(&setup, &["ingest", &file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let held = |wanted: &[&str]| {
        let modes = modes(&folder);
        for name in wanted {
            let has = modes.iter().any(|(path, _)| path.strip_prefix(&folder).unwrap().starts_with(name));
            assert!(has, "no {name} in {modes:?}");
        }
        let open: Vec<_> = modes.iter().filter(|(_, mode)| mode & 0o077 != 0).collect();
        assert!(open.is_empty(), "{open:?}");
    };
    held(&["media-gateway.db", "index", "rejected"]);
    let app = setup.start();
    app.get("/api/v1/platforms").ok();
    held(&["media-gateway.db-wal", "media-gateway.db-shm", "node.lock"]);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o755, "the folder is whose it is");
}
