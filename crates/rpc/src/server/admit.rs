//! Lets a call in: who asks, in which frame, whether there is room, and until when.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use contracts::{ApiError, Call, Caller, Clock, ErrorKind, Result, Rng};
use tokio::sync::Semaphore;
use tonic::Code;
use tracing::Instrument as _;

use crate::{
    auth::{self, ServerAuth},
    call::{self, Allowance},
    server::heard::Heard,
    status::{deadline_exceeded, to_status},
};

/// What the calls of a public port pass first, whoever makes them (nobody we know where the credentials are not good);
/// those of other roles don't. It may refuse.
pub type Entrance = Arc<dyn Fn(&Caller, &Request) -> Entering + Send + Sync>;
/// On the way through an [`Entrance`].
pub type Entering = Pin<Box<dyn Future<Output = Result<Answered>> + Send>>;
/// Run once a call that was let in is answered; dropped when nobody waits for its answer any more.
pub type Answered = Box<dyn FnOnce(Ended) + Send>;

/// How a call that was let in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How long this node took for its answer, once the message was whole. Nothing where that says nothing of the node:
    /// the message never was whole, or the time was up that the client had chosen.
    pub took: Option<Duration>,
    /// How it was refused, if that was for who made it: `Unauthenticated` or `PermissionDenied`.
    pub refused: Option<ErrorKind>,
}

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

/// Lets whoever asks in. Who speaks as another role hears whether it is taken for one, in the way of any call.
pub async fn vouch(gate: State<Arc<Gate>>, request: Request, next: Next) -> Response {
    if auth::speaks_as_peer(request.headers()) { admit(gate, request, next).await } else { next.run(request).await }
}

impl Gate {
    /// The way through the entrance, where there is one and this call takes it.
    fn entering(&self, caller: &Result<Caller>, request: &Request) -> Option<Entering> {
        let entrance = self.entrance.as_ref().filter(|_| !self.auth.is_peer(request.headers()))?;
        Some(entrance(auth::known(caller), request))
    }

    /// Runs the rest until the deadline of `call`, if there is room.
    async fn work(&self, call: Call, mut request: Request, next: Next) -> Result<Response> {
        let _slot = self.slots.try_acquire().map_err(|_| overloaded())?;
        let left = call.remaining(&self.clock)?;
        let span = tracing::info_span!("grpc.call", trace_id = call.trace.id());
        request.extensions_mut().insert(call);
        // Dropping the rest when time is up stops its work: nobody waits for the answer any more.
        let answer = tokio::time::timeout(left, next.run(request).instrument(span)).await;
        answer.map_err(|_| deadline_exceeded())
    }
}

async fn run(gate: &Gate, request: Request, next: Next) -> Result<Response> {
    let caller = gate.auth.caller_now(request.headers()).await;
    // Also for calls that are refused next: whoever guesses tokens is counted.
    let entering = gate.entering(&caller, &request);
    let call = caller.and_then(|caller| call::read(request.headers(), caller, gate.allowance, &gate.clock, &gate.rng));
    let answered = match entering {
        Some(entering) => Some(entering.await?),
        None => None,
    };
    let Some(answered) = answered else { return gate.work(call?, request, next).await };
    let hurries = call::hurries(request.headers(), gate.allowance);
    let whole = Arc::<OnceLock<Instant>>::default();
    let request = request.map(|body| Body::new(Heard::new(body, Arc::clone(&whole))));
    let answer = match call {
        Ok(call) => gate.work(call, request, next).await,
        Err(error) => Err(error),
    };
    let code = code(&answer);
    let cut_short = hurries && code == Code::DeadlineExceeded;
    let refused = match code {
        Code::Unauthenticated => Some(ErrorKind::Unauthenticated),
        Code::PermissionDenied => Some(ErrorKind::PermissionDenied),
        _ => None,
    };
    answered(Ended { took: whole.get().filter(|_| !cut_short).map(Instant::elapsed), refused });
    answer
}

/// The status of an answer. An error comes as headers alone.
fn code(answer: &Result<Response>) -> Code {
    match answer {
        Ok(response) => {
            let status = response.headers().get("grpc-status");
            status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
        }
        Err(error) => Code::from_i32(error.kind.row().grpc),
    }
}

fn overloaded() -> ApiError {
    ApiError::overloaded("this role answers as many calls as it can; try again shortly")
}
