//! (pure) The words of a query that mean something by themselves: kinds, genres, moods, platforms, decades.

use contracts::{ContentType, YearRange, genres};

/// What people call moods and genres beyond the words that sources use.
const MOODS: &[(&str, &[&str])] = &[
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

/// The genres that one to three folded words name; a kind word beside a genre is left to [`kind`].
pub(super) fn genre_ids(words: &[&str]) -> Vec<&'static str> {
    let text = words.join(" ");
    if let Some((_, ids)) = MOODS.iter().find(|(mood, _)| *mood == text) {
        return ids.to_vec();
    }
    let found = with_singular(&text);
    if found.is_empty() || (words.len() == 1 && kind(words[0]).is_some()) {
        return Vec::new();
    }
    let bare: Vec<&str> = words.iter().copied().filter(|word| kind(word).is_none()).collect();
    if bare.len() < words.len() && with_singular(&bare.join(" ")) == found { Vec::new() } else { found }
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
