//! The real services, called directly and through gRPC: one suite over both.

use std::sync::Arc;

use catalog::Catalog;
use contracts::{CatalogApi, Clock};
use rpc::{
    CatalogClient, Services,
    suites::{self, Loopback},
};
use testkit::TestDb;

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
