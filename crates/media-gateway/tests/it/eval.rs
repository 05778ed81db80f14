//! `eval`: questions of our own whose answers the fixtures hold, links that are known, and vectors.

use serde_json::{Value, json};

use crate::{
    app::{Setup, one_line},
    fixtures::{self, gzip_file, ingest_all},
};

/// Questions about two titles of the fixtures, by IMDb id and by Wikipedia page, and one about a film that nobody has.
fn questions() -> String {
    let lines = [
        json!({ "id": "a", "query": "paper lighthouse", "text": "", "title": "The Paper Lighthouse", "year": 2019,
            "imdb_id": "tt9900001", "wikipedia_href": null }),
        json!({ "query": "[film] an astronaut", "text": "He grows vegetables, all alone up there.\nWhat is it called?",
            "wikipedia_href": "The_Quiet_Furrow", "imdb_id": null }),
        json!({ "query": "nobody has this", "text": "at all", "imdb_id": "tt0000000" }),
    ];
    lines.map(|line| format!("{line}\n")).concat()
}

#[test]
fn every_source_is_measured_with_the_products_search() {
    let setup = Setup::new();
    ingest_all(&setup);
    let dir = tempfile::tempdir().unwrap();
    let plain = fixtures::write(dir.path(), "questions.jsonl", questions().as_bytes());
    let packed = gzip_file(dir.path(), "questions.jsonl.gz", questions().as_bytes());

    let output = setup.run(&["eval", "search", "--queries", &plain, "--json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("2 questions; the answers to 1 more are not in the catalogue"), "{said}");
    assert!(said.contains("for 2 questions a source did not answer"), "there is no model: {said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sources: Vec<_> = report.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(sources, ["fused", "graph", "keyword", "vector"]);
    let metrics = ["mrr", "ndcg_at_10", "success_at_1", "success_at_10", "success_at_100", "success_at_1000"];
    for source in sources {
        assert_eq!(report[source].as_object().unwrap().keys().collect::<Vec<_>>(), metrics, "{source}");
    }
    assert_eq!(report["fused"]["success_at_10"], 1.0, "the words find both: {report}");
    assert_eq!(report["keyword"]["success_at_1000"], 1.0);
    assert_eq!(report["vector"]["success_at_1000"], 0.0, "without a model there is no meaning");

    let again = setup.run(&["eval", "search", "--queries", &packed]);
    let table = String::from_utf8(again.stdout).unwrap();
    for word in ["success@1", "MRR", "nDCG@10", "keyword", "fused − vector", "1.000 [1.000 1.000]", "bootstrap"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    for (difference, shown) in
        [("fused − vector", "+1.000 [+1.000 +1.000]"), ("fused − keyword", "+0.000 [+0.000 +0.000]")]
    {
        let line = table.lines().find(|line| line.trim_start().starts_with(difference)).unwrap();
        assert!(line.contains(shown), "{difference}: {table}");
    }
    let verdict =
        "By nDCG@10 fused is not significantly different from keyword, the best of its sources: [+0.000 +0.000].";
    assert!(table.lines().any(|line| line == verdict), "{table}");
}

/// What `eval search` prints about these questions, and what it says besides.
fn judged(setup: &Setup, questions: &[Value]) -> (Value, String) {
    let dir = tempfile::tempdir().unwrap();
    let lines = questions.iter().map(|question| format!("{question}\n")).collect::<String>();
    let file = fixtures::write(dir.path(), "questions.jsonl", lines.as_bytes());
    let output = setup.run(&["eval", "search", "--queries", &file, "--json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    (serde_json::from_slice(&output.stdout).unwrap(), said)
}

fn near(value: &Value, wanted: f64) -> bool {
    (value.as_f64().unwrap() - wanted).abs() < 1e-9
}

#[test]
fn an_answer_further_down_counts_for_less_and_each_source_for_itself() {
    let setup = Setup::new();
    ingest_all(&setup);
    // Two words of another film's title, and one of the answer's.
    let second = json!({ "query": "paper lighthouse thunder", "imdb_id": "tt9900002" });
    let (report, _) = judged(&setup, std::slice::from_ref(&second));
    for source in ["keyword", "fused"] {
        let found = &report[source];
        assert_eq!((&found["success_at_1"], &found["success_at_10"]), (&json!(0.0), &json!(1.0)), "{report}");
        assert!(near(&found["mrr"], 0.5) && near(&found["ndcg_at_10"], 1.0 / 3.0_f64.log2()), "{report}");
    }
    assert_eq!(report["graph"]["success_at_1000"], 0.0, "nobody is named: {report}");
    // A person leads the graph to the film, and half of the questions name one.
    let person = json!({ "query": "films directed by Eli Brandt", "imdb_id": "tt9900002" });
    let (report, _) = judged(&setup, &[second, person]);
    assert!(near(&report["graph"]["success_at_10"], 0.5) && near(&report["graph"]["mrr"], 0.5), "{report}");
    assert!(near(&report["fused"]["success_at_1"], 0.5) && near(&report["fused"]["mrr"], 0.75), "{report}");
}

/// So that a default can be chosen by what it comes to.
#[test]
fn fusion_is_measured_as_it_is_configured() {
    let setup = Setup::new();
    ingest_all(&setup);
    let second = [json!({ "query": "paper lighthouse thunder", "imdb_id": "tt9900002" })];
    let (usual, _) = judged(&setup, &second);
    assert_eq!((&usual["keyword"]["success_at_10"], &usual["fused"]["success_at_10"]), (&json!(1.0), &json!(1.0)));
    let (unweighed, _) = judged(&setup.env("MEDIA_GATEWAY_SEARCH_KEYWORD_WEIGHT", "0.0"), &second);
    assert_eq!(unweighed["keyword"], usual["keyword"], "a source alone is what it is");
    assert_eq!(unweighed["fused"]["success_at_1000"], 0.0, "{unweighed}");
}

#[test]
fn with_the_model_meaning_is_measured_too() {
    let setup = Setup::new().with_model();
    ingest_all(&setup);
    // No word in common with the title, the people, the genre or the text of the answer.
    let meant = json!({ "query": "farming potatoes alone on mars", "wikipedia_href": "The_Quiet_Furrow" });
    let (report, said) = judged(&setup, &[meant]);
    assert!(said.contains("1 questions") && !said.contains("did not answer"), "{said}");
    assert_eq!((&report["vector"]["success_at_1"], &report["fused"]["success_at_1"]), (&json!(1.0), &json!(1.0)));
    assert_eq!(report["keyword"]["success_at_1000"], 0.0, "{report}");
}

#[test]
fn what_was_seen_of_the_first_titles_is_written_for_whoever_fits_the_weights() {
    let setup = Setup::new();
    ingest_all(&setup);
    let dir = tempfile::tempdir().unwrap();
    let text = "where stranded astronauts grow vegetables in the dust of another planet? I also remember some keeper.";
    let long = json!({ "query": "what was that film", "text": text, "wikipedia_href": "The_Quiet_Furrow" });
    let short = json!({ "query": "paper lighthouse", "imdb_id": "tt9900001" });
    let file = fixtures::write(dir.path(), "questions.jsonl", format!("{long}\n{short}\n").as_bytes());
    let seen = dir.path().join("features.jsonl");
    let output = setup.run(&["eval", "search", "--queries", &file, "--features", seen.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen = std::fs::read_to_string(seen).unwrap();
    let lines: Vec<Value> = seen.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [names, long, short] = lines.as_slice() else { panic!("{seen}") };
    assert_eq!(*names, json!(search::FEATURES));
    let overview = search::FEATURES.iter().position(|name| *name == "overview").unwrap();
    let candidates = long["candidates"].as_array().unwrap();
    assert!(candidates.iter().all(|one| one.as_array().unwrap().len() == search::FEATURES.len()), "{long}");
    let told = |place: usize| candidates[place][overview].as_f64().unwrap();
    let answer = usize::try_from(long["answer"].as_u64().unwrap()).unwrap();
    let best = (0..candidates.len()).map(told).fold(0.0, f64::max);
    assert!(candidates.len() > 1 && best > 0.0 && told(answer) == best, "its words tell of the answer: {long}");
    assert_eq!((&long["rank"], &short["rank"]), (&json!(1), &json!(1)));
    // Nobody looks at what a short search finds twice.
    assert_eq!((&short["answer"], &short["candidates"]), (&Value::Null, &json!([])), "{short}");
}

#[test]
fn what_is_no_question_file_is_refused() {
    let setup = Setup::new();
    let dir = tempfile::tempdir().unwrap();
    let broken = fixtures::write(dir.path(), "broken.jsonl", b"{\"query\": \"a\"}\n{\"query\": 1}\n");
    let empty = fixtures::write(dir.path(), "empty.jsonl", b"\n");
    let strange = fixtures::write(dir.path(), "strange.jsonl", b"{\"query\": \"a\", \"imdb_id\": \"tt0000000\"}");
    for (file, code, words) in [
        (broken.as_str(), 2, "line 2 is no question"),
        (empty.as_str(), 2, "there is no question in it"),
        (strange.as_str(), 3, "the catalogue has the answer to none of the 1 questions"),
        ("nowhere.jsonl", 3, "nowhere.jsonl is not there"),
    ] {
        one_line(&setup.run(&["eval", "search", "--queries", file]), code, words);
    }
    let app = setup.start();
    let beside = app.setup.run(&["eval", "search", "--queries", &strange]);
    one_line(&beside, 6, "stop it, or evaluate a copy");
}

/// Titles in a few directions, as a follower would have put them in.
fn vectors(folder: &std::path::Path, titles: u128) {
    let model = contracts::ModelInfo { name: "of-the-test".to_owned(), dimension: 8 };
    std::fs::create_dir_all(folder.join("index")).unwrap();
    let index = stores_embedded::ExactVectors::open(&folder.join("index/vectors"), model).unwrap();
    let component = |n: u128, at: u128| ((n * 7 + 3) * (at + 5) * 31 % 101) as f32 / 50.0 - 1.0;
    let points = (0..titles).map(|n| stores::vectors::Point {
        id: stores::suites::vectors::id(n),
        text_hash: 0,
        vectors: vec![(0..8).map(|at| component(n, at)).collect()],
        tags: Vec::new(),
        year: None,
    });
    let put = stores::vectors::VectorIndex::upsert(&index, points.collect(), 1);
    tokio::runtime::Runtime::new().unwrap().block_on(put).unwrap();
}

#[test]
fn the_vector_index_is_judged_by_comparing_all() {
    let setup = Setup::new();
    one_line(&setup.run(&["eval", "vectors"]), 3, "this data folder has no vectors");
    vectors(setup.folder(), 5);
    one_line(&setup.run(&["eval", "vectors"]), 2, "5 titles are too few");
    vectors(setup.folder(), 400);
    let output = setup.run(&["eval", "vectors", "--queries", "20", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["titles"], &report["vectors"], &report["dimension"]), (&json!(400), &json!(400), &json!(8)));
    // 32 bits a component; in the graph a bit, and one beside it, with edges.
    assert_eq!(report["vector_bytes"], 32);
    assert!(report["graph_bytes"].as_u64() > Some(2), "{report}");
    let classes = report["classes"].as_array().unwrap();
    let percents: Vec<_> = classes.iter().map(|class| class["selectivity_percent"].as_u64().unwrap()).collect();
    assert_eq!(percents, [100, 1, 10, 50, 99]);
    for class in classes {
        for recall in ["recall_at_10", "graph_recall_at_10"] {
            let recall = class[recall].as_f64().unwrap();
            assert!((0.95..=1.0).contains(&recall), "{class}");
        }
        for rate in ["queries_per_second", "graph_queries_per_second", "exact_queries_per_second"] {
            assert!(class[rate].as_f64().unwrap() > 0.0, "{class}");
        }
    }
    let table = String::from_utf8(setup.run(&["eval", "vectors"]).stdout).unwrap();
    for word in ["recall@10", "queries/s", "50 %", "400 vectors of 400 titles"] {
        assert!(table.contains(word), "{word}: {table}");
    }
}

const LEFT: &str = "id|https://example.org/title|https://example.org/name|seasonNumber|episodeNumber|startYear|job
a|The Paper Lighthouse||||2019-01-01|
b||Uma Okonkwo||||actress
c|Part Two of the Harbour||1|2|2001-01-01|
d|Only Here||||1990-01-01|
";
const RIGHT: &str = "id|title|name|seasonNumber|episodeNumber|release_year|job
1|Paper Lighthouse, The||||2019|
2||Uma N. Okonkwo||||guestStars
3|Part Two of the Harbor||1|2|2001|
4|Only There||||1950|
";

#[test]
fn links_between_two_sources_are_compared_with_the_true_ones() {
    let setup = Setup::new();
    let dir = tempfile::tempdir().unwrap();
    let left = fixtures::write(dir.path(), "left.csv", LEFT.as_bytes());
    let right = gzip_file(dir.path(), "right.csv.gz", RIGHT.as_bytes());
    // The last one is true and can't be known: half of nothing is in common.
    let truth = fixtures::write(dir.path(), "truth.csv", b"D1|D2\na|1\nb|2\nc|3\nd|4\n");
    let run = |args: &[&str]| setup.run(&[&["eval", "resolve"], args].concat());

    let output = run(&["--left", &left, "--right", &right, "--truth", &truth, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["links"], &report["truth"], &report["records"]), (&json!(3), &json!(4), &json!(8)));
    let figures = ["precision", "recall", "f1"].map(|name| (report[name].as_f64().unwrap() * 1000.0).round());
    assert_eq!(figures, [1000.0, 750.0, 857.0]);
    let halves = ["train", "held_out"].map(|half| report[half]["truth"].as_u64().unwrap());
    assert_eq!(halves.iter().sum::<u64>(), 4, "every match is in one half");

    for (name, bytes, expected) in [
        ("columns.csv", "id|title\na|x|y\n", "line 2"),
        ("twice.csv", "id|title\na|x\na|y\n", "twice"),
        ("other.csv", "key;title\n", "header"),
        ("unnamed.csv", "id|label\na|x\n", "`title` or `name`"),
    ] {
        let bad = fixtures::write(dir.path(), name, bytes.as_bytes());
        let said = one_line(&run(&["--left", &bad, "--right", &right, "--truth", &truth]), 2, expected);
        assert!(said.contains(name), "{said}");
    }
    let stranger = fixtures::write(dir.path(), "stranger.csv", b"D1|D2\na|9\n");
    one_line(&run(&["--left", &left, "--right", &right, "--truth", &stranger]), 2, "\"9\"");
    one_line(&run(&["--left", "nowhere.csv", "--right", &right, "--truth", &truth]), 3, "not there");
}

#[test]
fn merges_are_judged_by_ids_that_resolution_did_not_see() {
    let setup = Setup::new();
    let dir = tempfile::tempdir().unwrap();
    let wikidata = fixtures::wikidata(dir.path()).to_str().unwrap().to_owned();
    let wikipedia = fixtures::path("wikipedia_movies.json");
    let page = |href: &str, imdb: &str| format!("{}\n", json!({ "wikipedia_href": href, "imdb_id": imdb }));
    let run = |imdb: &str, more: &[&str]| {
        let same = fixtures::write(dir.path(), "same.jsonl", page("The_Paper_Lighthouse", imdb).as_bytes());
        let args = [&["eval", "merges", &wikidata, &wikipedia, "--hide-ids", "--same", &same][..], more].concat();
        let output = setup.run(&args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&run("tt9900001", &["--json"])).unwrap();
    assert_eq!((&report["merges"], &report["right"], &report["wrong"]), (&json!(1), &json!(1), &json!(0)), "{report}");
    assert_eq!((&report["precision"], &report["recall"]), (&json!(1.0), &json!(1.0)));
    // Had the page been about another film, the merge would have been wrong.
    let report: Value = serde_json::from_str(&run("tt9900002", &["--json"])).unwrap();
    assert_eq!((&report["precision"], &report["recall"], &report["should_be"]), (&json!(0.0), &json!(0.0), &json!(1)));
    let table = run("tt9900001", &["--print", "5"]);
    assert!(table.contains("The Paper Lighthouse (2019") && table.contains("title, year"), "{table}");
    assert!(!setup.folder().join("media-gateway.db").exists(), "nothing is left in the data folder");
    one_line(&setup.run(&["eval", "merges", "/nowhere.csv"]), 3, "/nowhere.csv is not there");
}

#[test]
fn merges_are_drawn_by_a_seed_and_printed_with_their_evidence() {
    let (setup, dir) = (Setup::new(), tempfile::tempdir().unwrap());
    let seconds = ["Harbour", "Lantern", "Orchard", "Meridian", "Furrow"];
    let firsts = ["Copper", "Silent", "Winter", "Broken", "Golden", "Hidden", "Paper", "Velvet"];
    let titles: Vec<String> =
        firsts.iter().flat_map(|first| seconds.map(|second| format!("{first} {second}"))).collect();
    let list = |service: &str| {
        let row = |(n, title): (usize, &String)| {
            let (key, year) = (format!("{service}{n}"), 1960 + n);
            format!("{key},Movie,{title},Ada Wren,,France,\"June 1, 2021\",{year},PG,90 min,Dramas,A keeper.\n")
        };
        let text = format!("{}\n{}", fixtures::HEADER, titles.iter().enumerate().map(row).collect::<String>());
        fixtures::write(dir.path(), &format!("{service}_titles.csv"), text.as_bytes())
    };
    let (netflix, hulu) = (list("netflix"), list("hulu"));
    let drawn = |count: &str, seed: &str| {
        let output = setup.run(&["eval", "merges", &netflix, &hulu, "--print", count, "--seed", seed, "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["merges"], json!(40), "{report}");
        let told = |merge: &Value| {
            assert!(merge["evidence"].as_str().unwrap().starts_with("title, year, director"), "{merge}");
            assert_eq!(merge["confidence"], json!(0.98), "{merge}");
            merge["record"].as_str().unwrap().to_owned()
        };
        report["drawn"].as_array().unwrap().iter().map(told).collect::<Vec<_>>()
    };
    let all = drawn("100", "1");
    let few = drawn("5", "1");
    assert_eq!((all.len(), few.len()), (40, 5));
    assert!(few.iter().all(|record| all.contains(record)) && few[..] != all[..5], "{few:?}");
    assert_eq!(drawn("5", "1"), few);
    assert_ne!(drawn("5", "2"), few);
}

#[test]
fn merges_by_overviews_are_judged_by_people_that_resolution_did_not_see() {
    let (setup, dir) = (Setup::new().with_model(), tempfile::tempdir().unwrap());
    let list = |name: &str, rows: [(&str, &str, &str); 3]| {
        let row = |(title, director, plot): (&str, &str, &str)| {
            format!("{title},Movie,{title},{director},,,,2019,PG,90 min,Dramas,\"{plot}\"\n")
        };
        let text = format!("{}\n{}", fixtures::HEADER, rows.map(row).concat());
        fixtures::write(dir.path(), name, text.as_bytes())
    };
    // One film retold, one name of two films, and one film that the lists tell in other people's names.
    let keeper =
        "A lighthouse keeper on a lonely island finds an old letter after a storm and sails out to its sender.";
    let baker = "Three sisters inherit a failing bakery in Lyon and learn to forgive each other over bread.";
    let one = [("Wind", "Ada Quill", keeper), ("Salt", "Bo Finch", baker), ("Ember", "Cy Day", keeper)];
    let other = [
        (
            "Wind",
            "Ada Quill",
            "After a storm the keeper of a lonely island lighthouse discovers an old letter and sails to find who sent it.",
        ),
        ("Salt", "Di Moor", "An astronaut repairs a mining robot on a moon of Jupiter while her oxygen runs out."),
        ("Ember", "Eve Lark", keeper),
    ];
    let (one, other) = (list("netflix_titles.csv", one), list("hulu_titles.csv", other));
    let run = |setup: &Setup, more: &[&str]| {
        let output = setup.run(&[&["eval", "merges", &one, &other, "--hide-people", "--print", "9"], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&run(&setup, &["--json"])).unwrap();
    let counts = ["merges", "right", "wrong", "should_be"].map(|name| report[name].clone());
    assert_eq!(counts, [2, 1, 1, 1].map(|count| json!(count)), "{report}");
    assert_eq!(report["by_story"]["right"], json!(1));
    assert_eq!(report["by_story"]["recall"], Value::Null, "nobody knows how many stories should have joined");
    let halves = ["train", "held_out"].map(|half| report[half]["merges"].as_u64().unwrap());
    assert_eq!(halves.iter().sum::<u64>(), 2, "every merge is in one half");
    let drawn = report["drawn"].as_array().unwrap();
    assert!(drawn.iter().all(|one| one["evidence"].as_str().unwrap().starts_with("title, year, overviews alike ")));
    let table = run(&setup, &[]);
    assert!(table.contains("by_story_train") && table.contains("| wrong |"), "{table}");
    let without = run(&Setup::new(), &["--json"]);
    assert!(without.contains("overviews are not compared") && without.contains("\"merges\":0"), "{without}");
}
