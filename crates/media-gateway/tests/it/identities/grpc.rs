//! The walk over gRPC: every method of `proto/`, found in its text.

use std::{collections::BTreeSet, path::Path};

use rpc::pb::{
    self, auth_service_client::AuthServiceClient as AuthClient,
    catalog_service_client::CatalogServiceClient as Catalog, search_service_client::SearchServiceClient as Search,
};
use tonic::{Code, Request, Status, transport::Channel};

use super::{People, WHO, settled};
use crate::app::App;

const OK: Code = Code::Ok;
const OFF: Code = Code::Unavailable;
const NOBODY: Code = Code::Unauthenticated;
const MAY_NOT: Code = Code::PermissionDenied;
const GONE: Code = Code::NotFound;

/// The code for each of [`WHO`].
type Codes = [Code; WHO.len()];

/// Everybody may, but credentials that are not good are not passed over.
const OPEN: Codes = [OK, OK, OK, OK, NOBODY, NOBODY, OK, NOBODY, OK, OK];
/// As [`OPEN`], where the answer needs the sentence model.
const NO_MODEL: Codes = [OFF, OFF, OFF, OFF, NOBODY, NOBODY, OFF, NOBODY, OFF, OFF];
/// Administrators may.
const ADMIN: Codes = [OK, MAY_NOT, MAY_NOT, NOBODY, NOBODY, NOBODY, MAY_NOT, NOBODY, MAY_NOT, MAY_NOT];
/// Administrators may, and whoever looks after the catalogue or brings titles.
const WRITES: Codes = [OK, MAY_NOT, MAY_NOT, NOBODY, NOBODY, NOBODY, MAY_NOT, NOBODY, OK, OK];
/// Administrators may, and services.
const SERVES: Codes = [OK, MAY_NOT, MAY_NOT, NOBODY, NOBODY, NOBODY, MAY_NOT, NOBODY, MAY_NOT, OK];

/// Whose it is, administrators, and services.
const OWN: Codes = [OK, OK, MAY_NOT, NOBODY, NOBODY, NOBODY, MAY_NOT, NOBODY, MAY_NOT, OK];
/// It is somebody's, and administrators end it. A service has none.
const ENDED: Codes = [OK, GONE, GONE, NOBODY, NOBODY, NOBODY, MAY_NOT, NOBODY, GONE, MAY_NOT];

/// A line a method. A method without a line fails the walk.
const LINES: &[(&str, Codes)] = &[
    ("AuthService/ValidateToken", SERVES),
    ("AuthService/CreateSession", ADMIN),
    ("AuthService/CheckPermission", OWN),
    ("AuthService/RevokeSession", ENDED),
    ("CatalogService/GetContent", OPEN),
    ("CatalogService/BatchGetContent", OPEN),
    ("CatalogService/ResolveExternalId", OPEN),
    ("CatalogService/ListContent", OPEN),
    ("CatalogService/GetDirectory", OPEN),
    ("CatalogService/ListSeasons", OPEN),
    ("CatalogService/Ingest", WRITES),
    ("CatalogService/WithdrawOffers", WRITES),
    ("SearchService/SearchContent", OPEN),
    // The walk's node has no model, and says so to whoever may ask.
    ("SearchService/VectorSearch", NO_MODEL),
    ("SearchService/GraphSearch", OPEN),
    ("SearchService/SimilarContent", OPEN),
    ("SearchService/Autocomplete", OPEN),
    ("SearchService/Discover", OPEN),
    ("SearchService/Trending", OPEN),
];

/// The methods that `proto/` names.
fn methods() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/media_gateway/v1");
    let mut found = BTreeSet::new();
    for file in folder.read_dir().unwrap() {
        let (text, mut service) = (std::fs::read_to_string(file.unwrap().path()).unwrap(), String::new());
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("service ") {
                service = name.trim_end_matches(" {").to_owned();
            } else if let Some(rest) = line.trim_start().strip_prefix("rpc ") {
                found.insert(format!("{service}/{}", rest.split('(').next().unwrap()));
            }
        }
    }
    found
}

fn with<T>(token: Option<&str>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.parse().unwrap());
    }
    request
}

fn code_of(done: Result<(), Status>) -> Code {
    done.map_or_else(|status| status.code(), |()| OK)
}

/// Calls a method of the accounts.
async fn call_auth(channel: Channel, method: &str, token: Option<&str>, people: &People) -> Code {
    let named = |name: &str| people.names[name].clone();
    let mut auth = AuthClient::new(channel);
    code_of(match method.split('/').nth(1).unwrap() {
        "ValidateToken" => {
            auth.validate_token(with(token, pb::ValidateTokenRequest { token: "x".to_owned() })).await.map(drop)
        }
        "CreateSession" => {
            let request = pb::CreateSessionRequest { user_id: named("user"), device: "a telly".to_owned() };
            auth.create_session(with(token, request)).await.map(drop)
        }
        "CheckPermission" => {
            let (user_id, permission) = (named("user"), "watchlist:write:own".to_owned());
            auth.check_permission(with(token, pb::CheckPermissionRequest { user_id, permission })).await.map(drop)
        }
        "RevokeSession" => {
            let request = pb::RevokeSessionRequest { session_id: named("session") };
            auth.revoke_session(with(token, request)).await.map(drop)
        }
        unknown => panic!("{unknown} has no request here"),
    })
}

/// Calls a method, with a request that it can answer.
async fn call(app: &App, channel: Channel, method: &str, token: Option<&str>, people: &People) -> Code {
    if method.starts_with("AuthService/") {
        return call_auth(channel, method, token, people).await;
    }
    let id = || people.names["content"].clone();
    let (mut catalog, mut search) = (Catalog::new(channel.clone()), Search::new(channel));
    let done: Result<(), Status> = match method.split('/').nth(1).unwrap() {
        "GetContent" => catalog.get_content(with(token, pb::GetContentRequest { content_id: id() })).await.map(drop),
        "BatchGetContent" => {
            let request = pb::BatchGetContentRequest { content_ids: vec![id()] };
            catalog.batch_get_content(with(token, request)).await.map(drop)
        }
        "ResolveExternalId" => {
            let external_id = pb::ExternalId { id_type: "imdb".to_owned(), id_value: "tt9900001".to_owned() };
            let request = pb::ResolveExternalIdRequest { external_id: Some(external_id) };
            catalog.resolve_external_id(with(token, request)).await.map(drop)
        }
        "ListContent" => {
            let request = pb::ListContentRequest { limit: 1, ..Default::default() };
            catalog.list_content(with(token, request)).await.map(drop)
        }
        "GetDirectory" => catalog.get_directory(with(token, pb::GetDirectoryRequest::default())).await.map(drop),
        "WithdrawOffers" => {
            let request = pb::WithdrawOffersRequest { sources: Vec::new(), checked_before: Some(Default::default()) };
            catalog.withdraw_offers(with(token, request)).await.map(drop)
        }
        "ListSeasons" => catalog.list_seasons(with(token, pb::ListSeasonsRequest { content_id: id() })).await.map(drop),
        "Ingest" => catalog.ingest(with(token, pb::IngestRequest::default())).await.map(drop),
        "SearchContent" => search.search_content(with(token, pb::SearchContentRequest::default())).await.map(drop),
        "VectorSearch" => {
            let request = pb::VectorSearchRequest { limit: 1, ..Default::default() };
            search.vector_search(with(token, request)).await.map(drop)
        }
        "GraphSearch" => {
            let request = pb::GraphSearchRequest { seed_ids: vec![id()], limit: 1, ..Default::default() };
            search.graph_search(with(token, request)).await.map(drop)
        }
        "SimilarContent" => {
            let request = pb::SimilarContentRequest { content_id: id(), limit: 1, ..Default::default() };
            search.similar_content(with(token, request)).await.map(drop)
        }
        "Autocomplete" => {
            let request = pb::AutocompleteRequest { prefix: "li".to_owned(), limit: 1 };
            search.autocomplete(with(token, request)).await.map(drop)
        }
        "Discover" => search.discover(with(token, pb::DiscoverRequest::default())).await.map(drop),
        "Trending" => {
            search.trending(with(token, pb::TrendingRequest { limit: 1, ..Default::default() })).await.map(drop)
        }
        unknown => panic!("{unknown} has no request here; the node is {}", app.pid()),
    };
    code_of(done)
}

#[test]
fn every_method_answers_each_of_ten_callers() {
    let (app, people) = settled();
    let known: BTreeSet<_> = LINES.iter().map(|line| line.0.to_owned()).collect();
    assert_eq!(known, methods(), "a method has no line");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let wrong = runtime.block_on(walk(&app, &people));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn walk(app: &App, people: &People) -> Vec<String> {
    let endpoint = tonic::transport::Endpoint::from_shared(app.url("gateway").to_owned()).unwrap();
    let (channel, mut wrong) = (endpoint.connect_lazy(), Vec::new());
    for (method, expected) in LINES {
        // The owner last: had a refusal done anything, there would be nothing left for them.
        for (index, who) in WHO.iter().enumerate().rev() {
            // Search and the rest of the catalogue are everybody's; what writes is for administrators and some roles.
            let token = people.admins[index].first().map(|(_, value)| value.as_str());
            let code = call(app, channel.clone(), method, token, people).await;
            if code != expected[index] {
                wrong.push(format!("{method} by {who}: {code:?}, not {:?}", expected[index]));
            }
        }
    }
    wrong
}
