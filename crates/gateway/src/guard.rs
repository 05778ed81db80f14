//! What every request passes: bounds, ids, a deadline, a place in the queue, and what every answer gets.
//!
//! One hand-written layer instead of a dozen stacked ones: a boxed future less for each, and the order is in one place.

use std::{
    convert::Infallible,
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    response::{IntoResponse, Response},
    routing::{Route, future::RouteFuture},
};
use contracts::{ApiError, Caller, ErrorKind};
use futures::{
    FutureExt,
    future::{BoxFuture, Either},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_api::{Budget, Client, Deprecation, Entered, Frame, Peer, Problem, asks_for_socket, identify};
use hyper::body::Body as _;
use tokio::time::timeout;
use tower::{Layer, Service};

use crate::{
    body::Bounded,
    cache::ResponseCache,
    compress::compress,
    cors::{self, Origins},
    crowd::{Crowd, Place},
    decode::decode,
    head::{self, CORRELATION_ID, HeadLimits, REQUEST_ID, RequestIds},
    idempotency::Idempotency,
    limits::{Demand, Limits, Taken},
    measure::{Meters, UNMATCHED},
    shed::Priority,
};

mod calls;

pub use calls::Admitted;

/// How long the rest of a refused body may take to arrive.
const SWALLOW_TIME: Duration = Duration::from_secs(2);
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Pages of other origins may not embed an answer; those that are allowed by CORS read it as before (the Fetch standard).
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// For everything but the documentation page, which has its own: an answer is data, never a page.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Browsers that were here once come over https alone for a year (RFC 6797).
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// A role says with it to the gateway that it refuses under load, and is not broken (ADR 14). People never see it.
pub(crate) const SHED: HeaderName = HeaderName::from_static("x-shed");

/// A route that may take less (or more) time than the others.
#[derive(Clone, Debug)]
pub struct RouteTimeout {
    /// The route's template: `/api/v1/search`.
    pub route: String,
    /// How long it may take.
    pub timeout: Duration,
}

/// A route that is on its way out, and says so in its answers.
#[derive(Clone, Debug)]
pub struct DeprecatedRoute {
    /// The route's template: `/api/v1/content/search`.
    pub route: String,
    /// Since when, until when, and what replaces it.
    pub deprecation: Deprecation,
}

/// The limits of a door.
#[derive(Clone, Debug)]
pub struct GuardConfig {
    /// The name that metrics and logs give it: `gateway`, or the role's name.
    pub service: String,
    /// How long a request may take until its answer begins.
    pub timeout: Duration,
    /// Routes with a limit of their own.
    pub route_timeouts: Vec<RouteTimeout>,
    /// Routes on their way out.
    pub deprecated: Vec<DeprecatedRoute>,
    /// The largest body of a request, in bytes.
    pub max_body_bytes: usize,
    /// The longest path and query, in bytes.
    pub max_uri_bytes: usize,
    /// The most bytes of headers.
    pub max_header_bytes: usize,
    /// How many requests are worked on at once at most; more are refused, and fewer taken while answers are late.
    pub max_in_flight: usize,
    /// An answer that takes longer is late.
    pub objective: Duration,
    /// The origins whose pages may call.
    pub origins: Origins,
    /// Whether to compress answers.
    pub compress: bool,
}

impl GuardConfig {
    /// The usual limits, under a name.
    pub fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            timeout: Duration::from_secs(10),
            route_timeouts: Vec::new(),
            deprecated: Vec::new(),
            max_body_bytes: 64 * 1_024,
            max_uri_bytes: 8 * 1_024,
            max_header_bytes: 16 * 1_024,
            max_in_flight: 1_024,
            objective: Duration::from_millis(500),
            origins: Origins::default(),
            compress: true,
        }
    }
}

/// A request that was refused for who made it.
pub struct Denial<'a> {
    /// Who made it: nobody we know where the credentials are not good.
    pub caller: &'a Caller,
    /// From where, as far as the trusted proxies say.
    pub address: Option<IpAddr>,
    /// The method.
    pub method: &'a Method,
    /// The template of the route; of a call over another protocol, what it was counted as.
    pub route: &'a str,
    /// 401 or 403.
    pub status: u16,
}

/// Who wants to know of refusals. It is called for each, so it must not wait.
pub type OnDenied = Arc<dyn Fn(&Denial<'_>) + Send + Sync>;

/// What a door has besides its routes.
pub(crate) struct Fittings {
    pub(crate) denied: Option<OnDenied>,
    pub(crate) frame: Arc<Frame>,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) limits: Option<Arc<Limits>>,
    /// Knows whose word about a client's address counts.
    pub(crate) clients: Option<Arc<Limits>>,
    pub(crate) cache: Option<Arc<ResponseCache>>,
    /// Whether a gateway in another process asks, which is told what was refused under load.
    pub(crate) behind: bool,
}

struct Shared {
    fittings: Fittings,
    config: ArcSwap<GuardConfig>,
    crowd: Crowd,
    meters: Meters,
    /// Whether people reach this server over https.
    https: bool,
}

impl Shared {
    /// The address a request comes from, as far as the trusted proxies say; none where nobody counts or denies by it.
    fn client(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.extensions().get::<Peer>()?.0.ip();
        Some(self.fittings.clients.as_ref()?.client(peer, request.headers()))
    }

    /// What a request takes, and from whose buckets.
    fn demand(&self, caller: &Caller, client: Option<IpAddr>, endpoint: &str, path: &str) -> Option<Demand> {
        self.fittings.limits.as_ref()?.demand(caller, client?, endpoint, path)
    }

    /// A place among the requests that are worked on, or word that there is none.
    fn enter(&self, priority: Priority) -> Result<Place, ApiError> {
        self.crowd.enter(priority).ok_or_else(|| {
            metrics::counter!("requests_shed_total", "priority" => priority.name()).increment(1);
            ApiError::overloaded("the server has too much to do; try again soon")
        })
    }
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Guard(Arc<Shared>);

impl Guard {
    pub(crate) fn new(fittings: Fittings, config: GuardConfig) -> Self {
        let (crowd, meters) = (Crowd::new(config.max_in_flight), Meters::new(&config.service));
        let https = fittings.frame.access.as_ref().is_some_and(|access| access.config().issuer.starts_with("https://"));
        Self(Arc::new(Shared { fittings, config: ArcSwap::from_pointee(config), crowd, meters, https }))
    }

    /// From the next request on these bounds hold.
    pub(crate) fn set(&self, config: GuardConfig) {
        self.0.crowd.set_most(config.max_in_flight);
        self.0.config.store(Arc::new(config));
    }

    /// The bounds now.
    pub(crate) fn config(&self) -> Arc<GuardConfig> {
        self.0.config.load_full()
    }

    /// Requests worked on now, and how many may be.
    pub(crate) fn crowd(&self) -> (usize, usize) {
        self.0.crowd.now()
    }
}

impl Layer<Route> for Guard {
    type Service = Guarded;

    fn layer(&self, inner: Route) -> Guarded {
        Guarded { shared: Arc::clone(&self.0), inner }
    }
}

/// One route behind the guard.
#[derive(Clone)]
pub(crate) struct Guarded {
    shared: Arc<Shared>,
    inner: Route,
}

impl Service<Request> for Guarded {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let mut visit = Visit::begin(Arc::clone(&self.shared), &mut request);
        let entry = match visit.admit(request) {
            Ok((request, pass)) => Ok((self.work(request, visit.endpoint()), pass)),
            Err(refused) => Err(refused),
        };
        Box::pin(async move {
            let response = match entry {
                Ok((work, mut pass)) => {
                    let who = pass.who.take();
                    let response = visit.answer(work, pass).await;
                    visit.tell(who, response.status());
                    response
                }
                Err(refused) => refused.answer().await,
            };
            Ok(visit.end(response).await)
        })
    }
}

impl Guarded {
    /// Calls the route, through the idempotency store where it asks for that. Nothing happens until it is polled.
    fn work(&mut self, request: Request, endpoint: &str) -> Work {
        if let Some(idempotency) = &self.shared.fittings.idempotency
            && let Some(rule) = idempotency.rule(request.method(), endpoint)
        {
            return Either::Right(idempotency.clone().run(rule, request, self.inner.clone()).map(Ok).boxed());
        }
        Either::Left(self.inner.call(request))
    }
}

/// A route at work: boxed only where a store is asked first.
type Work = Either<RouteFuture<Infallible>, BoxFuture<'static, Result<Response, Infallible>>>;

/// What a request that was let in has with it.
struct Pass {
    place: Place,
    /// Who asks and from where, for whoever wants to know of refusals.
    who: Option<(Caller, Option<IpAddr>)>,
    demand: Option<Demand>,
    /// Under what its answer is kept, and the conditions it came with.
    kept: Option<(String, HeaderMap)>,
}

/// A request that is answered without calling its route.
enum Refused {
    /// A browser asks in advance.
    Preflight,
    /// With a problem, once what is left of its body was read.
    Problem(ApiError, Option<Body>),
}

impl Refused {
    async fn answer(self) -> Response {
        match self {
            Self::Preflight => cors::preflight(),
            Self::Problem(error, body) => {
                if let Some(body) = body {
                    let _ = timeout(SWALLOW_TIME, Bounded::swallow(body)).await;
                }
                Problem(error).into_response()
            }
        }
    }
}

impl GuardConfig {
    pub(crate) fn budget(&self, endpoint: &str) -> Duration {
        let own = self.route_timeouts.iter().find(|own| own.route == endpoint);
        own.map_or(self.timeout, |own| own.timeout)
    }
}

/// Bounds the body of a request, packed or not, or says why it is refused.
fn bounded(request: Request, max: usize) -> Result<Request, Refused> {
    let hint = request.body().size_hint();
    if hint.lower() > max as u64 {
        let detail = format!("the body has {} bytes, and this server takes {max}", hint.lower());
        let error = ApiError::new(ErrorKind::PayloadTooLarge, "body_too_large", detail);
        // A client that waits for `100 Continue` has sent nothing yet and reads the answer at once.
        let waits = request.headers().contains_key(header::EXPECT);
        return Err(Refused::Problem(error, (!waits).then(|| request.into_body())));
    }
    let request = decode(request, max).map_err(|error| Refused::Problem(error, None))?;
    let fits = request.body().size_hint().upper().is_some_and(|upper| upper <= max as u64);
    Ok(if fits { request } else { request.map(|body| Body::new(Bounded::new(body, max))) })
}

/// Runs a route for at most `budget`; a panic ends the request, not the process.
async fn within(budget: Duration, work: Work) -> Response {
    match timeout(budget, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
            tracing::error!(panic = text.unwrap_or("no message"), "a request made the server panic");
            Problem(ApiError::internal("the server made a mistake")).into_response()
        }
        Err(_) => Problem(out_of_time(budget)).into_response(),
    }
}

/// The request's time is over, and it was `budget`.
pub(crate) fn out_of_time(budget: Duration) -> ApiError {
    let detail = format!("no answer was ready within {} ms", budget.as_millis());
    ApiError::new(ErrorKind::DeadlineExceeded, "deadline_exceeded", detail)
}

/// What is remembered of a request until its answer.
struct Visit {
    shared: Arc<Shared>,
    config: Arc<GuardConfig>,
    over: bool,
    began: Instant,
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
    entered: Entered,
    ids: RequestIds,
    origin: Option<HeaderValue>,
    encoding: Option<HeaderValue>,
    taken: Option<Taken>,
}

impl Visit {
    fn begin(shared: Arc<Shared>, request: &mut Request) -> Self {
        let entered = shared.fittings.frame.enter(request);
        let ids = RequestIds::settle(request.headers_mut(), &shared.fittings.frame.rng);
        let headers = request.headers();
        let config = shared.config.load_full();
        Self {
            over: false,
            began: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            entered,
            ids,
            origin: config.origins.allowed(headers),
            encoding: headers.get(header::ACCEPT_ENCODING).filter(|_| config.compress).cloned(),
            taken: None,
            config,
            shared,
        }
    }

    fn endpoint(&self) -> &str {
        self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }

    /// Lets a request in, with its place and a body that can't grow too large.
    fn admit(&self, mut request: Request) -> Result<(Request, Pass), Refused> {
        let (config, fittings) = (&*self.config, &self.shared.fittings);
        if cors::is_preflight(&request) && config.origins.allowed(request.headers()).is_some() {
            return Err(Refused::Preflight);
        }
        let limits = HeadLimits { uri_bytes: config.max_uri_bytes, header_bytes: config.max_header_bytes };
        match head::check(&request, limits) {
            Ok(true) => self.shared.meters.agent(),
            Ok(false) => {}
            Err(error) => return Err(Refused::Problem(error, None)),
        }
        let own = fittings.frame.access.as_ref().map(|access| access.config().issuer.as_str());
        if asks_for_socket(request.headers()) && !config.origins.admit_socket(request.headers(), own) {
            let detail = "a page of this origin may not open a connection here";
            let error = ApiError::new(ErrorKind::PermissionDenied, "foreign_origin", detail);
            return Err(Refused::Problem(error, None));
        }
        // Credentials that are not good are refused where they are needed; until then nobody sent them.
        let caller = identify(&fittings.frame, &mut request);
        let priority = if is_watch(self.endpoint()) { Priority::Vital } else { priority(&caller) };
        let client = self.shared.client(&request);
        if let Some(client) = client {
            request.extensions_mut().insert(Client(client));
        }
        let demand = self.shared.demand(&caller, client, self.endpoint(), self.uri.path());
        let who = fittings.denied.as_ref().map(|_| (caller, client));
        let request = bounded(request, config.max_body_bytes)?;
        let place = self.shared.enter(priority).map_err(|busy| Refused::Problem(busy, None))?;
        let keyed = fittings.cache.as_ref().and_then(|_| ResponseCache::key(&request, self.endpoint()));
        let kept = keyed.map(|key| (key, conditions(request.headers())));
        let budget = config.budget(self.endpoint());
        let mut request = request;
        if budget != fittings.frame.timeout {
            request.extensions_mut().insert(Budget(budget));
        }
        Ok((request, Pass { place, who, demand, kept }))
    }

    /// The answer of a request that was let in: a refusal, one that was kept, or the route's.
    async fn answer(&mut self, work: Work, pass: Pass) -> Response {
        let shared = Arc::clone(&self.shared);
        if let (Some(limits), Some(demand)) = (&shared.fittings.limits, pass.demand) {
            let taken = self.taken.insert(limits.settle(demand).await);
            if !taken.allowed() {
                return Problem(taken.refusal()).into_response();
            }
        }
        let budget = self.config.budget(self.endpoint());
        let (Some(cache), Some((key, asked))) = (&shared.fittings.cache, pass.kept) else {
            let response = within(budget, work).await;
            pass.place.leave(self.began.elapsed(), self.config.objective, &shared.fittings.frame.clock);
            return response;
        };
        if let Some(kept) = cache.fresh(&key, &asked) {
            return kept;
        }
        let response = within(budget, work).await;
        pass.place.leave(self.began.elapsed(), self.config.objective, &shared.fittings.frame.clock);
        cache.settle(key, response, &asked).await
    }

    /// Tells of a refusal.
    fn tell(&self, who: Option<(Caller, Option<IpAddr>)>, status: StatusCode) {
        if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status)
            && let (Some(denied), Some((caller, address))) = (&self.shared.fittings.denied, who)
        {
            let (method, route, status) = (&self.method, self.endpoint(), status.as_u16());
            denied(&Denial { caller: &caller, address, method, route, status });
        }
    }

    /// Finishes the answer, counts it and logs it.
    async fn end(&mut self, response: Response) -> Response {
        let shed = self.shared.fittings.behind && is_shed(&response);
        let mut response = self.entered.leave(self.uri.path(), response);
        if self.config.compress {
            response = compress(self.encoding.take(), response).await;
        }
        let headers = response.headers_mut();
        // Once, and not each time that one more does not fit. Another role's answer has almost all of them already.
        headers.reserve(13_usize.saturating_sub(headers.len()));
        secure(headers, self.shared.https);
        if let Some(old) = self.config.deprecated.iter().find(|old| old.route == self.endpoint()) {
            headers.extend(old.deprecation.headers());
        }
        self.config.origins.mark(self.origin.take(), headers);
        if let Some(taken) = &self.taken {
            taken.mark(headers);
        }
        if shed {
            headers.insert(SHED, HeaderValue::from_static("1"));
        }
        headers.insert(REQUEST_ID, self.ids.request.clone());
        headers.insert(CORRELATION_ID, self.ids.correlation.clone());
        if let Ok(trace) = HeaderValue::try_from(self.entered.trace.header()) {
            headers.insert(TRACEPARENT, trace);
        }
        self.over = true;
        self.finish(response.status());
        response
    }

    fn finish(&self, status: StatusCode) {
        self.shared.meters.finish(&self.method, self.endpoint(), &self.entered.trace, self.began, status);
    }
}

/// Whether a problem says that somebody has too much to do: this role, or one that it asked.
fn is_shed(response: &Response) -> bool {
    response.extensions().get::<Problem>().is_some_and(|Problem(error)| error.is_overload())
}

/// Whoever watches the node must hear from it most of all when it is busy.
fn is_watch(endpoint: &str) -> bool {
    endpoint.ends_with('z') && ["/livez", "/readyz", "/startupz"].contains(&endpoint)
}

fn priority(caller: &Caller) -> Priority {
    match caller {
        Caller::Anonymous => Priority::Low,
        Caller::Identified(_) => Priority::Normal,
        Caller::Operator | Caller::System => Priority::High,
    }
}

/// The headers that an answer which was kept depends on.
fn conditions(headers: &HeaderMap) -> HeaderMap {
    let mut conditions = HeaderMap::new();
    for value in headers.get_all(header::IF_NONE_MATCH) {
        conditions.append(header::IF_NONE_MATCH, value.clone());
    }
    conditions
}

impl Drop for Visit {
    /// A client that left before its answer is counted too.
    fn drop(&mut self) {
        if !self.over {
            self.finish(cancelled());
        }
    }
}

/// What browsers must know about every answer, and nothing about who made it.
fn secure(headers: &mut HeaderMap, https: bool) {
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
    headers.remove(header::SERVER);
}

/// The status of a request whose client left before its answer (as nginx counts it).
fn cancelled() -> StatusCode {
    StatusCode::from_u16(ErrorKind::Cancelled.row().http).unwrap_or(StatusCode::BAD_REQUEST)
}
