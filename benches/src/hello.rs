//! The peer: axum with one route, as small as it gets.

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

/// Serves `hello` on a free port of loopback and prints the address.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/", get(async || "hello"))).await?;
    Ok(())
}
