//! The fourth stage: where names, years and people leave it open, how alike the stories are. (pure)
//!
//! Only what the stages before left uncertain is looked at, so that nothing here goes against a kind, an id, a year or a
//! director, and nothing joins films whose lengths differ. One title is the same where its overview is alike and no rival's comes near; one whose
//! overview is about something else is another. In between, and where a side says too little, it stays uncertain.

use contracts::ContentId;

use super::{Match, Open, Resolution};

/// The least cosine of two overviews of one title: twice that of the likest two overviews of different titles in the half of the four
/// services' lists that was looked at, since there were few of those (`docs/measured`).
const SAME_STORY: f64 = 0.55;
/// The most of two overviews of different titles. Those of one title were .15 apart from nothing at the least: services tell
/// a story in their own words.
const OTHER_STORY: f64 = 0.1;
/// How far the likest has to be ahead of the next: two versions of a story are two titles.
const AHEAD: f64 = 0.1;
/// How sure we are of a title that is the same by its story.
const CONFIDENCE: f64 = 0.92;
/// The fewest words of an overview that tell something.
const LEAST_WORDS: usize = 8;
/// The most titles whose overviews are compared with a record's: of a name that more have, the story is no proof.
const MAX_COMPARED: usize = 8;

/// Whether an overview says enough to be compared.
pub fn tells(overview: &str) -> bool {
    overview.split_whitespace().nth(LEAST_WORDS - 1).is_some()
}

/// Decides what is uncertain by how alike the overviews are, from -1 to 1; `alike` gives nothing where a side has none.
pub fn by_story(found: Resolution, mut alike: impl FnMut(ContentId) -> Option<f64>) -> Resolution {
    if found.joined.is_some() || found.uncertain.is_empty() || found.uncertain.len() > MAX_COMPARED {
        return found;
    }
    let Resolution { mut apart, uncertain, .. } = found;
    let mut left: Vec<(Option<f64>, Match)> = Vec::new();
    for one in uncertain {
        match alike(one.id) {
            Some(cosine) if cosine <= OTHER_STORY => {
                apart.push((one.id, format!("{}, overviews unlike {}", one.evidence, told(cosine))));
            }
            Some(cosine) => {
                let evidence = format!("{}, overviews alike {}", one.evidence, told(cosine));
                left.push((Some(cosine), Match { evidence, ..one }));
            }
            None => left.push((None, one)),
        }
    }
    let likest = (0..left.len()).max_by(|a, b| left[*a].0.unwrap_or(-1.0).total_cmp(&left[*b].0.unwrap_or(-1.0)));
    let cosine = |at: usize| left[at].0;
    let clear = |best: &usize| {
        let ahead = |other: f64| cosine(*best).is_some_and(|cosine| cosine >= other + AHEAD);
        // A rival that says nothing may be the one.
        cosine(*best).is_some_and(|cosine| cosine >= SAME_STORY)
            && left[*best].1.open != Some(Open::OtherLength)
            && (0..left.len()).filter(|at| at != best).all(|at| cosine(at).is_some_and(ahead))
    };
    match likest.filter(clear) {
        Some(best) => {
            let joined = Match { confidence: CONFIDENCE, open: None, ..left.swap_remove(best).1 };
            Resolution { joined: Some(joined), apart, uncertain: Vec::new() }
        }
        None => Resolution { joined: None, apart, uncertain: left.into_iter().map(|(_, one)| one).collect() },
    }
}

/// Two digits: `.93`.
fn told(cosine: f64) -> String {
    let text = format!("{:.2}", cosine.clamp(0.0, 1.0));
    text.strip_prefix('0').map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests;
