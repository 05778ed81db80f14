//! Resolution as tables: pairs that are one title, and pairs that are not.

use contracts::{Credit, Locale};
use uuid::Uuid;

use super::*;

/// A record written in one line: `source | title | year | directors | actors | runtime | ids | original title`.
fn facets(line: &str) -> Facets {
    Facets::of(&record(line))
}

fn record(line: &str) -> SourceRecord {
    let mut parts = line.split('|').map(str::trim);
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (source, title, year, directors, actors, runtime) = (next(), next(), next(), next(), next(), next());
    let (ids, original) = (next(), next());
    let (content_type, title) = match title.strip_prefix("TV:") {
        Some(title) => (ContentType::TvShow, title.to_owned()),
        None => (ContentType::Movie, title),
    };
    let names = |list: &str, role| -> Vec<Credit> {
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(|name| Credit { name: name.to_owned(), role }).collect()
    };
    let mut credits = names(&directors, CreditRole::Director);
    credits.extend(names(&actors, CreditRole::Actor));
    let external_ids = ids
        .split_whitespace()
        .filter_map(|id| id.split_once(':'))
        .map(|(id_type, id_value)| ExternalId { id_type: id_type.to_owned(), id_value: id_value.to_owned() });
    SourceRecord {
        source_key: title.clone(),
        source,
        content_type,
        title,
        original_title: Some(original).filter(|title| !title.is_empty()),
        locale: Locale::english(),
        overview: None,
        release_date: None,
        release_year: year.parse().ok(),
        runtime_minutes: runtime.parse().ok(),
        season_count: None,
        seasons: Vec::new(),
        translations: Vec::new(),
        genres: vec![],
        countries: vec![],
        languages: vec![],
        ratings: vec![],
        credits,
        external_ids: external_ids.collect(),
        images: vec![],
        offers: vec![],
        rating: None,
    }
}

fn id(n: u128) -> ContentId {
    ContentId(Uuid::from_u128(n))
}

fn decide(a: &str, b: &str) -> Resolution {
    let other = facets(b);
    resolve(&facets(a), &[Candidate { id: id(1), facets: &other }])
}

#[test]
fn what_is_uncertain_is_left_to_a_person() {
    for (a, b) in [
        ("a|Boxcar|1972", "b|Boxcar|1972"),
        ("a|Borat: Cultural Learnings|2006||Sacha Baron Cohen", "b|Borat|2006||Sacha Baron Cohen"),
    ] {
        let found = decide(a, b);
        assert_eq!((found.joined, found.uncertain.len()), (None, 1), "{a} / {b}");
        assert!(found.uncertain[0].clone().words().ends_with("; too little else to go by"));
    }
    let lengths = decide("a|Boxcar|1972|||90", "b|Boxcar|1972|||98").uncertain.remove(0).words();
    assert_eq!(lengths, "title, year; runtimes more than 5 minutes apart");
    let none = decide("a|Borat: Cultural Learnings|2006", "b|Borat|2006");
    assert!(none.joined.is_none() && none.uncertain.is_empty(), "half a title alone is no question: {none:?}");
}

#[test]
fn eidr_decides_before_the_others() {
    let (one, other) = (facets("b|X|1990||||eidr:10.5240/1"), facets("c|Y|1990||||imdb:tt1"));
    let record = facets("a|Z|1990||||imdb:tt1 eidr:10.5240/1");
    let candidates = [Candidate { id: id(2), facets: &other }, Candidate { id: id(1), facets: &one }];
    assert_eq!(resolve(&record, &candidates).joined.map(|found| found.id), Some(id(1)));
}

#[test]
fn every_id_that_sources_share_decides_whatever_the_title_and_a_platforms_own_does_not() {
    for kind in ["eidr", "imdb", "tmdb_movie", "tmdb_tv", "gracenote", "wikidata", "wikipedia"] {
        let with = |what: &str, id: u8| format!("{what}|||{kind}:{id}");
        let joined = decide(&with("a|X|1990|", 1), &with("b|Y|1980|", 1)).joined.unwrap();
        assert_eq!((joined.confidence, joined.evidence), (1.0, format!("{kind} id 1")));
        let other = decide(&with("a|Heat|1995|Michael Mann", 1), &with("b|Heat|1995|Michael Mann", 2));
        assert_eq!((other.joined, &other.apart[0].1), (None, &format!("different {kind} ids")));
    }
    assert_eq!(decide("a|X|1990||||netflix:1", "b|Y|1980||||netflix:1").joined, None);
}

#[test]
fn the_same_title() {
    let table = [
        // identifiers, whatever the rest says
        ("a|The Matrix|1999||||imdb:tt1", "b|Matrix|2003||||imdb:tt1", 1.0),
        ("a|Le Samouraï|1967||||wikidata:Q1", "b|The Godson|1972||||wikidata:Q1", 1.0),
        ("a|Le Samouraï|1967||||imdb:tt1", "b|The Godson|1977||||imdb:tt1", 1.0),
        ("a|Le Samouraï|1967||||imdb:tt1", "b|The Godson|||||imdb:tt1", 1.0),
        ("a|The Matrix|1999||||imdb:tt1", "b|Matrix|2019||||imdb:tt1", 1.0),
        ("a|Le Samouraï|1967||Alain Delon||imdb:tt1", "b|The Godson|1997||Alain Delon||imdb:tt1", 1.0),
        ("a|Le Samouraï|1967||||imdb:tt1 wikidata:Q1", "b|The Godson|1997||||imdb:tt1 wikidata:Q1", 1.0),
        ("a|TV:Heimat|1984||||imdb:tt1", "b|TV:Homeland|1999||||imdb:tt1", 1.0),
        ("a|Old|1990||||imdb:tt1 wikidata:Q1", "a|Old again|1990||||imdb:tt1", 1.0),
        // people
        ("a|Heat|1995|Michael Mann|Al Pacino", "b|Heat|1995|Michael Mann|Al Pacino,Val Kilmer", 0.99),
        ("a|Heat|1995|Michael Mann|Al Pacino", "b|Heat|1996|Michael Mann|Al Pacino,Val Kilmer", 0.98),
        ("a|Heat|1995|Michael Mann", "b|Heat|1995|Michael Mann", 0.98),
        ("a|Heat|1995||Al Pacino,Val Kilmer", "b|Heat|1996||Al Pacino,Val Kilmer", 0.97),
        ("a|Ungli|2014|Renzil D'Silva|Emraan Hashmi", "b|Ungli|2014|Rensil D’Silva|Emraan Hashmi", 0.99),
        ("a|Shape|2001|Bo Welch|Al Pacino,Val Kilmer", "b|Shape|2001|Someone Else|Al Pacino,Val Kilmer", 0.98),
        ("a|Death Machine|1994||Brad Dourif", "b|Death Machine|1995||Brad Dourif,Ely Pouget,William Hootkins", 0.95),
        ("a|Super Size Me|2004||Morgan Spurlock", "b|Super Size Me|2004|Morgan Spurlock|", 0.96),
        // an original title, accents, articles, signs, sequel numerals
        ("a|Amélie|2001|Jean-Pierre Jeunet", "b|Le Fabuleux Destin|2001|Jean Pierre Jeunet||||Amelie", 0.98),
        ("a|The Pride & Joy of Us|1951", "b|Pride and Joy of Us|1951", 0.93),
        ("a|Rocky II|1979||Sylvester Stallone", "b|Rocky 2|1979||Sylvester Stallone", 0.96),
        // no people on one side: only where the title is rare, or the length agrees
        ("a|Boxcar Bertha|1972|Martin Scorsese|David Carradine", "b|Boxcar Bertha|1972", 0.93),
        ("a|Boxcar Bertha|1972|Martin Scorsese||92", "b|Boxcar Bertha|1972|||88", 0.95),
        ("a|Wind|1992|Carroll Ballard||126", "b|Wind|1992|||125", 0.91),
        ("a|TV:Battlestar Galactica|2012||Sharon Horgan", "b|TV:Battlestar Galactica|2012", 0.93),
        // a compound, and a subtitle that one side leaves out
        ("a|Spider-Man|2002|Sam Raimi", "b|Spiderman|2002|Sam Raimi", 0.98),
        (
            "a|Borat: Cultural Learnings|2006|Larry Charles|Sacha Baron Cohen",
            "b|Borat|2006|Larry Charles|Sacha Baron Cohen",
            0.93,
        ),
        // a year missing
        ("a|Heat||Michael Mann", "b|Heat|1995|Michael Mann", 0.92),
        // a longer cut, and series that a service dates by their last season
        (
            "a|Dune|1984|David Lynch|Sting,Kyle MacLachlan|137",
            "b|Dune|1984|David Lynch|Sting,Kyle MacLachlan|190",
            0.99,
        ),
        ("a|TV:Lost|2004||Jack B,Kate A,Hugo R", "b|TV:Lost|2010||Jack B,Kate A,Hugo R", 0.95),
    ];
    for (a, b, confidence) in table {
        for (a, b) in [(a, b), (b, a)] {
            let found = decide(a, b).joined;
            assert_eq!(found.as_ref().map(|found| found.confidence), Some(confidence), "{a}\n{b}\n{found:?}");
        }
    }
}

#[test]
fn different_titles() {
    let table = [
        ("remake", "a|Psycho|1960|Alfred Hitchcock|Janet Leigh", "b|Psycho|1998|Gus Van Sant|Vince Vaughn"),
        ("a remake with the same title a year later", "a|Capote|2005|Bennett Miller", "b|Capote|2006|Douglas McGrath"),
        ("same year, other directors", "a|Wind|2019|Edwin Chang|Emilio F", "b|The Wind|2019|Emma Tammi|Caitlin G"),
        (
            "same year, one director known, other cast",
            "a|Brotherhood|2010|Will Canon|Lou Taylor Pucci",
            "b|Brotherhood|2010||David Dencik",
        ),
        ("sequel", "a|Rocky|1976||Sylvester Stallone", "b|Rocky II|1977||Sylvester Stallone"),
        (
            "film and series",
            "a|Fargo and the Long Title|2014||Martin Freeman",
            "b|TV:Fargo and the Long Title|2014||Martin Freeman",
        ),
        ("film and series with one id", "a|Fargo|2014||||imdb:tt1", "b|TV:Fargo|2014||||imdb:tt1"),
        ("one id, and nothing else agrees", "a|Le Samouraï|1967||||imdb:tt1", "b|The Godson|1978||||imdb:tt1"),
        ("a series with one id", "a|TV:Heimat|1984||||imdb:tt1", "b|TV:Homeland|2000||||imdb:tt1"),
        (
            "two ids of one kind",
            "a|Heat|1995|Michael Mann|Al Pacino||imdb:tt1",
            "b|Heat|1995|Michael Mann|Al Pacino||imdb:tt2",
        ),
        (
            "one id agrees, another does not",
            "a|Heat|1995|||| imdb:tt1 wikidata:Q1",
            "b|Heat|1995||||imdb:tt1 wikidata:Q2",
        ),
        ("a common title alone", "a|Wind|2019", "b|Wind|2019"),
        ("a rare title a year apart, nothing else", "a|Boxcar Bertha|1972", "b|Boxcar Bertha|1973"),
        (
            "a sequel of the next year whose first part has no subtitle",
            "a|Borat: Subsequent Moviefilm|2007|Larry Charles|Sacha Baron Cohen",
            "b|Borat|2006|Larry Charles|Sacha Baron Cohen",
        ),
        (
            "parts of one year",
            "a|Kill Bill: Vol. 2|2003|Quentin Tarantino|Uma Thurman",
            "b|Kill Bill|2003|Quentin Tarantino|Uma Thurman",
        ),
        ("two years apart", "a|Heat|1995|Michael Mann|Al Pacino", "b|Heat|1997|Michael Mann|Al Pacino"),
        ("lengths apart", "a|Boxcar Bertha|1972|||92", "b|Boxcar Bertha|1972|||112"),
        ("no year, no people", "a|Boxcar Bertha||", "b|Boxcar Bertha|1972"),
        ("one source lists both", "a|Boxcar Bertha|1972|Martin Scorsese", "a|Boxcar Bertha|1972|Martin Scorsese"),
        ("nothing in common", "a|Heat|1995|Michael Mann", "b|Collateral|1995|Michael Mann"),
        ("a platform's own id is no shared id", "a|Wind|2019||||netflix:s1", "b|Wind|2019||||netflix:s1"),
        (
            "one person of many, a year apart",
            "a|Heat|1995||Al Pacino,X One,X Two",
            "b|Heat|1996||Al Pacino,Y One,Y Two",
        ),
    ];
    for (name, a, b) in table {
        for (a, b) in [(a, b), (b, a)] {
            assert_eq!(decide(a, b).joined, None, "{name}: {a} / {b}");
        }
    }
}

#[test]
fn the_best_candidate_wins_and_a_tie_is_none() {
    let wind = facets("a|Gulliver's Travels|2010||Jack Black");
    let good = facets("b|Gulliver's Travels|2010|Rob Letterman|Jack Black");
    let rare = facets("c|Gulliver's Travels|2010");
    let candidates = [Candidate { id: id(1), facets: &rare }, Candidate { id: id(2), facets: &good }];
    assert_eq!(resolve(&wind, &candidates).joined.map(|found| found.id), Some(id(2)));

    let nobody = facets("a|Gulliver's Travels|2010");
    let tie = resolve(&nobody, &candidates);
    assert_eq!(tie.joined, None);
    assert_eq!(tie.uncertain.len(), 2);
    assert!(tie.uncertain.iter().all(|one| one.clone().words().ends_with("as good a match")), "{tie:?}");
    assert_eq!(resolve(&nobody, &[]), Resolution::default());
}

#[test]
fn the_most_trusted_id_decides_between_two_titles() {
    let record = facets("a|X|2000||||wikipedia:X imdb:tt1");
    let (imdb, wikipedia) = (facets("b|Y|2000||||imdb:tt1"), facets("c|Z|2000||||wikipedia:X"));
    let candidates = [Candidate { id: id(1), facets: &wikipedia }, Candidate { id: id(2), facets: &imdb }];
    let found = resolve(&record, &candidates).joined.unwrap();
    assert_eq!((found.id, found.evidence.as_str()), (id(2), "imdb id tt1"));
}

#[test]
fn evidence_says_what_agreed_and_what_did_not() {
    let joined = decide("a|Heat|1995|Michael Mann|Al Pacino|170", "b|Heat|1995|Michael Mann|Al Pacino|171").joined;
    assert_eq!(joined.unwrap().evidence, "title, year, director, 2 people, runtime");
    let apart = decide("a|Psycho|1960|Alfred Hitchcock", "b|Psycho|1960|Gus Van Sant").apart;
    assert_eq!(apart, [(id(1), "same title, other directors".to_owned())]);
    let apart = decide("a|Le Samouraï|1967||||imdb:tt1", "b|The Godson|1978||||imdb:tt1").apart;
    assert_eq!(apart, [(id(1), "imdb id tt1, but unlike titles, 11 years apart".to_owned())]);
}

#[test]
fn blocks_are_every_key_with_every_year() {
    let two = Facets::of(&record("a|Amélie|2001|||||Le Destin"));
    assert_eq!(two.blocks().collect::<Vec<_>>(), [("amelie", 2001), ("ledestin", 2001)]);
    let subtitled = facets("a|Air Waves: The Return|2001");
    assert_eq!(subtitled.blocks().collect::<Vec<_>>(), [("airwaves", 2001), ("airwavesthereturn", 2001)]);
    assert_eq!(facets("a|Heat|").blocks().collect::<Vec<_>>(), [("heat", 0)]);
    assert!(two.near(ContentType::Movie, 2002) && two.near(ContentType::Movie, 0));
    assert!(!two.near(ContentType::Movie, 2003) && two.near(ContentType::TvShow, 2010));
}
