//! The genres we know: one id and one name each, and the words that sources use for them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

/// One genre: its id, its name, and what sources call it, in the form [`key`] gives.
type Genre = (&'static str, &'static str, &'static [&'static str]);

/// Every genre, by id. An adapter's vocabulary is translated here once, so that a filter on `science_fiction` finds
/// the same titles whichever service listed them.
const GENRES: &[Genre] = &[
    ("action", "Action", &["action adventure", "action and adventure"]),
    ("adventure", "Adventure", &["action adventure", "action and adventure"]),
    ("animals_nature", "Animals and nature", &["animals and nature", "nature", "wildlife", "science and nature"]),
    ("animation", "Animation", &["animated", "cartoon", "cartoons", "adult animation", "anime"]),
    ("anime", "Anime", &[]),
    ("anthology", "Anthology", &[]),
    ("arthouse", "Arthouse", &["art house"]),
    ("arts", "Arts and culture", &["arts", "art", "culture", "and culture", "arts entertainment and culture"]),
    ("biography", "Biography", &["biographical", "biopic", "biographies"]),
    ("black_stories", "Black stories", &[]),
    ("british", "British", &[]),
    ("buddy", "Buddy", &[]),
    ("classic", "Classic", &["classics", "classic and cult"]),
    (
        "comedy",
        "Comedy",
        &[
            "comedies",
            "sitcom",
            "situation comedy",
            "stand up",
            "stand up comedy",
            "stand up comedy and talk shows",
            "romantic comedy",
            "sketch",
            "sketch comedy",
            "comedy drama",
            "comedy horror",
        ],
    ),
    ("coming_of_age", "Coming of age", &[]),
    ("competition", "Competition", &["game show", "game shows", "game show competition", "quiz show"]),
    ("cooking", "Cooking and food", &["cooking and food", "food", "cookery"]),
    ("crime", "Crime", &["true crime", "gangster", "heist"]),
    ("cult", "Cult", &["classic and cult"]),
    ("dance", "Dance", &[]),
    ("disaster", "Disaster", &[]),
    ("documentary", "Documentary", &["documentaries", "docuseries", "documentary series"]),
    ("drama", "Drama", &["dramas", "comedy drama", "period drama", "melodrama"]),
    ("erotic", "Erotic", &["erotica", "erotic thriller"]),
    ("faith", "Faith and spirituality", &["faith and spirituality", "religious", "religion"]),
    ("family", "Family", &["children and family", "kids and family", "families"]),
    ("fantasy", "Fantasy", &["sci fi and fantasy", "science fiction and fantasy"]),
    ("film_noir", "Film noir", &["noir", "neo noir"]),
    ("fitness", "Fitness", &["health and wellness", "wellness"]),
    ("found_footage", "Found footage", &[]),
    ("history", "History", &["historical", "historic", "period drama"]),
    ("horror", "Horror", &["comedy horror"]),
    ("independent", "Independent", &["indie"]),
    ("international", "International", &["foreign", "world cinema"]),
    ("kids", "Kids", &["children", "childrens", "children and family", "kids and family"]),
    ("korean", "Korean", &[]),
    ("latino", "Latino", &[]),
    ("legal", "Legal", &["courtroom", "legal drama"]),
    ("lgbtq", "LGBTQ", &["lgbt", "lgbtqia", "queer"]),
    ("lifestyle", "Lifestyle", &["lifestyle and culture", "home and garden"]),
    ("live_action", "Live action", &[]),
    ("martial_arts", "Martial arts", &["kung fu"]),
    ("medical", "Medical", &["medical drama"]),
    (
        "music",
        "Music",
        &["music and musicals", "music videos and concerts", "concert", "concerts", "musicals and music"],
    ),
    ("musical", "Musical", &["musicals", "music and musicals", "musicals and music"]),
    ("mystery", "Mystery", &["mysteries", "whodunit"]),
    ("news", "News", &["current affairs"]),
    ("parody", "Parody", &["spoof"]),
    ("performance", "Performance", &[]),
    ("police", "Police", &["police cop", "cop", "police procedural"]),
    ("political", "Political", &["politics", "political thriller", "war and politics"]),
    ("reality", "Reality", &["unscripted"]),
    ("romance", "Romance", &["romantic", "romances", "romantic comedy", "love story"]),
    ("satire", "Satire", &["satirical"]),
    ("science", "Science and technology", &["science and technology", "technology", "science and nature"]),
    (
        "science_fiction",
        "Science fiction",
        &["sci fi", "scifi", "sf", "sci fi and fantasy", "science fiction and fantasy"],
    ),
    ("short", "Short", &["shorts"]),
    ("silent", "Silent", &[]),
    ("sitcom", "Sitcom", &["situation comedy"]),
    ("sketch", "Sketch comedy", &["sketch comedy"]),
    ("slasher", "Slasher", &[]),
    ("soap", "Soap opera", &["soap opera", "soap opera melodrama", "telenovela"]),
    ("spanish_language", "Spanish-language", &[]),
    ("special_interest", "Special interest", &[]),
    ("sports", "Sports", &["sport"]),
    ("spy", "Spy", &["espionage", "spy espionage"]),
    ("stand_up", "Stand-up comedy", &["stand up", "stand up comedy", "stand up comedy and talk shows"]),
    ("superhero", "Superhero", &["superheroes"]),
    ("supernatural", "Supernatural", &["paranormal"]),
    ("survival", "Survival", &[]),
    (
        "talk_show",
        "Talk show",
        &["talk shows", "late night", "talk show and variety", "stand up comedy and talk shows"],
    ),
    ("teen", "Teen", &["young adult audience", "young adult", "teens"]),
    ("thriller", "Thriller", &["thrillers", "suspense", "erotic thriller", "political thriller"]),
    ("travel", "Travel", &[]),
    ("variety", "Variety", &["talk show and variety"]),
    ("war", "War", &["military and war", "military", "war and politics"]),
    ("western", "Western", &["westerns"]),
];

/// Words that say only that it is a film or a series; a genre's name is looked up without them.
const FORMS: &[&str] = &["tv", "movie", "movies", "film", "films", "show", "shows", "series", "features"];

/// The ids of the genres that a source's word stands for; none for a word we don't know or that is no genre.
///
/// `"Sci-Fi & Fantasy"` gives `fantasy` and `science_fiction`, `"TV Dramas"` gives `drama`, `"Movies"` gives nothing.
/// Our own ids are words too, so that applying it twice changes nothing. The result is in the order of the ids.
pub fn canonical(word: &str) -> Vec<&'static str> {
    let key = key(word);
    let known = WORDS.get(&key).or_else(|| {
        let bare: Vec<&str> = key.split(' ').filter(|word| !FORMS.contains(word)).collect();
        WORDS.get(&bare.join(" "))
    });
    known.cloned().unwrap_or_default()
}

/// The name of a genre, for people.
pub fn name(id: &str) -> Option<&'static str> {
    GENRES.iter().find(|genre| genre.0 == id).map(|genre| genre.1)
}

/// The languages of `genre_names.tsv`, in the order of its columns.
const LANGUAGES: [&str; 3] = ["de", "fr", "es"];

/// The names of each genre in [`LANGUAGES`].
static NAMES: LazyLock<HashMap<&'static str, [&'static str; 3]>> = LazyLock::new(|| {
    let lines = include_str!("genre_names.tsv").lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, [fields.next()?, fields.next()?, fields.next()?]))
    });
    names.collect()
});

/// The name of a genre in the first of these languages that it has one in, as [`crate::Locale::fallbacks`] gives them; English is the
/// last of them.
pub fn name_in(id: &str, fallbacks: &[String]) -> Option<&'static str> {
    let own = |tag: &String| match tag.as_str() {
        "en" => name(id),
        tag => NAMES.get(id)?.get(LANGUAGES.iter().position(|known| *known == tag)?).copied(),
    };
    fallbacks.iter().find_map(own).or_else(|| name(id))
}

/// Every word we know and what it stands for.
static WORDS: LazyLock<HashMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut words: HashMap<String, Vec<&'static str>> = HashMap::new();
    for (id, name, aliases) in GENRES {
        let own: BTreeSet<String> = [key(id), key(name)].into_iter().chain(aliases.iter().map(|a| key(a))).collect();
        for word in own {
            words.entry(word).or_default().push(id);
        }
    }
    words
});

/// Lower case, `&` as "and", no apostrophes, every other run of signs one space.
pub(crate) fn key(word: &str) -> String {
    let plain = word.to_lowercase().replace('&', " and ").replace(['\'', '’'], "");
    let words: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_sources_are_known() {
        let table: &[(&str, &[&str])] = &[
            ("Sci-Fi & Fantasy", &["fantasy", "science_fiction"]),
            ("TV Sci-Fi & Fantasy", &["fantasy", "science_fiction"]),
            ("Science Fiction", &["science_fiction"]),
            ("Sci-Fi", &["science_fiction"]),
            ("Documentaries", &["documentary"]),
            ("TV Dramas", &["drama"]),
            ("Romantic Movies", &["romance"]),
            ("Romantic TV Shows", &["romance"]),
            ("Romantic Comedy", &["comedy", "romance"]),
            ("Kids' TV", &["kids"]),
            ("Children & Family Movies", &["family", "kids"]),
            ("TV Action & Adventure", &["action", "adventure"]),
            ("Action-Adventure", &["action", "adventure"]),
            ("Anime Features", &["animation", "anime"]),
            ("Anime Series", &["animation", "anime"]),
            ("Stand-Up Comedy & Talk Shows", &["comedy", "stand_up", "talk_show"]),
            ("Game Show / Competition", &["competition"]),
            ("Spy/Espionage", &["spy"]),
            ("Police/Cop", &["police"]),
            ("Soap Opera / Melodrama", &["soap"]),
            ("Concert Film", &["music"]),
            ("and Culture", &["arts"]),
            ("Noir", &["film_noir"]),
            ("LGBTQ+", &["lgbtq"]),
            ("Sport", &["sports"]),
            ("Animated", &["animation"]),
            ("Talk Show and Variety", &["talk_show", "variety"]),
            ("Classic & Cult TV", &["classic", "cult"]),
            ("Music & Musicals", &["music", "musical"]),
            ("Spanish-Language TV Shows", &["spanish_language"]),
            ("Movies", &[]),
            ("TV Shows", &[]),
            ("Entertainment", &[]),
            ("", &[]),
            ("no such thing", &[]),
        ];
        for (word, expected) in table {
            assert_eq!(canonical(word), *expected, "{word}");
        }
    }

    #[test]
    fn ids_are_sorted_unique_and_stand_for_themselves() {
        let all: Vec<_> = GENRES.iter().map(|genre| genre.0).collect();
        assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]));
        for id in all {
            assert!(canonical(id).contains(&id), "{id}");
            assert!(name(id).is_some());
        }
        assert_eq!(name("science_fiction"), Some("Science fiction"));
        assert_eq!(name("unheard_of"), None);
    }

    #[test]
    fn every_genre_has_a_name_in_every_language() {
        for (id, ..) in GENRES {
            let names = NAMES.get(id).unwrap_or_else(|| panic!("{id} has none"));
            assert!(names.iter().all(|name| !name.trim().is_empty()), "{id}");
        }
        assert_eq!(NAMES.len(), GENRES.len());
        let called = |tag: &str| name_in("science_fiction", &tag.parse::<crate::Locale>().unwrap().fallbacks());
        assert_eq!(called("es-MX"), Some("Ciencia ficción"));
        assert_eq!((called("de"), called("fr-CA")), (Some("Science-Fiction"), Some("Science-fiction")));
        assert_eq!((called("ja"), called("en-GB")), (Some("Science fiction"), Some("Science fiction")));
        assert_eq!(name_in("unheard_of", &["de".to_owned()]), None);
    }

    #[test]
    fn applying_it_twice_changes_nothing() {
        for alias in GENRES.iter().flat_map(|genre| genre.2) {
            let once = canonical(alias);
            let mut twice: Vec<_> = once.iter().flat_map(|id| canonical(id)).collect();
            twice.sort_unstable();
            twice.dedup();
            assert_eq!(twice, once, "{alias}");
        }
    }

    #[test]
    fn aliases_are_written_as_keys() {
        for alias in GENRES.iter().flat_map(|genre| genre.2) {
            assert_eq!(key(alias), *alias);
        }
    }
}
