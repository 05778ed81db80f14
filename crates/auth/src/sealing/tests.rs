//! Rotation while the node runs, after a kill, and over what earlier commits wrote.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use access::{Live, Verifier, VerifierConfig};
use contracts::{Clock, Role};
use rstest::rstest;
use stores::{Db, DbConfig, args};

use super::*;
use crate::{AuthConfig, Renewer, config::CLI_CLIENT};

const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 32] = [8; 32];
/// Whose environment variable makes this test the process that is killed.
const CHILD: &str = "SEALING_TEST_CHILD";

async fn auth(db: Db, secrets: &[[u8; 32]]) -> Auth {
    let clock = Clock::system();
    let held = Arc::new(Held(Mutex::new(secrets.to_vec())));
    let config = AuthConfig { secrets: held, ..AuthConfig::new("https://media.example", secrets[0]) };
    let expected = VerifierConfig { issuer: String::new(), audience: String::new() };
    let verifier = Arc::new(Verifier::new(expected, clock.clone(), Arc::new(Live::default())));
    let auth = Auth::new(db, clock, contracts::Rng::system(), config, verifier);
    auth.seed().await.unwrap();
    auth
}

/// Accounts without passwords, which would take a while; each with a session.
async fn settle(auth: &Auth, count: usize) -> Vec<UserId> {
    let (mut tx, mut all) = (auth.db.begin().await.unwrap(), Vec::new());
    for n in 0..count {
        let (id, key) = (UserId(auth.ids.next()), auth.rng.bytes::<32>());
        let email = email(n);
        let account = people::NewAccount {
            id,
            email_blind: auth.vault.blind(&email),
            email_sealed: auth.vault.seal_under(&key, "email", email.as_bytes()).unwrap(),
            subject_key: auth.vault.seal(&subject_key(id), &key).unwrap(),
            password_hash: None,
            role: Role::BasicUser,
            at: auth.clock.now(),
        };
        people::insert(&mut tx, &account).await.unwrap();
        all.push(id);
    }
    tx.commit().await.unwrap();
    all
}

fn email(n: usize) -> String {
    format!("person-{n}@example.org")
}

async fn moved(db: &Db, secret: &[u8; 32]) -> i64 {
    let sql = "SELECT COUNT(*) FROM auth_users WHERE substr(subject_key, 1, 11) = $1";
    db.fetch_one(sql, args![&head_of(secret)[..]]).await.unwrap()
}

/// Every account is found by its address and opens, with these secrets alone.
async fn all_there(db: &Db, secrets: &[[u8; 32]], people: &[UserId]) {
    all_but(db, secrets, people, None).await;
}

async fn all_but(db: &Db, secrets: &[[u8; 32]], people: &[UserId], gone: Option<UserId>) {
    let auth = auth(db.clone(), secrets).await;
    auth.ensure_keys().await.unwrap();
    for (n, id) in people.iter().enumerate().filter(|(_, id)| gone != Some(**id)) {
        let user = people::by_blind(db, &auth.vault.blind(&email(n))).await.unwrap().unwrap();
        assert_eq!((user.id, auth.email(&user).unwrap().unwrap()), (*id, email(n)));
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_new_key_takes_over_while_people_come_and_go(#[case] engine: &str) {
    let db = if engine == "postgres" { testkit::postgres().await } else { testkit::sqlite().await };
    let auth = auth(db.db(), &[OLD]).await;
    auth.ensure_keys().await.unwrap();
    let people = settle(&auth, 230).await;
    let call = testkit::operator_call();
    let before = auth.sealing(&call).await.unwrap();
    assert_eq!((before.pending, before.held.len()), (0, 1));
    let view = auth.rotate_sealing(&call).await.unwrap();
    assert_eq!((view.held.len(), view.pending), (2, 230 + 3), "people, two signing keys and that of the index");
    assert_ne!(view.current, before.current);
    assert_eq!(auth.rotate_sealing(&call).await.unwrap().current, view.current, "one at a time");

    let mut walk = Walk::new();
    for _ in 0..3 {
        assert!(auth.walk_sealed(&mut walk).await.unwrap());
    }
    let newest = auth.config.secrets.secrets().unwrap()[0];
    assert_eq!(moved(&db, &newest).await, 200);
    for n in [0, 229] {
        let user = people::by_blind(&db, &auth.vault.blind(&email(n))).await.unwrap().unwrap();
        assert_eq!(auth.email(&user).unwrap().unwrap(), email(n), "moved or not");
        let again = auth.create_account(&call, &email(n), "correct horse battery", Role::BasicUser).await;
        assert_eq!(again.unwrap_err().code, "account_exists");
    }
    // Somebody's key is destroyed between the read and the write of a batch: it does not come back.
    let mut tx = auth.db.begin().await.unwrap();
    let old = sealing::stale(&mut tx, &auth.vault.head(), Uuid::nil(), 100).await.unwrap().pop().unwrap();
    tx.execute("UPDATE auth_users SET subject_key = NULL WHERE id = $1", args![old.id.0]).await.unwrap();
    assert_eq!(sealing::rewrap(&mut tx, &old, b"new").await.unwrap(), 0);
    tx.commit().await.unwrap();

    let done = auth.move_sealed(&call).await.unwrap();
    assert_eq!((done.pending, done.moved), (0, 29));
    all_but(&db, &[newest], &people, Some(old.id)).await;
    assert_eq!(moved(&db, &OLD).await, 0);
}

/// Rewrites what this commit wrote as the commit before it did: no heads, no order of keys, blind indexes from the secret
/// itself, texts in the clear.
async fn as_before(db: &Db, people: &[UserId]) {
    let before = Vault::new(&OLD, contracts::Rng::system());
    for (n, id) in people.iter().enumerate() {
        let sql = "UPDATE auth_users SET email_blind = $2 WHERE id = $1";
        db.execute(sql, args![id.0, before.blind(&email(n))]).await.unwrap();
    }
    for sql in [
        "UPDATE auth_users SET subject_key = substr(subject_key, 12)",
        "UPDATE auth_signing_keys SET private_sealed = substr(private_sealed, 12)",
        "UPDATE auth_sessions SET agent_sealed = NULL, agent = 'Ada''s old browser'",
        "DELETE FROM auth_sealing_keys",
        "DELETE FROM auth_index_key",
    ] {
        db.execute(sql, args![]).await.unwrap();
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn what_earlier_commits_wrote_opens_and_is_brought_forward(#[case] engine: &str) {
    let db = if engine == "postgres" { testkit::postgres().await } else { testkit::sqlite().await };
    let people = {
        let auth = auth(db.db(), &[OLD]).await;
        auth.ensure_keys().await.unwrap();
        let people = settle(&auth, 3).await;
        auth.open_session(&auth.person(people[0]).await.unwrap(), "a browser").await.unwrap();
        people
    };
    as_before(&db, &people).await;
    // A new secret is in front already.
    all_there(&db, &[NEW, OLD], &people).await;
    let auth = Arc::new(auth(db.db(), &[NEW, OLD]).await);
    assert_eq!(auth.sessions_of(people[0]).await.unwrap()[0].agent, "Ada's old browser");
    assert_eq!(
        auth.sealing(&testkit::operator_call()).await.unwrap().pending,
        3 + 2 + 1,
        "the first that was there seals"
    );
    Renewer::new(Arc::clone(&auth)).round().await.unwrap();
    assert_eq!(auth.sealing(&testkit::operator_call()).await.unwrap().pending, 0, "a node does so by itself");
    let plain: i64 = db.fetch_one("SELECT COUNT(*) FROM auth_sessions WHERE agent <> ''", args![]).await.unwrap();
    assert_eq!((plain, auth.sessions_of(people[0]).await.unwrap()[0].agent.as_str()), (0, "Ada's old browser"));
    all_there(&db, &[NEW], &people).await;
    assert!(auth.client(CLI_CLIENT).await.is_ok());
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn what_is_open_goes_on_only_while_the_one_that_seals_is(#[case] engine: &str) {
    const MISSING: &str = "sealing_key_missing";
    let db = if engine == "postgres" { testkit::postgres().await } else { testkit::sqlite().await };
    let (mut here, there) = (auth(db.db(), &[OLD]).await, auth(db.db(), &[NEW, OLD]).await);
    assert!(here.follow_ring().await.unwrap().is_none());
    // Its file was written anew.
    here.config.secrets = Arc::new(Held::new([9; 32]));
    assert_eq!(here.follow_ring().await.unwrap().unwrap().code, MISSING);
    assert_eq!(here.open_ring().await.unwrap_err().code, MISSING, "nothing is to be moved to it");
    // Another node seals under what this one never had.
    there.rotate_sealing(&testkit::operator_call()).await.unwrap();
    assert_eq!(here.follow_ring().await.unwrap_err().code, MISSING);
}

#[test]
fn a_rotation_that_is_killed_goes_on_where_it_was() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Ok(file) = std::env::var(CHILD) {
        return runtime.block_on(move_slowly(Path::new(&file)));
    }
    runtime.block_on(async {
        const PEOPLE: i64 = 1_500;
        let db = testkit::sqlite().await;
        let (people, pending) = {
            let auth = auth(db.db(), &[OLD]).await;
            auth.ensure_keys().await.unwrap();
            let people = settle(&auth, 1_500).await;
            auth.config.secrets.add(NEW).await.unwrap();
            (people, auth.rotate_sealing(&testkit::operator_call()).await.unwrap().pending)
        };
        assert_eq!(pending, PEOPLE + 3);
        for kills in 1..=3 {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "sealing::tests::a_rotation_that_is_killed_goes_on_where_it_was", "--nocapture"]);
            child.env(CHILD, db.path().unwrap()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = child.spawn().unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let batch = lines.map_while(Result::ok).filter(|line| line.contains("a batch")).nth(2);
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(batch.is_some(), "it ended by itself");
            let under = (moved(&db, &NEW).await, moved(&db, &OLD).await);
            assert!(under.0 > 0 && under.1 > 0 && under.0 + under.1 == PEOPLE, "after {kills} kills: {under:?}");
            all_there(&db, &[NEW, OLD], &people[..50]).await;
        }
        let auth = auth(db.db(), &[NEW, OLD]).await;
        assert_eq!(auth.move_sealed(&testkit::operator_call()).await.unwrap().pending, 0);
        assert_eq!((moved(&db, &NEW).await, moved(&db, &OLD).await), (PEOPLE, 0));
        all_there(&db, &[NEW], &people).await;
    });
}

/// The process that is killed.
async fn move_slowly(file: &Path) {
    let auth = auth(Db::open_sqlite(file, &DbConfig::default()).await.unwrap(), &[NEW, OLD]).await;
    let mut walk = Walk::new();
    while auth.walk_sealed(&mut walk).await.unwrap() {
        println!("a batch");
        // So that whoever kills has a moment to do so between any two, and is in time for it on a busy machine.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
