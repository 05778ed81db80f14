//! The node is killed while clients refresh their tokens: what a client was told is good stays good, and a reply that was
//! lost on its way is not taken for theft. The ledger is each client's own memory.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use contracts::Rng;
use serde_json::Value;

use crate::{
    app::{App, PATIENCE, Setup},
    identities::people::{self, ISSUER},
};

/// Clients that refresh without a pause, each with a family of its own.
const CLIENTS: usize = 4;
/// How many sets of clients there are, one after the other.
const SETS: usize = 3;
/// How long a used token is answered the same again; a node that is back later can't tell a lost reply from theft.
const WINDOW: Duration = Duration::from_secs(20);

/// 200 in the soak.
fn kills() -> usize {
    if std::env::var_os("MEDIA_GATEWAY_TEST_SOAK").is_some() { 200 } else { 20 }
}

/// What a client was last told.
struct Holder {
    refresh: String,
    access: String,
}

impl Holder {
    fn of(reply: &Value) -> Self {
        let text = |name: &str| reply[name].as_str().unwrap().to_owned();
        Self { refresh: text("refresh_token"), access: text("access_token") }
    }

    /// Asks for the next tokens; `None` when the node does not answer.
    fn next(&self, http: &reqwest::blocking::Client, url: &str) -> Option<(u16, Value)> {
        let body = format!("grant_type=refresh_token&client_id={}&refresh_token={}", auth::CLI_CLIENT, self.refresh);
        let request = http.post(format!("{url}/oauth/token")).body(body);
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().ok()?))
    }
}

fn client() -> reqwest::blocking::Client {
    reqwest::blocking::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// Refreshes until told to stop or the node is gone; counts what was acknowledged.
fn load(holder: &Mutex<Holder>, url: &str, stop: &AtomicBool, acknowledged: &AtomicUsize) {
    let http = client();
    while !stop.load(Ordering::SeqCst) {
        let mut holder = holder.lock().unwrap();
        let Some((status, reply)) = holder.next(&http, url) else { return };
        assert_eq!(status, 200, "{reply}");
        *holder = Holder::of(&reply);
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
}

/// Every client goes on where it was, with what it holds.
fn all_go_on(app: &App, holders: &[Mutex<Holder>]) {
    let http = client();
    for holder in holders {
        let mut holder = holder.lock().unwrap();
        let me = app.send(app.request("GET", "/api/v1/auth/me").bearer_auth(&holder.access));
        assert_eq!(me.status, 200, "an access token that was acknowledged is lost: {}", me.text);
        let (status, reply) = holder.next(&http, app.url("gateway")).unwrap();
        assert_eq!(status, 200, "a refresh token that was acknowledged is lost, or its family revoked: {reply}");
        *holder = Holder::of(&reply);
    }
}

#[test]
fn no_acknowledged_token_is_lost_when_the_node_is_killed() {
    let mut setup = Setup::new().env("MEDIA_GATEWAY_AUTH_ISSUER", ISSUER);
    let families = people::families(&setup, CLIENTS * SETS);
    let mut families = families.iter().map(|reply| Mutex::new(Holder::of(reply)));
    let mut holders: Vec<_> = families.by_ref().take(CLIENTS).collect();
    let (rng, acknowledged) = (Rng::seeded(20_261_121), AtomicUsize::new(0));
    let mut killed_at = None;
    for kill in 0..kills() {
        let app = setup.start();
        let away = killed_at.map_or(Duration::ZERO, |at: Instant| at.elapsed());
        if away >= WINDOW {
            // Its disk stood still: whose reply was lost are told from thieves no more, and others go on.
            holders = families.by_ref().take(CLIENTS).collect();
            assert_eq!(holders.len(), CLIENTS, "again it was away for {away:?}, longer than a lost reply is kept");
        }
        all_go_on(&app, &holders);
        let (stop, url) = (AtomicBool::new(false), app.url("gateway").to_owned());
        let before = acknowledged.load(Ordering::SeqCst);
        setup = std::thread::scope(|scope| {
            for holder in &holders {
                scope.spawn(|| load(holder, &url, &stop, &acknowledged));
            }
            let since = Instant::now();
            while acknowledged.load(Ordering::SeqCst) == before {
                assert!(since.elapsed() < PATIENCE, "nothing is refreshed");
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(rng.below(250_000)));
            let setup = app.kill();
            stop.store(true, Ordering::SeqCst);
            setup
        });
        killed_at = Some(Instant::now());
        assert!(acknowledged.load(Ordering::SeqCst) > before, "kill {kill} hit an idle node");
    }
    all_go_on(&setup.start(), &holders);
    println!("{} acknowledged refreshes survived {} kills", acknowledged.load(Ordering::SeqCst), kills());
}
