//! Signing this machine in: the device grant (RFC 8628), with its tokens in a file that only its user reads.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    time::Duration,
};

use anyhow::Context as _;
use auth::CLI_CLIENT;
use clap::Args;
use contracts::{ApiError, ErrorKind, is_this_machine};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{cli::Global, config::Config, roles};

/// What the command line asks for.
const SCOPE: &str = "openid email offline_access read:content account:manage";
const TIMEOUT: Duration = Duration::from_secs(30);

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

    /// Sends a form; gives the JSON of a success, or OAuth's code and sentence.
    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Result<Value, (String, String)>> {
        let body = fields.iter().fold(String::new(), |text, (name, value)| {
            let escaped: String = value.bytes().map(escape).collect();
            format!("{text}{}{name}={escaped}", if text.is_empty() { "" } else { "&" })
        });
        let request = self.http.post(format!("{}{path}", self.url)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.send().await.map_err(|error| self.away(&error))?;
        let good = response.status().is_success();
        let json: Value = response.json().await.unwrap_or(Value::Null);
        if good {
            return Ok(Ok(json));
        }
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        Ok(Err((text("error"), text("error_description"))))
    }

    /// Asks with a token: the status and the JSON of the answer.
    async fn ask(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
        let request = self.http.request(method.parse()?, format!("{}{path}", self.url)).bearer_auth(token);
        let request = body.into_iter().fold(request, |request, body| request.json(body));
        let response = request.send().await.map_err(|error| self.away(&error))?;
        Ok((response.status().as_u16(), response.json().await.unwrap_or(Value::Null)))
    }

    fn away(&self, error: &reqwest::Error) -> ApiError {
        ApiError::unavailable("server_unreachable", format!("{} does not answer: {error}", self.url))
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
    let begun = server.form("/oauth/device", &[("client_id", CLI_CLIENT), ("scope", &scope)]).await?;
    let device: Device = serde_json::from_value(begun.map_err(|(_, why)| refused(why))?)?;
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
        match server.form("/oauth/token", &fields).await? {
            Ok(reply) => return Ok(serde_json::from_value(reply)?),
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
    let ended = server.form("/oauth/revoke", &fields).await;
    // Forgotten here in any case; that the server still knows the token is worth saying.
    all.write()?;
    if let Err((_, why)) = ended? {
        anyhow::bail!("forgotten on this machine, but {} did not end the token: {why}", server.url);
    }
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
    let (mut status, mut answer) = server.ask(&tokens.access_token, method, path, body).await?;
    if status == 401 {
        let fields =
            [("grant_type", "refresh_token"), ("client_id", CLI_CLIENT), ("refresh_token", &tokens.refresh_token)];
        let reply = server.form("/oauth/token", &fields).await?.map_err(|_| nobody())?;
        let tokens: Tokens = serde_json::from_value(reply)?;
        all.0.insert(server.url.clone(), tokens.clone());
        all.write()?;
        (status, answer) = server.ask(&tokens.access_token, method, path, body).await?;
    }
    let text = |name: &str, other: &str| answer[name].as_str().unwrap_or(other).to_owned();
    match status {
        200..300 => Ok(answer),
        401 => Err(nobody()),
        _ => {
            let detail = text("detail", &format!("{} answered {status}", server.url));
            Err(ApiError::new(ErrorKind::from_http(status), text("code", "unreadable_answer"), detail).into())
        }
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
