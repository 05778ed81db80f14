//! What `doctor` finds that the next start would stop at.

use serde_json::{Value, json};

use crate::{app::Setup, grpc::block_on};

/// A node on a folder that nobody has made, over a database of PostgreSQL.
fn over(database: &str) -> Setup {
    Setup::new()
        .env("MEDIA_GATEWAY_LISTEN_GATEWAY", "127.0.0.1:0")
        .env("MEDIA_GATEWAY_LISTEN_METRICS", "127.0.0.1:0")
        .env("MEDIA_GATEWAY_DATABASE_URL", database)
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
