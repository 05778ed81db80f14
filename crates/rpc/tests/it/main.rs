//! The real services, called directly and through gRPC: one suite over both.

use std::{sync::Arc, time::Duration};

use catalog::Catalog;
use contracts::{CatalogApi, Clock, SearchApi};
use rpc::{
    CatalogClient, SearchClient, Services,
    suites::{self, Loopback},
};
use search::{Search, SearchConfig};
use testkit::TestDb;
use tokio_util::sync::CancellationToken;

/// The time at which the records of the suite are taken in.
fn clock() -> Clock {
    testkit::clock()
}

async fn catalogue() -> (TestDb, Arc<dyn CatalogApi>) {
    let db = testkit::sqlite().await;
    let catalog = Catalog::new(db.db(), testkit::cache(), clock(), testkit::rng());
    (db, Arc::new(catalog))
}

async fn far(near: &Arc<dyn CatalogApi>) -> (Loopback, Arc<dyn CatalogApi>) {
    let services = Services { catalog: Some(near.clone()), search: None };
    let loopback = Loopback::serve(services, clock(), testkit::rng()).await;
    let client = CatalogClient::new(loopback.peer("catalog"));
    (loopback, Arc::new(client))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_keeps_its_contract() {
    let (_db, near) = catalogue().await;
    suites::catalog::suite(near, &clock()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_keeps_its_contract_through_grpc() {
    let (_db, near) = catalogue().await;
    let (_loopback, far) = far(&near).await;
    suites::catalog::suite(far.clone(), &clock()).await;
    suites::catalog::agree(&*near, &*far, &clock()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_keeps_its_contract_with_grpc_on_both_sides() {
    let (db, near) = catalogue().await;
    let (_catalog, far) = far(&near).await;
    let films =
        [suites::film(1, "The Quiet Harbour"), suites::film(2, "Glass Meridian"), suites::film(3, "Harbour Lights")];
    far.ingest(&suites::system(&clock()), &films).await.unwrap();

    // Search asks the catalogue of another process, and is asked by one.
    let folder = tempfile::tempdir().unwrap();
    let (cache, config) = (testkit::cache(), SearchConfig::default());
    let search = Search::open(folder.path(), db.db(), far, None, None, cache, clock(), testkit::rng(), config).unwrap();
    let search = Arc::new(search);
    let (stop, followed) = (CancellationToken::new(), search.clone());
    let stopped = stop.clone();
    let head = db.head();
    let follower = tokio::spawn(async move { followed.follow(head, stopped).await });
    search.wait_until_caught_up(Duration::from_secs(20)).await.unwrap();

    let services = Services { search: Some(search.clone()), catalog: None };
    let loopback = Loopback::serve(services, clock(), testkit::rng()).await;
    let client = SearchClient::new(loopback.peer("search"));
    for api in [&*search as &dyn SearchApi, &client] {
        suites::search::suite(api, "harbour", &clock()).await;
    }
    suites::search::agree(&*search, &client, &["harbour", "glass meridian", ""], &clock()).await;
    stop.cancel();
    follower.await.unwrap();
}
