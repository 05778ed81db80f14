//! Signing this machine in: the device grant (RFC 8628), with its tokens in a file that only its user reads.

use std::{
    collections::BTreeMap,
    error::Error as _,
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use auth::CLI_CLIENT;
use clap::Args;
use contracts::{ApiError, ErrorKind, is_this_machine};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{cli::Global, config::Config, roles};

/// What the command line asks for.
const SCOPE: &str = "openid email offline_access read:content account:manage";
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most of an answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

#[derive(Args, Debug)]
pub struct ServerArgs {
    /// The Media Gateway's public address, or its HOST:PORT; where absent, the `auth.issuer` or `listen.gateway` of the
    /// configuration
    #[arg(long, value_name = "URL", value_parser = base_address)]
    server: Option<String>,
}

#[derive(Args, Debug)]
pub struct LoginArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Ask to administer it as well
    #[arg(long)]
    admin: bool,
}

/// The tokens of this machine, by server.
#[derive(Default, Serialize, Deserialize)]
struct Credentials(BTreeMap<String, Tokens>);

#[derive(Clone, Serialize, Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
}

#[derive(Deserialize)]
struct Device {
    device_code: String,
    user_code: String,
    verification_uri: String,
    expires_in: u64,
    interval: u64,
}

fn file() -> anyhow::Result<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "media-gateway").context("this user has no home directory")?;
    Ok(dirs.config_dir().join("credentials.json"))
}

impl Credentials {
    fn read() -> anyhow::Result<Self> {
        let path = file()?;
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} can't be read", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("can't read {}", path.display())),
        }
    }

    /// Whole or not at all, and nobody else's to read from its first byte on.
    fn write(&self) -> anyhow::Result<()> {
        let path = file()?;
        let folder = path.parent().context("the file has no folder")?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let part = path.with_extension("part");
        let _ = fs::remove_file(&part);
        let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        out.write_all(&serde_json::to_vec(self)?)?;
        out.sync_all()?;
        fs::rename(&part, &path).with_context(|| format!("can't write {}", path.display()))
    }
}

struct Server {
    url: String,
    http: reqwest::Client,
}

impl Server {
    fn new(global: &Global, args: &ServerArgs) -> anyhow::Result<Self> {
        let url = match &args.server {
            Some(url) => url.clone(),
            None => roles::auth::issuer(&Config::load(&global.flags())?),
        };
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("media-gateway/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), http })
    }

    /// Sends a form; gives what a success holds, or OAuth's code and sentence.
    async fn form<T: DeserializeOwned>(
        &self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> anyhow::Result<Result<T, (String, String)>> {
        let body = fields.iter().fold(String::new(), |text, (name, value)| {
            let escaped: String = value.bytes().map(escape).collect();
            format!("{text}{}{name}={escaped}", if text.is_empty() { "" } else { "&" })
        });
        let request = self.http.post(format!("{}{path}", self.url)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = self.answer("POST", path, request).await?;
        if answer.status.is_success() {
            return answer.holds().map(Ok);
        }
        let Some(code) = answer.text("error") else { return Err(answer.refusal()) };
        let why = answer.text("error_description").unwrap_or(code);
        Ok(Err((code.to_owned(), why.to_owned())))
    }

    /// Asks with a token.
    async fn ask(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let request = self.http.request(method.parse()?, format!("{}{path}", self.url)).bearer_auth(token);
        let request = body.into_iter().fold(request, |request, body| request.json(body));
        self.answer(method, path, request).await
    }

    async fn answer(&self, method: &str, path: &str, request: RequestBuilder) -> anyhow::Result<Answer> {
        let asked = format!("{method} {}{path}", self.url);
        let answer = async { Answer::read(asked.clone(), request.send().await?).await };
        Ok(answer.await.map_err(|error| away(&asked, &error))?)
    }
}

fn away(asked: &str, error: &reqwest::Error) -> ApiError {
    // What lies deepest says why; the rest says that something was asked.
    let why = std::iter::successors(error.source(), |&cause| cause.source()).last();
    let why = why.map_or_else(|| error.to_string(), ToString::to_string);
    ApiError::unavailable("server_unreachable", format!("{asked} was not answered: {why}"))
}

/// What came: from a Media Gateway, or from whatever else is at that address.
struct Answer {
    /// The method and the address.
    asked: String,
    status: StatusCode,
    /// What it says that it is.
    kind: String,
    /// Null where it is empty, and `None` where it is something else.
    json: Option<Value>,
}

impl Answer {
    async fn read(asked: String, mut response: Response) -> reqwest::Result<Self> {
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("no type of content").chars().take(60).collect();
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MAX_ANSWER {
                break;
            }
        }
        let json = if bytes.is_empty() { Some(Value::Null) } else { serde_json::from_slice(&bytes).ok() };
        Ok(Self { asked, status: response.status(), kind, json })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.json.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// What a success gives.
    fn holds<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let held = self.json.as_ref().and_then(|json| T::deserialize(json).ok());
        held.ok_or_else(|| self.strange())
    }

    /// Why what was asked is refused.
    fn refusal(&self) -> anyhow::Error {
        let Some(detail) = self.text("detail") else { return self.strange() };
        let code = self.text("code").unwrap_or("unreadable_answer").to_owned();
        ApiError::new(ErrorKind::from_http(self.status.as_u16()), code, detail).into()
    }

    fn strange(&self) -> anyhow::Error {
        let Self { asked, status, kind, .. } = self;
        let detail =
            format!("{asked} was answered with {status} and {kind}, as no Media Gateway does: see to the address");
        ApiError::unavailable("unreadable_answer", detail).into()
    }
}

/// The base address that is meant: who gives a host alone means https, or http on this machine.
fn base_address(text: &str) -> Result<String, &'static str> {
    let scheme = |host: &str| if is_this_machine(host) { "http" } else { "https" };
    let whole = match text.contains("://") {
        true => Some(text.to_owned()),
        false => parsed(&format!("https://{text}")).map(|(_, host)| format!("{}://{text}", scheme(&host))),
    };
    let web = |whole: &String| parsed(whole).is_some_and(|(scheme, _)| ["http", "https"].contains(&&*scheme));
    let whole = whole.filter(web).ok_or("write an address like https://media.example or 127.0.0.1:8080")?;
    Ok(whole.trim_end_matches('/').to_owned())
}

/// The scheme and host of an address.
fn parsed(address: &str) -> Option<(String, String)> {
    let url = Url::parse(address).ok()?;
    Some((url.scheme().to_owned(), url.host_str()?.to_owned()))
}

fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

fn refused(sentence: impl Into<String>) -> anyhow::Error {
    ApiError::new(ErrorKind::Unauthenticated, "not_signed_in", sentence).into()
}

/// Signs in.
pub async fn login(global: &Global, args: &LoginArgs) -> anyhow::Result<()> {
    let server = Server::new(global, &args.server)?;
    let scope = if args.admin { format!("{SCOPE} admin:full") } else { SCOPE.to_owned() };
    let begun = server.form::<Device>("/oauth/device", &[("client_id", CLI_CLIENT), ("scope", &scope)]).await?;
    let device = begun.map_err(|(_, why)| refused(why))?;
    eprintln!("Open {} and type {}", device.verification_uri, device.user_code);
    let tokens = wait(&server, &device).await?;
    let mut all = Credentials::read()?;
    all.0.insert(server.url.clone(), tokens);
    all.write()?;
    eprintln!("You are signed in at {}.", server.url);
    Ok(())
}

async fn wait(server: &Server, device: &Device) -> anyhow::Result<Tokens> {
    let (mut pause, mut waited) = (device.interval.max(1), 0);
    while waited < device.expires_in {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        waited += pause;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", CLI_CLIENT),
            ("device_code", &device.device_code),
        ];
        match server.form::<Tokens>("/oauth/token", &fields).await? {
            Ok(tokens) => return Ok(tokens),
            Err((code, _)) if code == "authorization_pending" => {}
            Err((code, _)) if code == "slow_down" => pause += 5,
            Err((_, why)) => return Err(refused(why)),
        }
    }
    Err(refused("nobody confirmed the code in time"))
}

/// Signs out.
pub async fn logout(global: &Global, args: &ServerArgs) -> anyhow::Result<()> {
    let (server, mut all) = (Server::new(global, args)?, Credentials::read()?);
    let tokens = all.0.remove(&server.url).ok_or_else(|| refused(format!("nobody is signed in at {}", server.url)))?;
    let fields = [("client_id", CLI_CLIENT), ("token", tokens.refresh_token.as_str())];
    let ended = server.form::<Value>("/oauth/revoke", &fields).await;
    // Forgotten here in any case; that the server still knows the token is worth saying.
    all.write()?;
    let forgotten = || format!("forgotten on this machine, but {} did not end the token", server.url);
    ended.and_then(|ended| ended.map_err(|(_, why)| anyhow!(why))).with_context(forgotten)?;
    eprintln!("You are signed out at {}.", server.url);
    Ok(())
}

/// Asks for whoever is signed in; an access token that has ended is renewed first.
pub async fn ask(
    global: &Global,
    args: &ServerArgs,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> anyhow::Result<Value> {
    let (server, mut all) = (Server::new(global, args)?, Credentials::read()?);
    let nobody = || refused(format!("nobody is signed in at {}: run `media-gateway auth login`", server.url));
    let tokens = all.0.get(&server.url).cloned().ok_or_else(nobody)?;
    let mut answer = server.ask(&tokens.access_token, method, path, body).await?;
    if answer.status == StatusCode::UNAUTHORIZED {
        let fields =
            [("grant_type", "refresh_token"), ("client_id", CLI_CLIENT), ("refresh_token", &tokens.refresh_token)];
        let tokens = server.form::<Tokens>("/oauth/token", &fields).await?.map_err(|_| nobody())?;
        all.0.insert(server.url.clone(), tokens.clone());
        all.write()?;
        answer = server.ask(&tokens.access_token, method, path, body).await?;
    }
    match answer.status {
        StatusCode::UNAUTHORIZED => Err(nobody()),
        status if status.is_success() => answer.holds(),
        _ => Err(answer.refusal()),
    }
}

/// Says who is signed in.
pub async fn whoami(global: &Global, args: &ServerArgs) -> anyhow::Result<()> {
    let who = ask(global, args, "GET", "/api/v1/auth/me", None).await?;
    if global.json {
        println!("{who}");
    } else {
        let text = |name: &str| who[name].as_str().unwrap_or("none").to_owned();
        println!("{} ({})", text("subject"), text("role"));
        println!("may: {}", text("scopes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_or_a_host() {
        for (given, meant) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost:8080/", "http://localhost:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("media.example", "https://media.example"),
            ("192.0.2.1:8443", "https://192.0.2.1:8443"),
            ("https://media.example/", "https://media.example"),
            ("http://192.0.2.1:8080", "http://192.0.2.1:8080"),
        ] {
            assert_eq!(base_address(given).as_deref(), Ok(meant), "{given}");
        }
        for wrong in ["ftp://media.example", "https://", "", "not a host", "host:port"] {
            assert!(base_address(wrong).is_err(), "{wrong}");
        }
    }
}
