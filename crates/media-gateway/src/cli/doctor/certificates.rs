//! The certificate that a node shows other roles: whether they take it, and for how long yet.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use tls::{Cause, Files, Mutual};
use tokio::{net::TcpStream, time::timeout};

use super::{Check, State, check};
use crate::{cli::tls::LEFT, config::Config, peers, roles::Role};

/// How long another role may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What other roles make of this node's certificate at `now`, as far as its own files tell; nothing where it has none. With
/// less than [`LEFT`] of it left somebody forgot to renew it.
pub(super) fn certificate(config: &Config, now: Timestamp) -> Option<Check> {
    let bad = |why: String, fix: &str| {
        let found = format!("no other role takes it: {why}");
        check("certificate", State::Bad, found, fix)
    };
    let files = match peers::files(config).transpose()? {
        Ok(files) => files,
        Err(error) => return Some(bad(error.to_string(), fix(Cause::File))),
    };
    let at = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
    let (taken, later) = (tls::taken_at(&files, at(now)), tls::taken_at(&files, at(now) + LEFT));
    if taken.is_ok()
        && let Some((role, host)) = called_elsewhere(config, &files)
    {
        let why = format!("it is not for {host}, where `peers.{role}` has them call");
        return Some(bad(why, "have one made for that host as well (`tls issue`), or mend the address"));
    }
    Some(match (taken, later) {
        (Err((cause, why)), _) => bad(why, fix(cause)),
        (Ok(()), Err((cause, _))) => {
            check("certificate", State::Less, "it ends within 30 days: no role takes it then", fix(cause))
        }
        (Ok(()), Ok(())) => check("certificate", State::Good, "its authorities vouch for it, for 30 days and more", ""),
    })
}

/// A role of this node that others call by a name or address which the certificate is not for.
fn called_elsewhere(config: &Config, files: &Files) -> Option<(Role, String)> {
    let mut called = peers::encrypted(config, true).into_iter().map(|(role, url)| (role, bare(&url)));
    called.find(|(_, host)| !tls::is_for(files, host))
}

/// Whether this node and each role that it calls take each other's certificates: what those believe is in files of theirs.
/// Nothing where this node's can't be used, which was said.
pub(super) async fn met(config: &Config) -> Vec<Check> {
    let Ok(Some(tls)) = peers::tls(config) else { return Vec::new() };
    let mut checks = Vec::new();
    for (role, url) in peers::encrypted(config, false) {
        checks.push(meet(&tls, role, &url).await);
    }
    checks
}

async fn meet(tls: &Mutual, role: Role, url: &Url) -> Check {
    let name = format!("certificates with {role}");
    let silent = || {
        let found = format!("unknown: nobody answers at {url}, which is `peers.{role}`");
        check(&name, State::Less, found, "start the role and ask again, or mend the address")
    };
    let (host, port) = (bare(url), url.port_or_known_default().unwrap_or(443));
    let Ok(Ok(stream)) = timeout(PATIENCE, TcpStream::connect((&*host, port))).await else { return silent() };
    match timeout(PATIENCE, tls.meets(&host, stream)).await {
        Err(_) => silent(),
        Ok(Ok(())) => check(&name, State::Good, "both are taken", ""),
        Ok(Err(error)) => {
            let found = format!("this node and {url} don't take each other's: {error}");
            let fix = format!(
                "have each signed by one of the other's `peers.authorities_file`, and the role's made for the host of \
                 `peers.{role}`"
            );
            check(&name, State::Bad, found, fix)
        }
    }
}

/// The host of an address, as certificates name it.
fn bare(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn fix(cause: Cause) -> &'static str {
    match cause {
        Cause::File => "name PEM files that belong together: `peers.certificate_file`, `key_file`, `authorities_file`",
        Cause::Time => {
            "renew it (`tls issue`), and replace the old files: a node that runs takes the new within a second"
        }
        Cause::Authority => "have it signed by one of `peers.authorities_file`, or add who signed it there, everywhere",
        Cause::Kind => "have one made that is for servers and for clients: a role is both to the others",
    }
}
