//! Lets a call in: who asks, in which frame, whether there is room, and until when.

use std::{pin::Pin, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use contracts::{ApiError, Call, Caller, Clock, Result, Rng};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::{
    auth::{self, ServerAuth},
    call::{self, Allowance},
    status::{deadline_exceeded, to_status},
};

/// What the calls of a public port pass first, whoever makes them (nobody we know where the credentials are not good);
/// those of other roles don't. It may refuse.
pub type Entrance = Arc<dyn Fn(&Caller, &Request) -> Entering + Send + Sync>;
/// On the way through an [`Entrance`].
pub type Entering = Pin<Box<dyn Future<Output = Result<Answered>> + Send>>;
/// Run once a call that was let in is answered; dropped when nobody waits for its answer any more.
pub type Answered = Box<dyn FnOnce() + Send>;

/// What [`admit`] decides by.
pub struct Gate {
    pub auth: ServerAuth,
    pub entrance: Option<Entrance>,
    pub allowance: Allowance,
    pub slots: Semaphore,
    pub clock: Clock,
    pub rng: Rng,
}

/// Puts the [`Call`] into the request's extensions and runs the rest until its deadline.
pub async fn admit(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let answer = run(&gate, request, next).await;
    answer.unwrap_or_else(|error| to_status(&error).into_http())
}

impl Gate {
    /// The way through the entrance, where there is one and this call takes it.
    fn entering(&self, call: &Result<Call>, request: &Request) -> Option<Entering> {
        let entrance = self.entrance.as_ref().filter(|_| !self.auth.is_peer(request.headers()))?;
        Some(entrance(auth::known(call), request))
    }
}

async fn run(gate: &Gate, mut request: Request, next: Next) -> Result<Response> {
    let call = call::read(request.headers(), &gate.auth, gate.allowance, &gate.clock, &gate.rng);
    // Also for calls that are refused next: whoever guesses tokens is counted.
    let entering = gate.entering(&call, &request);
    let answered = match entering {
        Some(entering) => Some(entering.await?),
        None => None,
    };
    let call = call?;
    let _slot = gate.slots.try_acquire().map_err(|_| overloaded())?;
    let left = call.remaining(&gate.clock)?;
    let span = tracing::info_span!("grpc.call", trace_id = call.trace.id());
    request.extensions_mut().insert(call);
    // Dropping the rest when time is up stops its work: nobody waits for the answer any more.
    let answer = tokio::time::timeout(left, next.run(request).instrument(span)).await;
    if let Some(answered) = answered {
        answered();
    }
    answer.map_err(|_| deadline_exceeded())
}

fn overloaded() -> ApiError {
    ApiError::unavailable("overloaded", "this role answers as many calls as it can; try again shortly")
        .retry_after(std::time::Duration::from_secs(1))
}
