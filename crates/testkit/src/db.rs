//! Databases for tests: a SQLite file in a temporary folder, or a fresh database on the server that `make test` starts.

use std::{
    ops::Deref,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use stores::{Db, DbConfig, args, events::Head};
use tempfile::TempDir;
use uuid::Uuid;

/// The environment variable with the URL of a PostgreSQL superuser on a private server.
pub const POSTGRES: &str = "MEDIA_GATEWAY_TEST_POSTGRES";
/// The environment variable with the file of the authority that the server's certificate is of.
pub const POSTGRES_ROOT: &str = "MEDIA_GATEWAY_TEST_POSTGRES_ROOT";

/// A migrated, empty database that is gone once this is dropped. It is a [`Db`] by `Deref`; clone that to hand it on.
pub struct TestDb {
    db: Db,
    place: Place,
}

enum Place {
    Sqlite(TempDir),
    Postgres { admin: String, server: String, name: String },
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl TestDb {
    /// The database, to hand on.
    pub fn db(&self) -> Db {
        self.db.clone()
    }

    /// A watch of its log, for whoever follows it.
    pub fn head(&self) -> Head {
        Head::watch(self.db())
    }

    /// The SQLite file; `None` on PostgreSQL.
    pub fn path(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Sqlite(folder) => Some(file(folder)),
            Place::Postgres { .. } => None,
        }
    }

    /// The URL of the PostgreSQL database; `None` on SQLite.
    pub fn url(&self) -> Option<String> {
        match &self.place {
            Place::Sqlite(_) => None,
            Place::Postgres { server, name, .. } => Some(url(server, name)),
        }
    }

    /// The URL without its password, the user, and the password; `None` on SQLite.
    pub fn apart(&self) -> Option<(String, String, String)> {
        let url = self.url()?;
        let (scheme, rest) = url.split_once("://")?;
        let (who, place) = rest.split_once('@')?;
        let (user, password) = who.split_once(':')?;
        Some((format!("{scheme}://{user}@{place}"), user.to_owned(), password.to_owned()))
    }

    /// Ends every connection that its user has by now, and waits until they are gone. For [`postgres_alone`].
    pub async fn cut(&self) {
        let (Place::Postgres { admin, .. }, Some((_, user, _))) = (&self.place, self.apart()) else { return };
        assert!(user.starts_with(ALONE), "others have connections as {user}");
        let admin = Db::open_postgres(admin, &fast()).await.unwrap();
        let now: Timestamp = admin.fetch_one("SELECT clock_timestamp()", args![]).await.unwrap();
        let theirs = "FROM pg_stat_activity WHERE usename = $1 AND backend_start <= $2";
        admin.execute(format!("SELECT pg_terminate_backend(pid) {theirs}"), args![&user, now]).await.unwrap();
        let left =
            async || admin.fetch_one::<i64>(format!("SELECT COUNT(*) {theirs}"), args![&user, now]).await.unwrap();
        let since = Instant::now();
        while left().await > 0 {
            assert!(since.elapsed() < Duration::from_secs(60), "connections of {user} stay");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        admin.close().await;
    }

    /// Opens the same database again, as a second process would, with bounds of the test's own.
    pub async fn reopen(&self, config: &DbConfig) -> Db {
        match &self.place {
            Place::Sqlite(folder) => Db::open_sqlite(&file(folder), config).await.unwrap(),
            Place::Postgres { server, name, .. } => Db::open_postgres(&url(server, name), config).await.unwrap(),
        }
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if let Place::Postgres { admin: server, name, .. } = &self.place {
            // A test that failed may not leave its database behind either, so this can't be an async function's work.
            let (server, name) = (server.clone(), name.clone());
            let dropped = thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let admin = Db::open_postgres(&server, &fast()).await?;
                    admin.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), args![]).await
                })
            });
            // What the test shows has been shown by now, and the server goes with what is left on it.
            match dropped.join() {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => eprintln!("the test's database could not be dropped: {error}"),
                Err(_) => eprintln!("the test's database could not be dropped"),
            }
        }
    }
}

/// Few connections, because many tests share a server, and bounds that end what hangs and nothing else: to make or drop
/// a database waits for a checkpoint, and so for a disk that is still busy with what was built. Who tests a bound says
/// their own.
pub fn fast() -> DbConfig {
    let (acquire_timeout, statement_timeout) = (Duration::from_secs(60), Duration::from_secs(90));
    DbConfig { max_connections: 4, acquire_timeout, statement_timeout }
}

/// An empty SQLite database in a temporary folder.
pub async fn sqlite() -> TestDb {
    let folder = tempfile::tempdir().unwrap();
    let config = DbConfig { acquire_timeout: fast().acquire_timeout, ..DbConfig::default() };
    let db = Db::open_sqlite(&file(&folder), &config).await.unwrap();
    db.migrate().await.unwrap();
    TestDb { db, place: Place::Sqlite(folder) }
}

/// An empty database of its own on the PostgreSQL server named by [`POSTGRES`].
///
/// # Panics
/// When the variable is not set: a test that needs PostgreSQL is never skipped in silence.
pub async fn postgres() -> TestDb {
    let server = server();
    database(&server, &server, None).await
}

/// As [`postgres`], for a user who owns the database, may make users and nothing else: held to row security, as in
/// production.
///
/// # Panics
/// As [`postgres`].
pub async fn postgres_owned() -> TestDb {
    owned_by(OWNER).await
}

/// As [`postgres_owned`], for a user of the test's own, whose password and connections nobody else has.
///
/// # Panics
/// As [`postgres`].
pub async fn postgres_alone() -> TestDb {
    owned_by(&format!("{ALONE}{}", Uuid::from_bytes(contracts::Rng::system().bytes()).simple())).await
}

async fn owned_by(owner: &str) -> TestDb {
    let server = server();
    let (scheme, rest) = server.split_once("://").unwrap();
    let (who, place) = rest.split_once('@').unwrap();
    let password = who.split_once(':').map_or("", |(_, password)| password);
    let admin = Db::open_postgres(&server, &fast()).await.unwrap();
    // Tests run side by side: another may have made it just now.
    let role = format!(
        "DO $$ BEGIN CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD '{password}'; EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    admin.execute(role, args![]).await.unwrap();
    admin.close().await;
    database(&server, &format!("{scheme}://{owner}:{password}@{place}"), Some(owner)).await
}

/// Who owns the databases of [`postgres_owned`].
const OWNER: &str = "media_gateway_owner";
/// How the users of [`postgres_alone`] begin.
const ALONE: &str = "alone_";

fn server() -> String {
    std::env::var(POSTGRES).unwrap_or_else(|_| {
        panic!("this test needs PostgreSQL: run `make test`, or set {POSTGRES} to the URL of a superuser on a private server")
    })
}

/// A new database, which `server` says how to open.
async fn database(admin: &str, server: &str, owner: Option<&str>) -> TestDb {
    let (admin, server) = (admin.to_owned(), server.to_owned());
    let owned = owner.map(|owner| format!(" OWNER {owner}")).unwrap_or_default();
    let name = format!("test_{}", Uuid::from_bytes(contracts::Rng::system().bytes()).simple());
    let by = Db::open_postgres(&admin, &fast()).await.unwrap();
    by.execute(format!("CREATE DATABASE {name}{owned}"), args![]).await.unwrap();
    by.close().await;
    let db = Db::open_postgres(&url(&server, &name), &fast()).await.unwrap();
    db.migrate().await.unwrap();
    TestDb { db, place: Place::Postgres { admin, server, name } }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("media-gateway.db")
}

/// The server's URL with another database: `postgres://u@h:1/postgres?host=/tmp` → `postgres://u@h:1/name?host=/tmp`.
fn url(server: &str, database: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(base, query)| (base, Some(query)));
    let (scheme, rest) = base.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap();
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{authority}/{database}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_the_url_changes() {
        assert_eq!(url("postgres://u:p@h:1/postgres", "a"), "postgres://u:p@h:1/a");
        assert_eq!(url("postgres://u@h", "a"), "postgres://u@h/a");
        assert_eq!(url("postgres://u@h/x?host=/tmp/s", "a"), "postgres://u@h/a?host=/tmp/s");
    }
}
