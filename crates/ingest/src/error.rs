//! Everything that can be wrong with an input as a whole. What is wrong with one row is a [`RejectReason`].
//!
//! [`RejectReason`]: crate::RejectReason

use std::{error::Error, io};

use contracts::{ApiError, ErrorKind};

/// Why an input can't be read, or not to its end.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's sentence says what it is")]
pub enum InputError {
    #[error("{0} is not there")]
    NotFound(String),
    #[error("{0} is not a file: give a file or an http(s) address")]
    NotAFile(String),
    #[error("{location} can't be read: {cause}")]
    Unreadable { location: String, cause: String },
    #[error("{0:?} is not an address that can be fetched: only http and https are")]
    BadAddress(String),
    #[error("{address} could not be fetched: {cause}")]
    Fetch { address: String, cause: String },
    #[error("{address} answered {status}")]
    Status { address: String, status: u16 },
    #[error("the file is larger than {0} bytes, the most that is taken")]
    TooLarge(u64),
    #[error("the gzip file is broken or cut short ({0})")]
    BrokenGzip(String),
    #[error("the file unpacks to more than {0} bytes, the most that is taken")]
    UnpacksTooLarge(u64),
    #[error("the file looks like a decompression bomb: it unpacks to more than {0} times its size")]
    Bomb(u64),
    #[error("{seen}; known formats are {known}")]
    UnknownFormat { seen: &'static str, known: String },
    #[error("the file is empty")]
    Empty,
    #[error("not a file of format {format}: missing {}{hint}", missing.join(", "))]
    WrongHeader { format: &'static str, missing: Vec<String>, hint: String },
    #[error("which service is this a catalogue of? Its file name does not say: give --platform ({0})")]
    PlatformNeeded(String),
    #[error("no platform is called {name:?}; known are {known}")]
    UnknownPlatform { name: String, known: String },
    #[error("the quotes or brackets of this file don't pair up: gave up at line {0}")]
    OutOfStep(u64),
    #[error("the file ends in the middle, at line {0}: it is cut short")]
    CutShort(u64),
    #[error("{0}")]
    Database(String),
    #[error("the Parquet file can't be read: {0}")]
    Parquet(String),
    #[error("{stem} is not in the order of its ids at line {line}: sort it as text by its first column")]
    Unsorted { stem: &'static str, line: u64 },
    #[error("{stem} has more than {limit} rows, the most that is taken")]
    TooManyRows { stem: &'static str, limit: usize },
    #[error("the mapping is not valid: {0}")]
    Mapping(String),
    #[error("{0:?} is no name for a source: 1 to 40 lower-case letters, digits and _")]
    FeedName(String),
    #[error("the source {name}: {what}")]
    Feed { name: String, what: String },
    #[error("this file is not read alone: give {first}, and it is read with what lies beside it")]
    Companion { first: &'static str },
    #[error("{file}, which lies beside it: {error}")]
    Beside { file: String, error: Box<InputError> },
    #[error("stopped before the end")]
    Stopped,
    #[error("the disk is full")]
    DiskFull,
}

impl InputError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "input_not_found",
            Self::NotAFile(_) => "input_not_a_file",
            Self::Unreadable { .. } => "input_unreadable",
            Self::BadAddress(_) => "bad_address",
            Self::Fetch { .. } | Self::Status { .. } => "fetch_failed",
            Self::TooLarge(_) | Self::TooManyRows { .. } => "input_too_large",
            Self::BrokenGzip(_) => "broken_gzip",
            Self::UnpacksTooLarge(_) => "unpacks_too_large",
            Self::Bomb(_) => "decompression_bomb",
            Self::UnknownFormat { .. } => "unknown_format",
            Self::Empty => "input_empty",
            Self::WrongHeader { .. } => "wrong_header",
            Self::PlatformNeeded(_) => "platform_needed",
            Self::UnknownPlatform { .. } => "unknown_platform",
            Self::OutOfStep(_) => "input_out_of_step",
            Self::CutShort(_) => "input_cut_short",
            Self::Database(_) => "bad_database",
            Self::Parquet(_) => "bad_parquet",
            Self::Unsorted { .. } => "input_unsorted",
            Self::Mapping(_) => "bad_mapping",
            Self::Companion { .. } => "input_companion",
            Self::FeedName(_) => "bad_source_name",
            Self::Feed { .. } => "bad_source",
            Self::Beside { error, .. } => error.code(),
            Self::Stopped => "stopped",
            Self::DiskFull => "storage_full",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Fetch { .. } | Self::Status { .. } => ErrorKind::BadGateway,
            Self::TooLarge(_) | Self::TooManyRows { .. } | Self::UnpacksTooLarge(_) | Self::Bomb(_) => {
                ErrorKind::PayloadTooLarge
            }
            Self::UnknownFormat { .. } => ErrorKind::UnsupportedMediaType,
            Self::BadAddress(_)
            | Self::NotAFile(_)
            | Self::PlatformNeeded(_)
            | Self::UnknownPlatform { .. }
            | Self::Mapping(_)
            | Self::FeedName(_)
            | Self::Feed { .. }
            | Self::Companion { .. } => ErrorKind::InvalidArgument,
            Self::Beside { error, .. } => error.kind(),
            Self::Stopped => ErrorKind::Cancelled,
            Self::DiskFull => ErrorKind::StorageFull,
            Self::Unreadable { .. }
            | Self::BrokenGzip(_)
            | Self::Empty
            | Self::WrongHeader { .. }
            | Self::OutOfStep(_)
            | Self::CutShort(_)
            | Self::Database(_)
            | Self::Parquet(_)
            | Self::Unsorted { .. } => ErrorKind::Unprocessable,
        }
    }

    /// The error of a file that is read along with the one that was asked for.
    pub(crate) fn beside(self, file: &str) -> Self {
        match self {
            Self::Stopped | Self::DiskFull => self,
            error => Self::Beside { file: file.to_owned(), error: Box::new(error) },
        }
    }

    /// What an I/O error met while reading `location` means: one of ours that a reader wrapped, or the system's own.
    pub(crate) fn from_io(location: &str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => return Self::NotFound(location.to_owned()),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => return Self::DiskFull,
            _ => {}
        }
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(error) => Self::Unreadable { location: location.to_owned(), cause: error.to_string() },
        }
    }
}

impl From<InputError> for io::Error {
    fn from(error: InputError) -> Self {
        Self::other(error)
    }
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> Self {
        Self::new(error.kind(), error.code(), error.to_string())
    }
}

/// An error and what lies under it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let deeper_text = deeper.to_string();
        if !text.ends_with(&deeper_text) {
            text = format!("{text}: {deeper_text}");
        }
        cause = deeper.source();
    }
    text
}
