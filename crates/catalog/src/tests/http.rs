//! The routes over a small catalogue.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use contracts::ContentId;
use http_api::{Frame, frame_layer};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::*;

/// The routes over a catalogue with a film on two platforms, five more and a series.
struct Site {
    router: Router,
    heat: ContentId,
    bench: Bench,
}

impl Site {
    async fn open() -> Self {
        let bench = Bench::open("sqlite").await;
        let mut records = vec![heat("netflix", "s0")];
        records[0].offers = vec![offer("netflix", "US"), offer("hulu", "DE")];
        records.extend((1..6).map(|n| film("netflix", &format!("s{n}"), &format!("Film {n}"), 2000)));
        let seasons = [2, 1].map(|number| contracts::SourceSeason {
            season: contracts::Season { number, air_year: Some(2003 + number), ..Default::default() },
            episodes: vec![contracts::Episode { number, title: Some("Pilot".to_owned()), ..Default::default() }],
        });
        records.push(SourceRecord {
            content_type: ContentType::TvShow,
            seasons: seasons.to_vec(),
            ..film("netflix", "s6", "Lost", 2004)
        });
        let heat = bench.ingest(&records).await[0].content_id;
        let frame = Frame {
            clock: bench.clock.clone(),
            rng: testkit::rng(),
            timeout: Duration::from_secs(5),
            operator_token: None,
            access: None,
            cursor_key: [1; 32],
        };
        let (router, _) = crate::routes(Arc::clone(&bench.catalog)).split_for_parts();
        Self { router: router.layer(frame_layer(Arc::new(frame))), heat, bench }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, axum::http::HeaderMap, Json) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or(Json::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Json) {
        let (status, _, body) = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        (status, body)
    }

    async fn batch(&self, body: Json) -> (StatusCode, Json) {
        let request = Request::post("/api/v1/content/batch").header(header::CONTENT_TYPE, "application/json");
        let (status, _, body) = self.send(request.body(Body::from(body.to_string())).unwrap()).await;
        (status, body)
    }
}

#[tokio::test]
async fn a_title_has_an_entity_tag() {
    let site = Site::open().await;
    let path = format!("/api/v1/content/{}", site.heat);
    let (status, headers, body) = site.send(Request::get(&path).body(Body::empty()).unwrap()).await;
    assert_eq!((status, &body["title"]), (StatusCode::OK, &json!("Heat")));
    let again = Request::get(&path).header(header::IF_NONE_MATCH, &headers[header::ETAG]).body(Body::empty()).unwrap();
    let (status, _, body) = site.send(again).await;
    assert_eq!((status, body), (StatusCode::NOT_MODIFIED, Json::Null));

    let (status, body) = site.get(&format!("/api/v1/content/{}", uuid::Uuid::nil())).await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("unknown_content")));
    assert_eq!(site.get("/api/v1/content/x").await.0, StatusCode::BAD_REQUEST);
    for (width, code) in [(93, "bad_width"), (501, "bad_width"), (92, "no_picture"), (500, "no_picture")] {
        let (_, body) = site.get(&format!("/api/v1/images/{}/poster?width={width}", site.heat)).await;
        assert_eq!(body["code"], code, "{width}");
    }
}

#[tokio::test]
async fn a_batch_says_what_is_missing() {
    let site = Site::open().await;
    let nobody = uuid::Uuid::nil();
    let (status, body) = site.batch(json!({ "ids": [nobody, site.heat, site.heat] })).await;
    assert_eq!((status, body["items"].as_array().map(Vec::len)), (StatusCode::OK, Some(2)), "as often as asked");
    assert_eq!((&body["items"][0]["title"], &body["missing"]), (&json!("Heat"), &json!([nobody])));
    for bad in [json!({ "ids": [] }), json!({ "ids": vec![nobody; 101] }), json!({ "ids": [], "x": 1 }), json!({})] {
        assert_eq!(site.batch(bad).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn offers_are_those_of_the_region() {
    let site = Site::open().await;
    let path = format!("/api/v1/content/{}/availability", site.heat);
    let offers = async |query: &str| site.get(&format!("{path}{query}")).await.1["offers"].as_array().map(Vec::len);
    assert_eq!(offers("").await, Some(2));
    assert_eq!(offers("?region=DE").await, Some(1));
    assert_eq!(offers("?region=deu").await, Some(1));
    assert_eq!(offers("?region=FR").await, Some(0));
    let (status, body) = site.get(&format!("{path}?region=XX")).await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("unknown_region")));
}

#[tokio::test]
async fn lists_lead_from_page_to_page() {
    let site = Site::open().await;
    let (mut path, mut seen) = ("/api/v1/content/movies?limit=4".to_owned(), Vec::new());
    loop {
        let (status, page) = site.get(&path).await;
        assert_eq!(status, StatusCode::OK);
        seen.push(page["items"].as_array().unwrap().len());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        let elsewhere = site.get(&format!("/api/v1/content/tv?cursor={cursor}")).await;
        assert_eq!(elsewhere.1["code"], "bad_cursor", "a cursor belongs to its list");
        path = format!("/api/v1/content/movies?limit=4&cursor={cursor}");
    }
    assert_eq!(seen, [4, 2]);
    assert_eq!(site.get("/api/v1/content/tv").await.1["items"][0]["title"], "Lost");
    assert_eq!(site.get("/api/v1/content/tv?limit=0").await.1["code"], "bad_limit");
    assert_eq!(site.get("/api/v1/platforms/hulu/catalog").await.1["items"][0]["title"], "Heat");
    assert_eq!(site.get("/api/v1/platforms/peacock/catalog").await.1["items"], json!([]));
    assert_eq!(site.get("/api/v1/platforms/nobody/catalog").await.1["code"], "unknown_platform");
}

#[tokio::test]
async fn directories_and_lookups() {
    let site = Site::open().await;
    let (_, platforms) = site.get("/api/v1/platforms?with_titles=true").await;
    assert_eq!(platforms["items"].as_array().map(Vec::len), Some(2));
    let (_, all) = site.get("/api/v1/platforms").await;
    let whole = |one: &&serde_json::Value| {
        let told = ["source", "read_on", "home_url_source"].iter().all(|field| one[*field].is_string());
        let listed = |field: &str| one[field].as_array().is_some_and(|list| !list.is_empty());
        told && ["regions", "offers", "offers_seen"].into_iter().all(listed)
    };
    assert!(all["items"].as_array().unwrap().iter().filter(whole).count() >= 150, "with their source and its date");
    let leads = |one: &&Json| one["search_template"].as_str().is_some_and(|link| link.contains("{title}"));
    assert_eq!(all["items"].as_array().unwrap().iter().filter(leads).count(), 22, "where a title is looked for");
    let chain = |id: &str| {
        let one = all["items"].as_array().unwrap().iter().find(|one| one["id"] == id);
        one.unwrap()["source_chain"].clone()
    };
    assert_eq!(chain("netflix"), json!(["streaming_availability", "watchmode", "justwatch", "tmdb"]));
    assert_eq!(chain("3cat"), json!(["justwatch", "tmdb"]));
    let (_, german) = site.get("/api/v1/platforms?region=DE").await;
    assert!(
        german["items"].as_array().unwrap().iter().all(|p| p["regions"].as_array().unwrap().contains(&json!("DE")))
    );
    for path in ["platforms?x=1", "genres?x=1", "genres/movies?x=1", "genres/tv?x=1"] {
        assert_eq!(site.get(&format!("/api/v1/{path}")).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!((&platforms["items"][0]["id"], &platforms["items"][1]["name"]), (&json!("hulu"), &json!("Netflix")));
    for (path, count) in [("", 1), ("/movies", 1), ("/tv", 1)] {
        let (_, genres) = site.get(&format!("/api/v1/genres{path}")).await;
        assert_eq!(genres["items"].as_array().map(Vec::len), Some(count));
    }
    let (_, found) = site.get("/api/v1/content/lookup?id_type=netflix&id_value=s0").await;
    assert_eq!(found["title"], "Heat");
    let (status, body) = site.get("/api/v1/content/lookup?id_type=imdb&id_value=tt0").await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("unknown_id")));
    assert_eq!(site.get("/api/v1/content/lookup?id_type=&id_value=x").await.1["code"], "bad_id");
    assert_eq!(site.bench.count("content").await, 7);
}

#[tokio::test]
async fn each_platform_has_its_own_chain_of_sources() {
    let site = Site::open().await;
    let told = |source: &str| SourceRecord {
        external_ids: vec![external("imdb", "tt0113277")],
        offers: vec![offer("stan", "AU"), offer("vudu", "AU")],
        ..heat(source, "h1")
    };
    let outcomes = site.bench.ingest(&["tmdb", "watchmode", "streaming_availability"].map(told)).await;
    let path = format!("/api/v1/content/{}/availability?region=AU", outcomes[0].content_id);
    let (_, body) = site.get(&path).await;
    let stands = |offer: &Json| format!("{} {}", offer["platform"], offer["source"]).replace('"', "");
    let mut found: Vec<String> = body["offers"].as_array().unwrap().iter().map(stands).collect();
    found.sort();
    assert_eq!(found, ["stan streaming_availability", "vudu watchmode"]);
}

#[tokio::test]
async fn what_is_known_of_a_title_can_be_asked() {
    let site = Site::open().await;
    let path = |what: &str| format!("/api/v1/content/{}/{what}", site.heat);
    let (status, history) = site.get(&path("merges")).await;
    assert_eq!((status, &history["records"][0]["source_key"]), (StatusCode::OK, &json!("s0")));
    let (_, prices) = site.get(&path("prices?region=DE")).await;
    assert_eq!(prices["prices"][0]["price"], json!({ "amount": "3.99", "currency": "USD" }));
    let (_, quality) = site.get(&path("quality")).await;
    assert_eq!(quality["missing"], json!(["overview", "images", "runtime_minutes", "votes"]));
    assert_eq!(quality["quality_score"], 0.6, "one less what these weigh: .2, .1, .07 and .03");
    assert_eq!(quality["freshness"], 1.0, "nothing has aged yet");
    site.bench.clock.advance(jiff::SignedDuration::from_hours(30 * 24));
    assert_eq!(site.get(&path("quality")).await.1["freshness"], 0.5, "half of it is gone after thirty days");
    for what in ["merges", "prices", "quality"] {
        let (status, body) = site.get(&format!("/api/v1/content/{}/{what}", uuid::Uuid::nil())).await;
        assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("unknown_content")), "{what}");
    }
    let (_, found) = site.get("/api/v1/content/titles?q=hea").await;
    assert_eq!(found["items"][0]["title"], "Heat");
    assert_eq!(site.get("/api/v1/content/leaving-soon").await.1["items"], json!([]));
    assert_eq!(site.get("/api/v1/content/leaving-soon?days=91").await.1["code"], "bad_days");
    let ends = Some(site.bench.clock.now() + jiff::SignedDuration::from_hours(24));
    let last = SourceOffer { expires_at: ends, ..offer("hulu", "US") };
    let salt = SourceRecord { offers: vec![last], ratings: vec![], ..film("hulu", "h1", "Salt", 2001) };
    site.bench.ingest(&[salt]).await;
    let (_, leaving) = site.get("/api/v1/content/leaving-soon?days=2").await;
    assert_eq!(leaving["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(leaving["items"][0]["content"]["title"], "Salt");
    let ages = async |query: &str| site.get(&format!("/api/v1/content/movies?{query}")).await.1;
    assert_eq!(ages("age_appropriate=13").await["items"].as_array().map(Vec::len), Some(6));
    assert_eq!(ages("age_appropriate=12").await["items"], json!([]));
    assert_eq!(ages("age_appropriate=22").await["code"], "bad_age");
    assert_eq!(ages("region=US").await["code"], "region_without_age");
    for path in ["reviews", "reviews?status=accepted"] {
        let (status, _) = site.get(&format!("/api/v1/internal/catalog/{path}")).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn lengths_that_sources_disagree_on_stand_in_the_log_of_the_title_once() {
    let site = Site::open().await;
    let long = |source: &str, minutes| SourceRecord {
        runtime_minutes: Some(minutes),
        external_ids: vec![external("imdb", "tt0113277")],
        ..heat(source, "h1")
    };
    let id = site.bench.ingest(&[long("wikidata", 170), long("hulu", 175)]).await[0].content_id;
    let notes = async || -> Vec<String> {
        let (_, told) = site.get(&format!("/api/v1/content/{id}/merges")).await;
        let notes = told["log"].as_array().unwrap().iter().filter(|line| line["verdict"] == "note");
        notes.map(|line| line["evidence"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(notes().await, Vec::<String>::new(), "five minutes are nothing");
    site.bench.ingest(&[long("hulu", 176)]).await;
    let said = ["hulu says 176 minutes, we say 170"];
    assert_eq!(notes().await, said);
    site.bench.ingest(&[SourceRecord { release_year: None, ..long("hulu", 176) }]).await;
    assert_eq!(notes().await, said, "it said so before");
    assert_eq!(site.get(&format!("/api/v1/content/{id}")).await.1["runtime_minutes"], 170);
}

#[tokio::test]
async fn a_series_has_seasons_and_a_season_episodes() {
    let site = Site::open().await;
    let lost = site.get("/api/v1/content/tv").await.1["items"][0].clone();
    let path = format!("/api/v1/content/{}/seasons", lost["id"].as_str().unwrap());
    let (status, headers, body) = site.send(Request::get(&path).body(Body::empty()).unwrap()).await;
    let season = |number: u16| json!({ "number": number, "air_year": 2003 + number, "episode_count": 1 });
    assert_eq!((status, &lost["season_count"]), (StatusCode::OK, &json!(2)));
    assert_eq!(body, json!({ "content_id": lost["id"], "seasons": [season(1), season(2)] }));
    let again = Request::get(&path).header(header::IF_NONE_MATCH, &headers[header::ETAG]).body(Body::empty()).unwrap();
    assert_eq!(site.send(again).await.0, StatusCode::NOT_MODIFIED);

    let (_, body) = site.get(&format!("{path}/2")).await;
    let episodes = json!([{ "number": 2, "title": "Pilot" }]);
    assert_eq!(body, json!({ "content_id": lost["id"], "season": season(2), "episodes": episodes }));
    let heat = format!("/api/v1/content/{}/seasons", site.heat);
    assert_eq!(site.get(&heat).await.1["seasons"], json!([]), "a film has none");
    let nobody = format!("/api/v1/content/{}/seasons", uuid::Uuid::nil());
    for (path, status, code) in [
        (format!("{path}/3"), StatusCode::NOT_FOUND, "unknown_season"),
        (format!("{heat}/1"), StatusCode::NOT_FOUND, "unknown_season"),
        (nobody.clone(), StatusCode::NOT_FOUND, "unknown_content"),
        (format!("{nobody}/1"), StatusCode::NOT_FOUND, "unknown_content"),
    ] {
        let (found, body) = site.get(&path).await;
        assert_eq!((found, &body["code"]), (status, &json!(code)), "{path}");
    }
    for number in ["-1", "65536", "one"] {
        assert_eq!(site.get(&format!("{path}/{number}")).await.0, StatusCode::BAD_REQUEST, "{number}");
    }
}

#[tokio::test]
async fn a_stranger_hears_that_before_anything_is_said_of_what_they_sent() {
    let site = Site::open().await;
    let reviews = "/api/v1/internal/catalog/reviews";
    let table = [
        ("GET", format!("{reviews}?status=nonsense")),
        ("GET", format!("{reviews}?no=such")),
        ("POST", format!("{reviews}/nonsense/accept")),
        ("POST", format!("{reviews}/nonsense/reject")),
        ("POST", "/api/v1/internal/catalog/unmerge".to_owned()),
        ("GET", "/api/v1/internal/catalog/export".to_owned()),
    ];
    for (method, path) in table {
        let request = Request::builder().method(method).uri(&path).body(Body::from("{nonsense")).unwrap();
        let (status, _, body) = site.send(request).await;
        assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &json!("operator_required")), "{path}");
    }
}

#[tokio::test]
async fn what_one_region_costs_is_not_pushed_out_by_another() {
    let site = Site::open().await;
    let row = |number: u128, region: &str| {
        let (id, when) = (uuid::Uuid::from_u128(number), site.bench.clock.now());
        stores::args![id, site.heat, "netflix", region, "rent", "x", "3.99", "EUR", when]
    };
    let mut rows = vec![row(1, "AT")];
    rows.extend((2..1_002).map(|number| row(number, "FR")));
    let mut tx = site.bench.db().begin().await.unwrap();
    let sql = "INSERT INTO price_history (id, content_id, platform, region, availability_type, source, price_amount,
        price_currency, observed_at)";
    tx.insert_many(sql, "", rows).await.unwrap();
    tx.commit().await.unwrap();
    let (status, body) = site.get(&format!("/api/v1/content/{}/prices?region=AT", site.heat)).await;
    assert_eq!((status, body["prices"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{body}");
}

#[tokio::test]
async fn genres_are_named_in_the_readers_language_or_the_nearest() {
    let site = Site::open().await;
    for (asked, name) in [("de-AT,de;q=0.8", "Drama"), ("fr-CA", "Drame"), ("ja", "Drama"), ("es-MX", "Drama")] {
        let request = Request::get("/api/v1/genres").header(header::ACCEPT_LANGUAGE, asked);
        let (status, _, body) = site.send(request.body(Body::empty()).unwrap()).await;
        let drama = body["items"].as_array().unwrap().iter().find(|genre| genre["id"] == "drama").unwrap();
        assert_eq!((status, &drama["name"]), (StatusCode::OK, &json!(name)), "{asked}");
    }
}
