//! What others on this machine get at in the data folder: a node makes all of it for its user alone, but what is
//! copied, restored or mounted may be open.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::{Check, State, check};

/// Who reads one of these learns secrets, or what people gave; who writes to one is whom they like.
const KEPT: [&str; 4] = ["auth.key", "cursor.key", "node.lock", "media-gateway.db"];

/// What others than its user and group read or write in the folder; nothing where they can't pass it.
pub(super) fn exposed(folder: &Path) -> Option<Check> {
    let others = |path: &Path| fs::metadata(path).map_or(0, |seen| seen.permissions().mode() & 0o007);
    let whole = others(folder);
    if whole & 0o001 == 0 {
        return None;
    }
    let itself = (whole & 0o002 != 0).then_some("the folder itself");
    let files = KEPT.into_iter().filter(|name| others(&folder.join(name)) & 0o006 != 0);
    let open: Vec<_> = itself.into_iter().chain(files).collect();
    if open.is_empty() {
        return None;
    }
    let found = format!("everybody on this machine can read or change {}", open.join(", "));
    let fix = format!("keep it for its user: `chmod -R go= {}`", folder.display());
    Some(check("access to the data folder", State::Less, found, fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_can_read_or_change_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["auth.key", "media-gateway.db", "FORMAT"] {
            fs::write(dir.path().join(name), "kept").unwrap();
        }
        let found = |folder, key, database| {
            let modes = [("auth.key", key), ("media-gateway.db", database), ("FORMAT", 0o644), ("", folder)];
            for (name, mode) in modes {
                fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
            }
            exposed(dir.path()).map(|check| check.found)
        };
        let ends = |found: Option<String>, names: &str| {
            let found = found.unwrap();
            assert!(found.ends_with(&format!(" can read or change {names}")), "{found}");
        };
        assert_eq!(found(0o700, 0o666, 0o666), None, "nobody gets to them");
        assert_eq!(found(0o755, 0o660, 0o660), None, "they are its group's at most");
        ends(found(0o755, 0o600, 0o644), "media-gateway.db");
        ends(found(0o711, 0o602, 0o600), "auth.key");
        ends(found(0o777, 0o666, 0o666), "the folder itself, auth.key, media-gateway.db");
        ends(found(0o703, 0o600, 0o600), "the folder itself");
        assert!(exposed(dir.path()).unwrap().fix.contains("`chmod -R go= /"));
    }
}
