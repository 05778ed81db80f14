//! Stands for a language model on another machine: it answers the chat API after a given time, always with the query's own
//! words, so that what is measured is the way there and back and what search makes of it.

use std::time::Duration;

use anyhow::Result;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::{Router, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How long it takes to answer.
pub const DELAY: Duration = Duration::from_millis(250);

/// Serves on a free port of loopback and prints the address.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let answer = async |body: Bytes| {
        let asked: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
        let query = asked["messages"].as_array().and_then(|messages| messages.last()?["content"].as_str());
        let intent = json!({ "text": query.ok_or(StatusCode::BAD_REQUEST)?, "confidence": 0.9 });
        tokio::time::sleep(DELAY).await;
        let answer = json!({ "choices": [{ "message": { "role": "assistant", "content": intent.to_string() } }] });
        Ok::<_, StatusCode>(([(header::CONTENT_TYPE, "application/json")], answer.to_string()))
    };
    axum::serve(listener, Router::new().route("/v1/chat/completions", post(answer))).await?;
    Ok(())
}
