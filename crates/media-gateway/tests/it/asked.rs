//! What people really ask, and what nobody should, over HTTP and at the terminal: judged by the results.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    app::{App, PATIENCE, Setup},
    fixtures::{self, HEADER},
    grpc,
    resume::caught_up,
};

/// No answer may take longer; a node of the tests shares its machine with others.
const LIMIT: Duration = Duration::from_secs(10);

/// Films as a streaming service lists them: title, director, cast, country, year, minutes, genres, description.
type Film = (&'static str, &'static str, &'static str, &'static str, u16, u16, &'static str, &'static str);

const KEANU: &str = "Keanu Reeves, Carrie-Anne Moss";
const ON_NETFLIX: &[Film] = &[
    (
        "The Matrix",
        "Lana Wachowski",
        KEANU,
        "United States",
        1999,
        136,
        "Action & Adventure, Sci-Fi & Fantasy",
        "A hacker learns that the world is a simulation.",
    ),
    (
        "The Matrix Reloaded",
        "Lana Wachowski",
        KEANU,
        "United States",
        2003,
        138,
        "Action & Adventure, Sci-Fi & Fantasy",
        "Machines dig towards the last city.",
    ),
    (
        "Galaxy Quest",
        "Dean Parisot",
        "Tim Allen, Sigourney Weaver",
        "United States",
        1999,
        102,
        "Comedies, Sci-Fi & Fantasy",
        "Actors of a series about space find themselves in a war that is no simulation.",
    ),
    (
        "Paddington",
        "Paul King",
        "Ben Whishaw",
        "United Kingdom",
        2014,
        95,
        "Children & Family Movies, Comedies",
        "A bear finds a home.",
    ),
    (
        "The Call",
        "Lee Chung-hyun",
        "Park Shin-hye",
        "South Korea",
        2020,
        112,
        "Thrillers",
        "A telephone joins two times.",
    ),
    (
        "Oldboy",
        "Park Chan-wook",
        "Choi Min-sik",
        "South Korea",
        2003,
        120,
        "Thrillers",
        "A man is locked up for years.",
    ),
    ("Gone Girl", "David Fincher", "Ben Affleck", "United States", 2018, 149, "Thrillers", "A wife disappears."),
];
const ON_HULU: &[Film] = &[
    (
        "Heat",
        "Michael Mann",
        "Al Pacino, Robert De Niro",
        "United States",
        1995,
        170,
        "Crime, Thriller",
        "A detective hunts a crew of robbers planning one last heist.",
    ),
    (
        "Scarface",
        "Brian De Palma",
        "Al Pacino",
        "United States",
        1983,
        170,
        "Crime, Drama",
        "A refugee builds a drug empire.",
    ),
    (
        "The Sound of Music",
        "Robert Wise",
        "Julie Andrews",
        "United States",
        1965,
        174,
        "Family, Musical",
        "A governess sings with seven children.",
    ),
    (
        "Forgotten",
        "Jang Hang-jun",
        "Kang Ha-neul",
        "South Korea",
        2017,
        108,
        "Thriller",
        "A brother comes back changed.",
    ),
    (
        "Dawn",
        "Zack Snyder",
        "Sarah Polley",
        "United States",
        2004,
        101,
        "Horror",
        "Zombies besiege a shopping centre and those who hide in it.",
    ),
    ("It", "Andy Muschietti", "Bill Skarsgård", "United States", 2017, 135, "Horror", "A clown haunts a town."),
];

fn listed(films: &[Film]) -> String {
    let row = |(place, film): (usize, &Film)| {
        let (title, director, cast, country, year, minutes, genres, story) = film;
        format!(
            "s{place},Movie,{title},{director},\"{cast}\",{country},\"June 1, 2021\",{year},PG,{minutes} min,\"{genres}\",{story}\n"
        )
    };
    format!("{HEADER}\n{}", films.iter().enumerate().map(row).collect::<String>())
}

/// A node with the films of both services, embedded where it has a model.
pub fn cinema(setup: Setup) -> App {
    let app = setup.start();
    let dir = tempfile::tempdir().unwrap();
    let netflix = fixtures::write(dir.path(), "netflix_titles.csv", listed(ON_NETFLIX).as_bytes());
    let hulu = fixtures::write(dir.path(), "hulu_titles.csv", listed(ON_HULU).as_bytes());
    app.ingest(&[&netflix, &hulu]);
    let titles = ON_NETFLIX.len() + ON_HULU.len();
    let ready = |told: &str| app.eventually("/readyz", |ready| ready["components"].to_string().contains(told));
    ready(&format!("{titles} titles joined"));
    if app.setup.has_model() {
        ready(&format!("{titles} of {titles} titles embedded"));
    }
    app
}

/// The titles of an answer, in its order.
pub fn titles(found: &Value) -> Vec<&str> {
    found["results"].as_array().unwrap().iter().map(|hit| hit["content"]["title"].as_str().unwrap()).collect()
}

/// Query, what comes first, what must not come at all.
type Row = (&'static str, &'static str, &'static [&'static str]);

const ASKED: &[Row] = &[
    ("movies like The Matrix but funny", "Galaxy Quest", &["The Matrix", "Heat"]),
    ("90s heist films with Al Pacino", "Heat", &["Scarface", "The Matrix Reloaded"]),
    ("something relaxing for the whole family under two hours", "Paddington", &["The Sound of Music", "Heat", "It"]),
    ("Korean thrillers on Netflix after 2015", "The Call", &["Oldboy", "Forgotten", "Gone Girl", "Heat"]),
    ("not horror", "", &["It", "Dawn"]),
    ("thrillers but not korean", "", &["The Call", "Oldboy", "Forgotten"]),
    ("what was that film where zombies besiege a shopping centre", "Dawn", &[]),
    (
        "what was that film where some people hide in a mall, I think it was from the 2000s, and outside there are \
         undead creatures who want to eat them, and there was a nurse in it I believe?",
        "Dawn",
        &[],
    ),
    ("the matirx", "The Matrix", &[]),
    ("galxy qeust", "Galaxy Quest", &[]),
    ("al pachino", "", &["Paddington", "It"]),
    ("films by micheal mann", "Heat", &[]),
];

#[test]
fn what_people_ask_is_answered_at_every_door() {
    let app = cinema(Setup::new().with_model());
    for (query, first, never) in ASKED {
        let started = Instant::now();
        let found = app.post("/api/v1/search", &json!({ "query": query })).ok();
        assert!(started.elapsed() < LIMIT, "{query}: {:?}", started.elapsed());
        let got = titles(&found);
        assert!(!got.is_empty() && (first.is_empty() || got[0] == *first), "{query}: {got:?}");
        for unwanted in *never {
            assert!(!got.contains(unwanted), "{query}: {got:?}");
        }
        assert_eq!(found["degraded"], json!([]), "{query}");
        let reasons = |hit: &Value| !hit["match_reasons"].as_array().unwrap().is_empty();
        assert!(found["results"].as_array().unwrap().iter().all(reasons), "{query}: every result says why");
        let typed = app.setup.run(&["search", query, "--json"]);
        let typed: Value = serde_json::from_slice(&typed.stdout).unwrap();
        let typed = titles(&typed);
        assert!(!typed.is_empty() && got.starts_with(&typed), "{query}: the terminal finds the same: {typed:?}");
    }
    let all = ON_NETFLIX.len() + ON_HULU.len();
    assert_eq!(titles(&app.post("/api/v1/search", &json!({ "query": "not horror" })).ok()).len(), all - 2);
    let pacino = app.post("/api/v1/search", &json!({ "query": "al pachino" })).ok();
    let mut first = titles(&pacino)[..2].to_vec();
    first.sort_unstable();
    assert_eq!(first, ["Heat", "Scarface"], "a misspelt name leads to all that the person was in");
    // What was understood comes back as fields that can be changed: another person, and nothing else.
    let mut intent = app.post("/api/v1/search", &json!({ "query": ASKED[1].0 })).ok()["query_parsed"].clone();
    assert_eq!(
        (&intent["people"], &intent["year_range"]),
        (&json!(["Al Pacino"]), &json!({ "from": 1990, "to": 1999 }))
    );
    intent["people"] = json!(["Keanu Reeves"]);
    let edited = app.post("/api/v1/search", &json!({ "intent": intent })).ok();
    assert_eq!(titles(&edited)[0], "The Matrix", "{edited}");
}

/// Two directors with four films each, added on other days than they were shown, in an order of their own.
const SHELF: &[(&str, &str, u16, &str)] = &[
    ("Lamp", "Ada Wren", 1991, "June 1, 2021"),
    ("Candle", "Ada Wren", 1992, "June 4, 2021"),
    ("Torch", "Ada Wren", 2003, "June 2, 2021"),
    ("Beacon", "Ada Wren", 2004, "June 8, 2021"),
    ("Ferry", "Cal Dunmore", 1995, "June 7, 2021"),
    ("Barge", "Cal Dunmore", 2006, "June 3, 2021"),
    ("Sloop", "Cal Dunmore", 2017, "June 6, 2021"),
    ("Raft", "Cal Dunmore", 2018, "June 5, 2021"),
];

#[test]
fn every_row_leads_to_a_list_that_begins_with_it() {
    let setup = Setup::new()
        .env("MEDIA_GATEWAY_TRUSTED_PROXIES", "127.0.0.1")
        .env("MEDIA_GATEWAY_RATE_LIMITS_ANONYMOUS", "1000,1000,10000,100000");
    let app = setup.start();
    let dir = tempfile::tempdir().unwrap();
    let row = |(place, (title, director, year, added)): (usize, &(&str, &str, u16, &str))| {
        // Who directed one film acts in another: a list of what they directed leaves it out.
        let cast = if place == 4 { "Ada Wren" } else { "Bo Finch" };
        format!("s{place},Movie,{title},{director},{cast},France,\"{added}\",{year},PG,90 min,Dramas,A thing.\n")
    };
    let text = format!("{HEADER}\n{}", SHELF.iter().enumerate().map(row).collect::<String>());
    app.ingest(&[&fixtures::write(dir.path(), "netflix_titles.csv", text.as_bytes())]);
    app.eventually("/readyz", |ready| ready["components"].to_string().contains("8 titles joined"));
    for person in 0..5 {
        for title in ["Sloop", "Lamp", "Raft"] {
            let request =
                app.request("POST", "/api/v1/search").header("x-forwarded-for", format!("198.51.100.{person}"));
            app.send(request.json(&json!({ "query": title }))).ok();
        }
    }
    // Ranked at the start.
    let app = app.stop().0.start();
    caught_up(&app);
    let has =
        |found: &Value, kind: &str| found["rows"].as_array().unwrap().iter().any(|row| row["about"]["code"] == kind);
    let found = app.eventually("/api/v1/discover?region=US", |found| has(found, "trending"));
    for kind in ["trending", "popular", "added", "genre", "decade", "director"] {
        assert!(has(&found, kind), "no row of {kind}: {found}");
    }
    for row in found["rows"].as_array().unwrap() {
        let ids = |items: &Value, at: &str| -> Vec<String> {
            items.as_array().unwrap().iter().map(|item| item.pointer(at).unwrap().to_string()).collect()
        };
        let behind = app.post("/api/v1/search", &row["search"]).ok();
        let (shown, listed) = (ids(&row["items"], "/id"), ids(&behind["results"], "/content/id"));
        assert!(shown.len() >= 3 && listed.starts_with(&shown), "{}: {shown:?} and behind it {listed:?}", row["id"]);
        let first = app.post("/api/v1/search", &with(&row["search"], json!({ "page_size": 2 }))).ok();
        let second = app.post("/api/v1/search", &with(&row["search"], json!({ "page_size": 2, "page": 2 }))).ok();
        let pages = [ids(&first["results"], "/content/id"), ids(&second["results"], "/content/id")].concat();
        assert!(listed.starts_with(&pages), "{}: pages hang together", row["id"]);
    }
    let named = |sort: &str, query: &str| app.get(&format!("/api/v1/search?sort={sort}&q={query}")).ok();
    assert_eq!(titles(&named("recently_added", ""))[..3], ["Beacon", "Ferry", "Sloop"]);
    assert_eq!(titles(&named("newest", ""))[..3], ["Raft", "Sloop", "Barge"]);
    assert_eq!(titles(&named("newest", "directed+by+ada+wren")), ["Beacon", "Torch", "Candle", "Lamp"]);
    grpc::sorts_as_http_does(&app);
    grpc::trends_as_http_does(&app);
    let typed = app.setup.run(&["search", "--sort", "recently_added", "--json"]);
    assert_eq!(titles(&serde_json::from_slice(&typed.stdout).unwrap())[..2], ["Beacon", "Ferry"]);
    let refused = app.setup.run(&["search", "--sort", "hot"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("is not one of relevance, popular"), "{said}");
}

/// An object with some of its fields changed.
fn with(value: &Value, changes: Value) -> Value {
    let (mut all, Value::Object(changes)) = (value.clone(), changes) else { panic!("no object") };
    all.as_object_mut().unwrap().extend(changes);
    all
}

/// A body, and the titles of the answer in any order.
type Told = (Value, &'static [&'static str]);

const FOUND: &[(&str, &str)] = &[
    // Diacritics and case.
    ("BILL SKARSGARD", "It"),
    ("skarsgård", "It"),
    // Phrases, whole and in their order.
    ("\"planning one last heist\"", "Heat"),
    ("\"world is a simulation\"", "The Matrix"),
    ("\"simulation is a world\"", ""),
    // Synonyms.
    ("robbery", "Heat"),
    // Prefixes and slips.
    ("padding", "Paddington"),
    ("scarfase", "Scarface"),
];

#[test]
fn words_are_found_however_they_are_written() {
    let app = cinema(Setup::new());
    for (query, first) in FOUND {
        let found = app.post("/api/v1/search", &json!({ "query": query })).ok();
        assert_eq!(titles(&found).first().copied().unwrap_or_default(), *first, "{query}: {:?}", titles(&found));
    }
}

#[test]
fn counts_and_services_hold() {
    let app = cinema(Setup::new());
    let all = json!({ "facets": ["platforms", "genres", "decades", "content_types", "languages"] });
    let found = app.post("/api/v1/search", &all).ok();
    let (netflix, hulu) = (ON_NETFLIX.len(), ON_HULU.len());
    assert_eq!(
        found["facets"]["platforms"],
        json!([{ "value": "netflix", "label": "Netflix", "count": netflix },
               { "value": "hulu", "label": "Hulu", "count": hulu }])
    );
    let count = |found: &Value, field: &str, value: &str| {
        let values = found["facets"][field].as_array().unwrap();
        values.iter().find(|facet| facet["value"] == value).map(|facet| facet["count"].as_u64().unwrap())
    };
    assert_eq!(count(&found, "content_types", "movie"), Some((netflix + hulu) as u64));
    assert_eq!((count(&found, "genres", "horror"), count(&found, "decades", "1990")), (Some(2), Some(3)));
    // Counts are of all that was found, not of the page, and of nothing else.
    let pacino = json!({ "filters": { "people": ["al pacino"] }, "facets": ["decades", "platforms"], "page_size": 1 });
    let found = app.post("/api/v1/search", &pacino).ok();
    assert_eq!((count(&found, "decades", "1990"), count(&found, "decades", "1980")), (Some(1), Some(1)));
    assert_eq!((count(&found, "platforms", "hulu"), count(&found, "platforms", "netflix")), (Some(2), None));

    // One of the services elsewhere, with a film of its own.
    let dir = tempfile::tempdir().unwrap();
    let row = "g1,Movie,Fog,,,United Kingdom,\"June 1, 2021\",1980,PG,89 min,Horror,Sailors come back from the sea.\n";
    let british = fixtures::write(dir.path(), "hulu_titles.csv", format!("{HEADER}\n{row}").as_bytes());
    assert!(app.setup.run(&["ingest", "--region", "GB", &british]).status.success());
    app.eventually("/api/v1/search?region=GB", |found| titles(found) == ["Fog"]);
    let mine: Vec<Told> = vec![
        (
            json!({ "query": "thrillers", "filters": { "platforms": ["netflix"] } }),
            &["The Call", "Oldboy", "Gone Girl"],
        ),
        (json!({ "query": "thrillers", "filters": { "platforms": ["hulu"] } }), &["Forgotten", "Heat"]),
        (json!({ "query": "thrillers", "filters": { "platforms": ["hulu"] }, "region": "DE" }), &[]),
        (
            json!({ "query": "horror", "filters": { "platforms": ["netflix", "hulu"] }, "region": "USA" }),
            &["Dawn", "It"],
        ),
        (json!({ "query": "horror", "filters": { "platforms": ["netflix", "hulu"] }, "region": "GBR" }), &["Fog"]),
    ];
    for (body, wanted) in mine {
        let found = app.post("/api/v1/search", &body).ok();
        let (mut got, mut wanted) = (titles(&found), wanted.to_vec());
        got.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(got, wanted, "{body}");
    }
}

#[test]
fn a_filter_brings_what_its_number_says() {
    let app = cinema(Setup::new().with_model());
    let mut compared = 0;
    for query in
        ["movies like The Matrix", "actors in space", "robbers and zombies", "films with Al Pacino", "thrillers"]
    {
        let asked = json!({ "query": query, "facets": ["platforms", "genres", "decades"] });
        let found = app.post("/api/v1/search", &asked).ok();
        for (field, values) in found["facets"].as_object().unwrap() {
            for value in values.as_array().unwrap() {
                let filters = match field.as_str() {
                    "decades" => {
                        let from: u16 = value["value"].as_str().unwrap().parse().unwrap();
                        json!({ "year_range": { "from": from, "to": from + 9 } })
                    }
                    other => json!({ other: [value["value"]] }),
                };
                let brought = app.post("/api/v1/search", &with(&asked, json!({ "filters": filters }))).ok();
                assert_eq!(brought["total_count"], value["count"], "{query}: {filters} {:?}", titles(&brought));
                compared += 1;
            }
        }
    }
    assert!(compared > 30, "{compared}");
}

#[test]
fn an_answer_is_kept_while_the_catalogue_stands_still() {
    let app = cinema(Setup::new().with_model());
    let hits = || crate::split::counter(&app, "search_cache_lookups_total", &["outcome=\"hit\""]);
    let ask = || {
        let before = hits();
        let found = app.post("/api/v1/search", &json!({ "query": "zombies who hide in a centre" })).ok();
        (titles(&found).into_iter().map(str::to_owned).collect::<Vec<_>>(), hits() - before)
    };
    let until_kept = || {
        let since = Instant::now();
        loop {
            let (found, hits) = ask();
            if hits == 1.0 {
                return found;
            }
            assert!(since.elapsed() < PATIENCE, "nothing is kept");
        }
    };
    let (first, hits) = ask();
    assert_eq!((first[0].as_str(), hits), ("Dawn", 0.0), "nobody asked this before");
    assert_eq!(until_kept(), first);
    let dir = tempfile::tempdir().unwrap();
    let row = "n1,Movie,Who Hide in a Centre,,,,,2019,PG,90 min,Horror,Zombies.\n";
    app.ingest(&[&fixtures::write(dir.path(), "hulu_titles.csv", format!("{HEADER}\n{row}").as_bytes())]);
    let all = ON_NETFLIX.len() + ON_HULU.len() + 1;
    for told in [format!("{all} titles joined"), format!("{all} of {all} titles embedded")] {
        app.eventually("/readyz", |ready| ready["components"].to_string().contains(&told));
    }
    let (fresh, hits) = ask();
    assert!(hits == 0.0 && fresh.contains(&"Who Hide in a Centre".to_owned()), "what was kept is of other indexes");
    assert_eq!(until_kept(), fresh);
}

#[test]
fn what_was_rated_and_spoken_can_be_asked_for() {
    // Two of the titles have a rating (7.5, from a film database) and a language.
    let app = fixtures::loaded(Setup::new());
    let ask = |body: &Value| app.post("/api/v1/search", body);
    let sorted = |body: &Value| {
        let found = ask(body).ok();
        let mut found: Vec<String> = titles(&found).into_iter().map(str::to_owned).collect();
        found.sort_unstable();
        found
    };
    let both = ["Salt and Thunder", "The Paper Lighthouse"];
    let english = json!([{ "value": "en", "label": "English", "count": 2 }]);
    let all = ask(&json!({ "facets": ["languages"] })).ok();
    assert_eq!((&all["facets"]["languages"], all["total_count"].as_u64()), (&english, Some(fixtures::TITLES as u64)));
    for language in ["en", "English", "en-GB"] {
        let filters = json!({ "filters": { "languages": [language] } });
        assert_eq!(sorted(&filters), both, "{language}");
        assert_eq!(ask(&filters).ok()["results"][0]["content"]["languages"], json!(["en"]));
    }
    assert_eq!(sorted(&json!({ "query": "lighthouse", "filters": { "languages": ["en", "fr"] } })), both[1..]);
    assert!(sorted(&json!({ "filters": { "languages": ["fr"] } })).is_empty());
    for (least, wanted) in [(0.0, &both[..]), (7.5, &both), (7.6, &[]), (10.0, &[])] {
        assert_eq!(sorted(&json!({ "filters": { "min_rating": least } })), wanted, "{least}");
    }
    for (most, wanted) in [(10.0, &both[..]), (7.5, &both), (7.4, &[]), (0.0, &[])] {
        assert_eq!(sorted(&json!({ "filters": { "max_rating": most } })), wanted, "{most}");
        assert_eq!(sorted(&json!({ "filters": { "min_rating": 0.0, "max_rating": most } })), wanted, "{most}");
    }
    assert_eq!(titles(&app.get("/api/v1/search?q=thunder&min_rating=7.5&language=en").ok()), ["Salt and Thunder"]);
    for (filters, code, field) in [
        (json!({ "min_rating": -0.1 }), "bad_rating", "filters.min_rating"),
        (json!({ "min_rating": 10.1 }), "bad_rating", "filters.min_rating"),
        (json!({ "max_rating": 10.1 }), "bad_rating", "filters.max_rating"),
        (json!({ "min_rating": 7.5, "max_rating": 7.4 }), "bad_rating_range", "filters.min_rating"),
        (json!({ "languages": ["klingonese"] }), "unknown_language", "filters.languages[0]"),
    ] {
        let refused = ask(&json!({ "filters": filters })).problem(400, code);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    app.get("/api/v1/search?q=x&min_rating=11").problem(400, "bad_rating");
    assert!(titles(&app.get("/api/v1/search?q=thunder&max_rating=7.4").ok()).is_empty());
}

#[test]
fn the_graph_scores_what_is_joined_to_who_is_named() {
    let app = cinema(Setup::new());
    let score = |query: &str| {
        let found = app.post("/api/v1/search", &json!({ "query": query })).ok();
        let hits = found["results"].as_array().unwrap().iter();
        let score =
            |hit: &Value| (hit["content"]["title"].as_str().unwrap().to_owned(), hit["graph_score"].as_f64().unwrap());
        hits.map(score).collect::<std::collections::BTreeMap<_, _>>()
    };
    let pacino = score("films with Al Pacino");
    assert!(pacino.values().all(|score| (0.0..=1.0).contains(score)), "{pacino:?}");
    assert!(pacino["Heat"] > 0.0 && pacino["Scarface"] > 0.0, "{pacino:?}");
    let others = pacino.iter().filter(|(title, _)| !["Heat", "Scarface"].contains(&title.as_str()));
    assert!(others.into_iter().all(|(_, score)| *score < pacino["Heat"].min(pacino["Scarface"])), "{pacino:?}");
    let like = score("movies like The Matrix");
    assert!(like["The Matrix Reloaded"] > 0.0 && like.values().all(|score| *score <= like["The Matrix Reloaded"]));
    assert!(score("zombies besiege").values().all(|score| *score == 0.0), "nobody is named");
}

#[test]
fn what_is_trending_takes_five_people() {
    let setup = Setup::new()
        .env("MEDIA_GATEWAY_TRUSTED_PROXIES", "127.0.0.1")
        .env("MEDIA_GATEWAY_RATE_LIMITS_ANONYMOUS", "1000,1000,10000,100000");
    let app = fixtures::loaded(setup);
    let ask = |query: &str, from: usize| {
        let request = app.request("POST", "/api/v1/search").header("x-forwarded-for", format!("198.51.100.{from}"));
        let found = app.send(request.json(&json!({ "query": query }))).ok();
        assert_eq!(titles(&found)[0], query);
    };
    for time in 0..8 {
        ask("Harbour Street", 1);
        ask("Salt and Thunder", time % 4);
        ask("The Paper Lighthouse", time % 5);
    }
    // Ranked at the start, then every five minutes.
    let app = app.stop().0.start();
    let shown = app.eventually("/api/v1/search/trending", |shown| !shown["results"].as_array().unwrap().is_empty());
    let titles: Vec<&str> =
        shown["results"].as_array().unwrap().iter().map(|it| it["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["The Paper Lighthouse"], "one person who asks again and again is one");
}

/// A body, the status, and for an answer how many results are there: `None` for any number.
type Odd = (Value, u16, Option<usize>);

#[test]
fn odd_input_is_answered_in_time() {
    let app = cinema(Setup::new().with_model());
    let all = ON_NETFLIX.len() + ON_HULU.len();
    let odd: Vec<Odd> = vec![
        (json!({ "query": "" }), 200, Some(all)),
        (json!({ "query": " \t\n " }), 200, Some(all)),
        (json!({ "query": "x".repeat(100_000) }), 413, None),
        (json!({ "query": "x".repeat(2_001) }), 400, None),
        (json!({ "query": "the of and is" }), 200, None),
        (json!({ "query": "🎬🍿".repeat(500) }), 200, Some(0)),
        (json!({ "query": "\u{0}\u{1}he\u{200b}at\u{7f}\u{202e}" }), 200, None),
        (json!({ "query": "мatrix матрица 千と千尋 heat ‏שלום" }), 200, None),
        (json!({ "query": "horror but no horror" }), 200, None),
        (json!({ "query": "movies after 2010 before 1990" }), 200, None),
        (json!({ "filters": { "year_range": { "from": 2010, "to": 1990 } } }), 400, None),
        (
            json!({ "query": "films on netflix", "filters": { "platforms": ["hulu"], "genres": ["family"] } }),
            200,
            Some(1),
        ),
        (json!({ "filters": { "genres": ["horror"], "max_runtime_minutes": 30 } }), 200, Some(0)),
        (json!({ "query": "heat", "page": 50 }), 200, Some(0)),
        (json!({ "query": "heat", "page": 4_000_000_000_u32 }), 400, None),
        (json!({ "filters": { "languages": ["klingonese"] } }), 400, None),
        (json!({ "query": "in klingonese" }), 200, None),
    ];
    for (body, status, results) in odd {
        let shown: String = body.to_string().chars().take(80).collect();
        let started = Instant::now();
        let answer = app.post("/api/v1/search", &body);
        assert!(started.elapsed() < LIMIT, "{shown}: {:?}", started.elapsed());
        assert_eq!(answer.status, status, "{shown}");
        if status == 200 {
            let answer = answer.ok();
            let got = titles(&answer).len();
            assert!(results.is_none_or(|results| results == got), "{shown}: {got}");
        }
    }
    // What nobody sees parts words as a space does, and a word is found in whatever script it is written.
    // A heist is a crime: Scarface is found by that.
    let written: [(&str, &[&str]); 3] = [
        ("\u{0}\u{1}he\u{200b}at\u{7f}\u{202e}", &[]),
        ("\u{0}\u{1}last\u{200b}heist\u{7f}\u{202e}", &["Heat", "Scarface", "The Matrix Reloaded"]),
        ("мatrix матрица 千と千尋 heat \u{200f}שלום", &["Heat", "The Matrix", "The Matrix Reloaded"]),
    ];
    for (query, wanted) in written {
        let found = app.post("/api/v1/search", &json!({ "query": query })).ok();
        let hits = found["results"].as_array().unwrap().iter();
        let by_words = hits.filter(|hit| hit["keyword_score"].as_f64().unwrap() > 0.0);
        let mut by_words: Vec<&str> = by_words.map(|hit| hit["content"]["title"].as_str().unwrap()).collect();
        by_words.sort_unstable();
        assert_eq!(by_words, wanted, "{query:?}");
        assert!(wanted.first().is_none_or(|best| titles(&found)[0] == *best), "{query:?}: {:?}", titles(&found));
    }
    // What contradicts itself, or says nothing, is asked about.
    for query in ["horror but no horror", "movies after 2010 before 1990", "the of and is"] {
        let parsed = &app.post("/api/v1/search", &json!({ "query": query })).ok()["query_parsed"];
        assert!(
            parsed["confidence"].as_f64().unwrap() < 0.7 && parsed["clarification"].is_string(),
            "{query}: {parsed}"
        );
    }
    let tongue = app.send(app.request("GET", "/api/v1/search?q=heat").header("accept-language", "tlh"));
    assert_eq!(titles(&tongue.ok())[0], "Heat", "a language that nobody has is answered in one that somebody has");
}
