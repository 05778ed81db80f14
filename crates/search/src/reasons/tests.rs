//! Every reason there is, and what it says.

use contracts::{Credit, ParsedIntent};

use super::*;
use crate::{
    fixtures::{film, id},
    keyword::KeywordQuery,
    query::QueryKind,
};

/// The title that every plan finds.
fn heat() -> Content {
    let people = ["Michael Mann", "Al Pacino", "Robert De Niro"];
    let overview = "A detective hunts robbers planning one last heist.";
    let mut heat = film(1, "Heat", 1995, &["crime", "thriller"], &people, overview);
    heat.credits.push(Credit { name: "Ada Wren".to_owned(), role: CreditRole::Writer });
    heat.languages = Language::all_of(&["en", "ko"]);
    heat.countries = vec!["US".parse().unwrap()];
    heat.runtime_minutes = Some(170);
    heat
}

/// A plan that asks nothing.
fn plan() -> Plan {
    Plan::of(QueryKind::Text, ParsedIntent::default())
}

fn typed(text: &str) -> Plan {
    let words = words(text).into_iter().map(|word| word.text).collect();
    Plan { name: fold(text), keyword: KeywordQuery { words, ..KeywordQuery::default() }, ..plan() }
}

fn with(name: &str, role: Option<CreditRole>) -> Plan {
    let people = vec![Named { name: name.to_owned(), role }];
    Plan { keyword: KeywordQuery { people, ..KeywordQuery::default() }, ..plan() }
}

/// With another title as an example: the first of the people directed it.
fn like(title: &str, genres: &[&str], people: &[&str]) -> Plan {
    Plan { like: vec![TitleDoc::of(&film(2, title, 1990, genres, people, ""))], ..plan() }
}

fn asks(parsed: ParsedIntent) -> Plan {
    Plan { parsed, ..plan() }
}

/// Found with these scores.
fn found(keyword: f64, vector: f64, graph: f64) -> Fused {
    Fused { content_id: id(1), score: 0.5, keyword, vector, graph }
}

/// The code of each reason and what it says.
fn said(content: &Content, plan: &Plan, fused: &Fused) -> Vec<String> {
    reasons(content, plan, fused).iter().map(|reason| format!("{}: {}", reason.code, english(reason))).collect()
}

#[test]
fn words_and_people_are_named() {
    let table = [
        (typed("HEAT"), "title: Title matches “heat”"),
        (typed("the heat wave"), "title: Title matches “heat”"),
        (typed("some robbers and a heist"), "overview: Its description mentions robbers, heist"),
        (typed("zebras"), "words: Matches your words"),
        (with("michael mann", None), "director: Directed by Michael Mann"),
        (with("al pacino", None), "actor: With Al Pacino"),
        (with("ada wren", None), "writer: Written by Ada Wren"),
        (with("ada wren", Some(CreditRole::Actor)), "writer: Written by Ada Wren"),
        (with("somebody else", None), "words: Matches your words"),
    ];
    for (plan, expected) in table {
        assert_eq!(said(&heat(), &plan, &found(4.0, 0.0, 0.0)), [expected]);
    }
    let mut both = heat();
    both.credits.push(Credit { name: "Michael Mann".to_owned(), role: CreditRole::Actor });
    let meant = with("michael mann", Some(CreditRole::Actor));
    assert_eq!(said(&both, &meant, &found(4.0, 0.0, 0.0)), ["actor: With Michael Mann"], "the part that is meant");
}

#[test]
fn what_is_shared_with_an_example_is_named() {
    let table = [
        (
            like("Collateral", &["crime"], &["Michael Mann", "Al Pacino"]),
            "same_director: Directed by Michael Mann, like “Collateral”",
        ),
        (
            like("Scarface", &["crime"], &["Brian De Palma", "Al Pacino"]),
            "same_cast: Shares cast with “Scarface”: Al Pacino",
        ),
        // Who directed the one and acts in the other, or the other way about, did not do the same in both.
        (like("Cameo", &["crime"], &["Al Pacino", "Michael Mann"]), "same_genre: Same genre as “Cameo”: Crime"),
        (like("Ronin", &["thriller", "war", "crime"], &[]), "same_genre: Same genre as “Ronin”: Crime, Thriller"),
        (like("Moon", &["science_fiction"], &["Duncan Jones"]), "shared: Shares people or genres"),
        (Plan { like: vec![TitleDoc::of(&heat())], ..plan() }, "shared: Shares people or genres"),
    ];
    for (plan, expected) in table {
        assert_eq!(said(&heat(), &plan, &found(0.0, 0.0, 0.4)), [expected]);
    }
}

#[test]
fn what_was_asked_for_and_is_there_is_named() {
    let all = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let nothing = ParsedIntent::default;
    let years =
        |from: Option<u16>, to: Option<u16>| ParsedIntent { year_range: Some(YearRange { from, to }), ..nothing() };
    let table = [
        (ParsedIntent { genres: all(&["horror", "crime"]), ..nothing() }, "genre: Genre: Crime"),
        (ParsedIntent { moods: all(&["relaxing", "tense"]), ..nothing() }, "mood: Crime is often tense"),
        (ParsedIntent { languages: all(&["ko"]), ..nothing() }, "language: In Korean"),
        (ParsedIntent { languages: all(&["ja"]), ..nothing() }, "popular: Popular"),
        (ParsedIntent { countries: vec!["US".parse().unwrap()], ..nothing() }, "country: From the United States"),
        (ParsedIntent { max_runtime_minutes: Some(180), ..nothing() }, "runtime: Runs 170 minutes"),
        (years(Some(1990), Some(1999)), "decade: From the 1990s"),
        (years(Some(1994), None), "year: From 1995"),
        (years(Some(1991), Some(2000)), "year: From 1995"),
        (ParsedIntent { genres: all(&["horror"]), ..nothing() }, "popular: Popular"),
    ];
    for (parsed, expected) in table {
        assert_eq!(said(&heat(), &asks(parsed), &found(0.0, 0.0, 0.0)), [expected]);
    }
    // As data, for whoever says it in another language.
    let korean = asks(ParsedIntent { languages: all(&["ko"]), ..nothing() });
    assert_eq!(reasons(&heat(), &korean, &found(0.0, 0.0, 0.0))[0].arg("language"), "ko");
}

#[test]
fn whatever_brought_a_title_in_is_named() {
    let table = [
        (found(4.0, 0.29, 0.4), "words: Matches your words"),
        (found(0.0, 0.29, 0.4), "nearest: Nearest in meaning"),
        (found(4.0, 0.3, 0.4), "meaning: Similar in meaning"),
        (found(0.0, 0.0, 0.4), "shared: Shares people or genres"),
        (found(0.0, 0.0, 0.0), "popular: Popular"),
    ];
    for (fused, expected) in table {
        assert_eq!(said(&heat(), &plan(), &fused), [expected]);
    }
}

#[test]
fn the_strongest_reasons_come_first_and_no_more_than_five() {
    let mut plan = typed("heat with al pacino");
    plan.keyword.people = with("al pacino", None).keyword.people;
    plan.like = like("Collateral", &["crime"], &["Michael Mann"]).like;
    plan.parsed = ParsedIntent {
        genres: vec!["crime".to_owned()],
        moods: vec!["tense".to_owned()],
        year_range: Some(YearRange { from: Some(1990), to: Some(1999) }),
        ..ParsedIntent::default()
    };
    let all = reasons(&heat(), &plan, &found(4.0, 0.9, 0.4));
    let codes: Vec<&str> = all.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, ["title", "actor", "same_director", "genre", "mood"]);
}
