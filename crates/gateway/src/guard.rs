//! What every request passes: bounds, ids, a deadline, a place in the queue, and what every answer gets.
//!
//! One hand-written layer instead of a dozen stacked ones: a boxed future less for each, and the order is in one place.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    response::{IntoResponse, Response},
    routing::{Route, future::RouteFuture},
};
use contracts::{ApiError, ErrorKind};
use futures::{
    FutureExt,
    future::{BoxFuture, Either},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_api::{Budget, Deprecation, Entered, Frame, Problem};
use hyper::body::Body as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tower::{Layer, Service};

use crate::{
    body::Bounded,
    compress::compress,
    cors::{self, Origins},
    head::{self, CORRELATION_ID, HeadLimits, REQUEST_ID, RequestIds},
    idempotency::Idempotency,
    measure::{Meters, UNMATCHED},
};

/// How long the rest of a refused body may take to arrive.
const SWALLOW_TIME: Duration = Duration::from_secs(2);
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// For everything but the documentation page, which has its own: an answer is data, never a page.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

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
    /// How many requests are worked on at once; more are refused.
    pub max_in_flight: usize,
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
            origins: Origins::default(),
            compress: true,
        }
    }
}

struct Shared {
    frame: Arc<Frame>,
    idempotency: Option<Idempotency>,
    config: GuardConfig,
    places: Arc<Semaphore>,
    meters: Meters,
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Guard(Arc<Shared>);

impl Guard {
    pub(crate) fn new(frame: Arc<Frame>, idempotency: Option<Idempotency>, config: GuardConfig) -> Self {
        let (places, meters) = (Arc::new(Semaphore::new(config.max_in_flight)), Meters::new(&config.service));
        Self(Arc::new(Shared { frame, idempotency, config, places, meters }))
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
        let shared = Arc::clone(&self.shared);
        let visit = Visit::begin(Arc::clone(&shared), &mut request);
        let budget = shared.budget(visit.endpoint());
        if budget != shared.frame.timeout {
            request.extensions_mut().insert(Budget(budget));
        }
        let admitted = shared.admit(request, visit.endpoint());
        let work = match admitted {
            Ok((request, place)) => Either::Left((self.work(request, visit.endpoint()), place)),
            Err(refused) => Either::Right(refused),
        };
        Box::pin(async move {
            let response = match work {
                Either::Left((work, _place)) => within(budget, work).await,
                Either::Right(refused) => refused.answer().await,
            };
            Ok(visit.end(response).await)
        })
    }
}

impl Guarded {
    /// Calls the route, through the idempotency store where it asks for that.
    fn work(&mut self, request: Request, endpoint: &str) -> Work {
        if let Some(idempotency) = &self.shared.idempotency
            && let Some(rule) = idempotency.rule(request.method(), endpoint)
        {
            return Either::Right(idempotency.clone().run(rule, request, self.inner.clone()).map(Ok).boxed());
        }
        Either::Left(self.inner.call(request))
    }
}

/// A route at work: boxed only where a store is asked first.
type Work = Either<RouteFuture<Infallible>, BoxFuture<'static, Result<Response, Infallible>>>;

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

impl Shared {
    fn budget(&self, endpoint: &str) -> Duration {
        let own = self.config.route_timeouts.iter().find(|own| own.route == endpoint);
        own.map_or(self.config.timeout, |own| own.timeout)
    }

    /// Lets a request in, with its place and a body that can't grow too large.
    fn admit(&self, request: Request, endpoint: &str) -> Result<(Request, Option<OwnedSemaphorePermit>), Refused> {
        let (max, config) = (self.config.max_body_bytes, &self.config);
        if cors::is_preflight(&request) && config.origins.allowed(request.headers()).is_some() {
            return Err(Refused::Preflight);
        }
        let limits = HeadLimits { uri_bytes: config.max_uri_bytes, header_bytes: config.max_header_bytes };
        match head::check(&request, limits) {
            Ok(true) => self.meters.agent(),
            Ok(false) => {}
            Err(error) => return Err(Refused::Problem(error, None)),
        }
        let hint = request.body().size_hint();
        if hint.lower() > max as u64 {
            let detail = format!("the body has {} bytes, and this server takes {max}", hint.lower());
            let error = ApiError::new(ErrorKind::PayloadTooLarge, "body_too_large", detail);
            // A client that waits for `100 Continue` has sent nothing yet and reads the answer at once.
            let waits = request.headers().contains_key(header::EXPECT);
            return Err(Refused::Problem(error, (!waits).then(|| request.into_body())));
        }
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Some(place),
            // Whoever watches the node must hear from it most of all when it is busy.
            Err(_) if endpoint.ends_with("z") && ["/livez", "/readyz", "/startupz"].contains(&endpoint) => None,
            Err(_) => {
                let busy = ApiError::unavailable("overloaded", "the server has too much to do; try again soon");
                return Err(Refused::Problem(busy.retry_after(Duration::from_secs(1)), None));
            }
        };
        let bounded = hint.upper().is_some_and(|upper| upper <= max as u64);
        let request = if bounded { request } else { request.map(|body| Body::new(Bounded::new(body, max))) };
        Ok((request, place))
    }
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
        Err(_) => {
            let detail = format!("no answer was ready within {} ms", budget.as_millis());
            Problem(ApiError::new(ErrorKind::DeadlineExceeded, "deadline_exceeded", detail)).into_response()
        }
    }
}

/// What is remembered of a request until its answer.
struct Visit {
    shared: Arc<Shared>,
    over: bool,
    began: Instant,
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
    entered: Entered,
    ids: RequestIds,
    origin: Option<HeaderValue>,
    encoding: Option<HeaderValue>,
}

impl Visit {
    fn begin(shared: Arc<Shared>, request: &mut Request) -> Self {
        let entered = shared.frame.enter(request);
        let ids = RequestIds::settle(request.headers_mut(), &shared.frame.rng);
        let headers = request.headers();
        Self {
            over: false,
            began: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            entered,
            ids,
            origin: shared.config.origins.allowed(headers),
            encoding: headers.get(header::ACCEPT_ENCODING).filter(|_| shared.config.compress).cloned(),
            shared,
        }
    }

    fn endpoint(&self) -> &str {
        self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }

    /// Finishes the answer, counts it and logs it.
    async fn end(mut self, response: Response) -> Response {
        let mut response = self.entered.leave(self.uri.path(), response);
        if self.shared.config.compress {
            response = compress(self.encoding.take(), response).await;
        }
        let headers = response.headers_mut();
        secure(headers);
        if let Some(old) = self.shared.config.deprecated.iter().find(|old| old.route == self.endpoint()) {
            headers.extend(old.deprecation.headers());
        }
        self.shared.config.origins.mark(self.origin.take(), headers);
        headers.insert(REQUEST_ID, self.ids.request.clone());
        headers.insert(CORRELATION_ID, self.ids.correlation.clone());
        if let Ok(trace) = HeaderValue::from_str(&self.entered.trace.header()) {
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

impl Drop for Visit {
    /// A client that left before its answer is counted too.
    fn drop(&mut self) {
        if !self.over {
            self.finish(cancelled());
        }
    }
}

/// What browsers must know about every answer, and nothing about who made it.
fn secure(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
    headers.remove(header::SERVER);
}

/// The status of a request whose client left before its answer (as nginx counts it).
fn cancelled() -> StatusCode {
    StatusCode::from_u16(ErrorKind::Cancelled.row().http).unwrap_or(StatusCode::BAD_REQUEST)
}
