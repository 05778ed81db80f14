//! The merge log, the queue of the uncertain, and undoing a merge.

use contracts::{Caller, ContentId, Credential, Identity, Role, Subject, UserId};
use rstest::rstest;

use super::*;

/// A call of somebody of this role, with these scopes.
fn of(role: Role, scopes: &str) -> Call {
    let identity = Identity {
        subject: Subject::User(UserId(uuid::Uuid::from_u128(7))),
        client: "app".to_owned(),
        org: None,
        role,
        scopes: scopes.parse().unwrap(),
        credential: Credential::ApiKey("key".to_owned()),
        ages: None,
    };
    Call { caller: Caller::Identified(Arc::new(identity)), ..call() }
}

async fn find(bench: &Bench, id_type: &str, id_value: &str) -> Option<contracts::Content> {
    bench.catalog.resolve(&call(), &external(id_type, id_value)).await.unwrap()
}

async fn open(bench: &Bench) -> Vec<crate::Review> {
    bench.catalog.reviews(&operator_call(), "open", None, 100).await.unwrap()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn an_undone_merge_stays_undone(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let records = [heat("netflix", "n1"), heat("hulu", "h1")];
    let merged = bench.ingest(&records).await;
    assert_eq!(actions(&merged), [IngestAction::Created, IngestAction::Merged]);
    let whole = merged[0].content_id;
    // Kept in the cache, so that the undoing has something to forget.
    assert!(bench.catalog.content_json(&call(), whole).await.unwrap().is_some());
    assert_eq!(find(&bench, "hulu", "h1").await.unwrap().id, whole);
    let history = bench.catalog.history(&call(), whole).await.unwrap().unwrap();
    assert_eq!(history.records.len(), 2);
    assert_eq!((history.log[0].verdict.as_str(), history.log[0].source.as_str()), ("joined", "hulu"));

    let operator = operator_call();
    assert_eq!(bench.catalog.unmerge(&call(), "hulu", "h1").await.unwrap_err().code, "operator_required");
    assert_eq!(bench.catalog.unmerge(&operator, "hulu", "x").await.unwrap_err().code, "unknown_record");
    let undone = bench.catalog.unmerge(&operator, "hulu", "h1").await.unwrap();
    assert_eq!(undone.from, whole);
    assert_ne!(undone.content_id, whole);
    assert_eq!(find(&bench, "hulu", "h1").await.unwrap().id, undone.content_id, "the id moved, in the cache too");
    assert_eq!(find(&bench, "netflix", "n1").await.unwrap().id, whole);
    assert_eq!(bench.catalog.unmerge(&operator, "hulu", "h1").await.unwrap_err().code, "not_merged");
    let log = bench.catalog.history(&call(), undone.content_id).await.unwrap().unwrap().log;
    assert_eq!(log[0].verdict, "parted");

    // The same again, and changed: it stays where the operator put it.
    let changed = SourceRecord { runtime_minutes: Some(170), ..heat("hulu", "h1") };
    for record in [heat("hulu", "h1"), changed] {
        let outcome = bench.ingest(&[heat("netflix", "n1"), record]).await;
        assert_eq!((outcome[0].content_id, outcome[1].content_id), (whole, undone.content_id));
    }
    assert_eq!(bench.count("content").await, 2);
    assert_eq!(open(&bench).await, [], "what the operator decided is not asked");
}

#[tokio::test]
async fn a_moderator_decides_what_programs_that_write_leave_open() {
    let bench = Bench::open("sqlite").await;
    let (catalog, nothing) = (&bench.catalog, uuid::Uuid::nil());
    let program = of(Role::IngestionService, "admin:full");
    let written = catalog.ingest(&program, &[heat("netflix", "n1"), heat("hulu", "h1")]).await.unwrap();
    assert_eq!(actions(&written), [IngestAction::Created, IngestAction::Merged]);
    for (call, code) in [
        (program, "insufficient_role"),
        (of(Role::Moderator, "read:content"), "insufficient_scope"),
        (of(Role::PremiumUser, "admin:full"), "insufficient_role"),
    ] {
        let refused = [
            catalog.reviews(&call, "open", None, 10).await.unwrap_err(),
            catalog.decide(&call, nothing, true).await.unwrap_err(),
            catalog.decide(&call, nothing, false).await.unwrap_err(),
            catalog.unmerge(&call, "hulu", "h1").await.unwrap_err(),
        ];
        assert!(refused.iter().all(|error| error.code == code), "{refused:?}");
    }
    let moderator = of(Role::Moderator, "admin:full");
    assert_eq!(catalog.reviews(&moderator, "open", None, 10).await.unwrap(), []);
    assert_eq!(catalog.decide(&moderator, nothing, true).await.unwrap_err().code, "unknown_review");
    assert_eq!(catalog.unmerge(&moderator, "hulu", "h1").await.unwrap().from, written[0].content_id);
    // Records are written by both, and by nobody without a role for it.
    catalog.ingest(&moderator, &[heat("netflix", "n2")]).await.unwrap();
    for (call, code) in [
        (of(Role::Moderator, "read:content"), "insufficient_scope"),
        (of(Role::McpServer, "admin:full"), "insufficient_role"),
    ] {
        let refused = catalog.ingest(&call, &[heat("netflix", "n3")]).await.unwrap_err();
        assert_eq!(refused.code, code);
        let refused = catalog.withdraw(&call, &["netflix".to_owned()], testkit::start()).await.unwrap_err();
        assert_eq!(refused.code, code);
    }
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn the_uncertain_are_asked_once_and_joined_when_accepted(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let records = [film("wikidata", "Q1", "Wind", 1992), film("hulu", "h1", "Wind", 1992)];
    let made = bench.ingest(&records).await;
    assert_eq!(actions(&made), [IngestAction::Created, IngestAction::Created]);
    let questions = open(&bench).await;
    assert_eq!(questions.len(), 1);
    let question = &questions[0];
    assert_eq!((question.kind.as_str(), question.source_key.as_str()), ("uncertain", "h1"));
    assert_eq!((question.content_id, question.other_id), (made[1].content_id, made[0].content_id));
    let called = Some("Wind (1992)".to_owned());
    assert_eq!((&question.title, &question.other_title), (&called, &called), "a person must know what is asked about");

    let operator = operator_call();
    assert_eq!(bench.catalog.decide(&call(), question.id, true).await.unwrap_err().code, "operator_required");
    let decided = bench.catalog.decide(&operator, question.id, true).await.unwrap();
    assert_eq!(decided.status, "accepted");
    assert_eq!(bench.catalog.decide(&operator, question.id, false).await.unwrap_err().code, "already_decided");
    assert_eq!(bench.count("content").await, 1);
    assert_eq!(find(&bench, "hulu", "h1").await.unwrap().id, made[0].content_id);
    // Links to the title that went lead to the one it is part of, whoever asks.
    let (kept, gone) = (made[0].content_id, made[1].content_id);
    assert_eq!(bench.catalog.current(gone).await.unwrap(), Some(kept));
    let found = bench.catalog.titles(&call(), &[gone, kept, ContentId(uuid::Uuid::nil())]).await.unwrap();
    assert_eq!(found.iter().map(|title| title.id).collect::<Vec<_>>(), [kept, kept]);
    let events = stores::events::read(&bench.db(), 0, 100).await.unwrap();
    let removed = |id: ContentId| events.iter().any(|(_, event)| event.key == id && event.data["removed"] == true);
    assert!(removed(made[1].content_id) && !removed(made[0].content_id), "followers drop the title that went");
    // And it can be undone.
    let undone = bench.catalog.unmerge(&operator, "hulu", "h1").await.unwrap();
    assert_eq!((undone.from, bench.count("content").await), (made[0].content_id, 2));
    assert_eq!(bench.ingest(&records).await[1].content_id, undone.content_id);
}

#[tokio::test]
async fn a_rejected_question_is_not_asked_again() {
    let bench = Bench::open("sqlite").await;
    bench.ingest(&[film("wikidata", "Q1", "Wind", 1992), film("hulu", "h1", "Wind", 1992)]).await;
    let question = open(&bench).await.remove(0);
    bench.catalog.decide(&operator_call(), question.id, false).await.unwrap();
    bench.ingest(&[SourceRecord { runtime_minutes: Some(90), ..film("hulu", "h1", "Wind", 1992) }]).await;
    assert_eq!((open(&bench).await.len(), bench.count("content").await), (0, 2));
    let unknown = bench.catalog.decide(&operator_call(), uuid::Uuid::nil(), true).await.unwrap_err();
    assert_eq!(unknown.code, "unknown_review");
}

#[tokio::test]
async fn an_id_that_two_titles_claim_is_left_to_a_person() {
    let bench = Bench::open("sqlite").await;
    let with_ids = |mut record: SourceRecord, ids: &[(&str, &str)]| {
        record.external_ids.extend(ids.iter().map(|(id_type, id)| external(id_type, id)));
        record
    };
    let made = bench
        .ingest(&[
            with_ids(film("a", "1", "First Light", 1990), &[("imdb", "tt1"), ("tmdb_movie", "7")]),
            with_ids(film("b", "1", "Other Thing", 2005), &[("imdb", "tt2"), ("tmdb_movie", "7")]),
        ])
        .await;
    assert_eq!(actions(&made), [IngestAction::Created, IngestAction::Created]);
    assert_eq!(find(&bench, "tmdb_movie", "7").await.unwrap().id, made[0].content_id, "the first claim holds");
    let questions = open(&bench).await;
    assert_eq!(questions.len(), 1);
    assert_eq!(questions[0].kind, "id_conflict");
    assert!(questions[0].evidence.contains("tmdb_movie id 7"), "{questions:?}");
}

#[tokio::test]
async fn an_id_that_nothing_else_bears_out_joins_nothing_and_is_left_to_a_person() {
    let bench = Bench::open("sqlite").await;
    let mut light = film("a", "1", "First Light", 1990);
    light.external_ids.push(external("imdb", "tt1"));
    let mut other = film("b", "1", "Other Thing", 2005);
    other.external_ids.push(external("imdb", "tt1"));
    let made = bench.ingest(&[light, other]).await;
    assert_eq!(actions(&made), [IngestAction::Created, IngestAction::Created]);
    assert_eq!(find(&bench, "imdb", "tt1").await.unwrap().id, made[0].content_id, "the first claim holds");
    let questions = open(&bench).await;
    assert_eq!((questions.len(), questions[0].kind.as_str()), (1, "id_conflict"), "{questions:?}");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn prices_are_kept_and_what_leaves_is_listed(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let priced = |amount: &str, ends: Option<i64>| {
        let mut own = offer("hulu", "US");
        own.price = Some(contracts::Money { amount: amount.parse().unwrap(), currency: "USD".parse().unwrap() });
        let ends = ends.map(|days| testkit::start() + jiff::SignedDuration::from_hours(24 * days));
        own.expires_at = ends;
        SourceRecord { offers: vec![own], ..heat("hulu", "h1") }
    };
    let id = bench.ingest(&[priced("3.99", None)]).await[0].content_id;
    bench.ingest(&[priced("3.99", Some(30))]).await;
    bench.ingest(&[priced("2.99", Some(5))]).await;
    bench.ingest(&[heat("hulu", "h1")]).await;
    let prices = bench.catalog.prices(&call(), id, None).await.unwrap();
    let amounts: Vec<_> = prices.iter().map(|p| p.price.as_ref().map(|price| price.amount.to_string())).collect();
    assert_eq!(amounts, [Some("3.99".to_owned()), Some("2.99".to_owned()), None]);
    assert_eq!(bench.catalog.prices(&call(), id, Some("DE".parse().unwrap())).await.unwrap(), []);

    bench.ingest(&[priced("2.99", Some(5))]).await;
    let query = |days, region: Option<&str>, platform: Option<&str>| crate::offers::LeavingQuery {
        days,
        region: region.map(|code| code.parse().unwrap()),
        platform: platform.map(str::to_owned),
        after: None,
        limit: 10,
    };
    let leaving = async |q| bench.catalog.leaving(&call(), &q).await.unwrap();
    let found = leaving(query(7, None, None)).await;
    assert_eq!((found.len(), found[0].content.id, found[0].offers.len()), (1, id, 1));
    let next = crate::offers::LeavingQuery { after: Some((found[0].expires_at, id)), ..query(7, None, None) };
    assert_eq!(leaving(next).await.len(), 0);
    for (days, region, platform, count) in
        [(4, None, None, 0), (5, None, None, 1), (7, Some("US"), Some("hulu"), 1), (7, Some("DE"), None, 0)]
    {
        assert_eq!(leaving(query(days, region, platform)).await.len(), count, "{days} {region:?} {platform:?}");
    }
    assert_eq!(bench.catalog.leaving(&call(), &query(0, None, None)).await.unwrap_err().code, "bad_days");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn lists_can_suit_an_age_and_titles_are_found_by_their_beginning(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let rated = |key: &str, title: &str, ratings: &[(&str, &str)]| SourceRecord {
        ratings: ratings.iter().map(|(r, c)| (r.parse().unwrap(), "x".to_owned(), (*c).to_owned())).collect(),
        ..film("a", key, title, 2000)
    };
    bench
        .ingest(&[
            rated("1", "Garden Gate", &[("US", "G"), ("DE", "12")]),
            rated("2", "Garden Party", &[("US", "PG-13")]),
            rated("3", "Garden Fire", &[("US", "R")]),
            rated("4", "Unrated Garden", &[]),
            rated("5", "The Silent", &[("US", "NR")]),
        ])
        .await;
    let list = async |max_age, region: Option<&str>| -> Vec<String> {
        let region = region.map(|code| code.parse().unwrap());
        let query = contracts::ListQuery { max_age, region, limit: 50, ..Default::default() };
        bench.catalog.list(&call(), &query).await.unwrap().into_iter().map(|content| content.title).collect()
    };
    assert_eq!(list(None, None).await.len(), 5);
    assert_eq!(list(Some(12), None).await, ["Garden Gate"]);
    assert_eq!(list(Some(6), Some("US")).await, ["Garden Gate"]);
    assert_eq!(list(Some(6), Some("DE")).await, Vec::<String>::new());
    assert_eq!(list(Some(13), Some("DE")).await, ["Garden Gate", "Garden Party"], "no German one: every other counts");
    assert_eq!(list(Some(21), None).await.len(), 3, "what nobody certified suits nobody");

    let titles = async |q: &str| bench.catalog.keyword(&call(), q, 10).await.unwrap().len();
    assert_eq!((titles("garden").await, titles("GARDEN p").await, titles("The Silent").await), (3, 1, 1));
    assert_eq!((titles("gard en").await, titles("gardenp").await), (3, 1), "sources differ on spaces");
    assert_eq!((titles("arden").await, titles("zebra").await), (0, 0));
    assert_eq!(bench.catalog.keyword(&call(), " ", 10).await.unwrap_err().code, "bad_query");

    // A name in another language leads to it, and is shown to who reads that language.
    let told = |locale: &str, title: &str| contracts::Translation {
        locale: locale.parse().unwrap(),
        title: title.to_owned(),
        overview: None,
    };
    let translations = vec![told("de", "Das Gartentor"), told("pt-br", "O Portão")];
    bench.ingest(&[SourceRecord { translations, ..film("b", "7", "Gate of Roses", 2001) }]).await;
    let found = bench.catalog.keyword(&call(), "das gartent", 10).await.unwrap();
    assert_eq!(found.iter().map(|title| title.title.as_str()).collect::<Vec<_>>(), ["Gate of Roses"]);
    for (asked, title) in
        [("de-AT", "Das Gartentor"), ("pt-BR", "O Portão"), ("pt", "Gate of Roses"), ("fr", "Gate of Roses")]
    {
        let call = contracts::Call { locale: asked.parse().unwrap(), ..call() };
        assert_eq!(bench.catalog.titles(&call, &[found[0].id]).await.unwrap()[0].title, title, "{asked}");
    }

    // The better known first, whether they are sorted or found by how well known they are.
    bench.ingest(&[SourceRecord { rating: Some((7.0, 90_000)), ..film("b", "6", "Garden State", 2004) }]).await;
    for many in [1, 3, 1_000] {
        let found = bench.catalog.begins(&call(), "garden", 2, many).await.unwrap();
        assert_eq!((found.len(), found[0].title.as_str()), (2, "Garden State"), "{many}");
    }
}

#[tokio::test]
async fn an_article_alone_finds_the_titles_that_begin_with_it() {
    for engine in ["sqlite", "postgres"] {
        let bench = Bench::open(engine).await;
        let films = ["The Who", "Them", "A Theory of Nothing", "Anne", "An Evening"];
        let films = films.iter().enumerate().map(|(at, title)| film("b", &at.to_string(), title, 2001));
        bench.ingest(&films.collect::<Vec<_>>()).await;
        let titles = async |q: &str| -> Vec<String> {
            let found = bench.catalog.keyword(&call(), q, 10).await.unwrap();
            let mut titles: Vec<_> = found.into_iter().map(|content| content.title).collect();
            titles.sort_unstable();
            titles
        };
        // "A Theory of Nothing" is filed without its article.
        assert_eq!(titles("the").await, ["A Theory of Nothing", "The Who", "Them"], "{engine}");
        assert_eq!(titles(" The ").await, titles("the").await, "{engine}");
        assert_eq!(titles("an").await, ["An Evening", "Anne"], "{engine}");
        assert_eq!(titles("a").await, ["A Theory of Nothing", "Anne"], "{engine}");
        assert_eq!(titles("the who").await, ["The Who"], "{engine}");
        assert_eq!(titles("the wh").await, ["The Who"], "{engine}");
    }
}

#[tokio::test]
async fn ids_are_found_whatever_the_case_of_their_type() {
    let bench = Bench::open("sqlite").await;
    bench.ingest(&[heat("netflix", "n1")]).await;
    for id_type in ["netflix", "Netflix", " NETFLIX "] {
        assert!(find(&bench, id_type, "n1").await.is_some(), "{id_type}");
    }
    assert!(find(&bench, "netflix", "N1").await.is_none(), "values are not");
}

#[tokio::test]
async fn two_catalogues_over_one_database_see_each_other() {
    let bench = Bench::open("postgres").await;
    let cache: Arc<dyn Cache> = Arc::new(MemoryCache::new(1 << 20));
    let other = Arc::new(Catalog::new(bench.db(), cache, bench.clock.clone(), testkit::rng()));
    let id = bench.ingest(&[heat("netflix", "n1")]).await[0].content_id;
    let seen = async || -> serde_json::Value {
        serde_json::from_slice(&other.content_json(&call(), id).await.unwrap().unwrap()).unwrap()
    };
    let lasts = async |minutes: u16| {
        bench.ingest(&[SourceRecord { runtime_minutes: Some(minutes), ..heat("netflix", "n1") }]).await;
    };
    assert_eq!(seen().await["runtime_minutes"], serde_json::Value::Null);
    lasts(160).await;
    assert_eq!(seen().await["runtime_minutes"], serde_json::Value::Null, "it answers from its cache");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let follower = Arc::clone(&other);
    let head = stores::events::Head::watch(bench.db());
    let following = tokio::spawn(async move { follower.follow(head, async { drop(stopped.await) }).await });
    // The follower begins at the head of the log: a change from before that it does not hear of.
    let (since, mut minutes) = (std::time::Instant::now(), 170);
    while seen().await["runtime_minutes"].is_null() {
        assert!(since.elapsed() < std::time::Duration::from_secs(60), "no change is seen");
        lasts(minutes).await;
        minutes += 1;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    stop.send(()).unwrap();
    following.await.unwrap();
}
