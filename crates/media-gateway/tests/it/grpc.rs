//! The same answers through gRPC, on the node's own port.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use contracts::{
    AvailabilityType, Call, Caller, CatalogApi, Clock, ComponentState, Content, ContentType, Credit, CreditRole,
    ErrorKind, ExternalId, IngestAction, Rng, SearchApi, SearchFilters, SearchRequest, SortOrder, SourceOffer,
    SourceRecord, Trace, Vector, VectorQuery,
};
use jiff::Timestamp;
use rpc::{
    AUTH_SERVICE, CATALOG_SERVICE, CatalogClient, ClientConfig, Peer, SEARCH_SERVICE, SearchClient, connect_lazy,
    pb::catalog_service_client::CatalogServiceClient,
};
use serde_json::{Value, json};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{
    app::{App, PATIENCE, Setup},
    fixtures,
    journey::ids,
};

fn peer(app: &App, role: &'static str, token: Option<&str>) -> Peer {
    let config = ClientConfig { peer_token: token.map(Into::into), ..ClientConfig::default() };
    connect_lazy(role, app.url(role), &config, Clock::system(), Rng::system()).unwrap()
}

fn call() -> Call {
    Call::new(Caller::Anonymous, Trace::start(&Rng::system()), &Clock::system(), PATIENCE)
}

/// What a source says of *The Paper Lighthouse*, over its IMDb id.
pub fn record(source: &str, locale: &str, title: &str) -> SourceRecord {
    SourceRecord {
        source: source.to_owned(),
        source_key: "tt9900001".to_owned(),
        content_type: ContentType::Movie,
        title: title.to_owned(),
        original_title: None,
        locale: locale.parse().unwrap(),
        overview: None,
        release_date: None,
        release_year: Some(2019),
        runtime_minutes: None,
        season_count: None,
        seasons: Vec::new(),
        translations: Vec::new(),
        genres: Vec::new(),
        countries: Vec::new(),
        languages: Vec::new(),
        ratings: Vec::new(),
        credits: vec![Credit { name: "Ada Wren".to_owned(), role: CreditRole::Director }],
        external_ids: vec![ExternalId { id_type: "imdb".to_owned(), id_value: "tt9900001".to_owned() }],
        images: Vec::new(),
        offers: Vec::new(),
        rating: None,
    }
}

fn sample_offer() -> SourceOffer {
    SourceOffer {
        platform: "tubi".to_owned(),
        region: "US".parse().unwrap(),
        availability_type: AvailabilityType::Ads,
        quality: None,
        price: None,
        deep_link: None,
        web_url: "https://tubitv.com/".to_owned(),
        available_from: None,
        expires_at: None,
        checked_at: "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap(),
        confidence: 0.5,
    }
}

/// Runs `work` where there is no runtime yet.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work)
}

#[test]
fn a_title_and_a_search_are_those_of_http() {
    let app = fixtures::loaded(Setup::new());
    let over_http = app.get("/api/v1/search?q=salt+and+thunder&platform=netflix&region=US").ok();
    let id = ids(&over_http)[0].parse().unwrap();
    block_on(async {
        let catalog = CatalogClient::new(peer(&app, "catalog", None));
        let title = catalog.titles(&call(), &[id]).await.unwrap().pop().unwrap();
        let same = app_title(&app, &id.to_string());
        assert_eq!(serde_json::to_value(&title).unwrap(), same);
        // By themselves, as a stranger's client asks for one.
        let channel = tonic::transport::Endpoint::from_shared(app.url("catalog").to_owned()).unwrap().connect_lazy();
        let one = rpc::pb::GetContentRequest { content_id: id.to_string() };
        let one = CatalogServiceClient::new(channel).get_content(one).await.unwrap().into_inner().content;
        assert_eq!(one.map(|one| Content::try_from(one).unwrap()).as_ref(), Some(&title));
        let imdb = ExternalId { id_type: "imdb".to_owned(), id_value: "tt9900002".to_owned() };
        assert_eq!(catalog.resolve(&call(), &imdb).await.unwrap(), Some(title));
        let directory = catalog.directory(&call()).await.unwrap();
        assert_eq!(directory.platforms.len(), 4);

        let request = SearchRequest {
            query: "salt and thunder".to_owned(),
            filters: SearchFilters { platforms: vec!["netflix".to_owned()], ..SearchFilters::default() },
            region: Some("US".parse().unwrap()),
            ..SearchRequest::default()
        };
        let search = SearchClient::new(peer(&app, "search", None));
        let answer = serde_json::to_value(search.search(&call(), &request).await.unwrap()).unwrap();
        for field in ["results", "total_count", "query_parsed", "page", "page_size", "degraded"] {
            assert_eq!(answer[field], over_http[field], "{field}");
        }
        let bad = SearchRequest { page: 0, ..request };
        assert_eq!(search.search(&call(), &bad).await.unwrap_err().code, "bad_page");
        let near = search.graph_search(&call(), &[id], &SearchFilters::default(), None, 10).await.unwrap();
        assert!(!near.is_empty() && near.iter().all(|hit| hit.content_id != id), "someone else has Kit Rowe too");
    });
}

/// What a search for these words comes to.
pub fn asks(app: &App, words: &str) -> contracts::Result<contracts::SearchResponse> {
    let request = SearchRequest { query: words.to_owned(), ..SearchRequest::default() };
    block_on(async { SearchClient::new(peer(app, "search", None)).search(&call(), &request).await })
}

/// Every order, of everything and of what a query names, is that of HTTP.
pub fn sorts_as_http_does(app: &App) {
    let all = SortOrder::ALL.iter().flat_map(|&sort| [(sort, ""), (sort, "films by ada wren")]);
    for (sort, query) in all {
        let over_http = app.post("/api/v1/search", &json!({ "query": query, "sort": sort })).ok();
        let request = SearchRequest { query: query.to_owned(), sort, ..SearchRequest::default() };
        let answer = block_on(async {
            let search = SearchClient::new(peer(app, "search", None));
            search.search(&call(), &request).await.unwrap()
        });
        let listed: Vec<_> = answer.results.iter().map(|hit| hit.content.id.to_string()).collect();
        assert_eq!(listed, ids(&over_http), "{} of {query:?}", sort.as_str());
        assert!(listed.len() >= 4, "{query:?}: {listed:?}");
    }
}

/// What is trending is that of HTTP: as much of it as is asked for, and in a region what is offered there.
pub fn trends_as_http_does(app: &App) {
    for (region, limit) in [(None, 20_usize), (None, 2), (Some("US"), 20), (Some("AQ"), 20)] {
        let there = region.map_or_else(String::new, |region| format!("&region={region}"));
        let over_http = app.get(&format!("/api/v1/search/trending?limit={limit}{there}")).ok();
        let titles = block_on(async {
            let search = SearchClient::new(peer(app, "search", None));
            search.trending(&call(), region.and_then(|code| code.parse().ok()), limit).await.unwrap()
        });
        assert_eq!(serde_json::to_value(&titles).unwrap(), over_http["results"], "{limit} in {region:?}");
        assert_eq!(titles.len(), if region == Some("AQ") { 0 } else { limit.min(3) }, "{limit} in {region:?}");
    }
}

/// Each of the vectors that the node keeps of its `titles` leads to all of them, the one that it is of first.
pub fn finds_by_vectors(app: &App, vectors: &[Vector], titles: usize) {
    block_on(async {
        let search = SearchClient::new(peer(app, "search", None));
        let ask = async |embedding: Vector, genre: Option<&str>, limit: usize| {
            let genres = genre.into_iter().map(str::to_owned).collect();
            let filters = SearchFilters { genres, ..SearchFilters::default() };
            search.vector_search(&call(), &VectorQuery { embedding, filters, region: None, limit }).await
        };
        let mut first = HashSet::new();
        for vector in vectors {
            let found = ask(vector.clone(), None, 100).await.unwrap();
            assert!(found.len() == titles && found.is_sorted_by(|a, b| a.score >= b.score), "{found:?}");
            assert!(found[0].score > 0.999 && found[titles - 1].score < 0.999, "{found:?}");
            first.insert(found[0].content_id);
        }
        assert_eq!(first.len(), titles, "no two titles have one text");
        let few = ask(vectors[0].clone(), Some("science_fiction"), 100).await.unwrap();
        assert!((1..titles).contains(&few.len()), "{few:?}");
        assert_eq!(ask(vectors[0].clone(), None, 2).await.unwrap().len(), 2);
        assert_eq!(ask(vectors[0][1..].to_vec(), None, 2).await.unwrap_err().kind, ErrorKind::InvalidArgument);
    });
}

/// A title over HTTP, asked on a thread of its own: the blocking client may not run inside a runtime.
fn app_title(app: &App, id: &str) -> Value {
    std::thread::scope(|scope| scope.spawn(|| app.get(&format!("/api/v1/content/{id}")).ok()).join().unwrap())
}

/// Waits until the service is in this state.
async fn until(peer: &Peer, service: &str, state: ComponentState) {
    let since = Instant::now();
    while peer.health(service, PATIENCE).await.state != state {
        assert!(since.elapsed() < PATIENCE, "{service} is never {state:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn health_and_reflection_answer() {
    let app = App::start();
    block_on(async {
        for (role, service) in
            [("catalog", ""), ("auth", AUTH_SERVICE), ("catalog", CATALOG_SERVICE), ("search", SEARCH_SERVICE)]
        {
            until(&peer(&app, role, None), service, ComponentState::Ready).await;
        }
        let nobody = peer(&app, "catalog", None).health("media_gateway.v1.Nobody", PATIENCE).await;
        assert_ne!(nobody.state, ComponentState::Ready);

        let channel = tonic::transport::Endpoint::from_shared(app.url("gateway").to_owned()).unwrap().connect_lazy();
        let ask = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut client = ServerReflectionClient::new(channel);
        let mut answers = client.server_reflection_info(tokio_stream::once(ask)).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
        let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
        for name in [AUTH_SERVICE, CATALOG_SERVICE, SEARCH_SERVICE, "grpc.health.v1.Health"] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
    });
}

#[test]
fn a_node_that_drains_says_so_while_it_still_answers() {
    let app = Setup::new().env("MEDIA_GATEWAY_DRAIN_PAUSE_MS", "60000").start();
    block_on(async {
        let peers = [(peer(&app, "catalog", None), CATALOG_SERVICE), (peer(&app, "search", None), SEARCH_SERVICE)];
        for (peer, service) in &peers {
            until(peer, service, ComponentState::Ready).await;
        }
        app.signal("TERM");
        for (peer, service) in &peers {
            // It answers "NOT_SERVING": one that had stopped would be down.
            until(peer, service, ComponentState::Starting).await;
        }
    });
    assert_eq!(app.get("/readyz").status, 503);
    app.kill();
}

#[test]
fn only_the_operator_writes() {
    let app = App::start();
    block_on(async {
        // Whose token is not taken may be a role of another deployment, and holds it against nobody whom it calls for.
        for (token, kind) in [(None, ErrorKind::Unauthenticated), (Some("0".repeat(64)), ErrorKind::Unavailable)] {
            let catalog = CatalogClient::new(peer(&app, "catalog", token.as_deref()));
            let refused =
                catalog.ingest(&call(), &[record("netflix", "en", "The Paper Lighthouse")]).await.unwrap_err();
            assert_eq!(refused.kind, kind, "{refused}");
        }
    });
    assert_eq!(app.get("/api/v1/content/movies").ok()["items"], json!([]));
}

#[test]
fn what_became_of_each_record_is_told_with_how_sure_it_is() {
    let app = App::start();
    block_on(async {
        let catalog = CatalogClient::new(peer(&app, "catalog", Some(&app.token)));
        let send = async |record: SourceRecord| catalog.ingest(&call(), &[record]).await.unwrap().remove(0);
        // Without the id, so that the name, the year and the director have to do.
        let named =
            |source: &str| SourceRecord { external_ids: vec![], ..record(source, "en", "The Paper Lighthouse") };
        let longer = SourceRecord { runtime_minutes: Some(101), ..named("netflix") };
        let other = SourceRecord { title: "Salt Roads".to_owned(), credits: vec![], ..named("disney_plus") };
        let first = send(named("netflix")).await;
        assert_eq!((first.action, first.entity_confidence), (IngestAction::Created, 1.0));
        for (record, action, sure) in [
            (named("netflix"), IngestAction::Unchanged, 1.0),
            (longer, IngestAction::Updated, 1.0),
            (named("hulu"), IngestAction::Merged, 0.98),
            (named("hulu"), IngestAction::Unchanged, 0.98),
            (other, IngestAction::Created, 1.0),
        ] {
            let source = record.source.clone();
            let outcome = send(record).await;
            assert_eq!((outcome.action, outcome.entity_confidence), (action, sure), "{source}: {}", outcome.evidence);
            let joins = action != IngestAction::Created;
            assert_eq!(outcome.content_id == first.content_id, joins, "{source}: {}", outcome.evidence);
        }
    });
    assert_eq!(app.get("/api/v1/content/movies").ok()["items"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_an_operator_writes_is_in_the_audit_log_and_what_a_run_writes_is_not() {
    let app = fixtures::loaded(Setup::new());
    block_on(async {
        let catalog = CatalogClient::new(peer(&app, "catalog", Some(&app.token)));
        let told = [SourceRecord { offers: vec![sample_offer()], ..record("sample", "en", "The Paper Lighthouse") }];
        catalog.ingest(&call(), &told).await.unwrap();
        let again = catalog.ingest(&call(), &told).await.unwrap();
        assert_eq!(again[0].action, IngestAction::Unchanged);
        let summer = "2026-06-01T00:00:00Z".parse::<Timestamp>().unwrap();
        assert_eq!(catalog.withdraw(&call(), &["sample".to_owned()], summer).await.unwrap(), 1);
    });
    let log = String::from_utf8(app.setup.run(&["audit", "export"]).stdout).unwrap();
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let written = |entry: &&Value| entry["action"] == "records.ingested" || entry["action"] == "offers.withdrawn";
    let told = |entry: &Value| ["action", "actor", "target"].map(|field| entry[field].as_str().unwrap().to_owned());
    let written: Vec<_> = entries.iter().filter(written).map(told).collect();
    assert_eq!(written, [["records.ingested", "operator", "sample"], ["offers.withdrawn", "operator", "sample"]]);
    assert!(entries.iter().any(|entry| entry["action"] == "ingest.started"), "the films came by runs: {log}");
}

#[test]
fn languages_and_samples_are_told_everywhere() {
    let app = fixtures::loaded(Setup::new());
    block_on(async {
        let catalog = CatalogClient::new(peer(&app, "catalog", Some(&app.token)));
        let records = [
            record("wikidata_labels", "de", "Der Leuchtturm aus Papier"),
            SourceRecord { offers: vec![sample_offer()], ..record("sample", "en", "The Paper Lighthouse") },
        ];
        let outcomes = catalog.ingest(&call(), &records).await.unwrap();
        for outcome in outcomes {
            assert_eq!(outcome.action, IngestAction::Merged);
            assert!(outcome.evidence.contains("tt9900001"), "{}", outcome.evidence);
        }
    });
    // The German title is found, and told to those who read German only.
    let found = app.eventually("/api/v1/search?q=leuchtturm+papier", |found| found["total_count"] == 1);
    let id = ids(&found)[0].to_owned();
    let path = format!("/api/v1/content/{id}");
    for (language, locale, title) in [
        ("de-AT, en;q=0.5", "de", "Der Leuchtturm aus Papier"),
        ("en", "en", "The Paper Lighthouse"),
        ("ja", "en", "The Paper Lighthouse"),
    ] {
        let content = app.send(app.request("GET", &path).header("accept-language", language)).ok();
        assert_eq!((&content["locale"], &content["title"]), (&json!(locale), &json!(title)), "{language}");
    }
    let search = app.request("GET", "/api/v1/search?q=paper+lighthouse").header("accept-language", "de");
    assert_eq!(app.send(search).ok()["results"][0]["content"]["title"], "Der Leuchtturm aus Papier");

    let offers = app.get(&format!("{path}/availability?region=US")).ok()["offers"].clone();
    let sources: Vec<_> =
        offers.as_array().unwrap().iter().map(|o| (o["platform"].as_str(), o["source"].as_str())).collect();
    assert_eq!(sources, [(Some("netflix"), Some("netflix")), (Some("tubi"), Some("sample"))]);
    let shown = app.setup.run(&["search", "paper", "lighthouse"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("tubi (sample)") && !shown.contains("netflix (sample)"), "{shown}");
}
