//! `database users`: a user of the database for each process, held to what its roles do there.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use contracts::{ApiError, Clock, ErrorKind, Rng};
use serde::Serialize;
use stores::{Db, Deed, PasswordFile, Tx, users};

use crate::{
    backends,
    cli::{Global, out},
    config::Config,
    privileges,
    roles::{Role, UnknownRole},
};

/// The longest name that PostgreSQL keeps whole, in bytes.
const LONGEST: usize = 63;

/// The fewest characters of a password that an operator chose.
const SHORTEST: usize = 16;

/// The roles of one process.
type Roles = BTreeSet<Role>;

#[derive(Args, Debug)]
pub struct UsersArgs {
    /// The roles of each process, as in `auth,catalog,ingest`; without any, each role is a process of its own
    #[arg(value_name = "ROLES", value_parser = roles)]
    processes: Vec<Roles>,
    /// Where passwords are, `USER.password`: made for a user who is new, or taken from there where you wrote it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the users' names begin with: the database's name, where you give none
    #[arg(long, value_name = "WORD")]
    prefix: Option<String>,
    /// Make another password for this user, whose own nobody has any more, and put it into its file; may be given again
    ///
    /// A node that has that very file takes it with its next connection. One that was handed a copy is refused new
    /// connections until it is handed the new file.
    #[arg(long, value_name = "USER")]
    renew: Vec<String>,
}

fn roles(text: &str) -> Result<Roles, UnknownRole> {
    text.split(',').map(str::parse).collect()
}

/// A user, and what was done for it.
#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Settled(Settled),
    /// Made for this database before, and of none of the processes.
    Left {
        user: String,
        /// What the owner says to the server to end it.
        ending: String,
        /// Whether that is so since this run.
        #[serde(skip)]
        now: bool,
    },
}

/// What was done for the user of a process.
#[derive(Serialize)]
struct Settled {
    user: String,
    /// Whether it was not there before.
    made: bool,
    granted: usize,
    revoked: usize,
    password: Password,
}

/// Where the password of a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Password {
    /// In its file, where we put it now.
    Made,
    /// In its file.
    Here,
    /// With whom its file was handed to, unless it is lost: there is none that we can read.
    Elsewhere,
}

pub async fn run(global: &Global, args: &UsersArgs) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    let db = backends::with_users(&config).await?;
    let rng = Rng::system();
    let done = async {
        let mut lines = settle(&config, &db, args, &rng).await?;
        let renewed = renew_asked(&db, args, &mut lines, &rng).await;
        anyhow::Ok((lines, renewed))
    };
    let done = done.await;
    db.close().await;
    let (lines, renewed) = done?;
    // Also where one could not be given another: the others were settled all the same.
    for one in lines {
        out::line(&match (global.json, &one) {
            (true, _) => serde_json::to_string(&one)?,
            (_, Line::Settled(settled)) => told(settled, &args.out),
            (_, Line::Left { user, ending, .. }) => format!("{user}  of no process  to end it, as the owner: {ending}"),
        })?;
    }
    renewed
}

fn told(settled: &Settled, out: &Path) -> String {
    let Settled { user, made, granted, revoked, password } = settled;
    let is = if *made { "new" } else { "there" };
    let more = match password {
        Password::Made if !made => "  another password".to_owned(),
        Password::Made | Password::Here => String::new(),
        Password::Elsewhere => {
            format!("  its password is not in {}: where nobody has it, --renew {user}", out.display())
        }
    };
    format!("{user}  {is}  {granted} granted  {revoked} revoked{more}")
}

/// All or nothing; only passwords that were made stay, for the next time.
async fn settle(config: &Config, db: &Db, args: &UsersArgs, rng: &Rng) -> anyhow::Result<Vec<Line>> {
    let owner = db.user().await?.is_some_and(|user| user.migrates);
    ensure!(owner, "only the owner of the database makes its users: name one in `database.url`");
    let missing = db.missing_migrations().await?;
    ensure!(missing.is_empty(), "run `media-gateway migrate` first: the database is without {}", missing.join(", "));
    folder(&args.out)?;
    let mut tx = db.begin().await?;
    tx.lock("database users").await?;
    let prefix = match &args.prefix {
        Some(prefix) => prefix.clone(),
        None => users::database(&mut tx).await?,
    };
    let each = Role::ALL.map(|role| Roles::from([role]));
    let processes = if args.processes.is_empty() { &each[..] } else { &args.processes[..] };
    let mut settled = Vec::new();
    for roles in processes {
        settled.push(hold(&mut tx, config, args, &prefix, roles, rng).await?);
    }
    if let Some(other) = args.renew.iter().find(|name| settled.iter().all(|one| one.user != **name)) {
        let detail = format!("--renew names {other}, who is the user of none of these processes");
        return Err(ApiError::invalid("no_such_user", detail).into());
    }
    let left = leave_others(&mut tx, &settled).await?;
    for table in privileges::SCRUBBED {
        users::scrub_by_server(&mut tx, table).await?;
    }
    let lines: Vec<_> = settled.into_iter().map(Line::Settled).chain(left).collect();
    state(&mut tx, &lines).await?;
    tx.commit().await?;
    Ok(lines)
}

/// Gives those another password for whom it is asked, one by one, and says so in their lines.
async fn renew_asked(db: &Db, args: &UsersArgs, lines: &mut [Line], rng: &Rng) -> anyhow::Result<()> {
    for line in lines {
        if let Line::Settled(one) = line
            && !one.made
            && args.renew.contains(&one.user)
        {
            renew(db, &one.user, &file_of(&args.out, &one.user), rng).await?;
            one.password = Password::Made;
        }
    }
    Ok(())
}

/// States what was done for each user, last: until the transaction ends nobody else writes to the audit log.
async fn state(tx: &mut Tx, lines: &[Line]) -> Result<(), ApiError> {
    let clock = Clock::system();
    let call = super::operator(&clock);
    for line in lines {
        let (action, target, counts) = match line {
            Line::Settled(Settled { user, made: true, granted, revoked, .. }) => {
                ("database_user.created", user, Some((granted, revoked)))
            }
            Line::Settled(Settled { user, granted, revoked, .. }) => {
                ("database_user.settled", user, Some((granted, revoked)))
            }
            Line::Left { now: false, .. } => continue,
            Line::Left { user, .. } => ("database_user.left", user, None),
        };
        let counts =
            counts.map(|(granted, revoked)| [("granted", granted.to_string()), ("revoked", revoked.to_string())]);
        let detail: Vec<_> = counts.iter().flatten().map(|(name, count)| (*name, count.as_str())).collect();
        auth::note(tx, Deed { call: &call, action, target, detail: &detail }, clock.now()).await?;
    }
    Ok(())
}

/// Says of those who were made for an earlier split that no process is theirs, so that `doctor` can name them.
async fn leave_others(tx: &mut Tx, settled: &[Settled]) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for other in users::made(tx).await? {
        if settled.iter().any(|one| one.user == other.name) {
            continue;
        }
        if !other.left {
            users::leave(tx, &other.name).await?;
        }
        lines.push(Line::Left { ending: users::ending(tx, &other.name).await?, user: other.name, now: !other.left });
    }
    Ok(lines)
}

/// Refuses a user whom nobody made for this database, and takes one back whom an earlier split left.
async fn is_ours(tx: &mut Tx, name: &str) -> anyhow::Result<()> {
    let Some(found) = users::made(tx).await?.into_iter().find(|one| one.name == name) else {
        let mark = users::mark(tx).await?;
        let detail = format!(
            "the user {name} is there, and was not made for this database: give another --prefix or, if nobody else \
             needs it, drop it or say to the server: COMMENT ON ROLE \"{name}\" IS '{mark}'"
        );
        return Err(ApiError::new(ErrorKind::Conflict, "user_of_others", detail).into());
    };
    if found.left {
        users::keep(tx, name).await?;
    }
    Ok(())
}

/// Sees to the user of a process with these roles.
async fn hold(
    tx: &mut Tx,
    config: &Config,
    args: &UsersArgs,
    prefix: &str,
    roles: &Roles,
    rng: &Rng,
) -> anyhow::Result<Settled> {
    let words: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    let name = format!("{prefix}_{}", words.join("_"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.len() > LONGEST || !name.chars().all(plain) {
        let detail = format!("{name:?} is not of up to {LONGEST} letters, digits and `_-.`: give a --prefix");
        return Err(ApiError::invalid("bad_name", detail).into());
    }
    let (made, file) = (users::find(tx, &name).await?.is_none(), file_of(&args.out, &name));
    let password = if made {
        // Written before it holds: a user whose password nobody knows would be of no use.
        let (text, password) = password(&file, rng)?;
        let made = users::make(tx, &name, &text, &rng.bytes()).await;
        made.with_context(|| format!("can't make the user {name}: its maker has to have CREATEROLE"))?;
        password
    } else {
        is_ours(tx, &name).await?;
        // What its file holds makes no difference to one that gets another.
        if args.renew.contains(&name) { Password::Here } else { place(config, &name, &file).await? }
    };
    let needed = privileges::needed(roles);
    let (granted, revoked) = users::hold_to(tx, &name, &needed).await?;
    let user = users::find(tx, &name).await?.context("a user who was made is not there")?;
    if let Some(less) = privileges::some(user.lacks(&needed)) {
        anyhow::bail!("{name} could not be granted {less}: `database.url` has to name the owner of every table");
    }
    let more = privileges::some(user.exceeds(&needed)).or_else(|| user.powers.first().map(|power| (*power).to_owned()));
    if let Some(more) = more {
        anyhow::bail!("{name} can do more than is granted here ({more}): take it from whom it has that, as PUBLIC");
    }
    Ok(Settled { user: name, made, granted, revoked, password })
}

/// The file with the password of a user.
fn file_of(out: &Path, user: &str) -> PasswordFile {
    PasswordFile::new(out.join(format!("{user}.password")))
}

/// Where the password of a user is who is there. None is made of our own accord: a node may run with the one there is.
///
/// # Errors
/// When its file holds none, or one that the server refuses.
async fn place(config: &Config, user: &str, file: &PasswordFile) -> anyhow::Result<Password> {
    let why = match file.read() {
        // Handed to whom its process runs as.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(Password::Elsewhere);
        }
        Err(error) => error.to_string(),
        Ok(_) if !backends::refuses(config, user, file).await? => return Ok(Password::Here),
        Ok(_) => "the server refuses it".to_owned(),
    };
    anyhow::bail!(
        "{} does not hold the password of the user {user}, who is there ({why}): put that back or take the file away; \
         where nobody has it, give --renew {user}",
        file.path().display()
    )
}

/// Gives a user who is there another password: first beside its file, or into it where there is none; then to the
/// server; then into its place, so that a node which has the file tries both until then. One that was begun is ended:
/// nobody knows whether the server heard of it.
async fn renew(db: &Db, user: &str, file: &PasswordFile, rng: &Rng) -> anyhow::Result<()> {
    let path = file.path();
    if !path.exists() {
        let fresh = file.make(rng).with_context(|| format!("can't write {}", path.display()))?;
        return tell(db, user, &fresh, rng).await;
    }
    is_closed(path, "`chmod 600`, then run this again")?;
    let lock = file.lock().with_context(|| format!("can't lock the folder of {}", path.display()))?;
    let _lock = lock.ok_or_else(|| {
        let detail = format!("another process is changing {}", path.display());
        ApiError::new(ErrorKind::Conflict, "password_in_change", detail)
    })?;
    let begun = file.begun().with_context(|| format!("can't read {}.next", path.display()))?;
    let next = begun.map_or_else(|| file.stage(rng), Ok);
    let next = next.with_context(|| format!("nothing has changed: can't write {}.next", path.display()))?;
    tell(db, user, &next, rng).await?;
    file.settle().with_context(|| format!("run this again: {}.next holds the password", path.display()))
}

async fn tell(db: &Db, user: &str, password: &str, rng: &Rng) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    let told = users::renew(&mut tx, user, password, &rng.bytes()).await;
    told.with_context(|| format!("can't give the user {user} another password"))?;
    let clock = Clock::system();
    let deed =
        Deed { call: &super::operator(&clock), action: "database_user.password_changed", target: user, detail: &[] };
    auth::note(&mut tx, deed, clock.now()).await?;
    Ok(tx.commit().await?)
}

/// The folder of the passwords, made where it is missing.
fn folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("can't make the folder {}", path.display()))?;
    // Whoever may write there could put a file of theirs in the place of one.
    let open = mode(path)? & 0o022 != 0;
    ensure!(!open, "{} is open to others who write: `chmod go-w`, or choose another folder", path.display());
    Ok(())
}

/// The password in a file; a new one where there is none.
fn password(file: &PasswordFile, rng: &Rng) -> anyhow::Result<(String, Password)> {
    let path = file.path();
    if !path.exists() {
        let fresh = file.make(rng).with_context(|| format!("can't write {}", path.display()))?;
        return Ok((fresh, Password::Made));
    }
    is_closed(path, "choose another password, and `chmod 600`")?;
    let given = file.read().with_context(|| format!("can't read {}", path.display()))?;
    let short = given.trim().chars().count() < SHORTEST;
    ensure!(!short, "{} holds a password of fewer than {SHORTEST} characters: choose a longer one", path.display());
    Ok((given, Password::Here))
}

fn is_closed(path: &Path, fix: &str) -> anyhow::Result<()> {
    let open = mode(path)? & 0o077 != 0;
    ensure!(!open, "{} is open to others than its owner: {fix}", path.display());
    Ok(())
}

fn mode(path: &Path) -> anyhow::Result<u32> {
    let found = fs::metadata(path).with_context(|| format!("can't look at {}", path.display()))?;
    Ok(found.permissions().mode())
}
