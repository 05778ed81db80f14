//! Values of `contracts` ⇄ messages of `proto/`. To a message every value converts; from one, what is wrong is named
//! by its path, such as `records[3].offers[0].region`.

mod card;
mod catalog;
mod common;
mod identity;
mod search;
#[cfg(test)]
mod tests;

use std::fmt::Display;

use contracts::{ApiError, ErrorKind, FieldError, Result};

pub use common::{all, id, stamp, time};
pub use search::{filters, limit, maybe_region};

/// A field is wrong.
fn wrong(field: &str, message: &str) -> ApiError {
    ApiError::invalid("invalid_message", format!("{field} {message}")).field(field, message)
}

/// What is wrong inside `field` gets the longer path.
pub fn within<T>(field: &str, read: Result<T>) -> Result<T> {
    read.map_err(|mut error| {
        for FieldError { field: inner, .. } in &mut error.fields {
            *inner = format!("{field}.{inner}");
        }
        error
    })
}

/// A message that must be there.
pub fn required<P, T: TryFrom<P, Error = ApiError>>(field: &str, message: Option<P>) -> Result<T> {
    within(field, T::try_from(message.ok_or_else(|| wrong(field, "is missing"))?))
}

/// A message that may be there.
pub fn maybe<P, T: TryFrom<P, Error = ApiError>>(field: &str, message: Option<P>) -> Result<Option<T>> {
    within(field, message.map(T::try_from).transpose())
}

/// Every message of a list.
pub fn list<P, T: TryFrom<P, Error = ApiError>>(field: &str, messages: Vec<P>) -> Result<Vec<T>> {
    let read = messages.into_iter().enumerate();
    read.map(|(index, message)| T::try_from(message).map_err(|error| (index, error)))
        .collect::<Result<_, _>>()
        .or_else(|(index, error)| within(&format!("{field}[{index}]"), Err(error)))
}

/// Every word of a list.
pub fn words<T>(field: &str, words: &[String], read: impl Fn(&str, &str) -> Result<T>) -> Result<Vec<T>> {
    words.iter().enumerate().map(|(index, word)| read(&format!("{field}[{index}]"), word)).collect()
}

/// A value written as a string.
pub fn parsed<T: std::str::FromStr<Err: Display>>(field: &str, text: &str, what: &str) -> Result<T> {
    text.parse().map_err(|_| wrong(field, &format!("must be {what}")))
}

/// The answer of a peer that does not hold what it must: its fault, not the caller's.
pub fn answer<T>(role: &str, read: Result<T>) -> Result<T> {
    read.map_err(|error| {
        let detail = format!("the {role} role answered something this version can't read: {}", error.detail);
        ApiError::new(ErrorKind::BadGateway, "peer_answer", detail)
    })
}
