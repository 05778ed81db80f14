//! Calls that come over another protocol on the same port: they take from the same buckets and stand in the same crowd.

use std::{sync::Arc, time::Duration};

use axum::extract::Request;
use contracts::{ApiError, Caller};
use futures::future::BoxFuture;

use super::{Guard, Shared, priority};
use crate::crowd::Place;

/// A call that was let in. It keeps its place until this is dropped.
pub struct Admitted {
    shared: Arc<Shared>,
    place: Place,
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
        let demand = shared.demand(caller, shared.client(request), route, request.uri().path());
        let place = shared.enter(priority(caller));
        Box::pin(async move {
            // As for requests: who finds no place has not used anything up.
            let place = place?;
            if let (Some(limits), Some(demand)) = (&shared.fittings.limits, demand) {
                limits.take(demand).await?;
            }
            Ok(Admitted { shared, place })
        })
    }
}

impl Admitted {
    /// The call is answered. How many are let in follows how long that `took`: nothing where it says more of the client
    /// than of this node.
    pub fn answered(self, took: Option<Duration>) {
        let Some(took) = took else { return };
        let objective = self.shared.config.load().objective;
        self.place.leave(took, objective, &self.shared.fittings.frame.clock);
    }
}
