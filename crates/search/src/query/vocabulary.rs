//! (pure) The words of a query that mean something by themselves: kinds, genres, moods, platforms, decades.

use contracts::{ContentType, YearRange, genres};

/// What people call genres beyond the words that sources use.
const GENRE_WORDS: &[(&str, &[&str])] = &[
    ("funny", &["comedy"]),
    ("hilarious", &["comedy"]),
    ("scary", &["horror"]),
    ("creepy", &["horror"]),
    ("spooky", &["horror"]),
    ("zombie", &["horror"]),
    ("vampire", &["horror"]),
    ("romcom", &["comedy", "romance"]),
    ("rom com", &["comedy", "romance"]),
    ("love story", &["romance"]),
    ("suspenseful", &["thriller"]),
    ("detective", &["mystery"]),
    ("murder mystery", &["mystery"]),
    ("space", &["science_fiction"]),
    ("futuristic", &["science_fiction"]),
    ("cowboy", &["western"]),
    ("biopic", &["biography"]),
    ("docu", &["documentary"]),
    ("the whole family", &["family"]),
    ("the family", &["family"]),
    ("whole family", &["family"]),
    ("my family", &["family"]),
    ("family friendly", &["family"]),
    ("kid friendly", &["family", "kids"]),
    ("the kids", &["family", "kids"]),
    ("my kids", &["family", "kids"]),
    ("children", &["family", "kids"]),
];

/// Moods: an id, the words for it, and the genres that it stands for. Nobody stores how a film feels, so that a mood
/// only brings forward what usually feels like that; the words themselves are searched for in the overviews as well.
const MOODS: &[(&str, &[&str], &[&str])] = &[
    (
        "relaxing",
        &[
            "relaxing",
            "relaxed",
            "calm",
            "calming",
            "cozy",
            "cosy",
            "easy",
            "light",
            "light hearted",
            "lighthearted",
            "soothing",
            "chill",
        ],
        &["comedy", "family", "animation", "romance", "animals_nature", "travel", "music"],
    ),
    (
        "uplifting",
        &[
            "uplifting",
            "feel good",
            "feelgood",
            "heartwarming",
            "heart warming",
            "cheerful",
            "happy",
            "wholesome",
            "charming",
        ],
        &["comedy", "family", "romance", "musical", "animation"],
    ),
    (
        "tense",
        &["tense", "gripping", "nail biting", "edge of my seat", "edge of your seat", "intense", "thrilling"],
        &["thriller", "crime", "mystery"],
    ),
    ("dark", &["dark", "gritty", "bleak", "disturbing"], &["thriller", "crime", "horror", "film_noir"]),
    (
        "sad",
        &["sad", "tearjerker", "tear jerker", "emotional", "heartbreaking", "moving", "touching"],
        &["drama", "romance"],
    ),
    ("exciting", &["exciting", "fast paced", "adrenaline", "explosive", "epic"], &["action", "adventure"]),
    (
        "thoughtful",
        &["thoughtful", "thought provoking", "mind bending", "intelligent", "clever", "smart", "deep"],
        &["science_fiction", "mystery", "documentary", "drama"],
    ),
    ("weird", &["weird", "quirky", "offbeat", "surreal", "bizarre"], &["cult", "arthouse", "fantasy", "independent"]),
    ("inspiring", &["inspiring", "inspirational", "motivating"], &["biography", "sports", "history", "documentary"]),
    ("nostalgic", &["nostalgic", "nostalgia"], &["classic", "coming_of_age", "musical"]),
];

/// Where films come from: the word for it, the country's name, its code and the language most of its films are in.
const ORIGINS: &[(&str, &str, &str, &str)] = &[
    ("american", "the united states", "US", ""),
    ("argentinian", "argentina", "AR", "es"),
    ("australian", "australia", "AU", ""),
    ("austrian", "austria", "AT", "de"),
    ("belgian", "belgium", "BE", ""),
    ("brazilian", "brazil", "BR", "pt"),
    ("british", "britain", "GB", ""),
    ("english", "england", "GB", "en"),
    ("bulgarian", "bulgaria", "BG", "bg"),
    ("canadian", "canada", "CA", ""),
    ("chilean", "chile", "CL", "es"),
    ("chinese", "china", "CN", "zh"),
    ("colombian", "colombia", "CO", "es"),
    ("czech", "czechia", "CZ", "cs"),
    ("danish", "denmark", "DK", "da"),
    ("dutch", "the netherlands", "NL", "nl"),
    ("egyptian", "egypt", "EG", "ar"),
    ("finnish", "finland", "FI", "fi"),
    ("french", "france", "FR", "fr"),
    ("german", "germany", "DE", "de"),
    ("greek", "greece", "GR", "el"),
    ("hungarian", "hungary", "HU", "hu"),
    ("icelandic", "iceland", "IS", "is"),
    ("indian", "india", "IN", ""),
    ("bollywood", "india", "IN", "hi"),
    ("indonesian", "indonesia", "ID", "id"),
    ("iranian", "iran", "IR", "fa"),
    ("irish", "ireland", "IE", ""),
    ("israeli", "israel", "IL", "he"),
    ("italian", "italy", "IT", "it"),
    ("japanese", "japan", "JP", "ja"),
    ("korean", "south korea", "KR", "ko"),
    ("south korean", "korea", "KR", "ko"),
    ("mexican", "mexico", "MX", "es"),
    ("nigerian", "nigeria", "NG", ""),
    ("norwegian", "norway", "NO", "no"),
    ("polish", "poland", "PL", "pl"),
    ("portuguese", "portugal", "PT", "pt"),
    ("romanian", "romania", "RO", "ro"),
    ("russian", "russia", "RU", "ru"),
    ("spanish", "spain", "ES", "es"),
    ("swedish", "sweden", "SE", "sv"),
    ("swiss", "switzerland", "CH", ""),
    ("taiwanese", "taiwan", "TW", "zh"),
    ("thai", "thailand", "TH", "th"),
    ("turkish", "turkey", "TR", "tr"),
    ("ukrainian", "ukraine", "UA", "uk"),
    ("vietnamese", "vietnam", "VN", "vi"),
];

/// Genres of services that only say where a title comes from, which is no genre to us.
const ORIGIN_GENRES: &[(&str, &str)] = &[("KR", "korean"), ("GB", "british"), ("ES", "spanish_language")];

/// Words for one thing that titles and overviews write in several ways, folded. Genres have words of their own.
const SYNONYMS: &[&[&str]] = &[
    &["ww2", "wwii", "world war ii", "world war two", "second world war"],
    &["ww1", "wwi", "world war i", "world war one", "first world war"],
    &["ai", "artificial intelligence"],
    &["nyc", "new york"],
    &["ufo", "flying saucer"],
    &["cop", "policeman", "police officer"],
    &["alien", "extraterrestrial"],
    &["lawyer", "attorney"],
    &["heist", "robbery"],
    &["spaceship", "spacecraft"],
    &["killer", "murderer"],
    &["kid", "child"],
    &["christmas", "xmas"],
];

/// Platforms as people write them, folded, and whether the name alone is clear without "on".
const PLATFORMS: &[(&str, &str, bool)] = &[
    ("netflix", "netflix", true),
    ("hulu", "hulu", true),
    ("amazon prime video", "prime_video", true),
    ("prime video", "prime_video", true),
    ("amazon prime", "prime_video", true),
    ("amazon", "prime_video", false),
    ("prime", "prime_video", false),
    ("disney plus", "disney_plus", true),
    ("disney", "disney_plus", false),
    ("hbo max", "max", true),
    ("hbo", "max", false),
    ("max", "max", false),
    ("apple tv plus", "apple_tv_plus", true),
    ("apple tv", "apple_tv_plus", true),
    ("paramount plus", "paramount_plus", true),
    ("peacock", "peacock", false),
    ("youtube", "youtube", false),
    ("crunchyroll", "crunchyroll", true),
    ("mubi", "mubi", true),
];

/// The kind that a folded word names.
pub(super) fn kind(word: &str) -> Option<ContentType> {
    match word {
        "movie" | "movies" | "film" | "films" | "flick" | "flicks" => Some(ContentType::Movie),
        "tv" | "series" | "show" | "shows" | "miniseries" | "sitcom" | "sitcoms" => Some(ContentType::TvShow),
        _ => None,
    }
}

/// The genres that one to four folded words name; a kind word beside a genre is left to [`kind`], and a word that says
/// where a title comes from to [`origin`].
pub(super) fn genre_ids(words: &[&str]) -> Vec<&'static str> {
    let text = words.join(" ");
    let told = |text: &str| GENRE_WORDS.iter().find(|(word, _)| *word == text);
    if let Some((_, ids)) = told(&text).or_else(|| told(text.strip_suffix('s').unwrap_or_default())) {
        return ids.to_vec();
    }
    let found = with_singular(&text);
    let from_somewhere = |id: &&str| ORIGIN_GENRES.iter().any(|(_, genre)| genre == id);
    if found.iter().any(from_somewhere) || (words.len() == 1 && kind(words[0]).is_some()) {
        return Vec::new();
    }
    let bare: Vec<&str> = words.iter().copied().filter(|word| kind(word).is_none()).collect();
    if bare.len() < words.len() && with_singular(&bare.join(" ")) == found { Vec::new() } else { found }
}

/// The mood that one to four folded words name.
pub(super) fn mood(words: &[&str]) -> Option<&'static str> {
    let text = words.join(" ");
    MOODS.iter().find(|(_, told, _)| told.contains(&text.as_str())).map(|(id, ..)| *id)
}

/// The genres that a mood stands for; `None` for a mood that we don't know.
pub(crate) fn genres_of_mood(id: &str) -> Option<&'static [&'static str]> {
    MOODS.iter().find(|(known, ..)| *known == id).map(|(_, _, genres)| *genres)
}

/// Where a title comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// An ISO 3166-1 alpha-2 code.
    pub country: &'static str,
    /// The code of the language most of its films are in; empty where several are, or many others share it.
    pub language: &'static str,
}

/// The origin that folded words name: as "korean" does, or (`by_name`) as "south korea" does.
pub(super) fn origin(words: &[&str], by_name: bool) -> Option<Origin> {
    let text = words.join(" ");
    let bare = |name: &str| name.strip_prefix("the ").is_some_and(|name| name == text);
    let row = ORIGINS.iter().find(|(told, name, ..)| if by_name { *name == text || bare(name) } else { *told == text });
    row.map(|(.., country, language)| Origin { country, language })
}

/// The English name of a country that questions can name, as it stands in a sentence; its code for any other.
pub(crate) fn country_name(code: &str) -> String {
    let Some((_, name, ..)) = ORIGINS.iter().find(|(.., country, _)| *country == code) else { return code.to_owned() };
    let capital = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) if word != "the" => first.to_uppercase() + rest,
        _ => word.to_owned(),
    };
    name.split(' ').map(capital).collect::<Vec<_>>().join(" ")
}

/// The countries most of whose films are in this language.
pub(crate) fn countries_of(language: &str) -> impl Iterator<Item = &'static str> {
    ORIGINS
        .iter()
        .filter(move |(.., spoken)| !spoken.is_empty() && *spoken == language)
        .map(|(_, _, country, _)| *country)
}

/// The genre by which services say that a title comes from this country.
pub(crate) fn genre_of_country(country: &str) -> Option<&'static str> {
    ORIGIN_GENRES.iter().find(|(known, _)| *known == country).map(|(_, genre)| *genre)
}

/// What else is written for a folded word or phrase.
pub(crate) fn synonyms(text: &str) -> impl Iterator<Item = &'static str> {
    let row = SYNONYMS.iter().find(|row| row.contains(&text));
    row.into_iter().flat_map(|row| row.iter().copied()).filter(move |other| other != &text)
}

fn with_singular(text: &str) -> Vec<&'static str> {
    let found = genres::canonical(text);
    match text.strip_suffix('s') {
        Some(singular) if found.is_empty() => genres::canonical(singular),
        _ => found,
    }
}

/// The platform that the folded words start with, how many words its name has, and whether that is clear without "on".
pub(super) fn platform(words: &[&str]) -> Option<(&'static str, usize, bool)> {
    PLATFORMS.iter().find_map(|(name, id, clear)| {
        let length = name.split(' ').count();
        let fits = words.len() >= length && name.split(' ').eq(words[..length].iter().copied());
        fits.then_some((*id, length, *clear))
    })
}

/// Whether a platform has this id, whether or not the catalogue has titles there.
pub(crate) fn is_platform(id: &str) -> bool {
    PLATFORMS.iter().any(|(_, known, _)| *known == id)
}

/// The years of a decade: `90s`, `1990s`, `nineties`.
pub(super) fn decade(word: &str) -> Option<YearRange> {
    let first = match word {
        "twenties" => 1920,
        "thirties" => 1930,
        "forties" => 1940,
        "fifties" => 1950,
        "sixties" => 1960,
        "seventies" => 1970,
        "eighties" => 1980,
        "nineties" => 1990,
        "noughties" => 2000,
        _ => {
            let digits = word.strip_suffix('s')?;
            let number: u16 = digits.parse().ok().filter(|number| number % 10 == 0)?;
            match digits.len() {
                2 if number < 30 => 2000 + number,
                2 => 1900 + number,
                4 if (1880..=2090).contains(&number) => number,
                _ => return None,
            }
        }
    };
    Some(YearRange { from: Some(first), to: Some(first + 9) })
}

/// A year in which there could be films, up to two years ahead of `this_year`.
pub(super) fn year(word: &str, this_year: u16) -> Option<u16> {
    let year: u16 = if word.len() == 4 { word.parse().ok()? } else { return None };
    (1880..=this_year.saturating_add(2)).contains(&year).then_some(year)
}

/// Words that only the parser understands, and that are no slips of the pen although no title holds them.
const OWN_WORDS: &[&str] = &[
    "actor",
    "actress",
    "best",
    "called",
    "decade",
    "directed",
    "director",
    "featuring",
    "film",
    "films",
    "good",
    "hour",
    "hours",
    "language",
    "less",
    "like",
    "minute",
    "minutes",
    "movie",
    "movies",
    "named",
    "newer",
    "nothing",
    "older",
    "please",
    "recommend",
    "remember",
    "series",
    "shorter",
    "similar",
    "since",
    "something",
    "speaking",
    "starring",
    "stream",
    "streaming",
    "suggest",
    "under",
    "watch",
    "without",
    "written",
    "years",
];

/// Whether a folded word means something by itself.
pub(super) fn is_word(word: &str) -> bool {
    let told = |text: &str| text.split(' ').any(|part| part == word);
    OWN_WORDS.contains(&word)
        || kind(word).is_some()
        || decade(word).is_some()
        || !genre_ids(&[word]).is_empty()
        || GENRE_WORDS.iter().any(|(text, _)| told(text))
        || MOODS.iter().any(|(_, words, _)| words.iter().any(|text| told(text)))
        || PLATFORMS.iter().any(|(name, ..)| told(name))
        || ORIGINS.iter().any(|(text, name, ..)| told(text) || told(name))
        || SYNONYMS.iter().any(|row| row.iter().any(|text| told(text)))
}

/// Whether folded words name a thing that happens in a genre rather than the genre: "no zombies" is not "no horror".
pub(super) fn is_thing(words: &[&str]) -> bool {
    let text = words.join(" ");
    let singular = text.strip_suffix('s').unwrap_or(&text);
    ["zombie", "vampire", "space", "detective", "cowboy", "children", "kid"].contains(&singular)
}
