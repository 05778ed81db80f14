//! (pure) Why a title is among the results, as data and in plain words.

use std::collections::HashSet;

use contracts::{Content, CreditRole, Language, Wording, YearRange, genres};

use crate::{
    keyword::{TitleDoc, stop_word},
    query::{Named, Plan, country_name, genres_of_mood},
    rank::Fused,
    text::{fold, shortened, words},
};

/// The most reasons of one result.
const MAX_REASONS: usize = 5;
/// A cosine from which "similar in meaning" is honest for the sentence models we run; below it vectors still rank.
const SIMILAR: f64 = 0.3;

/// The reasons as data, the strongest first; never none: whatever brought the title in is named.
pub(crate) fn reasons(content: &Content, plan: &Plan, fused: &Fused) -> Vec<Wording> {
    let mut reasons = Vec::new();
    reasons.extend(title_reason(content, plan));
    for named in &plan.keyword.people {
        reasons.extend(person_reason(content, named));
    }
    for seed in &plan.like {
        reasons.extend(seed_reason(content, seed));
    }
    let asked = plan.parsed.genres.iter().filter(|genre| content.genres.contains(genre));
    reasons.extend(asked.map(|genre| Wording::new("genre", [("genre", genre.clone())])));
    reasons.extend(mood_reason(content, plan));
    reasons.extend(origin_reason(content, plan));
    let minutes = plan.parsed.max_runtime_minutes.and(content.runtime_minutes);
    reasons.extend(minutes.map(|minutes| Wording::new("runtime", [("minutes", minutes.to_string())])));
    reasons.extend(plan.parsed.year_range.and_then(|years| era_reason(content, years)));
    if fused.vector >= SIMILAR {
        reasons.push(Wording::new("meaning", []));
    }
    if reasons.is_empty() {
        reasons.push(fallback(content, plan, fused));
    }
    reasons.truncate(MAX_REASONS);
    reasons
}

/// A reason in English.
pub(crate) fn english(reason: &Wording) -> String {
    let arg = |name: &str| reason.arg(name);
    let title = || shortened(arg("title"));
    let genre = |id: &str| genres::name(id).unwrap_or(id).to_owned();
    match reason.code.as_str() {
        "title" => format!("Title matches “{}”", arg("words")),
        "director" => format!("Directed by {}", arg("name")),
        "writer" => format!("Written by {}", arg("name")),
        "actor" => format!("With {}", arg("name")),
        "same_director" => format!("Directed by {}, like “{}”", arg("name"), title()),
        "same_cast" => format!("Shares cast with “{}”: {}", title(), arg("name")),
        "same_genre" => {
            let names: Vec<String> = arg("genres").split(',').map(genre).collect();
            format!("Same genre as “{}”: {}", title(), names.join(", "))
        }
        "genre" => format!("Genre: {}", genre(arg("genre"))),
        "mood" => format!("{} is often {}", genre(arg("genre")), arg("mood")),
        "language" => format!("In {}", arg("name")),
        "country" => format!("From {}", country_name(arg("country"))),
        "runtime" => format!("Runs {} minutes", arg("minutes")),
        "decade" => format!("From the {}s", arg("decade")),
        "year" => format!("From {}", arg("year")),
        "meaning" => "Similar in meaning".to_owned(),
        "overview" => format!("Its description mentions {}", arg("words")),
        "words" => "Matches your words".to_owned(),
        "nearest" => "Nearest in meaning".to_owned(),
        "shared" => "Shares people or genres".to_owned(),
        _ => "Popular".to_owned(),
    }
}

fn title_reason(content: &Content, plan: &Plan) -> Option<Wording> {
    let titles = || {
        let others = content.translations.iter().map(|translation| &translation.title);
        std::iter::once(&content.title).chain(&content.original_title).chain(others)
    };
    if titles().any(|title| fold(title) == plan.name) {
        return Some(Wording::new("title", [("words", plan.name.clone())]));
    }
    let held: HashSet<String> = titles().flat_map(|title| words(title)).map(|word| word.text).collect();
    let asked = plan.keyword.words.iter().filter(|word| !stop_word(word) && held.contains(*word));
    let mut shared: Vec<&str> = asked.map(String::as_str).collect();
    shared.dedup();
    shared.truncate(6);
    (!shared.is_empty()).then(|| Wording::new("title", [("words", shared.join(" "))]))
}

/// What the person did, first of all what is meant.
fn person_reason(content: &Content, named: &Named) -> Option<Wording> {
    let credits = || content.credits.iter().filter(|credit| fold(&credit.name) == named.name);
    let credit = credits().find(|credit| named.role == Some(credit.role)).or_else(|| credits().next())?;
    Some(Wording::new(credit.role.as_str(), [("name", credit.name.clone())]))
}

/// What a title shares with an example: its director, else its cast, else its genres.
fn seed_reason(content: &Content, seed: &TitleDoc) -> Option<Wording> {
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
    let title = || ("title", seed.title.clone());
    if let Some(credit) = shares(true) {
        return Some(Wording::new("same_director", [("name", credit.name.clone()), title()]));
    }
    if let Some(credit) = shares(false) {
        return Some(Wording::new("same_cast", [("name", credit.name.clone()), title()]));
    }
    let shared: Vec<&str> =
        content.genres.iter().filter(|genre| seed.genres.contains(genre)).map(String::as_str).take(3).collect();
    (!shared.is_empty()).then(|| Wording::new("same_genre", [("genres", shared.join(",")), title()]))
}

/// Which genre stands for the mood that was asked for.
fn mood_reason(content: &Content, plan: &Plan) -> Option<Wording> {
    plan.parsed.moods.iter().find_map(|mood| {
        let genre =
            content.genres.iter().find(|id| genres_of_mood(mood).is_some_and(|ids| ids.contains(&id.as_str())))?;
        Some(Wording::new("mood", [("genre", genre.clone()), ("mood", mood.clone())]))
    })
}

fn origin_reason(content: &Content, plan: &Plan) -> Option<Wording> {
    let asked = |language: &&Language| plan.parsed.languages.iter().any(|tag| tag == language.as_str());
    if let Some(language) = content.languages.iter().find(asked) {
        let args = [("language", language.to_string()), ("name", language.name().to_owned())];
        return Some(Wording::new("language", args));
    }
    let country = content.countries.iter().find(|country| plan.parsed.countries.contains(country))?;
    Some(Wording::new("country", [("country", country.to_string())]))
}

fn era_reason(content: &Content, years: YearRange) -> Option<Wording> {
    let year = content.release_year?;
    Some(match (years.from, years.to) {
        (Some(from), Some(to)) if from % 10 == 0 && to == from + 9 => {
            Wording::new("decade", [("decade", from.to_string())])
        }
        _ => Wording::new("year", [("year", year.to_string())]),
    })
}

/// What to say when nothing in particular can be named.
fn fallback(content: &Content, plan: &Plan, fused: &Fused) -> Wording {
    let overview = content.overview.as_deref().unwrap_or_default();
    let held: HashSet<String> = words(overview).into_iter().map(|word| word.text).collect();
    let asked = plan.keyword.words.iter().filter(|word| !stop_word(word) && held.contains(*word));
    let shared: Vec<&str> = asked.take(4).map(String::as_str).collect();
    let code = if !shared.is_empty() {
        return Wording::new("overview", [("words", shared.join(", "))]);
    } else if fused.keyword > 0.0 {
        "words"
    } else if fused.vector > 0.0 {
        "nearest"
    } else if fused.graph > 0.0 {
        "shared"
    } else {
        "popular"
    };
    Wording::new(code, [])
}

#[cfg(test)]
mod tests;
