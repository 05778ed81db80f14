//! The client against a server of the shape that Google publishes: right, slow, broken and lying.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]

use std::time::Duration;

use cloud::{CloudConfig, CloudError, CryptoKey, SecretVersion};
use contracts::Clock;
use jiff::SignedDuration;
use rstest::rstest;
use testkit::{GOOGLE_KEY, Google, OTHER_GOOGLE_KEY, Odd};

const DATA: &[u8] = b"what it is for";
const SECRET: &str = "projects/here/secrets/s";

fn client(server: &Google, clock: &Clock) -> cloud::Google {
    let url = || server.url().to_owned();
    let timeout = Duration::from_secs(2);
    let config = CloudConfig { metadata_url: url(), kms_url: url(), secrets_url: url(), timeout };
    cloud::Google::new(config, clock.clone(), testkit::rng()).unwrap()
}

fn key(name: &str) -> CryptoKey {
    CryptoKey::parse(name).unwrap()
}

fn code(error: &CloudError) -> (u16, &str) {
    match error {
        CloudError::Refused { code, status, .. } => (*code, status.as_str()),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_is_sealed_opens_with_its_key_and_for_what_it_was_sealed_only() {
    let server = Google::start();
    let google = client(&server, &testkit::clock());
    let plain = [0xa5; 32];
    let sealed = google.encrypt(&key(GOOGLE_KEY), DATA, &plain).await.unwrap();
    assert!(!sealed.windows(32).any(|part| part == plain));
    assert_eq!(google.decrypt(&key(GOOGLE_KEY), DATA, &sealed).await.unwrap(), plain);
    let mut touched = sealed.clone();
    touched[20] ^= 1;
    for (name, data, sealed) in
        [(GOOGLE_KEY, &b"another"[..], &sealed), (OTHER_GOOGLE_KEY, DATA, &sealed), (GOOGLE_KEY, DATA, &touched)]
    {
        let error = google.decrypt(&key(name), data, sealed).await.unwrap_err();
        assert_eq!(code(&error), (400, "INVALID_ARGUMENT"));
        assert!(error.to_string().contains("Decryption failed"), "{error}");
    }
    assert_eq!(server.asked().len(), 5, "nothing of it was asked twice: {:?}", server.asked());
    assert_eq!(server.tokens(), 1);
}

#[tokio::test]
async fn a_secret_is_given_by_version_and_the_latest_without() {
    let server = Google::start();
    let google = client(&server, &testkit::clock());
    server.put(SECRET, "the first");
    server.put(SECRET, "the second");
    for (name, value) in [("", "the second"), ("/versions/1", "the first"), ("/versions/latest", "the second")] {
        let version = SecretVersion::parse(&format!("{SECRET}{name}")).unwrap();
        assert_eq!(google.access(&version).await.unwrap(), value.as_bytes(), "{name:?}");
    }
    for (name, wanted) in [
        ("projects/here/secrets/none", (404, "NOT_FOUND")),
        ("projects/here/secrets/s/versions/3", (404, "NOT_FOUND")),
        ("projects/theirs/secrets/s", (403, "PERMISSION_DENIED")),
    ] {
        let error = google.access(&SecretVersion::parse(name).unwrap()).await.unwrap_err();
        assert_eq!(code(&error), wanted, "{name}");
    }
}

#[tokio::test]
async fn a_token_is_kept_until_a_minute_before_its_end_and_no_longer_than_it_is_good() {
    let server = Google::start();
    let clock = testkit::clock();
    let google = client(&server, &clock);
    server.put(SECRET, "s");
    let secret = SecretVersion::parse(SECRET).unwrap();
    for (later, tokens) in [(0, 1), (3_538, 1), (1, 2)] {
        clock.advance(SignedDuration::from_secs(later));
        google.access(&secret).await.unwrap();
        assert_eq!(server.tokens(), tokens, "{later} s later");
    }
    // One that was ended before its time is refused once, and another takes its place.
    server.end_tokens();
    google.access(&secret).await.unwrap();
    assert_eq!(server.tokens(), 3);
    // Something else at that address is not believed, and gets no question.
    server.tokens_are("Somebody", 3_599);
    let (other, asked) = (client(&server, &clock), server.asked().len());
    let error = other.access(&secret).await.unwrap_err();
    assert!(matches!(error, CloudError::Odd { .. }), "{error}");
    assert_eq!(server.asked().len(), asked);
}

#[rstest]
#[case::throttled(Odd::Status(429, Some("0")))]
#[case::unavailable(Odd::Status(503, None))]
#[case::cut(Odd::Cut)]
#[case::slow(Odd::Slow(Duration::from_secs(4)))]
#[case::a_page_of_a_proxy(Odd::Html(502))]
#[case::damaged(Odd::WrongChecksum)]
#[tokio::test]
async fn what_may_pass_is_asked_again_and_not_for_ever(#[case] odd: Odd) {
    let server = Google::start();
    let google = client(&server, &testkit::clock());
    server.put(SECRET, "s");
    let secret = SecretVersion::parse(SECRET).unwrap();
    server.next([odd.clone()]);
    assert_eq!(google.access(&secret).await.unwrap(), b"s");
    assert_eq!(server.asked().len(), 2);
    server.next([odd.clone(), odd.clone(), odd]);
    assert!(google.access(&secret).await.is_err());
    assert_eq!(server.asked().len(), 5);
}

#[rstest]
#[case::a_page(Odd::Html(200))]
#[case::elsewhere(Odd::Elsewhere)]
#[case::endless(Odd::Endless)]
#[case::a_long_pause(Odd::Status(429, Some("3600")))]
#[case::another_key(Odd::OtherKey)]
#[tokio::test]
async fn what_does_not_pass_is_not_asked_again(#[case] odd: Odd) {
    let server = Google::start();
    let google = client(&server, &testkit::clock());
    server.next([odd]);
    let error = google.encrypt(&key(GOOGLE_KEY), DATA, b"plain").await.unwrap_err();
    assert_eq!(server.asked().len(), 1, "{error}");
    assert!(google.encrypt(&key(GOOGLE_KEY), DATA, b"plain").await.is_ok());
}

#[rstest]
#[case(Odd::WrongChecksum)]
#[case(Odd::Unchecked)]
#[tokio::test]
async fn what_was_damaged_on_its_way_is_not_believed(#[case] odd: Odd) {
    let server = Google::start();
    let google = client(&server, &testkit::clock());
    server.next([odd.clone(), odd.clone(), odd.clone()]);
    let error = google.encrypt(&key(GOOGLE_KEY), DATA, b"plain").await.unwrap_err();
    assert_eq!(error, CloudError::Damaged("Cloud KMS"));
    let sealed = google.encrypt(&key(GOOGLE_KEY), DATA, b"plain").await.unwrap();
    server.next([Odd::WrongChecksum, Odd::WrongChecksum, Odd::WrongChecksum]);
    let error = google.decrypt(&key(GOOGLE_KEY), DATA, &sealed).await.unwrap_err();
    assert_eq!(error, CloudError::Damaged("Cloud KMS"));
}

/// The server is as strict as the documents: else what the client sends were never looked at.
#[rstest]
#[case::unknown_field(r#"{"plaintext": "aGk=", "plain": 1}"#)]
#[case::no_base64(r#"{"plaintext": "?hi"}"#)]
#[case::another_checksum(r#"{"plaintext": "aGk=", "plaintextCrc32c": "1"}"#)]
#[case::a_number(r#"{"plaintext": "aGk=", "plaintextCrc32c": 1}"#)]
#[case::no_json("plaintext=aGk=")]
#[tokio::test]
async fn the_server_refuses_what_is_not_documented(#[case] body: &'static str) {
    let server = Google::start();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = format!("{}/computeMetadata/v1/instance/service-accounts/default/token", server.url());
    assert_eq!(http.get(&token).send().await.unwrap().status(), 403, "without the flavour");
    let answer = http.get(&token).header("Metadata-Flavor", "Google").send().await.unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    let ask = || {
        let url = format!("{}/v1/{GOOGLE_KEY}:encrypt", server.url());
        http.post(url).header("content-type", "application/json").body(body)
    };
    assert_eq!(ask().send().await.unwrap().status(), 401);
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(ask().bearer_auth(token).send().await.unwrap().status(), 400);
}
