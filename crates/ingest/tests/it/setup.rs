//! A node's worth of ingest: a data folder, a database, the real catalogue, and a window on the calls it gets.

use std::{
    io::Write,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use catalog::Catalog;
use contracts::{
    ApiError, Call, CatalogApi, Clock, Content, ContentId, Directory, ExternalId, IngestOutcome, ListQuery, Result,
    SourceRecord,
};
use flate2::{Compression, write::GzEncoder};
use ingest::{Ingest, IngestConfig, Limits, Progress, Reject, Run, RunRequest};
use stores_embedded::MemoryCache;
use testkit::TestDb;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

pub const HEADER: &str =
    "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description";

/// The real catalogue, with a note of the keys of each batch, and faults on demand.
pub struct Watched {
    pub inner: Arc<Catalog>,
    /// Whoever has it holds up every list and every batch.
    pub gate: tokio::sync::Mutex<()>,
    /// How many lists and batches were asked for, those that are held up with them.
    pub asked: AtomicUsize,
    pub batches: Mutex<Vec<Vec<String>>>,
    /// How many calls to fail first, as if the catalogue could not be reached.
    pub failures: AtomicUsize,
    /// Cancelled after so many batches.
    pub stop: Mutex<Option<(usize, CancellationToken)>>,
}

#[async_trait]
impl CatalogApi for Watched {
    async fn titles(&self, call: &Call, ids: &[ContentId]) -> Result<Vec<Content>> {
        self.inner.titles(call, ids).await
    }

    async fn resolve(&self, call: &Call, id: &ExternalId) -> Result<Option<Content>> {
        self.inner.resolve(call, id).await
    }

    async fn list(&self, call: &Call, query: &ListQuery) -> Result<Vec<Content>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().await);
        self.inner.list(call, query).await
    }

    async fn directory(&self, call: &Call) -> Result<Directory> {
        self.inner.directory(call).await
    }

    async fn seasons(&self, call: &Call, id: ContentId) -> Result<Vec<contracts::Season>> {
        self.inner.seasons(call, id).await
    }

    async fn ingest(&self, call: &Call, records: &[SourceRecord]) -> Result<Vec<IngestOutcome>> {
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(ApiError::unavailable("database_busy", "the catalogue can't be reached"));
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().await);
        let outcomes = self.inner.ingest(call, records).await?;
        let mut batches = self.batches.lock().unwrap();
        batches.push(records.iter().map(|record| record.source_key.clone()).collect());
        if let Some((after, token)) = &*self.stop.lock().unwrap()
            && batches.len() == *after
        {
            token.cancel();
        }
        Ok(outcomes)
    }

    async fn withdraw(&self, call: &Call, sources: &[String], checked_before: jiff::Timestamp) -> Result<u64> {
        self.inner.withdraw(call, sources, checked_before).await
    }
}

pub struct Setup {
    pub folder: tempfile::TempDir,
    pub catalog: Arc<Watched>,
    pub ingest: Arc<Ingest>,
    pub clock: Clock,
    pub call: Call,
    pub stop: CancellationToken,
    _db: TestDb,
}

pub async fn setup() -> Setup {
    setup_with(Limits::default()).await
}

pub async fn setup_with(limits: Limits) -> Setup {
    let db = crate::database().await;
    let folder = tempfile::tempdir().unwrap();
    let (clock, rng) = (testkit::clock(), testkit::rng());
    let cache = Arc::new(MemoryCache::new(1 << 20));
    let inner = Arc::new(Catalog::new(db.db(), cache, clock.clone(), rng.clone()));
    let (batches, failures, stop) = (Mutex::default(), AtomicUsize::new(0), Mutex::new(None));
    let (gate, asked) = (Default::default(), AtomicUsize::new(0));
    let catalog = Arc::new(Watched { inner, gate, asked, batches, failures, stop });
    let config = IngestConfig {
        limits,
        retries: 3,
        retry_delay: Duration::from_millis(1),
        ..IngestConfig::new(folder.path().join("data"))
    };
    let ingest = Arc::new(Ingest::new(db.db(), catalog.clone(), clock.clone(), rng, config));
    let call = testkit::operator_call();
    Setup { folder, catalog, ingest, clock, call, stop: CancellationToken::new(), _db: db }
}

impl Setup {
    /// Another process of the same cluster: its own folder and ids, the same database, and nothing holds it up.
    pub fn other(&self) -> Ingest {
        let config = IngestConfig::new(self.folder.path().join("other"));
        Ingest::new(self.db(), self.catalog.inner.clone(), self.clock.clone(), contracts::Rng::seeded(99), config)
    }

    /// A file with these bytes; its location.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub async fn run(&self, location: &str) -> Result<Run> {
        self.request(&RunRequest::new(location)).await
    }

    pub async fn request(&self, request: &RunRequest) -> Result<Run> {
        self.ingest.run(&self.call, request, &self.stop, &|_: &Progress| {}).await
    }

    /// Everything in the catalogue, without what depends on the moment.
    pub async fn export(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut write = |line: &str| {
            lines.push(line.to_owned());
            Ok(())
        };
        self.catalog.inner.export(&self.call, &mut write).await.unwrap();
        lines
    }

    pub fn db(&self) -> stores::Db {
        self._db.db()
    }

    pub async fn catalog_page(&self, query: &ListQuery) -> Vec<Content> {
        let deadline = self.clock.now().checked_add(jiff::SignedDuration::from_secs(30)).unwrap();
        let call = Call { deadline, ..self.call.clone() };
        self.catalog.list(&call, query).await.unwrap()
    }

    pub async fn titles(&self) -> Vec<Content> {
        let query = ListQuery { limit: 500, ..ListQuery::default() };
        self.catalog_page(&query).await
    }

    /// A film as the catalogue has it. It is not in it.
    pub fn film(&self, title: &str, imdb: Option<&str>) -> Content {
        let id = imdb.map(|id| ExternalId { id_type: "imdb".to_owned(), id_value: id.to_owned() });
        let ids: Vec<ExternalId> = id.into_iter().collect();
        serde_json::from_value(serde_json::json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "content_type": "movie", "title": title,
            "original_title": null, "overview": null, "locale": "en", "release_date": null, "release_year": 1999,
            "runtime_minutes": null, "genres": [], "countries": [], "languages": [], "ratings": {}, "credits": [],
            "availability": [], "images": [], "external_ids": ids, "translations": [], "average_rating": 0.0,
            "vote_count": 0, "popularity_score": 0.5, "last_updated": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    pub fn rejected(&self, run: &Run) -> Vec<Reject> {
        let text = std::fs::read_to_string(self.ingest.rejected_file(run.id)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What lies in the data folder for the time of a run.
    pub fn incoming(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("data").join("incoming");
        std::fs::read_dir(folder)
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }
}

/// A catalogue of `count` films of our own; every tenth row is one to turn away.
pub fn films(count: usize) -> String {
    let mut text = format!("{HEADER}\n");
    for n in 1..=count {
        let year = if n % 10 == 0 { "1492".to_owned() } else { (1950 + n % 70).to_string() };
        text.push_str(&format!(
            "s{n},Movie,The Harbour Number {n},Director {n},\"Actor {n}, Actor {}\",France,\"May 1, 2021\",{year},PG,{} min,Dramas,\"Story {n}, told.\"\n",
            n + 1,
            60 + n % 90
        ));
    }
    text
}

pub fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// A server that answers every request with these bytes, then waits for `silence`, then hangs up. Its address.
pub async fn server(answer: Vec<u8>, silence: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(&answer).await;
                let _ = socket.flush().await;
                tokio::time::sleep(silence).await;
            });
        }
    });
    format!("http://{address}/netflix_titles.csv.gz")
}

/// A whole answer, which says that it has this length.
pub fn ok(length: usize, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").as_bytes(), body].concat()
}
