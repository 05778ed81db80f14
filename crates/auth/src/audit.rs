//! The audit log: what was done, by whom and to whom, in a chain of hashes that shows every change and gap.

mod kind;

use std::{fmt, str::FromStr};

use contracts::{ApiError, Call, Caller, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use stores::{Db, DbError, Deed, FromRow, Row, Tx, args};
use utoipa::ToSchema;

use crate::{
    Auth,
    retention::FORGOTTEN,
    store::retention::{self, Anchor},
};

pub use kind::DeedKind;

/// The columns of an entry.
pub(crate) const COLUMNS: &str = "position, stated_at, action, actor, target, detail, hash";
/// How many entries are read at a time.
const BATCH: i64 = 1_000;
/// How often a log is followed anew whose beginning was forgotten meanwhile.
const ROUNDS: usize = 3;

/// One thing that was done. Holds ids only: no address, token or name.
pub(crate) struct Entry {
    action: &'static str,
    actor: String,
    target: String,
    detail: Map<String, Value>,
}

impl Entry {
    /// `action` by a person.
    pub(crate) fn by_user(action: &'static str, user: UserId) -> Self {
        Self { action, actor: format!("user:{user}"), target: String::new(), detail: Map::new() }
    }

    /// `action` by a client.
    pub(crate) fn by_client(action: &'static str, client: &str) -> Self {
        Self { action, actor: format!("client:{client}"), target: String::new(), detail: Map::new() }
    }

    /// `action` by whoever makes the call.
    pub(crate) fn by_caller(action: &'static str, call: &Call) -> Self {
        Self::by(action, actor(&call.caller))
    }

    /// `action` by an [`actor`].
    pub(crate) fn by(action: &'static str, actor: String) -> Self {
        Self { action, actor, target: String::new(), detail: Map::new() }
    }

    /// To whom or what.
    pub(crate) fn to(mut self, target: impl ToString) -> Self {
        self.target = target.to_string();
        self
    }

    /// One more fact.
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.detail.insert(name.to_owned(), json!(value.to_string()));
        self
    }
}

/// How the log names whom nobody knows.
pub(crate) const STRANGER: &str = "anonymous";

/// How the log names who does something.
pub(crate) fn actor(caller: &Caller) -> String {
    match caller {
        Caller::Identified(who) => match who.user() {
            Some(user) => format!("user:{user}"),
            None => format!("client:{}", who.client),
        },
        Caller::Operator => "operator".to_owned(),
        Caller::System => "system".to_owned(),
        Caller::Anonymous => STRANGER.to_owned(),
    }
}

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the chain, from 1.
    pub position: i64,
    /// When it was stated.
    #[schema(value_type = String)]
    pub stated_at: Timestamp,
    /// What was done: `token.issued`.
    pub action: String,
    /// Its kind: `CREATE`, `READ`, `UPDATE`, `DELETE`, `SCHEMA_CHANGES`, `ACCESS_DENIED` or `AUTHENTICATION`.
    #[schema(value_type = String, example = "READ")]
    pub kind: DeedKind,
    /// Who did it: `user:`, `client:` and an id, `operator` or `system`.
    pub actor: String,
    /// To whom or what; may be empty.
    pub target: String,
    /// More, as JSON.
    pub detail: String,
    /// The hash of the entry before it and of this one, in hexadecimal.
    pub hash: String,
}

impl FromRow for AuditEntry {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let action: String = row.get("action")?;
        Ok(Self {
            position: row.get("position")?,
            stated_at: row.get("stated_at")?,
            kind: DeedKind::of(&action),
            action,
            actor: row.get("actor")?,
            target: row.get("target")?,
            detail: row.get("detail")?,
            hash: hex(&row.get::<Vec<u8>>("hash")?),
        })
    }
}

/// An entry by its place and hash, `position:hash`. Kept outside of the database it shows later whether the log still
/// holds that entry: the chain by itself can't tell that its newest entries went with what it knows of its end.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AuditMark {
    /// Its place in the chain, from 1.
    pub position: i64,
    hash: String,
}

impl AuditMark {
    fn new(position: i64, hash: &[u8]) -> Self {
        Self { position, hash: hex(hash) }
    }
}

impl fmt::Display for AuditMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}

impl FromStr for AuditMark {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let (position, hash) = text.split_once(':').unwrap_or_default();
        match position.parse::<i64>() {
            Ok(position) if position > 0 && hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(Self { position, hash: hash.to_ascii_lowercase() })
            }
            _ => {
                let detail = "an entry of the audit log is named by its position, a colon and its hash of 64 digits";
                Err(ApiError::invalid("bad_audit_mark", detail))
            }
        }
    }
}

impl TryFrom<String> for AuditMark {
    type Error = ApiError;

    fn try_from(text: String) -> Result<Self, ApiError> {
        text.parse()
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verdict {
    /// How many entries hold together, from the first that is kept.
    pub entries: i64,
    /// How many were before them: their time is over.
    pub forgotten: i64,
    /// The first that does not: it was changed, or the one before it was; absent when all do.
    pub broken_at: Option<i64>,
    /// Its newest entry, `position:hash`: kept elsewhere, and asked for later, it shows whether the end was cut off.
    /// Absent where what says so is gone: the log is broken then.
    pub head: Option<String>,
    /// Whether the entry that was asked for is still there, or was the last whose time was over; absent where none was.
    pub holds: Option<bool>,
}

/// Writes an entry in the caller's transaction. Whoever writes next waits until this one commits.
pub(crate) async fn write(tx: &mut Tx, entry: Entry, now: Timestamp) -> Result<(), DbError> {
    write_all(tx, vec![(entry, now)]).await
}

/// Writes entries in their order, each with its time, as [`write`] does one.
pub(crate) async fn write_all(tx: &mut Tx, entries: Vec<(Entry, Timestamp)>) -> Result<(), DbError> {
    let count = i64::try_from(entries.len()).map_err(|_| DbError::Value("too many audit entries".to_owned()))?;
    if count == 0 {
        return Ok(());
    }
    let head = "UPDATE auth_audit_head SET position = position + $1 WHERE only_row = 1 RETURNING position, hash";
    let (last, mut hash): (i64, Vec<u8>) = tx.fetch_one(head, args![count]).await?;
    let mut rows = Vec::with_capacity(entries.len());
    for ((entry, at), position) in entries.into_iter().zip(last - count + 1..) {
        let detail = Value::Object(entry.detail).to_string();
        hash = link(&hash, position, at, [entry.action, &entry.actor, &entry.target, &detail]);
        rows.push(args![position, at, entry.action, entry.actor, entry.target, detail, hash.as_slice()]);
    }
    let sql = "UPDATE auth_audit_head SET hash = $1 WHERE only_row = 1";
    tx.execute(sql, args![hash]).await?;
    let sql = "INSERT INTO auth_audit (position, stated_at, action, actor, target, detail, hash)";
    tx.insert_many(sql, "", rows).await.map(|_| ())
}

/// States what somebody did outside of this context, in the transaction that does it.
///
/// # Errors
/// When it can't be written.
pub async fn note(tx: &mut Tx, deed: Deed<'_>, now: Timestamp) -> contracts::Result<()> {
    let Deed { call, action, target, detail } = deed;
    let entry = Entry::by_caller(action, call).to(target);
    let entry = detail.iter().fold(entry, |entry, (name, value)| entry.with(name, value));
    Ok(write(tx, entry, now).await?)
}

/// The hash of an entry: lengths keep fields apart.
fn link(before: &[u8], position: i64, at: Timestamp, fields: [&str; 4]) -> Vec<u8> {
    let mut digest = Sha256::new_with_prefix(before);
    digest.update(position.to_be_bytes());
    digest.update(at.as_microsecond().to_be_bytes());
    for field in fields {
        digest.update((field.len() as u64).to_be_bytes());
        digest.update(field);
    }
    digest.finalize().to_vec()
}

/// Those put away and those at hand, in one order.
async fn page(db: &Db, after: i64, limit: i64) -> Result<Vec<AuditEntry>, DbError> {
    let of = |table: &str| format!("SELECT {COLUMNS} FROM {table} WHERE position > $1");
    let sql = format!("{} UNION ALL {} ORDER BY position LIMIT $2", of("auth_audit_cold"), of("auth_audit"));
    db.fetch_all(sql, args![after, limit]).await
}

impl Auth {
    /// As [`note`], by this one's clock.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn note(&self, tx: &mut Tx, deed: Deed<'_>) -> contracts::Result<()> {
        note(tx, deed, self.clock.now()).await
    }

    /// A page of the audit log in its order, after a position; for the operator.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` for anybody else.
    pub async fn audit(&self, call: &Call, after: i64, limit: u32) -> contracts::Result<Vec<AuditEntry>> {
        call.require_operator()?;
        Ok(page(&self.db, after, i64::from(limit)).await?)
    }

    /// Follows the chain from the first entry that is kept to its head, and looks whether it holds `mark`; for the
    /// operator.
    ///
    /// # Errors
    /// As [`Auth::audit`]; `Unavailable` when entries were forgotten each time while this came to them.
    pub async fn verify_audit(&self, call: &Call, mark: Option<&AuditMark>) -> contracts::Result<Verdict> {
        call.require_operator()?;
        let holds = match mark {
            Some(mark) => Some(self.holds(mark).await?),
            None => None,
        };
        Ok(Verdict { holds, ..self.followed().await? })
    }

    /// The newest entry of the log; `None` where what says so is gone, which nothing of ours takes away.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn audit_head(&self) -> Result<Option<AuditMark>, DbError> {
        let head = "SELECT position, hash FROM auth_audit_head";
        let found: Option<(i64, Vec<u8>)> = self.db.fetch_optional(head, args![]).await?;
        Ok(found.map(|(position, hash)| AuditMark::new(position, &hash)))
    }

    /// Whether an entry is there as it was; of those that were forgotten only the last is known.
    async fn holds(&self, mark: &AuditMark) -> Result<bool, DbError> {
        let found = page(&self.db, mark.position - 1, 1).await?;
        if let Some(entry) = found.first().filter(|entry| entry.position == mark.position) {
            return Ok(entry.hash == mark.hash);
        }
        let anchor = retention::anchor(&self.db).await?;
        Ok(AuditMark::new(anchor.position, &anchor.hash) == *mark)
    }

    async fn followed(&self) -> contracts::Result<Verdict> {
        for _ in 0..ROUNDS {
            let anchor = retention::anchor(&self.db).await?;
            let verdict = self.follow(&anchor).await?;
            let Some(broken_at) = verdict.broken_at else { return Ok(verdict) };
            // What was forgotten while this looked at it is not missing; what comes after that is.
            if broken_at > retention::anchor(&self.db).await?.position {
                return Ok(verdict);
            }
        }
        Err(ApiError::unavailable("audit_moves", "the log was shortened each time while it was followed; try again"))
    }

    async fn follow(&self, anchor: &Anchor) -> contracts::Result<Verdict> {
        // The head first: entries that are written meanwhile come after it.
        let head = self.audit_head().await?;
        let last = head.as_ref().map_or(i64::MAX, |head| head.position);
        let verdict = |at: i64, whole: bool| Verdict {
            entries: at - anchor.position,
            forgotten: anchor.position,
            broken_at: (!whole).then_some(at + 1),
            head: head.as_ref().map(AuditMark::to_string),
            holds: None,
        };
        let (mut at, mut before, mut said) = (anchor.position, anchor.hash.clone(), anchor.position == 0);
        while at < last {
            let batch = page(&self.db, at, BATCH.min(last.saturating_sub(at))).await?;
            if batch.is_empty() {
                break;
            }
            for entry in batch {
                let fields = [&entry.action, &entry.actor, &entry.target, &entry.detail].map(String::as_str);
                let hash = link(&before, entry.position, entry.stated_at, fields);
                if entry.position != at + 1 || hex(&hash) != entry.hash {
                    return Ok(verdict(at, false));
                }
                said |= entry.says(anchor);
                (at, before) = (entry.position, hash);
            }
        }
        // Where the chain begins is not believed unless an entry of it says so.
        if !said {
            return Ok(verdict(anchor.position, false));
        }
        let ends = |head: &AuditMark| at == head.position && hex(&before) == head.hash;
        Ok(verdict(at, head.as_ref().is_some_and(ends)))
    }
}

impl AuditEntry {
    /// Whether it says that everything up to `anchor` was forgotten.
    fn says(&self, anchor: &Anchor) -> bool {
        let hash = || serde_json::from_str::<Value>(&self.detail).ok()?["hash"].as_str().map(str::to_owned);
        self.action == FORGOTTEN && self.target == anchor.position.to_string() && hash() == Some(hex(&anchor.hash))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
