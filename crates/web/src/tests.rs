//! What the page of a title says, over plain values; the routes are tested on a whole node, in a browser.

use axum::{Router, body::Body, routing::get};
use contracts::{Content, Directory};
use http::{HeaderMap, Request, StatusCode, header};
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    facts::Facts,
    files,
    linked_data::{self, for_script},
    offers::lines,
    page::{Filling, Shell},
};

fn content(changes: &Value) -> Content {
    let mut value = json!({
        "id": "01a1fcba-c4b1-7f5e-b34f-b40e5a2610ed", "content_type": "movie", "title": "Crooked Mile",
        "original_title": null, "overview": null, "locale": "en", "release_date": null, "release_year": 1992,
        "runtime_minutes": 105, "genres": ["science_fiction", "thriller"], "countries": ["US"], "languages": ["English"],
        "ratings": {}, "credits": [{ "name": "Nora Vance", "role": "director" }, { "name": "Bo Finch", "role": "actor" }],
        "availability": [], "images": [], "external_ids": [], "translations": [], "average_rating": 0.0, "vote_count": 0,
        "popularity_score": 0.5, "last_updated": "2026-11-21T00:00:00Z"
    });
    let (Some(all), Some(changes)) = (value.as_object_mut(), changes.as_object()) else { panic!("objects") };
    all.extend(changes.clone());
    serde_json::from_value(value).unwrap()
}

fn directory() -> Directory {
    serde_json::from_value(json!({
        "platforms": [{ "id": "max", "name": "Max", "home_url": "https://max.example/", "title_count": 1 }],
        "genres": [{ "id": "science_fiction", "name": "Science fiction", "movie_count": 1, "tv_show_count": 0 }]
    }))
    .unwrap()
}

fn offer(platform: &str, region: &str, source: &str, price: Option<&str>) -> Value {
    json!({
        "platform": platform, "region": region, "availability_type": if price.is_some() { "rent" } else { "subscription" },
        "price": price.map(|amount| json!({ "amount": amount, "currency": "USD" })), "deep_link": null,
        "web_url": "https://max.example/", "available_from": null, "expires_at": null, "source": source,
        "checked_at": "2026-01-02T00:00:00Z", "confidence": 0.5
    })
}

#[test]
fn facts_are_said_in_words_and_what_is_not_known_is_left_out() {
    let facts = Facts::of(&content(&json!({ "original_title": "Crooked Mile" })), &directory());
    assert_eq!(facts.line, ["1992", "105 min", "Science fiction, thriller", "US", "English"]);
    assert_eq!((facts.original_title, facts.rating), (None, None));
    assert_eq!(facts.people[0], ("Directed by", vec!["Nora Vance".to_owned()]));
    assert!(facts.summary.ends_with("Directed by Nora Vance. With Bo Finch"), "{}", facts.summary);

    let bare = json!({ "release_year": null, "runtime_minutes": null, "genres": [], "countries": [], "languages": [],
        "credits": [], "vote_count": 3, "average_rating": 7.24, "overview": "word ".repeat(60) });
    let facts = Facts::of(&content(&bare), &directory());
    assert_eq!(
        (facts.line.len(), facts.people.len(), facts.rating.as_deref()),
        (0, 0, Some("7.2 of 10, from 3 votes"))
    );
    assert!(facts.summary.ends_with("word…") && facts.summary.chars().count() <= 161, "{}", facts.summary);
}

#[test]
fn offers_share_a_line_by_service_terms_and_source() {
    let offers = [
        offer("max", "US", "sample", Some("3.99")),
        offer("max", "GB", "sample", Some("3.49")),
        offer("max", "US", "netflix", None),
        offer("new_one", "US", "sample", None),
    ];
    let content = content(&json!({ "availability": offers }));
    let lines = lines(&content.availability, &directory());
    let said: Vec<_> =
        lines.iter().map(|line| (line.service.as_str(), line.kind, line.places.join("|"), line.sample)).collect();
    assert_eq!(
        said,
        [
            ("Max", "Subscription", "US".to_owned(), false),
            ("Max", "Rent", "US 3.99 USD|GB 3.49 USD".to_owned(), true),
            ("new one", "Subscription", "US".to_owned(), true),
        ]
    );
    assert_eq!(lines[0].checked, "2026-01-02");
}

#[test]
fn linked_data_names_facts_and_no_offers() {
    let changes = json!({
        "release_date": "1992-04-01", "vote_count": 5, "average_rating": 7.5,
        "availability": [offer("max", "US", "sample", None)],
        "external_ids": [{ "id_type": "imdb", "id_value": "tt1" }, { "id_type": "wikidata", "id_value": "Q1\"><" }]
    });
    let content = content(&changes);
    let data = linked_data::of(&content, &Facts::of(&content, &directory()));
    assert_eq!(data["@type"], "Movie");
    assert_eq!((&data["datePublished"], &data["duration"]), (&json!("1992-04-01"), &json!("PT105M")));
    assert_eq!(data["director"], json!([{ "@type": "Person", "name": "Nora Vance" }]));
    assert_eq!(data["sameAs"], json!(["https://www.imdb.com/title/tt1"]));
    assert_eq!(data["aggregateRating"]["ratingValue"], 7.5);
    assert!(data.get("description").is_none() && !data.to_string().contains("sample"));
}

#[test]
fn nothing_in_a_title_ends_the_script_element() {
    let text = for_script(&json!("</script><!-- \u{2028}"));
    assert!(!text.contains('<') && !text.contains('\u{2028}'), "{text}");
    assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "</script><!-- \u{2028}");
}

const INDEX: &str = "<head><!--head--><title>App</title><!--/head--><script>let a=1</script></head>\
                     <div><!--page-->old<!--/page--></div>";

#[tokio::test]
async fn a_page_is_the_shell_with_something_in_it() {
    let shell = Shell::new(&INDEX.into()).unwrap();
    let filling =
        Filling { head: Some("<title>T</title>".into()), body: "<main>x</main>".into(), ..Filling::default() };
    let response = shell.answer(&HeaderMap::new(), &filling);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    // The hash of `let a=1`, as `openssl dgst -sha256 -binary | base64` has it.
    assert!(policy.contains("'sha256-+Q3dsIT3kYyYXlBldxY4Baal1kEoF6cDrlPvZn4iLYs='"), "{policy}");
    assert!(!policy.contains("unsafe"));
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    let text = std::str::from_utf8(&body).unwrap();
    assert_eq!(text, "<head><title>T</title><script>let a=1</script></head><div><main>x</main></div>");
}

#[rstest]
#[case("")]
#[case("<head><!--head--><!--/head--></head>")]
#[case("<!--head--><!--/head--><!--page--><!--/page-->")]
fn what_is_no_shell_is_none(#[case] index: &'static str) {
    assert!(Shell::new(&index.into()).is_none());
}

#[rstest]
#[case("br, gzip", Some("br"))]
#[case("gzip;q=0.5", Some("gzip"))]
#[case("br;q=0, gzip", Some("gzip"))]
#[case("identity", None)]
#[case("", None)]
fn the_smallest_form_that_is_taken(#[case] accepted: &str, #[case] form: Option<&str>) {
    assert_eq!(files::form(accepted).next().map(|(name, _)| name), form);
}

#[tokio::test]
async fn a_build_without_the_app_says_so_and_serves_the_api() {
    let api = Router::new().route("/api/v1/genres", get(|| async { "[]" }));
    let node = api.merge(crate::without_app());
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = node.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(ask("/api/v1/genres").await, (StatusCode::OK, "[]".to_owned()));
    let (status, said) = ask("/").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(said.contains("no_web_app") && said.contains("/docs/"), "{said}");
}
