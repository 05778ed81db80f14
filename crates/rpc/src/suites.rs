//! What every implementation of a service trait must do, near or far: run over the service itself and over its client,
//! so that both prove the same. For tests; each function panics with a sentence when the service does otherwise.
#![allow(clippy::unwrap_used, reason = "these are tests, run by the tests of other crates")]

pub mod auth;
pub mod catalog;
pub mod search;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use contracts::{ApiError, Call, Clock, ErrorKind, Result, Rng, SourceRecord};
use jiff::{Timestamp, ToSpan as _};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{ClientConfig, Health, Peer, ServerAuth, ServerConfig, Services, connect_lazy, routes};

/// The token that a [`Loopback`] and its peers share.
pub const PEER_TOKEN: &str = "peer-token-of-a-test";

/// Services behind a gRPC server of this process, on a port of loopback that was free.
pub struct Loopback {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it says to health checks.
    pub health: Health,
    clock: Clock,
    rng: Rng,
    server: JoinHandle<()>,
}

impl Loopback {
    /// Serves `services` until dropped.
    pub async fn serve(services: Services, clock: Clock, rng: Rng) -> Self {
        let auth = ServerAuth::new(Some(PEER_TOKEN.into()), None);
        Self::serve_with(services, ServerConfig { auth, ..ServerConfig::default() }, clock, rng).await
    }

    /// Serves `services` as `config` says, until dropped.
    pub async fn serve_with(services: Services, config: ServerConfig, clock: Clock, rng: Rng) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, health) = routes(services, config, clock.clone(), rng.clone()).await.unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, health, clock, rng, server }
    }

    /// The way to it, with the token.
    pub fn peer(&self, role: &'static str) -> Peer {
        self.peer_with(role, ClientConfig { peer_token: Some(PEER_TOKEN.into()), ..ClientConfig::default() })
    }

    /// The way to it, as `config` says.
    pub fn peer_with(&self, role: &'static str, config: ClientConfig) -> Peer {
        connect_lazy(role, &format!("http://{}", self.address), &config, self.clock.clone(), self.rng.clone()).unwrap()
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A call of the node itself with 30 seconds, in English.
pub fn system(clock: &Clock) -> Call {
    Call::system(clock, &Rng::seeded(7), Duration::from_secs(30))
}

/// The same call after its time is over.
pub fn late(clock: &Clock) -> Call {
    Call { deadline: clock.now() - 1.second(), ..system(clock) }
}

/// A record of a film with a key of its own, which nothing else resolves to.
pub fn film(number: u64, title: &str) -> SourceRecord {
    SourceRecord {
        source: "suite".to_owned(),
        source_key: format!("film-{number}"),
        content_type: contracts::ContentType::Movie,
        title: title.to_owned(),
        original_title: None,
        locale: contracts::Locale::english(),
        overview: Some(format!("What happens in {title} is told nowhere else.")),
        release_date: None,
        release_year: Some(1900 + (number % 100) as u16),
        runtime_minutes: Some(90),
        season_count: None,
        seasons: Vec::new(),
        translations: Vec::new(),
        genres: vec!["drama".to_owned()],
        countries: vec![contracts::Region::US],
        languages: contracts::Language::all_of(&["en"]),
        ratings: vec![(contracts::Region::US, "mpa".to_owned(), "PG-13".to_owned())],
        credits: vec![contracts::Credit { name: format!("Person {number}"), role: contracts::CreditRole::Director }],
        external_ids: vec![contracts::ExternalId { id_type: "imdb".to_owned(), id_value: format!("tt9{number:06}") }],
        images: Vec::new(),
        offers: vec![contracts::SourceOffer {
            platform: "netflix".to_owned(),
            region: contracts::Region::US,
            availability_type: contracts::AvailabilityType::Subscription,
            quality: None,
            price: None,
            deep_link: None,
            web_url: format!("https://www.netflix.com/title/{number}"),
            available_from: None,
            expires_at: None,
            checked_at: Timestamp::from_second(1_700_000_000).unwrap(),
            confidence: 0.9,
        }],
        rating: Some((7.5, 100)),
    }
}

fn fails<T: std::fmt::Debug>(answer: Result<T>, kind: ErrorKind) -> ApiError {
    let error = answer.expect_err("this must be refused");
    assert_eq!(error.kind, kind, "{error}");
    assert!(!error.code.is_empty() && !error.detail.is_empty(), "{error:?} says nothing");
    error
}
