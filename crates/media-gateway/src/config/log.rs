//! Log lines: how they look, and which there are.

use serde::{Deserialize, Serialize};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For a person at a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// Log lines.
#[derive(Clone, Debug, confique::Config)]
#[config(layer_attr(derive(Clone, Debug, Serialize)), layer_attr(serde(deny_unknown_fields)))]
pub struct Log {
    /// `text` or `json`.
    #[config(env = "MEDIA_GATEWAY_LOG_FORMAT", default = "text")]
    pub format: LogFormat,
    /// What to log, as in `info` or `info,search=debug`. Read again on SIGHUP.
    #[config(env = "MEDIA_GATEWAY_LOG", default = "info")]
    pub level: String,
}
