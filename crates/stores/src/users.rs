//! The users of a PostgreSQL database: what each may do, and that it is that and nothing more. SQLite has none.

use std::{collections::BTreeSet, fmt};

use crate::{
    args,
    db::{Db, Tx},
    error::DbError,
    migrate,
    postgres::scram,
    row::{FromRow, Row},
    sql::Sql,
};

/// Something that a user may do with a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Privilege {
    /// The table.
    pub table: String,
    /// What: `SELECT`, `INSERT`, `UPDATE` or `DELETE`; who owns the table may do more. With ` WITH GRANT OPTION` behind it,
    /// let others do so.
    pub verb: String,
    /// With this column alone; `None` with each.
    pub column: Option<String>,
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, verb, column } = self;
        match column {
            Some(column) => write!(f, "{verb} ({column}) ON {table}"),
            None => write!(f, "{verb} ON {table}"),
        }
    }
}

impl FromRow for Privilege {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { table: row.get("relation")?, verb: row.get("verb")?, column: row.get("field")? })
    }
}

impl Privilege {
    /// As SQL has it, in `GRANT … TO` and `REVOKE … FROM`.
    fn quoted(&self) -> String {
        let Self { table, verb, column } = self;
        let column = column.as_deref().map(|column| format!(" ({})", quoted(column))).unwrap_or_default();
        let (option, verb) = match verb.strip_suffix(" WITH GRANT OPTION") {
            Some(verb) => ("GRANT OPTION FOR ", verb),
            None => ("", verb.as_str()),
        };
        format!("{option}{verb}{column} ON {}", quoted(table))
    }
}

/// The power of a superuser, and of who has BYPASSRLS: organisations are not kept apart for it.
pub const ABOVE: &str = "is above row security";

/// A user, and what it may do, whoever granted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Whether it may bring the schema to this release: it owns the tables or, before there are any, may make some.
    pub migrates: bool,
    /// What it can do beside reading and writing tables: `owns the tables`.
    pub powers: Vec<&'static str>,
    /// What it may do with tables. Of a table with `None` for the column, none of its columns is told apart.
    pub privileges: BTreeSet<Privilege>,
}

impl User {
    /// What it would have to be allowed, and is not.
    pub fn lacks<'a>(&'a self, needs: &'a BTreeSet<Privilege>) -> impl Iterator<Item = &'a Privilege> {
        let held = &self.privileges;
        let whole = |one: &Privilege| Privilege { column: None, ..one.clone() };
        needs.iter().filter(move |one| !held.contains(*one) && !held.contains(&whole(one)))
    }

    /// What it is allowed beyond that.
    pub fn exceeds<'a>(&'a self, needs: &'a BTreeSet<Privilege>) -> impl Iterator<Item = &'a Privilege> {
        self.privileges.difference(needs)
    }
}

/// The tables that the migrations leave, each with the context that it is of.
pub fn tables() -> Vec<(&'static str, &'static str)> {
    migrate::tables()
}

impl Db {
    /// The user of this connection; `None` on SQLite.
    ///
    /// # Errors
    /// As [`Db::fetch_one`].
    pub async fn user(&self) -> Result<Option<User>, DbError> {
        if let Self::Sqlite(_) = self {
            return Ok(None);
        }
        let mut tx = self.begin().await?;
        let name: String = tx.fetch_one("SELECT CAST(current_user AS TEXT)", args![]).await?;
        find(&mut tx, &name).await
    }

    /// Whether this user owns a table, and so may vacuum it. On PostgreSQL.
    pub(crate) async fn owns(&self, table: &'static str) -> Result<bool, DbError> {
        let sql = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass($1)";
        Ok(self.fetch_optional::<bool>(sql, args![table]).await?.unwrap_or(false))
    }

    /// Whether the server was told of this table by [`scrub_by_server`], and does what it was told. On PostgreSQL.
    pub(crate) async fn is_scrubbed_by_server(&self, table: &'static str) -> Result<bool, DbError> {
        // Without counting changes it can't see which tables need it.
        let works = "SELECT current_setting('autovacuum') = 'on' AND current_setting('track_counts') = 'on'";
        Ok(self.fetch_one::<bool>(works, args![]).await? && self.fetch_one::<bool>(TOLD, args![table]).await?)
    }
}

/// The columns of [`find`], in their order.
type Found = (bool, bool, bool, bool, bool, bool, bool, Option<bool>);

/// The user of this name, where there is one. What it has by belonging to another, or as everybody, is its own too.
///
/// # Errors
/// As [`Tx::fetch_optional`].
pub async fn find(tx: &mut Tx, name: &str) -> Result<Option<User>, DbError> {
    let sql = "SELECT r.rolsuper OR r.rolbypassrls, r.rolreplication, r.rolcreaterole, r.rolcreatedb,
            COALESCE(has_schema_privilege(r.oid, CAST(current_schema() AS TEXT), 'CREATE'), false),
            has_database_privilege(r.oid, CAST(current_database() AS TEXT), 'CREATE'),
            EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid),
            (SELECT pg_has_role(r.oid, c.relowner, 'USAGE') FROM pg_class c
                WHERE c.oid = to_regclass('schema_migrations'))
        FROM pg_roles r WHERE r.rolname = CAST($1 AS NAME)";
    let found: Option<Found> = tx.fetch_optional(sql, args![name]).await?;
    let Some((above, replicates, makes_users, makes_databases, makes_tables, makes_schemas, belongs, owns)) = found
    else {
        return Ok(None);
    };
    let powers = [
        (above, ABOVE),
        (replicates, "copies the whole server"),
        (belongs, "belongs to another user"),
        (owns == Some(true), "owns the tables"),
        (makes_tables, "makes tables"),
        (makes_schemas, "makes schemas"),
        (makes_users, "makes users"),
        (makes_databases, "makes databases"),
    ];
    let powers = powers.into_iter().filter_map(|(has, power)| has.then_some(power)).collect();
    let privileges = privileges(tx, name).await?;
    Ok(Some(User { name: name.to_owned(), migrates: owns.unwrap_or(makes_tables), powers, privileges }))
}

async fn privileges(tx: &mut Tx, name: &str) -> Result<BTreeSet<Privilege>, DbError> {
    let sql = "WITH relations AS (
            SELECT c.oid, CAST(c.relname AS TEXT) AS relation
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')),
        verbs AS (
            SELECT v.verb || o.more AS verb, v.narrow
            FROM (VALUES ('SELECT', true), ('INSERT', true), ('UPDATE', true), ('REFERENCES', true),
                    ('DELETE', false), ('TRUNCATE', false), ('TRIGGER', false)) AS v (verb, narrow)
                CROSS JOIN (VALUES (''), (' WITH GRANT OPTION')) AS o (more)),
        of_columns AS MATERIALIZED (SELECT verb FROM verbs WHERE narrow)
        SELECT r.relation, v.verb, CAST(NULL AS TEXT) AS field FROM relations r CROSS JOIN verbs v
        WHERE has_table_privilege(CAST($1 AS NAME), r.oid, v.verb)
        UNION ALL
        SELECT r.relation, v.verb, CAST(a.attname AS TEXT) FROM relations r
            JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
            CROSS JOIN of_columns v
        WHERE NOT has_table_privilege(CAST($1 AS NAME), r.oid, v.verb)
            AND has_column_privilege(CAST($1 AS NAME), r.oid, a.attnum, v.verb)";
    Ok(tx.fetch_all::<Privilege>(sql, args![name]).await?.into_iter().collect())
}

/// What the database is called.
///
/// # Errors
/// As [`Tx::fetch_one`].
pub async fn database(tx: &mut Tx) -> Result<String, DbError> {
    tx.fetch_one("SELECT CAST(current_database() AS TEXT)", args![]).await
}

/// A user that was made for a database, which a comment on it says: `media-gateway DATABASE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Whether it is of no process any more, as [`leave`] says.
    pub left: bool,
}

/// The users that were made for this database, by name.
///
/// # Errors
/// As [`Tx::fetch_all`].
pub async fn made(tx: &mut Tx) -> Result<Vec<Made>, DbError> {
    let mark = mark(tx).await?;
    let sql =
        "SELECT CAST(rolname AS TEXT) AS name, shobj_description(oid, 'pg_authid') = CAST($2 AS TEXT) FROM pg_roles
        WHERE shobj_description(oid, 'pg_authid') IN (CAST($1 AS TEXT), CAST($2 AS TEXT)) ORDER BY name";
    let found: Vec<(String, bool)> = tx.fetch_all(sql, args![&mark, left(&mark)]).await?;
    Ok(found.into_iter().map(|(name, left)| Made { name, left }).collect())
}

/// Says of a user that it was made for this database, and is that of a process.
///
/// # Errors
/// As [`Tx::execute`].
pub async fn keep(tx: &mut Tx, name: &str) -> Result<(), DbError> {
    let mark = mark(tx).await?;
    comment(tx, name, &mark).await
}

/// Says of one that it is of no process any more. It stays as it is.
///
/// # Errors
/// As [`Tx::execute`].
pub async fn leave(tx: &mut Tx, name: &str) -> Result<(), DbError> {
    let mark = mark(tx).await?;
    comment(tx, name, &left(&mark)).await
}

/// What the owner says to the server to end a user that was made, statement by statement.
///
/// # Errors
/// As [`Tx::fetch_one`].
pub async fn ending(tx: &mut Tx, name: &str) -> Result<String, DbError> {
    let (user, database, schema) = (quoted(name), quoted(&database(tx).await?), quoted(&schema(tx).await?));
    let what = [format!("ALL TABLES IN SCHEMA {schema}"), format!("SCHEMA {schema}"), format!("DATABASE {database}")];
    let revoked = what.map(|what| format!("REVOKE ALL ON {what} FROM {user}; "));
    Ok(format!("{}DROP ROLE {user};", revoked.concat()))
}

/// What the comment on a user says.
///
/// # Errors
/// As [`Tx::fetch_one`].
pub async fn mark(tx: &mut Tx) -> Result<String, DbError> {
    Ok(format!("media-gateway {}", database(tx).await?))
}

fn left(mark: &str) -> String {
    format!("{mark}, of no process")
}

async fn comment(tx: &mut Tx, name: &str, text: &str) -> Result<(), DbError> {
    run(tx, format!("COMMENT ON ROLE {} IS '{}'", quoted(name), text.replace('\'', "''"))).await
}

async fn schema(tx: &mut Tx) -> Result<String, DbError> {
    tx.fetch_one("SELECT CAST(current_schema() AS TEXT)", args![]).await
}

/// Makes a user who can sign in with a password, of printable ASCII, and nothing else yet. The server is told a verifier of
/// it (SCRAM-SHA-256), as by [`Db::set_password`].
///
/// # Errors
/// As [`Tx::execute`]: `Other` where this user may make none; `Value` for another password.
pub async fn make(tx: &mut Tx, name: &str, password: &str, salt: &[u8; 16]) -> Result<(), DbError> {
    let verifier = scram::verifier(password, salt)?;
    // Not as a statement that is logged when it is slow: passwords can be tried against a verifier.
    tx.script(format!("CREATE ROLE {} LOGIN PASSWORD '{verifier}'", quoted(name))).await?;
    keep(tx, name).await
}

/// Gives a user another password, which the server is told as by [`make`]. Connections stay.
///
/// # Errors
/// As [`make`].
pub async fn renew(tx: &mut Tx, name: &str, password: &str, salt: &[u8; 16]) -> Result<(), DbError> {
    let verifier = scram::verifier(password, salt)?;
    // On its disk once it is committed, whatever else the server may lose in a crash: the file follows.
    let told = format!("SET LOCAL synchronous_commit = on; ALTER ROLE {} PASSWORD '{verifier}'", quoted(name));
    tx.script(told).await
}

/// Grants a user what it `needs` with tables and has not, and takes from it what it has and does not need: with what is
/// left it can do that and nothing more, unless it has more by another user. Says how much was granted and taken.
///
/// # Errors
/// As [`Tx::execute`].
pub async fn hold_to(tx: &mut Tx, name: &str, needs: &BTreeSet<Privilege>) -> Result<(usize, usize), DbError> {
    let (user, database, schema) = (quoted(name), quoted(&database(tx).await?), quoted(&schema(tx).await?));
    run(tx, format!("GRANT CONNECT ON DATABASE {database} TO {user}")).await?;
    run(tx, format!("GRANT USAGE ON SCHEMA {schema} TO {user}")).await?;
    let makes_tables = "SELECT has_schema_privilege(CAST($1 AS NAME), CAST(current_schema() AS TEXT), 'CREATE')";
    if tx.fetch_one::<bool>(makes_tables, args![name]).await? {
        // As PostgreSQL came before 15, everybody did.
        run(tx, format!("REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {user}")).await?;
    }
    let had = privileges(tx, name).await?;
    for more in had.difference(needs) {
        // And from whom it granted that.
        run(tx, format!("REVOKE {} FROM {user} CASCADE", more.quoted())).await?;
    }
    // With a table, its columns were taken as well.
    let has = privileges(tx, name).await?;
    for less in needs.difference(&has) {
        run(tx, format!("GRANT {} TO {user}", less.quoted())).await?;
    }
    Ok((needs.difference(&has).count(), had.difference(needs).count()))
}

/// Whether a table has the settings of [`scrub_by_server`].
const TOLD: &str = "SELECT COALESCE(reloptions @> ARRAY['autovacuum_enabled=true', 'autovacuum_vacuum_threshold=0',
        'autovacuum_vacuum_scale_factor=0'], false)
    FROM pg_class WHERE oid = to_regclass($1)";

/// Has the server take away what changed rows of `table` leave behind, each minute where there is something: as
/// [`Db::scrub`] does, for users who don't own it.
///
/// # Errors
/// As [`Tx::execute`].
pub async fn scrub_by_server(tx: &mut Tx, table: &'static str) -> Result<(), DbError> {
    if !tx.fetch_one::<bool>(TOLD, args![table]).await? {
        let settings = "autovacuum_enabled = true, autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0";
        run(tx, format!("ALTER TABLE {} SET ({settings})", quoted(table))).await?;
    }
    Ok(())
}

async fn run(tx: &mut Tx, sql: String) -> Result<(), DbError> {
    tx.execute(Sql::from(sql).once(), args![]).await.map(|_| ())
}

/// A name as SQL has it, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
