//! Failures on the wire: RFC 9457 problem details.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use contracts::{ApiError, ErrorKind, FieldError, Trace};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a handler returns.
pub type HttpResult<T> = Result<T, Problem>;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A failure on its way out. [`crate::frame_layer`] adds the path and the trace to its body.
#[derive(Clone, Debug)]
pub struct Problem(pub ApiError);

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

/// The body of a problem (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A relative reference that names this kind of problem: `/problems/` and the code.
    #[serde(rename = "type")]
    #[schema(example = "/problems/unknown_region")]
    pub problem_type: String,
    /// What went wrong, in general.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, as a sentence.
    pub detail: String,
    /// The path that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// A stable name for programs, in snake case.
    #[schema(example = "unknown_region")]
    pub code: String,
    /// The trace to quote when asking for help: 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl ProblemBody {
    /// The body of `error`, without a path and a trace.
    pub fn new(error: &ApiError) -> Self {
        let row = error.kind.row();
        Self {
            problem_type: format!("/problems/{}", error.code),
            title: row.title.to_owned(),
            status: row.http,
            detail: error.detail.clone(),
            instance: None,
            code: error.code.to_string(),
            trace_id: None,
            errors: error.fields.clone(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        // Strings and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody::new(&self.0);
        let mut response = Response::new(Body::from(body.bytes()));
        *response.status_mut() = StatusCode::from_u16(body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.0.retry_after {
            // Rounded up: a client that comes back too early is refused again.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.kind == ErrorKind::Unauthenticated || self.0.code == "insufficient_scope" {
            headers.insert(header::WWW_AUTHENTICATE, challenge(&self.0.code));
        }
        if self.0.kind == ErrorKind::UpgradeRequired {
            // The only protocol that anything here asks for (RFC 9110, section 15.5.22).
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// RFC 6750, section 3, and RFC 9449, section 7.1.
fn challenge(code: &str) -> HeaderValue {
    HeaderValue::from_static(match code {
        "bad_token" => r#"Bearer realm="media-gateway", error="invalid_token""#,
        "insufficient_scope" => r#"Bearer realm="media-gateway", error="insufficient_scope""#,
        "bad_dpop_proof" => r#"DPoP realm="media-gateway", error="invalid_dpop_proof", algs="ES256 RS256""#,
        _ => r#"Bearer realm="media-gateway""#,
    })
}

/// The challenge, with the address of the document that says where to get a token (RFC 9728, section 5.1).
fn told(challenge: &HeaderValue, resource: &str) -> Option<HeaderValue> {
    let challenge = challenge.to_str().ok()?;
    let document = format!("{resource}/.well-known/oauth-protected-resource");
    HeaderValue::try_from(format!("{challenge}, resource_metadata=\"{document}\"")).ok()
}

/// Writes a problem's body again, with the path and the trace, and in a challenge which `resource` was asked; a
/// response that is no problem of ours passes.
pub(crate) fn finish(mut response: Response, path: &str, trace: &Trace, resource: Option<&str>) -> Response {
    let Some(Problem(error)) = response.extensions_mut().remove::<Problem>() else { return response };
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    if let Some(challenge) = challenge.zip(resource).and_then(|(challenge, resource)| told(challenge, resource)) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    let body = ProblemBody { instance: Some(path.to_owned()), trace_id: Some(trace.id()), ..ProblemBody::new(&error) };
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body.bytes());
    response
}

#[cfg(test)]
mod tests;
