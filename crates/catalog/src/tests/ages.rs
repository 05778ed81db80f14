//! Whoever has an age limit is shown nothing above it, by whatever way they ask.

use contracts::{AgeLimit, Caller, ContentId, Credential, Identity, ListQuery, Role, Subject, UserId};
use rstest::rstest;

use super::*;
use crate::offers::LeavingQuery;

/// A call of somebody with this limit.
fn limited(max_age: u16, region: &str) -> Call {
    let identity = Identity {
        subject: Subject::User(UserId(uuid::Uuid::from_u128(7))),
        client: "app".to_owned(),
        org: None,
        role: Role::BasicUser,
        scopes: "read:content".parse().unwrap(),
        credential: Credential::ApiKey("key".to_owned()),
        ages: Some(AgeLimit { max_age, region: region.parse().ok() }),
    };
    Call { caller: Caller::Identified(Arc::new(identity)), ..call() }
}

/// A series that leaves in two days, with these certificates.
fn rated(key: &str, title: &str, ratings: &[(&str, &str)]) -> SourceRecord {
    let leaves = Some("2026-01-03T00:00:00Z".parse().unwrap());
    SourceRecord {
        content_type: ContentType::TvShow,
        ratings: ratings.iter().map(|(r, c)| (r.parse().unwrap(), "x".to_owned(), (*c).to_owned())).collect(),
        offers: vec![SourceOffer { expires_at: leaves, ..offer("netflix", "US") }],
        seasons: vec![contracts::SourceSeason {
            season: contracts::Season { number: 1, ..Default::default() },
            episodes: Vec::new(),
        }],
        ..film("netflix", key, title, 2001)
    }
}

/// What each way of asking shows, as sorted titles.
async fn shown(bench: &Bench, call: &Call, ids: &[ContentId]) -> Vec<(&'static str, Vec<String>)> {
    let catalog = &bench.catalog;
    let mut ways = vec![("titles", catalog.titles(call, ids).await.unwrap())];
    let list = ListQuery { limit: 10, ..ListQuery::default() };
    ways.push(("list", catalog.list(call, &list).await.unwrap()));
    let leaving = LeavingQuery { days: 7, region: None, platform: None, after: None, limit: 10 };
    let leaving = catalog.leaving(call, &leaving).await.unwrap();
    ways.push(("leaving", leaving.into_iter().map(|one| one.content).collect()));
    ways.push(("few names", catalog.begins(call, "garden", 10, 1_000).await.unwrap()));
    ways.push(("many names", catalog.begins(call, "garden", 10, 1).await.unwrap()));
    let (mut resolved, mut by_id, mut seasons) = (Vec::new(), Vec::new(), Vec::new());
    for (id, key) in ids.iter().zip(["1", "2", "3", "4"]) {
        resolved.extend(catalog.resolve(call, &external("netflix", key)).await.unwrap());
        let json = catalog.content_json(call, *id).await.unwrap();
        by_id.extend(json.map(|json| serde_json::from_slice::<contracts::Content>(&json).unwrap()));
        let own = catalog.seasons(call, *id).await.unwrap();
        seasons.extend(own.iter().map(|_| *id));
    }
    ways.push(("seasons", catalog.titles(&testkit::operator_call(), &seasons).await.unwrap()));
    ways.extend([("resolved", resolved), ("by id", by_id)]);
    let names = |all: Vec<contracts::Content>| {
        let mut names: Vec<_> = all.into_iter().map(|title| title.title).collect();
        names.sort_unstable();
        names
    };
    ways.into_iter().map(|(way, all)| (way, names(all))).collect()
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn nothing_above_the_limit_is_shown_and_the_rest_to_all(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let outcomes = bench
        .ingest(&[
            rated("1", "Garden Gate", &[("DE", "12"), ("US", "R")]),
            rated("2", "Garden Party", &[("US", "PG-13")]),
            rated("3", "Garden Wall", &[("DE", "16")]),
            rated("4", "Garden Shed", &[]),
        ])
        .await;
    let ids: Vec<ContentId> = outcomes.iter().map(|outcome| outcome.content_id).collect();
    let all = ["Garden Gate", "Garden Party", "Garden Shed", "Garden Wall"];
    // Everybody before, between and after: what is kept for one is not given to another.
    for (call, expected) in [
        (call(), &all[..]),
        (limited(12, "DE"), &["Garden Gate"]),
        (call(), &all),
        (limited(13, "DE"), &["Garden Gate", "Garden Party"]),
        (limited(13, "anywhere"), &["Garden Party"]),
        (limited(21, "US"), &["Garden Gate", "Garden Party", "Garden Wall"]),
        (limited(0, "DE"), &[]),
        (testkit::operator_call(), &all),
    ] {
        for (way, names) in shown(&bench, &call, &ids).await {
            assert_eq!(names, expected, "{way}: {:?}", call.ages());
        }
    }
    let younger = ListQuery { max_age: Some(12), region: "DE".parse().ok(), limit: 10, ..ListQuery::default() };
    let titles = bench.catalog.list(&limited(13, "DE"), &younger).await.unwrap();
    assert_eq!(titles.len(), 1, "the lower of the two holds");
    let older = ListQuery { max_age: Some(21), ..younger };
    assert_eq!(bench.catalog.list(&limited(12, "DE"), &older).await.unwrap().len(), 1);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn platforms_and_genres_count_what_suits(#[case] engine: &str) {
    let bench = Bench::open(engine).await;
    let on = |platform: &str, genre: &str, record: SourceRecord| -> SourceRecord {
        let offers = ["US", "DE"].map(|region| offer(platform, region)).to_vec();
        SourceRecord { offers, genres: vec![genre.to_owned()], ..record }
    };
    let party = rated("2", "Garden Party", &[("US", "PG-13")]);
    let party = SourceRecord { content_type: ContentType::Movie, seasons: Vec::new(), ..party };
    bench
        .ingest(&[
            on("netflix", "drama", rated("1", "Garden Gate", &[("DE", "12"), ("US", "R")])),
            on("netflix", "drama", party),
            on("hulu", "horror", rated("3", "Garden Wall", &[("DE", "16")])),
            on("hulu", "drama", rated("4", "Garden Shed", &[])),
        ])
        .await;
    for (call, on_netflix, on_hulu, drama, horror) in [
        (call(), 2, 2, (1, 2), (0, 1)),
        (limited(12, "DE"), 1, 0, (0, 1), (0, 0)),
        (limited(13, "anywhere"), 1, 0, (1, 0), (0, 0)),
        (limited(21, "US"), 2, 1, (1, 1), (0, 1)),
        (limited(0, "DE"), 0, 0, (0, 0), (0, 0)),
        (call(), 2, 2, (1, 2), (0, 1)),
    ] {
        let told = bench.catalog.directory(&call).await.unwrap();
        let on = |id: &str| told.platforms.iter().find(|own| own.id == id).map_or(0, |own| own.title_count);
        let of = |id: &str| told.genres.iter().find(|own| own.id == id);
        let of = |id: &str| of(id).map_or((0, 0), |own| (own.movie_count, own.tv_show_count));
        assert_eq!((on("netflix"), on("hulu")), (on_netflix, on_hulu), "{:?}", call.ages());
        assert_eq!((of("drama"), of("horror")), (drama, horror), "{:?}", call.ages());
    }
}
