//! What whoever calls hears of a role that is away, or breaks off.

use super::*;

#[tokio::test]
async fn a_role_that_is_not_there_is_unavailable_and_may_come_later() {
    // Its port is held, and nobody listens: let go, it might be somebody else's by the time it comes.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let config = ClientConfig::default();
    let peer = connect_lazy("catalog", &format!("http://{address}"), &config, clock(), Rng::seeded(1)).unwrap();
    let client = CatalogClient::new(peer.clone());
    let error = client.directory(&anonymous()).await.unwrap_err();
    assert_eq!((error.kind, &*error.code), (ErrorKind::Unavailable, "peer_unavailable"));
    assert!(error.detail.contains("the catalog role") && !error.detail.contains("127.0.0.1"), "{}", error.detail);
    assert_eq!(peer.health("", Duration::from_secs(5)).await.state, ComponentState::Down);

    let listener = socket.listen(1_024).unwrap();
    let told = Arc::new(Told::default());
    let (router, _) = routes(services(&told), ServerConfig::default(), clock(), Rng::seeded(1)).await.unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    client.directory(&anonymous()).await.unwrap();
    server.abort();
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_once_more_for_reads_only() {
    // Takes connections and drops them: a role that dies as it is asked.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(AtomicU64::new(0));
    let counted = taken.clone();
    let server = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            counted.fetch_add(1, SeqCst);
            drop(connection);
        }
    });
    let config = ClientConfig::default();
    let peer = connect_lazy("catalog", &format!("http://{address}"), &config, clock(), Rng::seeded(1)).unwrap();
    let client = CatalogClient::new(peer);
    assert_eq!(client.directory(&anonymous()).await.unwrap_err().code, "peer_unavailable");
    assert_eq!(taken.swap(0, SeqCst), 2, "a read is tried twice");
    assert_eq!(client.ingest(&anonymous(), &[]).await.unwrap_err().code, "peer_unavailable");
    assert_eq!(taken.load(SeqCst), 1, "what changes something is tried once");
    server.abort();
}

#[tokio::test]
async fn a_role_that_misses_another_is_asked_once() {
    let missing = ApiError::unavailable("peer_unavailable", "the auth role does not answer");
    let told = Arc::new(Told { error: Some(missing.clone()), ..Told::default() });
    let loopback = serve(&told).await;
    let error = CatalogClient::new(loopback.peer("catalog")).directory(&anonymous()).await.unwrap_err();
    assert_eq!((error.detail, told.calls.load(SeqCst)), (missing.detail, 1));
}
