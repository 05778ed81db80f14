//! What a start reads and fetches before it opens anything: the files that the configuration names, and secrets at
//! Google Cloud.

use contracts::SecretFiles;

use super::{Check, State, check};
use crate::{
    cli::out,
    config::{Config, cloud},
    files,
    services::Means,
};

/// What a start would stop at, and what other checks read secrets with: nothing where one at Google Cloud can't be had,
/// which is to be mended first.
pub(super) async fn needs(config: &Config) -> (Vec<Check>, Option<Means>) {
    const UNREAD: &str = "put there what the node's user can read, or mend the configuration: no node starts otherwise";
    const UNFETCHED: &str = "check its name and `cloud`, and that the node's service account may read it: no node \
        starts otherwise";
    let bad = |name: &str, error: &anyhow::Error, fix: &str| check(name, State::Bad, out::told(error), fix);
    match Means::open(config).await {
        Ok(means) => {
            let wrong = files::wrong(config, &means).into_iter();
            (wrong.map(|(whose, error)| bad(&whose, &error, UNREAD)).collect(), Some(means))
        }
        Err(error) => (vec![bad("secrets at Google Cloud", &error, UNFETCHED)], None),
    }
}

/// With what the password of Redis is read; `None` where it is at Secret Manager and can't be had.
pub(super) fn for_redis(config: &Config, means: Option<&Means>) -> Option<SecretFiles> {
    let password = config.redis.password_file.as_deref();
    match means {
        Some(means) => Some(means.files.clone()),
        None if password.is_some_and(|path| cloud::secret_at(path).is_some()) => None,
        None => Some(SecretFiles::default()),
    }
}

/// What a start would stop at, of a node that runs all the same.
pub(super) fn later(check: Check) -> Check {
    Check { state: State::Less, found: format!("no node would start with it: {}", check.found), ..check }
}
