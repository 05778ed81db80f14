//! A node that has its secrets at Google Cloud, or at a server of the shape that Google publishes.

use std::{
    fs::File,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::Value;
use stores::{Db, args};
use testkit::{GOOGLE_KEY, Google, OTHER_GOOGLE_KEY};

use crate::{
    app::{App, PATIENCE, Setup, one_line},
    fixtures,
    grpc::block_on,
    mail::{self, Browser},
};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "correct horse battery";
const SEALING: &str = "/api/v1/internal/auth/sealing-keys";
const KEY: &str = "MEDIA_GATEWAY_AUTH_KMS_KEY";
/// What a node says that can't use the key.
const SAYS: &str = "can't be opened or sealed by `auth.kms_key`";
/// What the server says that is down.
const REFUSES: &str = "currently unavailable";
const SECRET: &str = "projects/here/secrets/smtp";

fn at(google: &Google, setup: Setup) -> Setup {
    let mut setup = setup.env("MEDIA_GATEWAY_CLOUD_REFRESH_SECS", "1");
    for service in ["METADATA", "KMS", "SECRETS"] {
        setup = setup.env(&format!("MEDIA_GATEWAY_CLOUD_{service}_URL"), google.url());
    }
    setup
}

fn sealing(google: &Google) -> Setup {
    at(google, Setup::new()).env(KEY, GOOGLE_KEY)
}

fn sign_in(app: &App) -> u16 {
    Browser::new(app).submit("/login", "/login", &[("email", EMAIL), ("password", PASSWORD)])
}

fn view(app: &App) -> Value {
    app.send(app.request("GET", SEALING).bearer_auth(&app.token)).ok()
}

fn part(app: &App, name: &str) -> Option<Value> {
    let ready = app.get("/readyz").json;
    ready["components"].as_array().unwrap().iter().find(|part| part["name"] == name).cloned()
}

/// Asks again and again until it holds.
pub fn wait(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Nothing that the key service was ever given lies in the folder, and its own file holds so many sealed lines.
fn lies_sealed(google: &Google, folder: &Path, lines: usize) {
    let text = std::fs::read_to_string(folder.join("auth.key")).unwrap();
    assert!(text.lines().count() == lines && text.lines().all(|line| line.starts_with("kms:")), "{text}");
    let (plain, files) = (google.sealed(), fixtures::files(folder));
    assert!(plain.len() >= lines && files.iter().any(|(path, _)| path.ends_with("media-gateway.db")), "{lines}");
    for secret in plain {
        assert_eq!(secret.len(), 32);
        let told = files.iter().find(|(_, bytes)| bytes.windows(32).any(|part| part == secret));
        assert!(told.is_none(), "a secret lies in plain in {:?}", told.map(|(path, _)| path));
    }
}

#[test]
fn what_the_keys_come_of_lies_sealed_and_opens_after_a_restart_and_after_a_kill() {
    let google = Google::start();
    let app = sealing(&google).start();
    assert_eq!((mail::sign_up(&app, EMAIL), sign_in(&app)), (200, 303));
    lies_sealed(&google, app.setup.folder(), 1);
    let (setup, _) = app.stop();
    let app = setup.start();
    assert_eq!(Browser::new(&app).submit("/forgot", "/forgot", &[("email", EMAIL)]), 200);
    let mail = mail::file_with(&app.setup.folder().join("outbox"), "/reset?code=");
    assert!(mail.contains(&format!("To: {EMAIL}")), "their address is read: {mail}");
    // Killed once the fresh one seals: the next start moves what lies under the old one.
    let before = view(&app)["current"].clone();
    let fresh = app.send(app.request("POST", SEALING).bearer_auth(&app.token)).ok();
    assert_ne!(fresh["current"], before);
    let setup = app.kill();
    lies_sealed(&google, setup.folder(), 2);
    let app = setup.start();
    wait("everything is moved", || view(&app)["pending"] == 0);
    let after = view(&app);
    assert_eq!((&after["current"], after["held"].as_array().unwrap().len()), (&fresh["current"], 2), "{after}");
    let output = app.setup.run(&["auth", "keys", "rotate"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains(" 0 to go"), "{said}");
    lies_sealed(&google, app.setup.folder(), 3);
    assert_eq!(sign_in(&app), 303);
    assert_eq!(part(&app, "key_service").unwrap()["state"], "ready");
    let (setup, _) = app.stop();
    let doctor = setup.doctor();
    assert!(doctor.contains("less Google Cloud's key service: configured; unverified: "), "{doctor}");
    assert!(!doctor.contains("auth.key"), "{doctor}");
}

#[test]
fn a_node_that_can_not_reach_the_key_does_not_start_and_writes_nothing() {
    let google = Google::start();
    let setup = sealing(&google);
    let file = setup.folder().join("auth.key");
    let list = ["auth", "users", "list"];
    google.down(true);
    one_line(&setup.run(&list), 5, SAYS);
    assert!(!file.exists(), "nothing is made that is not sealed");
    google.down(false);
    assert!(setup.run(&list).status.success());
    let kept = std::fs::read(&file).unwrap();
    google.down(true);
    one_line(&setup.run(&list), 5, SAYS);
    google.down(false);
    let setup = setup.env(KEY, OTHER_GOOGLE_KEY);
    assert!(one_line(&setup.run(&list), 5, SAYS).contains("INVALID_ARGUMENT"), "another key");
    one_line(&Setup::on(setup.folder()).run(&list), 1, "name it in `auth.kms_key`");
    assert_eq!(std::fs::read(&file).unwrap(), kept);

    // While it runs, what is open stays so; a fresh secret that can't be sealed is none.
    let app = setup.env(KEY, GOOGLE_KEY).start();
    assert_eq!(mail::sign_up(&app, EMAIL), 200);
    google.down(true);
    assert_eq!((sign_in(&app), &view(&app)["pending"]), (303, &Value::from(0)));
    assert!(!app.setup.run(&["auth", "keys", "rotate"]).status.success());
    assert_eq!(std::fs::read(&file).unwrap(), kept);
    google.down(false);
    assert!(app.setup.run(&["auth", "keys", "rotate"]).status.success());
    assert_eq!(sign_in(&app), 303);
    lies_sealed(&google, app.setup.folder(), 2);
}

#[test]
fn a_secret_from_before_there_was_a_key_is_sealed_where_it_lies() {
    let google = Google::start();
    let setup = Setup::new();
    let app = setup.start();
    assert_eq!(mail::sign_up(&app, EMAIL), 200);
    let (setup, _) = app.stop();
    let file = setup.folder().join("auth.key");
    let plain = std::fs::read(&file).unwrap();
    assert_eq!(plain.len(), 32);
    let setup = at(&google, setup).env(KEY, GOOGLE_KEY);
    google.down(true);
    one_line(&setup.run(&["auth", "users", "list"]), 5, SAYS);
    assert_eq!(std::fs::read(&file).unwrap(), plain, "it is not lost");
    google.down(false);
    // Nor where it could be sealed and never opened again.
    google.refuse(Some("decrypt"));
    one_line(&setup.run(&["auth", "users", "list"]), 5, "can't be opened again");
    assert_eq!(std::fs::read(&file).unwrap(), plain);
    google.refuse(None);
    let app = setup.start();
    assert_eq!(sign_in(&app), 303);
    assert!(google.sealed().contains(&plain));
    lies_sealed(&google, app.setup.folder(), 1);
}

#[test]
fn lines_of_an_operators_file_may_be_sealed_and_are_opened_before_they_seal() {
    const FIRST: &str = "the first secret of this deployment";
    let (google, dir) = (Google::start(), tempfile::tempdir().unwrap());
    let file = dir.path().join("secrets");
    std::fs::write(&file, FIRST).unwrap();
    let setup = sealing(&google).env("MEDIA_GATEWAY_AUTH_SECRET_FILE", file.to_str().unwrap());
    let line = |args: &[&str]| {
        let mut command = setup.command(&[&["auth", "keys", "seal"][..], args].concat());
        let output = command.stdin(Stdio::from(File::open(&file).unwrap())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let (first, second, third) = (line(&[]), line(&["--fresh"]), line(&["--fresh"]));
    assert_eq!(google.sealed()[0], FIRST.as_bytes());
    assert!(second.starts_with("kms:") && second != third, "{second}");
    let app = setup.start();
    let current = view(&app)["current"].clone();
    let (setup, _) = app.stop();
    // The same secret, sealed.
    std::fs::write(&file, &first).unwrap();
    let app = setup.start();
    assert_eq!(view(&app)["current"], current);
    std::fs::write(&file, format!("{second}\n{first}\n")).unwrap();
    let output = app.setup.run(&["auth", "keys", "rotate"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains(" 0 to go"), "{output:?}");
    assert_ne!(view(&app)["current"], current);
    // One that can't be opened now is waited for, and those that are open go on.
    google.down(true);
    std::fs::write(&file, format!("{third}\n{second}\n{first}\n")).unwrap();
    let shut = || part(&app, "key_service").is_some_and(|part| part["state"] == "degraded");
    wait("it says that a line is not open", shut);
    let told = part(&app, "key_service").unwrap()["detail"].as_str().unwrap().to_owned();
    assert!(!told.contains(REFUSES) && app.log().contains(REFUSES), "Google's own words are for the log: {told}");
    let held = view(&app)["held"].as_array().unwrap().len();
    assert_eq!((held, app.log().matches("can't be opened yet").count()), (2, 1), "{}", app.log());
}

/// The key that seals is past its time.
async fn age(folder: &Path) {
    let db = Db::open_sqlite(&folder.join("media-gateway.db"), &testkit::fast()).await.unwrap();
    let long_ago: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    db.execute("UPDATE auth_sealing_keys SET created_at = $1", args![long_ago]).await.unwrap();
    db.close().await;
}

#[test]
fn a_key_that_never_answers_holds_nobody_up() {
    let google = Google::start();
    let app = sealing(&google).start();
    assert_eq!(mail::sign_up(&app, EMAIL), 200);
    let (setup, _) = app.stop();
    block_on(age(setup.folder()));
    let file = setup.folder().join("auth.key");
    let kept = std::fs::read(&file).unwrap();
    google.hangs(Some("encrypt"));
    let app = setup.start();
    let since = Instant::now();
    wait("it gives up", || app.log().contains("past their time can't be changed"));
    // Three tries of five seconds each would be longer.
    assert!(since.elapsed() < Duration::from_secs(14), "it waited {:?}", since.elapsed());
    assert_eq!(sign_in(&app), 303);
    assert!(!app.setup.run(&["auth", "keys", "rotate"]).status.success());
    assert_eq!(std::fs::read(&file).unwrap(), kept, "nothing is written that is not sealed");
    google.hangs(None);
    assert!(app.setup.run(&["auth", "keys", "rotate"]).status.success());
    lies_sealed(&google, app.setup.folder(), 2);
}

#[test]
fn a_line_that_hangs_is_waited_for_by_nobody_who_only_reads() {
    let (google, dir) = (Google::start(), tempfile::tempdir().unwrap());
    let file = dir.path().join("secrets");
    let setup = sealing(&google).env("MEDIA_GATEWAY_AUTH_SECRET_FILE", file.to_str().unwrap());
    let fresh = || String::from_utf8(setup.run(&["auth", "keys", "seal", "--fresh"]).stdout).unwrap();
    let (first, second) = (fresh(), fresh());
    std::fs::write(&file, &first).unwrap();
    let app = setup.start();
    google.hangs(Some("decrypt"));
    std::fs::write(&file, format!("{second}{first}")).unwrap();
    let since = Instant::now();
    assert_eq!(view(&app)["held"].as_array().unwrap().len(), 1);
    // Who waits does so for three seconds.
    assert!(since.elapsed() < Duration::from_millis(2_900), "it waited {:?}", since.elapsed());
    wait("it says so", || part(&app, "key_service").is_some_and(|part| part["state"] == "degraded"));
    assert_eq!(mail::sign_up(&app, EMAIL), 200);
}

#[test]
fn a_secret_of_the_secret_manager_is_taken_in_while_the_node_runs() {
    let (google, (port, mails)) = (Google::start(), mail::mail_server(None));
    let setup = at(&google, Setup::new())
        .env("MEDIA_GATEWAY_MAIL_SMTP_URL", format!("smtp://node@127.0.0.1:{port}"))
        .env("MEDIA_GATEWAY_MAIL_SMTP_PASSWORD_FILE", format!("gcp-secret:{SECRET}"))
        .env("MEDIA_GATEWAY_MAIL_FROM", "films@example.net");
    let said = one_line(&setup.run(&["auth", "users", "list"]), 5, "can't be fetched");
    assert!(said.contains(SECRET) && said.contains("NOT_FOUND"), "{said}");
    google.put(SECRET, "sesame-one\n");
    let app = setup.start();
    let shows = |password: &str, email: &str| {
        assert_eq!(mail::sign_up(&app, email), 200);
        let shown = format!("AUTH PLAIN {}", BASE64_STANDARD.encode(format!("\0node\0{password}")));
        let lines = mails.recv_timeout(PATIENCE).unwrap();
        assert!(lines.contains(&shown), "{shown} in {lines:#?}");
    };
    let asked_again = |times: usize| {
        let before = google.asked().len();
        wait("it asks again", || google.asked().len() >= before + times);
    };
    shows("sesame-one", EMAIL);
    google.put(SECRET, "sesame-two");
    // When the second of these is on its way, the first was answered and taken in.
    asked_again(2);
    shows("sesame-two", "eve@example.org");
    assert_eq!(part(&app, "secret_manager").unwrap()["state"], "ready");
    google.down(true);
    wait("it says that nothing comes", || part(&app, "secret_manager").unwrap()["state"] == "degraded");
    let told = part(&app, "secret_manager").unwrap()["detail"].as_str().unwrap().to_owned();
    assert!(!told.contains(REFUSES) && app.log().contains(REFUSES), "Google's own words are for the log: {told}");
    shows("sesame-two", "bob@example.org");
    // Three are one that is not answered.
    asked_again(7);
    assert_eq!(app.log().matches("can't be fetched again").count(), 1, "{}", app.log());
    google.down(false);
    wait("it comes again", || part(&app, "secret_manager").unwrap()["state"] == "ready");
    assert!(!app.log().contains("sesame"), "{}", app.log());
    let (setup, _) = app.stop();
    let doctor = setup.doctor();
    assert!(doctor.contains("less Google Cloud's secret manager: configured; unverified: "), "{doctor}");
}

#[test]
fn doctor_fetches_what_a_start_would_and_says_what_it_can_not_have() {
    let google = Google::start();
    google.put(SECRET, "sesame");
    let setup = at(&google, Setup::new())
        .env("MEDIA_GATEWAY_REDIS_URL", "redis://127.0.0.1:9")
        .env("MEDIA_GATEWAY_REDIS_PASSWORD_FILE", format!("gcp-secret:{SECRET}"));
    assert!(setup.run(&["migrate"]).status.success());
    let doctor = setup.doctor();
    assert!(doctor.contains("fix: check `redis.url`") && !doctor.contains("secrets at Google"), "{doctor}");
    let short = at(&google, Setup::on(setup.folder()))
        .env("MEDIA_GATEWAY_AUTH_SECRET_FILE", format!("gcp-secret:{SECRET}"))
        .doctor();
    assert!(short.contains("BAD  secret: `auth.secret_file`: every line of ") && !short.contains("sesame"), "{short}");
    google.down(true);
    let output = setup.run(&["doctor"]);
    let doctor = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{doctor}");
    let line = doctor.lines().find(|line| line.starts_with("BAD  secrets at Google Cloud: ")).unwrap_or_default();
    assert!(line.contains(SECRET) && line.contains(REFUSES), "{doctor}");
    assert!(doctor.contains("less redis: not asked: its password is at Secret Manager"), "{doctor}");
}

#[test]
fn doctor_tries_the_key_as_a_start_would_and_keeps_nothing() {
    let google = Google::start();
    let setup = sealing(&google);
    let says = format!("BAD  sealed secrets: what the deployment's keys come of {SAYS}: ");
    let tells = |setup: &Setup, words: &str| {
        let told = setup.doctor();
        assert!(told.contains(words), "no {words:?} in {told}");
    };
    let is_silent = || {
        let told = setup.doctor();
        assert!(!told.contains("sealed secrets"), "{told}");
    };
    // A start would make a secret, and seal it.
    is_silent();
    google.refuse(Some("encrypt"));
    tells(&setup, &says);
    google.refuse(None);
    assert!(!setup.folder().exists());
    assert!(setup.run(&["auth", "users", "list"]).status.success());
    let file = setup.folder().join("auth.key");
    let kept = std::fs::read(&file).unwrap();
    // It would open what is there, and seal nothing.
    google.refuse(Some("encrypt"));
    is_silent();
    google.refuse(Some("decrypt"));
    tells(&setup, &says);
    google.refuse(None);
    google.down(true);
    tells(&setup, &says);
    google.down(false);
    let keyless = Setup::on(setup.folder());
    tells(&keyless, "BAD  sealed secrets: a secret is sealed by a key of Google Cloud KMS: name it in `auth.kms_key`");
    assert_eq!(std::fs::read(&file).unwrap(), kept);
    // A node that runs has them open.
    let app = setup.start();
    google.refuse(Some("decrypt"));
    tells(&app.setup, "less sealed secrets: no node would start with it: ");
}

#[test]
fn names_and_addresses_are_held_to_their_form_before_anybody_is_asked() {
    let refused = |key: &str, value: &str, words: &str| {
        one_line(&Setup::new().env(key, value).run(&["serve"]), 1, words);
    };
    refused(KEY, "projects/p/locations/l/keyRings/r", "is no name of a key");
    refused("MEDIA_GATEWAY_MAIL_SMTP_PASSWORD_FILE", "gcp-secret:smtp", "is no name of a secret");
    refused("MEDIA_GATEWAY_CLOUD_KMS_URL", "http://kms.example", "plain text");
    refused("MEDIA_GATEWAY_CLOUD_METADATA_URL", "http://metadata.example", "plain text");
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "the shared secret of these roles").unwrap();
    let setup = Setup::new().env(KEY, GOOGLE_KEY).env("MEDIA_GATEWAY_PEER_TOKEN_FILE", token.path().to_str().unwrap());
    one_line(&setup.run(&["serve"]), 1, "`auth.secret_file`");
}
