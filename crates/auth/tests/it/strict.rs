//! Strict clients in Node (`oauth4webapi`, `openid-client`), and another provider (`oidc-provider`) asked the same, against
//! the provider on a port: `tests/strict`.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Output,
    sync::Arc,
    time::Duration,
};

use access::{Live, Verifier, VerifierConfig};
use auth::{Auth, AuthConfig, Keeper};
use contracts::{Clock, Rng};
use http_api::{Frame, frame_layer};
use rstest::rstest;
use testkit::TestDb;
use tokio::{net::TcpListener, process::Command};

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The folder of the clients, with what they need.
async fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strict");
    // One at a time: each test may run in a process of its own.
    let lock = std::fs::File::create(folder.join(".installing")).unwrap();
    lock.lock().unwrap();
    if !folder.join("node_modules/oidc-provider").is_dir() {
        let installed = Command::new("npm").args(["ci", "--ignore-scripts"]).current_dir(&folder).output().await;
        let installed = installed.unwrap();
        assert!(installed.status.success(), "npm ci: {}", said(&installed));
    }
    folder
}

/// A provider over this database, on a port of its own.
async fn served(db: TestDb) -> String {
    let (clock, rng) = (Clock::system(), Rng::system());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let expected = VerifierConfig { issuer: issuer.clone(), audience: issuer.clone() };
    let verifier = Arc::new(Verifier::new(expected, clock.clone(), Arc::new(Live::default())));
    let config = AuthConfig::new(&issuer, [7; 32]);
    let auth = Arc::new(Auth::new(db.db(), clock.clone(), rng.clone(), config, Arc::clone(&verifier)));
    auth.seed().await.unwrap();
    tokio::spawn(Keeper::new(Arc::clone(&auth), true).run(stores::events::Head::watch(db.db())));
    let frame = Frame {
        clock,
        rng,
        timeout: Duration::from_secs(30),
        operator_token: Some("operator".into()),
        access: Some(verifier),
        cursor_key: [1; 32],
    };
    let (router, _) = auth::routes(auth).split_for_parts();
    let router = router.layer(frame_layer(Arc::new(frame)));
    tokio::spawn(async move {
        let _kept = db;
        axum::serve(listener, router).await
    });
    issuer
}

/// Runs a script of the folder against a new provider over this database; what it said.
async fn run(script: &str, db: TestDb, more: &[(&str, &OsStr)]) -> String {
    let folder = folder().await;
    let mut node = Command::new("node");
    let node = node.arg(script).current_dir(folder).env("MEDIA_GATEWAY_URL", served(db).await);
    let ran = node.env("MEDIA_GATEWAY_OPERATOR", "operator").envs(more.iter().copied()).output().await.unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    said(&ran)
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn strict_clients_are_content(#[case] engine: &str) {
    let db = if engine == "postgres" { testkit::postgres_owned().await } else { testkit::sqlite().await };
    let said = run("strict.mjs", db, &[]).await;
    for check in ["pushedAndBound", "asAResource", "asAnApplication"] {
        assert!(said.contains(&format!("ok {check}")), "{said}");
    }
}

/// With `MEDIA_GATEWAY_UPDATE=1` the table is written anew.
#[tokio::test(flavor = "multi_thread")]
async fn differences_from_another_provider_have_reasons() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/differences-from-oidc-provider.md");
    let said = run("differential.mjs", testkit::sqlite().await, &[("MEDIA_GATEWAY_TABLE", table.as_os_str())]).await;
    assert!(said.contains("\nok "), "{said}");
}
