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

/// Applies what is missing, all or nothing.
pub(crate) async fn run(db: &Db) -> Result<(), DbError> {
    let known = match db {
        Db::Sqlite(_) => SQLITE,
        Db::Postgres(_) => POSTGRES,
    };
    let mut tx = db.begin().await?;
    dialect::lift_limits(db, &mut tx).await?;
    // Another process may be migrating: SQLite's write lock or this one makes it a queue.
    tx.lock("migrate").await?;
    tx.execute(dialect::SCHEMA_TABLE, args![]).await?;
    let applied: Vec<(i64, String)> =
        tx.fetch_all("SELECT version, checksum FROM schema_migrations ORDER BY version", args![]).await?;
    check(known, &applied)?;
    let missing = known.iter().filter(|migration| !applied.iter().any(|(version, _)| *version == migration.version));
    for migration in missing {
        tracing::info!(version = migration.version, name = migration.name, "migrating the database");
        tx.script(migration.script).await?;
        tx.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            args![migration.version, migration.name, migration.checksum],
        )
        .await?;
    }
    tx.commit().await
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
        assert!(SQLITE.iter().zip(1..).all(|(m, version)| m.version == version), "versions count from 1 without a gap");
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
