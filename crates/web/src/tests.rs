//! What the page of a title says, over plain values; the routes are tested on a whole node, in a browser.

use axum::{Router, body::Body, extract::Query, response::Response, routing::get};
use contracts::{Content, Directory, Season};
use http::{HeaderMap, Request, StatusCode, header};
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    asked,
    facts::{Crew, Facts},
    files,
    language::{Language, Languages, grouped},
    linked_data::{self, for_script},
    offers::lines,
    page::{Filling, Shell},
    search, seasons,
    title::fill,
};

/// The app's own words, with a few names and shapes in place of the build's tables.
fn languages() -> Languages {
    let table = |tag: &str, dir: &str, words: &str, comma: &str, places: &Value, dollar: &Value| {
        let units = |unit: &str| (0..60).map(|value| format!("{value} {unit}")).collect::<Vec<_>>();
        let dates: Vec<_> = (1..=12).map(|month| format!("{{d}}/{month}/{{y}}")).collect();
        json!({ "tag": tag, "dir": dir, "words": words, "comma": comma, "regions": places, "languages": { "fr": "FR!" },
            "currencies": { "USD": dollar }, "percent": ["", "%"], "hours": units("h"), "minutes": units("m"), "dates": dates })
        .to_string()
        .into()
    };
    let english = include_str!("../../../web/src/locales/en.ftl");
    let arabic = include_str!("../../../web/src/locales/ar.ftl");
    Languages::new(&[
        table("en", "ltr", english, ", ", &json!({ "US": "United States" }), &json!(["$", "", 2])),
        table("ar", "rtl", arabic, "، ", &json!({ "US": "الولايات المتحدة" }), &json!(["", " US$", 2])),
    ])
    .unwrap()
}

fn in_language(tag: &str, check: impl FnOnce(&Language)) {
    let headers = HeaderMap::from_iter([(header::COOKIE, format!("a=b; locale={tag}").parse().unwrap())]);
    let all = languages();
    let language = all.of(&headers);
    assert_eq!(language.tag, tag);
    check(language);
}

fn content(changes: &Value) -> Content {
    let mut value = json!({
        "id": "01a1fcba-c4b1-7f5e-b34f-b40e5a2610ed", "content_type": "movie", "title": "Crooked Mile",
        "original_title": null, "overview": null, "locale": "en", "release_date": null, "release_year": 1992,
        "runtime_minutes": 105, "genres": ["science_fiction", "thriller"], "countries": ["US"], "languages": ["en"],
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

#[rstest]
#[case(None, None, "en")]
#[case(Some("fr, ar-EG;q=0.9, en;q=0.8"), None, "ar")]
#[case(Some("ar"), Some("en"), "en")]
#[case(Some("de"), Some("x=1; locale=ar"), "ar")]
#[case(Some("ar"), Some("locale=tlh"), "ar")]
fn the_reader_is_answered_in_their_language(
    #[case] asked: Option<&str>,
    #[case] kept: Option<&str>,
    #[case] tag: &str,
) {
    let kept =
        kept.map(|kept| (header::COOKIE, if kept.contains('=') { kept.to_owned() } else { format!("locale={kept}") }));
    let asked = asked.map(|asked| (header::ACCEPT_LANGUAGE, asked.to_owned()));
    let headers = [kept, asked].into_iter().flatten().map(|(name, value)| (name, value.parse().unwrap())).collect();
    assert_eq!(languages().of(&headers).tag, tag);
}

#[test]
fn facts_are_said_in_words_and_what_is_not_known_is_left_out() {
    in_language("en", |english| {
        let facts = Facts::of(&content(&json!({ "original_title": "Crooked Mile" })), &directory(), english);
        assert_eq!(facts.line, ["Film", "1992", "1 h 45 m", "Science fiction, Thriller"]);
        assert_eq!((facts.original_title, facts.rating), (None, None));
        let director = Crew { part: "Directed by".to_owned(), names: vec!["Nora Vance".to_owned()], more: None };
        assert_eq!(facts.people[0], director);
        assert_eq!(facts.more[0], ("Countries".to_owned(), "United States".to_owned()));
        assert!(facts.summary.ends_with("Directed by Nora Vance. With Bo Finch"), "{}", facts.summary);

        let bare = json!({ "release_year": null, "runtime_minutes": null, "genres": [], "countries": [], "languages": [],
            "credits": [], "vote_count": 3214, "average_rating": 7.24, "overview": "word ".repeat(60) });
        let facts = Facts::of(&content(&bare), &directory(), english);
        assert_eq!((facts.line.len(), facts.people.len(), facts.more.len()), (1, 0, 0));
        assert_eq!(facts.rating.as_deref(), Some("7.2 of 10, 3,214 votes"));
        assert!(facts.summary.ends_with("word…") && facts.summary.chars().count() <= 161, "{}", facts.summary);
    });
}

#[test]
fn a_long_cast_says_how_many_more_there_are() {
    let credit = |number: u32| json!({ "name": format!("Extra {number}"), "role": "actor" });
    let cast =
        |most: u32| content(&json!({ "credits": (1..=most).map(credit).chain([credit(1)]).collect::<Vec<_>>() }));
    in_language("en", |english| {
        let more = |most: u32| {
            let crew = Facts::of(&cast(most), &directory(), english).people.remove(0);
            (crew.names.len(), crew.more)
        };
        assert_eq!(more(15), (15, None), "who plays two parts is one person");
        assert_eq!(more(40), (15, Some("and 25 more".to_owned())));
        assert!(fill(&cast(40), &directory(), None, english).body.contains("Extra 15</a> and 25 more</dd>"));
    });
}

#[test]
fn every_language_says_them_in_its_own_words() {
    let series = content(&json!({ "content_type": "tv_show", "season_count": 3, "release_date": "1992-04-01",
        "languages": ["fr", "yue"], "original_title": "Mile" }));
    in_language("ar", |arabic| {
        let facts = Facts::of(&series, &directory(), arabic);
        assert_eq!(facts.line, ["مسلسل", "1992", "\u{2068}3\u{2069} مواسم", "1 h 45 m", "خيال علمي، إثارة"]);
        assert_eq!(facts.people[0].part, "ابتكار");
        let more: Vec<_> = facts.more.iter().map(|(_, said)| said.as_str()).collect();
        assert_eq!(more, ["1/4/1992", "الولايات المتحدة", "FR!، Cantonese"]);
        assert_eq!(facts.original_title.as_deref(), Some("في الأصل \u{2068}Mile\u{2069}"));
        assert_eq!((arabic.dir.as_str(), arabic.content_tag()), ("rtl", "ar"));
    });
    in_language("en-XA", |pseudo| {
        let facts = Facts::of(&series, &directory(), pseudo);
        assert!(facts.line[0].contains("Šéŕîéš~~"), "{:?}", facts.line);
        assert_eq!(pseudo.content_tag(), "en");
    });
}

#[test]
fn every_genre_has_a_name_in_every_language() {
    let table = include_str!("../../contracts/src/genre_names.tsv").lines().filter(|line| !line.starts_with('#'));
    let ids: Vec<&str> = table.filter_map(|line| line.split('\t').next()).collect();
    assert!(ids.len() > 70 && ids.contains(&"stand_up"), "{ids:?}");
    in_language("en", |english| {
        for id in &ids {
            assert_eq!(Some(english.genre(id).as_str()), contracts::genres::name(id), "as the API calls it");
        }
    });
    in_language("ar", |arabic| {
        for id in &ids {
            let name = arabic.genre(id);
            assert!(
                name.chars().all(|letter| letter == ' ' || ('\u{600}'..='\u{6ff}').contains(&letter)),
                "{id}: {name}"
            );
        }
    });
}

#[test]
fn the_page_of_a_series_lists_its_seasons_in_words() {
    let series = content(&json!({ "content_type": "tv_show", "season_count": 2 }));
    let seasons: Vec<Season> = serde_json::from_value(json!([
        { "number": 0 },
        { "number": 1, "name": "Salt </script>", "air_year": 2004, "episode_count": 8 },
        { "number": 2015, "episode_count": 1 },
    ]))
    .unwrap();
    in_language("en", |english| {
        let told: Vec<_> =
            seasons::lines(&seasons, english).into_iter().map(|line| (line.name, line.more.join(" "))).collect();
        let expected = [("Specials", ""), ("Salt </script>", "2004 8 episodes"), ("Season 2015", "1 episode")];
        assert_eq!(told, expected.map(|(name, more)| (name.to_owned(), more.to_owned())));
        let body = fill(&series, &directory(), Some(&seasons), english).body;
        assert!(body.contains("<h2>Seasons</h2>") && body.contains("Season 2015") && body.contains("id=\"seasons\""));
        assert!(!body.contains("Salt </script>"), "a name carries no markup");
        let body = fill(&series, &directory(), Some(&[]), english).body;
        assert!(!body.contains("<h2>Seasons</h2>") && body.contains("id=\"seasons\">[]<"), "known to be none");
        let body = fill(&series, &directory(), None, english).body;
        assert!(!body.contains("id=\"seasons\""), "the app asks by itself");
    });
    in_language("ar", |arabic| {
        let told = seasons::lines(&seasons, arabic);
        assert_eq!((told[0].name.as_str(), told[2].more.join("").as_str()), ("حلقات خاصة", "حلقة واحدة"));
    });
}

#[rstest]
#[case("7", "7")]
#[case("999", "999")]
#[case("1000", "1,000")]
#[case("1234567.50", "1,234,567.50")]
fn numbers_are_grouped(#[case] number: &str, #[case] written: &str) {
    assert_eq!(grouped(number), written);
}

#[test]
fn pictures_have_the_addresses_that_the_app_asks_for() {
    let image = |kind: &str, width: Value| json!({ "kind": kind, "url": "foobar", "width": width, "height": null });
    let content = content(&json!({ "images": [image("poster", json!(300)), image("backdrop", Value::Null)] }));
    in_language("en", |english| {
        let facts = Facts::of(&content, &directory(), english);
        let (poster, backdrop) = (facts.poster.unwrap(), facts.backdrop.unwrap());
        let at = |kind: &str, width: u32| format!("/api/v1/images/{}/{kind}?width={width}&v=bf9cf968", content.id);
        assert_eq!(poster.src, at("poster", 240));
        let widths =
            |srcset: &str| srcset.split(", ").map(|one| one.split(' ').nth(1).unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(widths(&poster.srcset), ["120w", "240w", "360w"]);
        assert_eq!(widths(&backdrop.srcset), ["360w", "780w", "1280w"]);
        assert_eq!(backdrop.src, at("backdrop", 780));
    });
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
    in_language("en", |english| {
        let lines = lines(&content.availability, &directory(), english);
        let said: Vec<_> = lines
            .iter()
            .map(|line| (line.service.as_str(), line.kind.as_str(), line.places.join("|"), line.sample))
            .collect();
        assert_eq!(
            said,
            [
                ("Max", "Included", "United States".to_owned(), false),
                ("Max", "Rent", "United States $3.99|GB $3.49".to_owned(), true),
                ("new one", "Included", "United States".to_owned(), true),
            ]
        );
        assert_eq!((lines[0].checked.as_str(), lines[0].confidence.as_str()), ("2/1/2026", "likely, 50%"));
        assert_eq!(lines[1].confidence, "generated", "nobody was ever sure of it");
    });
}

fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn an_address_is_read_as_the_app_reads_it() {
    // One table for both (`web/src/lib/search-state.test.ts`).
    let table: Vec<Value> = serde_json::from_str(include_str!("../../../web/src/lib/addresses.json")).unwrap();
    assert!(table.len() > 10);
    for row in table {
        let address = row["address"].as_str().unwrap();
        let uri: http::Uri = format!("/search/plain?{address}").parse().unwrap();
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap();
        let mut asked = serde_json::to_value(asked::request(&pairs)).unwrap();
        asked.as_object_mut().unwrap().remove("facets");
        assert_eq!(asked, row["request"], "{address}");
    }
    let intent = asked::request(&params(&[("intent", "{\"people\":[\"Ada Wren\"]}")])).intent.unwrap();
    assert_eq!(intent.people, ["Ada Wren"]);
}

#[test]
fn what_nobody_can_read_in_an_address_is_said() {
    let odd =
        [("from", "soon"), ("rating", "NaN"), ("max", "0"), ("page", "-4"), ("sort", "hot"), ("intent", "{broken")];
    assert_eq!(asked::unread(&params(&odd)), ["soon", "NaN", "0", "-4", "hot"], "and of the rest no more is said");
    let fine =
        [("from", "1999"), ("sort", "newest"), ("type", "movie"), ("page", "9999"), ("utm_source", "x"), ("on", "")];
    assert!(asked::unread(&params(&fine)).is_empty());
    assert_eq!(asked::unread(&params(&[("type", "movie,game"), ("intent", "{broken")])), ["game", "{broken"]);
}

#[test]
fn a_page_of_results_leads_to_titles_and_to_the_next() {
    let asked = params(&[("q", "a <b> & \"c\""), ("with", "Ada Wren"), ("page", "2")]);
    let request = asked::request(&asked);
    let result = json!({ "content": content(&json!({ "title": "<i>Mile</i>" })), "relevance_score": 0.0, "match_reasons": [],
        "vector_similarity": 0.0, "graph_score": 0.0, "keyword_score": 0.0 });
    let mut found = json!({ "results": [result], "total_count": 41, "total_count_is_capped": false, "fitting_count": 41, "page": 2, "page_size": 20,
        "query_parsed": {}, "degraded": [], "search_time_ms": 1.0 });
    let page = |found: &Value, refused: bool, language: &Language| {
        search::fill(&request, &asked, &serde_json::from_value(found.clone()).unwrap(), refused, language)
    };
    in_language("en", |english| {
        let filling = page(&found, false, english);
        assert_eq!(filling.status, StatusCode::OK);
        assert!(
            !filling.body.contains("<i>") && !filling.body.contains("<b>") && !filling.head.unwrap().contains("<b>")
        );
        let to = |page: &str| format!("href=\"/search/plain?q=a+%3Cb%3E+%26+%22c%22&#38;with=Ada+Wren{page}\"");
        assert!(filling.body.contains(&to("")), "the page before: {}", filling.body);
        assert!(filling.body.contains(&to("&#38;page=3")), "the next: {}", filling.body);
        for words in [
            "href=\"/title/01a1fcba-c4b1-7f5e-b34f-b40e5a2610ed\"",
            "41 titles",
            "start=\"21\"",
            "Page 2 of 3",
            "Film · 1992",
        ] {
            assert!(filling.body.contains(words), "{words}: {}", filling.body);
        }
        let refused = page(&found, true, english);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.body.contains("its words alone") && !refused.body.contains("with=Ada"), "{}", refused.body);
    });
    let mut said = |total: u64, capped: bool, fitting: Value| {
        found["total_count"] = json!(total);
        found["total_count_is_capped"] = json!(capped);
        found["fitting_count"] = fitting;
        let mut body = String::new();
        in_language("en", |english| body = page(&found, false, english).body);
        body
    };
    let near = said(1000, true, json!(22));
    assert!(near.contains("<p>22 titles fit, more than 1,000 come near</p>"), "{near}");
    let none = said(1, false, json!(0));
    assert!(none.contains("<p>No title fits all of it, 1 comes near</p>"), "{none}");
    let example = said(57, false, Value::Null);
    assert!(example.contains("<p>57 titles come near</p>"), "{example}");
    found["total_count"] = json!(40);
    in_language("ar", |arabic| {
        let body = page(&found, false, arabic).body;
        assert!(body.contains("السابقة") && !body.contains("التالية"), "the last page: {body}");
    });
}

#[test]
fn linked_data_names_facts_and_no_offers() {
    let changes = json!({
        "release_date": "1992-04-01", "vote_count": 5, "average_rating": 7.5,
        "availability": [offer("max", "US", "sample", None)],
        "external_ids": [{ "id_type": "imdb", "id_value": "tt1" }, { "id_type": "wikidata", "id_value": "Q1\"><" }]
    });
    let content = content(&changes);
    let data = linked_data::of(&content);
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

const INDEX: &str = "<html lang=\"en\"><head><!--head--><title>App</title><!--/head--><script>let a=1</script></head>\
                     <div><!--page-->old<!--/page--></div>";

#[tokio::test]
async fn a_page_is_the_shell_with_something_in_it() {
    let shell = Shell::new(&INDEX.into(), vec!["index-1.js".to_owned(), "ar-2.js".to_owned()]).unwrap();
    let filling =
        Filling { head: Some("<title>T</title>".into()), body: "<main>x</main>".into(), ..Filling::default() };
    let arabic = HeaderMap::from_iter([(header::COOKIE, "locale=ar".parse().unwrap())]);
    let response = shell.answer(&HeaderMap::new(), languages().of(&arabic), &filling);
    assert_eq!(response.headers()[header::VARY], "accept-language, cookie");
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    // The hash of `let a=1`, as `openssl dgst -sha256 -binary | base64` has it.
    assert!(policy.contains("'sha256-+Q3dsIT3kYyYXlBldxY4Baal1kEoF6cDrlPvZn4iLYs='"), "{policy}");
    assert!(!policy.contains("unsafe"));
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    let text = std::str::from_utf8(&body).unwrap();
    assert_eq!(
        text,
        "<html lang=\"ar\" dir=\"rtl\"><head><title>T</title><link rel=\"modulepreload\" href=\"/assets/ar-2.js\">\
         <script>let a=1</script></head><div><main>x</main></div>"
    );
    // Who has the page already is told so; who has a failure is told it again.
    let tag = |response: &Response| response.headers().get(header::ETAG).cloned();
    let known = tag(&shell.answer(&HeaderMap::new(), languages().of(&arabic), &filling)).unwrap();
    let again = HeaderMap::from_iter([(header::IF_NONE_MATCH, known), (header::COOKIE, "locale=ar".parse().unwrap())]);
    assert_eq!(shell.answer(&again, languages().of(&arabic), &filling).status(), StatusCode::NOT_MODIFIED);
    let gone = Filling { status: StatusCode::NOT_FOUND, ..filling };
    let failed = shell.answer(&again, languages().of(&arabic), &gone);
    assert_eq!((failed.status(), tag(&failed)), (StatusCode::NOT_FOUND, None));
    assert_eq!(failed.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(axum::body::to_bytes(failed.into_body(), 4096).await.unwrap(), body);
    let filling = Filling { status: StatusCode::OK, ..gone };
    let english = shell.answer(&HeaderMap::new(), languages().of(&HeaderMap::new()), &filling);
    let body = axum::body::to_bytes(english.into_body(), 4096).await.unwrap();
    assert!(!body.windows(13).any(|part| part == b"modulepreload"), "its words are in the app itself");
}

#[rstest]
#[case("")]
#[case("<html lang=\"en\"><head><!--head--><!--/head--></head>")]
#[case("<!--head--><!--/head--><!--page--><!--/page-->")]
fn what_is_no_shell_is_none(#[case] index: &'static str) {
    assert!(Shell::new(&index.into(), Vec::new()).is_none());
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
