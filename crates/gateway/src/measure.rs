//! What is counted, timed and logged of every request. Labels are bounded: route templates, never paths.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Instant,
};

use contracts::Trace;
use http::{Method, StatusCode};
use metrics::{Counter, Histogram};

/// The endpoint of a request that no route matched.
pub(crate) const UNMATCHED: &str = "unmatched";

/// The meters of one service, kept once found: looking one up in the recorder costs more than the rest of a request.
pub(crate) struct Meters {
    service: String,
    requests: RwLock<HashMap<(&'static str, StatusCode), Counter>>,
    durations: RwLock<HashMap<String, Histogram>>,
}

impl Meters {
    /// The meters of `service`. They report to the recorder that is installed when the first request comes.
    pub(crate) fn new(service: &str) -> Self {
        Self { service: service.to_owned(), requests: RwLock::default(), durations: RwLock::default() }
    }

    fn count(&self, method: &'static str, status: StatusCode) {
        let known = self.requests.read().unwrap_or_else(PoisonError::into_inner).get(&(method, status)).cloned();
        let counter = known.unwrap_or_else(|| {
            let (service, label) = (self.service.clone(), status.as_str().to_owned());
            let new =
                metrics::counter!("http_requests_total", "service" => service, "method" => method, "status" => label);
            self.requests.write().unwrap_or_else(PoisonError::into_inner).insert((method, status), new.clone());
            new
        });
        counter.increment(1);
    }

    fn time(&self, endpoint: &str, seconds: f64) {
        let known = self.durations.read().unwrap_or_else(PoisonError::into_inner).get(endpoint).cloned();
        let histogram = known.unwrap_or_else(|| {
            let (service, label) = (self.service.clone(), endpoint.to_owned());
            let new = metrics::histogram!("http_request_duration_seconds", "service" => service, "endpoint" => label);
            self.durations.write().unwrap_or_else(PoisonError::into_inner).insert(endpoint.to_owned(), new.clone());
            new
        });
        histogram.record(seconds);
    }

    /// Counts a request whose client says that it is an agent.
    pub(crate) fn agent(&self) {
        metrics::counter!("http_agent_requests_total", "service" => self.service.clone()).increment(1);
    }

    /// Counts, times and logs a request that is over.
    pub(crate) fn finish(&self, method: &Method, endpoint: &str, trace: &Trace, began: Instant, status: StatusCode) {
        let took = began.elapsed().as_secs_f64();
        self.count(label(method), status);
        self.time(endpoint, took);
        let ms = took * 1_000.0;
        // No query strings: what people look for is theirs.
        if status.is_server_error() {
            tracing::info!(service = %self.service, %method, route = endpoint, status = status.as_u16(), ms,
                trace_id = trace.id(), "a request failed");
        } else {
            tracing::debug!(service = %self.service, %method, route = endpoint, status = status.as_u16(), ms,
                trace_id = trace.id(), "answered a request");
        }
    }
}

/// The method as a label: those of RFC 9110 and PATCH, everything else as one.
fn label(method: &Method) -> &'static str {
    const KNOWN: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}
