//! Lets a call in: who asks, in which frame, whether there is room, and until when.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use contracts::{ApiError, Call, Clock, Result, Rng};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::{
    auth::ServerAuth,
    call::{self, Allowance},
    status::{deadline_exceeded, to_status},
};

/// What [`admit`] decides by.
pub struct Gate {
    pub auth: ServerAuth,
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

async fn run(gate: &Gate, mut request: Request, next: Next) -> Result<Response> {
    let call: Call = call::read(request.headers(), &gate.auth, gate.allowance, &gate.clock, &gate.rng)?;
    let _slot = gate.slots.try_acquire().map_err(|_| overloaded())?;
    let left = call.remaining(&gate.clock)?;
    let span = tracing::info_span!("grpc.call", trace_id = call.trace.id());
    request.extensions_mut().insert(call);
    // Dropping the rest when time is up stops its work: nobody waits for the answer any more.
    tokio::time::timeout(left, next.run(request).instrument(span)).await.map_err(|_| deadline_exceeded())
}

fn overloaded() -> ApiError {
    ApiError::unavailable("overloaded", "this role answers as many calls as it can; try again shortly")
        .retry_after(std::time::Duration::from_secs(1))
}
