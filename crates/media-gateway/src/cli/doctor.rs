//! `doctor`: names each problem of this installation, and its fix.

mod certificates;
mod exposed;
mod needs;
mod password;
mod trust;
mod users;

use std::{net::TcpListener, path::Path};

use contracts::{ApiError, Clock, Component, ComponentState, ErrorKind};
use serde::{Deserialize, Serialize};
use stores::{
    Transport,
    users::{ABOVE, User},
};

use super::{Global, out};
use crate::{
    backends,
    cloud::UNVERIFIED,
    config::{Config, cloud as settings},
    folder::{Opened, Owner, damaged_secrets, is_forbidden},
    owner::OwnerClient,
    privileges::BY_OWNER,
    roles::Role,
    secrets,
    services::{Means, Services},
};

/// How one thing is.
#[derive(Serialize)]
struct Check {
    name: String,
    state: State,
    /// What was found.
    found: String,
    /// What to do; empty when there is nothing to do.
    fix: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    /// The node runs, with less.
    Less,
    /// The node does not run.
    Bad,
}

fn check(name: &str, state: State, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { name: name.to_owned(), state, found: found.into(), fix: fix.into() }
}

pub async fn run(global: &Global) -> anyhow::Result<()> {
    let mut checks = Vec::new();
    match Config::load(&global.flags()) {
        Err(error) => {
            let unread = error.chain().any(|cause| cause.is::<std::io::Error>());
            let fix = if unread { "name a file that can be read" } else { "mend the key it names" };
            checks.push(check("configuration", State::Bad, out::told(&error), fix));
        }
        Ok(config) => {
            checks.push(check("configuration", State::Good, "complete", ""));
            checks.push(model(&config));
            checks.push(mail(&config));
            checks.extend(elsewhere(&config));
            checks.extend(google(&config));
            checks.extend(certificates::certificate(&config, Clock::system().now()));
            let files = backends::password_file(&config).into_iter();
            checks.extend(files.flat_map(|file| password::password(&file, Clock::system().now())));
            checks.extend(certificates::met(&config).await);
            checks.extend(trust::token(&config));
            checks.extend(config.sources.iter().filter_map(|(name, feed)| provider(name, feed)));
            folder(&config, &mut checks).await;
        }
    }
    if global.json {
        out::line(&serde_json::to_string(&checks)?)?;
    } else {
        for Check { name, state, found, fix } in &checks {
            let mark = match state {
                State::Good => "ok  ",
                State::Less => "less",
                State::Bad => "BAD ",
            };
            out::line(&format!("{mark} {name}: {found}"))?;
            if !fix.is_empty() {
                out::line(&format!("     fix: {fix}"))?;
            }
        }
    }
    anyhow::ensure!(checks.iter().all(|check| check.state != State::Bad), "this installation does not run");
    Ok(())
}

fn model(config: &Config) -> Check {
    match backends::embedder(config) {
        Ok(embedder) => {
            let info = embedder.model();
            check("model", State::Good, format!("{}, {} dimensions", info.name, info.dimension), "")
        }
        Err(reason) => {
            let fix = "run `media-gateway demo` once to fetch it, or set `model.dir` to a folder that holds it";
            check("model", State::Less, format!("{reason}; search works by keyword and graph"), fix)
        }
    }
}

/// Where mail goes. Nobody is asked.
fn mail(config: &Config) -> Check {
    if config.mail.smtp_url.is_some() {
        let found = "handed to the server of `mail.smtp_url`; tested against a server of our own on this machine only";
        return check("mail", State::Good, found, "");
    }
    let fix = "set `mail.smtp_url` and `mail.from` to send it";
    check("mail", State::Less, "written into files, in `outbox` of the data folder", fix)
}

/// Where people may sign in with an account of theirs. Nobody is asked.
fn elsewhere(config: &Config) -> impl Iterator<Item = Check> {
    let known = [("Google", &config.auth.google.client_id), ("GitHub", &config.auth.github.client_id)];
    known.into_iter().filter(|(_, client)| client.is_some()).map(|(name, _)| {
        let found = format!("configured; untested against a server of {name}, tested against one of our own like it");
        check(&format!("signing in with {name}"), State::Good, found, "")
    })
}

/// What of the configuration is at Google Cloud. Nobody is asked yet.
fn google(config: &Config) -> impl Iterator<Item = Check> {
    const FIX: &str = "try it with a node that holds nothing yet before you rely on it";
    let secrets = settings::secrets(config).map_or(0, |secrets| secrets.len());
    let used = [("key service", config.auth.kms_key.is_some()), ("secret manager", secrets > 0)];
    used.into_iter().filter(|(_, used)| *used).map(|(name, _)| {
        check(&format!("Google Cloud's {name}"), State::Less, format!("configured; {UNVERIFIED}"), FIX)
    })
}

/// What a provider's adapter was held against. Nobody is asked.
fn provider(name: &str, feed: &ingest::Feed) -> Option<Check> {
    let known = feed.known(name)?;
    let name = format!("provider {name}");
    Some(match known.document {
        Some(document) => check(&name, State::Good, format!("configured; tested against {document}"), ""),
        None => {
            let found = "configured; unverified: nobody has held this adapter against the provider's documentation";
            check(&name, State::Less, found, "look at what its job reports before you rely on it")
        }
    })
}

/// Takes in what is wrong, in the place of what was good of the same name.
fn tell(checks: &mut Vec<Check>, wrong: Vec<Check>) {
    checks.retain(|check| check.state != State::Good || wrong.iter().all(|wrong| wrong.name != check.name));
    checks.extend(wrong);
}

async fn folder(config: &Config, checks: &mut Vec<Check>) {
    let (needs, means) = needs::needs(config).await;
    let means = means.as_ref();
    match Services::existing_folder(config) {
        Err(error) if error.downcast_ref::<ApiError>().is_some_and(|error| error.kind == ErrorKind::NotFound) => {
            tell(checks, needs);
            checks.push(unmade(config, &error));
            if let Ok(folder) = config.data_dir() {
                checks.extend(sealing(config, &folder, means).await);
                // Another node may have filled the database long since.
                if !backends::owns_database(config) {
                    checks.extend(stored(config, &folder).await);
                }
            }
            checks.extend(redis(config, means).await);
            checks.extend(ports(config));
        }
        Err(error) => {
            tell(checks, needs);
            checks.push(unusable(&error));
        }
        Ok(Opened::Theirs(owner)) => {
            tell(checks, needs.into_iter().map(needs::later).collect());
            let urls: Vec<_> = owner.urls.iter().map(|(role, url)| format!("{role} {url}")).collect();
            let found = format!("process {} runs on it: {}", owner.pid, urls.join(", "));
            checks.push(check("data folder", State::Good, found, ""));
            checks.extend(node(owner).await);
            checks.extend(password::refused(config).await);
            if let Ok(folder) = config.data_dir() {
                checks.extend(exposed::exposed(&folder));
                checks.extend(disk(&folder));
                checks.extend(sealing(config, &folder, means).await.into_iter().map(needs::later));
            }
            checks.extend(users::all(config, backends::user(config).await.ok().flatten()).await);
        }
        Ok(Opened::Ours(folder)) => {
            tell(checks, needs);
            checks.push(check("data folder", State::Good, format!("{}, free", folder.path().display()), ""));
            checks.extend(exposed::exposed(folder.path()));
            checks.extend(disk(folder.path()));
            checks.extend(sealing(config, folder.path(), means).await);
            checks.extend(stored(config, folder.path()).await);
            checks.extend(redis(config, means).await);
            checks.extend(indexes(config, folder.path()).await);
            checks.extend(ports(config));
        }
    }
}

/// A folder that can't be looked into, or is not ours to use.
fn unusable(error: &anyhow::Error) -> Check {
    const LET_IN: &str = "let its user in: `chmod -R u+rwX` by who owns it, or `chown -R` where that is another";
    let fix = if is_forbidden(error) { LET_IN } else { "choose another --data-dir" };
    check("data folder", State::Bad, format!("{error:#}"), fix)
}

/// A folder that a start would make. It holds the catalogue only where the database is in it.
fn unmade(config: &Config, error: &anyhow::Error) -> Check {
    if backends::owns_database(config) {
        let fix = "`media-gateway demo` loads a catalogue to begin with; for one of your own, `ingest` its files";
        return check("data folder", State::Less, format!("{error:#}"), fix);
    }
    check("data folder", State::Less, "not made yet", "nothing: the next start makes it")
}

/// What is wrong with the secrets of the folder, and with those that everything is sealed under.
async fn sealing(config: &Config, folder: &Path, means: Option<&Means>) -> Vec<Check> {
    let own = secrets::damaged(folder).or(secrets::lacking(config, folder).await);
    let given = means.and_then(|means| secrets::unreadable(config, &means.files));
    let shut = shut(config, folder, means).await;
    // What can't be opened can't be tried either.
    let foreign = match means.filter(|_| shut.is_none()) {
        Some(means) => secrets::foreign(config, folder, means).await,
        None => None,
    };
    let damaged = damaged_secrets(folder).into_iter().chain(given).chain(own).chain(foreign);
    let damaged = damaged.map(|(name, damaged)| check(name, State::Bad, damaged.found, damaged.fix));
    damaged.chain(shut).collect()
}

/// Whether a key of Google Cloud opens what is sealed by it. It is asked, as a start does.
async fn shut(config: &Config, folder: &Path, means: Option<&Means>) -> Option<Check> {
    let shut = secrets::shut(config, folder, means?).await?;
    Some(check("sealed secrets", State::Bad, shut.found, shut.fix))
}

/// The database, what is overdue in it, and its users.
async fn stored(config: &Config, folder: &Path) -> Vec<Check> {
    let user = backends::user(config).await.ok().flatten();
    let mut checks = vec![database(config, folder, user.as_ref()).await];
    checks.extend(erasures(config, folder).await);
    checks.extend(users::all(config, user).await);
    checks
}

/// What is left on the folder's disk.
fn disk(folder: &Path) -> Option<Check> {
    const SCARCE: u64 = 256 << 20;
    const NONE: u64 = 4 << 20;
    let free = fs4::available_space(folder).ok()?;
    let (found, fix) = (format!("{} MiB free", free >> 20), "make room, or move the folder to a larger disk");
    Some(match free {
        ..NONE => check("disk", State::Bad, format!("full: {found}"), fix),
        NONE..SCARCE => check("disk", State::Less, format!("nearly full: {found}"), fix),
        _ => check("disk", State::Good, found, ""),
    })
}

/// What the node that runs says of its parts.
async fn node(owner: Owner) -> Vec<Check> {
    #[derive(Deserialize)]
    struct Readiness {
        components: Vec<Component>,
    }
    let asked = async { OwnerClient::of(owner, "metrics")?.answer::<Readiness>("/readyz").await };
    match asked.await {
        Ok(ready) => ready.components.into_iter().map(part).collect(),
        Err(error) => vec![check("node", State::Bad, format!("{error:#}"), "its log says why; start it again")],
    }
}

/// What helps erasures that are overdue.
const OVERDUE: &str = "the log of the `auth` role says which key can't be destroyed, and why; what failed to answer is \
    in `events dead`: mend the cause and `events retry` it";

fn part(component: Component) -> Check {
    let known = trust::fix(&component);
    let Component { name, state, detail } = component;
    let (state, fix) = match state {
        ComponentState::Ready => (State::Good, ""),
        ComponentState::Starting => (State::Less, "wait: it is on its way"),
        ComponentState::Degraded if name == auth::ERASURES => (State::Less, OVERDUE),
        ComponentState::Degraded => (State::Less, "the node answers with less; its log says more"),
        ComponentState::Down => (State::Bad, "the node's log says why"),
    };
    check(&name, state, if detail.is_empty() { "works".to_owned() } else { detail }, known.unwrap_or(fix))
}

/// Looks, and changes nothing: `serve` and `migrate` bring the schema up to date.
async fn database(config: &Config, folder: &Path, user: Option<&User>) -> Check {
    let engine = backends::engine(config);
    match backends::missing_migrations(config, folder).await {
        Ok(missing) if missing.is_empty() => {
            let found = format!("{engine}, with this release's schema");
            if backends::transport(config) == Some(Transport::Encrypted) {
                let fix = "write `sslmode=verify-full` into `database.url`, so that the server has to prove its name";
                return check("database", State::Less, found, fix);
            }
            if !user.is_some_and(|user| user.powers.contains(&ABOVE)) {
                return check("database", State::Good, found, "");
            }
            let found = format!("{found}, as a user whom row security does not hold");
            let fix = "let `database.url` name a user who owns the database and has neither SUPERUSER nor BYPASSRLS";
            check("database", State::Less, found, fix)
        }
        Ok(missing) => {
            let found = format!("{engine}, without {}", missing.join(", "));
            // A start leaves the schema as it is, where the user may not change it.
            if user.is_some_and(|user| !user.migrates) {
                return check("database", State::Bad, found, format!("as its owner: {BY_OWNER}"));
            }
            let fix = "nothing: the next start migrates it, or `media-gateway migrate` now";
            check("database", State::Less, found, fix)
        }
        Err(error) => check("database", State::Bad, format!("{engine}: {error:#}"), backends::mend(config)),
    }
}

/// The erasures that are overdue. A database that can't be asked is told of elsewhere.
async fn erasures(config: &Config, folder: &Path) -> Option<Check> {
    if !config.roles().contains(&Role::Auth) {
        return None;
    }
    let overdue = backends::overdue(config, folder).await.ok()?;
    Some(part(auth::erasures_part(&overdue)))
}

/// The indexes are made of the catalogue: one that is damaged costs time, and nothing else.
async fn indexes(config: &Config, folder: &Path) -> Vec<Check> {
    const FIX: &str = "nothing: the next start puts it aside and rebuilds it from the catalogue";
    let dir = folder.join("index");
    let found = |name, found: Result<Option<u64>, String>| match found {
        Ok(Some(titles)) => check(name, State::Good, format!("{titles} titles"), ""),
        Ok(None) => check(name, State::Less, "not made yet", "nothing: the next start makes it from the catalogue"),
        Err(error) => check(name, State::Less, error, FIX),
    };
    let keyword = search::inspect(&dir).map_err(|error| error.to_string());
    let titles = keyword.as_ref().ok().copied().flatten().unwrap_or_default();
    let mut checks = vec![found("keyword index", keyword)];
    if let Ok(embedder) = backends::embedder(config) {
        checks.push(match backends::inspect_vectors(folder, embedder.as_ref()).await {
            // A few may be titles that the model refuses.
            Ok(Some(embedded)) if titles.saturating_sub(embedded) > titles / 100 => {
                let found = format!("{embedded} of {titles} titles are embedded");
                check("vector index", State::Less, found, "nothing: the next start goes on with the others")
            }
            vectors => found("vector index", vectors),
        });
    }
    checks
}

/// The Redis server, where the configuration names one.
async fn redis(config: &Config, means: Option<&Means>) -> Option<Check> {
    const FIX: &str = "check `redis.url` and that the server runs";
    let Some(files) = needs::for_redis(config, means) else {
        let found = "not asked: its password is at Secret Manager, and can't be had";
        return config.redis.url.as_ref().map(|_| check("redis", State::Less, found, "mend that first"));
    };
    Some(match backends::redis(config, &Clock::system(), &files).transpose()? {
        Ok(link) => match part(backends::redis_part(&link).await) {
            good @ Check { state: State::Good, .. } => good,
            less => Check { fix: FIX.to_owned(), ..less },
        },
        Err(error) => check("redis", State::Bad, format!("{error:#}"), FIX),
    })
}

fn ports(config: &Config) -> Vec<Check> {
    let mut addresses = vec![("metrics", config.listen.metrics)];
    let roles = config.roles();
    let shared = config.all_roles();
    let own = roles.iter().filter(|role| !shared || **role == Role::Gateway);
    addresses.extend(own.map(|role| (role.as_str(), role.address(&config.listen))));
    addresses
        .into_iter()
        .map(|(name, address)| match TcpListener::bind(address) {
            Ok(_) => check(&format!("port of {name}"), State::Good, format!("{address}, free"), ""),
            Err(error) => {
                let fix = format!("stop what listens on {address}, or set `listen.{name}`");
                check(&format!("port of {name}"), State::Bad, format!("{address}: {error}"), fix)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_folder_that_may_not_be_looked_into_is_no_reason_for_another() {
        let fix = |kind: io::ErrorKind| {
            let error = anyhow::Error::from(io::Error::from(kind)).context("can't look into it");
            let Check { state, found, fix, .. } = unusable(&error);
            assert!(state == State::Bad && found.starts_with("can't look into it: "), "{found}");
            fix
        };
        assert!(fix(io::ErrorKind::PermissionDenied).contains("`chmod -R u+rwX`"));
        assert!(fix(io::ErrorKind::NotADirectory).contains("--data-dir"));
    }
}
