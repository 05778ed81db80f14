//! Calls that come over another protocol on the same port: they take from the same buckets and stand in the same crowd.

use std::{sync::Arc, time::Instant};

use axum::extract::Request;
use contracts::{ApiError, Caller};
use futures::future::BoxFuture;

use super::{Guard, Shared, priority};
use crate::crowd::Place;

/// A call that was let in. It keeps its place until this is dropped.
pub struct Admitted {
    shared: Arc<Shared>,
    place: Place,
    began: Instant,
}

impl Guard {
    /// See [`crate::Gateway::admit`].
    pub(crate) fn admit(
        &self,
        caller: &Caller,
        request: &Request,
        route: &str,
    ) -> BoxFuture<'static, Result<Admitted, ApiError>> {
        let (shared, began) = (Arc::clone(&self.0), Instant::now());
        let demand = shared.demand(caller, shared.client(request), route, request.uri().path());
        let place = shared.enter(priority(caller));
        Box::pin(async move {
            // As for requests: who finds no place has not used anything up.
            let place = place?;
            if let (Some(limits), Some(demand)) = (&shared.fittings.limits, demand) {
                limits.take(demand).await?;
            }
            Ok(Admitted { shared, place, began })
        })
    }
}

impl Admitted {
    /// The call is answered. How many are let in follows how long that took.
    pub fn answered(self) {
        let objective = self.shared.config.load().objective;
        self.place.leave(self.began.elapsed(), objective, &self.shared.fittings.frame.clock);
    }
}
