//! A person is an id everywhere: what tells who they are, and what opens their account, is in no column and in no file of
//! the database but sealed or as a digest.

use axum::http::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};
use stores::{Rows, args};

use crate::{
    admin::own_token,
    authenticator::Authenticator,
    factors,
    mail::postman,
    privacy::on_disk,
    providers::{self, link},
    world::{Browser, PASSWORD, World, claims, hidden},
};

const ADA: &str = "ada@example.org";
const AGENT: &str = "OrlopSextant/7.3";
const KEY_NAME: &str = "the shed at Quincewharf";
/// Nobody's: what is in the clear is found.
const ORG: &str = "Analytical Engines";

/// Each column of the schema, whoever made its table.
async fn columns(world: &World, engine: &str) -> Vec<(String, String)> {
    let sql = match engine {
        "sqlite" => {
            "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        }
        _ => {
            "SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT) FROM information_schema.columns c
             JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
             WHERE t.table_type = 'BASE TABLE' AND c.table_schema = current_schema()"
        }
    };
    world.db.fetch_all(sql, args![]).await.unwrap()
}

/// What every cell of the database holds: text as it is or in hexadecimal, and bytes in hexadecimal.
async fn cells(world: &World, engine: &str) -> Vec<(String, String)> {
    let columns = columns(world, engine).await;
    let (mut all, mut tx) = (Vec::new(), world.db.begin().await.unwrap());
    tx.sees(Rows::All).await.unwrap();
    for (table, column) in columns {
        let shown = match engine {
            "sqlite" => format!("hex(\"{column}\")"),
            _ => format!("CAST(\"{column}\" AS TEXT)"),
        };
        let sql = format!("SELECT {shown} FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
        let found: Vec<String> = tx.fetch_all(sql, args![]).await.unwrap();
        all.extend(found.into_iter().map(|cell| (format!("{table}.{column}"), cell)));
    }
    all
}

/// Where a word is in the clear.
fn holding<'a>(cells: &'a [(String, String)], word: &[u8]) -> Vec<&'a str> {
    let hex: String = word.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = std::str::from_utf8(word).ok();
    let holds = |cell: &str| text.is_some_and(|text| cell.contains(text)) || cell.to_ascii_lowercase().contains(&hex);
    cells.iter().filter(|(_, cell)| holds(cell)).map(|(place, _)| place.as_str()).collect()
}

/// A browser that says what it is signs in.
async fn sign_in(world: &World) -> String {
    let mut browser = Browser::new(world);
    let form = hidden(&browser.get("/login").await.text, "form_token");
    let fields = [("form_token", form.as_str()), ("email", ADA), ("password", PASSWORD)];
    let entered = browser.post("/login", &fields, &[("user-agent", AGENT)]).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text);
    browser.cookies["__Host-mg_session"].clone()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn what_tells_who_somebody_is_stands_nowhere_in_the_clear(#[case] engine: &str) {
    let ((world, elsewhere), outbox) = (providers::settled(engine).await, tempfile::tempdir().unwrap());
    let mut ada = Browser::signed_up(&world, ADA).await;
    postman(&world, outbox.path()).step().await.unwrap();
    let session = sign_in(&world).await;
    let (client, _) = world.client(false, false).await;
    let tokens = ada.tokens(&client, "openid email read:content").await;
    let token = own_token(&world, &mut ada).await;
    let new = json!({ "name": KEY_NAME, "scopes": "read:content" });
    let key = world.json_as("POST", "/api/v1/auth/keys", &token, &new).await.ok();
    let (authenticator, backups) = factors::add(&mut ada).await;
    assert_eq!(Authenticator::new().add(&mut ada).await.status, StatusCode::SEE_OTHER);
    assert_eq!(link(&mut ada, &elsewhere, "google").await.status, StatusCode::SEE_OTHER);
    world.auth.create_org(&testkit::operator_call(), ORG).await.unwrap();
    let export = world.get_as("/api/v1/gdpr/data-export", &token).await.ok().to_string();
    for known in [ADA, AGENT, KEY_NAME, "A passkey"] {
        assert!(export.contains(known), "{known} is kept: {export}");
    }

    let told = [ADA, AGENT, KEY_NAME, "A passkey", PASSWORD, session.as_str(), authenticator.as_str()];
    let mut words: Vec<Vec<u8>> = told.iter().map(|word| word.as_bytes().to_vec()).collect();
    words.push(factors::bytes(&authenticator));
    words.extend(backups.into_iter().map(String::into_bytes));
    let secrets = [&tokens["access_token"], &tokens["refresh_token"], &key["key"]];
    words.extend(secrets.into_iter().filter_map(Value::as_str).map(|secret| secret.as_bytes().to_vec()));
    let cells = cells(&world, engine).await;
    for word in words {
        let (found, shown) = (holding(&cells, &word), String::from_utf8_lossy(&word));
        assert!(found.is_empty(), "{shown:?} is in {found:?}");
        assert!(!on_disk(&world, &word), "{shown:?} is in a file");
    }
    // Else nothing would be found whatever was there.
    let named = holding(&cells, ORG.as_bytes());
    assert!(named.iter().any(|place| place.starts_with("auth_orgs")), "{named:?}");
    assert!(engine != "sqlite" || on_disk(&world, ORG.as_bytes()));
    let person: uuid::Uuid = claims(&token)["sub"].as_str().unwrap().parse().unwrap();
    let owned = match engine {
        "sqlite" => holding(&cells, person.as_bytes()),
        _ => holding(&cells, person.to_string().as_bytes()),
    };
    assert!(owned.contains(&"auth_users.id") && owned.contains(&"auth_passkeys.user_id"), "{owned:?}");
}
