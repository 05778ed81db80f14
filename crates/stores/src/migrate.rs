//! Forward-only migrations, embedded from the project's `migrations/` folder by the build script.

use crate::{args, db::Db, dialect, error::DbError};

/// One migration of one engine.
struct Migration {
    version: i64,
    name: &'static str,
    /// SHA-256 of its text, in hexadecimal.
    checksum: &'static str,
    script: &'static str,
}

// SQLITE and POSTGRES, in the order of their versions.
include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

const APPLIED: &str = "SELECT version, checksum FROM schema_migrations ORDER BY version";

/// The names of the migrations that this program knows and the database has not seen. Writes nothing.
pub(crate) async fn missing(db: &Db) -> Result<Vec<&'static str>, DbError> {
    let known = known(db);
    let (tables,): (i64,) = db.fetch_one(dialect::has_schema_table(db), args![]).await?;
    let applied = if tables == 0 { Vec::new() } else { db.fetch_all(APPLIED, args![]).await? };
    check(known, &applied)?;
    Ok(known.iter().filter(|one| !seen(&applied, one.version)).map(|one| one.name).collect())
}

/// Applies what is missing of the migrations before a version, all or nothing.
pub(crate) async fn run(db: &Db, before: i64) -> Result<(), DbError> {
    let known = known(db);
    let mut tx = db.begin().await?;
    dialect::lift_limits(db, &mut tx).await?;
    // Another process may be migrating: SQLite's write lock or this one makes it a queue.
    tx.lock("migrate").await?;
    tx.execute(dialect::SCHEMA_TABLE, args![]).await?;
    let applied: Vec<(i64, String)> = tx.fetch_all(APPLIED, args![]).await?;
    check(known, &applied)?;
    for migration in known.iter().filter(|one| one.version < before && !seen(&applied, one.version)) {
        tracing::info!(version = migration.version, name = migration.name, "migrating the database");
        tx.script(migration.script).await?;
        tx.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            args![migration.version, migration.name, migration.checksum],
        )
        .await?;
    }
    tx.commit().await?;
    match db {
        Db::Sqlite(db) => db.look_anew().await,
        Db::Postgres(_) => Ok(()),
    }
}

fn known(db: &Db) -> &'static [Migration] {
    match db {
        Db::Sqlite(_) => SQLITE,
        Db::Postgres(_) => POSTGRES,
    }
}

/// The tables that PostgreSQL's migrations leave, each with its owner: the first line of a migration says whose it is.
pub(crate) fn tables() -> Vec<(&'static str, &'static str)> {
    let mut tables = Vec::new();
    for migration in POSTGRES {
        let mut owner = "";
        for line in migration.script.lines() {
            let after = |word: &str| line.strip_prefix(word);
            let name = |word: &str| after(word)?.split([' ', '(', ';']).next();
            owner = after("-- owner: ").unwrap_or(owner);
            tables.extend(name("CREATE TABLE ").map(|table| (owner, table)));
            if let Some(gone) = name("DROP TABLE ") {
                tables.retain(|(_, table)| *table != gone);
            }
        }
    }
    tables
}

fn seen(applied: &[(i64, String)], wanted: i64) -> bool {
    applied.iter().any(|(version, _)| *version == wanted)
}

/// Refuses what a newer program wrote, and what was applied from another text.
fn check(known: &[Migration], applied: &[(i64, String)]) -> Result<(), DbError> {
    let newest = known.last().map_or(0, |migration| migration.version);
    let found = applied.last().map_or(0, |(version, _)| *version);
    if found > newest {
        return Err(DbError::Newer { found, known: newest });
    }
    for (version, checksum) in applied {
        let same = known.iter().any(|migration| migration.version == *version && migration.checksum == checksum);
        if !same {
            return Err(DbError::Changed { version: *version });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_have_the_same_migrations() {
        let names = |list: &[Migration]| list.iter().map(|m| (m.version, m.name)).collect::<Vec<_>>();
        assert_eq!(names(SQLITE), names(POSTGRES));
        assert!(SQLITE.is_sorted_by(|a, b| a.version < b.version), "each version is there once, in order");
    }

    /// Whoever applied one would be refused if it changed; and the older releases that tests write anew would be others.
    #[test]
    fn a_migration_never_changes() {
        let recorded: Vec<&str> = include_str!("../../../migrations/checksums.txt").lines().collect();
        let of = |folder: &str, known: &[Migration]| -> Vec<String> {
            let line = |one: &Migration| format!("{}  {folder}/{:04}_{}.sql", one.checksum, one.version, one.name);
            known.iter().map(line).collect()
        };
        let found = [of("postgres", POSTGRES), of("sqlite", SQLITE)].concat();
        let gone: Vec<_> = recorded.iter().filter(|line| !found.iter().any(|one| one == *line)).collect();
        assert!(gone.is_empty(), "changed or missing: leave them as they were, and write a new one: {gone:#?}");
        let new: Vec<_> = found.iter().filter(|line| !recorded.contains(&line.as_str())).collect();
        assert!(new.is_empty(), "new: add these lines to migrations/checksums.txt: {new:#?}");
        assert_eq!(recorded, found, "each once, in their order");
    }

    #[test]
    fn foreign_history_is_refused() {
        let applied = |version, sum: &str| (version, sum.to_owned());
        let first = SQLITE[0].checksum;
        assert!(check(SQLITE, &[]).is_ok());
        assert!(check(SQLITE, &[applied(1, first)]).is_ok());
        assert!(matches!(check(SQLITE, &[applied(1, "other")]), Err(DbError::Changed { version: 1 })));
        let newer = check(SQLITE, &[applied(1, first), applied(9_999, "x")]);
        assert!(matches!(newer, Err(DbError::Newer { found: 9_999, .. })));
    }
}
