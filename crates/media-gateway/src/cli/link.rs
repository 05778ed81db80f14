//! `ingest link` and `ingest unlink`: asks a provider with an account of the operator's, whose holder says yes in a browser.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use contracts::{ApiError, ErrorKind};
use ingest::{BegunLink, FinishLink, LinkView};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{Global, door::Door, out};
use crate::roles::Role;

/// How long the browser has, and one of its requests; the longest head that is read, in bytes.
const PATIENCE: Duration = Duration::from_secs(600);
const REQUEST: Duration = Duration::from_secs(5);
const MAX_HEAD: usize = 16 << 10;

#[derive(Args, Debug)]
pub struct LinkArgs {
    /// The source, as the configuration calls it, such as youtube
    source: String,
}

impl LinkArgs {
    fn path(&self) -> String {
        format!("/api/v1/internal/ingest/links/{}", self.source)
    }
}

/// Links a source, through the running node or here.
pub async fn link(global: &Global, args: &LinkArgs) -> anyhow::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let door = door(global).await?;
    let view = linked(&door, args, &listener).await;
    door.close().await;
    said(global, &serde_json::from_value(view?)?)
}

async fn linked(door: &Door, args: &LinkArgs, listener: &TcpListener) -> anyhow::Result<Value> {
    let asked = json!({ "redirect_uri": format!("http://{}", listener.local_addr()?) });
    let begun: BegunLink = serde_json::from_value(door.call("POST", &args.path(), Some(&asked)).await?)?;
    let answer = serde_json::to_value(answered(listener, &begun).await?)?;
    door.call("PUT", &args.path(), Some(&answer)).await
}

/// Ends a link.
pub async fn unlink(global: &Global, args: &LinkArgs) -> anyhow::Result<()> {
    let door = door(global).await?;
    let done = door.call("DELETE", &args.path(), None).await;
    door.close().await;
    done?;
    said(global, &LinkView { source: args.source.clone(), linked: false })
}

async fn door(global: &Global) -> anyhow::Result<Door> {
    Door::of(global, Role::Ingest, |services| services.ingest.clone().map(ingest::routes).unwrap_or_default()).await
}

fn said(global: &Global, view: &LinkView) -> anyhow::Result<()> {
    let LinkView { source, linked } = view;
    Ok(out::line(&match (global.json, linked) {
        (true, _) => serde_json::to_string(view)?,
        (false, true) => format!("{source} is linked, and asked with your account from now on"),
        (false, false) => format!("{source} is not linked any more"),
    })?)
}

/// Shows where to say yes, and waits for what comes back.
async fn answered(listener: &TcpListener, begun: &BegunLink) -> anyhow::Result<FinishLink> {
    eprintln!("Open this address in a browser on this machine, and allow it there:\n{}", begun.authorization_url);
    let wait = async {
        loop {
            let (socket, _) = listener.accept().await?;
            // A browser asks for an icon, too, and opens connections that it does not use.
            if let Ok(Ok(Some(answer))) = tokio::time::timeout(REQUEST, taken(socket)).await {
                return answer;
            }
        }
    };
    let late = |_| ApiError::new(ErrorKind::DeadlineExceeded, "link_not_answered", "nobody said yes in time");
    tokio::time::timeout(PATIENCE, wait).await.map_err(late)?
}

/// What a request of the browser brings: an answer, a refusal, or nothing.
async fn taken(mut socket: TcpStream) -> std::io::Result<Option<anyhow::Result<FinishLink>>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        head.push(socket.read_u8().await?);
    }
    let answer = brought(&String::from_utf8_lossy(&head));
    let (status, text) = match &answer {
        Some(Ok(_)) => ("200 OK", "You can close this page. The command line says whether the link was made."),
        Some(Err(_)) => ("200 OK", "Nothing was linked. You can close this page."),
        None => ("404 Not Found", "There is nothing here."),
    };
    let reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    socket.write_all(reply.as_bytes()).await?;
    socket.shutdown().await?;
    Ok(answer)
}

/// The answer in the first line of a request.
fn brought(head: &str) -> Option<anyhow::Result<FinishLink>> {
    let target = head.strip_prefix("GET ")?.split(' ').next()?;
    let url = reqwest::Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    let value = |name: &str| url.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
    if let Some(word) = value("error") {
        let detail = format!("the account's holder did not allow it ({})", word.chars().take(40).collect::<String>());
        return Some(Err(ApiError::new(ErrorKind::PermissionDenied, "link_denied", detail).into()));
    }
    Some(Ok(FinishLink { code: value("code")?, state: value("state")? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_is_one() {
        let read = |line: &str| brought(&format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let answer = read("GET /?state=a%2Bb&code=4%2F0x&scope=y").unwrap().unwrap();
        assert_eq!((answer.code.as_str(), answer.state.as_str()), ("4/0x", "a+b"));
        assert!(read("GET /?error=access_denied&state=a").unwrap().is_err());
        for nothing in ["GET /favicon.ico", "GET /?code=a", "POST /?code=a&state=b", "nonsense"] {
            assert!(read(nothing).is_none(), "{nothing}");
        }
    }
}
