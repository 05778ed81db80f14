//! Made-up offers, in the catalogue.

use ingest::SampleRequest;

use crate::setup::{Setup, setup};

async fn with_films(count: usize) -> Setup {
    let s = setup().await;
    let elements: Vec<String> = (0..count)
        .map(|n| {
            format!("{{\"title\":\"Film {n}\",\"year\":{},\"cast\":[],\"genres\":[],\"href\":\"F{n}\"}}", 1950 + n % 60)
        })
        .collect();
    let location = s.file("films.json", format!("[{}]", elements.join(",\n")));
    s.run(&location).await.unwrap();
    s
}

#[tokio::test]
async fn every_title_gets_its_offers_once() {
    let s = with_films(700).await;
    let request = SampleRequest::default();
    let report = s.ingest.sample(&s.call, &request, &s.stop, &|_| {}).await.unwrap();
    assert!(report.complete);
    assert_eq!((report.titles, report.without_id, report.counts.rows_read), (700, 0, 700));
    assert_eq!(report.counts.created, 0, "a title that is there is meant, not a new one");
    assert_eq!(s.export().await.len(), 700);
    let offers: Vec<_> = s.titles().await.into_iter().flat_map(|title| title.availability).collect();
    assert!(offers.len() > 500 && offers.iter().all(|offer| offer.source == "sample"));

    let before = s.export().await;
    let again = s.ingest.sample(&s.call, &request, &s.stop, &|_| {}).await.unwrap();
    assert_eq!((again.counts.unchanged, again.offers), (700, report.offers));
    assert_eq!(s.export().await, before);

    let other = SampleRequest { seed: 7, ..request };
    let changed = s.ingest.sample(&s.call, &other, &s.stop, &|_| {}).await.unwrap();
    assert!(changed.counts.updated > 600, "{changed:?}");
}

#[tokio::test]
async fn it_is_the_operators_and_can_be_stopped() {
    let s = with_films(3).await;
    let refused = s.ingest.sample(&testkit::call(), &SampleRequest::default(), &s.stop, &|_| {}).await.unwrap_err();
    assert_eq!(refused.code, "operator_required");
    s.stop.cancel();
    let report = s.ingest.sample(&s.call, &SampleRequest::default(), &s.stop, &|_| {}).await.unwrap();
    assert_eq!((report.complete, report.titles), (false, 0));
}
