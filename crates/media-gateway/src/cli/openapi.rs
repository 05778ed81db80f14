//! `openapi`: the document of the HTTP API, without starting anything.

use super::out;
use crate::roles;

pub fn run() -> anyhow::Result<()> {
    Ok(out::line(&roles::document().to_string())?)
}
