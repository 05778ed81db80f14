//! `openapi`: the document of the HTTP API, without starting anything.

use crate::roles;

pub fn run() -> anyhow::Result<()> {
    println!("{}", roles::document());
    Ok(())
}
