//! `doctor`: names each problem of this installation, and its fix.

use std::net::TcpListener;

use serde::Serialize;

use super::Global;
use crate::{
    backends,
    config::Config,
    folder::{Folder, Opened},
    roles::Role,
    services::Services,
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
        Err(error) => checks.push(check("configuration", State::Bad, format!("{error:#}"), "mend the key it names")),
        Ok(config) => {
            checks.push(check("configuration", State::Good, "complete", ""));
            checks.push(model(&config));
            folder(&config, &mut checks).await;
        }
    }
    if global.json {
        println!("{}", serde_json::to_string(&checks)?);
    } else {
        for Check { name, state, found, fix } in &checks {
            let mark = match state {
                State::Good => "ok  ",
                State::Less => "less",
                State::Bad => "BAD ",
            };
            println!("{mark} {name}: {found}");
            if !fix.is_empty() {
                println!("     fix: {fix}");
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

async fn folder(config: &Config, checks: &mut Vec<Check>) {
    match Services::folder(config) {
        Err(error) => checks.push(check("data folder", State::Bad, format!("{error:#}"), "choose another --data-dir")),
        Ok(Opened::Theirs(owner)) => {
            let urls: Vec<_> = owner.urls.iter().map(|(role, url)| format!("{role} {url}")).collect();
            checks.push(check(
                "data folder",
                State::Good,
                format!("process {} runs on it: {}", owner.pid, urls.join(", ")),
                "",
            ));
        }
        Ok(Opened::Ours(folder)) => {
            checks.push(check("data folder", State::Good, format!("{}, free", folder.path().display()), ""));
            checks.push(database(config, &folder).await);
            checks.extend(ports(config));
        }
    }
}

async fn database(config: &Config, folder: &Folder) -> Check {
    let (engine, fix) = match config.database.url {
        Some(_) => ("PostgreSQL", "check `database.url` and that the server runs"),
        None => ("SQLite", "if another program has the file open, stop it; if the file is damaged, restore it"),
    };
    match backends::database(config, folder.path()).await {
        Ok(_) => check("database", State::Good, format!("{engine}, with this release's schema"), ""),
        Err(error) => check("database", State::Bad, format!("{engine}: {error:#}"), fix),
    }
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
