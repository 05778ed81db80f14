//! `make demo`'s second half, as a newcomer has it: what it prints works when pasted, and so does the README.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use stores::{Foreign, args};
use tempfile::TempDir;

use crate::{
    app::{PATIENCE, Setup, one_line},
    fixtures::{self, Film},
    grpc::block_on,
    resume::{export, same},
};

/// The size of the demo's films on disk, by which the cache knows that they are whole.
const FILMS_BYTES: u64 = 8_011_776;

/// What the demo loads: in the gate some films of our own, in the place and of the size of the real ones, and no
/// sentence model, because 17 000 films and their vectors take minutes; in the soak the real ones with the model.
fn setup() -> (Setup, Option<TempDir>) {
    if std::env::var_os("MEDIA_GATEWAY_TEST_SOAK").is_some() {
        return (Setup::new().with_model(), None);
    }
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("media-gateway/films/wikidata-2026.1");
    fs::create_dir_all(&folder).unwrap();
    write_films(&folder.join("movies.db"));
    (Setup::new().env("XDG_CACHE_HOME", cache.path().to_str().unwrap()), Some(cache))
}

/// Some films, several of which each example asks for.
fn write_films(path: &Path) {
    let ids: Vec<_> = (0..20).map(|place| format!("tt990{place:04}")).collect();
    let titles: Vec<_> = (0..20).map(|place| format!("The {} Harbour", FIRST[place])).collect();
    let example = |place: usize| -> Film<'_> {
        let (id, title, year) = (&ids[place], &titles[place], 1970 + place as i64 * 3 / 2);
        match place % 3 {
            0 => (id, title, year, "Crime, Drama", "Francis Ford Coppola", "Al Pacino, Diane Keaton"),
            1 => (id, title, 1990 + year % 10, "Crime, Thriller", "Ada Wren", "Al Pacino, Bo Finch"),
            _ => (id, title, 1980 + year % 10, "Sci-Fi, Drama", "Ridley Scott", "Cy Dove, Kit Rowe"),
        }
    };
    let mut films: Vec<_> = (0..20).map(example).collect();
    let cast = "Marlon Brando, Al Pacino, Diane Keaton";
    films.push(("tt9909999", "The Godfather", 1972, "Crime, Drama", "Francis Ford Coppola", cast));
    fixtures::films(path, &films);
    File::options().write(true).open(path).unwrap().set_len(FILMS_BYTES).unwrap();
}

const FIRST: [&str; 20] = [
    "Amber", "Broken", "Crimson", "Distant", "Empty", "Fallen", "Golden", "Hollow", "Iron", "Jagged", "Kind", "Last",
    "Narrow", "Open", "Paper", "Quiet", "Rusted", "Silent", "Upper", "Velvet",
];

/// A demo that runs, and what it printed.
struct Demo {
    child: Child,
    said: Vec<String>,
}

impl Demo {
    /// Starts it and waits for its last line.
    fn start(setup: &Setup) -> Self {
        let mut command = setup.command(&["demo", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
            let last = line.contains("Ctrl-C");
            said.push(line);
            if last {
                return Self { child, said };
            }
        }
        panic!("the demo ended with {:?}: {said:#?}", child.wait());
    }

    /// The address behind a word that it prints.
    fn address(&self, word: &str) -> &str {
        let line = self.said.iter().find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("no {word}"));
        line.split_whitespace().last().unwrap()
    }

    fn base(&self) -> &str {
        self.address("API  ").strip_suffix("/api/v1").unwrap()
    }

    /// Ctrl-C.
    fn stop(mut self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Already gone when the test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pastes a line into a shell and reads the JSON it prints.
fn pasted(line: &str) -> Value {
    let output = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// The titles of a search's answer; each says why it is there, and its offers say that they are samples.
fn titles(found: &Value) -> Vec<&str> {
    let results = found["results"].as_array().unwrap_or_else(|| panic!("{found}"));
    assert!(!results.is_empty(), "{found}");
    let offered = |result: &Value| !result["content"]["availability"].as_array().unwrap().is_empty();
    assert!(results.iter().any(offered), "the demo generates offers: {found}");
    for result in results {
        assert!(!result["match_reasons"].as_array().unwrap().is_empty(), "{result}");
        let offers = result["content"]["availability"].as_array().unwrap();
        assert!(offers.iter().all(|offer| offer["source"] == "sample"), "{result}");
    }
    results.iter().map(|result| result["content"]["title"].as_str().unwrap()).collect()
}

fn curls(text: &[String]) -> Vec<String> {
    text.iter().map(|line| line.trim()).filter(|line| line.starts_with("curl ")).map(str::to_owned).collect()
}

#[test]
fn what_the_demo_and_the_readme_print_works_when_pasted() {
    let (setup, _cache) = setup();
    let demo = Demo::start(&setup);
    let lines = curls(&demo.said);
    assert_eq!(lines.len(), 3, "{:#?}", demo.said);
    let pacino = pasted(&lines[0]);
    assert!(titles(&pacino).len() == 3 && pacino["query_parsed"]["people"][0] == "Al Pacino", "{pacino}");
    let like = pasted(&lines[1]);
    assert!(titles(&like).iter().all(|title| *title != "The Godfather"), "{like}");
    assert!(pasted(&lines[2])["items"].as_array().unwrap().len() > 3);
    let metrics = reqwest::blocking::get(demo.address("metrics")).unwrap().text().unwrap();
    assert!(metrics.contains("http_requests_total"), "{metrics}");
    for page in ["app", "API docs", "health"] {
        assert!(reqwest::blocking::get(demo.address(page)).unwrap().status().is_success(), "{page}");
    }

    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let readme: Vec<_> = readme.lines().map(|line| line.replace("http://127.0.0.1:8080", demo.base())).collect();
    let lines = curls(&readme);
    assert!(lines.len() >= 2);
    for line in lines {
        titles(&pasted(&line));
    }
    // The spelling of a title may slip, in the terminal too, which asks the node that runs.
    assert!(readme.iter().any(|line| line.starts_with("media-gateway search \"godfahter\"")), "the README's example");
    let found = setup.run(&["search", "godfahter", "--json"]);
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(titles(&found)[0], "The Godfather", "{found}");
    let every = |demo: &Demo| pasted(&format!("curl -s '{}/api/v1/search?page_size=1'", demo.base()));
    let all_before = every(&demo)["total_count"].clone();
    assert!(all_before.as_u64().unwrap() > 20, "{all_before}");
    demo.stop();

    // The second start finds everything there: nothing is created again.
    let demo = Demo::start(&setup);
    let again = every(&demo);
    assert_eq!(again["total_count"], all_before, "{again}");
    assert_eq!(pasted(&curls(&demo.said)[0])["total_count"], pacino["total_count"]);
    demo.stop();
}

/// How many titles a folder has whose process is at work.
fn titles_in(folder: &Path) -> i64 {
    // Before there is a log there are no tables either, and who looks would be in the way of who makes them.
    if !folder.join("media-gateway.db-wal").exists() {
        return 0;
    }
    let count = block_on(async {
        let db = Foreign::open(&folder.join("media-gateway.db")).await.ok()?;
        db.fetch_all::<i64>("SELECT COUNT(*) FROM content", args![]).await.ok()?.pop()
    });
    count.unwrap_or_default()
}

#[test]
fn a_demo_that_is_interrupted_says_so_and_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<_> =
        (0..2_000).map(|place| (format!("tt99{place:05}"), format!("Harbour Number {place}"))).collect();
    let films: Vec<Film<'_>> =
        names.iter().map(|(id, title)| (&**id, &**title, 1990, "Crime", "Ada Wren", "Bo Finch, Cy Dove")).collect();
    let file = dir.path().join("films.db");
    fixtures::films(&file, &films);
    let prepare = ["demo", "--prepare", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--films"];
    let prepare = [&prepare[..], &[file.to_str().unwrap()]].concat();
    let undisturbed = Setup::on(&dir.path().join("undisturbed"));
    assert!(undisturbed.run(&prepare).status.success());

    let setup = Setup::on(&dir.path().join("disturbed"));
    let mut command = setup.command(&prepare);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // Some films are in, and many are not.
    let began = Instant::now();
    while titles_in(setup.folder()) == 0 {
        assert!(began.elapsed() < PATIENCE, "the demo takes no film in");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    one_line(&child.wait_with_output().unwrap(), 130, "goes on where it stopped");
    let some = export(&setup).lines().count();
    assert!((1..films.len()).contains(&some), "{some} of {} films: that was no interruption", films.len());
    assert!(setup.run(&prepare).status.success());
    same(&export(&setup), &export(&undisturbed));
}

#[test]
fn the_demo_has_no_place_in_production() {
    let setup = Setup::new()
        .env("MEDIA_GATEWAY_PROFILE", "production")
        .env("MEDIA_GATEWAY_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
        .env("MEDIA_GATEWAY_REDIS_URL", "redis://127.0.0.1:1");
    let output = setup.run(&["demo", "--prepare"]);
    one_line(&output, 1, "no place in the production profile");
}
