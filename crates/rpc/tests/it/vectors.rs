//! Searching by vector through gRPC, over a real index that a model filled.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use contracts::{
    ContentId, EmbedError, Embedder, ErrorKind, ModelInfo, Region, SearchApi, SearchFilters, SourceRecord, Vector,
    VectorQuery,
};
use rpc::{
    SearchClient, Services,
    suites::{self, Loopback},
};
use search::{Search, SearchConfig};
use stores::vectors::VectorIndex;
use stores_embedded::ExactVectors;
use tokio_util::sync::CancellationToken;

use super::{catalogue, clock};

/// Stands for a sentence model: each word adds to the direction that its hash chooses.
struct Words(ModelInfo);

#[async_trait]
impl Embedder for Words {
    fn model(&self) -> &ModelInfo {
        &self.0
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vector>, EmbedError> {
        let vector = |text: &String| {
            let mut vector = vec![0.01_f32; self.0.dimension];
            for word in text.split_whitespace() {
                let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(word) as usize;
                vector[hash % self.0.dimension] += 1.0;
            }
            vector
        };
        Ok(texts.iter().map(vector).collect())
    }
}

/// Three films, the second a comedy and the third offered in `abroad` alone.
fn films(abroad: Region) -> Vec<SourceRecord> {
    let mut films = [
        suites::film(1, "The Quiet Harbour"),
        suites::film(2, "Glass Meridian"),
        suites::film(3, "A Winter of Lanterns"),
    ];
    films[1].genres = vec!["comedy".to_owned()];
    films[2].offers.iter_mut().for_each(|offer| offer.region = abroad);
    films.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_titles_own_vector_leads_to_it_and_filters_hold() {
    let (db, catalog) = catalogue().await;
    let outcomes = catalog.ingest(&suites::system(&clock()), &films("DE".parse().unwrap())).await.unwrap();
    let ids: Vec<ContentId> = outcomes.into_iter().map(|outcome| outcome.content_id).collect();
    let (folder, model) = (tempfile::tempdir().unwrap(), ModelInfo { name: "words".to_owned(), dimension: 32 });
    let index = Arc::new(ExactVectors::open(&folder.path().join("vectors"), model.clone()).unwrap());
    let (vectors, embedder): (Arc<dyn VectorIndex>, Arc<dyn Embedder>) = (index.clone(), Arc::new(Words(model)));
    let (cache, config) = (testkit::cache(), SearchConfig::default());
    let (clock, rng) = (clock(), testkit::rng());
    let search = Search::open(
        folder.path(),
        db.db(),
        catalog,
        Some(vectors),
        Some(embedder),
        cache,
        clock.clone(),
        rng.clone(),
        config,
    );
    let (search, stop) = (Arc::new(search.unwrap()), CancellationToken::new());
    let (followed, stopped, head) = (search.clone(), stop.clone(), db.head());
    let follower = tokio::spawn(async move { followed.follow(head, stopped).await });
    search.wait_until_caught_up(Duration::from_secs(60)).await.unwrap();

    let services = Services { search: Some(search.clone()), ..Services::default() };
    let loopback = Loopback::serve(services, clock.clone(), rng).await;
    let client = SearchClient::new(loopback.peer("search"));
    let ask = async |embedding: &Vector, filters: SearchFilters, region: Option<&str>, limit: usize| {
        let region = region.map(|region| region.parse().unwrap());
        let query = VectorQuery { embedding: embedding.clone(), filters, region, limit };
        let (near, far) = (
            search.vector_search(&suites::system(&clock), &query).await,
            client.vector_search(&suites::system(&clock), &query).await,
        );
        assert_eq!(format!("{far:?}"), format!("{near:?}"), "both sides of the wire");
        far.map(|hits| hits.into_iter().map(|hit| (hit.content_id, hit.score)).collect::<Vec<_>>())
    };
    let all = SearchFilters::default;
    let comedies = || SearchFilters { genres: vec!["comedy".to_owned()], ..all() };
    for id in &ids {
        let own = index.vectors(*id).await.unwrap().remove(0);
        let found = ask(&own, all(), None, 10).await.unwrap();
        assert_eq!((found.len(), found[0].0), (3, *id), "{found:?}");
        assert!(found[0].1 > 0.999 && found[1].1 < 0.999 && found.is_sorted_by(|a, b| a.1 >= b.1), "{found:?}");
        assert_eq!(ask(&own, all(), None, 1).await.unwrap().len(), 1);
        let only = async |filters, region| {
            let found = ask(&own, filters, region, 10).await.unwrap();
            found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        assert_eq!(only(comedies(), None).await, [ids[1]]);
        assert_eq!(only(all(), Some("DE")).await, [ids[2]]);
        assert_eq!(only(all(), Some("US")).await.len(), 2);
        assert!(only(comedies(), Some("DE")).await.is_empty());
    }
    let narrow = ask(&vec![1.0; 31], all(), None, 10).await.unwrap_err();
    assert_eq!(narrow.kind, ErrorKind::InvalidArgument, "{narrow}");
    stop.cancel();
    follower.await.unwrap();
}
