//! Whoever asks after a role's health as another role hears whether it is taken for one.

use super::*;
use crate::suites::PEER_TOKEN;

/// And whoever shows no token of roles asks as ever.
#[tokio::test]
async fn health_says_of_a_role_that_it_does_not_take_our_token() {
    let loopback = serve(&Arc::new(Told::default())).await;
    loopback.health.set("", true).await;
    let within = Duration::from_secs(5);
    let shows = async |token: Option<&str>| {
        let config = ClientConfig { peer_token: token.map(Into::into), ..ClientConfig::default() };
        loopback.peer_with("catalog", config).health("", within).await
    };
    let (newest, guess) = (format!("newer\n{PEER_TOKEN}"), shows(Some("guess")).await);
    assert_eq!((guess.state, &*guess.detail), (ComponentState::Degraded, "it does not take our peer token"));
    for good in [None, Some(PEER_TOKEN), Some(&*newest)] {
        assert_eq!(shows(good).await.state, ComponentState::Ready, "{good:?}");
    }
}

#[tokio::test]
async fn who_guesses_at_the_health_of_a_public_port_passes_its_entrance() {
    let asked = Arc::new(Asked::default());
    let config = ServerConfig { entrance: Some(entrance(&asked)), ..ServerConfig::default() };
    let loopback = Loopback::serve_with(services(&Arc::default()), config, clock(), Rng::seeded(1)).await;
    let within = Duration::from_secs(5);
    loopback.peer_with("catalog", ClientConfig::default()).health("", within).await;
    assert_eq!(asked.by.lock().unwrap().len(), 0, "nothing is guessed");
    loopback.peer("catalog").health("", within).await;
    assert_eq!(asked.by.lock().unwrap().len(), 1);
    assert_eq!(asked.ended.lock().unwrap()[0].refused, Some(ErrorKind::Unauthenticated));
}
