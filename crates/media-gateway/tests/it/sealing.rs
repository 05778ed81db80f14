//! The key that everything is sealed under is changed at the command line, with a node and without, and after a kill.

use serde_json::Value;

use crate::{
    app::{App, Setup, one_line},
    cloud::wait,
    grpc::block_on,
    identities::people::{self, ISSUER},
};

const SEALING: &str = "/api/v1/internal/auth/sealing-keys";
const SIGNING: &str = "/api/v1/internal/auth/signing-keys";
/// What `doctor` says where nothing can be opened.
const FOREIGN: &str = "the database is sealed under a secret that is not among those of this node";

fn view(app: &App) -> Value {
    app.send(app.request("GET", SEALING).bearer_auth(&app.token)).ok()
}

/// Refreshes a token: its signing key opens, and its person is there.
fn refreshed(app: &App, reply: &Value) -> Value {
    let token = reply["refresh_token"].as_str().unwrap();
    let body = format!("grant_type=refresh_token&client_id={}&refresh_token={token}", auth::CLI_CLIENT);
    let request = app.request("POST", "/oauth/token").header("content-type", "application/x-www-form-urlencoded");
    app.send(request.body(body)).ok()
}

fn rotate(setup: &Setup) -> String {
    let output = setup.run(&["auth", "keys", "rotate"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn keys_are_rotated_beside_the_node_and_nothing_is_left_under_the_old_one() {
    let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER);
    let reply = people::families(&setup, 1).remove(0);
    let file = setup.folder().join("auth.key");
    let old = std::fs::read(&file).unwrap();
    let app = setup.start();
    let before = view(&app);
    let said = rotate(&app.setup);
    assert!(said.contains(" 0 to go"), "{said}");
    let after = view(&app);
    assert_eq!((&after["pending"], after["held"].as_array().unwrap().len()), (&Value::from(0), 2), "{after}");
    assert_ne!(before["current"], after["current"]);
    let reply = refreshed(&app, &reply);
    let setup = app.kill();
    // Without a node, the same.
    rotate(&setup);
    let held = std::fs::read(&file).unwrap();
    assert_eq!((held.len(), &held[64..]), (96, &old[..]));
    assert!(!setup.doctor().contains("auth.key"), "{}", setup.doctor());
    std::fs::write(&file, &held[..40]).unwrap();
    assert!(setup.doctor().contains("BAD  auth.key: "), "{}", setup.doctor());
    std::fs::write(&file, &held[..32]).unwrap();
    let app = setup.start();
    let last = view(&app);
    assert_eq!((&last["pending"], last["held"].as_array().unwrap().len()), (&Value::from(0), 1), "{last}");
    refreshed(&app, &reply);
    let verdict = app.setup.run(&["audit", "verify"]);
    assert!(String::from_utf8_lossy(&verdict.stdout).contains("unbroken"));
    // Without the secret nothing opens, and the node says so rather than begin anew.
    let (setup, _) = app.stop();
    std::fs::write(&file, &old).unwrap();
    one_line(&setup.run(&["auth", "users", "list"]), 5, "is not among those of this node");
}

#[test]
fn a_secret_that_is_gone_is_asked_for_and_not_made_anew() {
    let setup = Setup::new();
    assert!(setup.run(&["auth", "users", "list"]).status.success(), "a new folder makes its own");
    let file = setup.folder().join("auth.key");
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    for _ in 0..2 {
        one_line(&setup.run(&["auth", "users", "list"]), 5, "put `auth.key` back from the backup");
        assert!(!file.exists(), "a fresh one opens nothing");
    }
    let told = setup.doctor();
    assert!(told.contains("BAD  auth.key: ") && told.contains("put `auth.key` back"), "{told}");
    assert!(!file.exists(), "doctor changes nothing");
    std::fs::write(&file, kept).unwrap();
    assert!(setup.run(&["auth", "users", "list"]).status.success());
    assert!(!setup.doctor().contains("auth.key"), "{}", setup.doctor());
}

#[test]
fn a_secret_that_never_was_here_is_not_missed_unless_something_is_sealed_under_it() {
    let database = block_on(testkit::postgres_owned());
    let [one, two] = [(); 2].map(|()| Setup::new().env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap()));
    let (lacks, fix) = ("sealed under a secret that this node does not have", "give this node the `auth.secret_file`");
    let is_well = |setup: &Setup| {
        let told = setup.doctor();
        let well = told.contains(" database: PostgreSQL") && !told.contains("auth.key") && !told.contains(lacks);
        assert!(well, "{told}");
    };
    for setup in [&one, &two] {
        assert!(setup.run(&["migrate"]).status.success());
        is_well(setup);
    }
    assert!(one.run(&["auth", "users", "list"]).status.success());
    is_well(&one);
    let told = two.doctor();
    assert!(told.contains("BAD  secret: the database is ") && told.contains(lacks) && told.contains(fix), "{told}");
    assert!(one_line(&two.run(&["auth", "users", "list"]), 5, fix).contains(lacks));
    // Where another node has the accounts, this one seals nothing.
    is_well(&two.env("MEDIA_GATEWAY_ROLES", "search"));
}

#[test]
fn an_auth_key_that_sealed_nothing_is_told_of_before_a_start_stops_at_it() {
    let setup = Setup::new();
    assert!(setup.run(&["auth", "users", "list"]).status.success());
    let file = setup.folder().join("auth.key");
    let kept = std::fs::read(&file).unwrap();
    std::fs::write(&file, [7; 32]).unwrap();
    let told = setup.doctor();
    let (bad, fix) = (format!("BAD  auth.key: {FOREIGN}"), "fix: put `auth.key` back from the backup");
    assert!(told.contains(&bad) && told.contains(fix), "{told}");
    one_line(&setup.run(&["auth", "users", "list"]), 5, "is not among those of this node");
    std::fs::write(&file, kept).unwrap();
    assert!(setup.run(&["auth", "users", "list"]).status.success(), "doctor changes nothing");
    assert!(!setup.doctor().contains("auth.key"), "{}", setup.doctor());
}

#[test]
fn a_line_that_sealed_nothing_is_told_of_whichever_file_it_is_in() {
    let (dir, database) = (tempfile::tempdir().unwrap(), block_on(testkit::postgres_owned()));
    let file = dir.path().join("line");
    let say = |letter: &str| std::fs::write(&file, letter.repeat(40)).unwrap();
    for key in ["MEDIA_GATEWAY_PEER_TOKEN_FILE", "MEDIA_GATEWAY_AUTH_SECRET_FILE"] {
        let setup = Setup::new().env("MEDIA_GATEWAY_DATABASE_URL", database.url().unwrap());
        let setup = setup.env(key, file.to_str().unwrap());
        say("o");
        assert!(setup.run(&["auth", "users", "list"]).status.success(), "{key}");
        assert!(!setup.doctor().contains(FOREIGN), "{}", setup.doctor());
        say("n");
        let told = setup.doctor();
        let (bad, fix) = (format!("BAD  secret: {FOREIGN}"), "fix: put the line that it was sealed under back");
        assert!(told.contains(&bad) && told.contains(fix), "{told}");
        one_line(&setup.run(&["auth", "users", "list"]), 5, "is not among those of this node");
        // Where another node has the accounts, this one opens nothing.
        let elsewhere = setup.env("MEDIA_GATEWAY_ROLES", "search").doctor();
        assert!(!elsewhere.contains(FOREIGN), "{elsewhere}");
    }
}

#[test]
fn a_node_whose_line_is_gone_goes_on_with_what_it_has_open_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let [old, new] = ["o", "n"].map(|letter| format!("{}\n", letter.repeat(40)));
    std::fs::write(&file, &old).unwrap();
    let app = Setup::new().env("MEDIA_GATEWAY_PEER_TOKEN_FILE", file.to_str().unwrap()).start();
    let ask = |method: &str, path: &str| app.send(app.request(method, path).bearer_auth(&app.token));
    let before = view(&app)["current"].clone();
    std::fs::write(&file, &new).unwrap();
    wait("the file is read", || ask("GET", SEALING).json["code"] == "sealing_key_missing");
    // All take their keys anew where others sign.
    ask("POST", SIGNING).ok();
    wait("the log says so", || app.log().contains("what is open goes on, but no node would start"));
    let ready = app.get("/readyz");
    let parts = ready.json["components"].as_array().unwrap();
    let verification = parts.iter().find(|part| part["name"] == "verification").unwrap();
    assert_eq!((ready.status, &verification["state"]), (200, &Value::from("ready")), "{verification}");
    let beside = app.setup.doctor();
    let told = format!("less secret: no node would start with it: {FOREIGN}");
    assert!(beside.contains(&told) && !beside.contains("BAD  verification"), "{beside}");

    // What doctor names as the cure is one.
    std::fs::write(&file, format!("{new}{old}")).unwrap();
    wait("the file is read", || ask("GET", SEALING).status == 200);
    assert_eq!(view(&app)["current"], before);
    let said = rotate(&app.setup);
    assert!(said.contains(" 0 to go") && view(&app)["current"] != before, "{said}");
    wait("the log says so", || app.log().contains("what seals can be used again"));
    std::fs::write(&file, &new).unwrap();
    assert!(!app.setup.doctor().contains(FOREIGN), "{}", app.setup.doctor());
    let (setup, _) = app.stop();
    assert!(setup.run(&["auth", "keys", "list"]).status.success());
}

#[test]
fn a_secret_of_the_operators_that_can_not_be_read_is_named() {
    let setup = Setup::new();
    assert!(setup.run(&["migrate"]).status.success());
    let setup = setup.env("MEDIA_GATEWAY_AUTH_SECRET_FILE", "/nowhere/secret");
    let told = setup.doctor();
    assert!(told.contains("BAD  secret: `auth.secret_file`: can't read /nowhere/secret"), "{told}");
}

#[test]
fn where_an_operator_hands_out_the_secret_they_bring_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secrets");
    std::fs::write(&file, "the first secret of this deployment\n").unwrap();
    let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_SECRET_FILE", file.to_str().unwrap());
    let app = setup.start();
    let before = view(&app)["current"].clone();
    let said = rotate(&app.setup);
    assert!(said.contains("before the first line") && view(&app)["current"] == before, "{said}");
    std::fs::write(&file, "the second secret of this deployment\nthe first secret of this deployment\n").unwrap();
    let said = rotate(&app.setup);
    assert!(said.contains(" 0 to go") && view(&app)["current"] != before, "{said}");
    let (setup, _) = app.stop();
    std::fs::write(&file, "the second secret of this deployment").unwrap();
    assert!(setup.run(&["auth", "keys", "list"]).status.success());
}
