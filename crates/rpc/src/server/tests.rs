//! The server and the client over a real connection: what the transport adds, whatever the service behind it.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use async_trait::async_trait;
use contracts::*;
use jiff::Timestamp;

use super::*;
use crate::{
    CatalogClient, ClientConfig, SearchClient, connect_lazy,
    pb::catalog_service_client::CatalogServiceClient,
    suites::{Loopback, film, late, system},
};

mod away;
mod vouched;

/// A service that answers what a test tells it to: what is tested here is the way there and back.
#[derive(Default)]
struct Told {
    error: Option<ApiError>,
    delay: Duration,
    calls: AtomicU64,
    seen: std::sync::Mutex<Option<Call>>,
}

impl Told {
    async fn answer<T>(&self, call: &Call, value: T) -> contracts::Result<T> {
        self.calls.fetch_add(1, SeqCst);
        *self.seen.lock().unwrap() = Some(call.clone());
        tokio::time::sleep(self.delay).await;
        self.error.clone().map_or(Ok(value), Err)
    }
}

#[async_trait]
impl CatalogApi for Told {
    async fn titles(&self, call: &Call, _: &[ContentId]) -> contracts::Result<Vec<Content>> {
        self.answer(call, Vec::new()).await
    }

    async fn resolve(&self, call: &Call, _: &ExternalId) -> contracts::Result<Option<Content>> {
        self.answer(call, None).await
    }

    async fn list(&self, call: &Call, _: &ListQuery) -> contracts::Result<Vec<Content>> {
        self.answer(call, Vec::new()).await
    }

    async fn directory(&self, call: &Call) -> contracts::Result<Directory> {
        self.answer(call, Directory::default()).await
    }

    async fn seasons(&self, call: &Call, _: ContentId) -> contracts::Result<Vec<contracts::Season>> {
        self.answer(call, Vec::new()).await
    }

    async fn ingest(&self, call: &Call, records: &[SourceRecord]) -> contracts::Result<Vec<IngestOutcome>> {
        let content_id = ContentId(uuid::Uuid::from_u128(1));
        let outcome = |record: &SourceRecord| IngestOutcome {
            content_id,
            action: IngestAction::Created,
            entity_confidence: 1.0,
            evidence: record.title.clone(),
        };
        self.answer(call, records.iter().map(outcome).collect()).await
    }

    async fn withdraw(&self, call: &Call, sources: &[String], _: jiff::Timestamp) -> contracts::Result<u64> {
        self.answer(call, sources.len() as u64).await
    }
}

/// A search whose answers hold all that it was asked.
struct Echo;

impl Echo {
    fn scored(id: ContentId, asked: impl std::fmt::Debug) -> Scored {
        let hash = format!("{asked:?}").bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte));
        Scored { content_id: id, score: hash.into() }
    }
}

#[async_trait]
impl SearchApi for Echo {
    async fn search(&self, _: &Call, request: &SearchRequest) -> contracts::Result<SearchResponse> {
        Ok(SearchResponse {
            results: Vec::new(),
            total_count: 1,
            page: request.page,
            page_size: request.page_size,
            parsed_by: ParsedBy::Model,
            query_parsed: ParsedIntent { text: format!("{request:?}"), ..ParsedIntent::default() },
            degraded: vec![Degraded { source: "vector".into(), reason: "There is no model.".into() }],
            total_count_is_capped: true,
            fitting_count: Some(1),
            facets: Facets::default(),
            search_time_ms: 0.125,
        })
    }

    async fn vector_search(&self, _: &Call, query: &VectorQuery) -> contracts::Result<Vec<Scored>> {
        Ok(vec![Self::scored(ContentId(uuid::Uuid::from_u128(1)), query)])
    }

    async fn graph_search(
        &self,
        _: &Call,
        seeds: &[ContentId],
        filters: &SearchFilters,
        region: Option<Region>,
        limit: usize,
    ) -> contracts::Result<Vec<Scored>> {
        Ok(seeds.iter().map(|seed| Self::scored(*seed, (filters, region, limit))).collect())
    }

    async fn similar(
        &self,
        _: &Call,
        id: ContentId,
        region: Option<Region>,
        limit: usize,
    ) -> contracts::Result<SimilarResponse> {
        let degraded = vec![Degraded { source: "vector".into(), reason: format!("{region:?} {limit}") }];
        Ok(SimilarResponse { content_id: id, results: Vec::new(), degraded })
    }

    async fn autocomplete(&self, _: &Call, prefix: &str, limit: usize) -> contracts::Result<Vec<Suggestion>> {
        let of = |kind, content_id, year| Suggestion { text: format!("{prefix} {limit}"), kind, content_id, year };
        let title = of(SuggestionKind::Title, Some(ContentId(uuid::Uuid::from_u128(1))), Some(1999));
        Ok(vec![title, of(SuggestionKind::Person, None, None), of(SuggestionKind::Genre, None, None)])
    }

    async fn discover(&self, _: &Call, region: Option<Region>) -> contracts::Result<Vec<DiscoverRow>> {
        let search = SearchRequest { query: "directed by X".into(), region, ..SearchRequest::default() };
        let (id, title, reason) = ("director:x".into(), "Directed by X".into(), "X directed them".into());
        let about = contracts::Wording::new("director", [("name", "X".to_owned())]);
        Ok(vec![DiscoverRow { id, title, reason, about, search, items: Vec::new() }])
    }

    async fn trending(&self, _: &Call, region: Option<Region>, limit: usize) -> contracts::Result<Vec<Content>> {
        Ok(vec![called(format!("{limit} in {region:?}")), called("Another".to_owned())])
    }
}

/// A title of which nothing is known but its name.
fn called(title: String) -> Content {
    Content {
        id: ContentId(uuid::Uuid::from_u128(1)),
        content_type: ContentType::Movie,
        title,
        original_title: None,
        overview: None,
        locale: Locale::english(),
        release_date: None,
        release_year: None,
        runtime_minutes: None,
        season_count: None,
        genres: Vec::new(),
        countries: Vec::new(),
        languages: Vec::new(),
        ratings: std::collections::BTreeMap::new(),
        credits: Vec::new(),
        availability: Vec::new(),
        images: Vec::new(),
        external_ids: Vec::new(),
        translations: Vec::new(),
        average_rating: 0.0,
        vote_count: 0,
        popularity_score: 0.5,
        last_updated: Timestamp::UNIX_EPOCH,
    }
}

fn clock() -> Clock {
    Clock::fixed(Timestamp::from_second(1_790_000_000).unwrap())
}

async fn serve(told: &Arc<Told>) -> Loopback {
    Loopback::serve(services(told), clock(), Rng::seeded(1)).await
}

fn services(told: &Arc<Told>) -> Services {
    Services { catalog: Some(told.clone()), ..Services::default() }
}

fn anonymous() -> Call {
    Call { caller: Caller::Anonymous, ..system(&clock()) }
}

#[tokio::test]
async fn every_error_crosses_unchanged() {
    for row in &ErrorKind::TABLE {
        let error = ApiError::new(row.kind, "told_to_fail", "Tönt schön: 100 % „wahr“.\n\u{1F3AC}")
            .field("records[0].title", "must be ünïque")
            .retry_after(Duration::from_millis(1500));
        let told = Arc::new(Told { error: Some(error.clone()), ..Told::default() });
        let loopback = serve(&told).await;
        let far = CatalogClient::new(loopback.peer("catalog")).directory(&system(&clock())).await.unwrap_err();
        assert_eq!(format!("{far:?}"), format!("{error:?}"));
        assert_eq!(told.calls.load(SeqCst), 1, "what a service answered is not asked again");
    }
}

#[tokio::test]
async fn the_frame_of_a_call_arrives() {
    let told = Arc::new(Told::default());
    let loopback = serve(&told).await;
    let client = CatalogClient::new(loopback.peer("catalog"));
    for caller in [Caller::Anonymous, Caller::Operator, Caller::System] {
        let org = Some(OrgId(uuid::Uuid::from_u128(9)));
        let locale = "pt-br".parse().unwrap();
        let call = Call { caller, org, locale, region: Some("BR".parse().unwrap()), ..system(&clock()) };
        client.directory(&call).await.unwrap();
        assert_eq!(format!("{:?}", told.seen.lock().unwrap().take().unwrap()), format!("{call:?}"));
    }
}

#[tokio::test]
async fn what_is_searched_for_arrives_and_what_is_found_comes_back() {
    let services = Services { search: Some(Arc::new(Echo)), ..Services::default() };
    let loopback = Loopback::serve(services, clock(), Rng::seeded(1)).await;
    let client = SearchClient::new(loopback.peer("search"));
    let call = anonymous();
    let filters = SearchFilters { genres: vec!["drama".into()], ..SearchFilters::default() };
    let request =
        SearchRequest { filters: filters.clone(), page: 3, page_size: 7, ..crate::suites::search::request("x") };
    let (near, far) = (Echo.search(&call, &request).await.unwrap(), client.search(&call, &request).await.unwrap());
    assert_eq!(far, near);
    let region = Some(Region::US);
    let query = VectorQuery { embedding: vec![0.25, -1.0], filters: filters.clone(), region, limit: 4 };
    let far = client.vector_search(&call, &query).await.unwrap();
    assert_eq!(far, Echo.vector_search(&call, &query).await.unwrap());
    let seeds = [ContentId(uuid::Uuid::from_u128(5)), ContentId(uuid::Uuid::from_u128(6))];
    let far = client.graph_search(&call, &seeds, &filters, region, 9).await.unwrap();
    assert_eq!(far, Echo.graph_search(&call, &seeds, &filters, region, 9).await.unwrap());
    assert_ne!(far, client.graph_search(&call, &seeds, &filters, None, 9).await.unwrap(), "the region arrives");
    let far = client.similar(&call, seeds[0], region, 9).await.unwrap();
    assert_eq!(far, Echo.similar(&call, seeds[0], region, 9).await.unwrap());
    let far = client.autocomplete(&call, "ma", 9).await.unwrap();
    assert_eq!(far, Echo.autocomplete(&call, "ma", 9).await.unwrap());
    let far = client.discover(&call, region).await.unwrap();
    assert_eq!(far, Echo.discover(&call, region).await.unwrap());
    let far = client.trending(&call, region, 9).await.unwrap();
    assert_eq!(far, Echo.trending(&call, region, 9).await.unwrap());
}

#[tokio::test]
async fn who_has_no_token_takes_nothing_in() {
    let told = Arc::new(Told::default());
    let loopback = serve(&told).await;
    let stranger = CatalogClient::new(loopback.peer_with("catalog", ClientConfig::default()));
    let error = stranger.ingest(&system(&clock()), &[film(1, "Uninvited")]).await.unwrap_err();
    assert_eq!((error.kind, &*error.code), (ErrorKind::Unauthenticated, "operator_required"));
    let guess = ClientConfig { peer_token: Some("guess".into()), ..ClientConfig::default() };
    let error = CatalogClient::new(loopback.peer_with("catalog", guess)).directory(&anonymous()).await.unwrap_err();
    assert_eq!((error.kind, &*error.code), (ErrorKind::Unavailable, "peer_refused"), "not for whom it calls");
    assert_eq!(told.calls.load(SeqCst), 0, "the service was never asked");
    stranger.directory(&anonymous()).await.unwrap();
    let outcomes = CatalogClient::new(loopback.peer("catalog")).ingest(&system(&clock()), &[film(1, "Welcome")]).await;
    assert_eq!(outcomes.unwrap()[0].evidence, "Welcome");
}

#[tokio::test]
async fn the_server_ends_a_call_at_its_deadline() {
    let told = Arc::new(Told { delay: Duration::from_secs(600), ..Told::default() });
    let config = ServerConfig { max_timeout: Duration::from_millis(50), ..ServerConfig::default() };
    let loopback = Loopback::serve_with(services(&told), config, clock(), Rng::seeded(1)).await;
    let client = CatalogClient::new(loopback.peer_with("catalog", ClientConfig::default()));
    let error = client.directory(&anonymous()).await.unwrap_err();
    assert_eq!((error.kind, &*error.code), (ErrorKind::DeadlineExceeded, "deadline_exceeded"));
    assert_eq!(told.calls.load(SeqCst), 1);
}

#[tokio::test]
async fn the_client_waits_no_longer_than_the_call() {
    let told = Arc::new(Told { delay: Duration::from_secs(600), ..Told::default() });
    let loopback = serve(&told).await;
    let client = CatalogClient::new(loopback.peer("catalog"));
    let short = Call { deadline: clock().now() + Duration::from_millis(50), ..system(&clock()) };
    assert_eq!(client.directory(&short).await.unwrap_err().code, "deadline_exceeded");
    let asked = told.calls.load(SeqCst);
    let over = client.directory(&late(&clock())).await.unwrap_err();
    assert_eq!((over.kind, told.calls.load(SeqCst)), (ErrorKind::DeadlineExceeded, asked), "too late to ask");
}

#[tokio::test]
async fn one_call_too_many_is_turned_away() {
    let told = Arc::new(Told { delay: Duration::from_secs(1), ..Told::default() });
    let config = ServerConfig { max_in_flight: 1, ..ServerConfig::default() };
    let loopback = Loopback::serve_with(services(&told), config, clock(), Rng::seeded(1)).await;
    let client = CatalogClient::new(loopback.peer_with("catalog", ClientConfig::default()));
    let call = anonymous();
    let (one, two) = tokio::join!(client.directory(&call), client.directory(&call));
    let error = one.and(two).unwrap_err();
    assert_eq!((error.kind, &*error.code), (ErrorKind::Unavailable, "overloaded"));
    assert_eq!(error.retry_after, Some(Duration::from_secs(1)));
    client.directory(&call).await.unwrap();
}

/// An entrance that lets two calls in, who asked there, and how that ended.
#[derive(Default)]
struct Asked {
    by: std::sync::Mutex<Vec<(Caller, String)>>,
    ended: std::sync::Mutex<Vec<Ended>>,
}

fn entrance(asked: &Arc<Asked>) -> Entrance {
    let asked = Arc::clone(asked);
    Arc::new(move |caller: &Caller, request: &axum::extract::Request| -> Entering {
        let mut by = asked.by.lock().unwrap();
        by.push((caller.clone(), request.uri().path().to_owned()));
        let (many, asked) = (by.len() > 2, Arc::clone(&asked));
        Box::pin(async move {
            let wait = ApiError::new(ErrorKind::TooManyRequests, "rate_limited", "wait");
            let answered: Answered = Box::new(move |ended: Ended| asked.ended.lock().unwrap().push(ended));
            if many { Err(wait.retry_after(Duration::from_millis(7_500))) } else { Ok(answered) }
        })
    })
}

#[tokio::test]
async fn the_calls_of_strangers_pass_the_entrance_and_those_of_roles_do_not() {
    let asked = Arc::new(Asked::default());
    let auth = crate::ServerAuth::new(Some(crate::suites::PEER_TOKEN.into()), None);
    let config = ServerConfig { auth, entrance: Some(entrance(&asked)), ..ServerConfig::default() };
    let told = Arc::new(Told::default());
    let loopback = Loopback::serve_with(services(&told), config, clock(), Rng::seeded(1)).await;
    let with = |token: Option<&str>| {
        let config = ClientConfig { peer_token: token.map(Into::into), ..ClientConfig::default() };
        CatalogClient::new(loopback.peer_with("catalog", config))
    };
    let (role, stranger, guess) = (CatalogClient::new(loopback.peer("catalog")), with(None), with(Some("guess")));
    for _ in 0..3 {
        role.directory(&anonymous()).await.unwrap();
    }
    assert!(asked.by.lock().unwrap().is_empty(), "whomever a role calls for");
    stranger.directory(&anonymous()).await.unwrap();
    assert_eq!(guess.directory(&anonymous()).await.unwrap_err().code, "peer_refused");
    let ended: Vec<_> = asked.ended.lock().unwrap().iter().map(|end| (end.took.is_some(), end.refused)).collect();
    let guessed = (false, Some(ErrorKind::Unauthenticated));
    assert_eq!(ended, [(true, None), guessed], "one was answered, and on the other nothing was worked");
    for client in [&stranger, &guess] {
        let refused = client.directory(&anonymous()).await.unwrap_err();
        assert_eq!((refused.kind, &*refused.code), (ErrorKind::TooManyRequests, "rate_limited"));
        assert_eq!(refused.retry_after, Some(Duration::from_millis(7_500)));
    }
    assert_eq!(told.calls.load(SeqCst), 4);
    let path = format!("/{CATALOG_SERVICE}/GetDirectory");
    assert_eq!(*asked.by.lock().unwrap(), vec![(Caller::Anonymous, path); 4]);
    role.directory(&anonymous()).await.unwrap();
}

#[tokio::test]
async fn a_bad_frame_makes_nobody_a_stranger() {
    let (asked, told) = (Arc::new(Asked::default()), Arc::new(Told::default()));
    let auth = crate::ServerAuth::new(None, Some("operator".to_owned()));
    let config = ServerConfig { auth, entrance: Some(entrance(&asked)), ..ServerConfig::default() };
    let loopback = Loopback::serve_with(services(&told), config, clock(), Rng::seeded(1)).await;
    let request = http::Request::post(format!("http://{}/{CATALOG_SERVICE}/GetDirectory", loopback.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", "Bearer operator")
        .header("x-region", "XX")
        .body(axum::body::Body::from(vec![0_u8; 5]))
        .unwrap();
    let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .http2_only(true)
        .build_http::<axum::body::Body>();
    http.request(request).await.unwrap();
    assert_eq!(told.calls.load(SeqCst), 0, "there is no such region");
    assert_eq!(asked.by.lock().unwrap()[0].0, Caller::Operator);
}

/// How a stranger's call for the directory ends. It asks for `grpc_timeout`, is worked on for `delay`, and has at most
/// `most`; half of its message comes at once, and the rest after `pauses`, if it does.
async fn ended(grpc_timeout: &str, delay: Duration, most: Duration, pauses: Option<Duration>) -> Ended {
    let asked = Arc::new(Asked::default());
    let config =
        ServerConfig { entrance: Some(entrance(&asked)), timeout: most, max_timeout: most, ..ServerConfig::default() };
    let told = Arc::new(Told { delay, ..Told::default() });
    let loopback = Loopback::serve_with(services(&told), config, clock(), Rng::seeded(1)).await;
    let (send, parts) = tokio::sync::mpsc::unbounded_channel::<Result<Vec<u8>, std::io::Error>>();
    let body = axum::body::Body::from_stream(tokio_stream::wrappers::UnboundedReceiverStream::new(parts));
    let request = http::Request::post(format!("http://{}/{CATALOG_SERVICE}/GetDirectory", loopback.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", grpc_timeout)
        .body(body)
        .unwrap();
    // Not tonic's, which keeps to the deadline itself.
    let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .http2_only(true)
        .build_http::<axum::body::Body>();
    send.send(Ok(vec![0; 2])).unwrap();
    let dripping = tokio::spawn(async move {
        tokio::time::sleep(pauses.unwrap_or(Duration::from_secs(600))).await;
        // Nobody reads on where the call is over.
        let _ = send.send(Ok(vec![0; 3]));
    });
    let _ = http.request(request).await;
    dripping.abort();
    asked.ended.lock().unwrap()[0]
}

#[tokio::test]
async fn what_a_client_waits_for_by_itself_is_not_what_the_node_took() {
    let (none, long, short) = (Duration::ZERO, Duration::from_secs(600), Duration::from_millis(100));
    let slowly = Duration::from_secs(1);
    let took = ended("120S", none, long, Some(slowly)).await.took.unwrap();
    assert!(took < slowly, "{took:?}: from when the message was whole");
    assert_eq!(ended("120S", none, short, None).await.took, None, "the message never was whole");
    assert_eq!(ended("100m", long, long, Some(none)).await.took, None, "its own deadline");
    let took = ended("120S", long, short * 10, Some(none)).await.took.unwrap();
    assert!(took > short, "{took:?}: the node was late, whatever the client asked for");
}

#[tokio::test]
async fn whoever_is_refused_by_a_service_is_told_of() {
    for (kind, told_of) in [
        (ErrorKind::PermissionDenied, true),
        (ErrorKind::Unauthenticated, true),
        (ErrorKind::NotFound, false),
        (ErrorKind::TooManyRequests, false),
    ] {
        let asked = Arc::new(Asked::default());
        let config = ServerConfig { entrance: Some(entrance(&asked)), ..ServerConfig::default() };
        let told = Arc::new(Told { error: Some(ApiError::new(kind, "refused", "no")), ..Told::default() });
        let loopback = Loopback::serve_with(services(&told), config, clock(), Rng::seeded(1)).await;
        let stranger = CatalogClient::new(loopback.peer_with("catalog", ClientConfig::default()));
        assert_eq!(stranger.directory(&anonymous()).await.unwrap_err().kind, kind);
        assert_eq!(asked.ended.lock().unwrap()[0].refused, told_of.then_some(kind));
    }
}

#[tokio::test]
async fn a_large_ingest_passes_and_a_larger_one_does_not() {
    let loopback = serve(&Arc::new(Told::default())).await;
    let client = CatalogClient::new(loopback.peer("catalog"));
    let long = |bytes: usize| SourceRecord { overview: Some("x".repeat(bytes)), ..film(1, "Long") };
    client.ingest(&system(&clock()), &[long(10 * 1024 * 1024)]).await.unwrap();
    let error = client.ingest(&system(&clock()), &[long(17 * 1024 * 1024)]).await.unwrap_err();
    assert_eq!((error.kind, &*error.code), (ErrorKind::PayloadTooLarge, "message_too_large"));
    let id = ExternalId { id_type: "imdb".into(), id_value: "x".repeat(5 * 1024 * 1024) };
    let error = client.resolve(&system(&clock()), &id).await.unwrap_err();
    assert_eq!((error.kind, &*error.code), (ErrorKind::PayloadTooLarge, "message_too_large"));
    // A client of others', which does not know our bounds.
    let mut foreign = CatalogServiceClient::new(loopback.peer("catalog").channel());
    let request = pb::ResolveExternalIdRequest { external_id: Some(id.into()) };
    let status = foreign.resolve_external_id(request).await.unwrap_err();
    assert_eq!(crate::from_status(&status, "catalog").kind, ErrorKind::PayloadTooLarge, "{status:?}");
}

#[tokio::test]
async fn health_follows_its_handle() {
    let loopback = serve(&Arc::new(Told::default())).await;
    let peer = loopback.peer("catalog");
    let within = Duration::from_secs(5);
    assert_eq!(peer.health(CATALOG_SERVICE, within).await.state, ComponentState::Starting);
    loopback.health.set(CATALOG_SERVICE, true).await;
    assert_eq!(peer.health(CATALOG_SERVICE, within).await.state, ComponentState::Ready);
    assert_eq!(peer.health("", within).await.state, ComponentState::Starting);
    loopback.health.set(CATALOG_SERVICE, false).await;
    assert_eq!(peer.health(CATALOG_SERVICE, within).await.state, ComponentState::Starting);
}

#[tokio::test]
async fn reflection_knows_every_service() {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let loopback = serve(&Arc::new(Told::default())).await;
    let mut client = ServerReflectionClient::new(loopback.peer("catalog").channel());
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = client.server_reflection_info(tokio_stream::once(ask)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in [CATALOG_SERVICE, SEARCH_SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
}

#[tokio::test]
async fn a_foreign_client_is_served_with_plain_statuses() {
    let loopback = serve(&Arc::new(Told::default())).await;
    let mut client = CatalogServiceClient::connect(format!("http://{}", loopback.address)).await.unwrap();
    let ask = |id: &str| pb::GetContentRequest { content_id: id.into() };
    let status = client.get_content(ask("tt0133093")).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    let status = client.get_content(ask("00000000-0000-7000-8000-000000000001")).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::NotFound);
    assert_eq!(crate::from_status(&status, "catalog").code, "unknown_content");
}

#[tokio::test]
async fn grpc_and_http_share_a_router() {
    let told = Arc::new(Told::default());
    let (grpc, _) = routes(services(&told), ServerConfig::default(), clock(), Rng::seeded(1)).await.unwrap();
    let http = Router::new().route("/livez", axum::routing::get(async || "alive")).fallback(async || "none");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, http.merge(grpc)).await });
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    CatalogServiceClient::new(channel.clone()).get_directory(pb::GetDirectoryRequest {}).await.unwrap();
    let request = http::Request::get(format!("http://{address}/livez")).body(tonic::body::Body::empty()).unwrap();
    let mut channel = channel;
    std::future::poll_fn(|cx| tonic::client::GrpcService::poll_ready(&mut channel, cx)).await.unwrap();
    let response = tonic::client::GrpcService::call(&mut channel, request).await.unwrap();
    assert_eq!(response.status(), 200);
    server.abort();
}

#[tokio::test]
async fn calls_are_counted_by_how_they_ended() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    // The test's runtime has one thread, so that the server records here too.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let loopback = serve(&Arc::new(Told::default())).await;
    let client = CatalogClient::new(loopback.peer_with("catalog", ClientConfig::default()));
    client.directory(&anonymous()).await.unwrap();
    client.directory(&anonymous()).await.unwrap();
    client.ingest(&anonymous(), &[]).await.unwrap_err();
    let given_up = Call { deadline: clock().now() + Duration::from_secs(1), ..anonymous() };
    let slow = Arc::new(Told { delay: Duration::from_secs(600), ..Told::default() });
    let slow = serve(&slow).await;
    let slow_client = CatalogClient::new(slow.peer_with("catalog", ClientConfig::default()));
    slow_client.directory(&given_up).await.unwrap_err();
    let (since, mut text) = (std::time::Instant::now(), recorder.handle().render());
    while !text.contains("DEADLINE_EXCEEDED") && !text.contains("CANCELLED") {
        assert!(since.elapsed() < Duration::from_secs(20), "{text}");
        tokio::time::sleep(Duration::from_millis(10)).await;
        text = recorder.handle().render();
    }
    let counted = |method: &str, status: &str, count: u64| {
        let line = format!(
            "grpc_server_handled_total{{service=\"{CATALOG_SERVICE}\",method=\"{method}\",status=\"{status}\"}} {count}\n"
        );
        assert!(text.contains(&line), "{line} is not in {text}");
    };
    counted("GetDirectory", "OK", 2);
    counted("Ingest", "UNAUTHENTICATED", 1);
    assert!(text.contains("grpc_server_handling_seconds_count"), "{text}");
}
