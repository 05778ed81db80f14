//! A provider is linked to an account from the command line, through the node that runs; its token lies sealed in the database.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use reqwest::Url;
use serde_json::{Value, json};

use crate::{
    app::{App, Setup, one_line},
    elsewhere::{self, Sent},
    fixtures,
};

const TOKEN: &str = "a-token-that-lasts";
const LINK: &str = "/api/v1/internal/ingest/links/youtube";

/// A server of Google's shape that gives a token for whatever code, and writes down what it was sent.
fn google() -> (String, Sent) {
    // Jobs may ask its API meanwhile.
    elsewhere::serve(&["/token", "/revoke"], |_, _| {
        json!({ "access_token": "at", "expires_in": 3600, "refresh_token": TOKEN,
            "scope": "https://www.googleapis.com/auth/youtube.readonly" })
    })
}

fn state(app: &App) -> Value {
    app.send(app.request("GET", LINK).bearer_auth(&app.token)).ok()
}

/// Runs `ingest link youtube` and answers as a browser would, with these parameters and the state. Its output and whether it
/// ended well.
fn link(app: &App, answer: &str) -> (bool, String, String) {
    let mut command = app.setup.command(&["ingest", "link", "youtube"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let asked = loop {
        let mut line = String::new();
        assert!(told.read_line(&mut line).unwrap() > 0, "it shows no address");
        if let Some(url) = line.trim().strip_prefix("http").and_then(|rest| Url::parse(&format!("http{rest}")).ok()) {
            break url;
        }
    };
    let value = |name: &str| asked.query_pairs().find(|pair| pair.0 == name).unwrap().1.into_owned();
    let http = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let back = value("redirect_uri");
    assert_eq!(http.get(format!("{back}/favicon.ico")).send().unwrap().status(), 404);
    let answered = http.get(format!("{back}/?state={}&{answer}", value("state"))).send().unwrap();
    assert_eq!(answered.status(), 200);
    let (mut errors, output) = (String::new(), child.wait_with_output().unwrap());
    told.read_to_string(&mut errors).unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap(), errors)
}

#[test]
fn a_provider_is_linked_and_unlinked_from_the_command_line() {
    let ((base, sent), dir) = (google(), tempfile::tempdir().unwrap());
    let file = |name: &str, text: &str| fixtures::write(dir.path(), name, text.as_bytes());
    let (key, secret) = (file("key", "good"), file("secret", "hush"));
    let config = file(
        "media-gateway.toml",
        &format!(
            "[sources.youtube]\nkey_file = {key:?}\nchannels = [\"UC0123456789abcdefghij_-\"]\nclient_id = \"app\"\n\
             client_secret_file = {secret:?}\nlink_url = {base:?}\nbase_url = {base:?}\n"
        ),
    );
    let app = Setup::new().env("MEDIA_GATEWAY_CONFIG", config).start();
    assert_eq!(state(&app), json!({ "source": "youtube", "linked": false }));
    let (good, _, errors) = link(&app, "error=access_denied");
    assert!(!good && errors.contains("did not allow it (access_denied)"), "{errors}");
    assert!(sent.lock().unwrap().is_empty() && state(&app)["linked"] == false);

    let (good, output, errors) = link(&app, "code=4%2Fok");
    assert!(good && output.contains("youtube is linked"), "{output} {errors}");
    assert_eq!(state(&app)["linked"], true);
    let asked = sent.lock().unwrap().remove(0);
    for part in ["/token ", "grant_type=authorization_code", "code=4%2Fok", "client_secret=hush", "code_verifier="] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    for (file, bytes) in fixtures::files(app.setup.folder()) {
        assert!(!bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()), "its token is sealed: {file:?}");
    }

    let app = app.stop().0.start();
    assert_eq!(state(&app)["linked"], true, "and opened after a start");
    let ended = app.setup.run(&["ingest", "unlink", "youtube"]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let told = sent.lock().unwrap().iter().any(|asked| *asked == format!("/revoke token={TOKEN}"));
    assert!(told && state(&app)["linked"] == false, "{:?}", sent.lock().unwrap());
    one_line(&app.setup.run(&["ingest", "unlink", "youtube"]), 3, "youtube is not linked");
    let log = String::from_utf8(app.setup.run(&["audit", "export"]).stdout).unwrap();
    for action in ["\"source.linked\"", "\"source.unlinked\""] {
        let said: Vec<_> = log.lines().filter(|line| line.contains(action)).collect();
        let told = matches!(said[..], [line] if line.contains("operator") && line.contains("\"youtube\""));
        assert!(told, "{action}: {log}");
    }
    one_line(&app.setup.run(&["ingest", "link", "watchmode"]), 3, "that it could be linked with");
}
