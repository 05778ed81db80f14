//! Roles in processes of their own show each other certificates, which change while they run.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use testkit::TestDb;

use crate::{
    app::{Answer, App, PATIENCE, Setup, one_line},
    cloud::wait,
    fixtures::{self, TITLES},
    split::database,
};

pub type Authority = CertifiedIssuer<'static, KeyPair>;

pub fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a node's certificate and key, and the authority it believes.
fn issue(dir: &Path, name: &str, by: &Authority) -> [PathBuf; 3] {
    write(dir, name, CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap(), by)
}

fn write(dir: &Path, name: &str, params: CertificateParams, by: &Authority) -> [PathBuf; 3] {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    let files = ["crt", "key", "ca"].map(|kind| dir.join(format!("{name}.{kind}")));
    for (file, text) in files.iter().zip([certificate.pem(), key.serialize_pem(), by.pem()]) {
        std::fs::write(file, text).unwrap();
    }
    files
}

fn with(setup: Setup, files: &[PathBuf; 3]) -> Setup {
    let names = ["CERTIFICATE", "KEY", "AUTHORITIES"];
    names.into_iter().zip(files).fold(setup, |setup, (name, file)| {
        setup.env(&format!("MEDIA_GATEWAY_PEER_{name}_FILE"), file.to_str().unwrap())
    })
}

/// The status of what the gateway passes on to the catalogue.
fn passed_on(front: &App) -> u16 {
    front.get("/api/v1/platforms").status
}

/// Once the new files are read. Not at once: a gateway whose tries fail leaves the role alone for half a minute.
fn eventually(front: &App, wanted: u16) {
    std::thread::sleep(Duration::from_millis(1_500));
    let since = Instant::now();
    while passed_on(front) != wanted {
        assert!(since.elapsed() < PATIENCE, "it stays at {}: {}", passed_on(front), front.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A node of the deployment, with these certificates.
fn node(dir: &Path, database: &TestDb, name: &str, files: &[PathBuf; 3]) -> Setup {
    let token = dir.join("peer.token");
    std::fs::write(&token, "a secret of the roles, of 32 characters and more\n").unwrap();
    let setup = Setup::on(&dir.join(name))
        .env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap())
        .env("MEDIA_GATEWAY_PEER_TOKEN_FILE", token.to_str().unwrap());
    with(setup, files)
}

/// The gateway and search before a node that has the rest.
fn before(back: &App, setup: Setup) -> App {
    let https = |role: &str| back.url(role).replace("http://", "https://");
    setup
        .roles("gateway,search")
        .env("MEDIA_GATEWAY_PEER_AUTH", https("auth"))
        .env("MEDIA_GATEWAY_PEER_CATALOG", https("catalog"))
        .env("MEDIA_GATEWAY_PEER_INGEST", https("ingest"))
        .start()
}

#[test]
fn roles_show_each_other_certificates_that_change_while_they_run() {
    let (dir, database) = (tempfile::tempdir().unwrap(), database());
    let setup = |name: &str, by: &Authority| node(dir.path(), &database, name, &issue(dir.path(), name, by));
    let (ours, other) = (authority(), authority());
    let back = setup("back", &ours).roles("auth,catalog,ingest").start();
    let front = |name: &str, by: &Authority| before(&back, setup(name, by));
    let friend = front("friend", &ours);
    fixtures::ingest_all(&back.setup);
    // What search knows came over gRPC, and the directory over HTTP.
    friend.eventually("/api/v1/search", |found| found["total_count"] == TITLES);
    assert_eq!(passed_on(&friend), 200);
    let refused = |front: &App| {
        let status = passed_on(front);
        assert!([502, 503].contains(&status), "{status}");
    };
    let stranger = front("stranger", &other);
    refused(&stranger);

    // The authority changes, first where the connections end: who has one of the new authority comes in. Nobody restarts.
    issue(dir.path(), "back", &other);
    eventually(&stranger, 200);
    // Then where they begin.
    let late = front("late", &ours);
    refused(&late);
    issue(dir.path(), "late", &other);
    eventually(&late, 200);
}

/// A node whose token stands in a file of its own.
pub fn with_token(dir: &Path, database: &TestDb, name: &str, tokens: &str) -> Setup {
    let file = dir.join(format!("{name}.token"));
    std::fs::write(&file, tokens).unwrap();
    Setup::on(&dir.join(name))
        .env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap())
        .env("MEDIA_GATEWAY_PEER_TOKEN_FILE", file.to_str().unwrap())
}

#[test]
fn the_token_of_the_roles_changes_on_one_node_after_the_other_and_no_request_fails() {
    let (dir, database) = (tempfile::tempdir().unwrap(), database());
    let [old, new] = ["o", "n"].map(|letter| format!("{}\n", letter.repeat(40)));
    let back = with_token(dir.path(), &database, "back", &old).roles("auth,catalog,ingest,playback").start();
    let front = with_token(dir.path(), &database, "front", &old).roles("gateway,search");
    let front = front.reaching(["auth", "catalog", "ingest", "playback"], &back).start();
    fixtures::ingest_all(&back.setup);
    front.eventually("/api/v1/search", |found| found["total_count"] == TITLES);
    // None is answered out of the cache, and the titles of each come from the other node.
    let asked = AtomicU32::new(0);
    let ask = || {
        let year = 1_000 + asked.fetch_add(1, Ordering::SeqCst) % 900;
        front.get(&format!("/api/v1/search?q=lighthouse&year_from={year}"))
    };
    let found = || {
        let answer = ask();
        answer.status == 200 && answer.json["results"].as_array().is_some_and(|results| !results.is_empty())
    };
    assert!(found(), "{}", front.log());
    let (both, done) = (format!("{new}{old}"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let failed = scope.spawn(|| {
            let mut failed = 0;
            while !done.load(Ordering::SeqCst) {
                failed += u32::from(!found());
            }
            failed
        });
        // The one who shows the newest first: who is asked does not know it yet.
        for (name, tokens) in [("front", &both), ("back", &both), ("front", &new)] {
            std::fs::write(dir.path().join(format!("{name}.token")), tokens).unwrap();
            let (so_far, since) = (asked.load(Ordering::SeqCst), Instant::now());
            // What was read stands for a second.
            while asked.load(Ordering::SeqCst) < so_far + 20 || since.elapsed() < Duration::from_millis(1_500) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        done.store(true, Ordering::SeqCst);
        assert_eq!(failed.join().unwrap(), 0, "{}", front.log());
    });
    // The file is what is shown: with a token that nobody else has, the other node gives no title.
    std::fs::write(dir.path().join("front.token"), "x".repeat(40)).unwrap();
    wait("it shows it", || !found());
    a_token_that_is_not_taken_is_no_clients_fault(&front, &back, ask);
    // And one that is too short is none: the token from before is shown.
    std::fs::write(dir.path().join("back.token"), format!("{}\n{both}", "x".repeat(40))).unwrap();
    let told = || front.log().matches("a secret can't be used as it is now").count();
    let before = told();
    std::fs::write(dir.path().join("front.token"), "short").unwrap();
    wait("the other has read it", found);
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(found(), "{}", front.log());
    std::fs::write(dir.path().join("front.token"), "").unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(found(), "{}", front.log());
    assert_eq!(told(), before + 1, "however many ask for it: {}", front.log());
    let doctor = front.setup.doctor();
    const SAYS: &str =
        "less peer token: no node would start with it: `peers.token_file` must hold at least 32 characters";
    assert!(doctor.contains(SAYS), "{doctor}");
}

/// Nothing is held against whoever asks: they hear that the node can't, and its operators hear why.
fn a_token_that_is_not_taken_is_no_clients_fault(front: &App, back: &App, ask: impl Fn() -> Answer) {
    const SAYS: &str = "it does not take our peer token";
    for _ in 0..5 {
        ask().problem(503, "peer_refused");
    }
    let role = |part: &Value| part["name"] == "catalog_peer" && part["state"] == "degraded" && part["detail"] == SAYS;
    front.eventually("/readyz", |ready| ready["components"].as_array().unwrap().iter().any(role));
    let doctor = front.setup.doctor();
    assert!(doctor.contains(&format!("less catalog_peer: {SAYS}")), "{doctor}");
    assert!(doctor.contains("fix: give both nodes a `peers.token_file`"), "{doctor}");
    assert_eq!(front.log().matches("A role does not take our peer token").count(), 1, "{}", front.log());
    // Refusals are written once a second.
    std::thread::sleep(Duration::from_millis(1_500));
    let audit = back.setup.run(&["audit", "export"]);
    assert!(audit.status.success() && !String::from_utf8_lossy(&audit.stdout).contains("access.denied"), "{audit:?}");
}

/// Has the command line see to a node's certificate, and says what that printed.
fn issued(dir: &Path, name: &str, host: &str) -> ([PathBuf; 3], Value) {
    let [authority, out] = ["authority", name].map(|folder| dir.join(format!("{folder}.tls")));
    let args = ["--authority", authority.to_str().unwrap(), "--out", out.to_str().unwrap(), host];
    let output = Setup::new().run(&[&["tls", "issue", "--json"][..], &args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = serde_json::from_slice(&output.stdout).unwrap();
    (["node.crt", "node.key", "authorities.crt"].map(|file| out.join(file)), said)
}

/// With nobody else's tools: where the authority is first used it is made.
#[test]
fn roles_show_certificates_that_the_command_line_has_issued() {
    let (dir, database) = (tempfile::tempdir().unwrap(), database());
    let start = |name: &str| {
        let (files, said) = issued(dir.path(), name, "127.0.0.1");
        assert_eq!(said["issued"], true, "{said}");
        node(dir.path(), &database, name, &files)
    };
    let back = start("back").roles("auth,catalog,ingest").start();
    let front = before(&back, start("front").env("MEDIA_GATEWAY_ROLES", "gateway,search"));
    front.eventually("/api/v1/platforms", Value::is_object);
    let doctor = front.setup.doctor();
    for good in ["ok   certificate: ", "ok   certificates with catalog: ", "ok   certificates with auth: "] {
        assert!(doctor.contains(good), "{doctor}");
    }
    assert_eq!(issued(dir.path(), "back", "127.0.0.1").1["issued"], false, "it is young");
    assert_eq!(issued(dir.path(), "back", "elsewhere.example").1["issued"], true, "it is for another host");
    let refused = Setup::new().run(&["tls", "issue", "--authority", "a", "--out", "b"]);
    assert_eq!(refused.status.code(), Some(2), "for which host?");
}

/// A certificate that ends at the midnight so many days from now.
fn ends_in(days: i64) -> CertificateParams {
    let day = contracts::Clock::system().now() + jiff::SignedDuration::from_hours(days * 24);
    let day = day.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let [month, day_of_month] = [day.month(), day.day()].map(|part| u8::try_from(part).unwrap());
    params.not_after = rcgen::date_time_ymd(day.year().into(), month, day_of_month);
    params
}

#[test]
fn the_doctor_says_when_a_certificate_has_to_be_renewed() {
    let (dir, ours, other) = (tempfile::tempdir().unwrap(), authority(), authority());
    let doctor = |files: &[PathBuf; 3]| with(Setup::new(), files).doctor();
    assert!(!Setup::new().doctor().contains("certificate: "));
    for (days, said) in [
        (32, "ok   certificate: "),
        (29, "less certificate: it ends within 30 days"),
        (2, "less certificate: it ends within 30 days"),
        (-1, "BAD  certificate: no other role takes it: "),
    ] {
        let told = doctor(&write(dir.path(), &format!("in{days}"), ends_in(days), &ours));
        assert!(told.contains(said), "{days} days: {told}");
        assert_eq!(told.contains("fix: renew it"), days < 30, "{days} days: {told}");
    }
    let mut files = issue(dir.path(), "stranger", &ours);
    files[2] = issue(dir.path(), "other", &other)[2].clone();
    let told = doctor(&files);
    assert!(told.contains("BAD  certificate: no other role takes it: "), "of another authority: {told}");
    assert!(told.contains("fix: have it signed by"), "to renew it would not help: {told}");
}

/// Each has a certificate that is good by its own files; whether it is taken is for the others to say.
#[test]
fn the_doctor_says_which_role_does_not_take_a_certificate() {
    let (dir, database) = (tempfile::tempdir().unwrap(), database());
    let setup = |name: &str, by: &Authority| node(dir.path(), &database, name, &issue(dir.path(), name, by));
    let (ours, other) = (authority(), authority());
    let back = setup("back", &ours).roles("auth,catalog,ingest").start();
    let doctor = |name: &str, by: &Authority, catalog: &str, search: &str| {
        let setup = setup(name, by).env("MEDIA_GATEWAY_ROLES", "gateway,search");
        let setup = setup.env("MEDIA_GATEWAY_PEER_CATALOG", catalog).env("MEDIA_GATEWAY_PEER_SEARCH", search);
        setup.doctor()
    };
    let at = back.url("catalog").replace("http://", "https://");
    let friend = doctor("friend", &ours, &at, "https://127.0.0.1:8081");
    assert!(friend.contains("ok   certificate: ") && friend.contains("ok   certificates with catalog: "), "{friend}");
    let moved = doctor("moved", &ours, &at, "https://search.example:8081");
    assert!(moved.contains("BAD  certificate: no other role takes it: it is not for search.example"), "{moved}");
    let misled = doctor("misled", &ours, &at.replace("127.0.0.1", "localhost"), "https://127.0.0.1:8081");
    assert!(misled.contains("BAD  certificates with catalog: "), "it is not the catalogue's name: {misled}");
    let stranger = doctor("stranger", &other, &at, "https://127.0.0.1:8081");
    assert!(stranger.contains("ok   certificate: "), "by its own files: {stranger}");
    assert!(stranger.contains("BAD  certificates with catalog: "), "{stranger}");
    let alone = doctor("alone", &ours, "https://127.0.0.1:1", "https://127.0.0.1:8081");
    assert!(alone.contains("less certificates with catalog: unknown: nobody answers"), "{alone}");
}

#[test]
fn nothing_goes_over_a_network_in_plain_text() {
    let database = database();
    let setup = |key: &str, value: &str| {
        Setup::new().env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap()).env(key, value)
    };
    let listening = setup("MEDIA_GATEWAY_LISTEN_CATALOG", "0.0.0.0:0");
    one_line(&listening.run(&["serve", "--roles", "catalog"]), 1, "beyond this machine roles speak TLS only");
    let calling = setup("MEDIA_GATEWAY_PEER_CATALOG", "http://192.0.2.1:8086");
    one_line(&calling.run(&["serve", "--roles", "gateway,search"]), 1, "`peers.catalog` is http://192.0.2.1:8086");
    let half = setup("MEDIA_GATEWAY_PEER_KEY_FILE", "/nowhere");
    one_line(&half.run(&["serve", "--roles", "catalog"]), 1, "go together");
}
