//! Tokens: refreshes that are on disk before they are answered, and verifications, the first of a token and later ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use access::{Live, Presented, Snapshot, Verifier, VerifierConfig};
use anyhow::{Context as _, Result, ensure};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use contracts::Clock;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::TempDir;

use crate::load::Load;
use crate::node::{Product, Server};
use crate::report::Report;

/// The command line's own client, which may refresh and needs no secret.
const CLIENT: &str = "client_id=media-gateway-cli";
/// Tokens whose verification is timed: fewer than a verifier remembers.
const TOKENS: usize = 5_000;
/// How often all of them are verified again.
const ROUNDS: usize = 20;
const MAX_ANSWER: usize = 1 << 20;

/// Measures both on a node of its own.
pub async fn measure(product: &Product, load: Load, report: &mut Report) -> Result<()> {
    let folder = TempDir::new()?;
    let (server, _) = product.words_only().serve(folder.path()).await?;
    let http = Http::to(&server);
    let browser = http.sign_up().await?;
    let mut families = Vec::new();
    for _ in 0..load.connections {
        families.push(http.family(&browser).await?);
    }
    let refreshed = refresh(&http, families, load.duration, &server).await?;
    report.add(format!("refreshes, {} clients (goal: at least 2000)", load.connections), refreshed.rate(), "req/s");
    report.add("refreshes: p95", refreshed.percentile_ms(0.95), "ms");
    report.add("refreshes: CPU a request", refreshed.cpu_us, "µs");
    let keys = serde_json::from_str(&http.send(Request::get("/oauth/jwks"), String::new()).await?.1)?;
    verify(&http.base, keys, &refreshed.access, report)
}

/// What the load came to.
struct Refreshed {
    /// Seconds of each answered request, in order.
    seconds: Vec<f64>,
    elapsed: Duration,
    cpu_us: f64,
    /// The access tokens of the last ones.
    access: Vec<String>,
}

impl Refreshed {
    fn rate(&self) -> f64 {
        self.seconds.len() as f64 / self.elapsed.as_secs_f64()
    }

    fn percentile_ms(&self, share: f64) -> f64 {
        self.seconds[((self.seconds.len() - 1) as f64 * share).round() as usize] * 1e3
    }
}

/// Each family is refreshed without a pause until the time is over.
async fn refresh(http: &Http, families: Vec<String>, duration: Duration, server: &Server) -> Result<Refreshed> {
    let (before, started) = (server.cpu()?, Instant::now());
    let mut lanes = tokio::task::JoinSet::new();
    for mut token in families {
        let http = http.clone();
        lanes.spawn(async move {
            let (mut seconds, mut access) = (Vec::new(), Vec::new());
            while started.elapsed() < duration {
                let asked = Instant::now();
                let reply = http.token(&format!("grant_type=refresh_token&{CLIENT}&refresh_token={token}")).await?;
                seconds.push(asked.elapsed().as_secs_f64());
                token = text(&reply, "refresh_token")?;
                access.push(text(&reply, "access_token")?);
            }
            anyhow::Ok((seconds, access))
        });
    }
    let (mut seconds, mut access) = (Vec::new(), Vec::new());
    while let Some(lane) = lanes.join_next().await {
        let (mut one, mut tokens) = lane??;
        seconds.append(&mut one);
        access.append(&mut tokens);
    }
    ensure!(!seconds.is_empty(), "nothing was refreshed");
    let elapsed = started.elapsed();
    let spent = server.cpu()?.saturating_sub(before);
    seconds.sort_by(f64::total_cmp);
    access.truncate(TOKENS);
    let cpu_us = spent.as_secs_f64() * 1e6 / seconds.len() as f64;
    Ok(Refreshed { seconds, elapsed, cpu_us, access })
}

/// The verifier of every role, in this process, with the node's public keys.
fn verify(issuer: &str, keys: Value, tokens: &[String], report: &mut Report) -> Result<()> {
    let (clock, live) = (Clock::system(), Arc::new(Live::default()));
    live.replace(Snapshot { keys: serde_json::from_value(keys)?, ..Snapshot::default() }, clock.now());
    let config = VerifierConfig { issuer: issuer.to_owned(), audience: issuer.to_owned() };
    let verifier = Verifier::new(config, clock, live);
    let mut first = Vec::with_capacity(tokens.len());
    for token in tokens {
        let started = Instant::now();
        let verified = verifier.verify(Presented::bearer(token));
        first.push(started.elapsed().as_secs_f64() * 1e6);
        verified.map_err(|error| anyhow::anyhow!("{}: {}", error.code, error.detail))?;
    }
    first.sort_by(f64::total_cmp);
    let started = Instant::now();
    for token in (0..ROUNDS).flat_map(|_| tokens) {
        ensure!(std::hint::black_box(verifier.verify(Presented::bearer(token))).is_ok(), "a token was forgotten");
    }
    let again = started.elapsed().as_secs_f64() * 1e6 / (ROUNDS * tokens.len()) as f64;
    report.add("verification, first of a token: p50", first[first.len() / 2], "µs");
    report.add("verification, first: p95 (goal: at most 50)", first[first.len() * 95 / 100], "µs");
    report.add("verification, again: mean (goal: at most 2)", again, "µs");
    report.add("verifications a second, first of a token", 1e6 * first.len() as f64 / first.iter().sum::<f64>(), "1/s");
    report.add("verifications a second, again", 1e6 / again, "1/s");
    Ok(())
}

fn text(reply: &Value, name: &str) -> Result<String> {
    Ok(reply[name].as_str().with_context(|| format!("no {name} in the answer"))?.to_owned())
}

/// A client that keeps its connections.
#[derive(Clone)]
struct Http {
    client: Client<HttpConnector, Body>,
    base: String,
}

/// Cookies and the token of its forms.
struct Browser {
    cookies: String,
    form: String,
}

impl Http {
    fn to(server: &Server) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: format!("http://{}", server.address) }
    }

    async fn send(&self, request: axum::http::request::Builder, body: String) -> Result<(HeaderMap, String)> {
        let mut request =
            request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(body))?;
        *request.uri_mut() = format!("{}{}", self.base, request.uri()).parse()?;
        let answer = self.client.request(request).await?;
        let (parts, body) = answer.into_parts();
        let text = String::from_utf8(to_bytes(Body::new(body), MAX_ANSWER).await?.to_vec())?;
        ensure!(parts.status.as_u16() < 400, "{}: {text}", parts.status);
        Ok((parts.headers, text))
    }

    async fn token(&self, form: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.send(Request::post("/oauth/token"), form.to_owned()).await?.1)?)
    }

    async fn sign_up(&self) -> Result<Browser> {
        let (headers, page) = self.send(Request::get("/signup"), String::new()).await?;
        let form = page.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let (form, first) = (form.context("no form")?.to_owned(), cookie(&headers)?);
        let body = format!("form_token={form}&email=bench@example.org&password=correct+horse+battery");
        self.send(Request::post("/signup").header(header::COOKIE, &first), body.clone()).await?;
        let (headers, _) = self.send(Request::post("/login").header(header::COOKIE, &first), body).await?;
        Ok(Browser { cookies: format!("{first}; {}", cookie(&headers)?), form })
    }

    /// The refresh token of a new device of the person.
    async fn family(&self, browser: &Browser) -> Result<String> {
        let asked = format!("{CLIENT}&scope=read:content+offline_access");
        let begun: Value = serde_json::from_str(&self.send(Request::post("/oauth/device"), asked).await?.1)?;
        let (device, user) = (text(&begun, "device_code")?, text(&begun, "user_code")?);
        let body = format!("form_token={}&user_code={user}&decision=allow", browser.form);
        self.send(Request::post("/device").header(header::COOKIE, &browser.cookies), body).await?;
        text(&self.token(&format!("grant_type=device_code&{CLIENT}&device_code={device}")).await?, "refresh_token")
    }
}

fn cookie(headers: &HeaderMap) -> Result<String> {
    let set = headers.get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
    Ok(set.and_then(|text| text.split(';').next()).context("no cookie")?.to_owned())
}
