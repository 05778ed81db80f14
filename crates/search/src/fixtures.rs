//! A small catalogue for the tests of the pure parts.
#![allow(clippy::unwrap_used, reason = "a fixture that can't be built should stop the test")]

use std::{collections::BTreeMap, sync::Arc};

use contracts::{Content, ContentId, ContentType, Credit, CreditRole, Locale, Region, Translation};
use proptest::{collection::vec, option, prelude::*, sample::select};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    changes::Changes,
    keyword::{KeywordIndex, Snapshot, TitleDoc},
};

/// The id of the title with this number.
pub(crate) fn id(number: u128) -> ContentId {
    ContentId(Uuid::from_u128(number))
}

/// A film with a director, actors and genres.
pub(crate) fn film(number: u128, title: &str, year: u16, genres: &[&str], people: &[&str], overview: &str) -> Content {
    let role = |place: usize| if place == 0 { CreditRole::Director } else { CreditRole::Actor };
    Content {
        id: id(number),
        content_type: ContentType::Movie,
        title: title.to_owned(),
        original_title: None,
        overview: (!overview.is_empty()).then(|| overview.to_owned()),
        locale: Locale::english(),
        release_date: None,
        release_year: Some(year),
        runtime_minutes: None,
        season_count: None,
        genres: genres.iter().map(|genre| (*genre).to_owned()).collect(),
        countries: vec![],
        languages: vec![],
        ratings: Default::default(),
        credits: people
            .iter()
            .enumerate()
            .map(|(place, name)| Credit { name: (*name).to_owned(), role: role(place) })
            .collect(),
        availability: vec![],
        images: vec![],
        external_ids: vec![],
        translations: vec![],
        average_rating: 0.0,
        vote_count: 0,
        popularity_score: 0.5,
        last_updated: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// A film of [`FILMS`]: its title, year, genres, people and overview.
type Film = (&'static str, u16, &'static [&'static str], &'static [&'static str], &'static str);

const WACHOWSKI: &[&str] = &["Lana Wachowski", "Keanu Reeves", "Carrie-Anne Moss"];
const MANN: &[&str] = &["Michael Mann", "Al Pacino", "Robert De Niro"];
const FUTURE: &[&str] = &["science_fiction", "action"];

/// The catalogue; a film's id is its place, counted from 1.
const FILMS: &[Film] = &[
    ("The Matrix", 1999, FUTURE, WACHOWSKI, "A hacker learns that the world is a simulation."),
    ("The Matrix Reloaded", 2003, FUTURE, WACHOWSKI, "Machines dig towards the last city."),
    ("Heat", 1995, &["crime", "thriller"], MANN, "A detective hunts a crew of robbers planning one last heist."),
    ("Heat", 1986, &["action"], &["Dick Richards", "Burt Reynolds"], "A bodyguard in Las Vegas."),
    ("2001: A Space Odyssey", 1968, &["science_fiction"], &["Stanley Kubrick", "Keir Dullea"], "A voyage to Jupiter."),
    ("The Truman Show", 1998, &["comedy", "drama"], &["Peter Weir", "Jim Carrey"], "A life is a television programme."),
    ("1917", 2019, &["war", "drama"], &["Sam Mendes", "George MacKay"], "Two soldiers cross no man's land."),
    ("Amélie", 2001, &["romance", "comedy"], &["Jean-Pierre Jeunet", "Audrey Tautou"], "A waitress changes lives."),
    ("Scarface", 1983, &["crime", "drama"], &["Brian De Palma", "Al Pacino"], "A refugee builds a drug empire."),
    ("It", 2017, &["horror"], &["Andy Muschietti", "Bill Skarsgård"], "A clown haunts a town."),
    ("Batman", 1989, &["action"], &["Tim Burton", "Michael Keaton", "Madonna"], "A caped hero."),
    ("Western", 2017, &["drama"], &["Valeska Grisebach"], "German workers in a Bulgarian valley."),
    ("Some Like It Hot", 1959, &["comedy", "romance"], &["Billy Wilder", "Marilyn Monroe"], "Two musicians hide."),
    ("Monsieur Hulot's Holiday", 1953, &["comedy"], &["Jacques Tati"], "A man at the seaside."),
];

/// The catalogue as titles: The Matrix and the later Heat are popular, and one title has a translation.
pub(crate) fn films() -> Vec<Content> {
    let film = |(place, film): (usize, &Film)| self::film(place as u128 + 1, film.0, film.1, film.2, film.3, film.4);
    let mut films: Vec<Content> = FILMS.iter().enumerate().map(film).collect();
    films[0].popularity_score = 0.9;
    films[2].popularity_score = 0.8;
    films[13].translations.push(Translation {
        locale: "fr".parse().unwrap(),
        title: "Les Vacances de Monsieur Hulot".to_owned(),
        overview: Some("Un homme à la mer.".to_owned()),
    });
    films
}

/// An index of the catalogue; the folder goes with it.
pub(crate) fn index() -> (TempDir, KeywordIndex) {
    let folder = TempDir::new().unwrap();
    let index = KeywordIndex::open(folder.path()).unwrap();
    index.apply(&films(), &[], 7).unwrap();
    (folder, index)
}

/// A snapshot of [`index`]; the files of its folder stay mapped as long as it lives.
pub(crate) fn snapshot() -> (TempDir, Snapshot) {
    let (folder, index) = index();
    (folder, index.snapshot())
}

/// A title of a few names, people and genres, so that much is shared and much is alike.
fn title() -> impl Strategy<Value = TitleDoc> {
    const TITLES: &[&str] =
        &["Alien", "Alien 2", "Alien: Covenant", "Alien 2: Return", "Heat", "The Heat", "Heat 2", "Jaws II", ""];
    const PEOPLE: &[&str] = &["Ann Lee", "Änn Lee", "Bo Ray", "Bo Lee", "Cy", "Di Ray"];
    let role = select(vec![CreditRole::Director, CreditRole::Writer, CreditRole::Actor]);
    let people = vec((select(PEOPLE), role), 0..4);
    let genres = vec(select(&["drama", "crime", "comedy"][..]), 0..3);
    let (names, others) = (select(TITLES), vec(select(TITLES), 0..2));
    let added = vec((select(&["hulu", "max"][..]), select(vec![Region::US, "DE".parse().unwrap()]), 0_i64..3), 0..2);
    (names, others, people, genres, 0_u16..3, added).prop_map(|(title, others, people, genres, weight, added)| {
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<String>>();
        let date = |(service, region, at): (&str, Region, i64)| (service.to_owned(), region, at);
        TitleDoc {
            other_titles: owned(others),
            people: people.into_iter().map(|(name, role)| (name.to_owned(), role)).collect(),
            genres: owned(genres),
            weight: weight << 14,
            added: added.into_iter().map(date).collect(),
            ..TitleDoc::of(&film(0, title, 2000, &[], &[], ""))
        }
    })
}

/// What a catalogue was, and what it is after titles came, changed and went; each in the order of the ids.
pub(crate) fn histories() -> impl Strategy<Value = (Vec<TitleDoc>, Vec<TitleDoc>)> {
    let title = (option::of(title()), option::of(option::of(title())));
    vec(title, 1..25).prop_map(|titles| {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (place, (was, changed)) in titles.into_iter().enumerate() {
            let numbered = |doc: TitleDoc| TitleDoc { id: id(place as u128 + 1), ..doc };
            let is = changed.unwrap_or_else(|| was.clone());
            before.extend(was.map(numbered));
            after.extend(is.map(numbered));
        }
        (before, after)
    })
}

/// What became of the titles of `before`.
pub(crate) fn changes(before: &[TitleDoc], after: &[TitleDoc]) -> Changes {
    let of = |docs: &[TitleDoc]| docs.iter().map(|doc| (doc.id, Arc::new(doc.clone()))).collect::<BTreeMap<_, _>>();
    let (was, is) = (of(before), of(after));
    let mut changes = Changes::default();
    for id in was.keys().chain(is.keys()) {
        changes.record(*id, was.get(id).cloned(), is.get(id).cloned());
    }
    changes
}
