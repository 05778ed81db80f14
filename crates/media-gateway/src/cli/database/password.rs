//! `database password`: another password for the user that the configuration connects as, while nodes run.

use anyhow::Context as _;
use contracts::{ApiError, Clock, ErrorKind, Rng};
use stores::{Db, Deed, PasswordFile};

use crate::{backends, cli::Global, config::Config};

/// What is true of a change that did not come to its end.
const BEGUN: &str = "a change was begun and has not ended: run this again. Until then nodes try both passwords";

pub async fn run(global: &Global) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    let Some(file) = backends::password_file(&config) else {
        let detail = "there is no `database.password_file` to put a password into: name one, with that of today in it, \
                      and take the password out of `database.url`";
        return Err(ApiError::invalid("no_password_file", detail).into());
    };
    let path = file.path().display();
    let _lock = file.lock().with_context(|| format!("can't lock the folder of {path}"))?.ok_or_else(|| {
        ApiError::new(ErrorKind::Conflict, "password_in_change", format!("another process is changing {path}"))
    })?;
    let db = backends::open(&config, &config.data_dir()?).await?;
    let changed = async {
        change(&db, &file, &Rng::system()).await?;
        state(&db).await.context("the password is another one now, and the audit log does not say so")
    };
    let changed = changed.await;
    db.close().await;
    changed?;
    eprintln!("{path} holds another password: nodes that have this file take it with their next connection");
    Ok(())
}

/// First beside the file, then to the server, then into its place: at each moment one of the two files has the password
/// that the server knows.
async fn change(db: &Db, file: &PasswordFile, rng: &Rng) -> anyhow::Result<()> {
    let path = file.path().display();
    // Whether the server heard of what an earlier run began, nobody knows: written over, it could be the only one that
    // opens.
    if let Some(begun) = file.begun().with_context(|| format!("can't read {path}.next"))? {
        put(db, file, &begun, rng).await?;
    }
    let fresh = file.stage(rng).with_context(|| format!("nothing has changed: can't write {path}.next"))?;
    put(db, file, &fresh, rng).await
}

async fn put(db: &Db, file: &PasswordFile, password: &str, rng: &Rng) -> anyhow::Result<()> {
    db.set_password(password, &rng.bytes()).await.context(BEGUN)?;
    file.settle().context(BEGUN)
}

/// States it once it is done, for it is done on the server and on the disk. A database that nobody has migrated yet has no
/// audit log.
async fn state(db: &Db) -> anyhow::Result<()> {
    if db.missing_migrations().await.is_ok_and(|missing| missing.contains(&"auth")) {
        return Ok(());
    }
    let user = db.user().await?.map(|user| user.name).unwrap_or_default();
    let clock = Clock::system();
    let call = super::operator(&clock);
    let deed = Deed { call: &call, action: "database_user.password_changed", target: &user, detail: &[] };
    let mut tx = db.begin().await?;
    auth::note(&mut tx, deed, clock.now()).await?;
    Ok(tx.commit().await?)
}
