//! In which order the first titles come, and that nothing is lost.

use proptest::prelude::*;

use super::*;
use crate::fixtures::id;

fn title(number: u128, score: f64) -> Fused {
    Fused { content_id: id(number), score, keyword: number as f64, vector: 0.0, graph: 0.0 }
}

/// Each title is seen by the number it bears.
fn reranked(mut fused: Vec<Fused>, features: impl Fn(f64) -> Features) -> Vec<Fused> {
    let see = |title: &Fused| Judged { content_id: title.content_id, features: features(title.keyword) };
    let seen: Vec<Judged> = fused.iter().take(DEPTH).map(see).collect();
    rerank(&mut fused, &seen);
    fused
}

fn order(fused: &[Fused]) -> Vec<u128> {
    fused.iter().map(|title| title.content_id.0.as_u128()).collect()
}

/// A title of which only this is known.
fn only(name: &str, value: f64) -> Features {
    let mut features = Features::default();
    features[FEATURES.iter().position(|known| *known == name).unwrap()] = value;
    features
}

#[test]
fn what_fits_better_comes_first_with_the_scores_that_were_there() {
    let fused = reranked(vec![title(1, 0.9), title(2, 0.5), title(3, 0.4)], |number| only("overview", number));
    assert_eq!(order(&fused), [3, 2, 1]);
    assert_eq!(fused.iter().map(|title| title.score).collect::<Vec<_>>(), [0.9, 0.5, 0.4]);
    assert_eq!(fused[0].keyword, 3.0, "a title keeps its sources");
}

#[test]
fn each_feature_speaks_for_a_title_but_its_own_name_and_a_late_place() {
    for name in FEATURES {
        let fused = reranked(vec![title(1, 0.9), title(2, 0.5)], |number| only(name, number));
        assert_eq!(order(&fused), if matches!(name, "title" | "place") { [1, 2] } else { [2, 1] }, "{name}");
    }
}

#[test]
fn what_is_beyond_the_first_stays_where_it_is() {
    let many = DEPTH as u128 + 5;
    let fused = (1..=many).map(|number| title(number, 1.0 / number as f64)).collect();
    let fused = reranked(fused, |number| only("meaning", number));
    assert_eq!(fused[0].content_id, id(DEPTH as u128));
    assert_eq!(order(&fused[DEPTH..]), (DEPTH as u128 + 1..=many).collect::<Vec<_>>());
    assert!(fused.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

proptest! {
    #[test]
    fn it_only_changes_places(values in prop::collection::vec(any::<Features>(), 0..150)) {
        let before: Vec<Fused> =
            (0..values.len()).map(|at| title(at as u128, 1.0 - at as f64 / 200.0)).collect();
        let fused = reranked(before.clone(), |number| values[number as usize]);
        let mut after = order(&fused);
        after.sort_unstable();
        prop_assert_eq!(after, order(&before));
        prop_assert!(fused.iter().zip(&before).all(|(after, before)| after.score == before.score));
    }
}
