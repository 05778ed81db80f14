//! Opens the stores the configuration asks for: the only place that matches on a backend.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use contracts::{ApiError, Clock, Component, ComponentState, Embedder, IntentReader, Mailer, SecretFiles};
use embedding::{ModelFiles, OnnxEmbedder};
use intent::OpenAiIntents;
use mail::{FileMailer, SmtpMailer};
use stores::{
    DbError, PasswordFile, Transport,
    cache::Cache,
    db::{Db, DbConfig},
    limits::LimitStore,
    users::{self, User},
    vectors::{VectorError, VectorIndex},
};
use stores_embedded::{ExactVectors, HnswVectors, MemoryCache};
pub use stores_production::RedisLink;
use stores_production::{RedisCache, RedisLimits};

use crate::{config::Config, privileges, services::Wanted};

/// How long the Redis server may take to say that it is there.
const REDIS_PATIENCE: Duration = Duration::from_millis(800);

/// The database, with this release's schema: brought to it, where its user may do that.
///
/// # Errors
/// When it can't be opened or was migrated by a newer release. Where others migrate it: `schema_behind` when they have yet
/// to, and `database_user` when its user may not do what is wanted of it.
pub async fn database(config: &Config, folder: &Path, wanted: Wanted) -> anyhow::Result<Db> {
    let db = open(config, folder).await?;
    match db.user().await?.filter(|user| !user.migrates) {
        Some(user) => privileges::is_ready(config, wanted, &db, &user).await?,
        None => db.migrate().await?,
    }
    Ok(db)
}

/// The database as it is, where it has users: PostgreSQL.
///
/// # Errors
/// `InvalidArgument` on SQLite; or when it can't be opened.
pub async fn with_users(config: &Config) -> anyhow::Result<Db> {
    if owns_database(config) {
        let detail = "SQLite has no users: name a database of PostgreSQL in `database.url`";
        return Err(ApiError::invalid("no_database_users", detail).into());
    }
    Ok(open(config, Path::new("")).await?)
}

/// The database's user; `None` on SQLite.
///
/// # Errors
/// When it can't be asked.
pub async fn user(config: &Config) -> anyhow::Result<Option<User>> {
    if owns_database(config) {
        return Ok(None);
    }
    let db = with_users(config).await?;
    let user = db.user().await;
    db.close().await;
    Ok(user?)
}

/// The users of the database that were made for processes and are of none any more: the name of each, and what ends it.
///
/// # Errors
/// When it can't be asked.
pub async fn left_users(config: &Config) -> anyhow::Result<Vec<(String, String)>> {
    if owns_database(config) {
        return Ok(Vec::new());
    }
    let db = with_users(config).await?;
    let mut tx = db.begin().await?;
    let mut found = Vec::new();
    for user in users::made(&mut tx).await?.into_iter().filter(|user| user.left) {
        let ending = users::ending(&mut tx, &user.name).await?;
        found.push((user.name, ending));
    }
    drop(tx);
    db.close().await;
    Ok(found)
}

/// The names of the migrations the database has yet to see. Changes nothing, and makes no file.
///
/// # Errors
/// As [`database`].
pub async fn missing_migrations(config: &Config, folder: &Path) -> anyhow::Result<Vec<&'static str>> {
    anyhow::ensure!(
        config.database.url.is_some() || sqlite_file(folder).exists(),
        "{} is not there, though the folder was in use",
        sqlite_file(folder).display()
    );
    let db = open(config, folder).await?;
    let missing = db.missing_migrations().await;
    db.close().await;
    Ok(missing?)
}

/// Whether something is sealed in the database. Makes no file.
///
/// # Errors
/// When it can't be asked.
pub async fn has_sealed(config: &Config, folder: &Path) -> anyhow::Result<bool> {
    if config.database.url.is_none() && !sqlite_file(folder).exists() {
        return Ok(false);
    }
    let db = open(config, folder).await?;
    let sealed = auth::has_sealed(&db).await;
    db.close().await;
    Ok(sealed?)
}

/// Whether these secrets open what is sealed in the database, where something is. Makes no file.
///
/// # Errors
/// When it can't be asked.
pub async fn opens_sealed(config: &Config, folder: &Path, secrets: &[[u8; 32]]) -> anyhow::Result<bool> {
    if config.database.url.is_none() && !sqlite_file(folder).exists() {
        return Ok(true);
    }
    let db = open(config, folder).await?;
    let opens = auth::opens_sealed(&db, secrets, Clock::system().now()).await;
    db.close().await;
    Ok(opens?)
}

/// The erasures that are overdue. Makes no file.
///
/// # Errors
/// When it can't be asked.
pub async fn overdue(config: &Config, folder: &Path) -> anyhow::Result<Vec<auth::Overdue>> {
    if config.database.url.is_none() && !sqlite_file(folder).exists() {
        return Ok(Vec::new());
    }
    let db = open(config, folder).await?;
    let overdue = auth::overdue(&db, Clock::system().now()).await;
    db.close().await;
    Ok(overdue?)
}

/// What the database is called, and how it is reached.
pub fn engine(config: &Config) -> &'static str {
    match transport(config) {
        _ if config.database.url.is_none() => "SQLite",
        Some(Transport::Local) => "PostgreSQL on this machine",
        Some(Transport::Encrypted) => "PostgreSQL over TLS, to whoever answers",
        Some(Transport::Verified) => "PostgreSQL over TLS",
        Some(Transport::Plain) | None => "PostgreSQL",
    }
}

/// How PostgreSQL is reached; `None` without it, or where its address is none.
pub fn transport(config: &Config) -> Option<Transport> {
    Transport::of(config.database.url.as_deref()?).ok()
}

/// What helps when the database can't be used.
pub fn mend(config: &Config) -> &'static str {
    match config.database.url {
        Some(_) if config.database.password_file.is_some() => {
            "check `database.url`, `database.password_file` and that the server runs"
        }
        Some(_) => "check `database.url` and that the server runs",
        None => "if another program has the file open, stop it; if the file is damaged, restore it",
    }
}

fn sqlite_file(folder: &Path) -> PathBuf {
    folder.join("media-gateway.db")
}

/// The file with the password of the database's user, where the configuration names one.
pub fn password_file(config: &Config) -> Option<PasswordFile> {
    config.database.password_file.as_ref().map(PasswordFile::new)
}

/// Whether the server refuses what a file holds as the password of this user; not where nobody can tell.
///
/// # Errors
/// When the file can't be read.
pub async fn refuses(config: &Config, user: &str, file: &PasswordFile) -> Result<bool, DbError> {
    match &config.database.url {
        Some(url) => file.is_refused(url, user, Duration::from_millis(config.database.acquire_timeout_ms)).await,
        None => Ok(false),
    }
}

/// The database as it is.
///
/// # Errors
/// When it can't be opened.
pub async fn open(config: &Config, folder: &Path) -> Result<Db, DbError> {
    let settings = DbConfig {
        max_connections: config.database.max_connections,
        acquire_timeout: Duration::from_millis(config.database.acquire_timeout_ms),
        statement_timeout: Duration::from_millis(config.database.statement_timeout_ms),
    };
    match (&config.database.url, password_file(config)) {
        (Some(url), Some(file)) => Db::open_postgres_with(url, file, &settings).await,
        (Some(url), None) => Db::open_postgres(url, &settings).await,
        (None, _) => Db::open_sqlite(&sqlite_file(folder), &settings).await,
    }
}

/// Whether the owner of the data folder is the only one to write to the database: PostgreSQL serves other nodes too.
pub fn owns_database(config: &Config) -> bool {
    config.database.url.is_none()
}

/// The cache: of all that share the Redis server where there is one, or of this process.
pub fn cache(config: &Config, redis: Option<&RedisLink>) -> Arc<dyn Cache> {
    match redis {
        Some(link) => Arc::new(RedisCache::new(link.clone(), &config.redis.prefix)),
        None => Arc::new(MemoryCache::new(config.limits.cache_bytes)),
    }
}

/// The rate limits that several processes share, where there is a store for them.
///
/// # Errors
/// When the server's address is none.
pub fn shared_limits(
    config: &Config,
    clock: &Clock,
    files: &SecretFiles,
) -> anyhow::Result<Option<Arc<dyn LimitStore>>> {
    Ok(redis(config, clock, files)?.map(|link| Arc::new(RedisLimits::new(link, &config.redis.prefix)) as _))
}

/// A link to the Redis server, where the configuration names one.
///
/// # Errors
/// When its address is none, or its password or authorities can't be read.
pub fn redis(config: &Config, clock: &Clock, files: &SecretFiles) -> anyhow::Result<Option<RedisLink>> {
    let Some(url) = &config.redis.url else { return Ok(None) };
    let read = |file: &PathBuf| std::fs::read(file).with_context(|| format!("can't read {}", file.display()));
    let authorities =
        config.redis.authorities_file.as_ref().map(read).transpose().context("`redis.authorities_file`")?;
    let link = RedisLink::open(url, authorities, config.redis.password(files)?, clock.clone());
    Ok(Some(link.context("`redis.url` or `redis.authorities_file` is not what it should be")?))
}

/// How the Redis server is: without it a node works, with less.
pub async fn redis_part(link: &RedisLink) -> Component {
    const SHARED: &str =
        "the cache and the rate limits are shared; tested against Redis 7, untested against a server of Valkey";
    let trouble = match tokio::time::timeout(REDIS_PATIENCE, link.ping()).await {
        Ok(Ok(())) => return Component::new("redis", ComponentState::Ready, SHARED),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the Redis server does not answer".to_owned(),
    };
    let detail = format!("{trouble}; nothing is cached, and each process limits by itself");
    Component::new("redis", ComponentState::Degraded, detail)
}

/// Where the model is, or is put.
pub fn model_dir(config: &Config) -> Option<PathBuf> {
    config.model.dir.clone().or_else(|| Some(assets::model_folder(&assets::cache_folder().ok()?)))
}

/// The sentence model, or why there is none: the node then searches without it.
pub fn embedder(config: &Config) -> Result<Arc<dyn Embedder>, String> {
    if !config.model.enabled {
        return Err("switched off by `model.enabled`".to_owned());
    }
    let dir = model_dir(config).ok_or("no folder for the model: set `model.dir`")?;
    let files = ModelFiles::find(&dir).map_err(|error| error.to_string())?;
    let embedder = OnnxEmbedder::load(&files).map_err(|error| error.to_string())?;
    Ok(Arc::new(embedder))
}

/// The language model that reads queries, where the configuration names one.
///
/// # Errors
/// When its key file can't be read, or its address is none.
pub fn intents(config: &Config, clock: &Clock, files: &SecretFiles) -> anyhow::Result<Option<Arc<dyn IntentReader>>> {
    let Some(settings) = config.intent.settings(files)? else { return Ok(None) };
    let reader = OpenAiIntents::new(settings, clock.clone()).context("`intent.url` can't be used")?;
    Ok(Some(Arc::new(reader)))
}

/// Who takes mail: the server of the configuration or, without one, files in the data folder. Nobody is asked, and no
/// file made.
///
/// # Errors
/// When the password can't be read, or an address is none.
pub fn mailer(config: &Config, folder: &Path, files: &SecretFiles) -> anyhow::Result<Arc<dyn Mailer>> {
    // Also where a server takes the mail: a sender who is none is not the server's fault.
    let outbox = FileMailer::new(folder.join("outbox"), config.mail.sender());
    let outbox = outbox.map_err(|why| anyhow::anyhow!("`mail.from`: {why}"))?;
    let Some(settings) = config.mail.smtp(files)? else { return Ok(Arc::new(outbox)) };
    Ok(Arc::new(SmtpMailer::new(&settings).map_err(|why| anyhow::anyhow!("`mail.smtp_url` can't be used: {why}"))?))
}

/// How many titles the vector index holds, or what is wrong with it; `None` when there is none yet. Makes no file.
pub async fn inspect_vectors(folder: &Path, embedder: &dyn Embedder) -> Result<Option<u64>, String> {
    let path = folder.join("index").join("vectors");
    if !path.exists() {
        return Ok(None);
    }
    let index = ExactVectors::open(&path, embedder.model().clone()).map_err(|error| error.to_string())?;
    index.len().await.map(|titles| Some(titles as u64)).map_err(|error| error.to_string())
}

/// The vectors of `embedder`'s model. A file that is corrupt, or of another model, is put aside and made anew: the
/// follower fills it again from the catalogue.
///
/// # Errors
/// When the file can't be read or was written by a newer release.
pub fn vectors(folder: &Path, embedder: &dyn Embedder) -> anyhow::Result<(Arc<dyn VectorIndex>, Option<Component>)> {
    let path = folder.join("index").join("vectors");
    std::fs::create_dir_all(folder.join("index"))?;
    let reason = match HnswVectors::open(&path, embedder.model().clone()) {
        Ok(vectors) => return Ok((Arc::new(vectors), None)),
        Err(error @ (VectorError::Corrupt(_) | VectorError::OtherModel { .. })) => error.to_string(),
        Err(error) => return Err(error.into()),
    };
    tracing::warn!(reason, "the vector index is rebuilt from the catalogue");
    std::fs::rename(&path, path.with_extension("aside"))?;
    let vectors = HnswVectors::open(&path, embedder.model().clone())?;
    let note = Component::new("vector_index", ComponentState::Degraded, format!("being rebuilt: {reason}"));
    Ok((Arc::new(vectors), Some(note)))
}
