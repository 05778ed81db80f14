//! The real services, called directly and through gRPC: one suite over both.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up should stop")]

mod vectors;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use access::{Live, Verifier, VerifierConfig};
use auth::{Auth, AuthConfig, NewClient, NewUser};
use catalog::Catalog;
use contracts::{
    AuthApi, Call, CatalogApi, Clock, ContentType, ErrorKind, Exclusions, FacetField, ParsedIntent, Role, SearchApi,
    SearchFilters, SearchRequest, SearchResponse, YearRange,
};
use rpc::{
    AuthClient, CatalogClient, ClientConfig, SearchClient, Services,
    suites::{self, Loopback, auth::Known},
};
use search::{Search, SearchConfig};
use testkit::TestDb;
use tokio_util::sync::CancellationToken;

/// How long workers may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time at which the records of the suite are taken in.
fn clock() -> Clock {
    testkit::clock()
}

async fn catalogue() -> (TestDb, Arc<dyn CatalogApi>) {
    let db = testkit::sqlite().await;
    let catalog = Catalog::new(db.db(), testkit::cache(), clock(), testkit::rng());
    (db, Arc::new(catalog))
}

async fn far(near: &Arc<dyn CatalogApi>) -> (Loopback, Arc<dyn CatalogApi>) {
    let services = Services { catalog: Some(near.clone()), ..Services::default() };
    let loopback = Loopback::serve(services, clock(), testkit::rng()).await;
    let client = CatalogClient::new(loopback.peer("catalog"));
    (loopback, Arc::new(client))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_keeps_its_contract() {
    let (_db, near) = catalogue().await;
    suites::catalog::suite(near, &clock()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_keeps_its_contract_through_grpc() {
    let (_db, near) = catalogue().await;
    let (_loopback, far) = far(&near).await;
    suites::catalog::suite(far.clone(), &clock()).await;
    suites::catalog::agree(&*near, &*far, &clock()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_keeps_its_contract_with_grpc_on_both_sides() {
    let (db, near) = catalogue().await;
    let (_catalog, far) = far(&near).await;
    let films =
        [suites::film(1, "The Quiet Harbour"), suites::film(2, "Glass Meridian"), suites::film(3, "Harbour Lights")];
    far.ingest(&suites::system(&clock()), &films).await.unwrap();

    // Search asks the catalogue of another process, and is asked by one.
    let folder = tempfile::tempdir().unwrap();
    let (cache, config) = (testkit::cache(), SearchConfig::default());
    let search = Search::open(folder.path(), db.db(), far, None, None, cache, clock(), testkit::rng(), config).unwrap();
    let search = Arc::new(search);
    let follow = || {
        let (search, head, stop) = (search.clone(), db.head(), CancellationToken::new());
        let stopped = stop.clone();
        (tokio::spawn(async move { search.follow(head, stopped).await }), stop)
    };
    let (follower, stop) = follow();
    search.wait_until_caught_up(PATIENCE).await.unwrap();
    // What is searched for is written when the workers stop, and ranked when they begin.
    for origin in 1..=5 {
        let call = Call { origin: Some(origin), ..testkit::call() };
        search.search(&call, &suites::search::request("the quiet harbour")).await.unwrap();
    }
    stop.cancel();
    follower.await.unwrap();
    let (follower, stop) = follow();
    let since = Instant::now();
    while search.trending(&testkit::call(), None, 1).await.unwrap().is_empty() {
        assert!(since.elapsed() < PATIENCE, "what five searched for is not shown");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let services = Services { search: Some(search.clone()), ..Services::default() };
    let loopback = Loopback::serve(services, clock(), testkit::rng()).await;
    let client = SearchClient::new(loopback.peer("search"));
    for api in [&*search as &dyn SearchApi, &client] {
        suites::search::suite(api, "harbour", &clock()).await;
    }
    suites::search::agree(&*search, &client, &["harbour", "glass meridian", ""], &clock()).await;
    for request in asked_in_full() {
        // What is kept is read from text, and may differ in the last digit: so that both are, it is asked once before.
        answered(&*search, &request).await;
        let (near, far) = (answered(&*search, &request).await, answered(&client, &request).await);
        assert_eq!(far, near, "both sides of the wire");
        let titles: Vec<&str> = near.results.iter().map(|result| result.content.title.as_str()).collect();
        assert_eq!((titles[0], titles.contains(&"Harbour Lights")), ("The Quiet Harbour", false), "{titles:?}");
        assert_eq!((near.facets.len(), near.fitting_count), (FacetField::ALL.len(), Some(1)), "{near:?}");
    }
    stop.cancel();
    follower.await.unwrap();
}

/// A search that is narrowed by every filter there is, and one that brings its intent along; both count every facet.
fn asked_in_full() -> [SearchRequest; 2] {
    let facets = FacetField::ALL.to_vec();
    let filters = SearchFilters {
        genres: vec!["drama".to_owned()],
        content_types: vec![ContentType::Movie],
        year_range: Some(YearRange { from: Some(1900), to: Some(1902) }),
        platforms: vec!["netflix".to_owned()],
        people: vec!["person 1".to_owned()],
        languages: vec!["en".to_owned()],
        min_rating: Some(7.5),
        max_rating: Some(10.0),
        max_runtime_minutes: Some(90),
    };
    let exclude = Exclusions { people: vec!["Person 3".to_owned()], ..Exclusions::default() };
    let intent = ParsedIntent { text: "harbour".to_owned(), exclude, ..ParsedIntent::default() };
    let region = "USA".parse().ok();
    [
        SearchRequest { filters, region, facets: facets.clone(), ..suites::search::request("harbour") },
        SearchRequest { intent: Some(intent), facets, ..SearchRequest::default() },
    ]
}

/// The answer without the time it took.
async fn answered(api: &dyn SearchApi, request: &SearchRequest) -> SearchResponse {
    let found = api.search(&suites::system(&clock()), request).await.unwrap();
    SearchResponse { search_time_ms: 0.0, ..found }
}

async fn accounts() -> (TestDb, Arc<Auth>, Known) {
    let (db, issuer) = (testkit::sqlite().await, "https://media.example");
    let expected = VerifierConfig { issuer: issuer.into(), audience: issuer.into() };
    let verifier = Arc::new(Verifier::new(expected, clock(), Arc::new(Live::default())));
    let auth = Arc::new(Auth::new(db.db(), clock(), testkit::rng(), AuthConfig::new(issuer, [7; 32]), verifier));
    auth.seed().await.unwrap();
    let operator = testkit::operator_call();
    let (email, password) = ("ada@example.org".to_owned(), "correct horse battery".to_owned());
    let user = auth.create_user(&operator, &NewUser { email, password, role: Role::BasicUser }).await.unwrap().id;
    let new = NewClient {
        name: "Robot".to_owned(),
        redirect_uris: Vec::new(),
        grant_types: vec!["client_credentials".to_owned()],
        scopes: "read:content".parse().unwrap(),
        confidential: true,
        dpop_bound: false,
        role: Some(Role::ServiceAccount),
    };
    let service = auth.create_client(&operator, &new).await.unwrap().id;
    let new = serde_json::from_str(r#"{"name":"robot","scopes":"read:content"}"#).unwrap();
    let key = auth.create_service_key(&operator, &service, &new).await.unwrap().key;
    (db, auth, Known { user, service, key })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_keep_their_contract_near_and_through_grpc() {
    let (_db, auth, known) = accounts().await;
    suites::auth::suite(&*auth, &known, &clock()).await;
    let services = Services { auth: Some(auth.clone()), ..Services::default() };
    let loopback = Loopback::serve(services, clock(), testkit::rng()).await;
    let far = AuthClient::new(loopback.peer("auth"));
    suites::auth::suite(&far, &known, &clock()).await;
    let call = suites::system(&clock());
    let near = auth.validate_token(&call, &known.key).await.unwrap();
    assert_eq!(far.validate_token(&call, &known.key).await.unwrap(), near);
    // Who shows no peer token is nobody, whatever they say.
    let stranger = AuthClient::new(loopback.peer_with("auth", ClientConfig::default()));
    let refused = stranger.validate_token(&call, &known.key).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unauthenticated);
    let refused = stranger.create_session(&call, known.user, "a telly").await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unauthenticated);
}
