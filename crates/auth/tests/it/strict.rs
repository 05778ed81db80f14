//! Strict clients in Node (`oauth4webapi`, `openid-client`) against the provider on a port: `tests/strict`.

use std::{path::Path, process::Output, sync::Arc, time::Duration};

use access::{Live, Verifier, VerifierConfig};
use auth::{Auth, AuthConfig, Keeper};
use contracts::{Clock, Rng};
use http_api::{Frame, frame_layer};
use tokio::{net::TcpListener, process::Command};

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_clients_are_content() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strict");
    if !folder.join("node_modules/oauth4webapi").is_dir() {
        let installed =
            Command::new("npm").args(["ci", "--ignore-scripts"]).current_dir(&folder).output().await.unwrap();
        assert!(installed.status.success(), "npm ci: {}", said(&installed));
    }
    let (db, clock, rng) = (testkit::sqlite().await, Clock::system(), Rng::system());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let expected = VerifierConfig { issuer: issuer.clone(), audience: issuer.clone() };
    let verifier = Arc::new(Verifier::new(expected, clock.clone(), Arc::new(Live::default())));
    let config = AuthConfig::new(&issuer, [7; 32]);
    let auth = Arc::new(Auth::new(db.db(), clock.clone(), rng.clone(), config, Arc::clone(&verifier)));
    auth.seed().await.unwrap();
    tokio::spawn(Keeper::new(Arc::clone(&auth), true).run());
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
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut node = Command::new("node");
    let node = node.arg("strict.mjs").current_dir(&folder).env("MEDIA_GATEWAY_URL", &issuer);
    let ran = node.env("MEDIA_GATEWAY_OPERATOR", "operator").output().await.unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    for check in ["pushedAndBound", "asAResource", "asAnApplication"] {
        assert!(said(&ran).contains(&format!("ok {check}")), "{}", said(&ran));
    }
}
