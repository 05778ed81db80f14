//! What every [`CatalogApi`] must do.

use std::sync::Arc;

use contracts::{
    Call, Caller, CatalogApi, Clock, Content, ContentId, ContentType, Episode, ErrorKind, ExternalId, IngestAction,
    ListQuery, MAX_BATCH, Season, SourceRecord, SourceSeason,
};
use jiff::ToSpan as _;

use super::{fails, film, late, system};

/// Runs everything over an empty catalogue, which it fills with a few films.
pub async fn suite(api: Arc<dyn CatalogApi>, clock: &Clock) {
    let call = system(clock);
    nothing_is_in_an_empty_catalogue(&*api, &call).await;
    let titles = records_become_titles(&*api, &call).await;
    titles_come_in_the_order_asked(&*api, &call, &titles).await;
    a_title_is_found_by_its_id_elsewhere(&*api, &call, &titles).await;
    pages_cover_everything_once(&*api, &call, &titles).await;
    the_directory_counts(&*api, &call, &titles).await;
    the_same_record_changes_nothing(&*api, &call, &titles).await;
    a_record_that_changed_is_updated(&*api, &call, &titles).await;
    a_record_joins_its_title(&*api, &call, &titles).await;
    seasons_come_with_their_series(&*api, &call).await;
    offers_that_nobody_confirmed_are_withdrawn(&*api, &call, &titles).await;
    bounds_hold(&*api, &call).await;
    strangers_take_nothing_in(&*api, &call).await;
    late_calls_end(&*api, &late(clock)).await;
}

/// The same questions to two catalogues that hold the same, such as a service and its client.
pub async fn agree(near: &dyn CatalogApi, far: &dyn CatalogApi, clock: &Clock) {
    let call = system(clock);
    let all = near.list(&call, &ListQuery { limit: MAX_BATCH, ..ListQuery::default() }).await.unwrap();
    assert!(!all.is_empty(), "an empty catalogue proves nothing");
    assert_eq!(far.list(&call, &ListQuery { limit: MAX_BATCH, ..ListQuery::default() }).await.unwrap(), all);
    let ids: Vec<_> = all.iter().map(|content| content.id).collect();
    assert_eq!(far.titles(&call, &ids).await.unwrap(), near.titles(&call, &ids).await.unwrap());
    assert_eq!(far.directory(&call).await.unwrap(), near.directory(&call).await.unwrap());
    for id in all.iter().flat_map(|content| &content.external_ids).take(20) {
        assert_eq!(far.resolve(&call, id).await.unwrap(), near.resolve(&call, id).await.unwrap());
    }
    let (near, far) = (near.titles(&call, &too_many()).await, far.titles(&call, &too_many()).await);
    assert_eq!(format!("{far:?}"), format!("{near:?}"), "an error changed on its way");
}

fn too_many() -> Vec<ContentId> {
    vec![nowhere(); MAX_BATCH + 1]
}

fn nowhere() -> ContentId {
    "00000000-0000-7000-8000-000000000001".parse().unwrap()
}

fn imdb(number: u64) -> ExternalId {
    ExternalId { id_type: "imdb".to_owned(), id_value: format!("tt9{number:06}") }
}

async fn nothing_is_in_an_empty_catalogue(api: &dyn CatalogApi, call: &Call) {
    assert_eq!(api.titles(call, &[nowhere()]).await.unwrap(), []);
    assert_eq!(api.titles(call, &[]).await.unwrap(), []);
    assert_eq!(api.resolve(call, &imdb(1)).await.unwrap(), None);
    assert_eq!(api.list(call, &ListQuery { limit: 10, ..ListQuery::default() }).await.unwrap(), []);
    assert_eq!(api.ingest(call, &[]).await.unwrap(), []);
}

async fn records_become_titles(api: &dyn CatalogApi, call: &Call) -> Vec<Content> {
    let records = [film(1, "The Quiet Harbour"), film(2, "Glass Meridian"), film(3, "Nine Lanterns Öst")];
    let outcomes = api.ingest(call, &records).await.unwrap();
    assert_eq!(outcomes.len(), records.len(), "one outcome a record");
    let ids: Vec<_> = outcomes.iter().map(|outcome| outcome.content_id).collect();
    let titles = api.titles(call, &ids).await.unwrap();
    assert_eq!(titles.len(), records.len(), "every new title is there");
    for ((record, outcome), title) in records.iter().zip(&outcomes).zip(&titles) {
        assert_eq!(outcome.action, IngestAction::Created, "{outcome:?}");
        assert!((0.0..=1.0).contains(&outcome.entity_confidence), "{outcome:?}");
        assert_eq!(
            (&title.title, title.id, title.content_type),
            (&record.title, outcome.content_id, ContentType::Movie)
        );
        assert_eq!((&title.overview, title.release_year), (&record.overview, record.release_year));
        assert!(title.genres.contains(&"drama".to_owned()) && title.external_ids.contains(&record.external_ids[0]));
        assert_eq!(title.availability[0].web_url, record.offers[0].web_url);
        assert_eq!(title.availability[0].checked_at, record.offers[0].checked_at);
    }
    titles
}

async fn titles_come_in_the_order_asked(api: &dyn CatalogApi, call: &Call, titles: &[Content]) {
    let asked = [titles[2].id, nowhere(), titles[0].id];
    let found = api.titles(call, &asked).await.unwrap();
    assert_eq!(found, [titles[2].clone(), titles[0].clone()], "in the order asked, without what is not there");
}

async fn a_title_is_found_by_its_id_elsewhere(api: &dyn CatalogApi, call: &Call, titles: &[Content]) {
    assert_eq!(api.resolve(call, &imdb(2)).await.unwrap().as_ref(), Some(&titles[1]));
    assert_eq!(api.resolve(call, &imdb(999)).await.unwrap(), None);
}

async fn pages_cover_everything_once(api: &dyn CatalogApi, call: &Call, titles: &[Content]) {
    let (mut seen, mut after) = (Vec::new(), None);
    // One page more than there are titles, so that a catalogue that repeats itself ends the loop too.
    for _ in 0..=titles.len() {
        let page = api.list(call, &ListQuery { after, limit: 1, ..ListQuery::default() }).await.unwrap();
        assert!(page.len() <= 1, "a page holds no more than asked");
        after = page.last().map(|content| content.id).or(after);
        seen.extend(page.into_iter().map(|content| content.id));
    }
    let mut expected: Vec<_> = titles.iter().map(|content| content.id).collect();
    expected.sort();
    assert_eq!(seen, expected, "every title once, in the order of ids");
    let series = ListQuery { content_type: Some(ContentType::TvShow), limit: 10, ..ListQuery::default() };
    assert_eq!(api.list(call, &series).await.unwrap(), []);
    let platform = |name: &str| ListQuery { platform: Some(name.to_owned()), limit: 10, ..ListQuery::default() };
    assert_eq!(api.list(call, &platform("netflix")).await.unwrap().len(), titles.len());
    assert_eq!(api.list(call, &platform("hulu")).await.unwrap(), []);
}

async fn the_directory_counts(api: &dyn CatalogApi, call: &Call, titles: &[Content]) {
    let directory = api.directory(call).await.unwrap();
    let netflix = directory.platforms.iter().find(|platform| platform.id == "netflix");
    assert_eq!(netflix.map(|platform| platform.title_count), Some(titles.len() as u64), "{directory:?}");
    let drama = directory.genres.iter().find(|genre| genre.id == "drama");
    assert_eq!(drama.map(|genre| (genre.movie_count, genre.tv_show_count)), Some((titles.len() as u64, 0)));
}

async fn the_same_record_changes_nothing(api: &dyn CatalogApi, call: &Call, titles: &[Content]) {
    let again = api.ingest(call, &[film(1, "The Quiet Harbour")]).await.unwrap();
    assert_eq!((again[0].action, again[0].content_id), (IngestAction::Unchanged, titles[0].id));
    assert_eq!(api.titles(call, &[titles[0].id]).await.unwrap(), titles[..1]);
}

async fn a_record_that_changed_is_updated(api: &dyn CatalogApi, call: &Call, titles: &[Content]) {
    let story = Some("Told otherwise the second time.".to_owned());
    let told = SourceRecord { overview: story.clone(), ..film(3, "Nine Lanterns Öst") };
    let outcome = api.ingest(call, &[told]).await.unwrap().remove(0);
    assert_eq!((outcome.action, outcome.content_id), (IngestAction::Updated, titles[2].id));
    assert_eq!(api.titles(call, &[titles[2].id]).await.unwrap()[0].overview, story);
}

async fn a_record_joins_its_title(api: &dyn CatalogApi, call: &Call, titles: &[Content]) {
    let other = SourceRecord { source: "elsewhere".to_owned(), offers: Vec::new(), ..film(1, "The Quiet Harbour") };
    let joined = api.ingest(call, &[other]).await.unwrap().remove(0);
    assert_eq!((joined.action, joined.content_id), (IngestAction::Merged, titles[0].id));
    assert_eq!((joined.evidence.as_str(), joined.entity_confidence), ("imdb id tt9000001", 1.0), "why, and how sure");
}

/// After [`seasons_come_with_their_series`]: the series has an offer too.
async fn offers_that_nobody_confirmed_are_withdrawn(api: &dyn CatalogApi, call: &Call, titles: &[Content]) {
    let (checked_at, sources) = (titles[0].availability[0].checked_at, ["suite".to_owned()]);
    assert_eq!(api.withdraw(call, &sources, checked_at).await.unwrap(), 0, "none is older than that");
    let later = checked_at + 1.second();
    assert_eq!(api.withdraw(call, &sources, later).await.unwrap(), titles.len() as u64 + 1);
    let left = api.titles(call, &[titles[0].id]).await.unwrap().remove(0);
    assert_eq!((left.availability.len(), left.title.as_str()), (0, "The Quiet Harbour"), "the title stays");
}

async fn seasons_come_with_their_series(api: &dyn CatalogApi, call: &Call) {
    let season = |number, episode_count| {
        let (name, air_date) = (Some(format!("Season {number}")), Some(jiff::civil::date(2001, 2, 3)));
        Season { number, name, overview: None, air_date, air_year: Some(2001), episode_count }
    };
    let pilot =
        Episode { number: 1, title: Some("Pilot".to_owned()), overview: None, air_date: None, runtime_minutes: None };
    let told = |number, episodes| SourceSeason { season: season(number, None), episodes };
    let seasons = vec![told(2, Vec::new()), told(1, vec![pilot])];
    let series = SourceRecord { content_type: ContentType::TvShow, seasons, ..film(6, "Harbour Street") };
    let id = api.ingest(call, std::slice::from_ref(&series)).await.unwrap()[0].content_id;
    assert_eq!(api.seasons(call, id).await.unwrap(), [season(1, Some(1)), season(2, None)], "by number");
    assert_eq!(api.titles(call, &[id]).await.unwrap()[0].season_count, Some(2));
    assert_eq!(api.seasons(call, nowhere()).await.unwrap(), []);
    assert_eq!(api.ingest(call, &[series]).await.unwrap()[0].action, IngestAction::Unchanged);
}

async fn bounds_hold(api: &dyn CatalogApi, call: &Call) {
    fails(api.titles(call, &too_many()).await, ErrorKind::InvalidArgument);
    fails(api.ingest(call, &vec![film(4, "Too Often"); MAX_BATCH + 1]).await, ErrorKind::InvalidArgument);
    assert_eq!(api.resolve(call, &imdb(4)).await.unwrap(), None, "a refused batch leaves nothing behind");
    let nameless = fails(api.ingest(call, &[film(7, "Well"), film(8, "")]).await, ErrorKind::InvalidArgument);
    assert_eq!(nameless.code, "bad_record");
    assert_eq!(api.resolve(call, &imdb(7)).await.unwrap(), None, "all of a batch or none of it");
}

async fn strangers_take_nothing_in(api: &dyn CatalogApi, call: &Call) {
    let stranger = Call { caller: Caller::Anonymous, ..call.clone() };
    fails(api.ingest(&stranger, &[film(5, "Uninvited")]).await, ErrorKind::Unauthenticated);
    fails(api.withdraw(&stranger, &[], jiff::Timestamp::MAX).await, ErrorKind::Unauthenticated);
    assert_eq!(api.withdraw(call, &["nobody".to_owned()], jiff::Timestamp::UNIX_EPOCH).await.unwrap(), 0);
    assert_eq!(api.resolve(&stranger, &imdb(5)).await.unwrap(), None, "a refused record leaves nothing behind");
}

async fn late_calls_end(api: &dyn CatalogApi, late: &Call) {
    // A service may answer from its cache in no time; what it may not do is fail in another way.
    if let Err(error) = api.list(late, &ListQuery { limit: 1, ..ListQuery::default() }).await {
        assert_eq!(error.kind, ErrorKind::DeadlineExceeded, "{error}");
    }
}
