//! What the configuration says about fusion, seen over HTTP: what weighs nothing counts for nothing, and the method decides
//! the order.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    app::{App, Setup},
    asked::{cinema, titles},
};

const PACINO: &str = "films with Al Pacino";
const LIKE: &str = "movies like The Matrix but funny";
const STORY: &str = "what was that film where some people hide in a mall, I think it was from the 2000s, and outside there are \
                     undead creatures who want to eat them, and there was a nurse in it I believe?";
/// A source's name in the configuration, and its score in a result.
const SOURCES: [(&str, &str); 3] =
    [("keyword", "keyword_score"), ("vector", "vector_similarity"), ("graph", "graph_score")];

/// A node, and its configuration, which it reads again when told to.
struct Weighed {
    app: App,
    dir: TempDir,
}

impl Weighed {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("c.toml"), "").unwrap();
        let file = dir.path().join("c.toml").to_str().unwrap().to_owned();
        Self { app: cinema(Setup::new().with_model().env("MEDIA_GATEWAY_CONFIG", file)), dir }
    }

    fn ask(&self, query: &str) -> Value {
        self.app.post("/api/v1/search", &json!({ "query": query })).ok()
    }

    /// From now on fusion is as these lines say.
    fn fuse(&self, lines: &str) {
        let read = "the configuration was read again";
        let before = self.app.log().matches(read).count();
        std::fs::write(self.dir.path().join("c.toml"), format!("[log]\nlevel = \"info\"\n[search]\n{lines}")).unwrap();
        self.app.signal("HUP");
        let since = std::time::Instant::now();
        while self.app.log().matches(read).count() == before {
            assert!(since.elapsed() < crate::app::PATIENCE, "{}", self.app.log());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// The sources that count in the answer to `query`.
    fn counting(&self, query: &str) -> Vec<&'static str> {
        let found = self.ask(query);
        let results = found["results"].as_array().unwrap();
        let counts = |score: &str| results.iter().any(|hit| hit[score].as_f64().unwrap() != 0.0);
        SOURCES.into_iter().filter(|(_, score)| counts(score)).map(|(name, _)| name).collect()
    }
}

#[test]
fn what_weighs_nothing_counts_nothing() {
    let node = Weighed::start();
    for query in [PACINO, LIKE] {
        assert_eq!(node.counting(query), ["keyword", "vector", "graph"], "{query}");
    }
    assert_eq!(node.counting(STORY), ["keyword", "vector"], "the graph weighs nothing in a story");
    for (name, _) in SOURCES {
        let others: Vec<&str> = SOURCES.iter().map(|(other, _)| *other).filter(|other| *other != name).collect();
        // Each kind of question has weights of its own.
        node.fuse(&format!("{name}_weight = 0.0\n"));
        assert_eq!((node.counting(PACINO), node.counting(LIKE).len()), (others.clone(), 3), "{name}");
        node.fuse(&format!("example_{name}_weight = 0.0\n"));
        assert_eq!((node.counting(PACINO).len(), node.counting(LIKE)), (3, others), "{name}");
    }
    node.fuse("story_keyword_weight = 0.0\n");
    assert_eq!(node.counting(STORY), ["vector"]);
    node.fuse("example_keyword_weight = 0.0\nexample_vector_weight = 0.0\nexample_graph_weight = 1.0\n");
    assert_eq!(node.counting(LIKE), ["graph"]);
    let never = "example_keyword_weight = 0.0\nexample_vector_weight = 0.0\nexample_graph_weight = 0.0\n";
    std::fs::write(node.dir.path().join("c.toml"), format!("[search]\n{never}")).unwrap();
    let file = node.dir.path().join("c.toml");
    let refused = node.app.setup.run(&["config", "show", "--config", file.to_str().unwrap()]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("one of each kind"));
}

#[test]
fn the_method_decides_the_order() {
    let node = Weighed::start();
    let queries =
        [PACINO, LIKE, STORY, "crime thrillers", "a war in space", "a family by the sea", "simulation hacker"];
    let orders = || {
        let found = queries.map(|query| node.ask(query));
        found.map(|found| titles(&found).into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    node.fuse("fusion = \"convex\"\n");
    let convex = orders();
    node.fuse("fusion = \"rrf\"\n");
    let ranks = orders();
    assert_ne!(convex, ranks);
    let sorted = |orders: &[Vec<String>]| {
        orders
            .iter()
            .map(|order| {
                let mut order = order.clone();
                order.sort();
                order
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(sorted(&convex), sorted(&ranks), "the same titles, in another order");
    node.fuse("fusion = \"convex\"\n");
    assert_eq!(orders(), convex);
}

#[test]
fn what_people_remember_of_a_story_counts_as_much_as_it_weighs() {
    let node = Weighed::start();
    let ranked = |weight: &str| {
        node.fuse(&format!("story_evidence_weight = {weight}\n"));
        let found = node.ask(STORY);
        let told = |hit: &Value| (hit["content"]["title"].to_string(), hit["relevance_score"].as_f64().unwrap());
        found["results"].as_array().unwrap().iter().map(told).collect::<Vec<_>>()
    };
    let (none, usual, much) = (ranked("0.0"), ranked("0.1"), ranked("5.0"));
    let all = |ranked: &[(String, f64)]| {
        ranked.iter().map(|(title, _)| title.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!((all(&usual), all(&much)), (all(&none), all(&none)), "it finds nothing and hides nothing");
    assert!(none != usual && usual != much, "{none:?}, {usual:?}, {much:?}");
    assert_eq!(ranked("0.0"), none);
}

#[test]
fn the_constant_says_how_soon_ranks_fall_off() {
    let node = Weighed::start();
    let scores = |k: u32| {
        node.fuse(&format!("fusion = \"rrf\"\nrrf_k = {k}\n"));
        let mut scores = Vec::new();
        for query in [PACINO, "crime thrillers", "a war in space", "simulation hacker"] {
            let found = node.ask(query);
            let hits = found["results"].as_array().unwrap().iter();
            scores.extend(hits.map(|hit| hit["relevance_score"].as_f64().unwrap()));
        }
        scores
    };
    let (steep, flat) = (scores(1), scores(10_000));
    assert!(steep.len() > 3 && flat.len() == steep.len(), "{steep:?} and {flat:?}");
    let all = |scores: &[f64]| scores.iter().sum::<f64>();
    assert!(all(&flat) > 1.1 * all(&steep), "each but the first loses less to it: {steep:?} and {flat:?}");
    assert_eq!(scores(1), steep);
}
