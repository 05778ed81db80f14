//! The authorization request: what a client asks, what its person says, and the code that comes of it.

use axum::http::HeaderMap;
use contracts::{ApiError, Role, Scope, Scopes, UserId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Auth, OAuthError,
    audit::Entry,
    config::{CODE_TTL, REQUEST_TTL},
    grants::later,
    http::Params,
    model::{Client, Code, Grant, Session},
    pkce, redirect, secret,
    store::{clients, grants, people},
};

/// What the handle of a pushed request begins with (RFC 9126).
const HANDLE: &str = "urn:ietf:params:oauth:request_uri:";
/// How the person may be asked (OpenID Connect Core, section 3.1.2.1).
pub(crate) const PROMPTS: [&str; 3] = ["none", "login", "consent"];
/// The longest `state` and `nonce`.
const MAX_ECHO: usize = 1_024;
/// Our own parameter on the way back from signing in: since when the person must have signed in, stamped.
pub(crate) const SIGNED_IN_SINCE: &str = "signed_in_since";

/// A request that is in order.
pub(crate) struct Request {
    pub client: Client,
    pub redirect_uri: String,
    pub state: Option<String>,
    pub scopes: Scopes,
    resources: Vec<String>,
    challenge: String,
    nonce: Option<String>,
    prompts: Vec<String>,
    max_age: Option<i64>,
    jkt: Option<String>,
    /// The hash of the handle it was pushed under.
    pushed: Option<Vec<u8>>,
}

/// Why there is no code.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The address to answer at is not to be trusted: the person is told.
    Page(OAuthError),
    /// The client is told.
    Back(String),
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::Page(error)
    }
}

impl From<contracts::ApiError> for Refusal {
    fn from(error: contracts::ApiError) -> Self {
        Self::Page(error.into())
    }
}

/// What comes next.
pub(crate) enum Step {
    /// The person signs in; `since` is when they must have done so, stamped, where the client wants it afresh.
    SignIn { since: Option<String> },
    /// The person, who is this, is asked.
    Ask(Box<Request>, Role),
    /// The browser goes on to this address.
    Go(String),
}

/// What a pushed request is answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pushed {
    /// What to send as `request_uri`; good once.
    pub request_uri: String,
    /// Seconds until it ends.
    pub expires_in: i64,
}

impl Auth {
    /// Takes a request from its client directly (RFC 9126).
    pub(crate) async fn push(&self, headers: &HeaderMap, form: &Params) -> Result<Pushed, OAuthError> {
        let client = self.authenticate(headers, form).await?;
        if form.get("request_uri").is_some() {
            return Err(OAuthError::invalid_request("a pushed request can't refer to another"));
        }
        let mut form = form.clone();
        form.remove("client_secret");
        form.set("client_id", &client.id);
        if let Some(jkt) = self.proof("POST", "/oauth/par", headers).await? {
            if form.get("dpop_jkt").is_some_and(|named| named != jkt) {
                return Err(OAuthError::invalid_dpop_proof("`dpop_jkt` and the proof are of different keys"));
            }
            form.set("dpop_jkt", &jkt);
        }
        let redirect_uri = checked_redirect(&client, &form)?;
        self.check(client.clone(), redirect_uri, &form)?;
        let handle = secret::fresh(&self.rng);
        let ends = later(self.clock.now(), REQUEST_TTL);
        clients::push(&self.db, &secret::hash(&handle), &client.id, &form.encode(), ends).await?;
        Ok(Pushed { request_uri: format!("{HANDLE}{handle}"), expires_in: REQUEST_TTL.as_secs() })
    }

    /// Reads a request from the address that the browser was sent to.
    pub(crate) async fn request(&self, query: &Params) -> Result<Request, Refusal> {
        let missing = || OAuthError::invalid_request("`client_id` is missing");
        let id = query.get("client_id").ok_or_else(missing)?;
        let client = self.client(id).await?;
        let mut pushed = None;
        let mut parameters = query.clone();
        if let Some(uri) = query.get("request_uri") {
            let bad = || OAuthError::invalid_request("the pushed request is not known, used or expired");
            let hash = secret::hash(uri.strip_prefix(HANDLE).ok_or_else(bad)?);
            let kept = clients::pushed(&self.db, &hash, self.clock.now()).await.map_err(OAuthError::from)?;
            let (owner, text) = kept.ok_or_else(bad)?;
            if owner != client.id {
                return Err(bad().into());
            }
            parameters = Params::parse(&text)?;
            pushed = Some(hash);
        }
        let redirect_uri = checked_redirect(&client, &parameters)?;
        let state = parameters.get("state").filter(|state| state.len() <= MAX_ECHO).map(str::to_owned);
        match self.check(client, redirect_uri.clone(), &parameters) {
            Ok(request) => Ok(Request { pushed, ..request }),
            Err(error) => Err(Refusal::Back(self.failed(&redirect_uri, state.as_deref(), &error))),
        }
    }

    /// Checks everything that the client may be told about.
    fn check(&self, client: Client, redirect_uri: String, parameters: &Params) -> Result<Request, OAuthError> {
        let get = |name: &str| parameters.get(name);
        if get("request").is_some() {
            return Err(OAuthError::request_not_supported("request objects are not supported: push the request"));
        }
        match get("response_type") {
            Some("code") => {}
            None => return Err(OAuthError::invalid_request("`response_type` is missing")),
            Some(_) => return Err(OAuthError::unsupported_response_type("the response type must be `code`")),
        }
        if get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(OAuthError::invalid_request("the response mode must be `query`"));
        }
        let challenge = get("code_challenge").filter(|text| pkce::is_challenge(text));
        if challenge.is_none() || get("code_challenge_method") != Some("S256") {
            return Err(OAuthError::invalid_request("a code challenge of method S256 is needed (RFC 7636)"));
        }
        let scopes = match get("scope") {
            Some(text) => text.parse::<Scopes>()?,
            None => [Scope::ReadContent].into_iter().collect(),
        };
        if scopes.is_empty() || !client.scopes.covers(&scopes) {
            return Err(OAuthError::beyond(&scopes, &client.scopes, "what the client is registered for"));
        }
        if ["state", "nonce"].into_iter().filter_map(get).any(|echo| echo.len() > MAX_ECHO) {
            return Err(OAuthError::invalid_request("`state` and `nonce` have at most 1024 characters"));
        }
        let prompts: Vec<_> = get("prompt").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        if !prompts.iter().all(|prompt| PROMPTS.contains(&prompt.as_str())) {
            return Err(OAuthError::invalid_request("the prompts are `none`, `login` and `consent`"));
        }
        if prompts.len() > 1 && prompts.iter().any(|prompt| prompt == "none") {
            return Err(OAuthError::invalid_request("the prompt `none` stands alone"));
        }
        let max_age = get("max_age").map(str::parse::<i64>).transpose();
        let max_age = max_age.ok().filter(|age| age.is_none_or(|age| age >= 0));
        let max_age = max_age.ok_or_else(|| OAuthError::invalid_request("`max_age` is a number of seconds"))?;
        let owned = |name: &str| get(name).map(str::to_owned);
        Ok(Request {
            redirect_uri,
            state: owned("state"),
            scopes,
            resources: self.resources(parameters, None)?,
            challenge: challenge.unwrap_or_default().to_owned(),
            nonce: owned("nonce"),
            prompts,
            max_age,
            jkt: owned("dpop_jkt"),
            pushed: None,
            client,
        })
    }

    /// What comes next for a request, with whoever is signed in.
    pub(crate) async fn next(
        &self,
        request: Request,
        session: Option<Session>,
        since: Option<&str>,
    ) -> Result<Step, Refusal> {
        let quiet = request.prompts.iter().any(|prompt| prompt == "none");
        let stamp = || {
            let now = self.clock.now().as_second().to_string();
            format!("{now}.{}", self.vault.stamp(SIGNED_IN_SINCE, &now))
        };
        let Some(session) = session else {
            return Ok(if quiet {
                self.back(&request, login_required())
            } else {
                Step::SignIn { since: Some(stamp()) }
            });
        };
        if self.must_sign_in(&request, session.authenticated_at, since) {
            return Ok(if quiet {
                self.back(&request, login_required())
            } else {
                Step::SignIn { since: Some(stamp()) }
            });
        }
        let known = people::consent(&self.db, session.user, &request.client.id).await.map_err(OAuthError::from)?;
        // Control of what plays is always asked for once, also by clients of our own.
        let trusted = if request.client.own { request.client.scopes.clone() } else { Scopes::default() };
        let trusted = trusted.without(Scope::PlaybackControl);
        // To administer is asked for each time: it reaches as far as the person's role, which was another one perhaps.
        let settled = known.or(&trusted).without(Scope::AdminFull);
        let asks = request.prompts.iter().any(|prompt| prompt == "consent");
        if settled.covers(&request.scopes) && !asks {
            return Ok(Step::Go(self.issue(request, &session, false).await?));
        }
        if quiet {
            let error = OAuthError::consent_required("the person must consent first");
            return Ok(self.back(&request, error));
        }
        let role = self.role_now(session.user).await?;
        Ok(Step::Ask(Box::new(request), role))
    }

    /// What a person is at the moment: it says how far `admin:full` reaches that they are about to give.
    pub(crate) async fn role_now(&self, user: UserId) -> Result<Role, ApiError> {
        Ok(people::by_id(&self.db, user).await?.map_or(Role::Guest, |user| user.role))
    }

    /// The prompt `login` and `max_age` (OpenID Connect Core, section 3.1.2.1).
    fn must_sign_in(&self, request: &Request, authenticated_at: Timestamp, since: Option<&str>) -> bool {
        let stamped = since
            .and_then(|text| text.split_once('.'))
            .filter(|(at, stamp)| self.vault.stamped(SIGNED_IN_SINCE, at, stamp));
        let since = stamped.and_then(|(at, _)| at.parse::<i64>().ok());
        let wants = request.prompts.iter().any(|prompt| prompt == "login");
        let stale =
            request.max_age.is_some_and(|age| self.clock.now().as_second() - authenticated_at.as_second() > age);
        let afresh = since.is_some_and(|since| authenticated_at.as_second() >= since);
        (wants || stale) && !afresh
    }

    /// Where the browser goes once the person has said yes or no.
    pub(crate) async fn answer(&self, request: Request, session: &Session, allow: bool) -> Result<String, Refusal> {
        if allow {
            return self.issue(request, session, true).await;
        }
        let tx = self.db.begin().await.map_err(OAuthError::from)?;
        let entry = Entry::by_user("consent.denied", session.user).to(&request.client.id);
        self.state(tx, entry, &[]).await?;
        let error = OAuthError::access_denied("the person said no");
        Ok(self.failed(&request.redirect_uri, request.state.as_deref(), &error))
    }

    /// Makes a code, in one transaction with the consent and the end of the pushed request.
    async fn issue(&self, request: Request, session: &Session, consents: bool) -> Result<String, Refusal> {
        let (text, now) = (secret::fresh(&self.rng), self.clock.now());
        let known = people::consent(&self.db, session.user, &request.client.id).await.map_err(OAuthError::from)?;
        let mut tx = self.db.begin().await.map_err(OAuthError::from)?;
        let org = people::org_of(&mut tx, session.user).await.map_err(OAuthError::from)?;
        let grant = Grant {
            family: self.ids.next(),
            client_id: request.client.id.clone(),
            user: session.user,
            session: Some(session.id),
            scopes: request.scopes.clone(),
            resources: request.resources,
            org,
            jkt: request.jkt,
            authenticated_at: session.authenticated_at,
        };
        let code = Code {
            grant,
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.challenge,
            nonce: request.nonce,
            expires_at: later(now, CODE_TTL),
            used_at: None,
        };
        if let Some(hash) = &request.pushed
            && !clients::use_pushed(&mut tx, hash, now).await.map_err(OAuthError::from)?
        {
            return Err(OAuthError::invalid_request("the pushed request was used before").into());
        }
        if consents {
            let all = known.or(&request.scopes);
            people::set_consent(&mut tx, session.user, &request.client.id, &all, now)
                .await
                .map_err(OAuthError::from)?;
        }
        grants::insert_code(&mut tx, &secret::hash(&text), &code).await.map_err(OAuthError::from)?;
        let action = if consents { "consent.given" } else { "code.issued" };
        let entry = Entry::by_user(action, session.user).to(&request.client.id).with("scope", &request.scopes);
        self.state(tx, entry, &[]).await?;
        Ok(self.answered(&request.redirect_uri, request.state.as_deref(), &[("code", &text)]))
    }

    fn back(&self, request: &Request, error: OAuthError) -> Step {
        Step::Go(self.failed(&request.redirect_uri, request.state.as_deref(), &error))
    }

    fn failed(&self, address: &str, state: Option<&str>, error: &OAuthError) -> String {
        self.answered(address, state, &[("error", error.error), ("error_description", &error.description)])
    }

    /// The client's address with an answer, its state and who answers (RFC 9207).
    fn answered(&self, address: &str, state: Option<&str>, answer: &[(&str, &str)]) -> String {
        let mut all = answer.to_vec();
        all.extend(state.map(|state| ("state", state)));
        all.push(("iss", &self.config.issuer));
        redirect::with(address, &all)
    }
}

fn login_required() -> OAuthError {
    OAuthError::login_required("the person must sign in first")
}

/// The address to answer at: given always, and registered by a client that may have codes. Nothing is sent to any other.
fn checked_redirect(client: &Client, parameters: &Params) -> Result<String, OAuthError> {
    if !client.may("authorization_code") {
        return Err(OAuthError::unauthorized_client("this client is not registered for codes"));
    }
    let asked = parameters.get("redirect_uri");
    let asked = asked.ok_or_else(|| OAuthError::invalid_request("`redirect_uri` is missing"))?;
    if redirect::matches(&client.redirect_uris, asked) {
        return Ok(asked.to_owned());
    }
    Err(OAuthError::invalid_request("`redirect_uri` is not registered for this client"))
}
