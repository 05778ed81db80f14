//! Talks to the process that owns the data folder, as its operator, over loopback.

use std::time::Duration;

use anyhow::Context as _;
use contracts::{ApiError, ErrorKind, FieldError};
use reqwest::{Method, RequestBuilder, Response};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{folder::Owner, roles::Role};

/// The longest answer that is not streamed.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client of the owner's API.
pub struct OwnerClient {
    url: String,
    token: String,
    http: reqwest::Client,
}

/// The fields of RFC 9457 that we need to make an error again.
#[derive(Deserialize)]
struct Problem {
    status: u16,
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<FieldError>,
}

impl OwnerClient {
    /// A client of the owner's `role`.
    ///
    /// # Errors
    /// When the owner has no such API: it is starting, it is another command, or it runs other roles.
    pub fn new(owner: Owner, role: Role) -> anyhow::Result<Self> {
        Self::of(owner, role.as_str())
    }

    /// A client of the owner's listener `name`: a role or `metrics`.
    ///
    /// # Errors
    /// As [`OwnerClient::new`].
    pub fn of(owner: Owner, name: &str) -> anyhow::Result<Self> {
        let Some(url) = owner.urls.get(name).cloned() else {
            let pid = owner.pid;
            let detail = if owner.urls.is_empty() {
                format!("process {pid} uses this data folder and has no {name} to ask: try again when it ends")
            } else {
                format!(
                    "process {pid} runs on this data folder without {name}: ask on the folder of the one that has it"
                )
            };
            return Err(ApiError::new(ErrorKind::Conflict, "folder_in_use", detail).into());
        };
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build()?;
        Ok(Self { url, token: owner.token, http })
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// The problem the owner answers.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = send(self.request(Method::GET, path).timeout(TIMEOUT)).await?;
        response.json().await.context("the node's answer can't be read")
    }

    /// Reads `path`, whose answer means the same whatever its status.
    ///
    /// # Errors
    /// When there is no answer, or one of another form.
    pub async fn answer<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.request(Method::GET, path).timeout(TIMEOUT).send().await.map_err(unreachable)?;
        response.json().await.context("the node's answer can't be read")
    }

    /// Posts `body` to `path`. `key` makes a repeated request safe where the operation changes something.
    ///
    /// # Errors
    /// The problem the owner answers.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Option<String>,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let mut request = self.request(Method::POST, path).json(body).timeout(TIMEOUT);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        send(request).await?.json().await.context("the node's answer can't be read")
    }

    /// Sends a request of any kind; gives the JSON of its answer, null where it has none.
    ///
    /// # Errors
    /// The problem the owner answers.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> anyhow::Result<serde_json::Value> {
        let request = self.request(method.parse()?, path).timeout(TIMEOUT);
        let response = send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await?;
        Ok(response.json().await.unwrap_or_default())
    }

    /// Reads `path` piece by piece.
    ///
    /// # Errors
    /// The problem the owner answers.
    pub async fn stream(&self, path: &str) -> anyhow::Result<Response> {
        send(self.request(Method::GET, path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }
}

fn unreachable(error: reqwest::Error) -> ApiError {
    ApiError::unavailable("node_unreachable", format!("the running node does not answer: {error}"))
}

async fn send(request: RequestBuilder) -> anyhow::Result<Response> {
    let response = request.send().await.map_err(unreachable)?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_else(|_| Problem {
        status,
        code: "unreadable_answer".to_owned(),
        detail: format!("the running node answered {status} without saying why"),
        errors: Vec::new(),
    });
    let mut error = ApiError::new(ErrorKind::from_http(problem.status), problem.code, problem.detail);
    error.fields = problem.errors;
    Err(error.into())
}
