//! Reading: order, language, pages, caches and the export.

use std::time::Duration;

use contracts::{ContentId, Image, ListQuery, Money, VideoQuality};
use rstest::rstest;
use testkit::{Told, Watched};

use super::*;

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn titles_come_in_the_order_asked_and_in_the_language_asked(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let mut english = film("netflix", "s1", "The Lives of Others", 2006);
    english.external_ids.push(external("imdb", "tt1"));
    english.overview = Some("A spy listens.".to_owned());
    let mut german_record = film("wikidata", "Q1", "Das Leben der Anderen", 2006);
    german_record.locale = "de".parse().unwrap();
    german_record.external_ids.push(external("imdb", "tt1"));
    german_record.overview = Some("Ein Spitzel lauscht.".to_owned());
    let outcomes = bench.ingest(&[english, german_record, film("netflix", "s2", "Ran", 1985)]).await;
    let (lives, ran) = (outcomes[0].content_id, outcomes[2].content_id);
    let nobody = ContentId(uuid::Uuid::nil());

    let titles = bench.catalog.titles(&german(), &[ran, nobody, lives, ran]).await.unwrap();
    let names: Vec<_> = titles.iter().map(|title| title.title.as_str()).collect();
    assert_eq!(names, ["Ran", "Das Leben der Anderen", "Ran"]);
    assert_eq!((titles[1].locale.as_str(), titles[1].overview.as_deref()), ("de", Some("Ein Spitzel lauscht.")));
    let call = call();
    assert_eq!(bench.catalog.titles(&call, &[lives]).await.unwrap()[0].title, "The Lives of Others");
    assert!(bench.catalog.titles(&call, &[]).await.unwrap().is_empty());
    assert_eq!(bench.catalog.titles(&call, &vec![ran; 501]).await.unwrap_err().code, "too_many_ids");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn languages_that_were_stored_as_names_are_told_as_tags(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let mut english = film("netflix", "s1", "Ran", 1985);
    english.external_ids.push(external("imdb", "tt1"));
    let id = bench.ingest(&[english]).await[0].content_id;
    let names = serde_json::json!(["English", "Klingonese", "English language"]);
    bench.db().execute("UPDATE content SET languages = $1", stores::args![names.clone()]).await.unwrap();
    let rename = "UPDATE source_records SET record = replace(record, $1, $2)";
    let args = stores::args![r#""languages":["en"]"#, format!(r#""languages":{names}"#)];
    bench.db().execute(rename, args).await.unwrap();
    assert_eq!(bench.count("source_records WHERE record LIKE '%Klingonese%'").await, 1);

    let told = async || bench.catalog.titles(&call(), &[id]).await.unwrap().remove(0).languages;
    assert_eq!(told().await, Language::all_of(&["en"]));
    let json = bench.catalog.content_json(&call(), id).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&json).contains(r#""languages":["en"]"#));
    // What other sources say joins the record that was kept.
    let mut japanese = film("wikidata", "Q1", "Ran", 1985);
    japanese.external_ids.push(external("imdb", "tt1"));
    japanese.languages = Language::all_of(&["Japanese"]);
    bench.ingest(&[japanese]).await;
    assert_eq!(told().await, Language::all_of(&["ja", "en"]));
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn lists_are_paged_by_id_and_filtered(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let records: Vec<_> = (0..7)
        .map(|n| {
            let mut record = film("netflix", &format!("s{n}"), &format!("Film {n}"), 2000);
            if n % 2 == 0 {
                record.offers = vec![offer("netflix", "US"), offer("netflix", "DE")];
            }
            if n == 6 {
                record.content_type = ContentType::TvShow;
            }
            record
        })
        .collect();
    bench.ingest(&records).await;
    let call = call();
    let (mut all, mut query) = (Vec::new(), ListQuery { limit: 3, ..ListQuery::default() });
    loop {
        let page = bench.catalog.list(&call, &query).await.unwrap();
        all.extend(page.iter().map(|title| title.id));
        match page.last() {
            Some(last) => query.after = Some(last.id),
            None => break,
        }
    }
    assert_eq!(all.len(), 7);
    assert!(all.is_sorted());
    assert!(all.iter().all(|id| id.0.get_version_num() == 7), "ids are UUIDs of version 7: {all:?}");
    let count = async |query: ListQuery| bench.catalog.list(&call, &query).await.unwrap().len();
    let on_netflix = ListQuery { platform: Some("netflix".to_owned()), limit: 10, ..ListQuery::default() };
    assert_eq!(count(on_netflix.clone()).await, 4);
    assert_eq!(count(ListQuery { content_type: Some(ContentType::TvShow), ..on_netflix }).await, 1);

    let directory = bench.catalog.directory(&call).await.unwrap();
    let netflix = &directory.platforms[0];
    assert_eq!((netflix.name.as_str(), netflix.title_count), ("Netflix", 4));
    let drama = &directory.genres[0];
    assert_eq!((drama.name.as_str(), drama.movie_count, drama.tv_show_count), ("Drama", 6, 1));
}

#[tokio::test]
async fn a_cached_title_is_forgotten_when_it_changes_in_every_language() {
    let bench = Bench::open("sqlite").await;
    let mut record = film("netflix", "s1", "Ran", 1985);
    record.locale = "de".parse().unwrap();
    let id = bench.ingest(&[record.clone()]).await[0].content_id;
    for call in [call(), german()] {
        let json = bench.catalog.content_json(&call, id).await.unwrap().unwrap();
        assert!(String::from_utf8(json.to_vec()).unwrap().contains("Ran"));
    }
    assert!(bench.cache.get(&format!("content:2:{id}:de")).await.is_some());
    bench.clock.advance(jiff::SignedDuration::from_mins(10));
    record.title = "Chaos".to_owned();
    bench.ingest(&[record]).await;
    for call in [call(), german()] {
        let json = bench.catalog.content_json(&call, id).await.unwrap().unwrap();
        let title: contracts::Content = serde_json::from_slice(&json).unwrap();
        assert_eq!(title.title, "Chaos");
    }
    let nobody = ContentId(uuid::Uuid::nil());
    assert_eq!(bench.catalog.content_json(&call(), nobody).await.unwrap(), None);
}

#[tokio::test]
async fn another_process_forgets_what_this_one_changed() {
    let bench = Bench::open("sqlite").await;
    let id = bench.ingest(&[film("netflix", "s1", "Ran", 1985)]).await[0].content_id;
    let cache: Arc<dyn Cache> = Arc::new(MemoryCache::new(1 << 20));
    let other = Arc::new(Catalog::new(bench.db(), cache, bench.clock.clone(), testkit::rng()));
    other.content_json(&call(), id).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let follower = Arc::clone(&other);
    let head = stores::events::Head::watch(bench.db());
    let following = tokio::spawn(async move { follower.follow(head, async { drop(stopped.await) }).await });
    let changed = async {
        // The follower begins at the head of the log: a change from before that it does not hear of.
        for number in 1.. {
            bench.ingest(&[film("netflix", "s1", &format!("Chaos {number}"), 1985)]).await;
            let json = other.content_json(&call(), id).await.unwrap().unwrap();
            if String::from_utf8_lossy(&json).contains("Chaos") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), changed).await.unwrap();
    stop.send(()).unwrap();
    following.await.unwrap();
}

#[tokio::test]
async fn an_export_names_nothing_of_this_catalogue() {
    let bench = Bench::open("sqlite").await;
    let mut record = heat("netflix", "s1");
    record.offers = vec![offer("netflix", "US")];
    let id = bench.ingest(&[film("netflix", "s2", "Ran", 1985), record]).await[1].content_id;
    let lines = bench.export().await;
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains(r#""key":"netflix:s1""#) && lines[1].contains(r#""key":"netflix:s2""#));
    assert!(
        !lines[0].contains(&id.to_string()) && !lines[0].contains("checked_at") && !lines[0].contains("last_updated")
    );
    assert!(lines[0].contains(r#""records":[["netflix","s1"]]"#));
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn seasons_qualities_and_pictures_come_back(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let sharp = |quality, price| SourceOffer { quality, price, ..offer("apple_tv_plus", "US") };
    let euros = |amount: &str| {
        let money = serde_json::json!({ "amount": amount, "currency": "EUR" });
        serde_json::from_value::<Money>(money).ok()
    };
    let offers = vec![
        sharp(None, None),
        sharp(Some(VideoQuality::Uhd), euros("5.99")),
        sharp(Some(VideoQuality::Sd), euros("2.99")),
    ];
    let image = |kind: &str, width| Image {
        kind: kind.to_owned(),
        url: format!("https://images.example.org/{kind}.jpg"),
        width,
        height: None,
        placeholder: None,
    };
    let images = vec![image("poster", Some(500)), image("backdrop", None)];
    let series = SourceRecord {
        content_type: ContentType::TvShow,
        season_count: Some(3),
        offers,
        images: images.clone(),
        ..film("netflix", "s1", "Harbour Street", 2004)
    };
    let id = bench.ingest(&[series]).await[0].content_id;
    let title = bench.catalog.titles(&call(), &[id]).await.unwrap().remove(0);
    assert_eq!((title.season_count, &title.images), (Some(3), &images));
    let found: Vec<_> = title.availability.iter().map(|offer| (offer.quality, offer.price.clone())).collect();
    let (sd, uhd) = (Some(VideoQuality::Sd), Some(VideoQuality::Uhd));
    assert_eq!(found, [(None, None), (sd, euros("2.99")), (uhd, euros("5.99"))]);
    let prices = bench.catalog.prices(&call(), id, None).await.unwrap();
    let mut seen: Vec<_> = prices.into_iter().map(|point| (point.quality, point.price)).collect();
    seen.sort_by_key(|(quality, _)| *quality);
    assert_eq!(seen, [(sd, euros("2.99")), (uhd, euros("5.99"))]);
}

#[tokio::test]
async fn a_title_is_kept_for_an_hour_and_whose_an_id_is_for_a_day() {
    let bench = Bench::open("sqlite").await;
    let id = bench.ingest(&[film("netflix", "s1", "Ran", 1985)]).await[0].content_id;
    let cache = Watched::around(testkit::cache(), Told::default());
    let catalog = Catalog::new(bench.db(), cache.clone(), bench.clock.clone(), testkit::rng());
    catalog.content_json(&call(), id).await.unwrap().unwrap();
    catalog.resolve(&call(), &external("netflix", "s1")).await.unwrap().unwrap();
    let told = std::mem::take(&mut *cache.watcher.lock().unwrap());
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    assert_eq!(told, [(format!("content:2:{id}:en"), hours(1)), ("external_id:netflix:s1".to_owned(), hours(24))]);
    // Gone from the database, they are answered all the same until somebody says that they changed.
    bench.db().execute("DELETE FROM content", stores::args![]).await.unwrap();
    assert!(catalog.content_json(&call(), id).await.unwrap().is_some());
}

/// The columns and indexes that the specification names (C2); an offer's key is what it says, and has no id beside it.
const TABLES: [(&str, &str); 12] = [
    ("content", "id content_type title original_title overview release_date release_year runtime_minutes"),
    ("content", "popularity_score average_rating vote_count last_updated"),
    ("external_ids", "content_id id_type id_value"),
    ("platform_availability", "content_id platform region availability_type price_amount price_currency"),
    ("platform_availability", "deep_link web_url available_from expires_at"),
    ("content_images", "content_id kind url width height"),
    ("credits", "content_id role name"),
    ("genres", "content_id genre"),
    ("content_ratings", "content_id region system certificate min_age"),
    ("seasons", "content_id season_number name overview air_date"),
    ("episodes", "content_id season_number episode_number title overview air_date runtime_minutes"),
    ("price_history", "content_id platform region availability_type price_amount price_currency observed_at"),
];
const INDEXES: &str = "idx_content_type idx_release_year idx_popularity idx_last_updated idx_external_ids_content \
    idx_platform_content idx_region idx_expires_at";

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn tables_have_the_columns_and_indexes_of_the_specification(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let (columns, indexes) = match engine {
        "sqlite" => (
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'",
            "SELECT name FROM sqlite_master WHERE type = 'index'",
        ),
        _ => (
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns",
            "SELECT CAST(indexname AS TEXT) FROM pg_indexes",
        ),
    };
    let there: Vec<(String, String)> = bench.db().fetch_all(columns, vec![]).await.unwrap();
    for (table, columns) in TABLES {
        for column in columns.split(' ') {
            assert!(there.iter().any(|known| known.0 == table && known.1 == column), "{table}.{column} is not there");
        }
    }
    let there: Vec<String> = bench.db().fetch_all(indexes, vec![]).await.unwrap();
    for index in INDEXES.split(' ') {
        assert!(there.iter().any(|known| known == index), "{index} is not there");
    }
}
