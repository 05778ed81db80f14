//! The service over real databases.

mod ages;
mod counts;
mod http;
mod ingest;
mod read;
mod review;
mod seasons;
mod stories;

use std::sync::Arc;

use contracts::{
    AvailabilityType, Call, CatalogApi, Clock, ContentType, Credit, CreditRole, ExternalId, IngestAction,
    IngestOutcome, Language, Locale, Region, SourceOffer, SourceRecord,
};
use jiff::Timestamp;
use stores::{Db, cache::Cache};
use stores_embedded::MemoryCache;
use testkit::{TestDb, operator_call};

use crate::Catalog;

/// A catalogue over an empty database.
struct Bench {
    catalog: Arc<Catalog>,
    cache: Arc<dyn Cache>,
    clock: Clock,
    test: TestDb,
}

impl Bench {
    fn over(test: TestDb) -> Self {
        let (clock, cache): (_, Arc<dyn Cache>) = (testkit::clock(), Arc::new(MemoryCache::new(1 << 20)));
        let catalog = Catalog::new(test.db(), Arc::clone(&cache), clock.clone(), testkit::rng());
        Self { catalog: Arc::new(catalog), cache, clock, test }
    }

    async fn open(engine: &str) -> Self {
        Self::over(if engine == "sqlite" { testkit::sqlite().await } else { testkit::postgres().await })
    }

    fn db(&self) -> Db {
        self.test.db()
    }

    async fn ingest(&self, records: &[SourceRecord]) -> Vec<IngestOutcome> {
        let call = Call { deadline: Timestamp::MAX, ..operator_call() };
        self.catalog.ingest(&call, records).await.unwrap()
    }

    /// The topics of all events, in order.
    async fn topics(&self) -> Vec<String> {
        let events = stores::events::read(&self.db(), 0, 10_000).await.unwrap();
        events.into_iter().map(|(_, event)| event.kind).collect()
    }

    async fn export(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut write = |line: &str| {
            lines.push(line.to_owned());
            Ok(())
        };
        self.catalog.export(&operator_call(), &mut write).await.unwrap();
        lines
    }

    async fn count(&self, table: &str) -> i64 {
        self.db().fetch_one(format!("SELECT COUNT(*) FROM {table}"), vec![]).await.unwrap()
    }
}

/// A film as a source describes it.
fn film(source: &str, key: &str, title: &str, year: u16) -> SourceRecord {
    SourceRecord {
        source: source.to_owned(),
        source_key: key.to_owned(),
        content_type: ContentType::Movie,
        title: title.to_owned(),
        original_title: None,
        locale: Locale::english(),
        overview: None,
        release_date: None,
        release_year: Some(year),
        runtime_minutes: None,
        season_count: None,
        seasons: Vec::new(),
        translations: Vec::new(),
        genres: vec!["drama".to_owned()],
        countries: vec![Region::US],
        languages: Language::all_of(&["en"]),
        ratings: vec![(Region::US, "mpa".to_owned(), "PG-13".to_owned())],
        credits: vec![],
        external_ids: vec![external(source, key)],
        images: vec![],
        offers: vec![],
        rating: None,
    }
}

/// The same, with its director and two actors.
fn heat(source: &str, key: &str) -> SourceRecord {
    let credits = [
        ("Michael Mann", CreditRole::Director),
        ("Al Pacino", CreditRole::Actor),
        ("Robert De Niro", CreditRole::Actor),
    ];
    let credits = credits.map(|(name, role)| Credit { name: name.to_owned(), role }).to_vec();
    SourceRecord { credits, ..film(source, key, "Heat", 1995) }
}

fn external(id_type: &str, id_value: &str) -> ExternalId {
    ExternalId { id_type: id_type.to_owned(), id_value: id_value.to_owned() }
}

fn offer(platform: &str, region: &str) -> SourceOffer {
    SourceOffer {
        platform: platform.to_owned(),
        region: region.parse().unwrap(),
        availability_type: AvailabilityType::Rent,
        quality: None,
        price: Some(contracts::Money { amount: "3.99".parse().unwrap(), currency: "USD".parse().unwrap() }),
        deep_link: None,
        web_url: format!("https://example.com/{platform}"),
        available_from: Some(testkit::start()),
        expires_at: None,
        checked_at: testkit::start(),
        confidence: 0.9,
    }
}

fn actions(outcomes: &[IngestOutcome]) -> Vec<IngestAction> {
    outcomes.iter().map(|outcome| outcome.action).collect()
}

/// A call with all the time there is.
fn call() -> Call {
    Call { deadline: Timestamp::MAX, ..testkit::call() }
}

fn german() -> Call {
    Call { locale: "de-at".parse().unwrap(), ..call() }
}
