//! Calls that come over another protocol on the same port: they take from the same buckets and stand in the same crowd.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::extract::Request;
use contracts::{ApiError, Caller, ErrorKind};
use futures::future::BoxFuture;
use http::Method;

use super::{Denial, Guard, Shared, priority};
use crate::crowd::Place;

/// A call that was let in. It keeps its place until this is dropped.
pub struct Admitted {
    shared: Arc<Shared>,
    place: Place,
    /// Who made it, for whoever wants to know of refusals.
    who: Option<Who>,
}

struct Who {
    caller: Caller,
    address: Option<IpAddr>,
    method: Method,
    route: String,
}

impl Guard {
    /// See [`crate::Gateway::admit`].
    pub(crate) fn admit(
        &self,
        caller: &Caller,
        request: &Request,
        route: &str,
    ) -> BoxFuture<'static, Result<Admitted, ApiError>> {
        let shared = Arc::clone(&self.0);
        let address = shared.client(request);
        let demand = shared.demand(caller, address, route, request.uri().path());
        let who = shared.fittings.denied.as_ref().map(|_| {
            let (caller, method, route) = (caller.clone(), request.method().clone(), route.to_owned());
            Who { caller, address, method, route }
        });
        let place = shared.enter(priority(caller));
        Box::pin(async move {
            // As for requests: who finds no place has not used anything up.
            let place = place?;
            if let (Some(limits), Some(demand)) = (&shared.fittings.limits, demand) {
                limits.take(demand).await?;
            }
            Ok(Admitted { shared, place, who })
        })
    }
}

impl Admitted {
    /// The call is answered. How many are let in follows how long that `took`: nothing where it says more of the client
    /// than of this node. Who was `refused` for who they are is told of.
    pub fn answered(self, took: Option<Duration>, refused: Option<ErrorKind>) {
        let Self { shared, place, who } = self;
        if let (Some(kind), Some(denied), Some(who)) = (refused, &shared.fittings.denied, who) {
            let Who { caller, address, method, route } = who;
            denied(&Denial { caller: &caller, address, method: &method, route: &route, status: kind.row().http });
        }
        let Some(took) = took else { return };
        let objective = shared.config.load().objective;
        place.leave(took, objective, &shared.fittings.frame.clock);
    }
}
