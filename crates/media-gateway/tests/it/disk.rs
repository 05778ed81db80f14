//! A small disk that can be full. Mounting one takes rights: a test that needs one goes on in namespaces of its own, where
//! whoever runs it has them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// Set for a test that is in namespaces of its own.
const INSIDE: &str = "MEDIA_GATEWAY_TEST_INSIDE";

/// Runs the test called `name` in namespaces of its own, and fails as it does. `true`: it passed there. `false`: this is
/// there, or the system lets nobody have such namespaces; [`Disk::new`] then mounts with the rights that there are.
pub fn passed_inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() || !has_namespaces() {
        return false;
    }
    let test = std::env::current_exe().unwrap();
    let output = namespaces().arg(test).args(["--exact", name, "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // To run no test at all would be a success too.
    assert!(output.status.success() && said.contains("1 passed"), "{name}, in namespaces of its own: {said}");
    true
}

/// The words before a command that runs as root of a user namespace with mounts of its own.
fn namespaces() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount"]);
    command
}

fn has_namespaces() -> bool {
    let place = tempfile::tempdir().unwrap();
    mounted(namespaces().arg("mount"), "size=1m", place.path())
}

fn mounted(mount: &mut Command, options: &str, place: &Path) -> bool {
    mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(place);
    mount.output().is_ok_and(|output| output.status.success())
}

/// A small disk of its own, gone when dropped.
pub struct Disk(TempDir);

impl Disk {
    /// Mounts one with options such as `size=5m`. Nothing stays unproven in silence: who can't mount one fails.
    pub fn new(options: &str) -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        assert!(
            mounted(&mut Command::new("mount"), options, disk.path()),
            "no small disk can be mounted here: let this user have user namespaces (`unshare --user --map-root-user \
             --mount true` tells), or run the tests as root"
        );
        disk
    }

    /// Mounts it again with other options; what is on it stays.
    pub fn remount(&self, options: &str) {
        assert!(mounted(&mut Command::new("mount"), &format!("remount,{options}"), self.path()));
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A data folder on it.
    pub fn folder(&self) -> PathBuf {
        self.path().join("data")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that failed to stop may still look at it.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}
