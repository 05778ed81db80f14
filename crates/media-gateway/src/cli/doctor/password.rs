//! The file with the database's password: whether it opens the database, who may read it, and for how long it is the same.

use std::{fs, os::unix::fs::PermissionsExt as _};

use jiff::Timestamp;
use stores::PasswordFile;

use super::{Check, State, check};
use crate::{backends, config::Config};

const NAME: &str = "database password";
/// After so many days it should be another (A6).
const DAYS: i64 = 90;

/// What is to be said of the file at `now`, without asking the server.
pub(super) fn password(file: &PasswordFile, now: Timestamp) -> Vec<Check> {
    let path = file.path().display();
    let seen = file.read().and_then(|_| fs::metadata(file.path()));
    let seen = seen.and_then(|seen| Ok((seen.permissions().mode(), seen.modified()?)));
    let (mode, changed) = match seen {
        Ok(seen) => seen,
        Err(error) => {
            let fix = "put the password of the user of `database.url` on its first line: no node starts without it";
            return vec![check(NAME, State::Bad, format!("{path} can't be read: {error}"), fix)];
        }
    };
    let days = Timestamp::try_from(changed).map_or(0, |changed| now.duration_since(changed).as_hours() / 24);
    let mut less = Vec::new();
    if mode & 0o077 != 0 {
        less.push((format!("{path} is open to others than its owner"), "let its owner alone read it: `chmod 600`"));
    }
    if !matches!(file.begun(), Ok(None)) {
        let fix = "run `media-gateway database password`: it ends what was begun";
        less.push((format!("a change was begun, and has not ended: {path}.next is there"), fix));
    }
    if days > DAYS {
        let fix = "run `media-gateway database password`: nodes take another with their next connection";
        less.push((format!("{path} is {days} days old, and should be {DAYS} at most"), fix));
    }
    if less.is_empty() {
        return vec![check(NAME, State::Good, format!("{days} days old, and for its owner alone"), "")];
    }
    less.into_iter().map(|(found, fix)| check(NAME, State::Less, found, fix)).collect()
}

/// Whether a node that runs with what it read before would not start again with what the file holds now.
pub(super) async fn refused(config: &Config) -> Option<Check> {
    backends::password_file(config)?;
    match backends::open(config, &config.data_dir().ok()?).await {
        Ok(db) => {
            db.close().await;
            None
        }
        Err(error) => {
            let found = format!("no node would start with it: {error}");
            Some(check(NAME, State::Less, found, backends::mend(config)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn an_old_an_open_and_a_half_changed_one_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = PasswordFile::new(folder.path().join("password"));
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let told = || -> Vec<_> {
            let checks = password(&file, now).into_iter();
            checks.map(|check| (check.state == State::Less, check.found, check.fix)).collect()
        };
        let only_less = || {
            let mut all = told();
            assert!(all.len() == 1 && all[0].0, "{all:?}");
            all.remove(0)
        };
        assert!(matches!(&password(&file, now)[..], [only] if only.state == State::Bad), "it is not there");
        fs::write(file.path(), "a secret\n").unwrap();
        let aged = |days: u64| {
            let changed = SystemTime::from(now) - Duration::from_secs(days * 24 * 3_600 + 60);
            fs::File::options().write(true).open(file.path()).unwrap().set_modified(changed).unwrap();
        };
        let allow = |mode| fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        allow(0o600);
        aged(90);
        assert_eq!(told(), [(false, "90 days old, and for its owner alone".to_owned(), String::new())]);
        aged(91);
        let (_, found, fix) = only_less();
        assert!(found.ends_with("is 91 days old, and should be 90 at most"), "{found}");
        assert!(fix.contains("`media-gateway database password`"), "{fix}");
        aged(1);
        for mode in [0o640, 0o604] {
            allow(mode);
            let (_, found, _) = only_less();
            assert!(found.ends_with("is open to others than its owner"), "{found}");
        }
        allow(0o600);
        fs::write(folder.path().join("password.next"), "another\n").unwrap();
        let (_, found, _) = only_less();
        assert!(found.contains("a change was begun") && !found.contains("another"), "{found}");
        fs::write(file.path(), "").unwrap();
        assert!(matches!(&password(&file, now)[..], [only] if only.state == State::Bad), "it is empty");
    }
}
