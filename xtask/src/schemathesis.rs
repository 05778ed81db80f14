//! `cargo xtask schemathesis [CASES]`: generated requests from the OpenAPI document against a node, as a stranger and as
//! its operator. A status of 500 and above, a status or media type that is not documented, a body that is not of its
//! schema, or an operation that ignores who asks makes it fail.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::{engines::SEED, process};

/// Cases in the gate; the soak makes more.
pub const CASES: usize = 2_000;
/// What the soak makes.
pub const SOAK_CASES: usize = 50_000;
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      unsupported_method,ignored_auth";
/// The packages, each at one version.
const PACKAGES: &str = include_str!("../schemathesis.txt");
/// The module beside that list which says what is not made up.
const HOOKS: &str = "schemathesis_hooks";
/// How long the tool may take as a stranger, and again as the operator: some twenty times what the soak's cases take.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// `cargo xtask schemathesis [CASES]`.
pub fn run(root: &Path, args: &[String]) -> Result<ExitCode> {
    process::catch_interrupts()?;
    let cases = args.first().map_or(Ok(CASES), |text| text.parse()).context("CASES is a number")?;
    let build = ["build", "--workspace", "--locked"];
    let passed = process::run(Command::new("cargo").args(build).current_dir(root))? && check(root, cases, &seed())?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes `cases` requests from `seed`, half of them as the operator. The binary must have been built.
///
/// # Errors
/// When the tool can't be had or hangs, or the node does not start.
pub fn check(root: &Path, cases: usize, seed: &str) -> Result<bool> {
    let packages = install(root)?;
    let node = Node::start(root)?;
    let operations = node.operations()?;
    let (mut passed, mut made) = (true, 0);
    for token in [None, Some(&node.token)] {
        let report = node.folder.path().join("report.json");
        // Some operations have fewer different requests than are asked for.
        let examples = (cases / 2 / operations * 5 / 4).max(10);
        let mut command = Command::new("python3");
        command.args(["-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", "--no-color"]);
        command.arg(format!("{}/openapi.json", node.url)).args(["--checks", CHECKS, "--workers", "1", "--seed"]);
        command.arg(seed).args(["--phases", "examples,coverage,fuzzing", "--warnings", "off", "--max-examples"]);
        command.arg(examples.to_string()).args(["--request-timeout", "70", "--continue-on-failure"]);
        command.args(["--report", "json", "--report-json-path"]).arg(&report);
        if let Some(token) = token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        let path = std::env::join_paths([&packages, &root.join("xtask")]).context("a path holds a colon")?;
        command
            .env("PYTHONPATH", path)
            .env("SCHEMATHESIS_HOOKS", HOOKS)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(node.folder.path());
        passed &= process::run_within(&mut command, PATIENCE)?;
        made += generated(&report)?;
    }
    ensure!(made >= cases, "{made} cases were made, and {cases} were wanted");
    println!("{made} cases over {operations} operations");
    Ok(passed)
}

/// The gate's, unless `PROPTEST_RNG_SEED` names another.
pub fn seed() -> String {
    std::env::var("PROPTEST_RNG_SEED").unwrap_or_else(|_| SEED.to_owned())
}

/// How many cases a report tells of.
fn generated(report: &Path) -> Result<usize> {
    let text = fs::read_to_string(report).context("schemathesis wrote no report")?;
    let report: Value = serde_json::from_str(&text).context("the report is not JSON")?;
    let count = report.pointer("/test_cases/generated").and_then(Value::as_u64);
    Ok(usize::try_from(count.context("the report counts no cases")?)?)
}

/// The folder of the tool and what it needs, filled once for each list of versions.
fn install(root: &Path) -> Result<PathBuf> {
    let version = PACKAGES.lines().find_map(|line| line.strip_prefix("schemathesis==")).context("no version")?;
    let folder = root.join("target").join(format!("schemathesis-{version}"));
    if folder.join("complete").exists() {
        return Ok(folder);
    }
    let list = root.join("xtask/schemathesis.txt");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade", "--target"]);
    process::output(pip.arg(&folder).arg("--requirement").arg(list))?;
    fs::write(folder.join("complete"), "")?;
    Ok(folder)
}

/// A node on a folder of its own, with the tests' fixtures in it.
struct Node {
    child: Child,
    folder: TempDir,
    binary: PathBuf,
    url: String,
    token: String,
}

impl Node {
    fn start(root: &Path) -> Result<Self> {
        let binary = process::target(root).join("debug/media-gateway");
        ensure!(binary.is_file(), "{} is missing: build it first", binary.display());
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let fixtures = root.join("crates/media-gateway/tests/it/fixtures");
        let files = ["netflix_titles.csv", "hulu_titles.csv", "wikipedia_movies.json"].map(|name| fixtures.join(name));
        process::output(command(&binary, &data).arg("ingest").args(files))?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut serve = command(&binary, &data);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--log", "warn"]);
        let child = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let mut node = Self { child, folder, binary, url: String::new(), token: String::new() };
        for _ in 0..1_800 {
            if let Some(started) = node.lock().as_ref().and_then(started) {
                (node.url, node.token) = started;
                return Ok(node);
            }
            if let Some(status) = node.child.try_wait()? {
                bail!("the node ended with {status}: {}", node.log());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("the node did not start within three minutes: {}", node.log())
    }

    fn lock(&self) -> Option<Value> {
        serde_json::from_str(&fs::read_to_string(self.folder.path().join("data/node.lock")).ok()?).ok()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// How many operations the document has.
    fn operations(&self) -> Result<usize> {
        let text = process::output(Command::new(&self.binary).arg("openapi"))?;
        let document: Value = serde_json::from_str(&text).context("the document is not JSON")?;
        let items = document["paths"].as_object().context("the document has no paths")?.values();
        const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
        let count = items.map(|item| METHODS.iter().filter(|method| item.get(method).is_some()).count()).sum();
        ensure!(count > 0, "the document has no operations");
        Ok(count)
    }
}

/// Where the node listens, once it does, and the operator's token.
fn started(lock: &Value) -> Option<(String, String)> {
    Some((lock["urls"]["gateway"].as_str()?.to_owned(), lock["token"].as_str()?.to_owned()))
}

fn command(binary: &Path, data: &Path) -> Command {
    let mut command = Command::new(binary);
    for (key, _) in std::env::vars().filter(|(key, _)| key.starts_with("MEDIA_GATEWAY_")) {
        command.env_remove(key);
    }
    command.env("MEDIA_GATEWAY_MODEL_ENABLED", "false").env("MEDIA_GATEWAY_DATA_DIR", data);
    // A disk that is busy for seconds is no error of the node's.
    command.env("MEDIA_GATEWAY_REQUEST_TIMEOUT_MS", "50000").env("MEDIA_GATEWAY_DATABASE_ACQUIRE_TIMEOUT_MS", "45000");
    command
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
