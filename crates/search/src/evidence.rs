//! (pure) Which of the fused titles there is any evidence for.
//!
//! A nearest neighbour always exists, however far: for a query that means nothing here the vectors would fill every
//! page. So a title that only they found has to be near by itself and beside the best.
//!
//! How near was measured with MiniLM-L6 over 36 266 films (`docs/measured`, questions that people asked): 120 short
//! questions of a training set, of which 48 have their answer among the first 1 000 by meaning, and 60 searches made of
//! random letters.

use std::collections::HashSet;

use contracts::{ContentId, Scored};

use crate::rank::Fused;

/// The least cosine similarity of a title that only the vectors found: 99 of 100 answers are nearer …
const LEAST: f64 = 0.2;
/// … and its least share of the best one's: 19 of 20 have more, and a film in nine does.
const LEAST_SHARE: f64 = 0.5;
/// The least cosine where no word of the query is known, as sentence models find letter salad somewhat near to anything:
/// 99 of 100 of people's searches have a title that near, and 23 of 100 made of random letters; at 0.4 it would be 94
/// and 5, but a false neighbour costs less than an answer that is not shown.
const LEAST_ALONE: f64 = 0.35;

/// Drops what nothing speaks for. `best` is the nearest of all titles, whatever the filters of the request; `words_known`
/// says whether any title holds a word of the query.
pub(crate) fn keep_evident(fused: &mut Vec<Fused>, best: f64, words_known: bool) {
    let least = if words_known { LEAST.max(LEAST_SHARE * best) } else { LEAST_ALONE };
    fused.retain(|title| title.keyword > 0.0 || title.graph > 0.0 || title.vector == 0.0 || title.vector >= least);
}

/// Drops what only the vectors found and what is not among the `nearest` of all titles, whatever the filters of the
/// request. Among few titles ever farther ones are the nearest: a filter would bring what is not found without it, and
/// more than its number says.
pub(crate) fn keep_nearest(fused: &mut Vec<Fused>, nearest: &[Scored]) {
    let nearest: HashSet<ContentId> = nearest.iter().map(|hit| hit.content_id).collect();
    fused.retain(|title| title.keyword > 0.0 || title.graph > 0.0 || nearest.contains(&title.content_id));
}

/// What is left of the score of a title that has only a part of what the query names.
const PART: f64 = 0.5;

/// Puts the titles that have all that the query names before those that have a part of it: "crime films with Al Pacino"
/// are crime films with him, and then other films with him.
pub(crate) fn put_first(fused: &mut [Fused], complete: &HashSet<ContentId>) {
    for title in fused.iter_mut().filter(|title| !complete.contains(&title.content_id)) {
        title.score *= PART;
    }
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.content_id.cmp(&b.content_id)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::id;

    fn title(number: u128, keyword: f64, vector: f64, graph: f64) -> Fused {
        Fused { content_id: id(number), score: 0.5, keyword, vector, graph }
    }

    fn kept(words_known: bool, best: f64) -> Vec<u128> {
        let mut fused = vec![
            title(1, 3.0, 0.01, 0.0),
            title(2, 0.0, 0.01, 0.4),
            title(3, 0.0, best, 0.0),
            title(4, 0.0, 0.25, 0.0),
            title(5, 0.0, 0.1, 0.0),
            title(6, 0.0, -0.3, 0.0),
            title(7, 0.0, 0.0, 0.0),
        ];
        keep_evident(&mut fused, best, words_known);
        fused.iter().map(|title| title.content_id.0.as_u128()).collect()
    }

    #[test]
    fn what_is_near_among_few_only_is_left_out() {
        let mut fused =
            vec![title(1, 0.0, 0.6, 0.0), title(2, 0.0, 0.5, 0.0), title(3, 2.0, 0.1, 0.0), title(4, 0.0, 0.1, 0.3)];
        keep_nearest(&mut fused, &[Scored { content_id: id(9), score: 0.7 }, Scored { content_id: id(1), score: 0.6 }]);
        let kept: Vec<ContentId> = fused.iter().map(|title| title.content_id).collect();
        assert_eq!(kept, [id(1), id(3), id(4)], "words and the graph find what they find");
    }

    #[test]
    fn what_has_all_comes_before_what_has_a_part() {
        let mut fused: Vec<Fused> = (1..=3).map(|number| title(number, 1.0, 0.0, 0.0)).collect();
        (fused[0].score, fused[1].score, fused[2].score) = (0.9, 0.6, 0.5);
        put_first(&mut fused, &HashSet::from([id(2)]));
        assert_eq!(fused.iter().map(|title| title.content_id).collect::<Vec<_>>(), [id(2), id(1), id(3)]);
        assert!(fused.iter().all(|title| title.score > 0.0));
    }

    #[test]
    fn what_only_the_vectors_found_has_to_be_near() {
        assert_eq!(kept(true, 0.4), [1, 2, 3, 4, 7], "a title that was added for its name stays");
        assert_eq!(kept(true, 0.8), [1, 2, 3, 7]);
        assert_eq!(kept(false, 0.8), [1, 2, 3, 7]);
        assert_eq!(kept(false, 0.34), [1, 2, 7], "letter salad is near to nothing");
    }
}
