//! What fusion must keep, whatever the lists.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn id(number: u128) -> ContentId {
    ContentId(Uuid::from_u128(number))
}

fn list(source: Source, scores: &[(u128, f64)]) -> List {
    List {
        source,
        hits: scores.iter().map(|(number, score)| Scored { content_id: id(*number), score: *score }).collect(),
    }
}

fn order(fused: &[Fused]) -> Vec<u128> {
    fused.iter().map(|title| title.content_id.0.as_u128()).collect()
}

fn config(method: FusionMethod) -> FusionConfig {
    FusionConfig { method, k: 60.0, keyword: 1.0, vector: 1.0, graph: 1.0, ..FusionConfig::default() }
}

#[test]
fn reciprocal_ranks_are_those_of_the_paper() {
    let lists = [list(Source::Keyword, &[(1, 9.0), (2, 5.0)]), list(Source::Vector, &[(2, 0.9), (3, 0.1)])];
    let fused = fuse(&lists, &config(FusionMethod::Rrf));
    assert_eq!(order(&fused), [2, 1, 3]);
    let best = 2.0 / 61.0;
    assert!((fused[0].score - (1.0 / 62.0 + 1.0 / 61.0) / best).abs() < 1e-12);
    assert!((fused[2].score - (1.0 / 62.0) / best).abs() < 1e-12);
    assert_eq!((fused[0].keyword, fused[0].vector, fused[0].graph), (5.0, 0.9, 0.0));
}

#[test]
fn the_convex_combination_keeps_how_much_better_a_title_is() {
    let lists = [list(Source::Keyword, &[(1, 10.0), (2, 9.0), (3, 0.0)]), list(Source::Vector, &[(2, 0.8), (1, 0.3)])];
    let fused = fuse(&lists, &config(FusionMethod::Convex));
    assert_eq!(order(&fused), [2, 1, 3]);
    assert!((fused[0].score - (0.9 + 1.0) / 2.0).abs() < 1e-12);
    assert!((fused[1].score - (1.0 + 0.0) / 2.0).abs() < 1e-12);
}

#[test]
fn nothing_and_nonsense_are_survived() {
    for method in [FusionMethod::Rrf, FusionMethod::Convex] {
        assert!(fuse(&[], &config(method)).is_empty());
        let odd = [list(Source::Keyword, &[(1, f64::NAN), (2, f64::INFINITY), (3, 1.0), (4, 0.5)])];
        assert!(fuse(&odd, &config(method)).iter().all(|title| (0.0..=1.0).contains(&title.score)));
        let weightless = FusionConfig { keyword: f64::NAN, vector: -1.0, graph: 0.0, ..config(method) };
        assert!(fuse(&odd, &weightless).is_empty());
    }
}

#[test]
fn a_title_called_what_was_typed_comes_first() {
    let lists = [list(Source::Vector, &[(1, 0.9), (2, 0.5), (3, 0.1)])];
    let mut fused = fuse(&lists, &config(FusionMethod::Convex));
    let named = [Scored { content_id: id(3), score: 0.2 }, Scored { content_id: id(9), score: 0.8 }];
    lift_named(&mut fused, &named);
    assert_eq!(order(&fused), [9, 3, 1, 2]);
    assert!(fused.iter().all(|title| (0.0..=1.0).contains(&title.score)));
}

#[test]
fn an_example_is_answered_by_what_titles_share() {
    let config = FusionConfig { keyword: 0.5, graph: 0.1, ..config(FusionMethod::Convex) };
    let lists = [list(Source::Keyword, &[(1, 9.0)]), list(Source::Graph, &[(2, 1.0)])];
    assert_eq!(order(&fuse(&lists, &config)), [1, 2]);
    assert_eq!(order(&fuse(&lists, &config.by_example())), [2, 1]);
}

#[test]
fn evidence_moves_titles_and_keeps_the_range() {
    let lists = [list(Source::Vector, &[(1, 0.9), (2, 0.8), (3, 0.1)])];
    let fused = fuse(&lists, &config(FusionMethod::Convex));
    let evidence = |id: &ContentId| if id.0.as_u128() == 1 { -5.0 } else { 1.0 };
    let mut moved = fused.clone();
    add_evidence(&mut moved, 0.1, evidence);
    assert_eq!(order(&moved), [2, 1, 3]);
    assert_eq!((moved[0].score, moved[2].score), (1.0, 0.0));
    assert_eq!((moved[0].vector, moved[1].vector), (0.8, 0.9), "the source's own score stays");
    for weight in [0.0, -1.0, f64::NAN] {
        let mut same = fused.clone();
        add_evidence(&mut same, weight, evidence);
        assert_eq!(same, fused);
    }
    let mut one = fused[..1].to_vec();
    add_evidence(&mut one, 0.1, evidence);
    assert_eq!(one[0].score, 1.0);
    add_evidence(&mut [], 0.1, evidence);
}

#[test]
fn a_story_has_weights_of_its_own() {
    let story = StoryWeights { keyword: 0.1, vector: 1.0, graph: 0.0, evidence: 0.1 };
    let config = FusionConfig { story, vector: 0.1, ..config(FusionMethod::Convex) };
    let lists =
        [list(Source::Keyword, &[(1, 9.0)]), list(Source::Vector, &[(2, 0.9)]), list(Source::Graph, &[(3, 1.0)])];
    assert_eq!(order(&fuse(&lists, &config)), [1, 3, 2]);
    assert_eq!(order(&fuse(&lists, &config.by_story())), [2, 1]);
}

fn lists() -> impl Strategy<Value = Vec<List>> {
    let hits = |source: Source| {
        proptest::collection::btree_map(0_u128..30, -1.0..20.0_f64, 0..20).prop_map(move |scores| {
            let mut scores: Vec<(u128, f64)> = scores.into_iter().collect();
            scores.sort_by(|a, b| b.1.total_cmp(&a.1));
            list(source, &scores)
        })
    };
    (hits(Source::Keyword), hits(Source::Vector), hits(Source::Graph)).prop_map(|(a, b, c)| vec![a, b, c])
}

fn methods() -> impl Strategy<Value = FusionMethod> {
    prop_oneof![Just(FusionMethod::Rrf), Just(FusionMethod::Convex)]
}

proptest! {
    #[test]
    fn the_order_of_the_lists_does_not_matter(lists in lists(), method in methods()) {
        let mut turned = lists.clone();
        turned.reverse();
        let (a, b) = (fuse(&lists, &config(method)), fuse(&turned, &config(method)));
        prop_assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(&b) {
            prop_assert!((a.score - b.score).abs() < 1e-9);
        }
    }

    #[test]
    fn every_title_is_there_once_and_best_first(lists in lists(), method in methods()) {
        let fused = fuse(&lists, &config(method));
        let mut all: Vec<ContentId> = lists.iter().flat_map(|list| &list.hits).map(|hit| hit.content_id).collect();
        all.sort_unstable();
        all.dedup();
        let mut found: Vec<ContentId> = fused.iter().map(|title| title.content_id).collect();
        prop_assert!(fused.windows(2).all(|pair| pair[0].score > pair[1].score
            || (pair[0].score == pair[1].score && pair[0].content_id < pair[1].content_id)));
        prop_assert!(fused.iter().all(|title| (0.0..=1.0).contains(&title.score)));
        found.sort_unstable();
        prop_assert_eq!(found, all);
    }

    #[test]
    fn a_weight_of_zero_leaves_a_source_out(lists in lists(), method in methods()) {
        let without = FusionConfig { graph: 0.0, ..config(method) };
        prop_assert_eq!(fuse(&lists, &without), fuse(&lists[..2], &without));
    }

    #[test]
    fn a_title_that_beats_another_everywhere_is_before_it(lists in lists(), method in methods()) {
        let fused = fuse(&lists, &config(method));
        let score = |list: &List, id: ContentId| list.hits.iter().find(|hit| hit.content_id == id).map(|hit| hit.score);
        for (place, first) in fused.iter().enumerate() {
            for second in &fused[place + 1..] {
                let beaten = lists.iter().all(|list| match (score(list, second.content_id), score(list, first.content_id)) {
                    (Some(second), Some(first)) => second > first,
                    (Some(_), None) | (None, None) => true,
                    (None, Some(_)) => false,
                });
                prop_assert!(!beaten || second.score >= first.score - 1e-12);
            }
        }
    }
}

#[test]
fn factors_weigh_anew_and_neutral_ones_change_nothing() {
    let found = fuse(&[list(Source::Keyword, &[(1, 9.0), (2, 6.0), (3, 5.0)])], &config(FusionMethod::Convex));
    let weighed = |factors: &[f64]| {
        let mut fused = found.clone();
        weigh(&mut fused, factors);
        assert!(fused.iter().all(|title| (0.0..=1.0).contains(&title.score)), "{fused:?}");
        fused
    };
    for neutral in [&[1.0, 1.0, 1.0][..], &[], &[f64::NAN, -1.0, f64::INFINITY]] {
        assert_eq!(weighed(neutral), found);
    }
    assert_eq!(order(&weighed(&[1.0, 8.0, 1.0])), [2, 1, 3]);
    assert_eq!(order(&weighed(&[0.0, 1.0, 1.0])), [2, 3, 1]);
    assert_eq!(order(&weighed(&[1.0, 8.0])), [2, 1, 3], "what was not weighed keeps its place");
    assert_eq!(found[2].score, 0.0);
    assert_eq!(order(&weighed(&[1.0, 1.0, 500.0])), [3, 1, 2], "the worst can be raised too");
}
