//! Taking records in: once, atomically, and the same however they are cut into batches.

use std::sync::Mutex;

use contracts::{ApiError, ErrorKind, IngestAction::*};
use proptest::{prelude::*, test_runner::TestRunner};
use rstest::rstest;
use stores::{Deeds, args};

use super::*;

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn the_same_records_again_change_nothing(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let records = [heat("netflix", "s1"), film("netflix", "s2", "Ran", 1985)];
    let first = bench.ingest(&records).await;
    assert_eq!(actions(&first), [Created, Created]);
    let (export, topics) = (bench.export().await, bench.topics().await);
    assert_eq!(topics, ["content.ingested", "content.ingested"]);

    bench.clock.advance(jiff::SignedDuration::from_hours(1));
    let again = bench.ingest(&records).await;
    assert_eq!(actions(&again), [Unchanged, Unchanged]);
    assert_eq!(again[0].content_id, first[0].content_id);
    assert_eq!((bench.export().await, bench.topics().await), (export, topics));
    let title = &bench.catalog.titles(&call(), &[first[0].content_id]).await.unwrap()[0];
    assert_eq!(title.last_updated, testkit::start());
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_title_is_filed_once_however_it_is_spelled(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let named = |title: &str, record| SourceRecord { title: title.to_owned(), ..record };
    bench.ingest(&[named("The Air Waves", heat("netflix", "s1"))]).await;
    assert_eq!(bench.count("title_keys").await, 1, "each row more is one more page of a growing tree");
    let again = bench.ingest(&[named("Airwaves", heat("hulu", "h1"))]).await;
    assert_eq!((actions(&again), bench.count("title_keys").await), (vec![Merged], 1));
    let subtitled = bench.ingest(&[named("Airwaves: The Signal", heat("prime_video", "p1"))]).await;
    assert_eq!((actions(&subtitled), bench.count("title_keys").await), (vec![Merged], 2));
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn sources_meet_in_one_title(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let mut wikidata = heat("wikidata", "Q42198");
    wikidata.external_ids.push(external("imdb", "tt0113277"));
    wikidata.runtime_minutes = Some(170);
    let mut netflix = heat("netflix", "s1");
    netflix.offers = vec![offer("netflix", "US"), offer("netflix", "DE")];
    netflix.overview = Some("A thief and a detective.".to_owned());
    netflix.genres = vec!["crime".to_owned()];
    let mut translated = film("hulu", "h1", "Heat - Fiebre", 1995);
    translated.locale = "es".parse().unwrap();
    translated.external_ids.push(external("imdb", "tt0113277"));
    let remake = SourceRecord { credits: vec![], ..film("hulu", "h2", "Heat", 1986) };

    let outcomes = bench.ingest(&[netflix, remake, wikidata, translated]).await;
    assert_eq!(actions(&outcomes), [Created, Created, Merged, Merged]);
    assert_eq!(outcomes[2].evidence, "title, year, director, 3 people");
    assert_eq!(outcomes[3].evidence, "imdb id tt0113277");
    assert_eq!((outcomes[2].entity_confidence, outcomes[3].entity_confidence), (0.99, 1.0), "how sure it is");
    assert_eq!((outcomes[0].content_id, outcomes[0].content_id), (outcomes[2].content_id, outcomes[3].content_id));
    let title = bench.catalog.titles(&call(), &[outcomes[0].content_id]).await.unwrap().pop().unwrap();
    assert_eq!(title.genres, ["crime", "drama"]);
    assert_eq!(title.runtime_minutes, Some(170));
    assert_eq!(title.overview.as_deref(), Some("A thief and a detective."));
    assert_eq!(title.external_ids.len(), 4);
    assert_eq!(title.availability.len(), 2);
    let offer = &title.availability[0];
    assert_eq!((offer.region.as_str(), offer.source.as_str()), ("DE", "netflix"));
    assert_eq!(offer.price.as_ref().unwrap().amount.to_string(), "3.99");
    assert_eq!(title.ratings[&Region::US].certificate, "PG-13");
    assert_eq!(title.credits[0].name, "Michael Mann");
    assert_eq!(title.translations.len(), 2);
    let joined: Vec<(String, String)> = bench
        .db()
        .fetch_all("SELECT source, evidence FROM merge_log WHERE verdict = 'joined' ORDER BY source", args![])
        .await
        .unwrap();
    assert_eq!(joined.iter().map(|line| line.0.as_str()).collect::<Vec<_>>(), ["hulu", "wikidata"]);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_change_is_folded_and_stated(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let mut record = heat("netflix", "s1");
    record.offers = vec![offer("netflix", "US")];
    let id = bench.ingest(&[record.clone()]).await[0].content_id;

    record.genres = vec!["crime".to_owned()];
    assert_eq!(actions(&bench.ingest(&[record.clone()]).await), [Updated]);
    record.offers = vec![offer("netflix", "DE"), offer("hulu", "US")];
    bench.ingest(&[record.clone()]).await;
    // Checked again, with nothing new: kept, and no event.
    record.offers[0].checked_at = "2026-02-01T00:00:00Z".parse().unwrap();
    assert_eq!(actions(&bench.ingest(&[record.clone()]).await), [Updated]);

    assert_eq!(bench.topics().await, ["content.ingested", "content.updated", "availability.changed"]);
    let title = bench.catalog.titles(&call(), &[id]).await.unwrap().pop().unwrap();
    assert_eq!(title.genres, ["crime"]);
    let (_, event) = stores::events::read(&bench.db(), 2, 1).await.unwrap().pop().unwrap();
    assert_eq!((event.key, event.source.as_str()), (id, "/catalog"));
    assert_eq!(event.data["source"], "netflix");
    let offers = |of: &str| -> Vec<contracts::Offer> { serde_json::from_value(event.data[of].clone()).unwrap() };
    let (added, removed) = (offers("added"), offers("removed"));
    let places = |offers: &[contracts::Offer]| -> Vec<String> {
        offers.iter().map(|o| format!("{} {} {}", o.platform, o.region, o.availability_type.as_str())).collect()
    };
    assert_eq!(
        (places(&added), places(&removed)),
        (vec!["hulu US rent".into(), "netflix DE rent".into()], vec!["netflix US rent".into()])
    );
    assert_eq!((added[0].web_url.as_str(), &event.data["title"]), ("https://example.com/hulu", &"Heat".into()));

    // What a notifier needs to tell of a price drop, and of a new season.
    record.offers[1].price.as_mut().unwrap().amount = "1.99".parse().unwrap();
    bench.ingest(&[record.clone()]).await;
    let (_, event) = stores::events::read(&bench.db(), 3, 1).await.unwrap().pop().unwrap();
    let repriced = &event.data["repriced"][0];
    assert_eq!((&event.kind[..], &event.data["added"]), ("availability.changed", &serde_json::json!([])));
    assert_eq!((&repriced["was"]["amount"], &repriced["offer"]["price"]["amount"]), (&"3.99".into(), &"1.99".into()));
    assert_eq!(repriced["offer"]["platform"], "hulu");
    // Another link is no news of where it can be watched; those who keep the title hear that it changed.
    record.offers[1].web_url = "https://example.com/elsewhere".to_owned();
    bench.ingest(&[record.clone()]).await;
    let (_, event) = stores::events::read(&bench.db(), 4, 1).await.unwrap().pop().unwrap();
    assert_eq!((&event.kind[..], event.key), ("content.updated", id));
    let season = |number| contracts::SourceSeason {
        season: contracts::Season { number, ..Default::default() },
        episodes: Vec::new(),
    };
    let series =
        |seasons| SourceRecord { content_type: ContentType::TvShow, seasons, ..film("netflix", "s2", "Tide", 2001) };
    bench.ingest(&[series(vec![season(1)])]).await;
    bench.ingest(&[series(vec![season(1), season(2)])]).await;
    let (_, event) = stores::events::read(&bench.db(), 6, 1).await.unwrap().pop().unwrap();
    assert_eq!((&event.kind[..], &event.data["new_seasons"]), ("content.updated", &serde_json::json!([2])));
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_failure_leaves_nothing_behind(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    bench.ingest(&[heat("netflix", "s1")]).await;
    let (export, topics) = (bench.export().await, bench.topics().await);

    // The events come last: when they can't be appended, everything before them has to go too.
    bench.db().execute("ALTER TABLE events RENAME TO hidden", args![]).await.unwrap();
    let mut changed = heat("netflix", "s1");
    changed.genres.clear();
    let records = [changed, film("netflix", "s2", "Ran", 1985)];
    assert!(bench.catalog.ingest(&operator_call(), &records).await.is_err());
    bench.db().execute("ALTER TABLE hidden RENAME TO events", args![]).await.unwrap();
    assert_eq!((bench.export().await, bench.topics().await), (export, topics));
    assert_eq!(bench.count("source_records").await, 1);
    assert_eq!(actions(&bench.ingest(&records).await), [Updated, Created]);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_batch_is_stated_once_it_is_written_so_that_the_audit_log_waits_for_nothing(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let stated = Arc::clone(&told);
    let deeds = Deeds::by(move |tx, deed| {
        let stated = Arc::clone(&stated);
        Box::pin(async move {
            let records: i64 = tx.fetch_one("SELECT COUNT(*) FROM source_records", args![]).await?;
            let events: i64 = tx.fetch_one("SELECT COUNT(*) FROM events", args![]).await?;
            let detail: Vec<String> = deed.detail.iter().map(|(name, value)| format!("{name} {value}")).collect();
            let line = format!("{}: {}; {}", deed.action, deed.target, detail.join(", "));
            stated.lock().unwrap().push(format!("{line}; {records} records, {events} events"));
            Ok::<(), ApiError>(())
        })
    });
    let cache = Arc::clone(&bench.cache);
    let catalog = Catalog::new(bench.db(), cache, bench.clock.clone(), testkit::rng()).audited(deeds);
    let sources = (0..12_u16).map(|n| (n, format!("source{n:02}")));
    let told_of = |(n, source): (u16, String)| film(&source, "1", &format!("Story {n}"), 1950 + 4 * n);
    let records: Vec<SourceRecord> = sources.map(told_of).collect();
    let operator = Call { deadline: Timestamp::MAX, ..operator_call() };
    catalog.ingest(&operator, &records).await.unwrap();
    catalog.ingest(&operator, &records).await.unwrap();
    let named: Vec<String> = (0..10).map(|n| format!("source{n:02}")).collect();
    let named = named.join(" ");
    let line = format!("records.ingested: {named}; titles 12, sources 12; 12 records, 0 events");
    assert_eq!(*told.lock().unwrap(), [line], "what changes nothing is no deed");
    assert_eq!(bench.topics().await.len(), 12);
}

#[tokio::test]
async fn bounds_and_callers_are_checked_before_anything_is_written() {
    let bench = Bench::open("sqlite").await;
    let good = film("netflix", "s1", "Ran", 1985);
    let season = |number, overview: &str, air_date: Option<jiff::civil::Date>, episodes| contracts::SourceSeason {
        season: contracts::Season { number, overview: Some(overview.to_owned()), air_date, ..Default::default() },
        episodes: vec![contracts::Episode::default(); episodes],
    };
    let told = |seasons| SourceRecord { seasons, ..film("netflix", "s2", "Ran", 1985) };
    let table: [(&str, SourceRecord); 12] = [
        ("seasons", told((0..201).map(|number| season(number, "", None, 0)).collect())),
        ("seasons.episodes", told(vec![season(1, "", None, 1_001), season(2, "", None, 1_000)])),
        ("seasons.overview", told(vec![season(1, &"x".repeat(2_001), None, 0)])),
        ("seasons.air_date", told(vec![season(1, "", Some(jiff::civil::date(1492, 1, 1)), 0)])),
        ("title", SourceRecord { title: "x".repeat(1_001), ..film("netflix", "s2", "", 1985) }),
        ("title", film("netflix", "s2", "  ", 1985)),
        ("title", film("netflix", "s2", "a\0b", 1985)),
        ("source_key", film("netflix", "", "Ran", 1985)),
        ("release_year", film("netflix", "s2", "Ran", 2500)),
        ("rating", SourceRecord { rating: Some((f64::NAN, 1)), ..film("netflix", "s2", "Ran", 1985) }),
        ("offers", SourceRecord { offers: vec![offer("netflix", "US"); 201], ..film("netflix", "s2", "Ran", 1985) }),
        (
            "offers.confidence",
            SourceRecord {
                offers: vec![SourceOffer { confidence: 1.5, ..offer("netflix", "US") }],
                ..film("netflix", "s2", "Ran", 1985)
            },
        ),
    ];
    for (field, bad) in table {
        let key = bad.source_key.clone();
        let error = bench.catalog.ingest(&operator_call(), &[good.clone(), bad]).await.unwrap_err();
        assert_eq!((error.kind, &*error.code), (ErrorKind::InvalidArgument, "bad_record"), "{error}");
        assert_eq!(error.fields[0].field, format!("records[1].{field}"));
        assert!(error.detail.contains(&format!("{key:?}")), "{error}");
    }
    let many = vec![good.clone(); 501];
    assert_eq!(bench.catalog.ingest(&operator_call(), &many).await.unwrap_err().code, "too_many_records");
    let anonymous = bench.catalog.ingest(&call(), &[good]).await.unwrap_err();
    assert_eq!(anonymous.kind, ErrorKind::Unauthenticated);
    assert_eq!((bench.count("content").await, bench.topics().await.len()), (0, 0));
}

#[tokio::test]
async fn an_id_stays_with_the_first_title_that_claims_it_until_it_lets_go() {
    let bench = Bench::open("sqlite").await;
    let mut first = heat("wikidata", "Q1");
    first.external_ids.push(external("imdb", "tt1"));
    let mut second = film("wikipedia", "W", "Another", 2001);
    second.external_ids.extend([external("imdb", "tt1"), external("wikidata", "Q2")]);
    let outcomes = bench.ingest(&[first.clone(), second.clone()]).await;
    assert_eq!(actions(&outcomes), [Created, Created], "two ids of one kind differ");
    let owner = |id: ExternalId| {
        let catalog = Arc::clone(&bench.catalog);
        async move { catalog.resolve(&call(), &id).await.unwrap().map(|title| title.id) }
    };
    assert_eq!(owner(external("imdb", "tt1")).await, Some(outcomes[0].content_id));
    first.external_ids.pop();
    second.genres.clear();
    bench.ingest(&[first, second]).await;
    assert_eq!(
        owner(external("imdb", "tt1")).await,
        Some(outcomes[1].content_id),
        "also when the old answer was cached"
    );
}

/// A small world in which the same titles come from several sources, with remakes, typos and shared ids.
fn world() -> Vec<SourceRecord> {
    let mut records = Vec::new();
    for n in 0..60_u16 {
        let (title, year) = (format!("Story {} of the long road", n % 20), 1990 + n % 3);
        for (source, skip) in [("netflix", 2), ("wikidata", 3), ("hulu", 5)] {
            if n % skip == 0 {
                continue;
            }
            let mut record = film(source, &format!("{source}-{n}"), &title, year + u16::from(n % 7 == 0));
            let name = format!("Director {}", char::from(b'A' + (n % 26) as u8));
            record.credits = vec![Credit { name, role: CreditRole::Director }];
            if n % 4 == 0 {
                record.external_ids.push(external("imdb", &format!("tt{}", n % 16)));
            }
            record.offers = vec![offer(source, "US")];
            record.overview = Some(format!("{source} tells story {n}."));
            records.push(record);
        }
    }
    records
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn where_batches_end_makes_no_difference(#[case] engine: &str) {
    let mut exports = Vec::new();
    for size in [1, 7, 500] {
        let bench = Bench::open(engine).await;
        for batch in world().chunks(size) {
            bench.ingest(batch).await;
        }
        exports.push(bench.export().await);
    }
    assert!(exports[0].len() < world().len(), "some titles were merged");
    assert!(exports[0].len() > 20, "and not all");
    assert_eq!(exports[0], exports[1]);
    assert_eq!(exports[0], exports[2]);
}

#[test]
fn any_cut_and_any_repetition_gives_the_same_catalogue() {
    // Two databases a case: as many cases as other properties have would take the soak half an hour. The environment
    // does not change the number of a runner's own.
    let cases = if std::env::var_os("MEDIA_GATEWAY_TEST_SOAK").is_some() { 1_000 } else { 12 };
    let cuts = prop::collection::vec((1..40_usize, any::<bool>()), 1..8);
    TestRunner::new(ProptestConfig { cases, ..ProptestConfig::default() })
        .run(&cuts, |cuts| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(cut_and_repeated(&cuts));
            Ok(())
        })
        .unwrap();
}

/// Takes the world in parts of these sizes, some of them twice, and compares it with the whole at once.
async fn cut_and_repeated(cuts: &[(usize, bool)]) {
    let (whole, cut) = (Bench::open("sqlite").await, Bench::open("sqlite").await);
    whole.ingest(&world()).await;
    let (records, mut at) = (world(), 0);
    for (size, repeat) in cuts.iter().cycle() {
        if at >= records.len() {
            break;
        }
        let end = (at + size).min(records.len());
        cut.ingest(&records[at..end]).await;
        // As after a crash between the commit and its acknowledgement.
        if *repeat {
            let again = cut.ingest(&records[at..end]).await;
            assert!(again.iter().all(|outcome| outcome.action == Unchanged));
        }
        at = end;
    }
    assert_eq!(whole.export().await, cut.export().await);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn an_offer_that_is_confirmed_while_old_ones_are_withdrawn_stays(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let told = |days: i64| {
        let checked_at = testkit::start() + jiff::SignedDuration::from_hours(24 * days);
        let offers = ["netflix", "hulu"].map(|platform| SourceOffer { checked_at, ..offer(platform, "US") });
        SourceRecord { offers: offers.to_vec(), ..heat("justwatch", "tm1") }
    };
    let id = bench.ingest(&[told(0)]).await[0].content_id;
    let operator = Call { deadline: Timestamp::MAX, ..operator_call() };
    // Both wait for the catalogue, the confirmation first: the withdrawal must see what it wrote.
    let mut held = bench.db().begin().await.unwrap();
    held.lock("catalog").await.unwrap();
    let pause = || tokio::time::sleep(std::time::Duration::from_secs(1));
    let (catalog, call_of_run, confirmed) = (Arc::clone(&bench.catalog), operator.clone(), told(40));
    let confirming = tokio::spawn(async move { catalog.ingest(&call_of_run, &[confirmed]).await });
    pause().await;
    let (catalog, before) = (Arc::clone(&bench.catalog), told(30).offers[0].checked_at);
    let withdrawing = tokio::spawn(async move { catalog.withdraw(&operator, &["justwatch".to_owned()], before).await });
    pause().await;
    held.commit().await.unwrap();
    assert_eq!(actions(&confirming.await.unwrap().unwrap()), [Updated]);
    assert_eq!(withdrawing.await.unwrap().unwrap(), 0, "there was nothing old any more");
    let title = bench.catalog.titles(&call(), &[id]).await.unwrap().remove(0);
    assert_eq!(title.availability.len(), 2);
    assert!(title.availability.iter().all(|offer| offer.checked_at > before));
    assert_eq!(bench.topics().await, ["content.ingested"], "nobody was told that anything went");
}
