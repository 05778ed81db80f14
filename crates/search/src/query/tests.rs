//! Queries as people type them, and what the parser makes of them.

use std::sync::LazyLock;

use contracts::ContentType;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::fixtures;

static INDEX: LazyLock<(TempDir, Snapshot)> = LazyLock::new(fixtures::snapshot);

fn request(query: &str) -> SearchRequest {
    SearchRequest { query: query.to_owned(), ..SearchRequest::default() }
}

fn parse(query: &str) -> Plan {
    plan(&request(query), &INDEX.1, 2026).unwrap()
}

/// What a query comes to, in one line that reads well in a table.
fn told(query: &str) -> String {
    let plan = parse(query);
    let parsed = &plan.parsed;
    let mut parts = vec![plan.kind.as_str().to_owned()];
    if !parsed.text.is_empty() {
        parts.push(format!("text={}", parsed.text));
    }
    if !plan.like.is_empty() {
        let like = plan.like.iter().map(|title| format!("{} {}", title.title, title.year.unwrap_or(0)));
        parts.push(format!("like={}", like.collect::<Vec<_>>().join("+")));
    }
    for (name, list) in [("people", &parsed.people), ("genres", &parsed.genres), ("on", &parsed.platforms)] {
        if !list.is_empty() {
            parts.push(format!("{name}={}", list.join("+")));
        }
    }
    if !parsed.content_types.is_empty() {
        let kinds: Vec<&str> = parsed.content_types.iter().map(|kind| kind.as_str()).collect();
        parts.push(format!("kind={}", kinds.join("+")));
    }
    if let Some(years) = parsed.year_range {
        let end = |year: Option<u16>| year.map(|year| year.to_string()).unwrap_or_default();
        parts.push(format!("years={}-{}", end(years.from), end(years.to)));
    }
    parts.join(" | ")
}

#[test]
fn queries_are_understood() {
    let table = [
        // examples
        ("movies like The Matrix", "like | like=The Matrix 1999 | kind=movie"),
        ("Movies like the matrix but funny", "like | like=The Matrix 1999 | genres=comedy | kind=movie"),
        ("something similar to Heat", "like | like=Heat 1995"),
        ("films like Heat (1986)", "like | like=Heat 1986 | kind=movie"),
        ("films like Heat and Scarface on netflix", "like | like=Heat 1995+Scarface 1983 | on=netflix | kind=movie"),
        ("like matrix", "like | like=The Matrix 1999"),
        ("something like truman", "like | like=The Truman Show 1998"),
        ("movies like Zyzzyx", "text | text=like Zyzzyx | kind=movie"),
        // people
        ("90s heist films with Al Pacino", "people | people=Al Pacino | genres=crime | kind=movie | years=1990-1999"),
        ("al pacino", "people | people=Al Pacino"),
        ("films directed by Michael Mann and Al Pacino", "people | people=Michael Mann+Al Pacino | kind=movie"),
        ("bill skarsgard", "people | people=Bill Skarsgård"),
        ("films with madonna", "people | people=Madonna | kind=movie"),
        ("jean pierre jeunet films", "people | people=Jean-Pierre Jeunet | kind=movie"),
        // genres
        ("funny movies", "text | genres=comedy | kind=movie"),
        ("sci-fi series", "text | genres=science_fiction | kind=tv_show"),
        ("romantic comedies", "text | genres=romance+comedy"),
        ("horror", "text | genres=horror"),
        ("not horror", "text"),
        ("western", "text | genres=western"),
        // years
        ("after 2015", "browse | years=2016-"),
        ("movies since 2015", "browse | kind=movie | years=2015-"),
        ("films before 1980", "browse | kind=movie | years=-1979"),
        ("between 1990 and 1995", "browse | years=1990-1995"),
        ("movies from 1990 to 1995", "browse | kind=movie | years=1990-1995"),
        ("movies 1990-1995", "browse | kind=movie | years=1990-1995"),
        ("movies of the nineties", "browse | kind=movie | years=1990-1999"),
        ("late 80s horror", "text | genres=horror | years=1985-1989"),
        ("the 2010s", "browse | years=2010-2019"),
        ("batman 1989", "text | text=batman | years=1989-1989"),
        ("2001 space odyssey", "text | text=2001 space odyssey"),
        ("1917", "text | text=1917"),
        ("blade runner 2049", "text | text=blade runner 2049"),
        // platforms and kinds
        ("Korean thrillers on Netflix after 2015", "text | genres=korean+thriller | on=netflix | years=2016-"),
        ("tv shows on disney+", "browse | on=disney_plus | kind=tv_show"),
        ("mad max", "text | text=mad max"),
        ("show me movies on prime video", "browse | on=prime_video | kind=movie"),
        ("best movies", "browse | kind=movie"),
        // titles that look like something else
        ("The Truman Show", "text | text=The Truman Show"),
        ("truman show", "text | text=truman show"),
        ("Some Like It Hot", "text | text=Some Like It Hot"),
        ("it", "text | text=it"),
        ("les vacances de monsieur hulot", "text | text=les vacances de monsieur hulot"),
        // nothing
        ("", "browse"),
        ("   \u{0}\u{7}", "browse"),
        ("🎬🍿", "text | text=🎬🍿"),
    ];
    let wrong: Vec<String> = table
        .iter()
        .filter(|(query, expected)| told(query) != *expected)
        .map(|(query, expected)| format!("{query:?}\n  expected {expected}\n  got      {}", told(query)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_story_has_no_conditions() {
    let plan = parse("what was that film from 1995 that I saw as a child where a man finds a door in his basement");
    assert_eq!(plan.filter, Conditions::default());
    assert!(plan.parsed.text.contains("1995"));
}

#[test]
fn conditions_become_tags() {
    let plan = parse("korean series on netflix after 2015");
    let expected = vec![vec!["type:tv_show".to_owned()], vec!["platform:netflix".to_owned()]];
    assert_eq!(plan.filter.filter.any_of, expected, "genres stay soft");
    assert_eq!(plan.filter.filter.years, Some(YearRange { from: Some(2016), to: None }));
    let mut request = request("comedies on netflix");
    request.region = "DE".parse().ok();
    let plan = super::plan(&request, &INDEX.1, 2026).unwrap();
    assert_eq!(plan.filter.filter.any_of, vec![vec!["offer:netflix:DE".to_owned()]]);
    request.query = "comedies".to_owned();
    let plan = super::plan(&request, &INDEX.1, 2026).unwrap();
    assert_eq!(plan.filter.filter.any_of, vec![vec!["region:DE".to_owned()]]);
}

#[test]
fn filters_of_the_request_win() {
    let mut request = request("90s comedy series on netflix");
    request.filters = SearchFilters {
        genres: vec!["drama".to_owned()],
        content_types: vec![ContentType::Movie],
        year_range: Some(YearRange { from: Some(2000), to: None }),
        platforms: vec!["hulu".to_owned()],
        ..SearchFilters::default()
    };
    let plan = plan(&request, &INDEX.1, 2026).unwrap();
    let tags = |tag: &str| vec![tag.to_owned()];
    assert_eq!(plan.filter.filter.any_of, vec![tags("type:movie"), tags("genre:drama"), tags("platform:hulu")]);
    assert_eq!(plan.filter.filter.years, Some(YearRange { from: Some(2000), to: None }));
    assert_eq!(plan.parsed.genres, Vec::<String>::new());
    assert_eq!(plan.parsed.platforms, Vec::<String>::new());
}

#[test]
fn only_what_is_said_beside_examples_is_embedded() {
    assert_eq!(parse("movies like The Matrix").meaning, None);
    assert_eq!(parse("movies like The Matrix but funny").meaning.as_deref(), Some("Comedy"));
    assert_eq!(parse("90s heist films").meaning.as_deref(), Some("90s heist films"));
    assert_eq!(parse("🎬").meaning, None);
}

fn query_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("like"),
        Just("similar"),
        Just("to"),
        Just("between"),
        Just("and"),
        Just("1990"),
        Just("after"),
        Just("the"),
        Just("90s"),
        Just("on"),
        Just("netflix"),
        Just("not"),
        Just("horror"),
        Just("heat"),
        Just("al"),
        Just("pacino"),
        Just("tv"),
        Just("show"),
        Just("from"),
        Just("early"),
        Just("in"),
        Just("vein"),
        Just("of"),
        Just("-"),
        Just("matrix"),
        Just("9999"),
        Just("0000s"),
        Just("é"),
        Just("with"),
    ];
    proptest::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_text_has_a_plan(query in any::<String>()) {
        let plan = parse(&query);
        prop_assert!(plan.parsed.text.len() <= query.len());
    }

    #[test]
    fn any_words_have_a_plan(query in query_like()) {
        let plan = parse(&query);
        let years = plan.filter.filter.years.unwrap_or_default();
        prop_assert!(!matches!((years.from, years.to), (Some(from), Some(to)) if from > to));
        prop_assert_eq!(told(&query), told(&query.to_uppercase()).replace(&plan.parsed.text.to_uppercase(), &plan.parsed.text));
    }
}
