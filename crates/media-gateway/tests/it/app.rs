//! A node as its users have it: the real binary, on ports of its own, in a folder of its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

/// How long a node may take to start or an index to follow: generous, because it bounds a test and measures nothing.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long a request may take.
pub const REQUEST_TIMEOUT: &str = "MEDIA_GATEWAY_REQUEST_TIMEOUT_MS";
/// How long somebody waits for another's write, and so for the disk.
pub const ACQUIRE_TIMEOUT: &str = "MEDIA_GATEWAY_DATABASE_ACQUIRE_TIMEOUT_MS";
/// As long as may be: else a disk that stands still for ten seconds has tests refused. Who tests these times says others.
const PATIENT: [(&str, &str); 2] = [(REQUEST_TIMEOUT, "50000"), (ACQUIRE_TIMEOUT, "60000")];

/// The lock file of a data folder.
#[derive(Deserialize)]
struct Lock {
    pid: u32,
    urls: BTreeMap<String, String>,
    token: String,
}

/// How to start a node.
pub struct Setup {
    folder: PathBuf,
    _kept: Option<TempDir>,
    env: Vec<(String, String)>,
    roles: Option<&'static str>,
}

impl Setup {
    /// A node with every role on a new folder, without the sentence model.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("data");
        let env = PATIENT.into_iter().chain([("MEDIA_GATEWAY_MODEL_ENABLED", "false")]);
        let env = env.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { folder, _kept: Some(dir), env, roles: None }
    }

    /// On a folder that the test keeps.
    pub fn on(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), _kept: None, ..Self::new() }
    }

    /// With a variable of the environment.
    pub fn env(self, key: &str, value: impl Into<String>) -> Self {
        let mut setup = self.without(key);
        setup.env.push((key.to_owned(), value.into()));
        setup
    }

    /// Without a variable of the environment: as the program has it.
    pub fn without(mut self, key: &str) -> Self {
        self.env.retain(|(known, _)| known != key);
        self
    }

    /// With the sentence model that `make test` fetched.
    pub fn with_model(self) -> Self {
        let dir = std::env::var("MEDIA_GATEWAY_TEST_MODEL")
            .expect("MEDIA_GATEWAY_TEST_MODEL must name the folder of the sentence model: run `make test`");
        self.env("MEDIA_GATEWAY_MODEL_ENABLED", "true").env("MEDIA_GATEWAY_MODEL_DIR", dir)
    }

    /// Whether it has one.
    pub fn has_model(&self) -> bool {
        self.env.iter().any(|(key, _)| key == "MEDIA_GATEWAY_MODEL_DIR")
    }

    /// With some roles only.
    pub fn roles(mut self, roles: &'static str) -> Self {
        self.roles = Some(roles);
        self
    }

    /// Which finds these roles at another node.
    pub fn reaching<'a>(self, roles: impl IntoIterator<Item = &'a str>, app: &App) -> Self {
        roles
            .into_iter()
            .fold(self, |setup, role| setup.env(&format!("MEDIA_GATEWAY_PEER_{}", role.to_uppercase()), app.url(role)))
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The command `media-gateway VERB…` on this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_media-gateway"));
        command.args(args).arg("--data-dir").arg(&self.folder).stdin(Stdio::null());
        // Nothing of the person who runs the tests may leak in.
        for (key, _) in std::env::vars().filter(|(key, _)| key.starts_with("MEDIA_GATEWAY_")) {
            command.env_remove(key);
        }
        if args.first() == Some(&"serve") {
            // Also where it is to be refused: a port that another test holds would be the reason.
            let ports = ["GATEWAY", "AUTH", "SEARCH", "INGEST", "CATALOG", "PLAYBACK", "METRICS"];
            command.envs(ports.map(|port| (format!("MEDIA_GATEWAY_LISTEN_{port}"), "127.0.0.1:0")));
        }
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    /// Runs `media-gateway VERB…` to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What `media-gateway doctor` prints, whatever it finds.
    pub fn doctor(&self) -> String {
        String::from_utf8(self.run(&["doctor"]).stdout).unwrap()
    }

    /// Starts the node and waits until it says that it has started.
    pub fn start(self) -> App {
        let mut command = self.command(&["serve"]);
        if let Some(roles) = self.roles {
            command.args(["--roles", roles]);
        }
        let log = std::fs::File::create(self.folder.with_extension("log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        App::wait(self, child)
    }
}

/// A node that runs; killed when dropped.
pub struct App {
    pub setup: Setup,
    pub token: String,
    urls: BTreeMap<String, String>,
    child: Child,
    http: reqwest::blocking::Client,
}

impl App {
    /// A node with every role on a new folder.
    pub fn start() -> Self {
        Setup::new().start()
    }

    fn wait(setup: Setup, mut child: Child) -> Self {
        let since = Instant::now();
        loop {
            let text = std::fs::read_to_string(setup.folder.join("node.lock")).unwrap_or_default();
            if let Ok(lock) = serde_json::from_str::<Lock>(&text)
                && lock.pid == child.id()
                && !lock.urls.is_empty()
            {
                let http = reqwest::blocking::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
                return Self { setup, token: lock.token, urls: lock.urls, child, http };
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the node ended with {status}: {}", log_of(&setup.folder));
            }
            assert!(since.elapsed() < PATIENCE, "the node does not start: {}", log_of(&setup.folder));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Where a role answers.
    pub fn url(&self, role: &str) -> &str {
        &self.urls[role]
    }

    /// What the node has logged.
    pub fn log(&self) -> String {
        log_of(&self.setup.folder)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `GET` on the gateway.
    pub fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.url("gateway"))))
    }

    /// `POST` of JSON on the gateway.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.http.post(format!("{}{path}", self.url("gateway"))).json(body))
    }

    /// A request of any kind on the gateway.
    pub fn request(&self, method: &str, path: &str) -> reqwest::blocking::RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("{}{path}", self.url("gateway")))
    }

    /// Sends a request and reads its answer.
    pub fn send(&self, request: reqwest::blocking::RequestBuilder) -> Answer {
        let response = request.send().unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().unwrap();
        Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    /// Asks again until the answer is as wanted, and gives it: what follows the event log is a moment behind.
    pub fn eventually(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let answer = self.get(path);
            if answer.status == 200 && wanted(&answer.json) {
                return answer.json;
            }
            assert!(since.elapsed() < PATIENCE, "{path} stays at {}", answer.text);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ingests files through the command line beside the node; search has them a moment later.
    pub fn ingest(&self, files: &[&str]) {
        let output = self.setup.run(&[&["ingest"], files].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Kills the node as a power cut would.
    pub fn kill(mut self) -> Setup {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.into_setup()
    }

    /// Asks the node to stop, and waits for its end.
    pub fn stop(self) -> (Setup, std::process::ExitStatus) {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for the end of a node that was asked to stop.
    pub fn ended(mut self) -> (Setup, std::process::ExitStatus) {
        let status = self.child.wait().unwrap();
        (self.into_setup(), status)
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn into_setup(mut self) -> Setup {
        std::mem::replace(&mut self.setup, Setup::new())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // Already gone when the test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asserts that a command failed with this exit code and said so in one line, which holds `words`. Gives the line.
pub fn one_line(output: &Output, code: i32, words: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<_> = said.lines().filter(|line| !line.contains(" WARN ") && !line.contains(" INFO ")).collect();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(matches!(errors[..], [line] if line.starts_with("error: ") && line.contains(words)), "{words:?}? {said}");
    errors[0].to_owned()
}

fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.with_extension("log")).unwrap_or_default()
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    /// The JSON of a success.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self.json
    }

    /// A header as text, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts a problem with this status and code, and gives it.
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["trace_id"].as_str().map(str::len), Some(32), "{}", self.text);
        self.json
    }
}
