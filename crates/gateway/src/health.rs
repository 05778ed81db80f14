//! Is the process alive, has it started, can it take traffic.

use std::{
    future::Future,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use contracts::{ApiError, Component, ComponentState};
use futures::future::{BoxFuture, FutureExt, join_all};
use http::{HeaderValue, StatusCode, header};
use http_api::Problem;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::timeout};

/// How long a part may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(1);

type Ask = Arc<dyn Fn() -> BoxFuture<'static, Vec<Component>> + Send + Sync>;

#[derive(Clone)]
struct Part {
    name: String,
    required: bool,
    ask: Ask,
}

/// How a node is: its parts are asked each time.
#[derive(Default)]
pub struct Health {
    started: AtomicBool,
    draining: watch::Sender<bool>,
    parts: RwLock<Vec<Part>>,
}

/// How ready a node is, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// `ready`, `degraded` (it serves with less), `starting` or `down`.
    pub state: ComponentState,
    /// Its parts.
    pub components: Vec<Component>,
}

impl Health {
    /// A node that has not started and has no parts yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a part, or several that are asked together under `name`. A node serves as long as its `required` parts are
    /// ready or degraded; the others only degrade it.
    pub fn register<F, R>(&self, name: &str, required: bool, ask: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Vec<Component>> + Send + 'static,
    {
        let ask: Ask = Arc::new(move || ask().boxed());
        let part = Part { name: name.to_owned(), required, ask };
        self.parts.write().unwrap_or_else(PoisonError::into_inner).push(part);
    }

    /// From now on the node has started.
    pub fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// From now on the node takes no new traffic: call it some seconds before the listeners close, so that whoever
    /// balances load hears of it first.
    pub fn draining(&self) {
        self.draining.send_replace(true);
    }

    /// Whether the node takes no new traffic any more.
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Waits until the node drains.
    pub async fn drained(&self) {
        // The sender is this node's own, so that it can't be gone.
        let _ = self.draining.subscribe().wait_for(|draining| *draining).await;
    }

    /// Asks every part.
    pub async fn readiness(&self) -> Readiness {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner).clone();
        let answers = join_all(parts.iter().map(|part| timeout(PATIENCE, (part.ask)()))).await;
        let (mut state, mut components) = (ComponentState::Ready, Vec::new());
        for (part, answer) in parts.iter().zip(answers) {
            let silent = || vec![Component::new(&part.name, ComponentState::Down, "it does not answer")];
            for component in answer.unwrap_or_else(|_| silent()) {
                state = worse(state, felt(component.state, part.required));
                components.push(component);
            }
        }
        if self.is_draining() {
            components.push(Component::new("node", ComponentState::Down, "it is shutting down"));
            state = ComponentState::Down;
        } else if !self.started.load(Ordering::Acquire) {
            components.push(Component::new("node", ComponentState::Starting, "it is starting"));
            state = worse(state, ComponentState::Starting);
        }
        Readiness { state, components }
    }
}

/// What a part's state is for the whole.
fn felt(state: ComponentState, required: bool) -> ComponentState {
    match state {
        ComponentState::Ready => ComponentState::Ready,
        _ if !required => ComponentState::Degraded,
        other => other,
    }
}

fn worse(a: ComponentState, b: ComponentState) -> ComponentState {
    let rank = |state| match state {
        ComponentState::Ready => 0,
        ComponentState::Degraded => 1,
        ComponentState::Starting => 2,
        ComponentState::Down => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

/// `/livez`, `/readyz` and `/startupz`.
pub(crate) fn routes(health: Arc<Health>) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .with_state(health)
}

async fn livez() -> Response {
    uncached(Json(serde_json::json!({ "state": "ready" })).into_response())
}

async fn readyz(State(health): State<Arc<Health>>) -> Response {
    let readiness = health.readiness().await;
    let serves = matches!(readiness.state, ComponentState::Ready | ComponentState::Degraded);
    let status = if serves { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    uncached((status, Json(readiness)).into_response())
}

async fn startupz(State(health): State<Arc<Health>>) -> Response {
    if health.started.load(Ordering::Acquire) {
        return livez().await;
    }
    let starting = ApiError::unavailable("starting", "the node is starting").retry_after(Duration::from_secs(1));
    Problem(starting).into_response()
}

fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
