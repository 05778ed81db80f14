//! A small catalogue for the tests of the pure parts.
#![allow(clippy::unwrap_used, reason = "a fixture that can't be built should stop the test")]

use contracts::{Content, ContentId, ContentType, Credit, CreditRole, Locale, Translation};
use tempfile::TempDir;
use uuid::Uuid;

use crate::keyword::{KeywordIndex, Snapshot};

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

/// The catalogue.
pub(crate) fn films() -> Vec<Content> {
    let wachowski = ["Lana Wachowski", "Keanu Reeves", "Carrie-Anne Moss"];
    let mann = ["Michael Mann", "Al Pacino", "Robert De Niro"];
    let mut films = vec![
        film(
            1,
            "The Matrix",
            1999,
            &["science_fiction", "action"],
            &wachowski,
            "A hacker learns that the world is a simulation.",
        ),
        film(
            2,
            "The Matrix Reloaded",
            2003,
            &["science_fiction", "action"],
            &wachowski,
            "Machines dig towards the last city.",
        ),
        film(
            3,
            "Heat",
            1995,
            &["crime", "thriller"],
            &mann,
            "A detective hunts a crew of robbers planning one last heist.",
        ),
        film(4, "Heat", 1986, &["action"], &["Dick Richards", "Burt Reynolds"], "A bodyguard in Las Vegas."),
        film(
            5,
            "2001: A Space Odyssey",
            1968,
            &["science_fiction"],
            &["Stanley Kubrick", "Keir Dullea"],
            "A voyage to Jupiter.",
        ),
        film(
            6,
            "The Truman Show",
            1998,
            &["comedy", "drama"],
            &["Peter Weir", "Jim Carrey"],
            "A man's life is a television programme.",
        ),
        film(7, "1917", 2019, &["war", "drama"], &["Sam Mendes", "George MacKay"], "Two soldiers cross no man's land."),
        film(
            8,
            "Amélie",
            2001,
            &["romance", "comedy"],
            &["Jean-Pierre Jeunet", "Audrey Tautou"],
            "A waitress changes the lives around her.",
        ),
        film(
            9,
            "Scarface",
            1983,
            &["crime", "drama"],
            &["Brian De Palma", "Al Pacino"],
            "A refugee builds a drug empire.",
        ),
        film(10, "It", 2017, &["horror"], &["Andy Muschietti", "Bill Skarsgård"], "A clown haunts a town."),
        film(11, "Batman", 1989, &["action"], &["Tim Burton", "Michael Keaton", "Madonna"], "A caped hero."),
        film(12, "Western", 2017, &["drama"], &["Valeska Grisebach"], "German workers in a Bulgarian valley."),
        film(
            13,
            "Some Like It Hot",
            1959,
            &["comedy", "romance"],
            &["Billy Wilder", "Marilyn Monroe"],
            "Two musicians hide in a band.",
        ),
        film(14, "Monsieur Hulot's Holiday", 1953, &["comedy"], &["Jacques Tati"], "A man at the seaside."),
    ];
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
