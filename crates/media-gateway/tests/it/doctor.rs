//! What `doctor` finds that the next start would stop at, and of the data folder.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use serde_json::{Value, json};

use crate::{app::Setup, fixtures, grpc::block_on};

/// A node on a folder that nobody has made, whose ports nobody takes.
fn fresh() -> Setup {
    Setup::new().env("MEDIA_GATEWAY_LISTEN_GATEWAY", "127.0.0.1:0").env("MEDIA_GATEWAY_LISTEN_METRICS", "127.0.0.1:0")
}

/// The same, over a database of PostgreSQL.
fn over(database: &str) -> Setup {
    fresh().env("MEDIA_GATEWAY_DATABASE_URL", database)
}

#[test]
fn a_database_that_is_elsewhere_is_tried_before_there_is_a_folder() {
    let database = block_on(testkit::postgres_owned());
    let (url, (_, _, password)) = (database.url().unwrap(), database.apart().unwrap());
    let url = url.split('?').next().unwrap();
    let output = over(url).run(&["doctor", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
    let state = |name: &str| checks.as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone();
    assert_eq!((&state("database")["state"], &state("data folder")["state"]), (&json!("good"), &json!("less")));
    let setup = over(&url.replacen(&format!(":{password}@"), ":mistyped@", 1));
    let output = setup.run(&["doctor"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("BAD  database: PostgreSQL on this machine: the database can't be reached"), "{told}");
    assert!(!told.contains("holds no catalogue") && !told.contains("mistyped"), "{told}");
    assert!(!setup.folder().exists(), "who looks for what is wrong makes nothing");
}

#[test]
fn a_file_that_no_start_could_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let key = fixtures::write(dir.path(), "key", b"a-key-of-the-test\n");
    let password = fixtures::write(dir.path(), "password", b"open sesame\n");
    let toml = format!("[sources.tmdb]\nkey_file = {key:?}\nbase_url = \"http://127.0.0.1:9\"\n");
    let setup = fresh()
        .env("MEDIA_GATEWAY_CONFIG", fixtures::write(dir.path(), "media-gateway.toml", toml.as_bytes()))
        .env("MEDIA_GATEWAY_MAIL_SMTP_URL", "smtp://node@127.0.0.1:9")
        .env("MEDIA_GATEWAY_MAIL_SMTP_PASSWORD_FILE", password.as_str())
        .env("MEDIA_GATEWAY_MAIL_FROM", "films@example.net");
    let output = setup.run(&["doctor"]);
    let told = String::from_utf8(output.stdout).unwrap();
    let well = output.status.success() && told.contains("ok   provider tmdb: ") && told.contains("ok   mail: ");
    assert!(well, "{told}");
    let app = setup.start();
    for (file, name) in [(&key, "provider tmdb"), (&password, "mail")] {
        let kept = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        let beside = app.setup.doctor();
        assert!(beside.contains(&format!("less {name}: no node would start with it: ")), "{beside}");
        std::fs::write(file, kept).unwrap();
    }
    let (setup, _) = app.stop();
    for (file, name) in [(&key, "provider tmdb"), (&password, "mail")] {
        let kept = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        let output = setup.run(&["doctor"]);
        let told = String::from_utf8(output.stdout).unwrap();
        let line = told.lines().find(|line| line.starts_with(&format!("BAD  {name}: "))).unwrap_or_default();
        assert!(line.contains(file.as_str()) && line.contains("can't be read"), "{told}");
        assert!(output.status.code() == Some(1) && !told.contains(&format!("ok   {name}: ")), "{told}");
        assert!(!setup.run(&["serve"]).status.success(), "{name}");
        std::fs::write(file, kept).unwrap();
    }
}

#[test]
fn a_folder_that_is_open_to_everybody_is_named_beside_its_node_and_without() {
    let app = fresh().start();
    let folder = app.setup.folder().to_owned();
    let allow = |name: &str, mode| fs::set_permissions(folder.join(name), Permissions::from_mode(mode)).unwrap();
    let beside = app.setup.doctor();
    assert!(beside.contains("ok   disk: ") && !beside.contains("access to the data folder"), "{beside}");
    for (name, mode) in [("", 0o777), ("auth.key", 0o666), ("media-gateway.db", 0o666)] {
        allow(name, mode);
    }
    let open = "less access to the data folder: everybody on this machine can read or change the folder itself, \
        auth.key, media-gateway.db\n";
    let beside = app.setup.doctor();
    assert!(beside.contains(open), "{beside}");
    let (setup, _) = app.stop();
    let said = setup.doctor();
    assert!(said.contains(open) && said.contains(&format!("`chmod -R go= {}`", folder.display())), "{said}");
    allow("", 0o700);
    let said = setup.doctor();
    assert!(!said.contains("access to the data folder"), "{said}");
}
