//! The one error that crosses a service boundary, and the table that says what each kind means everywhere.

use std::{borrow::Cow, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a service method returns.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

/// Every way a call can fail. The set is closed: [`ErrorKind::TABLE`] maps each to HTTP, gRPC and the CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the HTTP and gRPC statuses in the table")]
pub enum ErrorKind {
    InvalidArgument,
    Unauthenticated,
    PermissionDenied,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    Conflict,
    Gone,
    PreconditionFailed,
    PayloadTooLarge,
    UnsupportedMediaType,
    Unprocessable,
    FailedDependency,
    UpgradeRequired,
    TooManyRequests,
    HeadersTooLarge,
    Cancelled,
    Internal,
    NotImplemented,
    BadGateway,
    Unavailable,
    DeadlineExceeded,
    StorageFull,
}

/// One row of [`ErrorKind::TABLE`].
pub struct KindRow {
    /// The kind this row is about.
    pub kind: ErrorKind,
    /// The HTTP status.
    pub http: u16,
    /// The gRPC status code.
    pub grpc: i32,
    /// The CLI's exit code (P3).
    pub exit: u8,
    /// The problem's title, and the name that travels in gRPC metadata.
    pub title: &'static str,
}

const fn row(kind: ErrorKind, http: u16, grpc: i32, exit: u8, title: &'static str) -> KindRow {
    KindRow { kind, http, grpc, exit, title }
}

impl ErrorKind {
    /// What every kind means over HTTP (RFC 9110), gRPC and the CLI.
    pub const TABLE: [KindRow; 23] = [
        row(Self::InvalidArgument, 400, 3, 2, "Invalid argument"),
        row(Self::Unauthenticated, 401, 16, 4, "Unauthenticated"),
        row(Self::PermissionDenied, 403, 7, 4, "Permission denied"),
        row(Self::NotFound, 404, 5, 3, "Not found"),
        row(Self::MethodNotAllowed, 405, 12, 2, "Method not allowed"),
        row(Self::NotAcceptable, 406, 3, 2, "Not acceptable"),
        row(Self::Conflict, 409, 6, 6, "Conflict"),
        row(Self::Gone, 410, 5, 3, "Gone"),
        row(Self::PreconditionFailed, 412, 9, 6, "Precondition failed"),
        row(Self::PayloadTooLarge, 413, 11, 2, "Payload too large"),
        row(Self::UnsupportedMediaType, 415, 3, 2, "Unsupported media type"),
        row(Self::Unprocessable, 422, 3, 2, "Unprocessable content"),
        row(Self::FailedDependency, 424, 14, 5, "Failed dependency"),
        row(Self::UpgradeRequired, 426, 9, 2, "Upgrade required"),
        row(Self::TooManyRequests, 429, 8, 5, "Too many requests"),
        row(Self::HeadersTooLarge, 431, 11, 2, "Request header fields too large"),
        row(Self::Cancelled, 499, 1, 130, "Cancelled"),
        row(Self::Internal, 500, 13, 1, "Internal error"),
        row(Self::NotImplemented, 501, 12, 1, "Not implemented"),
        row(Self::BadGateway, 502, 14, 5, "Bad gateway"),
        row(Self::Unavailable, 503, 14, 5, "Unavailable"),
        row(Self::DeadlineExceeded, 504, 4, 5, "Deadline exceeded"),
        row(Self::StorageFull, 507, 8, 1, "Insufficient storage"),
    ];

    /// This kind's row.
    pub fn row(self) -> &'static KindRow {
        // The table lists the kinds in the order they are declared; a test holds it to that.
        &Self::TABLE[self as usize]
    }

    /// The kind of an HTTP status that another server answered.
    pub fn from_http(status: u16) -> Self {
        let exact = Self::TABLE.iter().find(|row| row.http == status);
        exact.map_or(if status < 500 { Self::InvalidArgument } else { Self::Internal }, |row| row.kind)
    }

    /// The kind whose title another process sent.
    pub fn from_title(title: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.title == title).map(|row| row.kind)
    }
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The field, as a dotted path: `filters.year_range.from`.
    pub field: String,
    /// What is wrong, as a sentence a person reads.
    pub message: String,
}

/// The code of [`ApiError::overloaded`].
const OVERLOADED: &str = "overloaded";

/// A failure with a kind, a stable code and a sentence that a person reads.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// What went wrong, in terms every protocol knows.
    pub kind: ErrorKind,
    /// A stable, machine-readable name in snake case, such as `unknown_region`.
    pub code: Cow<'static, str>,
    /// A sentence for a person. Never holds a secret, a path of the server or a stack.
    pub detail: String,
    /// The fields at fault.
    pub fields: Vec<FieldError>,
    /// When it makes sense to try again.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// A failure of `kind` with its stable `code` and a sentence.
    pub fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { kind, code: code.into(), detail: detail.into(), fields: Vec::new(), retry_after: None }
    }

    /// An argument is wrong; name the field with [`ApiError::field`].
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, code, detail)
    }

    /// Nothing is there.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, code, detail)
    }

    /// Something this service needs is not there now.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, code, detail)
    }

    /// A refusal by who has too much to do. Nothing was begun and nothing is broken; whoever asks again at once adds to
    /// it.
    pub fn overloaded(detail: impl Into<String>) -> Self {
        Self::unavailable(OVERLOADED, detail).retry_after(Duration::from_secs(1))
    }

    /// Whether it is [`ApiError::overloaded`], made here or in another process.
    pub fn is_overload(&self) -> bool {
        self.code == OVERLOADED
    }

    /// A fault of ours. `detail` is what the caller may read; log the cause where it happens.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, "internal", detail)
    }

    /// Adds a field at fault.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)?;
        // The sentence may say of a field what is wrong with it.
        for field in self.fields.iter().filter(|field| !self.detail.contains(&field.message)) {
            write!(f, "; {} {}", field.field, field.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_kinds() {
        for (index, row) in ErrorKind::TABLE.iter().enumerate() {
            assert_eq!(row.kind as usize, index, "{:?} stands in the wrong row", row.kind);
            assert_eq!(row.kind.row().http, row.http);
        }
    }

    #[test]
    fn what_is_wrong_with_a_field_is_told_once() {
        let error = ApiError::invalid("bad_age", "99 is no age");
        let told = error.clone().field("age", "must be up to 21").to_string();
        assert_eq!(told, "99 is no age (bad_age); age must be up to 21");
        assert_eq!(error.field("age", "is no age").to_string(), "99 is no age (bad_age)");
    }

    #[test]
    fn every_kind_survives_its_title() {
        for row in &ErrorKind::TABLE {
            assert_eq!(ErrorKind::from_title(row.title), Some(row.kind));
            assert_eq!(ErrorKind::from_http(row.http), row.kind);
        }
    }
}
