//! Standard output, which may end before we do.

use std::io::{self, Write as _};

use contracts::{ApiError, ErrorKind};

/// The code of an error that is none: whoever read our output has seen enough, as with `| head`.
pub const CLOSED: &str = "output_closed";

/// Writes a line.
///
/// # Errors
/// [`CLOSED`], or that it could not be written.
pub fn line(text: &str) -> Result<(), ApiError> {
    write(text.as_bytes()).and_then(|()| write(b"\n"))
}

/// Writes bytes as they are.
///
/// # Errors
/// As [`line`].
pub fn write(bytes: &[u8]) -> Result<(), ApiError> {
    io::stdout().write_all(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => ApiError::new(ErrorKind::Cancelled, CLOSED, "the output was closed"),
        io::ErrorKind::StorageFull => ApiError::new(ErrorKind::StorageFull, "output_full", "the output's disk is full"),
        _ => ApiError::internal(format!("the output can't be written: {error}")),
    })
}
