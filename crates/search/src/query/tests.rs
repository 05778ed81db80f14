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
    plan(&request(query), None, &INDEX.1, 2026).unwrap()
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
    let exclude = &parsed.exclude;
    let countries = |regions: &[contracts::Region]| regions.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (made, unmade) = (countries(&parsed.countries), countries(&exclude.countries));
    let corrections: Vec<String> = parsed.corrections.iter().map(|c| format!("{}>{}", c.from, c.to)).collect();
    for (name, list) in [
        ("people", &parsed.people),
        ("genres", &parsed.genres),
        ("moods", &parsed.moods),
        ("on", &parsed.platforms),
        ("in", &parsed.languages),
        ("made", &made),
        ("-genres", &exclude.genres),
        ("-people", &exclude.people),
        ("-like", &exclude.like),
        ("-text", &exclude.text),
        ("-on", &exclude.platforms),
        ("-in", &exclude.languages),
        ("-made", &unmade),
        ("fixed", &corrections),
    ] {
        if !list.is_empty() {
            parts.push(format!("{name}={}", list.join("+")));
        }
    }
    parts.extend(parsed.max_runtime_minutes.map(|minutes| format!("max={minutes}")));
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

/// Queries and what they are taken to mean.
const UNDERSTOOD: &[(&str, &str)] = &[
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
    ("not horror", "browse | -genres=horror"),
    ("western", "text | genres=western"),
    // years
    ("after 2015", "browse | years=2016-"),
    ("movies since 2015", "browse | kind=movie | years=2015-"),
    ("films before 1980", "browse | kind=movie | years=-1979"),
    ("between 1990 and 1995", "browse | years=1990-1995"),
    ("movies from 1990 to 1995", "browse | kind=movie | years=1990-1995"),
    ("movies from 1995 to 1990", "browse | kind=movie | years=1990-1995"),
    ("movies 1995-1990", "browse | kind=movie | years=1990-1995"),
    ("between 1995 and 1990", "browse | years=1990-1995"),
    ("movies 1990-1995", "browse | kind=movie | years=1990-1995"),
    ("movies of the nineties", "browse | kind=movie | years=1990-1999"),
    ("late 80s horror", "text | genres=horror | years=1985-1989"),
    ("the 2010s", "browse | years=2010-2019"),
    ("batman 1989", "text | text=batman | years=1989-1989"),
    ("2001 space odyssey", "text | text=2001 space odyssey"),
    ("1917", "text | text=1917"),
    ("blade runner 2049", "text | text=blade runner 2049"),
    // platforms and kinds
    ("Korean thrillers on Netflix after 2015", "text | genres=thriller | on=netflix | in=ko | made=KR | years=2016-"),
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
    // moods, families, lengths
    ("something relaxing for the whole family under two hours", "text | genres=family | moods=relaxing | max=120"),
    ("feel good movies", "text | moods=uplifting | kind=movie"),
    ("light-hearted comedies for the kids", "text | genres=comedy+family+kids | moods=relaxing"),
    ("comedies under 90 minutes", "text | genres=comedy | max=90"),
    ("a film of at most 1h30", "browse | max=90 | kind=movie"),
    ("horror shorter than an hour and a half", "text | genres=horror | max=90"),
    ("dramas no longer than 2 hours 15 minutes", "text | genres=drama | max=135"),
    ("90 minutes or less", "browse | max=90"),
    ("longer than two hours", "text | text=longer than two hours"),
    // where from
    ("french comedies from the 60s", "text | genres=comedy | in=fr | made=FR | years=1960-1969"),
    ("korean", "text | in=ko | made=KR"),
    ("films from south korea", "text | in=ko | made=KR | kind=movie"),
    ("movies in german", "text | in=de | kind=movie"),
    ("french-language thrillers", "text | genres=thriller | in=fr"),
    ("japanese horror not in english", "text | genres=horror | in=ja | made=JP | -in=en"),
    ("british series", "text | made=GB | kind=tv_show"),
    ("the italian job", "text | text=the italian job"),
    // what is not wanted
    ("no horror", "browse | -genres=horror"),
    ("thrillers without horror or crime", "text | genres=thriller | -genres=horror+crime"),
    ("movies not with Al Pacino", "browse | -people=Al Pacino | kind=movie"),
    ("crime films without al pacino", "text | genres=crime | -people=Al Pacino | kind=movie"),
    (
        "heist films but not starring Al Pacino or Madonna",
        "text | genres=crime | -people=Al Pacino+Madonna | kind=movie",
    ),
    ("science fiction without zombies", "text | genres=science_fiction | -text=zombies"),
    ("movies like The Matrix but not Heat (1995)", "like | like=The Matrix 1999 | -like=Heat (1995) | kind=movie"),
    (
        "movies like The Matrix but not like The Truman Show",
        "like | like=The Matrix 1999 | -like=The Truman Show | kind=movie",
    ),
    ("comedies not on netflix", "text | genres=comedy | -on=netflix"),
    ("no series", "browse | kind=movie"),
    ("i don't want anything scary", "browse | -genres=horror"),
    ("funny but not romantic", "text | genres=comedy | -genres=romance"),
    ("movies not before 1990", "browse | kind=movie | years=1990-"),
    ("films no older than 2010", "browse | kind=movie | years=2010-"),
    // forgotten titles
    ("what was that film where a clown haunts a town", "text | text=a clown haunts a town"),
    ("what's the movie about robbers in 1995", "text | text=robbers in 1995"),
    ("that film in which machines dig", "text | text=machines dig"),
    ("name of the movie where two soldiers cross", "text | text=two soldiers cross"),
    ("what is the matrix", "text | text=what is the matrix"),
    // slips of the pen
    ("al pachino", "people | people=Al Pacino | fixed=pachino>pacino"),
    ("movies with Keanu Reaves", "people | people=Keanu Reeves | fixed=reaves>reeves | kind=movie"),
    ("the matirx", "text | text=the matrix | fixed=matirx>matrix"),
    ("movies like the matirx", "like | like=The Matrix 1999 | fixed=matirx>matrix | kind=movie"),
    ("scarfase on netflx", "text | text=scarface on netflx | fixed=scarfase>scarface"),
    // phrases
    ("\"last heist\"", "text | text=\"last heist\""),
    ("\"last heist\" movies", "text | text=\"last heist\" | kind=movie"),
    ("films with \"no man's land\" not horror", "text | text=with \"no man's land\" | -genres=horror | kind=movie"),
    // nothing
    ("", "browse"),
    ("   \u{0}\u{7}", "browse"),
    ("🎬🍿", "text | text=🎬🍿"),
];

#[test]
fn queries_are_understood() {
    let wrong: Vec<String> = UNDERSTOOD
        .iter()
        .filter(|(query, expected)| told(query) != *expected)
        .map(|(query, expected)| format!("{query:?}\n  expected {expected}\n  got      {}", told(query)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_person_is_meant_for_what_the_words_say_or_what_they_did_most() {
    use contracts::CreditRole::{Actor, Director};
    let table = [
        ("films with al pacino", Some(Actor)),
        ("al pacino", Some(Actor)),
        ("michael mann", Some(Director)),
        ("directed by al pacino", Some(Director)),
        ("starring michael mann", Some(Actor)),
    ];
    for (query, role) in table {
        assert_eq!(parse(query).keyword.people[0].role, role, "{query}");
    }
    let both = parse("films directed by Michael Mann and Al Pacino").keyword.people;
    assert!(both.iter().all(|named| named.role == Some(Director)), "{both:?}");
}

#[test]
fn doubts_are_asked_about() {
    let table: [(&str, &str, &str); 16] = [
        ("", "", ""),
        ("ufo", "", ""),
        ("the matrix", "", ""),
        ("90s heist films with Al Pacino", "", ""),
        ("al pachino", "", ""),
        ("🎬🍿", "nothing_said", "What would you like to watch?"),
        ("of the", "only_stop_words", "say more"),
        ("movies like Zyzzyx", "unknown_example title=zyzzyx", "No title here is called “zyzzyx”"),
        ("something like truman", "part_of_example title=The Truman Show", "“The Truman Show”"),
        ("movies like heat", "namesakes first=1995 second=1986 title=Heat", "1995 or 1986"),
        ("horror but not horror", "contradiction_genre genre=horror", "for Horror and against it"),
        (
            "films with al pacino without al pacino",
            "contradiction_person name=Al Pacino",
            "for Al Pacino and against it",
        ),
        ("before 1980 after 2015", "contradiction_years", "years that exclude each other"),
        ("фильм ужасов", "unknown_words words=ужасов", "“ужасов”"),
        // Two slips are read with confidence, and three are not.
        ("scarfase haet", "", ""),
        ("scarfase haet matirx", "corrected words=scarface heat matrix", "Did you mean “scarface heat matrix”?"),
    ];
    for (query, data, question) in table {
        let parsed = parse(query).parsed;
        assert_eq!(parsed.confidence >= 0.7, data.is_empty(), "{query} {}", parsed.confidence);
        let asked = parsed.question.unwrap_or_default();
        let args = asked.args.iter().map(|(name, value)| format!(" {name}={value}"));
        assert_eq!(format!("{}{}", asked.code, args.collect::<String>()), data, "{query}");
        assert_eq!(parsed.clarification.is_none(), data.is_empty(), "{query} {:?}", parsed.clarification);
        assert!(parsed.clarification.unwrap_or_default().contains(question), "{query}");
    }
    assert!(parse("xqzzvw plkjhg").parsed.confidence < parse("xqzzvw matrix").parsed.confidence);
    assert!(parse("movies like heat 1986").parsed.confidence >= 0.7);
}

#[test]
fn an_edited_intent_takes_the_place_of_the_query() {
    let read = parse("90s heist films with Al Pacino but no horror like heat (1995)").parsed;
    let mut request = request("something else entirely");
    request.intent = Some(ParsedIntent { genres: vec!["drama".to_owned()], ..read.clone() });
    let edited = plan(&request, None, &INDEX.1, 2026).unwrap();
    assert_eq!(edited.parsed.people, ["Al Pacino"]);
    assert_eq!((edited.parsed.genres, edited.parsed.confidence), (vec!["drama".to_owned()], 1.0));
    assert_eq!(edited.filter, parse("90s heist films with Al Pacino but no horror like heat (1995)").filter);
    assert!(edited.keyword.raised.iter().any(|raised| raised.tags == ["genre:drama"]));
    let of = |intent: ParsedIntent| {
        let request = SearchRequest { intent: Some(intent), ..SearchRequest::default() };
        plan(&request, None, &INDEX.1, 2026)
    };
    let like = |name: &str| of(ParsedIntent { like: vec![name.to_owned()], ..ParsedIntent::default() });
    assert_eq!(like("Heat (1986)").unwrap().like[0].year, Some(1986));
    assert!(matches!(like("Zyzzyx"), Err(SearchError::Catalog(error)) if error.code == "unknown_title"));
    assert_eq!(of(ParsedIntent::default()).unwrap().kind, QueryKind::Browse);
}

#[test]
fn what_was_read_can_be_sent_back() {
    for query in ["90s heist films with Al Pacino", "movies like heat", "french comedies under 2 hours", "not horror"] {
        let read = parse(query);
        let request = SearchRequest { intent: Some(read.parsed.clone()), ..SearchRequest::default() };
        let again = plan(&request, None, &INDEX.1, 2026).unwrap();
        assert_eq!(again.filter, read.filter, "{query}");
        assert_eq!(again.kind, read.kind, "{query}");
        let like = |plan: &Plan| plan.like.iter().map(|title| title.id).collect::<Vec<_>>();
        assert_eq!((like(&again), again.keyword.people), (like(&read), read.keyword.people), "{query}");
    }
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
    assert_eq!(plan.filter.filter.any_of[..2], expected, "genres stay soft");
    let origins = ["language:ko", "from:KR", "country:KR", "genre:korean", "origin:unknown"];
    assert_eq!(plan.filter.filter.any_of[2], origins, "what is not known may pass");
    assert_eq!(plan.filter.filter.years, Some(YearRange { from: Some(2016), to: None }));
    let mut request = request("comedies on netflix");
    request.region = "DE".parse().ok();
    let plan = super::plan(&request, None, &INDEX.1, 2026).unwrap();
    assert_eq!(plan.filter.filter.any_of, vec![vec!["offer:netflix:DE".to_owned()]]);
    request.query = "comedies".to_owned();
    let plan = super::plan(&request, None, &INDEX.1, 2026).unwrap();
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
    let plan = plan(&request, None, &INDEX.1, 2026).unwrap();
    let tags = |tag: &str| vec![tag.to_owned()];
    assert_eq!(plan.filter.filter.any_of, vec![tags("type:movie"), tags("genre:drama"), tags("platform:hulu")]);
    assert_eq!(plan.filter.filter.years, Some(YearRange { from: Some(2000), to: None }));
    assert_eq!(plan.parsed.genres, ["comedy"], "what the words say of it goes on bringing titles forward");
    assert_eq!(plan.parsed.platforms, Vec::<String>::new());
}

#[test]
fn without_its_filters_a_search_is_bound_by_its_words() {
    let ticked = |query: &str, filters: SearchFilters| {
        let request = SearchRequest { filters, region: "DE".parse().ok(), ..request(query) };
        plan(&request, None, &INDEX.1, 2026).unwrap()
    };
    let films = || SearchFilters { content_types: vec![ContentType::Movie], ..SearchFilters::default() };
    let years = |from: u16, to: u16| SearchFilters {
        year_range: Some(YearRange { from: Some(from), to: Some(to) }),
        ..SearchFilters::default()
    };
    assert_eq!(parse("korean crime films").scope, None, "there is nothing to leave away");
    let tags = |tag: &str| vec![tag.to_owned()];
    for query in ["like The Matrix but funny", "horror not in english", "\"last heist\" since 1990", "thrillers"] {
        let plan = ticked(query, films());
        let scope = plan.scope.unwrap();
        assert_eq!(scope.filter.any_of[0], tags("region:DE"), "{query}: the region is where one is");
        let mut both = scope;
        both.filter.any_of.insert(0, tags("type:movie"));
        assert_eq!(both, plan.filter, "{query}");
    }
    // What asks for a part of what was said narrows it; what asks for more or for something else wins over it.
    for (query, filters, narrows) in [
        ("movies like The Matrix", films(), true),
        ("sci-fi series", films(), false),
        ("thrillers since 1990", years(1990, 1999), true),
        ("thrillers since 1990", years(1980, 1989), false),
        ("thrillers from the 90s", years(1995, 1995), true),
        ("thrillers from the 90s", years(1995, 2005), false),
    ] {
        let (scope, said) = (ticked(query, filters).scope.unwrap(), ticked(query, SearchFilters::default()).filter);
        assert_eq!(scope == said, narrows, "{query}: {scope:?}");
    }
    assert_eq!(ticked("films", films()).kind, QueryKind::Browse, "to tick what was said changes nothing");
}

#[test]
fn words_that_were_read_are_narrowed_by_any_filters() {
    let years = YearRange { from: Some(1985), to: Some(1995) };
    let none = SearchFilters::default;
    let some = [
        none(),
        SearchFilters { content_types: vec![ContentType::TvShow], genres: vec!["crime".to_owned()], ..none() },
        SearchFilters { year_range: Some(years), platforms: vec!["hulu".to_owned()], ..none() },
        SearchFilters { people: vec!["Al Pacino".to_owned()], max_runtime_minutes: Some(100), ..none() },
    ];
    for query in [
        "korean films on netflix after 2015 under 2 hours",
        "like The Matrix but funny",
        "\"last heist\" but not horror on hulu",
        "90s comedy series with Al Pacino",
        "",
    ] {
        let of = |filters: &SearchFilters| {
            let request = SearchRequest { filters: filters.clone(), region: "DE".parse().ok(), ..request(query) };
            plan(&request, None, &INDEX.1, 2026).unwrap()
        };
        // What filters have a say in.
        let told = |plan: Plan| (plan.kind, plan.parsed, plan.filter, plan.scope);
        for (before, after) in some.iter().flat_map(|before| some.iter().map(move |after| (before, after))) {
            let narrowed = of(before).narrowed(after, "DE".parse().ok());
            assert_eq!(told(narrowed), told(of(after)), "{query} {before:?} {after:?}");
        }
    }
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

/// What a model said of a query, as it says it.
fn said(intent: serde_json::Value) -> ParsedIntent {
    serde_json::from_value(intent).unwrap()
}

fn heard(query: &str, intent: serde_json::Value) -> Plan {
    plan(&request(query), Some(&said(intent)), &INDEX.1, 2026).unwrap()
}

#[test]
fn a_model_may_read_a_query() {
    let query = "that robbery film with Pacino, on netflix";
    let plan = heard(
        query,
        serde_json::json!({ "text": "robbery", "people": ["Al Pacino"], "genres": ["crime"], "platforms": ["netflix"],
            "confidence": 0.01, "clarification": "Buy now?", "corrections": [{ "from": "a", "to": "b" }] }),
    );
    assert_eq!((plan.parsed_by, plan.doubt), (ParsedBy::Model, None));
    assert_eq!((plan.parsed.text.as_str(), &plan.parsed.people[..]), ("robbery", &["Al Pacino".to_owned()][..]));
    assert!(plan.parsed.corrections.is_empty() && plan.parsed.clarification.as_deref() != Some("Buy now?"));
    assert!(plan.parsed.confidence > 0.01, "how sure it says it is tells little");
    assert_eq!(plan.filter.filter.any_of[0], ["platform:netflix"]);
    assert!(plan.keyword.raised.iter().any(|raised| raised.tags == ["genre:crime"]));
    let like = heard("more of what Neo does", serde_json::json!({ "like": ["The Matrix"] }));
    assert_eq!(
        (like.parsed_by, like.kind, like.like[0].title.as_str()),
        (ParsedBy::Model, QueryKind::Like, "The Matrix")
    );
}

#[test]
fn a_model_that_lies_is_not_believed() {
    let query = "a heist film with Al Pacino";
    let offline = parse(query);
    for (lie, why) in [
        (serde_json::json!({}), "understood nothing"),
        (serde_json::json!({ "confidence": 1.0 }), "understood nothing"),
        (serde_json::json!({ "confidence": 7.0, "text": "heist" }), "bounds"),
        (serde_json::json!({ "genres": ["heistfilm"] }), "bounds"),
        (serde_json::json!({ "moods": ["bought"] }), "bounds"),
        (serde_json::json!({ "year_range": { "from": 2000, "to": 1990 } }), "bounds"),
        (serde_json::json!({ "text": "x".repeat(9_000) }), "bounds"),
        (serde_json::json!({ "like": vec!["Heat"; 50] }), "bounds"),
        (serde_json::json!({ "max_runtime_minutes": 0, "text": "heist" }), "bounds"),
        (serde_json::json!({ "platforms": ["buymore"] }), "does not have"),
        (serde_json::json!({ "exclude": { "platforms": ["buymore"] } }), "does not have"),
        (serde_json::json!({ "languages": ["q9"] }), "does not have"),
        (serde_json::json!({ "like": ["The Film That Is Not"] }), "does not have"),
        (serde_json::json!({ "people": ["Buy Atbestprice"] }), "does not have"),
        (serde_json::json!({ "exclude": { "people": ["Nobody Here"] } }), "does not have"),
        (serde_json::json!({ "text": "heist casino" }), "words"),
        (serde_json::json!({ "exclude": { "text": ["pacino", "rivals"] } }), "words"),
        (serde_json::json!({ "platforms": ["netflix"] }), "service"),
        (serde_json::json!({ "text": "heist", "exclude": { "platforms": ["hulu"] } }), "service"),
    ] {
        let plan = heard(query, lie.clone());
        assert_eq!(plan.parsed_by, ParsedBy::Offline, "{lie}");
        assert!(plan.doubt.is_some_and(|doubt| doubt.contains(why)), "{lie}: {:?}", plan.doubt);
        assert_eq!((plan.parsed, plan.filter), (offline.parsed.clone(), offline.filter.clone()), "{lie}");
    }
}

#[test]
fn languages_of_an_intent_in_the_request_become_tags() {
    let mut request = request("");
    let all = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    request.intent = Some(ParsedIntent {
        languages: all(&["Korean", "pt-BR"]),
        exclude: contracts::Exclusions { languages: all(&["Mandarin"]), ..Default::default() },
        ..ParsedIntent::default()
    });
    let plan = plan(&request, None, &INDEX.1, 2026).unwrap();
    assert_eq!((plan.parsed.languages, plan.parsed.exclude.languages), (all(&["ko", "pt"]), all(&["zh"])));
    assert_eq!(plan.filter.none.tags, ["language:zh"]);
}

#[test]
fn an_intent_in_the_request_is_taken_before_a_models() {
    let mut request = request("heist");
    request.intent = Some(ParsedIntent { text: "clown".to_owned(), ..ParsedIntent::default() });
    let plan = plan(&request, Some(&said(serde_json::json!({ "text": "heist" }))), &INDEX.1, 2026).unwrap();
    assert_eq!((plan.parsed_by, plan.parsed.text.as_str()), (ParsedBy::Request, "clown"));
}

#[test]
fn countries_read_as_in_a_sentence() {
    let named = ["KR", "NL", "US", "XX"].map(country_name);
    assert_eq!(named, ["South Korea", "the Netherlands", "the United States", "XX"]);
}
