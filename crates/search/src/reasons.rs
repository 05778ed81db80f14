//! (pure) Why a title is among the results, in plain words.

use std::collections::HashSet;

use contracts::{Content, CreditRole, YearRange, genres};

use crate::{
    keyword::{TitleDoc, stop_word},
    languages,
    query::{Named, Plan, genres_of_mood},
    rank::Fused,
    text::{fold, words},
};

/// The most reasons of one result.
const MAX_REASONS: usize = 5;
/// A cosine from which "similar in meaning" is honest for the sentence models we run; below it vectors still rank.
const SIMILAR: f64 = 0.3;

/// The reasons, the strongest first; never none: whatever brought the title in is named.
pub(crate) fn reasons(content: &Content, plan: &Plan, fused: &Fused) -> Vec<String> {
    let mut reasons = Vec::new();
    reasons.extend(title_reason(content, plan));
    for named in &plan.keyword.people {
        reasons.extend(person_reason(content, named));
    }
    for seed in &plan.like {
        reasons.extend(seed_reason(content, seed));
    }
    let asked = plan.parsed.genres.iter().filter(|genre| content.genres.contains(genre));
    reasons.extend(asked.map(|genre| format!("Genre: {}", genres::name(genre).unwrap_or(genre))));
    reasons.extend(mood_reason(content, plan));
    reasons.extend(origin_reason(content, plan));
    reasons.extend(plan.parsed.max_runtime_minutes.and(content.runtime_minutes).map(|m| format!("Runs {m} minutes")));
    reasons.extend(plan.parsed.year_range.and_then(|years| era_reason(content, years)));
    if fused.vector >= SIMILAR {
        reasons.push("Similar in meaning".to_owned());
    }
    if reasons.is_empty() {
        reasons.push(fallback(content, plan, fused));
    }
    reasons.truncate(MAX_REASONS);
    reasons
}

fn title_reason(content: &Content, plan: &Plan) -> Option<String> {
    let titles = || {
        let others = content.translations.iter().map(|translation| &translation.title);
        std::iter::once(&content.title).chain(&content.original_title).chain(others)
    };
    if titles().any(|title| fold(title) == plan.name) {
        return Some(format!("Title matches “{}”", plan.name));
    }
    let held: HashSet<String> = titles().flat_map(|title| words(title)).map(|word| word.text).collect();
    let asked = plan.keyword.words.iter().filter(|word| !stop_word(word) && held.contains(*word));
    let mut shared: Vec<&str> = asked.map(String::as_str).collect();
    shared.dedup();
    shared.truncate(6);
    (!shared.is_empty()).then(|| format!("Title matches “{}”", shared.join(" ")))
}

/// What the person did, first of all what is meant.
fn person_reason(content: &Content, named: &Named) -> Option<String> {
    let credits = || content.credits.iter().filter(|credit| fold(&credit.name) == named.name);
    let credit = credits().find(|credit| named.role == Some(credit.role)).or_else(|| credits().next())?;
    Some(match credit.role {
        CreditRole::Director => format!("Directed by {}", credit.name),
        CreditRole::Writer => format!("Written by {}", credit.name),
        CreditRole::Actor => format!("With {}", credit.name),
    })
}

/// What a title shares with an example: its director, else its cast, else its genres.
fn seed_reason(content: &Content, seed: &TitleDoc) -> Option<String> {
    if seed.id == content.id {
        return None;
    }
    let shares = |director: bool| {
        content.credits.iter().find(|credit| {
            (credit.role == CreditRole::Director) == director
                && seed
                    .people
                    .iter()
                    .any(|(name, role)| *name == credit.name && (*role == CreditRole::Director) == director)
        })
    };
    if let Some(credit) = shares(true) {
        return Some(format!("Directed by {}, like “{}”", credit.name, seed.title));
    }
    if let Some(credit) = shares(false) {
        return Some(format!("Shares cast with “{}”: {}", seed.title, credit.name));
    }
    let shared: Vec<&str> =
        content.genres.iter().filter(|genre| seed.genres.contains(genre)).map(String::as_str).collect();
    let names: Vec<&str> = shared.iter().take(3).map(|genre| genres::name(genre).unwrap_or(genre)).collect();
    (!names.is_empty()).then(|| format!("Same genre as “{}”: {}", seed.title, names.join(", ")))
}

/// Which genre stands for the mood that was asked for.
fn mood_reason(content: &Content, plan: &Plan) -> Option<String> {
    plan.parsed.moods.iter().find_map(|mood| {
        let genre =
            content.genres.iter().find(|id| genres_of_mood(mood).is_some_and(|ids| ids.contains(&id.as_str())))?;
        Some(format!("{} is often {mood}", genres::name(genre).unwrap_or(genre)))
    })
}

fn origin_reason(content: &Content, plan: &Plan) -> Option<String> {
    let spoken = content.languages.iter().find(|language| plan.parsed.languages.contains(&languages::code(language)));
    if let Some(language) = spoken {
        return Some(format!("In {language}"));
    }
    let country = content.countries.iter().find(|country| plan.parsed.countries.contains(country))?;
    Some(format!("From {country}"))
}

fn era_reason(content: &Content, years: YearRange) -> Option<String> {
    let year = content.release_year?;
    Some(match (years.from, years.to) {
        (Some(from), Some(to)) if from % 10 == 0 && to == from + 9 => format!("From the {from}s"),
        _ => format!("From {year}"),
    })
}

/// What to say when nothing in particular can be named.
fn fallback(content: &Content, plan: &Plan, fused: &Fused) -> String {
    let overview = content.overview.as_deref().unwrap_or_default();
    let held: HashSet<String> = words(overview).into_iter().map(|word| word.text).collect();
    let asked = plan.keyword.words.iter().filter(|word| !stop_word(word) && held.contains(*word));
    let shared: Vec<&str> = asked.take(4).map(String::as_str).collect();
    if !shared.is_empty() {
        format!("Its description mentions {}", shared.join(", "))
    } else if fused.keyword > 0.0 {
        "Matches your words".to_owned()
    } else if fused.vector > 0.0 {
        "Nearest in meaning".to_owned()
    } else if fused.graph > 0.0 {
        "Shares people or genres".to_owned()
    } else {
        "Popular".to_owned()
    }
}
