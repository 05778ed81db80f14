//! The configuration: flags over environment over a TOML file over defaults, parsed once and passed down.

mod auth;
mod changes;
pub mod cloud;
mod database;
mod given;
mod intent;
mod log;
mod mail;
mod pictures;
mod plaintext;
mod providers;
mod rates;
mod read;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use confique::{Config as _, Layer as _, meta::FieldKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{limits, roles::Role};

pub use auth::{Auth, Signature};
pub use changes::{Settings, reloaded};
pub use cloud::Cloud;
pub use intent::Intent;
pub use log::{Log, LogFormat};
pub use mail::Mail;
pub use pictures::Pictures;
pub use rates::{RateLimits, Redis};

/// What the bodies of all requests in flight may take together, in bytes.
const MAX_BODIES: u64 = 1 << 30;

/// Which stores are the default where the configuration names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Everything in this process and its data folder.
    Embedded,
    /// Engines beside it; what is only good enough for a demo is refused.
    Production,
}

/// How results of several sources become one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fusion {
    /// Reciprocal rank fusion.
    Rrf,
    /// Min–max convex combination.
    Convex,
}

/// Everything a node can be told.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Config {
    /// `embedded` or `production`: the default of every store.
    #[config(env = "MEDIA_GATEWAY_PROFILE", default = "embedded")]
    pub profile: Profile,
    /// Where this node keeps its files. Default: the user's data directory.
    #[config(env = "MEDIA_GATEWAY_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// The roles this process runs; all when empty.
    #[config(env = "MEDIA_GATEWAY_ROLES", parse_env = confique::env::parse::list_by_comma, default = [])]
    pub roles: Vec<Role>,
    /// Addresses to listen on.
    #[config(nested)]
    pub listen: Listen,
    /// Where the roles are that this process doesn't run.
    #[config(nested)]
    pub peers: Peers,
    /// The SQL database.
    #[config(nested)]
    pub database: Database,
    /// The sentence model.
    #[config(nested)]
    pub model: Model,
    /// How search weighs its sources.
    #[config(nested)]
    pub search: Search,
    /// A language model that reads queries in place of our own parser.
    #[config(nested)]
    pub intent: Intent,
    /// Who people and programs are.
    #[config(nested)]
    pub auth: Auth,
    /// Google Cloud, where something of the configuration is there.
    #[config(nested)]
    pub cloud: Cloud,
    /// Mail to people.
    #[config(nested)]
    pub mail: Mail,
    /// Bounds on what comes in.
    #[config(nested)]
    pub limits: Limits,
    /// Who may ask how much.
    #[config(nested)]
    pub rate_limits: RateLimits,
    /// Pictures of titles.
    #[config(nested)]
    pub pictures: Pictures,
    /// Valkey or Redis.
    #[config(nested)]
    pub redis: Redis,
    /// Sources that are read anew every six hours, by name.
    #[config(default = {})]
    pub sources: BTreeMap<String, ingest::Feed>,
    /// Log lines.
    #[config(nested)]
    pub log: Log,
}

/// Addresses to listen on. A process with every role opens `gateway` and `metrics` only.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Listen {
    /// The public API.
    #[config(env = "MEDIA_GATEWAY_LISTEN_GATEWAY", default = "127.0.0.1:8080")]
    pub gateway: SocketAddr,
    /// The auth role.
    #[config(env = "MEDIA_GATEWAY_LISTEN_AUTH", default = "127.0.0.1:8084")]
    pub auth: SocketAddr,
    /// The search role, HTTP and gRPC.
    #[config(env = "MEDIA_GATEWAY_LISTEN_SEARCH", default = "127.0.0.1:8081")]
    pub search: SocketAddr,
    /// The ingest role.
    #[config(env = "MEDIA_GATEWAY_LISTEN_INGEST", default = "127.0.0.1:8085")]
    pub ingest: SocketAddr,
    /// The catalogue role, HTTP and gRPC.
    #[config(env = "MEDIA_GATEWAY_LISTEN_CATALOG", default = "127.0.0.1:8086")]
    pub catalog: SocketAddr,
    /// The playback role.
    #[config(env = "MEDIA_GATEWAY_LISTEN_PLAYBACK", default = "127.0.0.1:8087")]
    pub playback: SocketAddr,
    /// Metrics and health.
    #[config(env = "MEDIA_GATEWAY_LISTEN_METRICS", default = "127.0.0.1:9090")]
    pub metrics: SocketAddr,
}

/// Base URLs of the other roles, used for those that this process doesn't run.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Peers {
    /// The auth role.
    #[config(env = "MEDIA_GATEWAY_PEER_AUTH", default = "http://127.0.0.1:8084")]
    pub auth: String,
    /// The search role.
    #[config(env = "MEDIA_GATEWAY_PEER_SEARCH", default = "http://127.0.0.1:8081")]
    pub search: String,
    /// The ingest role.
    #[config(env = "MEDIA_GATEWAY_PEER_INGEST", default = "http://127.0.0.1:8085")]
    pub ingest: String,
    /// The catalogue role.
    #[config(env = "MEDIA_GATEWAY_PEER_CATALOG", default = "http://127.0.0.1:8086")]
    pub catalog: String,
    /// The playback role.
    #[config(env = "MEDIA_GATEWAY_PEER_PLAYBACK", default = "http://127.0.0.1:8087")]
    pub playback: String,
    /// A file with the secrets that roles show each other, one a line, the newest first: that one is shown, and all are
    /// accepted, so that it can be changed on one node after the other. Others count within a second. Without it only reads
    /// are allowed between processes.
    #[config(env = "MEDIA_GATEWAY_PEER_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// This node's certificate and those up to its authority, as PEM. With it and the two below, roles speak TLS and show
    /// each other certificates; off this machine they speak nothing else. New ones are taken when the files change.
    #[config(env = "MEDIA_GATEWAY_PEER_CERTIFICATE_FILE")]
    pub certificate_file: Option<PathBuf>,
    /// The certificate's private key, as PEM.
    #[config(env = "MEDIA_GATEWAY_PEER_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// The authorities whose certificates are believed, as PEM.
    #[config(env = "MEDIA_GATEWAY_PEER_AUTHORITIES_FILE")]
    pub authorities_file: Option<PathBuf>,
}

/// The SQL database.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Database {
    /// `postgres://…`; without it, SQLite in the data folder. Beyond this machine with `?sslmode=verify-full`, and
    /// `&sslrootcert=FILE` where the system does not believe the server's authority.
    #[config(env = "MEDIA_GATEWAY_DATABASE_URL")]
    pub url: Option<String>,
    /// A file whose first line is the password of the address's user, which the address then leaves out. Another one counts
    /// from the next connection on; `media-gateway database password` makes one.
    #[config(env = "MEDIA_GATEWAY_DATABASE_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// The most connections at once.
    #[config(env = "MEDIA_GATEWAY_DATABASE_MAX_CONNECTIONS", default = 10)]
    pub max_connections: u32,
    /// How long to wait for a connection or a lock.
    #[config(env = "MEDIA_GATEWAY_DATABASE_ACQUIRE_TIMEOUT_MS", default = 5000)]
    pub acquire_timeout_ms: u64,
    /// How long one statement may take.
    #[config(env = "MEDIA_GATEWAY_DATABASE_STATEMENT_TIMEOUT_MS", default = 30000)]
    pub statement_timeout_ms: u64,
}

/// The sentence model.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Model {
    /// Whether to search by meaning at all.
    #[config(env = "MEDIA_GATEWAY_MODEL_ENABLED", default = true)]
    pub enabled: bool,
    /// A folder with `model.onnx`, `tokenizer.json` and the ONNX Runtime library. Default: the user's cache, where
    /// `demo` puts them.
    #[config(env = "MEDIA_GATEWAY_MODEL_DIR")]
    pub dir: Option<PathBuf>,
}

/// How search weighs its sources. Read again on SIGHUP.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Search {
    /// `rrf` or `convex`.
    #[config(env = "MEDIA_GATEWAY_SEARCH_FUSION", default = "convex")]
    pub fusion: Fusion,
    /// The constant of reciprocal rank fusion.
    #[config(env = "MEDIA_GATEWAY_SEARCH_RRF_K", default = 60.0)]
    pub rrf_k: f64,
    /// Weight of the words.
    #[config(env = "MEDIA_GATEWAY_SEARCH_KEYWORD_WEIGHT", default = 0.7)]
    pub keyword_weight: f64,
    /// Weight of the meaning.
    #[config(env = "MEDIA_GATEWAY_SEARCH_VECTOR_WEIGHT", default = 0.2)]
    pub vector_weight: f64,
    /// Weight of people and genres in common.
    #[config(env = "MEDIA_GATEWAY_SEARCH_GRAPH_WEIGHT", default = 0.1)]
    pub graph_weight: f64,
    /// Weight of the words beside titles that a query names as examples.
    #[config(env = "MEDIA_GATEWAY_SEARCH_EXAMPLE_KEYWORD_WEIGHT", default = 0.2)]
    pub example_keyword_weight: f64,
    /// Weight of the meaning that titles share with the examples.
    #[config(env = "MEDIA_GATEWAY_SEARCH_EXAMPLE_VECTOR_WEIGHT", default = 0.4)]
    pub example_vector_weight: f64,
    /// Weight of the people and genres that titles share with the examples.
    #[config(env = "MEDIA_GATEWAY_SEARCH_EXAMPLE_GRAPH_WEIGHT", default = 0.4)]
    pub example_graph_weight: f64,
    /// Weight of the words in a long question.
    #[config(env = "MEDIA_GATEWAY_SEARCH_STORY_KEYWORD_WEIGHT", default = 0.5)]
    pub story_keyword_weight: f64,
    /// Weight of the meaning in a long question.
    #[config(env = "MEDIA_GATEWAY_SEARCH_STORY_VECTOR_WEIGHT", default = 0.5)]
    pub story_vector_weight: f64,
    /// Weight of people and genres in common in a long question.
    #[config(env = "MEDIA_GATEWAY_SEARCH_STORY_GRAPH_WEIGHT", default = 0.0)]
    pub story_graph_weight: f64,
    /// In a long question, weight of when it says it was and of what people remember, for each natural logarithm of odds.
    #[config(env = "MEDIA_GATEWAY_SEARCH_STORY_EVIDENCE_WEIGHT", default = 0.1)]
    pub story_evidence_weight: f64,
}

/// Bounds on what comes in.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Limits {
    /// The longest a request may take.
    #[config(env = "MEDIA_GATEWAY_REQUEST_TIMEOUT_MS", default = 10000)]
    pub request_timeout_ms: u64,
    /// How long `/readyz` says that the node is stopping before its ports close: as long as whoever balances load takes
    /// to hear of it.
    #[config(env = "MEDIA_GATEWAY_DRAIN_PAUSE_MS", default = 0)]
    pub drain_pause_ms: u64,
    /// Requests in flight at once; more are refused with 503.
    #[config(env = "MEDIA_GATEWAY_MAX_IN_FLIGHT", default = 512)]
    pub max_in_flight: usize,
    /// After how long without an answer a read from a role in another process is sent there once more; never where absent.
    #[config(env = "MEDIA_GATEWAY_HEDGE_AFTER_MS")]
    pub hedge_after_ms: Option<u64>,
    /// Connections at once.
    #[config(env = "MEDIA_GATEWAY_MAX_CONNECTIONS", default = 4096)]
    pub max_connections: usize,
    /// The largest request body. Times the requests in flight it is at most a gibibyte.
    #[config(env = "MEDIA_GATEWAY_MAX_BODY_BYTES", default = 65536)]
    pub max_body_bytes: usize,
    /// Memory for cached answers, of which a catalogue takes as much as its titles need, some 3.5 KB each. What is here by
    /// default has room for a seventh of a million: enough for 85 of 100 reads by Zipf's law (`docs/measured/`).
    #[config(env = "MEDIA_GATEWAY_CACHE_BYTES", default = 536870912)]
    pub cache_bytes: u64,
    /// Origins that browsers may call from, exactly as they write them.
    #[config(env = "MEDIA_GATEWAY_CORS_ORIGINS", parse_env = confique::env::parse::list_by_comma, default = [])]
    pub cors_origins: Vec<String>,
}

/// What the command line sets; `None` leaves it to the others.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--roles`.
    pub roles: Option<Vec<Role>>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--metrics-listen`.
    pub metrics_listen: Option<SocketAddr>,
    /// `--log`.
    pub log: Option<String>,
}

type Layer = <Config as confique::Config>::Layer;

impl Config {
    /// Reads every layer and checks what they say together.
    ///
    /// # Errors
    /// A sentence that names the file or variable and the key at fault.
    pub fn load(flags: &Flags) -> anyhow::Result<Self> {
        Ok(Self::read(flags)?.0)
    }

    /// The same, with every key that has a value. Secrets are among them.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read(flags: &Flags) -> anyhow::Result<(Self, Settings)> {
        let mut merged = Layer::empty();
        for (_, layer) in layers(flags)? {
            merged = merged.with_fallback(layer);
        }
        let (values, mut settings) = (serde_json::to_value(&merged)?, Settings::new());
        flatten(String::new(), &values, &mut |key, value| _ = settings.insert(key, value));
        let config = Self::from_layer(merged).context("the configuration is not complete")?;
        config.check()?;
        Ok((config, settings))
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.profile == Profile::Production && self.database.url.is_none() {
            bail!("the production profile needs `database.url` (MEDIA_GATEWAY_DATABASE_URL): a postgres:// address");
        }
        self.database.check()?;
        if !self.all_roles() && self.database.url.is_none() {
            bail!(
                "some roles without the others need PostgreSQL, because SQLite is one file with one owner: \
                 set `database.url` or run every role"
            );
        }
        if let Some(url) = &self.redis.url
            && !url.starts_with("redis://")
            && !url.starts_with("rediss://")
        {
            bail!("`redis.url` must start with redis://, or with rediss:// for TLS");
        }
        plaintext::check(self)?;
        cloud::check(self)?;
        self.check_limits()?;
        self.intent.check(self.limits.request_timeout_ms)?;
        self.mail.check()?;
        self.auth.google.check()?;
        self.auth.github.check()?;
        check_level(&self.log.level)?;
        for (name, feed) in &self.sources {
            feed.check(name).with_context(|| format!("`sources.{name}` can't be read"))?;
        }
        limits::rates(self).context("`rate_limits` can't hold")?;
        self.check_weights()
    }

    fn check_weights(&self) -> anyhow::Result<()> {
        let search = &self.search;
        let usual = [search.keyword_weight, search.vector_weight, search.graph_weight];
        let story = [search.story_keyword_weight, search.story_vector_weight, search.story_graph_weight];
        let example = [search.example_keyword_weight, search.example_vector_weight, search.example_graph_weight];
        for weights in [usual, example, story] {
            if weights.iter().any(|w| !w.is_finite() || *w < 0.0) || weights.iter().sum::<f64>() <= 0.0 {
                bail!("the weights under `search` must not be negative, and one of each kind must be more than 0");
            }
        }
        if !(search.story_evidence_weight.is_finite() && search.story_evidence_weight >= 0.0) {
            bail!("`search.story_evidence_weight` must not be negative");
        }
        if !(search.rrf_k.is_finite() && search.rrf_k > 0.0) {
            bail!("`search.rrf_k` must be more than 0");
        }
        Ok(())
    }

    /// A limit of nothing refuses everything, and one without end is none.
    fn check_limits(&self) -> anyhow::Result<()> {
        if let Some(origin) = self.limits.cors_origins.iter().find(|origin| !gateway::Origins::is_one(origin)) {
            bail!("`limits.cors_origins` has {origin:?}, which is no origin like https://app.example.org");
        }
        let limits = &self.limits;
        let bounds = [
            ("limits.request_timeout_ms", limits.request_timeout_ms, 100, 50_000),
            ("limits.drain_pause_ms", limits.drain_pause_ms, 0, 60_000),
            ("limits.hedge_after_ms", limits.hedge_after_ms.unwrap_or(1), 1, 10_000),
            ("limits.max_in_flight", limits.max_in_flight as u64, 1, 1_000_000),
            ("limits.max_connections", limits.max_connections as u64, 1, 1_000_000),
            ("limits.max_body_bytes", limits.max_body_bytes as u64, 1_024, 16 << 20),
            ("limits.cache_bytes", limits.cache_bytes, 0, 1 << 40),
            ("database.max_connections", self.database.max_connections.into(), 1, 1_000),
            ("database.acquire_timeout_ms", self.database.acquire_timeout_ms, 100, 60_000),
            ("database.statement_timeout_ms", self.database.statement_timeout_ms, 100, 600_000),
        ];
        let share = self.rate_limits.fallback_share;
        if !(0.0..=1.0).contains(&share) || !(16..=10_000_000).contains(&self.rate_limits.max_keys) {
            bail!("`rate_limits.fallback_share` is from 0 to 1, and `rate_limits.max_keys` from 16 to 10000000");
        }
        let beyond = bounds.into_iter().find(|(_, value, least, most)| value < least || value > most);
        if let Some((key, value, least, most)) = beyond {
            bail!("`{key}` must be from {least} to {most}, and is {value}");
        }
        let bodies = limits.max_in_flight as u64 * limits.max_body_bytes as u64;
        if bodies > MAX_BODIES {
            bail!(
                "`limits.max_in_flight` times `limits.max_body_bytes` is {bodies}, and may be {MAX_BODIES} at most: bodies \
                 are held whole, as many at once"
            );
        }
        Ok(())
    }

    /// The roles this process runs.
    pub fn roles(&self) -> BTreeSet<Role> {
        if self.roles.is_empty() { Role::ALL.into_iter().collect() } else { self.roles.iter().copied().collect() }
    }

    /// Whether this process runs every role.
    pub fn all_roles(&self) -> bool {
        self.roles().len() == Role::ALL.len()
    }

    /// The data folder.
    ///
    /// # Errors
    /// When none is set and the user has no home directory.
    pub fn data_dir(&self) -> anyhow::Result<PathBuf> {
        match &self.data_dir {
            Some(dir) => Ok(dir.clone()),
            None => directories::ProjectDirs::from("", "", "media-gateway")
                .map(|dirs| dirs.data_dir().to_owned())
                .context("no home directory: set --data-dir or MEDIA_GATEWAY_DATA_DIR"),
        }
    }

    /// The variable of each key that has one.
    pub fn variables() -> BTreeMap<String, &'static str> {
        let mut known = BTreeMap::new();
        collect_variables(&Self::META, "", &mut known);
        known
    }

    /// Every key, its value and where the value came from: null and `not set` where it has none. Secrets in URLs are masked.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn origins(flags: &Flags) -> anyhow::Result<BTreeMap<String, (Value, String)>> {
        Self::load(flags)?;
        let mut known = BTreeMap::new();
        for (origin, layer) in layers(flags)? {
            let value = serde_json::to_value(&layer).context("the configuration can't be shown")?;
            flatten(String::new(), &value, &mut |key, value| {
                let value =
                    if [intent::is_secret, mail::is_secret, providers::is_secret].iter().any(|secret| secret(&key)) {
                        "***".into()
                    } else {
                        mask(value)
                    };
                known.entry(key).or_insert_with(|| (value, origin.clone()));
            });
        }
        for key in Self::variables().into_keys() {
            known.entry(key).or_insert_with(|| (Value::Null, "not set".to_owned()));
        }
        Ok(known)
    }
}

/// A word alone is a level: as a directive of `tracing` it would name a module, and a misspelt level would log everything.
fn check_level(directives: &str) -> anyhow::Result<()> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let alone = |directive: &&str| !directive.contains(['=', '[']);
    match directives
        .split(',')
        .map(str::trim)
        .filter(alone)
        .find(|word| !LEVELS.contains(&word.to_lowercase().as_str()))
    {
        Some(word) => bail!("`log.level` has {word:?}, which is none of {}", LEVELS.join(", ")),
        None => Ok(()),
    }
}

/// Refuses a variable that looks like a setting and is none: it would be a wish that nobody hears.
fn check_environment(variables: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let known: BTreeSet<&str> = Config::variables().into_values().chain(["MEDIA_GATEWAY_CONFIG"]).collect();
    // What the tests of this project are told is none of the product's business.
    let ours = |name: &String| name.starts_with("MEDIA_GATEWAY_") && !name.starts_with("MEDIA_GATEWAY_TEST_");
    let Some(name) = variables.filter(ours).find(|name| !known.contains(name.as_str())) else { return Ok(()) };
    let spelt = |key: &str| format!("MEDIA_GATEWAY_{}", key.replace('.', "_").to_uppercase());
    match Config::variables().into_iter().find(|(key, _)| spelt(key) == name) {
        Some((key, variable)) => bail!("{name} is no setting: the variable of `{key}` is {variable}"),
        None => bail!("{name} is no setting: `media-gateway config show --origin` lists their variables"),
    }
}

fn collect_variables(meta: &confique::meta::Meta, prefix: &str, known: &mut BTreeMap<String, &'static str>) {
    for field in meta.fields {
        match field.kind {
            FieldKind::Leaf { env, .. } => known.extend(env.map(|env| (format!("{prefix}{}", field.name), env))),
            FieldKind::Nested { meta } => collect_variables(meta, &format!("{prefix}{}.", field.name), known),
        }
    }
}

/// The layers, strongest first, each with the name of its origin.
fn layers(flags: &Flags) -> anyhow::Result<Vec<(String, Layer)>> {
    check_environment(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
    let mut layers = vec![("flag".to_owned(), from_flags(flags))];
    layers.push(("environment".to_owned(), read::environment()?));
    let file = match &flags.config {
        Some(path) => Some((path.clone(), "--config")),
        None => std::env::var_os("MEDIA_GATEWAY_CONFIG").map(|path| (PathBuf::from(path), "MEDIA_GATEWAY_CONFIG")),
    };
    if let Some((path, named_by)) = file {
        layers.push((format!("file {}", path.display()), read::file(&path, named_by)?));
    }
    layers.push(("default".to_owned(), Layer::default_values()));
    Ok(layers)
}

fn from_flags(flags: &Flags) -> Layer {
    let mut layer = Layer::empty();
    layer.data_dir.clone_from(&flags.data_dir);
    layer.roles.clone_from(&flags.roles);
    layer.listen.gateway = flags.listen;
    layer.listen.metrics = flags.metrics_listen;
    layer.log.level.clone_from(&flags.log);
    layer
}

fn flatten(prefix: String, value: &Value, visit: &mut impl FnMut(String, Value)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(path, value, visit);
            }
        }
        Value::Null => {}
        other => visit(prefix, other.clone()),
    }
}

/// Hides the password of a URL: before the host or, as PostgreSQL's driver takes it too, behind the question mark.
fn mask(value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    let Some((scheme, rest)) = text.split_once("://") else { return value };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    if query.contains('@') {
        // Nobody can tell which of it is a password.
        return Value::String(format!("{scheme}://***"));
    }
    let place = match place.rsplit_once('@') {
        Some((userinfo, host)) => format!("{}:***@{host}", userinfo.split(':').next().unwrap_or_default()),
        None => place.to_owned(),
    };
    let mark = if rest.contains('?') { "?" } else { "" };
    let shown = query.split('&').map(|pair| if pair.starts_with("password=") { "password=***" } else { pair });
    Value::String(format!("{scheme}://{place}{mark}{}", shown.collect::<Vec<_>>().join("&")))
}

#[cfg(test)]
mod tests;
