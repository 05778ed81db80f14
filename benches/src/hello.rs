//! The peers: axum with one route, and a proxy of axum and hyper, as small as it gets.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::get;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

/// Serves `hello` on a free port of loopback and prints the address.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/", get(async || "hello"))).await?;
    Ok(())
}

/// Serves, on a free port of loopback, what `back` answers: axum and the client of hyper, as small as it gets.
pub async fn proxy(back: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let forward = async move |mut request: Request| {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("http://{back}{path}").parse().map_err(|_| StatusCode::BAD_REQUEST)?;
        let reply = client.request(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        Ok::<_, StatusCode>(reply.map(Body::new))
    };
    axum::serve(listener, Router::new().fallback(forward)).await?;
    Ok(())
}
