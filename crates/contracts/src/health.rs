//! How the parts of a node are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComponentState {
    /// It does its work.
    Ready,
    /// It works with less: `detail` says what is missing.
    Degraded,
    /// It is on its way: `detail` says how far.
    Starting,
    /// It can't work.
    Down,
}

/// One part of a node and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Component {
    /// Its name: `database`, `keyword_index`, `vector_index`, `embedding_model`, …
    pub name: String,
    /// How it is.
    pub state: ComponentState,
    /// More, as a sentence; empty when there is nothing to say.
    pub detail: String,
}

impl Component {
    /// A part called `name` in `state`.
    pub fn new(name: &str, state: ComponentState, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), state, detail: detail.into() }
    }
}
