//! What is derived follows each commit without reading all titles, and a reading in between loses none.

use contracts::Suggestion;
use tempfile::TempDir;

use super::*;
use crate::fixtures::{film, films, id, index};

/// An index of the films that were read once.
fn read_once() -> (TempDir, Derivation) {
    let (folder, index) = index();
    let derivation = Derivation::of(Arc::new(index));
    assert!(derivation.version() == 0 && !derivation.is_current());
    derivation.read(derivation.begin()).unwrap();
    derivation.bring_up();
    assert!(derivation.is_current());
    (folder, derivation)
}

fn named(derivation: &Derivation, prefix: &str) -> Vec<String> {
    let found: Vec<Suggestion> = derivation.current().suggester.complete(prefix, 5);
    found.into_iter().map(|one| one.text).collect()
}

fn near(derivation: &Derivation, number: u128) -> Vec<u128> {
    let near = derivation.current().graph.near(&[id(number)], &[], 20, |_| Ok::<_, ()>(())).unwrap();
    near.into_iter().map(|hit| hit.content_id.0.as_u128()).collect()
}

/// Another film of the director of Heat.
fn collateral() -> Content {
    film(50, "Collateral", 2004, &["crime"], &["Michael Mann", "Tom Cruise"], "")
}

/// Compares with what all titles come to now.
fn assert_as_read_anew(derivation: &Derivation) {
    let mut docs = Vec::new();
    derivation.index.snapshot().for_each(|doc| docs.push(doc)).unwrap();
    let (now, anew) = (derivation.current(), Derived::build(docs));
    assert_eq!(now.graph.len(), anew.graph.len());
    for prefix in ["c", "h", "m", "t", "tom", "the", "michael m", "crime", "western"] {
        assert_eq!(now.suggester.complete(prefix, 20), anew.suggester.complete(prefix, 20), "{prefix}");
    }
    for number in 1..=50 {
        let near = |graph: &Graph| graph.near(&[id(number)], &[], 50, |_| Ok::<_, ()>(())).unwrap();
        assert_eq!(near(&now.graph), near(&anew.graph), "{number}");
    }
}

#[test]
fn a_commit_shows_without_all_titles_being_read() {
    let (_folder, derivation) = read_once();
    let base = Arc::clone(&derivation.log().base);
    assert!(named(&derivation, "colla").is_empty() && !near(&derivation, 3).contains(&50));
    derivation.apply(&[collateral()], &[id(12)], 8).unwrap();
    assert!(!derivation.is_current(), "answers are not kept before it shows");
    derivation.bring_up();
    assert!(derivation.is_current());
    assert_eq!(derivation.index.cursor().unwrap(), Some(8));
    assert_eq!(named(&derivation, "colla"), ["Collateral"]);
    assert_eq!(named(&derivation, "tom"), ["Tom Cruise"]);
    assert!(near(&derivation, 3).contains(&50) && named(&derivation, "western").is_empty());
    assert!(Arc::ptr_eq(&base, &derivation.log().base), "nobody read all titles");
    assert!(!derivation.is_outgrown());
    assert_as_read_anew(&derivation);
    derivation.apply(&[film(50, "Thief", 1981, &[], &["Michael Mann"], "")], &[], 9).unwrap();
    derivation.bring_up();
    assert_eq!((named(&derivation, "colla"), named(&derivation, "thief")), (vec![], vec!["Thief".to_owned()]));
    assert_as_read_anew(&derivation);
    derivation.apply(&[], &[id(50)], 10).unwrap();
    derivation.apply(&films()[11..12], &[], 11).unwrap();
    assert_eq!(derivation.log().since.as_ref().map(Changes::len), Some(0), "all is as it was");
    derivation.bring_up();
    assert_as_read_anew(&derivation);
}

#[test]
fn a_commit_while_all_titles_are_read_is_not_lost() {
    let (_folder, derivation) = read_once();
    derivation.apply(&[collateral()], &[], 8).unwrap();
    let snapshot = derivation.begin();
    // Unknown to what is read, one way and the other.
    derivation.apply(&[film(51, "Thief", 1981, &["crime"], &["Michael Mann"], "")], &[id(50), id(3)], 9).unwrap();
    derivation.bring_up();
    assert!(derivation.is_current());
    assert_as_read_anew(&derivation);
    derivation.read(snapshot).unwrap();
    derivation.bring_up();
    assert!(derivation.is_current());
    assert_eq!(derivation.log().since.as_ref().map(Changes::len), Some(3));
    assert_as_read_anew(&derivation);
}

#[test]
fn what_nobody_kept_track_of_is_read_anew() {
    let (_folder, derivation) = read_once();
    derivation.apply(&[collateral()], &[], 8).unwrap();
    derivation.bring_up();
    derivation.finish(9).unwrap();
    assert!(derivation.is_outgrown());
    derivation.bring_up();
    assert!(!derivation.is_current());
    assert_eq!(named(&derivation, "colla"), ["Collateral"], "what answered goes on");
    derivation.apply(&[film(51, "Thief", 1981, &[], &[], "")], &[], 10).unwrap();
    derivation.read(derivation.begin()).unwrap();
    derivation.bring_up();
    assert!(derivation.is_current() && !derivation.is_outgrown());
    assert_eq!(named(&derivation, "thief"), ["Thief"]);
    assert_as_read_anew(&derivation);
}

#[test]
fn nobody_knows_what_a_commit_left_that_failed() {
    for fills in [false, true] {
        let (folder, derivation) = read_once();
        assert!(!derivation.is_outgrown());
        // What was read stays mapped; nothing can be written.
        folder.close().unwrap();
        let done = if fills { derivation.finish(8) } else { derivation.apply(&[collateral()], &[], 8) };
        assert!(done.is_err());
        assert!(derivation.is_outgrown() && derivation.is_current(), "there is none to follow, and none is known");
    }
}

#[test]
fn it_is_told_how_many_commits_the_graph_is_behind() {
    let (_folder, derivation) = read_once();
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let (handle, _guard) = (recorder.handle(), metrics::set_default_local_recorder(&recorder));
    let tells = |behind: u64| {
        derivation.bring_up();
        let (page, line) = (handle.render(), format!("search_index_lag_commits{{index=\"graph\"}} {behind}\n"));
        assert!(page.contains(&line), "no {line} in {page}");
    };
    derivation.apply(&[collateral()], &[], 8).unwrap();
    tells(0);
    // Nobody knows what changed: what answers waits for all titles to be read.
    derivation.finish(9).unwrap();
    tells(1);
    derivation.apply(&[], &[id(50)], 10).unwrap();
    tells(2);
    derivation.read(derivation.begin()).unwrap();
    tells(0);
}

/// Can't join any change.
fn stumble(derivation: &Derivation) {
    let changed = derivation.log().since.as_ref().map_or(0, Changes::len);
    assert_eq!(changed, 0, "it stumbles over a change");
    derivation.bring_up();
}

#[tokio::test]
async fn changes_that_can_not_be_joined_are_read_with_all_the_rest() {
    let (_folder, derivation) = read_once();
    let (derivation, stop) = (Arc::new(derivation), CancellationToken::new());
    derivation.apply(&[collateral()], &[], 8).unwrap();
    let seen = async {
        while !derivation.is_current() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
    };
    let following = async { tokio::join!(derivation.keep_up(stumble, &stop), derivation.keep_base(&stop), seen) };
    tokio::time::timeout(Duration::from_secs(30), following).await.expect("it stays behind");
    assert_eq!(named(&derivation, "colla"), ["Collateral"]);
    assert!(!derivation.is_outgrown());
    assert_as_read_anew(&derivation);
}

#[test]
fn changes_are_borne_within_bounds() {
    let (since, coming) = (Some(Changes::default()), Some((1, Some(Changes::default()))));
    let (mut log, one) = (Log { since, coming, ..Log::default() }, TitleDoc::of(&films()[0]));
    let mut come = |numbers: std::ops::RangeInclusive<u128>| {
        let docs: Vec<TitleDoc> = numbers.map(|number| TitleDoc { id: id(number), ..one.clone() }).collect();
        let ids: Vec<ContentId> = docs.iter().map(|doc| doc.id).collect();
        log.record(&ids, Vec::new(), docs);
        (log.since.as_ref().map(Changes::len), log.is_outgrown())
    };
    assert_eq!(come(1..=500), (Some(500), false));
    assert_eq!(come(400..=501), (Some(501), true), "a title counts once");
    assert_eq!(come(1..=MAX_CHANGES as u128), (Some(MAX_CHANGES), true));
    assert_eq!(come(1..=1 + MAX_CHANGES as u128), (None, true));
    assert!(log.coming.is_some_and(|(commits, since)| commits == 1 && since.is_none()));
}
