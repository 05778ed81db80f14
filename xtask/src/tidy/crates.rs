//! Which crate may use which: ours by a table, others by a list of who alone may have them.

use std::path::Path;

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::Finding;

/// The contexts: they meet in `contracts` only.
pub const CONTEXTS: [&str; 10] =
    ["auth", "catalog", "ingest", "search", "recommend", "sync", "playback", "agents", "campaigns", "lifecycle"];

/// What a context may use of ours.
const CONTEXT_MAY: &[&str] = &["contracts", "access", "stores", "http-api"];

/// What every other crate of ours may use of ours. The binary may use everything but test helpers.
const MAY: &[(&str, &[&str])] = &[
    ("contracts", &[]),
    ("assets", &[]),
    ("tls", &[]),
    ("testkit", &["contracts", "access", "stores", "stores-embedded", "http-api", "embedding"]),
    ("access", &["contracts"]),
    ("embedding", &["contracts"]),
    ("cloud", &["contracts"]),
    ("pictures", &["contracts"]),
    ("intent", &["contracts"]),
    ("mail", &["contracts"]),
    ("stores", &["contracts"]),
    ("stores-embedded", &["contracts", "stores"]),
    ("stores-production", &["contracts", "stores"]),
    ("http-api", &["contracts", "access", "tls"]),
    ("rpc", &["contracts", "access", "tls"]),
    ("gateway", &["contracts", "stores", "http-api", "access", "tls"]),
    ("web", &["contracts", "http-api"]),
    ("xtask", &["assets"]),
];

/// Foreign crates that only some of ours may use: the names (a `*` ends a prefix), who may, and what to do instead.
const ONLY: [(&[&str], &[&str], &str); 3] = [
    (&["tonic", "tonic-*"], &["rpc", "media-gateway"], "keep gRPC in rpc, behind a trait of contracts"),
    (
        &["sqlx", "sqlx-*", "rusqlite", "tokio-postgres", "postgres", "deadpool-postgres", "diesel", "sea-orm"],
        &["stores", "stores-embedded", "stores-production"],
        "use stores::Db",
    ),
    (
        &["redis", "qdrant-client", "rdkafka", "clickhouse", "iceberg", "iceberg-*", "object_store", "aws-sdk-*"],
        &["stores-production"],
        "add a port to stores and the client to stores-production",
    ),
];

/// Crates that know nothing of HTTP servers.
const NO_HTTP: [&str; 5] = ["contracts", "stores", "stores-embedded", "stores-production", "assets"];

/// A crate of ours with its normal dependencies.
pub struct Crate {
    pub name: String,
    /// Its `Cargo.toml`, from the root.
    pub manifest: String,
    /// The manifest's text, for line numbers.
    pub text: String,
    pub uses: Vec<String>,
}

/// Reads the workspace and checks it.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut command = MetadataCommand::new();
    let metadata = command.current_dir(root).no_deps().exec().context("cargo metadata")?;
    let read = |package: &cargo_metadata::Package| -> Result<Crate> {
        let manifest = package.manifest_path.strip_prefix(&metadata.workspace_root)?.to_string();
        let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        let uses = normal.map(|dependency| dependency.name.clone()).collect();
        let text = std::fs::read_to_string(&package.manifest_path)?;
        Ok(Crate { name: package.name.to_string(), manifest, text, uses })
    };
    let crates = metadata.packages.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(rules(&crates))
}

/// The rules, over plain values.
pub fn rules(crates: &[Crate]) -> Vec<Finding> {
    let ours: Vec<&str> = crates.iter().map(|krate| krate.name.as_str()).collect();
    let mut findings = Vec::new();
    for krate in crates {
        for used in &krate.uses {
            let verdict =
                if ours.contains(&used.as_str()) { own(&krate.name, used) } else { foreign(&krate.name, used) };
            if let Some((wrong, instead)) = verdict {
                let named = |line: &str| line.split(['.', ' ', '=']).next() == Some(used);
                let line = krate.text.lines().position(named).map_or(1, |index| index + 1);
                findings.push(Finding::new(&krate.manifest, line, wrong, instead));
            }
        }
    }
    findings
}

fn own(krate: &str, used: &str) -> Option<(String, &'static str)> {
    if used == "testkit" {
        return Some((format!("{krate} uses testkit outside tests"), "make it a dev-dependency"));
    }
    if krate == "media-gateway" {
        return None;
    }
    let wrong = format!("{krate} uses {used}");
    if CONTEXTS.contains(&krate) {
        let instead = "contexts meet in contracts: add a method to a trait there, or an event";
        return (!CONTEXT_MAY.contains(&used)).then_some((wrong, instead));
    }
    match MAY.iter().find(|(name, _)| *name == krate) {
        Some((_, may)) if may.contains(&used) => None,
        Some(_) => Some((wrong, "turn the dependency round, or move what is shared into contracts")),
        None => Some((wrong, "the crate is new: say in xtask/src/tidy/crates.rs what it may use")),
    }
}

fn foreign(krate: &str, used: &str) -> Option<(String, &'static str)> {
    if used == "axum" && NO_HTTP.contains(&krate) {
        return Some((format!("{krate} uses axum"), "move what speaks HTTP into a context's http.rs or http-api"));
    }
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => used.starts_with(prefix),
        None => used == pattern,
    };
    let (_, who, instead) = ONLY.iter().find(|(names, _, _)| names.iter().any(|name| matches(name)))?;
    (!who.contains(&krate)).then(|| (format!("{krate} uses {used}, which only {} may", who.join(" and ")), *instead))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn found(name: &str, used: &str) -> Vec<Finding> {
        let mut crates: Vec<Crate> =
            MAY.iter().map(|(name, _)| *name).chain(CONTEXTS).chain(["media-gateway"]).map(plain).collect();
        for krate in crates.iter_mut().filter(|krate| krate.name == name) {
            krate.uses.push(used.into());
            krate.text = format!("[dependencies]\nserde.workspace = true\n{used}.workspace = true\n");
        }
        rules(&crates)
    }

    fn plain(name: &str) -> Crate {
        Crate { name: name.into(), manifest: format!("crates/{name}/Cargo.toml"), text: String::new(), uses: vec![] }
    }

    #[rstest]
    #[case("search", "catalog")]
    #[case("search", "rpc")]
    #[case("ingest", "stores-embedded")]
    #[case("catalog", "stores-production")]
    #[case("gateway", "search")]
    #[case("contracts", "stores")]
    #[case("stores", "http-api")]
    #[case("catalog", "testkit")]
    #[case("media-gateway", "testkit")]
    #[case("catalog", "tonic")]
    #[case("gateway", "tonic-health")]
    #[case("contracts", "axum")]
    #[case("stores-embedded", "axum")]
    #[case("ingest", "sqlx")]
    #[case("catalog", "rusqlite")]
    #[case("search", "qdrant-client")]
    #[case("stores", "redis")]
    fn what_is_forbidden_goes_red(#[case] name: &str, #[case] used: &str) {
        let findings = found(name, used);
        assert_eq!(findings.len(), 1, "{name} may use {used}");
        assert_eq!(findings[0].line, 3);
    }

    #[rstest]
    #[case("search", "contracts")]
    #[case("search", "tantivy")]
    #[case("rpc", "tonic-prost")]
    #[case("media-gateway", "search")]
    #[case("stores", "sqlx")]
    #[case("catalog", "axum")]
    fn what_is_allowed_stays_green(#[case] name: &str, #[case] used: &str) {
        assert_eq!(found(name, used), []);
    }

    #[test]
    fn a_new_crate_must_be_placed() {
        let new = Crate { uses: vec!["contracts".into()], ..plain("helpers") };
        assert!(rules(&[plain("contracts"), new])[0].sentence.contains("the crate is new"));
    }
}
