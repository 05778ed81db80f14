//! Standard output, which may end before we do; and how errors are told.

use std::io::{self, Write as _};

use contracts::{ApiError, ErrorKind};

/// The code of an error that is none: whoever read our output has seen enough, as with `| head`.
pub const CLOSED: &str = "output_closed";

/// The most that is told of an error, in characters: it may quote what somebody wrote.
const LONGEST: usize = 4_000;

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

/// An error with its causes, each told once: some name in their own sentence what caused them. Cut off after [`LONGEST`].
pub fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        match told.contains(&cause) {
            true => {}
            false if told.is_empty() => told = cause,
            false => told = format!("{told}: {cause}"),
        }
    }
    let end = told.char_indices().nth(LONGEST).map(|(at, _)| at);
    if let Some(end) = end {
        told.truncate(end);
        told.push('…');
    }
    told
}

#[cfg(test)]
mod tests {
    use stores::DbError;

    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let named = anyhow::Error::from(search::SearchError::Events(DbError::NoRow));
        assert_eq!(told(&named), "the event log can't be read: a row that must be there is missing");
        let context = named.context("search can't be opened");
        let whole = "search can't be opened: the event log can't be read: a row that must be there is missing";
        assert_eq!(told(&context), whole);
        assert_eq!(told(&anyhow::Error::from(DbError::NoRow).context("no title")).matches(": ").count(), 1);
    }

    #[test]
    fn an_error_without_end_is_cut_off() {
        let long = "ä".repeat(LONGEST);
        assert_eq!(told(&anyhow::Error::msg(long.clone())), long);
        assert_eq!(told(&anyhow::Error::msg(long.clone() + "ä")), long + "…");
    }
}
