//! The script against the suite and, step by step, against the pure rule; and a server that is not there.

use std::sync::atomic::{AtomicU32, Ordering};

use contracts::{ApiError, Clock, Rng, Secret};
use stores::{
    cache::Cache,
    limits::{MAX_SLOTS, Quota, take},
};

use super::*;
use crate::{RedisCache, RedisUnreachable};

/// The server that `make test` starts.
fn server() -> String {
    std::env::var("MEDIA_GATEWAY_TEST_REDIS")
        .expect("MEDIA_GATEWAY_TEST_REDIS must name a Redis server: run `cargo xtask engines -- cargo nextest run`")
}

/// How long a server that is there may take: on a busy machine more than what is asked to save time may.
const PATIENCE: Duration = Duration::from_secs(20);

fn open(url: &str, authorities: Option<Vec<u8>>, password: Option<Secret>) -> Result<RedisLink, RedisUnreachable> {
    RedisLink::open_within(PATIENCE, url, authorities, password, Clock::system())
}

fn link() -> RedisLink {
    open(&server(), None, None).unwrap()
}

/// Keys of this test alone.
fn prefix() -> String {
    format!("test-{:032x}:", u128::from_le_bytes(Rng::system().bytes()))
}

#[tokio::test]
async fn is_a_store_of_limits() -> Result<(), LimitsGone> {
    stores::suites::limits::run(&RedisLimits::new(link(), &prefix())).await
}

#[tokio::test]
async fn is_a_cache() -> Result<(), ApiError> {
    stores::suites::cache::run(&RedisCache::new(link(), &prefix())).await
}

#[tokio::test]
async fn two_processes_share_what_there_is() {
    let prefix = prefix();
    let both = [RedisLimits::new(link(), &prefix), RedisLimits::new(link(), &prefix)];
    let cells = [Cell { slot: 0, quota: Quota::new(30, Duration::from_secs(3_600)) }];
    let taking = (0..100).map(|n| both[n % 2].take("crowd", &cells, 1));
    let verdicts = futures::future::join_all(taking).await;
    assert_eq!(verdicts.into_iter().filter(|verdict| verdict.as_ref().unwrap().allowed).count(), 30);
    let shared = RedisCache::new(link(), &prefix);
    shared.put("a", "one".into(), Duration::from_secs(60)).await;
    assert_eq!(RedisCache::new(link(), &prefix).get("a").await.as_deref(), Some(&b"one"[..]));
    assert_eq!(RedisCache::new(link(), "other:").get("a").await, None, "another deployment");
}

#[tokio::test]
async fn the_script_is_the_rule() {
    let (store, rng) = (RedisLimits::new(link(), &prefix()), Rng::seeded(7));
    let quota = |units, millis| Quota::new(units, Duration::from_millis(millis));
    let cells = [quota(10, 2_000), quota(25, 7_777), quota(3, 900)]
        .into_iter()
        .zip([0_u8, 3, 7])
        .map(|(quota, slot)| Cell { slot, quota })
        .collect::<Vec<_>>();
    let (mut tats, mut now) = ([0; MAX_SLOTS], 1_800_000_000_000_000_i64);
    for step in 0..2_000 {
        now += i64::try_from(rng.below(400_000)).unwrap();
        let chosen: Vec<Cell> = cells.iter().filter(|_| rng.below(3) > 0).copied().collect();
        if chosen.is_empty() {
            continue;
        }
        let cost = u32::try_from(1 + rng.below(3)).unwrap();
        let expected = take(&mut tats, &chosen, cost, now);
        let found = store.take_at("rule", &chosen, cost, Some(now)).await.unwrap();
        assert_eq!(found, expected, "step {step}: {chosen:?} for {cost} at {now}");
    }
}

#[tokio::test]
async fn without_a_server_there_is_an_empty_cache_and_no_verdict() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", taken.local_addr().unwrap());
    for hangs in [true, false] {
        let held = hangs.then(|| taken.try_clone().unwrap());
        let link = RedisLink::open(&url, None, None, Clock::system()).unwrap();
        let (limits, cache) = (RedisLimits::new(link.clone(), "x:"), RedisCache::new(link.clone(), "x:"));
        let cells = [Cell { slot: 0, quota: Quota::new(1, Duration::from_secs(1)) }];
        let began = std::time::Instant::now();
        assert!(link.ping().await.is_err());
        assert!(limits.take("a", &cells, 1).await.is_err());
        assert_eq!(cache.get("a").await, None);
        let load = Box::pin(async { Ok(Some("loaded".into())) });
        assert_eq!(
            cache.get_or_load("a", Duration::from_secs(9), load).await.unwrap().as_deref(),
            Some(&b"loaded"[..])
        );
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        drop(held);
    }
    assert!(RedisLink::open("http://nowhere", None, None, Clock::system()).is_err());
}

/// A way to the server that can be cut and mended: its port, and whether it is cut.
async fn cuttable() -> (u16, tokio::sync::watch::Sender<bool>) {
    let (cut, mut seen) = tokio::sync::watch::channel(false);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, behind) = (listener.local_addr().unwrap().port(), server().replace("redis://", ""));
    tokio::spawn(async move {
        while let Ok((mut wire, _)) = listener.accept().await {
            if *seen.borrow_and_update() {
                continue;
            }
            let mut changed = seen.clone();
            let mut server = tokio::net::TcpStream::connect(behind.trim_end_matches('/')).await.unwrap();
            tokio::spawn(async move {
                tokio::select! {
                    _ = changed.changed() => {}
                    _ = tokio::io::copy_bidirectional(&mut wire, &mut server) => {}
                }
            });
        }
    });
    (port, cut)
}

#[tokio::test]
async fn what_could_not_be_forgotten_is_not_believed() {
    const MINUTE: Duration = Duration::from_secs(60);
    let ((port, cut), prefix, clock) = (cuttable().await, prefix(), Clock::fixed(Clock::system().now()));
    let url = format!("redis://127.0.0.1:{port}");
    let here = RedisLink::open_within(PATIENCE, &url, None, None, clock.clone()).unwrap();
    let (here, there) = (RedisCache::new(here, &prefix), RedisCache::new(link(), &prefix));
    here.put("content:a", "old".into(), MINUTE).await;
    assert_eq!(here.get("content:a").await.as_deref(), Some(&b"old"[..]));
    here.put("provider:a", "bought".into(), MINUTE).await;
    cut.send(true).unwrap();
    // Until the connection has noticed.
    tokio::time::sleep(Duration::from_millis(50)).await;
    here.remove("content:a").await;
    cut.send(false).unwrap();
    // The server is left alone for a moment, and for some seconds nobody knows whose clock is right.
    let mut turns = 0;
    while here.get("content:b").await.is_none() {
        assert!(turns < 500, "the server is not asked again");
        turns += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        clock.advance(Duration::from_secs(1).try_into().unwrap());
        here.put("content:b", "new".into(), MINUTE).await;
    }
    assert_eq!(there.get("content:a").await.as_deref(), Some(&b"old"[..]), "it is there still");
    assert_eq!(here.get("content:a").await, None, "it was to be forgotten");
    assert_eq!(here.get("provider:a").await.as_deref(), Some(&b"bought"[..]), "nobody was to forget that");
    here.put("content:a", "new".into(), MINUTE).await;
    for cache in [&here, &there] {
        assert_eq!(cache.get("content:a").await.as_deref(), Some(&b"new"[..]));
    }
}

/// A way to the server over TLS, with a certificate for `localhost`: its port, and the authority.
async fn encrypted() -> (u16, String) {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, behind) = (listener.local_addr().unwrap().port(), server().replace("redis://", ""));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut wire) = acceptor.accept(stream).await else { continue };
            let mut server = tokio::net::TcpStream::connect(behind.trim_end_matches('/')).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut wire, &mut server).await });
        }
    });
    (port, pem)
}

#[tokio::test]
async fn a_server_over_tls_shows_a_certificate_that_is_believed() {
    let ((port, ours), (_, other)) = (encrypted().await, encrypted().await);
    let open = |host: &str, scheme: &str, authority: Option<&String>| {
        open(&format!("{scheme}://{host}:{port}"), authority.map(|pem| pem.clone().into_bytes()), None)
    };
    let link = open("localhost", "rediss", Some(&ours)).unwrap();
    link.ping().await.unwrap();
    let cache = RedisCache::new(link, &prefix());
    cache.put("a", "one".into(), Duration::from_secs(60)).await;
    assert_eq!(cache.get("a").await.as_deref(), Some(&b"one"[..]));
    for (host, scheme, authority) in [
        ("localhost", "rediss", Some(&other)),
        ("localhost", "rediss", None),
        ("127.0.0.1", "rediss", Some(&ours)),
        ("localhost", "redis", None),
    ] {
        assert!(open(host, scheme, authority).unwrap().ping().await.is_err(), "{scheme}://{host}");
    }
    assert!(open("localhost", "redis", Some(&ours)).is_err(), "authorities are for TLS");
}

/// A server that answers this to every command: its port.
async fn saying(words: &str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, answer) = (listener.local_addr().unwrap().port(), format!("-{words}\r\n"));
    tokio::spawn(async move {
        while let Ok((mut wire, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut asked = [0; 4_096];
                while let Ok(count @ 1..) = wire.read(&mut asked).await {
                    // Each begins with a star; what is no command is answered as well.
                    let commands = asked[..count].iter().filter(|byte| **byte == b'*').count().max(1);
                    if wire.write_all(answer.repeat(commands).as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn why_a_server_fails_is_said_without_a_secret() {
    let locked = saying("NOAUTH Authentication required. Ask whoever runs it.").await;
    let old = saying("ERR unknown command 'AUTH', with args beginning with: 'hunter2'").await;
    let authority = encrypted().await.1.into_bytes();
    for (url, authorities, why) in [
        (format!("redis://127.0.0.1:{locked}"), None, "NOAUTH Authentication required"),
        (format!("redis://127.0.0.1:{old}"), None, "ERR"),
        // It speaks no TLS.
        (format!("rediss://127.0.0.1:{locked}"), Some(authority), "received corrupt message"),
        // A port that nobody is given who asks for any.
        ("redis://:hunter2@127.0.0.1:1".to_owned(), None, "Connection refused"),
    ] {
        let told = open(&url, authorities, None).unwrap().ping().await.unwrap_err().to_string();
        assert!(told.starts_with(&format!("the Redis server fails: {why}")), "{url}: {told}");
        assert!(!told.contains("hunter2") && !told.contains("Ask"), "{told}");
    }
}

/// Whether the server answers by the end of twenty seconds.
async fn answers(link: &RedisLink) -> bool {
    for _ in 0..400 {
        if link.ping().await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test]
async fn a_password_that_changed_counts_from_the_next_connection() {
    let user = prefix().replace(':', "");
    let mut admin = redis::Client::open(server()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut allow = async |words: &[&str]| {
        let mut command = redis::cmd("ACL");
        command.arg("SETUSER").arg(&user).arg(words);
        command.query_async::<()>(&mut admin).await.unwrap();
    };
    allow(&["on", ">first", "~*", "&*", "+@all"]).await;
    let (file, (port, cut)) = (std::sync::Arc::new(std::sync::Mutex::new("first".to_owned())), cuttable().await);
    let read = std::sync::Arc::clone(&file);
    let password = Secret::live(move || read.lock().unwrap().clone());
    let url = format!("redis://{user}@127.0.0.1:{port}");
    let link = open(&url, None, Some(password)).unwrap();
    link.ping().await.unwrap();
    let reconnect = async || {
        cut.send(true).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        cut.send(false).unwrap();
    };

    // The file first: the connection that stands is good, and there is no other until it breaks.
    *file.lock().unwrap() = "second".to_owned();
    link.ping().await.unwrap();
    allow(&["resetpass", ">second"]).await;
    reconnect().await;
    assert!(answers(&link).await, "the new password is not shown");

    // The server first: nobody comes in until the file says so, and then everybody does.
    allow(&["resetpass", ">third"]).await;
    link.ping().await.unwrap();
    reconnect().await;
    for _ in 0..3 {
        assert!(link.ping().await.is_err(), "an old password came in");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    *file.lock().unwrap() = "third".to_owned();
    assert!(answers(&link).await, "it is not asked again");
    let cache = RedisCache::new(link, &format!("{user}:"));
    cache.put("a", "one".into(), Duration::from_secs(60)).await;
    assert_eq!(cache.get("a").await.as_deref(), Some(&b"one"[..]));
    redis::cmd("ACL").arg("DELUSER").arg(&user).query_async::<()>(&mut admin).await.unwrap();
}

#[tokio::test]
async fn of_many_calls_that_are_refused_the_first_begins_anew() {
    let user = prefix().replace(':', "");
    let mut admin = redis::Client::open(server()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut allow = redis::cmd("ACL");
    allow.arg("SETUSER").arg(&user).arg(["on", ">right", "~*", "&*", "+@all"].as_slice());
    allow.query_async::<()>(&mut admin).await.unwrap();
    let reads = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&reads);
    // The file is mended after it was read once.
    let password = Secret::live(move || match counted.fetch_add(1, Ordering::SeqCst) {
        0 => "wrong".to_owned(),
        _ => "right".to_owned(),
    });
    let url = server().replace("redis://", &format!("redis://{user}@"));
    let link = open(&url, None, Some(password)).unwrap();
    let storm = futures::future::join_all((0..100).map(|_| link.ping())).await;
    assert!(storm.iter().all(Result::is_err), "the wrong password came in");
    link.ping().await.unwrap();
    assert_eq!(reads.load(Ordering::SeqCst), 2, "at the start, and once for all who were refused");
    redis::cmd("ACL").arg("DELUSER").arg(&user).query_async::<()>(&mut admin).await.unwrap();
}
