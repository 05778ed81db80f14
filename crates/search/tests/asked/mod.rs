//! What people ask: filters, facets, intents and suggestions over the whole service.

use std::{sync::atomic::Ordering, time::Duration};

use contracts::{
    Call, ContentId, ContentType, Credit, CreditRole, ErrorKind, Event, EventId, FacetField, Language, ParsedIntent,
    SearchApi, SearchFilters, SearchRequest, SearchResponse, SortOrder, SourceRecord, SuggestionKind, Topic, Trace,
};
use serde_json::json;
use stores::events;
use testkit::call;

use crate::{
    titles,
    world::{Faulty, Running, World, films, record},
};

#[tokio::test]
async fn a_filter_brings_what_its_number_says() {
    let mut films = films();
    // Two dramas, and one of them is about crime.
    films[2].genres.push("drama".to_owned());
    films[4].genres.push("drama".to_owned());
    let world = World::with(films).await;
    let running = world.start(false).await;
    let facets = vec![FacetField::Genres];
    let crimes = SearchRequest { query: "crime films".to_owned(), facets, page_size: 1, ..SearchRequest::default() };
    let found = running.search(&crimes).await;
    assert!(found.facets[&FacetField::Genres].len() > 1);
    for value in &found.facets[&FacetField::Genres] {
        let filters = SearchFilters { genres: vec![value.value.clone()], ..SearchFilters::default() };
        let ticked = running.search(&SearchRequest { filters, ..crimes.clone() }).await;
        assert_eq!(ticked.total_count, value.count, "{}", value.label);
        assert_eq!(ticked.query_parsed.genres, ["crime"]);
    }
}

#[tokio::test]
async fn facets_count_all_matches_and_new_filters_hold() {
    let mut films = films();
    films[2].runtime_minutes = Some(170);
    films[2].languages = Language::all_of(&["en"]);
    films[5].runtime_minutes = Some(122);
    films[5].languages = Language::all_of(&["fr"]);
    films[2].rating = Some((8.3, 100));
    films[5].rating = Some((8.2, 100));
    let world = World::with(films).await;
    let running = world.start(true).await;
    let all = SearchRequest { facets: FacetField::ALL.to_vec(), page_size: 1, ..SearchRequest::default() };
    let found = running.search(&all).await;
    let count = |found: &SearchResponse, field: FacetField, value: &str| {
        found.facets[&field].iter().find(|facet| facet.value == value).map(|facet| (facet.label.clone(), facet.count))
    };
    let of = |label: &str, count: u64| Some((label.to_owned(), count));
    assert_eq!((found.results.len(), found.total_count, found.total_count_is_capped), (1, 9, false));
    assert_eq!(count(&found, FacetField::Genres, "crime"), of("Crime", 3), "over all matches, not the page");
    assert_eq!(count(&found, FacetField::ContentTypes, "tv_show"), of("Series", 1));
    assert_eq!(count(&found, FacetField::Decades, "1990"), of("1990s", 3));
    assert_eq!(count(&found, FacetField::Platforms, "netflix"), of("Netflix", 2));
    assert_eq!(count(&found, FacetField::Languages, "fr"), of("French", 1));
    let here = running.search(&SearchRequest { region: "DE".parse().ok(), ..all.clone() }).await;
    assert_eq!(count(&here, FacetField::Platforms, "netflix"), of("Netflix", 1));
    let pacino = running.search(&SearchRequest { query: "al pacino".to_owned(), ..all.clone() }).await;
    let crime: u64 = count(&pacino, FacetField::Genres, "crime").unwrap().1;
    assert!(crime >= 2 && crime <= pacino.total_count, "{:?}", pacino.facets);
    assert!(running.ask("heat").await.facets.is_empty(), "nothing is counted that nobody asked for");

    let with = |query: &str, filters: SearchFilters| SearchRequest { query: query.to_owned(), filters, ..all.clone() };
    let none = SearchFilters::default;
    let table = [
        ("", SearchFilters { people: vec!["AL PACINO".to_owned()], ..none() }, vec!["Heat", "Scarface"]),
        ("robbers", SearchFilters { people: vec!["al pacino".to_owned()], ..none() }, vec!["Heat"]),
        ("", SearchFilters { languages: vec!["fr".to_owned()], ..none() }, vec!["Amélie"]),
        ("a waitress", SearchFilters { languages: vec!["French".to_owned()], ..none() }, vec!["Amélie"]),
        ("", SearchFilters { languages: vec!["fr-CA".to_owned()], ..none() }, vec!["Amélie"]),
        ("", SearchFilters { min_rating: Some(8.3), ..none() }, vec!["Heat"]),
        ("", SearchFilters { max_rating: Some(8.2), ..none() }, vec!["Amélie"]),
        ("", SearchFilters { min_rating: Some(8.2), max_rating: Some(8.3), ..none() }, vec!["Amélie", "Heat"]),
        ("a waitress", SearchFilters { max_runtime_minutes: Some(122), ..none() }, vec!["Amélie"]),
    ];
    for (query, filters, expected) in table {
        let found = running.search(&SearchRequest { page_size: 20, ..with(query, filters.clone()) }).await;
        let mut found = titles(&found);
        found.sort_unstable();
        assert_eq!(found, expected, "{query} {filters:?}");
    }
    let refused = [
        (SearchFilters { platforms: vec!["netflx".to_owned()], ..none() }, "unknown_platform"),
        (SearchFilters { languages: vec!["klingonese".to_owned()], ..none() }, "unknown_language"),
        (SearchFilters { people: vec!["🎬".to_owned()], ..none() }, "bad_person"),
        (SearchFilters { min_rating: Some(f64::NAN), ..none() }, "bad_rating"),
        (SearchFilters { max_rating: Some(f64::NAN), ..none() }, "bad_rating"),
        (SearchFilters { min_rating: Some(8.0), max_rating: Some(7.9), ..none() }, "bad_rating_range"),
        (SearchFilters { max_runtime_minutes: Some(0), ..none() }, "bad_runtime"),
    ];
    for (filters, code) in refused {
        let error = running.search.search(&call(), &with("", filters)).await.unwrap_err();
        assert_eq!((error.kind, &*error.code), (ErrorKind::InvalidArgument, code));
    }
    running.stop().await;
}

#[tokio::test]
async fn what_fits_is_told_from_what_comes_near() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let table = [
        ("", Some(9)),
        ("films", Some(8)),
        ("films with al pacino", Some(2)),
        ("crime films directed by michael mann", Some(1)),
        ("directed by al pacino", Some(0)),
        ("robbers", Some(1)),
        ("films like heat", None),
        ("french films", None),
        ("a man in a film I saw as a child lives on television and does not know it at all", None),
    ];
    let facets = vec![FacetField::Genres];
    let of =
        |query: &str| SearchRequest { query: query.to_owned(), facets: facets.clone(), ..SearchRequest::default() };
    for (query, fitting) in table {
        let found = running.search(&of(query)).await;
        assert_eq!(found.fitting_count, fitting, "{query}");
        assert!(found.total_count >= fitting.unwrap_or(0), "{query}: {}", found.total_count);
    }
    assert!(running.search(&of("directed by al pacino")).await.total_count > 0, "what he plays in comes near");
    assert_eq!(running.ask("al pacino").await.fitting_count, None, "nothing is counted that nobody asked for");
    let filters = SearchFilters { content_types: vec![ContentType::TvShow], ..SearchFilters::default() };
    let series = SearchRequest { filters, ..of("crime") };
    assert_eq!(running.search(&series).await.fitting_count, Some(1), "the filters hold for both");
    let sorted = SearchRequest { sort: SortOrder::Newest, query: "al pacino".to_owned(), ..SearchRequest::default() };
    let sorted = running.search(&sorted).await;
    assert_eq!((sorted.fitting_count, sorted.total_count), (Some(2), 2), "a sorted list has nothing else");
    running.stop().await;
}

#[tokio::test]
async fn names_are_completed_as_they_are_typed() {
    let world = World::with(films()).await;
    let running = world.start(false).await;
    let ask = async |prefix: &str, limit: usize| running.search.autocomplete(&call(), prefix, limit).await;
    let found = ask("matr", 10).await.unwrap();
    let texts: Vec<&str> = found.iter().map(|suggestion| suggestion.text.as_str()).collect();
    assert_eq!(texts, ["The Matrix", "The Matrix Reloaded"]);
    assert_eq!((found[0].kind, found[0].year), (SuggestionKind::Title, Some(1999)));
    assert_eq!(found[0].content_id, Some(running.ask("the matrix").await.results[0].content.id));
    assert_eq!(ask("pac", 10).await.unwrap()[0].kind, SuggestionKind::Person);
    assert_eq!(ask("sci", 10).await.unwrap()[0].text, "Science fiction");
    assert!(ask("", 10).await.unwrap().is_empty() && ask("🎬", 10).await.unwrap().is_empty());
    for limit in [0, 21] {
        assert_eq!(ask("m", limit).await.unwrap_err().code, "bad_limit");
    }
    assert_eq!(ask(&"x".repeat(2_001), 10).await.unwrap_err().code, "query_too_long");
    running.stop().await;
}

#[tokio::test]
async fn similar_titles_say_why() {
    let world = World::with(films()).await;
    let running = world.start(true).await;
    let heat = running.ask("heat").await.results[0].content.id;
    let found = running.search.similar(&call(), heat, None, 3).await.unwrap();
    assert_eq!((found.content_id, found.results.len()), (heat, 3));
    assert_eq!(found.results[0].content.title, "Scarface");
    assert_eq!(found.results[0].match_reasons[0], "Shares cast with “Heat”: Al Pacino");
    assert!(found.results[0].graph_score > 0.0 && found.results[0].vector_similarity > 0.0);
    assert!(found.results.iter().all(|result| result.content.id != heat));
    let here = running.search.similar(&call(), heat, "US".parse().ok(), 10).await.unwrap();
    assert_eq!(here.results.iter().map(|r| r.content.title.as_str()).collect::<Vec<_>>(), ["Scarface"]);
    let error = running.search.similar(&call(), ContentId(uuid::Uuid::from_u128(7)), None, 3).await.unwrap_err();
    assert_eq!((error.kind, &*error.code), (ErrorKind::NotFound, "unknown_content"));
    assert_eq!(running.search.similar(&call(), heat, None, 0).await.unwrap_err().code, "bad_limit");
    running.stop().await;
}

#[tokio::test]
async fn rows_to_look_around_in_come_from_facts() {
    let mut films = films();
    for (place, film) in films.iter_mut().enumerate() {
        film.rating = Some((7.0, 10 + 100 * place as u32));
        if place < 4 {
            film.credits = vec![Credit { name: "Agnès Varda".to_owned(), role: CreditRole::Director }];
        }
    }
    let added = |day: &str| Some(format!("2020-01-{day}T00:00:00Z").parse().unwrap());
    for (place, day) in [(0, "01"), (2, "03"), (3, "02")] {
        let mut offer = films[2].offers[0].clone();
        offer.available_from = added(day);
        films[place].offers = vec![offer];
    }
    let world = World::with(films).await;
    let running = world.start(false).await;
    let rows = running.search.discover(&call(), None).await.unwrap();
    let row = |id: &str| rows.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no {id}"));
    let titles = |id: &str| row(id).items.iter().map(|item| item.title.as_str()).collect::<Vec<_>>();
    assert_eq!(titles("added:netflix"), ["Heat", "Scarface", "The Matrix"], "the newest first");
    assert_eq!(titles("genre:crime"), ["The Wire", "Scarface", "Heat"], "the most votes first");
    assert_eq!(titles("decade:1990"), ["The Truman Show", "Heat", "The Matrix"]);
    assert_eq!(row("director:agnes varda").title, "Directed by Agnès Varda");
    assert!(rows.iter().all(|row| !row.reason.is_empty() && row.items.len() >= 3));
    for row in &rows {
        let behind = running.search(&row.search).await;
        let begins: Vec<_> = behind.results.iter().take(row.items.len()).map(|result| result.content.id).collect();
        assert_eq!(begins, row.items.iter().map(|item| item.id).collect::<Vec<_>>(), "{}", row.id);
    }
    let crime = running.search(&row("genre:crime").search).await;
    assert_eq!(crime.total_count, 3, "a row's search finds all of it");
    let here = running.search.discover(&call(), "US".parse().ok()).await.unwrap();
    let offered = |item: &contracts::TitleCard| {
        item.offers.iter().all(|offer| offer.region.as_str() == "US") && !item.offers.is_empty()
    };
    assert!(!here.is_empty() && here.iter().all(|row| row.items.iter().all(offered)));
    // Where nobody offers anything, what there is is shown all the same.
    let nowhere = running.search.discover(&call(), "EG".parse().ok()).await.unwrap();
    let unoffered = rows.iter().map(|row| row.id.as_str()).filter(|id| !id.starts_with("added:"));
    assert_eq!(nowhere.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), unoffered.collect::<Vec<_>>());
    assert!(
        nowhere.iter().all(|row| row.search.region.is_none() && row.items.iter().all(|item| item.offers.is_empty()))
    );
    assert_eq!(
        row("genre:crime").about,
        contracts::Wording::new("genre", [("genre", "crime".into()), ("count", "3".into())])
    );
    assert_eq!(row("director:agnes varda").about.arg("name"), "Agnès Varda");
    running.stop().await;
}

#[tokio::test]
async fn an_order_holds_over_words_people_and_pages() {
    let mut films = films();
    films.push(record(
        "The Matrix Revisited",
        2001,
        ContentType::Movie,
        &["documentary"],
        &["Josh Oreck"],
        "A hacker.",
    ));
    films[0].credits.push(Credit { name: "Josh Oreck".to_owned(), role: CreditRole::Actor });
    let world = World::with(films).await;
    let running = world.start(true).await;
    let ask = async |query: &str, sort: SortOrder| {
        let found = running.search(&SearchRequest { query: query.to_owned(), sort, ..SearchRequest::default() }).await;
        titles(&found)
    };
    let newest = ["The Matrix Reloaded", "The Matrix Revisited", "The Matrix"];
    assert_eq!(ask("the matrix", SortOrder::Newest).await, newest, "nothing that is only near in meaning");
    assert_eq!(
        ask("directed by josh oreck", SortOrder::Popular).await,
        ["The Matrix Revisited"],
        "who acted is no director"
    );
    assert_eq!(ask("josh oreck", SortOrder::Newest).await, ["The Matrix Revisited", "The Matrix"]);
    assert_eq!(ask("crime films with al pacino since 1990", SortOrder::Newest).await, ["Heat"]);
    let like = ask("movies like the matrix", SortOrder::Newest).await;
    assert!(like.contains(&"The Matrix Reloaded".to_owned()) && !like.contains(&"The Matrix".to_owned()), "{like:?}");
    let all = SearchRequest {
        sort: SortOrder::Newest,
        page_size: 100,
        facets: vec![FacetField::Genres],
        ..SearchRequest::default()
    };
    let all = running.search(&all).await;
    let years: Vec<_> = all.results.iter().map(|result| result.content.release_year).collect();
    assert!(years.is_sorted_by(|a, b| a >= b) && years.len() == 10, "{years:?}");
    let crime = all.facets[&FacetField::Genres].iter().find(|value| value.value == "crime").unwrap();
    assert_eq!(crime.count, 3, "counts are of all, in any order");
    let mut paged = Vec::new();
    for page in 1..=4 {
        let asked = SearchRequest { sort: SortOrder::Newest, page, page_size: 3, ..SearchRequest::default() };
        paged.extend(titles(&running.search(&asked).await));
    }
    assert_eq!(paged, titles(&all), "pages hang together");
    // An answer that is kept belongs to its order.
    assert_ne!(titles(&running.ask("the matrix").await)[..3], newest);
    running.stop().await;
}

/// A film: title, year, genres, people, overview, minutes, language and country.
type Film = (
    &'static str,
    u16,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
    u16,
    &'static str,
    &'static str,
);

const CINEMA: &[Film] = &[
    (
        "Looking for Richard",
        1996,
        &["documentary"],
        &["Al Pacino", "Al Pacino"],
        "An actor stages a play about crime.",
        112,
        "English",
        "US",
    ),
    ("Paddington", 2014, &["family", "comedy"], &["Paul King"], "A bear finds a home.", 95, "English", "GB"),
    ("The Sound of Music", 1965, &["family", "musical"], &["Robert Wise"], "A governess sings.", 174, "English", "US"),
    ("Oldboy", 2003, &["thriller"], &["Park Chan-wook"], "A man is locked up for years.", 120, "Korean", "KR"),
    ("The Call", 2020, &["thriller"], &["Lee Chung-hyun"], "A telephone joins two times.", 112, "Korean", "KR"),
    ("Gone Girl", 2014, &["thriller"], &["David Fincher"], "A wife disappears.", 149, "English", "US"),
    ("Playtime", 1967, &["comedy"], &["Jacques Tati"], "A man is lost in a modern city.", 115, "French", "FR"),
    (
        "2001: A Space Odyssey",
        1968,
        &["science_fiction"],
        &["Stanley Kubrick"],
        "A voyage to Jupiter.",
        149,
        "English",
        "US",
    ),
    ("1984", 1956, &["drama"], &["Michael Anderson"], "Somebody is watching.", 90, "English", "GB"),
    ("Se7en", 1995, &["crime"], &["David Fincher"], "Seven sins, seven murders.", 127, "English", "US"),
    ("M", 1931, &["crime"], &["Fritz Lang"], "A city hunts a murderer.", 117, "German", "DE"),
    (
        "Galaxy Quest",
        1999,
        &["science_fiction", "comedy"],
        &["Dean Parisot"],
        "Actors in a simulation of space.",
        102,
        "English",
        "US",
    ),
    ("Dawn", 2004, &["horror"], &["Zack Snyder"], "Zombies besiege a shopping centre.", 101, "English", "US"),
    ("Seaside", 1990, &["drama"], &["Ann Marsh"], "A family by the sea.", 90, "English", "GB"),
];

/// Films with lengths, languages, countries, votes and offers, as the examples of the issue need them.
fn cinema() -> Vec<SourceRecord> {
    let mut films = films();
    for (title, year, genres, people, overview, minutes, language, country) in CINEMA {
        let mut film = record(title, *year, ContentType::Movie, genres, people, overview);
        film.runtime_minutes = Some(*minutes);
        film.languages = Language::all_of(&[*language]);
        film.countries = vec![country.parse().unwrap()];
        // A few votes are still more than none.
        film.rating = Some((7.0, if *title == "Seaside" { 3 } else { 1_000 }));
        films.push(film);
    }
    let netflix = films[2].offers[0].clone();
    for film in &mut films {
        if ["Oldboy", "The Call", "Gone Girl"].contains(&film.title.as_str()) {
            film.offers = vec![netflix.clone()];
        }
    }
    films
}

#[tokio::test]
async fn what_people_really_ask_is_answered() {
    let world = World::with(cinema()).await;
    let running = world.start(true).await;
    let ask = async |query: &str| titles(&running.ask(query).await);
    let first = [
        ("movies like The Matrix but funny", "Galaxy Quest"),
        ("90s heist films with Al Pacino", "Heat"),
        ("90s crime films with Al Pacino", "Heat"),
        ("films directed by Al Pacino", "Looking for Richard"),
        ("something relaxing for the whole family under two hours", "Paddington"),
        ("Korean thrillers on Netflix after 2015", "The Call"),
        ("what was that film where zombies besiege a shopping centre", "Dawn"),
        ("french comedies from the 60s", "Playtime"),
        ("the matirx", "The Matrix"),
        ("It", "It"),
        ("1984", "1984"),
        ("2001", "2001: A Space Odyssey"),
        ("Se7en", "Se7en"),
        ("M", "M"),
        ("\"modern city\"", "Playtime"),
        ("robbery", "Heat"),
        ("romcoms", "Amélie"),
        ("comedies under 100 minutes", "Paddington"),
    ];
    for (query, expected) in first {
        let found = ask(query).await;
        assert_eq!(found.first().map(String::as_str), Some(expected), "{query}: {found:?}");
    }
    let only = [
        ("Korean thrillers on Netflix after 2015", vec!["The Call"]),
        ("films with Al Pacino not directed by Brian De Palma from the 80s", vec![]),
        ("\"modern city\"", vec!["Playtime"]),
    ];
    for (query, expected) in only {
        assert_eq!(ask(query).await, expected, "{query}");
    }
    let never = [
        ("not horror", "It"),
        ("no horror", "Dawn"),
        ("crime films without Al Pacino", "Heat"),
        ("crime films not with Al Pacino", "Scarface"),
        ("horror without zombies", "Dawn"),
        ("something relaxing for the whole family under two hours", "The Sound of Music"),
        ("Korean thrillers", "Gone Girl"),
        ("movies like The Matrix but not like The Matrix Reloaded", "The Matrix Reloaded"),
        ("mars", "Seaside"),
    ];
    for (query, unwanted) in never {
        let found = ask(query).await;
        assert!(!found.contains(&unwanted.to_owned()), "{query}: {found:?}");
    }
    assert!(ask("not horror").await.len() > 10, "everything else is there");
    assert_eq!(ask("xqzzvw plkjhg wwwwwww").await, Vec::<String>::new(), "nonsense finds nothing");
    running.stop().await;
}

#[tokio::test]
async fn what_was_understood_is_told_and_can_be_edited() {
    let world = World::with(cinema()).await;
    let running = world.start(true).await;
    let read = running.ask("movies with al pachino without horror").await.query_parsed;
    assert_eq!(
        (read.people.as_slice(), read.exclude.genres.as_slice()),
        (&["Al Pacino".to_owned()][..], &["horror".to_owned()][..])
    );
    assert_eq!((read.corrections[0].from.as_str(), read.corrections[0].to.as_str()), ("pachino", "pacino"));
    assert!(read.confidence >= 0.7 && read.clarification.is_none());
    let unsure = running.ask("movies like Zyzzyx").await.query_parsed;
    let asked = unsure.clarification.as_deref().unwrap_or_default();
    assert!(unsure.confidence < 0.7 && asked.contains("Zyzzyx"), "{unsure:?}");
    let same = SearchRequest { intent: Some(read.clone()), ..SearchRequest::default() };
    let (edited, typed) = (running.search(&same).await, running.ask("movies with al pachino without horror").await);
    assert_eq!(titles(&edited)[0], titles(&typed)[0]);
    let others = ParsedIntent { people: vec!["Robert Wise".to_owned()], ..read };
    let others = SearchRequest { intent: Some(others), query: "ignored".to_owned(), ..SearchRequest::default() };
    assert_eq!(titles(&running.search(&others).await)[0], "The Sound of Music");
    let mood = running.ask("something relaxing for the whole family under two hours").await;
    assert_eq!(mood.query_parsed.moods, ["relaxing"]);
    let reasons = &mood.results[0].match_reasons;
    assert!(
        reasons.contains(&"Genre: Family".to_owned()) && reasons.contains(&"Runs 95 minutes".to_owned()),
        "{reasons:?}"
    );
    running.stop().await;
}

#[tokio::test]
async fn what_nobody_rated_comes_after_what_somebody_did() {
    let world = World::with(cinema()).await;
    let running = world.start(false).await;
    let all = running.search(&SearchRequest { page_size: 100, ..SearchRequest::default() }).await;
    let rated: Vec<bool> = all.results.iter().map(|result| result.content.vote_count > 0).collect();
    assert!(rated.iter().any(|rated| *rated) && rated.iter().any(|rated| !rated));
    assert!(rated.is_sorted_by(|a, b| a >= b), "{rated:?}");
    running.stop().await;
}

#[tokio::test]
async fn an_answer_is_kept_until_the_indexes_move() {
    let world = World::with(films()).await;
    let faulty = Faulty::around(&world);
    let running = world.start_over(true, faulty.clone()).await;
    let (first, embedded) = (running.ask("hacker voyage").await, world.model.texts.load(Ordering::SeqCst));
    world.model.broken.store(true, Ordering::SeqCst);
    faulty.failures.store(1, Ordering::SeqCst);
    let again = running.ask("hacker voyage").await;
    let timeless = |answer: &SearchResponse| SearchResponse { search_time_ms: 0.0, ..answer.clone() };
    assert_eq!(timeless(&again), timeless(&first));
    assert!(again.degraded.is_empty() && world.model.texts.load(Ordering::SeqCst) == embedded, "no source was asked");
    assert_eq!(faulty.failures.swap(0, Ordering::SeqCst), 1, "nor the catalogue");
    let fresh = running.ask("robbers heist").await;
    assert_eq!(fresh.degraded.len(), 1, "another question is asked anew, and a poor answer is not kept");
    world.model.broken.store(false, Ordering::SeqCst);
    assert!(running.ask("robbers heist").await.degraded.is_empty());
    // What others write into the log changes no title.
    let (clock, mut tx) = (testkit::clock(), world.db.db().begin().await.unwrap());
    let (id, trace) = (EventId(testkit::ids().next()), Trace::start(&testkit::rng()));
    let mut foreign = Event::new(id, "/auth", Topic::ContentUpdated, ContentId(id.0), clock.now(), trace, json!({}));
    foreign.kind = "auth.changed".to_owned();
    events::append(&mut tx, &[foreign]).await.unwrap();
    tx.commit().await.unwrap();
    running.search.wait_until_caught_up(Duration::from_secs(60)).await.unwrap();
    faulty.failures.store(1, Ordering::SeqCst);
    assert_eq!(timeless(&running.ask("hacker voyage").await), timeless(&first), "it is still kept");
    assert_eq!(faulty.failures.swap(0, Ordering::SeqCst), 1, "the catalogue was not asked");
    let solaris = record("Solaris", 1972, ContentType::Movie, &[], &["Andrei Tarkovsky"], "A voyage.");
    world.ingest(&[solaris]).await;
    running.search.wait_until_caught_up(Duration::from_secs(60)).await.unwrap();
    assert!(titles(&running.ask("hacker voyage").await).contains(&"Solaris".to_owned()));
    running.stop().await;
}

#[tokio::test]
async fn odd_input_has_a_defined_answer() {
    let world = World::with(cinema()).await;
    let running = world.start(true).await;
    let long = "x".repeat(100_000);
    assert_eq!(
        running
            .search
            .search(&call(), &SearchRequest { query: long, ..SearchRequest::default() })
            .await
            .unwrap_err()
            .code,
        "query_too_long"
    );
    let stop_words = running.ask("the of and is").await;
    assert!(stop_words.query_parsed.clarification.is_some());
    let emoji = running.ask(&"🎬🍿".repeat(200)).await;
    assert_eq!((emoji.total_count, emoji.query_parsed.confidence < 0.2), (0, true));
    assert_eq!(running.ask("\u{0}heat\u{7f}").await.results[0].content.title, "Heat");
    assert!(running.ask("мatrix матрица 千と heat").await.degraded.is_empty());
    let past = running.search(&SearchRequest { query: "heat".to_owned(), page: 50, ..SearchRequest::default() }).await;
    assert!(past.results.is_empty() && past.total_count > 0);
    let contradiction = running.ask("horror but no horror").await;
    assert!(contradiction.query_parsed.clarification.is_some());
    assert!(contradiction.results.iter().all(|result| !result.content.genres.contains(&"horror".to_owned())));
    let never = running.ask("movies after 2010 before 1990").await.query_parsed;
    assert!(never.confidence < 0.7 && never.clarification.is_some());
    let tongue = Call { locale: "tlh".parse().unwrap(), ..call() };
    let heat = SearchRequest { query: "heat".to_owned(), ..SearchRequest::default() };
    assert_eq!(running.search.search(&tongue, &heat).await.unwrap().results[0].content.title, "Heat");
    running.stop().await;
}

#[tokio::test]
async fn what_is_searched_for_by_name_is_shown_and_stays() {
    let world = World::with(films()).await;
    let running = world.start(false).await;
    let shown = async |running: &Running| running.search.trending(&call(), None, 10).await.unwrap();
    assert!(shown(&running).await.is_empty(), "nothing was searched for");
    let has_row = async |running: &Running| {
        running.search.discover(&call(), None).await.unwrap().iter().any(|row| row.id == "trending")
    };
    assert!(!has_row(&running).await);
    for (query, people) in
        [("Scarface", 9), ("heat", 7), ("The Matrix", 5), ("the wire", 4), ("films with al pacino", 20)]
    {
        running.ask_from(people, query).await;
    }
    for _ in 0..20 {
        // One person who asks again and again is still one.
        running.ask_from(1, "the wire").await;
        running.ask("1917").await;
    }
    // A second page is no second search.
    let second = SearchRequest { query: "the wire".to_owned(), page: 2, ..SearchRequest::default() };
    running.search(&second).await;
    running.stop().await;

    let running = world.start(false).await;
    let titles = |shown: Vec<contracts::Content>| shown.into_iter().map(|title| title.title).collect::<Vec<_>>();
    let since = std::time::Instant::now();
    while shown(&running).await.is_empty() {
        assert!(since.elapsed() < Duration::from_secs(60), "what was counted is lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(titles(shown(&running).await), ["Scarface", "Heat", "The Matrix"], "what few searched for is not shown");
    assert!(has_row(&running).await);
    assert_eq!(titles(running.search.trending(&call(), None, 1).await.unwrap()), ["Scarface"]);
    let row = running.search.discover(&call(), None).await.unwrap().into_iter().find(|row| row.id == "trending");
    let behind = running.search(&row.unwrap().search).await;
    assert_eq!(crate::titles(&behind)[..3], ["Scarface", "Heat", "The Matrix"], "the row's search begins as it does");
    assert_eq!(behind.total_count, 9, "then everything else");
    let here = running.search.trending(&call(), "US".parse().ok(), 10).await.unwrap();
    assert!(!here.is_empty() && here.iter().all(|title| !title.availability.is_empty()), "{here:?}");
    running.stop().await;
}

#[tokio::test]
async fn rows_do_not_wait_for_the_directory() {
    let world = World::with(films()).await;
    let faulty = Faulty::around(&world);
    let running = world.start_over(false, faulty.clone()).await;
    faulty.stalled.store(true, Ordering::SeqCst);
    let rows = tokio::time::timeout(Duration::from_secs(60), running.search.discover(&call(), None)).await;
    assert!(!rows.expect("it was waited for").unwrap().is_empty());
    faulty.stalled.store(false, Ordering::SeqCst);
    running.stop().await;
}
