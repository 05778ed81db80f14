//! A user of the database for each process, on a real server: what each may do, and a deployment where none may do more.

mod passwords;

use std::{
    collections::BTreeSet,
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use stores::{
    Db, PasswordFile, Rows, args,
    personal::CONTEXTS,
    users::{self, User},
};
use tempfile::TempDir;
use testkit::TestDb;

use crate::{
    administering::good,
    app::{Answer, App, PATIENCE, Setup, one_line},
    fixtures::{self, TITLES},
    grpc::block_on,
    resume::caught_up,
    split,
};

const ROLES: [&str; 6] = ["auth", "catalog", "ingest", "search", "playback", "gateway"];
const KEYS: &str = "/api/v1/auth/keys";

/// A database with a user for each role.
struct House {
    database: TestDb,
    dir: TempDir,
}

impl House {
    fn new() -> Self {
        let house = Self { database: block_on(testkit::postgres_owned()), dir: tempfile::tempdir().unwrap() };
        let made = house.settle();
        assert_eq!(made.len(), ROLES.len());
        assert!(made.iter().all(|one| one["made"] == true && one["revoked"] == 0), "{made:?}");
        house
    }

    fn url(&self) -> String {
        self.database.url().unwrap()
    }

    /// The owner's command line.
    fn owner(&self) -> Setup {
        Setup::on(&self.dir.path().join("owner")).env("MEDIA_GATEWAY_DATABASE_URL", self.url())
    }

    fn passwords(&self) -> PathBuf {
        self.dir.path().join("passwords")
    }

    /// Runs the command as the owner; what it says of each user.
    fn settle(&self) -> Vec<Value> {
        let out = self.passwords();
        let said = good(&self.owner(), &["database", "users", "--json", "--out", out.to_str().unwrap()]);
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn name(&self, role: &str) -> String {
        let url = self.url();
        format!("{}_{role}", url.rsplit('/').next().unwrap().split('?').next().unwrap())
    }

    /// The file with a user's password, which nobody else can read.
    fn password(&self, user: &str) -> PasswordFile {
        let file = self.passwords().join(format!("{user}.password"));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        PasswordFile::new(file)
    }

    /// The database's address, which names a user and holds no password.
    fn address(&self, user: &str) -> String {
        let (url, owner, _) = self.database.apart().unwrap();
        url.replacen(&format!("//{owner}@"), &format!("//{user}@"), 1)
    }

    /// How to start the process of a role, as its user.
    fn setup(&self, role: &str) -> Setup {
        let (user, token) = (self.name(role), self.dir.path().join("peer.token"));
        std::fs::write(&token, "a secret of the roles, of 32 characters and more\n").unwrap();
        split::behind_a_proxy(Setup::on(&self.dir.path().join(role)))
            .env("MEDIA_GATEWAY_ROLES", role)
            .env("MEDIA_GATEWAY_AUTH_ISSUER", "https://media.example")
            .env("MEDIA_GATEWAY_PEER_TOKEN_FILE", token.to_str().unwrap())
            .env("MEDIA_GATEWAY_DATABASE_URL", self.address(&user))
            .env("MEDIA_GATEWAY_DATABASE_PASSWORD_FILE", self.password(&user).path().to_str().unwrap())
            .env(&format!("MEDIA_GATEWAY_LISTEN_{}", role.to_uppercase()), "127.0.0.1:0")
            .env("MEDIA_GATEWAY_LISTEN_METRICS", "127.0.0.1:0")
            // Six of them, beside other tests on the same server.
            .env("MEDIA_GATEWAY_DATABASE_MAX_CONNECTIONS", "5")
    }

    /// Starts it, where it reaches these others.
    fn start(&self, role: &str, peers: &[(&str, &App)]) -> App {
        let reached = |setup: Setup, (role, app): &(&str, &App)| {
            setup.env(&format!("MEDIA_GATEWAY_PEER_{}", role.to_uppercase()), app.url(role))
        };
        peers.iter().fold(self.setup(role), reached).start()
    }

    /// The database, as the user of a role.
    async fn open(&self, role: &str) -> Db {
        self.open_as(&self.name(role)).await
    }

    async fn open_as(&self, user: &str) -> Db {
        Db::open_postgres_with(&self.address(user), self.password(user), &testkit::fast()).await.unwrap()
    }

    /// The user of a role, as the server has it.
    fn find(&self, role: &str) -> User {
        block_on(async {
            let db = self.database.reopen(&testkit::fast()).await;
            let mut tx = db.begin().await.unwrap();
            let user = users::find(&mut tx, &self.name(role)).await.unwrap().unwrap();
            drop(tx);
            db.close().await;
            user
        })
    }

    /// What the audit log has of an action of the operator's: to which user, and the detail.
    fn stated(&self, action: &str) -> Vec<(String, String)> {
        block_on(async {
            let db = self.database.reopen(&testkit::fast()).await;
            let sql =
                "SELECT target, detail FROM auth_audit WHERE action = $1 AND actor = 'operator' ORDER BY position";
            let stated = db.fetch_all(sql, args![action]).await.unwrap();
            db.close().await;
            stated
        })
    }

    /// To which users.
    fn stated_of(&self, action: &str) -> BTreeSet<String> {
        self.stated(action).into_iter().map(|(user, _)| user).collect()
    }

    /// Has the server's superuser say something to it.
    fn say_above(&self, sql: String) {
        block_on(async {
            let server = std::env::var(testkit::POSTGRES).unwrap();
            let admin = Db::open_postgres(&server, &testkit::fast()).await.unwrap();
            admin.execute(sql, args![]).await.unwrap();
            admin.close().await;
        });
    }

    /// Has the owner say something to the database.
    fn say(&self, sql: String) {
        block_on(async {
            let db = self.database.reopen(&testkit::fast()).await;
            db.execute(sql, args![]).await.unwrap();
            db.close().await;
        });
    }
}

/// Asks until the person is not told any more that they ask too often.
fn ask(app: &App, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let since = Instant::now();
    loop {
        let request = app.request(method, path).bearer_auth(token);
        let answer = app.send(if body.is_null() { request } else { request.json(body) });
        if answer.status != 429 || since.elapsed() > PATIENCE {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Looks again until it is so.
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "{what}: not yet");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn every_process_does_its_work_as_a_user_of_its_own() {
    let house = House::new();
    let auth = house.start("auth", &[]);
    let catalog = house.start("catalog", &[("auth", &auth)]);
    let ingest = house.start("ingest", &[("auth", &auth), ("catalog", &catalog)]);
    let search = house.start("search", &[("auth", &auth), ("catalog", &catalog)]);
    let playback = house.start("playback", &[("auth", &auth), ("catalog", &catalog)]);
    let others = [("auth", &auth), ("catalog", &catalog), ("ingest", &ingest), ("search", &search)];
    let gateway = house.start("gateway", &[&others[..], &[("playback", &playback)]].concat());
    fixtures::ingest_all(&ingest.setup);
    gateway.eventually("/api/v1/search", |found| found["total_count"] == TITLES);
    caught_up(&gateway);
    let token = split::token_of_a_person(&gateway);
    split::age_limits_are_in_force(&gateway, &token);
    split::a_key_is_made_once(&gateway, &token);
    split::a_history_is_kept_apart_from_accounts(&gateway, &token);
    a_password_is_another(&house, &search);
    a_key_is_used(&gateway, &token);
    block_on(rows_of_organisations_are_guarded(&house));
    a_refusal_is_stated(&gateway, &auth);
    somebody_is_forgotten(&house, &gateway, &auth, &token);
    good(&gateway.setup, &["events", "dead"]);
    for app in [gateway, playback, search, ingest, catalog, auth] {
        let log = app.log();
        assert!(!log.contains("permission denied") && !log.contains("refused a statement"), "{log}");
        may_what_its_roles_need(&app.setup);
        let (setup, status) = app.stop();
        assert!(status.success());
        may_what_its_roles_need(&setup);
    }
}

/// As `doctor` has it, beside the node and without.
fn may_what_its_roles_need(setup: &Setup) {
    let said = setup.doctor();
    let well = said.lines().any(|line| line.starts_with("ok   database user: ") && line.ends_with("nothing more"));
    assert!(well, "{said}");
}

/// While its process runs, which takes it where it connects anew.
fn a_password_is_another(house: &House, search: &App) {
    let user = house.name("search");
    let before = house.password(&user).read().unwrap();
    good(&search.setup, &["database", "password"]);
    assert_ne!(house.password(&user).read().unwrap(), before);
    assert_eq!(house.stated("database_user.password_changed"), [(user.clone(), "{}".to_owned())]);
    house.say_above(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'"));
    soon("the password is read again", || search.log().contains("the database's password was read again"));
}

/// The process that is shown a key notes that it was, and the one with the accounts tells its person.
fn a_key_is_used(gateway: &App, token: &str) {
    let new = json!({ "name": "shed", "scopes": "read:content" });
    let key = ask(gateway, token, "POST", KEYS, &new).ok()["key"].as_str().unwrap().to_owned();
    let answer = ask(gateway, &key, "GET", "/api/v1/search?q=harbour", &Value::Null);
    assert_ne!(answer.status, 401, "a key counts at once: {}", answer.text);
    soon("the key was used", || {
        let keys = ask(gateway, token, "GET", KEYS, &Value::Null).ok();
        keys["items"].as_array().unwrap().iter().any(|key| key["last_used_at"].is_string())
    });
}

async fn rows_of_organisations_are_guarded(house: &House) {
    let search = house.open("search").await;
    assert_eq!(search.user().await.unwrap().unwrap().powers, Vec::<&str>::new());
    let mut tx = search.begin().await.unwrap();
    let keys = "SELECT COUNT(public_id) FROM auth_api_keys";
    assert_eq!(tx.fetch_one::<i64>(keys, args![]).await.unwrap(), 0, "none until it is said of whom");
    tx.sees(Rows::All).await.unwrap();
    assert_eq!(tx.fetch_one::<i64>(keys, args![]).await.unwrap(), 2);
    drop(tx);
    search.close().await;
}

/// By the process that refuses, where others have the accounts.
fn a_refusal_is_stated(gateway: &App, auth: &App) {
    assert_eq!(gateway.get("/api/v1/internal/ingest/runs").status, 401);
    soon("the refusal is stated", || good(&auth.setup, &["audit", "export"]).contains("access.denied"));
    good(&auth.setup, &["audit", "verify"]);
}

/// Each context answers, in the process that has it.
fn somebody_is_forgotten(house: &House, gateway: &App, auth: &App, token: &str) {
    let title = gateway.get(split::LIGHTHOUSE).ok()["id"].clone();
    ask(gateway, token, "PUT", split::CONSENT, &json!({ "granted": true })).ok();
    ask(gateway, token, "POST", split::HISTORY, &json!({ "content_id": title })).ok();
    let kept = || {
        block_on(async {
            let playback = house.open("playback").await;
            let kept: i64 = playback.fetch_one("SELECT COUNT(*) FROM playback_history", args![]).await.unwrap();
            playback.close().await;
            kept
        })
    };
    assert_eq!(kept(), 1);
    let erase = ["privacy", "erase", "ada@example.org", "--waive-grace", "--json"];
    let erased: Value = serde_json::from_str(&good(&auth.setup, &erase)).unwrap();
    let receipt = format!("/api/v1/privacy/receipts/{}", erased["receipt"].as_str().unwrap());
    let done = gateway.eventually(&receipt, |view| view["state"] == "erased");
    let answers = done["answers"].as_array().unwrap();
    let answered: Vec<_> = answers.iter().map(|one| one["context"].as_str().unwrap()).collect();
    assert_eq!((answered, kept()), (CONTEXTS.to_vec(), 0));
}

#[test]
fn users_may_do_what_was_reviewed_and_nothing_else() {
    let house = House::new();
    let lines = block_on(async {
        let db = house.database.reopen(&testkit::fast()).await;
        let tables = "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()";
        let there = BTreeSet::from_iter(db.fetch_all::<String>(tables, args![]).await.unwrap());
        let known = users::tables().into_iter().map(|(_, table)| table).chain(["schema_migrations"]);
        let known = BTreeSet::from_iter(known.map(str::to_owned));
        assert_eq!(there, known, "each is of the context that its migration names");
        let owners = BTreeSet::from_iter(users::tables().into_iter().map(|(owner, _)| owner));
        assert_eq!(owners, BTreeSet::from_iter(ROLES.into_iter().chain(["stores"])), "each context has a user");
        let scrubbed = "SELECT CAST(relname AS TEXT) AS name FROM pg_class
            WHERE 'autovacuum_vacuum_threshold=0' = ANY(reloptions) ORDER BY name";
        let scrubbed = db.fetch_all::<String>(scrubbed, args![]).await.unwrap();
        assert_eq!(scrubbed, ["auth_users", "playback_history"], "by the server: their users may not");
        let mut lines = Vec::new();
        for role in ROLES {
            let mut tx = db.begin().await.unwrap();
            let user = users::find(&mut tx, &house.name(role)).await.unwrap().unwrap();
            assert_eq!((user.migrates, &user.powers), (false, &Vec::new()), "{role}");
            lines.push(role.to_owned());
            lines.extend(granted(&db, &user.name).await);
        }
        lines
    });
    insta::assert_snapshot!("privileges", lines.join("\n"));
}

/// What a user may do, as the server tells it.
async fn granted(db: &Db, user: &str) -> Vec<String> {
    let whole = "SELECT CAST(table_name AS TEXT), string_agg(CAST(privilege_type AS TEXT), ' ' ORDER BY
            CAST(privilege_type AS TEXT)) FROM information_schema.role_table_grants
        WHERE grantee = CAST($1 AS NAME) GROUP BY table_name";
    let parts = "SELECT CAST(c.table_name AS TEXT), CAST(c.privilege_type AS TEXT),
            string_agg(CAST(c.column_name AS TEXT), ' ' ORDER BY CAST(c.column_name AS TEXT))
        FROM information_schema.role_column_grants c WHERE c.grantee = CAST($1 AS NAME) AND NOT EXISTS (
            SELECT 1 FROM information_schema.role_table_grants t WHERE t.grantee = c.grantee
                AND t.table_name = c.table_name AND t.privilege_type = c.privilege_type)
        GROUP BY c.table_name, c.privilege_type";
    let whole: Vec<(String, String)> = db.fetch_all(whole, args![user]).await.unwrap();
    let parts: Vec<(String, String, String)> = db.fetch_all(parts, args![user]).await.unwrap();
    let parts = parts.into_iter().map(|(table, verb, columns)| format!("  {table} ({columns})  {verb}"));
    let whole = whole.into_iter().map(|(table, verbs)| format!("  {table}  {verbs}"));
    let mut lines: Vec<_> = whole.chain(parts).collect();
    lines.sort();
    lines
}

#[test]
fn what_a_role_does_not_need_the_server_refuses() {
    let house = House::new();
    for (role, statements) in [
        (
            "search",
            &[
                "UPDATE auth_users SET role = 'admin'",
                "SELECT email_sealed FROM auth_users",
                "SELECT subject_key FROM auth_users",
                "SELECT private_sealed FROM auth_signing_keys",
                "SELECT key_sealed FROM auth_index_key",
                "UPDATE auth_api_keys SET revoked_at = NULL",
                "SELECT detail FROM auth_audit",
                "DELETE FROM events",
                "UPDATE content SET title = ''",
                "CREATE TABLE own (n BIGINT)",
                "ALTER TABLE title_searches ADD COLUMN n BIGINT",
            ][..],
        ),
        ("playback", &["SELECT email_sealed FROM auth_users", "SELECT password_hash FROM auth_users"]),
        ("gateway", &["SELECT sealed FROM playback_history", "INSERT INTO events DEFAULT VALUES"]),
        ("auth", &["SELECT token FROM ingest_links", "INSERT INTO playback_history DEFAULT VALUES"]),
    ] {
        block_on(async {
            let db = house.open(role).await;
            for statement in statements {
                let refused = db.execute(*statement, args![]).await.unwrap_err().to_string();
                let denied = ["permission denied", "must be owner"].iter().any(|words| refused.contains(words));
                assert!(denied, "{role}: {statement}: {refused}");
            }
            db.close().await;
        });
    }
}

#[test]
fn who_runs_the_command_again_changes_nothing_but_what_is_wrong() {
    let house = House::new();
    let changes = || {
        let all = house.settle().into_iter();
        let changed = all.filter(|one| one["made"] != false || one["granted"] != 0 || one["revoked"] != 0);
        changed.collect::<Vec<_>>()
    };
    let search = house.name("search");
    let password = house.password(&search).read().unwrap();
    assert_eq!(house.stated_of("database_user.created"), BTreeSet::from_iter(ROLES.map(|role| house.name(role))));
    assert_eq!(changes(), Vec::<Value>::new());
    assert_eq!(house.password(&search).read().unwrap(), password);
    house.say(format!("GRANT DELETE ON auth_users TO {search}"));
    house.say(format!("GRANT SELECT (sealed) ON playback_history TO {search}"));
    house.say(format!("REVOKE INSERT ON auth_audit FROM {search}"));
    house.say(format!("GRANT SELECT ON auth_revocations TO {search} WITH GRANT OPTION"));
    house.say(format!("GRANT SELECT (role) ON auth_users TO {search} WITH GRANT OPTION"));
    let telling = house.find("search").privileges.iter().filter(|one| one.verb.ends_with("OPTION")).count();
    assert_eq!(telling, 2);
    let done = json!({ "user": search, "made": false, "granted": 1, "revoked": 4, "password": "here" });
    assert_eq!(changes(), [done]);
    let settled = house.stated("database_user.settled");
    let of_search = settled.iter().rfind(|(user, _)| *user == search).map(|(_, detail)| detail.as_str());
    assert_eq!(of_search, Some(r#"{"granted":"1","revoked":"4"}"#));
    assert_eq!(changes(), Vec::<Value>::new());
    // What it has as everybody can't be taken from it alone.
    house.say("GRANT SELECT ON ingest_links TO PUBLIC".to_owned());
    let (owner, out) = (house.owner(), house.passwords());
    let settle = ["database", "users", "--out", out.to_str().unwrap()];
    let before = house.stated("database_user.settled").len();
    one_line(&owner.run(&settle), 1, "SELECT ON ingest_links");
    assert_eq!(house.stated("database_user.settled").len(), before, "nothing was done");
    house.say("REVOKE SELECT ON ingest_links FROM PUBLIC".to_owned());
    // One of the same name that somebody else made is theirs, until the owner says otherwise.
    house.say(format!("COMMENT ON ROLE {search} IS NULL"));
    let refused = one_line(&owner.run(&settle), 6, "was not made for this database");
    let (_, said) = refused.split_once("say to the server: ").unwrap();
    house.say(said.strip_suffix(" (user_of_others)").unwrap().to_owned());
    assert_eq!(changes(), Vec::<Value>::new());
    what_it_can_do_beside_tables_is_refused(&house, &settle);
    erased_rows_wait_for_a_server_that_takes_them_away(&house);
    one_line(&house.setup("search").run(&settle), 1, "only the owner of the database");
    one_line(&Setup::new().run(&settle), 2, "SQLite has no users");
}

/// No receipt says `erased` where nobody vacuums.
fn erased_rows_wait_for_a_server_that_takes_them_away(house: &House) {
    let scrubbed = || {
        block_on(async {
            let auth = house.open("auth").await;
            let scrubbed = auth.scrub("auth_users").await.unwrap();
            auth.close().await;
            scrubbed
        })
    };
    assert!(scrubbed());
    for change in ["RESET (autovacuum_vacuum_scale_factor)", "SET (autovacuum_enabled = false)"] {
        house.say(format!("ALTER TABLE auth_users {change}"));
        assert!(!scrubbed(), "{change}");
        house.settle();
        assert!(scrubbed(), "the command tells the server again");
    }
}

/// Only who gave it can take it away.
fn what_it_can_do_beside_tables_is_refused(house: &House, settle: &[&str]) {
    let (search, catalog) = (house.name("search"), house.name("catalog"));
    let (_, owner, _) = house.database.apart().unwrap();
    let database = search.strip_suffix("_search").unwrap();
    for (given, taken, power) in [
        (format!("GRANT {catalog} TO {search}"), format!("REVOKE {catalog} FROM {search}"), "belongs to another user"),
        (
            format!("GRANT CREATE ON DATABASE {database} TO {search}"),
            format!("REVOKE CREATE ON DATABASE {database} FROM {search}"),
            "makes schemas",
        ),
        (
            format!("ALTER ROLE {search} REPLICATION"),
            format!("ALTER ROLE {search} NOREPLICATION"),
            "copies the whole server",
        ),
    ] {
        house.say_above(given);
        assert!(house.find("search").powers.contains(&power), "{power}");
        one_line(&house.owner().run(settle), 1, &format!("{search} can do more than is granted here"));
        house.say_above(taken);
    }
    // Who has to ask for the owner's rights first has them in no connection of ours.
    house.say_above(format!("ALTER ROLE {search} NOINHERIT"));
    house.say_above(format!("GRANT {owner} TO {search}"));
    let found = house.find("search");
    assert_eq!((found.migrates, found.powers), (false, vec!["belongs to another user"]));
    house.say_above(format!("REVOKE {owner} FROM {search}"));
}

#[test]
fn a_process_of_several_roles_has_a_user_for_them_with_a_password_of_the_operators() {
    let house = House::new();
    let prefix = house.name("own");
    let user = format!("{prefix}_auth_ingest");
    let out = house.passwords();
    let file = fixtures::write(&out, &format!("{user}.password"), b"only-15-letters\n");
    let allow = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let settle = ["database", "users", "ingest,auth", "--prefix", &prefix, "--out", out.to_str().unwrap()];
    allow(Path::new(&file), 0o640);
    one_line(&house.owner().run(&settle), 1, "is open to others than its owner");
    allow(Path::new(&file), 0o600);
    one_line(&house.owner().run(&settle), 1, "fewer than 16 characters");
    std::fs::write(&file, "a-password-of-my-own\n").unwrap();
    allow(&out, 0o720);
    one_line(&house.owner().run(&settle), 1, "is open to others who write");
    allow(&out, 0o700);
    let said = good(&house.owner(), &settle);
    assert!(said.starts_with(&format!("{user}  new  ")) && said.lines().count() == 1 + ROLES.len(), "{said}");
    assert!(house.stated_of("database_user.created").contains(&user));
    assert_eq!(house.stated_of("database_user.left"), BTreeSet::from_iter(ROLES.map(|role| house.name(role))));
    assert_eq!(good(&house.owner(), &settle).lines().count(), said.lines().count());
    assert_eq!(house.stated("database_user.left").len(), ROLES.len(), "once each");
    those_of_an_earlier_split_can_be_ended(&house, &said, &user);
    block_on(async {
        let db = house.open_as(&user).await;
        for own in ["DELETE FROM auth_sessions", "DELETE FROM jobs"] {
            db.execute(own, args![]).await.unwrap();
        }
        assert!(db.execute("DELETE FROM content", args![]).await.is_err());
        db.close().await;
    });
}

/// They are named, with what ends one, until the command is told of their processes again.
fn those_of_an_earlier_split_can_be_ended(house: &House, said: &str, new: &str) {
    let search = house.name("search");
    let lead = format!("{search}  of no process  to end it, as the owner: ");
    let ending = said.lines().find_map(|line| line.strip_prefix(&lead)).unwrap();
    let owner = house.owner();
    good(&owner, &["migrate"]);
    let left = || -> BTreeSet<String> {
        let told = String::from_utf8(owner.run(&["doctor"]).stdout).unwrap();
        let lines = told.lines().filter_map(|line| line.strip_prefix("less users of the database: "));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(left(), BTreeSet::from_iter(ROLES.map(|role| house.name(role))));
    for statement in ending.split_terminator(';') {
        house.say(statement.trim().to_owned());
    }
    assert!(left().len() == ROLES.len() - 1 && !left().contains(&search));
    let made: Vec<_> = house.settle().into_iter().filter(|one| one["made"] == true).collect();
    assert!(matches!(&made[..], [only] if only["user"] == search), "{made:?}");
    assert_eq!(left(), BTreeSet::from([new.to_owned()]));
}

#[test]
fn a_process_that_does_not_own_the_database_leaves_the_schema_to_who_does() {
    let house = House::new();
    let (search, node) = (house.name("search"), house.setup("search"));
    let doctor = |setup: &Setup| String::from_utf8(setup.run(&["doctor"]).stdout).unwrap();
    house.say(format!("REVOKE INSERT ON auth_audit FROM {search}"));
    refuses(&node, &format!("{search} may not INSERT ON auth_audit; its owner: run `media-gateway migrate`"));
    assert!(doctor(&node).contains(&format!("BAD  database user: {search} may not INSERT ON auth_audit")));
    house.say(format!("GRANT INSERT, DELETE ON auth_audit TO {search}"));
    let told = format!("less database user: {search} may do more than its roles need: DELETE ON auth_audit\n");
    assert!(doctor(&node).contains(&told), "{}", doctor(&node));
    let (address, _, password) = house.database.apart().unwrap();
    let file = fixtures::write(house.dir.path(), "owner.password", password.as_bytes());
    let owner = house.setup("search").env("MEDIA_GATEWAY_DATABASE_URL", address);
    let owner = owner.env("MEDIA_GATEWAY_DATABASE_PASSWORD_FILE", file);
    let powers = "owns the tables, makes tables, makes schemas, makes users: a role needs none of this";
    assert!(doctor(&owner).contains(powers));

    let newest = "SELECT MAX(version) FROM schema_migrations";
    house.say(format!("DELETE FROM schema_migrations WHERE version = ({newest})"));
    refuses(&node, "which its user may not add; its owner: run `media-gateway migrate`, then");
    let said = doctor(&node);
    assert!(said.contains("BAD  database: PostgreSQL on this machine, without ") && said.contains("as its owner: run"));
    let out = house.passwords();
    let settle = ["database", "users", "--out", out.to_str().unwrap()];
    one_line(&house.owner().run(&settle), 1, "run `media-gateway migrate` first");
}

/// The user of a role can't do what every role does; beside the process the same commands do.
#[test]
fn a_command_beside_no_process_is_for_the_owner() {
    let house = House::new();
    let auth = house.setup("auth");
    let help = "; start the process of this folder, or run the command as the database's owner";
    for command in [&["auth", "users", "list"][..], &["audit", "verify"]] {
        let said = one_line(&auth.run(command), 5, help);
        assert!(said.contains("may not ") && !said.contains("migrate"), "{said}");
    }
    let owner = house.setup("auth").env("MEDIA_GATEWAY_DATABASE_URL", house.url());
    good(&owner.without("MEDIA_GATEWAY_DATABASE_PASSWORD_FILE"), &["auth", "users", "list"]);
    let auth = house.start("auth", &[]);
    good(&auth.setup, &["auth", "users", "list"]);
}

/// Asserts that the node ends by itself, and says why.
fn refuses(node: &Setup, words: &str) {
    let mut child = node.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    one_line(&child.wait_with_output().unwrap(), 5, words);
}
