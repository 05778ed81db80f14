//! Counts and times every call: `grpc_server_handled_total{service, method, status}` and
//! `grpc_server_handling_seconds{service, method}`.

use std::time::Instant;

use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use tonic::Code;

use crate::server::{AUTH_SERVICE, CATALOG_SERVICE, SEARCH_SERVICE};

/// The methods that have a label of their own; whatever else is asked for is `unknown`, so that labels stay bounded.
const METHODS: [(&str, &[&str]); 3] = [
    (AUTH_SERVICE, &["ValidateToken", "CreateSession", "RevokeSession", "CheckPermission"]),
    (
        CATALOG_SERVICE,
        &[
            "GetContent",
            "BatchGetContent",
            "ResolveExternalId",
            "ListContent",
            "GetDirectory",
            "ListSeasons",
            "Ingest",
            "WithdrawOffers",
        ],
    ),
    (
        SEARCH_SERVICE,
        &["SearchContent", "VectorSearch", "GraphSearch", "SimilarContent", "Autocomplete", "Discover", "Trending"],
    ),
];

/// Runs the call and records it when its last byte is sent.
pub async fn meter(request: Request, next: Next) -> Response {
    let (service, method) = labels(request.uri().path());
    let mut record = Record { service, method, started: Instant::now(), status: None };
    let response = next.run(request).await;
    // An error comes as headers alone; an answer ends with trailers.
    record.read(response.headers());
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            if let Some(trailers) = frame.trailers_ref() {
                record.read(trailers);
            }
            frame
        }))
    })
}

/// The method that `path` names, as it is counted: `/service/method`, with `unknown` for what nobody serves, so that
/// there are no more names than methods.
pub fn method_of(path: &str) -> String {
    let (service, method) = labels(path);
    format!("/{service}/{method}")
}

fn labels(path: &str) -> (&'static str, &'static str) {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
    let Some((service, methods)) = METHODS.iter().find(|(name, _)| *name == service) else {
        return ("unknown", "unknown");
    };
    (service, methods.iter().find(|name| **name == method).unwrap_or(&"unknown"))
}

/// One call. It is recorded when dropped, so that a call its client gave up is recorded too.
struct Record {
    service: &'static str,
    method: &'static str,
    started: Instant,
    status: Option<Code>,
}

impl Record {
    fn read(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get("grpc-status") {
            self.status = Some(Code::from_bytes(status.as_bytes()));
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Self { service, method, status, .. } = *self;
        let status = name(status.unwrap_or(Code::Cancelled));
        let seconds = self.started.elapsed().as_secs_f64();
        metrics::counter!("grpc_server_handled_total", "service" => service, "method" => method, "status" => status)
            .increment(1);
        metrics::histogram!("grpc_server_handling_seconds", "service" => service, "method" => method).record(seconds);
        tracing::debug!(service, method, status, seconds, "Answered a gRPC call");
    }
}

/// The code's name in the gRPC specification.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;
    use crate::pb;

    #[test]
    fn every_method_of_the_protocol_has_a_label() {
        let files = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).unwrap().file;
        let services: Vec<_> = files.iter().flat_map(|file| &file.service).collect();
        assert_eq!(services.len(), METHODS.len());
        for service in services {
            let full = format!("media_gateway.v1.{}", service.name());
            for method in &service.method {
                assert_eq!(labels(&format!("/{full}/{}", method.name())), (full.as_str(), method.name()));
            }
        }
    }

    #[test]
    fn what_nobody_serves_has_one_label() {
        for path in ["/", "", "/other.Service/Method", "no-slash"] {
            assert_eq!(labels(path), ("unknown", "unknown"), "{path}");
        }
        assert_eq!(labels("/media_gateway.v1.SearchService/Guess"), (SEARCH_SERVICE, "unknown"));
        assert_eq!(method_of("/media_gateway.v1.SearchService/Guess"), "/media_gateway.v1.SearchService/unknown");
        let discover = "/media_gateway.v1.SearchService/Discover";
        assert_eq!(method_of(discover), discover);
    }
}
