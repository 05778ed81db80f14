//! What people allow, accounts that are to be erased, and which rows are whose.

use std::collections::BTreeMap;

use contracts::{Purpose, UserId};
use jiff::Timestamp;
use stores::{Db, DbError, FromRow, Row, Rows, Tx, args, personal};
use uuid::Uuid;

use crate::privacy::ErasureAnswer;

/// Every table with something of a person, and which rows of it are theirs, in an order that foreign keys let go.
const TABLES: &[(&str, &str)] = &[
    ("auth_refresh_tokens", "family_id IN (SELECT id FROM auth_families WHERE user_id = $1)"),
    ("auth_codes", "user_id = $1"),
    ("auth_device_codes", "user_id = $1"),
    ("auth_families", "user_id = $1"),
    ("auth_sessions", "user_id = $1"),
    ("auth_consents", "user_id = $1"),
    ("auth_memberships", "user_id = $1"),
    ("auth_api_keys", "user_id = $1"),
    ("auth_purposes", "user_id = $1"),
    ("auth_factors", "user_id = $1"),
    ("auth_backup_codes", "user_id = $1"),
    ("auth_mail_codes", "user_id = $1"),
    ("auth_identities", "user_id = $1"),
    ("auth_provider_states", "user_id = $1"),
    ("auth_passkeys", "user_id = $1"),
    ("auth_age_limits", "user_id = $1"),
    ("auth_mail", THEIR_MAIL),
    ("auth_users", "id = $1"),
    ("auth_erasures", "user_id = $1"),
];

/// Mail is kept by the blind index of its address.
const THEIR_MAIL: &str = "email_blind IN (SELECT email_blind FROM auth_users WHERE id = $1)";

/// Of these a row without anything personal stays: what the audit log names, and the receipt.
const STAY: [&str; 2] = ["auth_users", "auth_erasures"];

/// The tables that hold something of people.
pub(crate) fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(table, _)| *table)
}

/// How many rows of a person each table has.
pub(crate) async fn counts(tx: &mut Tx, user: UserId) -> Result<BTreeMap<String, i64>, DbError> {
    tx.sees(Rows::All).await?;
    let count = |(table, theirs): &(&str, &str)| format!("SELECT '{table}', COUNT(*) FROM {table} WHERE {theirs}");
    let sql: Vec<_> = TABLES.iter().map(count).collect();
    let rows: Vec<(String, i64)> = tx.fetch_all(sql.join(" UNION ALL "), args![user.0]).await?;
    Ok(rows.into_iter().collect())
}

/// Forgets everything about a person; says how many rows that were.
pub(crate) async fn forget(tx: &mut Tx, user: UserId) -> Result<u64, DbError> {
    // Counted before: a view does not say how many rows it changed.
    let rows: i64 =
        counts(tx, user).await?.iter().filter(|(table, _)| !STAY.contains(&table.as_str())).map(|(_, n)| n).sum();
    for (table, theirs) in TABLES.iter().filter(|(table, _)| !STAY.contains(table)) {
        tx.execute(format!("DELETE FROM {table} WHERE {theirs}"), args![user.0]).await?;
    }
    Ok(u64::try_from(rows).unwrap_or_default())
}

/// Destroys a person's key, with it everything that was sealed under it, and tells no more who they were.
pub(crate) async fn destroy_key(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), DbError> {
    // Now: by what it is found goes with the next statement.
    tx.execute(format!("DELETE FROM auth_mail WHERE {THEIR_MAIL}"), args![user.0]).await?;
    let sql = "UPDATE auth_users SET subject_key = NULL, email_sealed = NULL, email_blind = NULL, password_hash = NULL,
        email_verified_at = NULL, opted_out_at = NULL, failed_attempts = 0, locked_until = NULL,
        disabled_at = COALESCE(disabled_at, $2) WHERE id = $1";
    tx.execute(sql, args![user.0, now]).await.map(|_| ())
}

/// What a person said of a purpose, and when they last did.
pub(crate) type Said = (Purpose, bool, Timestamp);

const PURPOSES: &str = "SELECT purpose, granted, changed_at FROM auth_purposes WHERE user_id = $1";

pub(crate) async fn purposes(db: &Db, user: UserId) -> Result<Vec<Said>, DbError> {
    Ok(known(db.fetch_all(PURPOSES, args![user.0]).await?))
}

/// As [`purposes`], of somebody whom the transaction holds.
pub(crate) async fn purposes_in(tx: &mut Tx, user: UserId) -> Result<Vec<Said>, DbError> {
    Ok(known(tx.fetch_all(PURPOSES, args![user.0]).await?))
}

/// For a purpose that this release does not know of nothing is done.
fn known(rows: Vec<(String, bool, Timestamp)>) -> Vec<Said> {
    rows.into_iter().filter_map(|(purpose, granted, at)| Some((purpose.parse().ok()?, granted, at))).collect()
}

/// Whether a person, whom the transaction holds, allows a purpose.
pub(crate) async fn allows(tx: &mut Tx, user: UserId, purpose: Purpose) -> Result<bool, DbError> {
    let sql = "SELECT granted FROM auth_purposes WHERE user_id = $1 AND purpose = $2";
    Ok(tx.fetch_optional::<bool>(sql, args![user.0, purpose.as_str()]).await?.unwrap_or(false))
}

pub(crate) async fn set_purpose(
    tx: &mut Tx,
    user: UserId,
    purpose: Purpose,
    granted: bool,
    at: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_purposes (user_id, purpose, granted, changed_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, purpose) DO UPDATE SET granted = excluded.granted, changed_at = excluded.changed_at";
    tx.execute(sql, args![user.0, purpose.as_str(), granted, at]).await.map(|_| ())
}

const OPTED_OUT: &str = "SELECT opted_out_at FROM auth_users WHERE id = $1";

pub(crate) async fn opted_out(db: &Db, user: UserId) -> Result<Option<Timestamp>, DbError> {
    Ok(db.fetch_optional::<Option<Timestamp>>(OPTED_OUT, args![user.0]).await?.flatten())
}

/// As [`opted_out`], of somebody whom the transaction holds.
pub(crate) async fn opted_out_in(tx: &mut Tx, user: UserId) -> Result<Option<Timestamp>, DbError> {
    Ok(tx.fetch_optional::<Option<Timestamp>>(OPTED_OUT, args![user.0]).await?.flatten())
}

pub(crate) async fn set_opted_out(tx: &mut Tx, user: UserId, at: Option<Timestamp>) -> Result<(), DbError> {
    tx.execute("UPDATE auth_users SET opted_out_at = $2 WHERE id = $1", args![user.0, at]).await.map(|_| ())
}

/// An account that is to be erased, or was.
#[derive(Clone, Debug)]
pub(crate) struct Erasure {
    pub id: Uuid,
    pub user: UserId,
    pub requested_at: Timestamp,
    pub due_at: Timestamp,
    pub cancelled_at: Option<Timestamp>,
    pub erased_at: Option<Timestamp>,
}

impl FromRow for Erasure {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            user: row.get("user_id").map(UserId)?,
            requested_at: row.get("requested_at")?,
            due_at: row.get("due_at")?,
            cancelled_at: row.get("cancelled_at")?,
            erased_at: row.get("erased_at")?,
        })
    }
}

const ERASURE: &str = "id, user_id, requested_at, due_at, cancelled_at, erased_at";

pub(crate) async fn erasure(db: &Db, id: Uuid) -> Result<Option<Erasure>, DbError> {
    db.fetch_optional(format!("SELECT {ERASURE} FROM auth_erasures WHERE id = $1"), args![id]).await
}

/// The erasure of a person that was not cancelled.
pub(crate) async fn erasure_of(db: &Db, user: UserId) -> Result<Option<Erasure>, DbError> {
    let sql = format!("SELECT {ERASURE} FROM auth_erasures WHERE user_id = $1 AND cancelled_at IS NULL");
    db.fetch_optional(sql, args![user.0]).await
}

/// The newest erasures.
pub(crate) async fn erasures(db: &Db, limit: u32) -> Result<Vec<Erasure>, DbError> {
    let sql = format!("SELECT {ERASURE} FROM auth_erasures ORDER BY requested_at DESC, id LIMIT $1");
    db.fetch_all(sql, args![limit]).await
}

/// Those whose grace is over, after one by when it was due and its id.
pub(crate) async fn due(
    db: &Db,
    now: Timestamp,
    after: (Timestamp, Uuid),
    limit: u32,
) -> Result<Vec<Erasure>, DbError> {
    let sql = format!(
        "SELECT {ERASURE} FROM auth_erasures WHERE due_at <= $1 AND cancelled_at IS NULL AND erased_at IS NULL
            AND (due_at > $2 OR (due_at = $2 AND id > $3))
        ORDER BY due_at, id LIMIT $4"
    );
    db.fetch_all(sql, args![now, after.0, after.1, limit]).await
}

/// What an erasure waits for whose person's key is not destroyed.
pub(crate) const KEY: &str = "key";

/// How many erasures that were due before `end` still wait, and when the first was due: for [`KEY`], and for the answer of
/// each context.
pub(crate) async fn late(db: &Db, end: Timestamp) -> Result<Vec<(String, i64, Option<Timestamp>)>, DbError> {
    let count = |whom: &str, wait: &str| {
        format!(
            "SELECT '{whom}', COUNT(*), MIN(due_at) FROM auth_erasures
            WHERE due_at < $1 AND cancelled_at IS NULL AND {wait}"
        )
    };
    let silent = |context: &&str| {
        let answer = format!("erasure_id = auth_erasures.id AND context = '{context}'");
        let none = format!("NOT EXISTS (SELECT 1 FROM auth_erasure_answers WHERE {answer})");
        count(context, &format!("erased_at IS NOT NULL AND {none}"))
    };
    let key = count(KEY, "erased_at IS NULL");
    let sql: Vec<_> = std::iter::once(key).chain(personal::CONTEXTS.iter().map(silent)).collect();
    db.fetch_all(sql.join(" UNION ALL "), args![end]).await
}

/// Asks for an erasure; where one was asked for, it is due at the earlier time.
pub(crate) async fn ask(tx: &mut Tx, new: &Erasure) -> Result<Uuid, DbError> {
    let sql = "INSERT INTO auth_erasures (id, user_id, requested_at, due_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id) WHERE cancelled_at IS NULL DO UPDATE SET due_at =
            CASE WHEN excluded.due_at < auth_erasures.due_at THEN excluded.due_at ELSE auth_erasures.due_at END
        RETURNING id";
    tx.fetch_one(sql, args![new.id, new.user.0, new.requested_at, new.due_at]).await
}

/// Says that an account is not to be erased after all; whether there was time.
pub(crate) async fn cancel(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_erasures SET cancelled_at = $2
        WHERE user_id = $1 AND cancelled_at IS NULL AND erased_at IS NULL";
    Ok(tx.execute(sql, args![user.0, now]).await? == 1)
}

/// Takes an erasure up; once.
pub(crate) async fn take_up(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE auth_erasures SET erased_at = $2 WHERE id = $1 AND cancelled_at IS NULL AND erased_at IS NULL";
    Ok(tx.execute(sql, args![id, now]).await? == 1)
}

/// Notes what a context answered.
pub(crate) async fn answered(
    tx: &mut Tx,
    user: UserId,
    context: &str,
    rows: u64,
    at: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO auth_erasure_answers (erasure_id, context, rows_gone, answered_at)
        SELECT id, $2, $3, $4 FROM auth_erasures WHERE user_id = $1 AND erased_at IS NOT NULL
        ON CONFLICT (erasure_id, context) DO NOTHING";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    tx.execute(sql, args![user.0, context, rows, at]).await.map(|_| ())
}

impl FromRow for ErasureAnswer {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { context: row.get("context")?, rows: row.get("rows_gone")?, answered_at: row.get("answered_at")? })
    }
}

/// What was answered to each of the newest erasures.
pub(crate) async fn newest_answers(db: &Db, limit: u32) -> Result<BTreeMap<Uuid, Vec<ErasureAnswer>>, DbError> {
    struct Of(Uuid, ErasureAnswer);
    impl FromRow for Of {
        fn from_row(row: &Row) -> Result<Self, DbError> {
            Ok(Self(row.get("erasure_id")?, ErasureAnswer::from_row(row)?))
        }
    }
    let sql = "SELECT erasure_id, context, rows_gone, answered_at FROM auth_erasure_answers WHERE erasure_id IN
        (SELECT id FROM auth_erasures ORDER BY requested_at DESC, id LIMIT $1) ORDER BY erasure_id, context";
    let mut all: BTreeMap<Uuid, Vec<ErasureAnswer>> = BTreeMap::new();
    for Of(id, answer) in db.fetch_all(sql, args![limit]).await? {
        all.entry(id).or_default().push(answer);
    }
    Ok(all)
}

pub(crate) async fn answers(db: &Db, id: Uuid) -> Result<Vec<ErasureAnswer>, DbError> {
    let sql = "SELECT context, rows_gone, answered_at FROM auth_erasure_answers WHERE erasure_id = $1 ORDER BY context";
    db.fetch_all(sql, args![id]).await
}
