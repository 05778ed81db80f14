//! A person's age limit at every door: whoever chose one is shown nothing above it, and everybody else all there is.

use rpc::pb::{
    self, catalog_service_client::CatalogServiceClient as Catalog, search_service_client::SearchServiceClient as Search,
};
use serde_json::{Value, json};
use tonic::{Code, Request};

use crate::{
    app::{Answer, App, Setup},
    fixtures,
    identities::people::{Credentials, ISSUER, People},
};

const LIMIT: &str = "/api/v1/auth/age-limit";
/// Certified TV-MA, for which one has to be 17.
const ABOVE: &str = "Harbour Street";
/// Certified PG, for which one has to be 10.
const BELOW: &str = "Midnight Orchard";

fn send(app: &App, who: &Credentials, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let request = who.iter().fold(app.request(method, path), |request, (name, value)| request.header(*name, value));
    app.send(body.into_iter().fold(request, |request, body| request.json(body)))
}

fn id_of(app: &App, title: &str) -> String {
    let found = app.get(&format!("/api/v1/content/titles?q={}", title.replace(' ', "+"))).ok();
    found["items"][0]["id"].as_str().unwrap().to_owned()
}

/// An answer as text, but for what was understood of a query, which repeats it.
fn told(mut answer: Value) -> String {
    answer["query_parsed"] = Value::Null;
    answer.to_string()
}

/// What is counted of platforms and genres is what is shown there. Gives the sum over all platforms.
fn counted(app: &App, who: &Credentials) -> usize {
    let ask = |path: &str| send(app, who, "GET", path, None).ok()["items"].take();
    let items = |list: &Value| list.as_array().unwrap().clone();
    let mut sum = 0;
    for platform in items(&ask("/api/v1/platforms?with_titles=true")) {
        let id = platform["id"].as_str().unwrap();
        let titles = items(&ask(&format!("/api/v1/platforms/{id}/catalog?limit=100"))).len();
        assert_eq!(platform["title_count"], titles, "{platform}");
        sum += titles;
    }
    let genres = items(&ask("/api/v1/genres"));
    for (kind, field) in [("movies", "movie_count"), ("tv", "tv_show_count")] {
        let titles = items(&ask(&format!("/api/v1/content/{kind}?limit=100")));
        for genre in &genres {
            let has = |title: &&Value| title["genres"].as_array().unwrap().contains(&genre["id"]);
            assert_eq!(genre[field], titles.iter().filter(has).count(), "{kind}: {genre}");
        }
    }
    sum
}

#[test]
fn whoever_chose_an_age_limit_is_shown_nothing_above_it() {
    let setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER);
    let people = People::settle(&setup);
    let app = fixtures::loaded(setup);
    let (ada, bob, nobody) = (&people.tokens[0], &people.tokens[1], &people.tokens[3]);
    let (above, below) = (id_of(&app, ABOVE), id_of(&app, BELOW));
    let key = json!({ "name": "shed", "scopes": "read:content" });
    let key = send(&app, ada, "POST", "/api/v1/auth/keys", Some(&key)).ok();
    let key: Credentials = vec![("authorization", format!("Bearer {}", key["key"].as_str().unwrap()))];

    send(&app, ada, "GET", LIMIT, None).problem(404, "no_age_limit");
    send(&app, ada, "PUT", LIMIT, Some(&json!({ "max_age": 22 }))).problem(400, "bad_age");
    send(&app, &key, "PUT", LIMIT, Some(&json!({ "max_age": 21 }))).problem(403, "insufficient_scope");
    let set = send(&app, ada, "PUT", LIMIT, Some(&json!({ "max_age": 13, "region": "USA" }))).ok();
    assert_eq!((&set["max_age"], &set["region"]), (&json!(13), &json!("US")));
    assert_eq!(send(&app, ada, "GET", LIMIT, None).ok(), set);

    // Everybody before and after: what is kept for one is not given to another.
    for path in [
        "/api/v1/search?q=harbour+street",
        "/api/v1/search?sort=newest",
        "/api/v1/search",
        "/api/v1/content/search?q=harbour+street",
        "/api/v1/search/autocomplete?q=harb",
        "/api/v1/search/suggestions?q=harb",
        "/api/v1/discover",
        "/api/v1/content/tv",
        "/api/v1/content/tv?age_appropriate=18&region=US",
        "/api/v1/content/titles?q=harbour",
        "/api/v1/platforms/netflix/catalog",
    ] {
        for (who, shown) in [(nobody, true), (ada, false), (&key, false), (bob, true), (nobody, true)] {
            let text = told(send(&app, who, "GET", path, None).ok());
            assert_eq!(text.contains(ABOVE), shown, "{path}: {text}");
        }
    }
    for rest in ["", "/availability", "/prices", "/quality", "/merges", "/seasons", "/similar"] {
        let path = format!("/api/v1/content/{above}{rest}");
        assert_eq!(send(&app, nobody, "GET", &path, None).status, 200, "{path}");
        send(&app, ada, "GET", &path, None).problem(404, "unknown_content");
        assert_eq!(send(&app, bob, "GET", &path, None).status, 200, "{path}");
    }
    let both = json!({ "ids": [above, below] });
    let batch = send(&app, ada, "POST", "/api/v1/content/batch", Some(&both)).ok();
    assert_eq!((&batch["items"][0]["title"], &batch["missing"]), (&json!(BELOW), &json!([above])));
    // What suits is there, counted, and the lower of two ages holds.
    let all = send(&app, ada, "GET", "/api/v1/search?sort=newest", None).ok();
    let titles: Vec<_> = all["results"].as_array().unwrap().iter().map(|hit| &hit["content"]["title"]).collect();
    assert_eq!(all["total_count"], titles.len(), "{titles:?}");
    assert!(titles.contains(&&json!(BELOW)) && titles.contains(&&json!("The Paper Lighthouse")), "{titles:?}");
    let young = send(&app, ada, "GET", "/api/v1/content/movies?age_appropriate=10&region=US", None).ok().to_string();
    assert!(young.contains(BELOW) && !young.contains("The Paper Lighthouse"), "{young}");

    let answers = send(&app, nobody, "GET", &format!("/api/v1/content/{below}"), None);
    assert!(answers.header("vary").contains("authorization"), "no cache outside mixes them up");
    over_grpc(&app, &ada[0].1, &above, false);
    let (few, many) = (counted(&app, ada), counted(&app, nobody));
    assert!(0 < few && few < many, "{few} of {many}");
    assert_eq!(send(&app, ada, "DELETE", LIMIT, None).status, 204);
    assert_eq!(counted(&app, ada), many);
    send(&app, ada, "DELETE", LIMIT, None).problem(404, "no_age_limit");
    assert_eq!(send(&app, ada, "GET", &format!("/api/v1/content/{above}"), None).status, 200);
    over_grpc(&app, &ada[0].1, &above, true);
}

/// Asks over gRPC, with a token and without.
fn over_grpc(app: &App, token: &str, above: &str, shown: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let channel = tonic::transport::Endpoint::from_shared(app.url("gateway").to_owned()).unwrap().connect_lazy();
        let (mut catalog, mut search) = (Catalog::new(channel.clone()), Search::new(channel));
        for (token, shown) in [(None, true), (Some(token), shown), (None, true)] {
            let one = catalog.get_content(with(token, pb::GetContentRequest { content_id: above.to_owned() })).await;
            let code = one.map_or_else(|status| status.code(), |_| Code::Ok);
            assert_eq!(code, if shown { Code::Ok } else { Code::NotFound });
            let batch = pb::BatchGetContentRequest { content_ids: vec![above.to_owned()] };
            let batch = catalog.batch_get_content(with(token, batch)).await.unwrap().into_inner().contents;
            assert_eq!(batch.len(), usize::from(shown));
            let query = pb::SearchContentRequest { query: "harbour street".to_owned(), ..Default::default() };
            let found = search.search_content(with(token, query)).await.unwrap().into_inner().results;
            let titles: Vec<_> = found.iter().filter_map(|hit| Some(&hit.content.as_ref()?.title)).collect();
            assert_eq!(titles.iter().any(|title| *title == ABOVE), shown, "{titles:?}");
            let prefix = pb::AutocompleteRequest { prefix: "harb".to_owned(), limit: 5 };
            let named = search.autocomplete(with(token, prefix)).await.unwrap().into_inner().suggestions;
            assert_eq!(named.iter().any(|one| one.text == ABOVE), shown, "{named:?}");
        }
    });
}

fn with<T>(token: Option<&str>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.parse().unwrap());
    }
    request
}
