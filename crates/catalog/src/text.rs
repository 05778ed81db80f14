//! Titles and names as keys: what two sources write differently becomes the same text. (pure)

use any_ascii::any_ascii;
use strsim::osa_distance;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

const ARTICLES: [&str; 3] = ["the", "a", "an"];

/// The English article that a text is, and nothing else.
pub fn article(text: &str) -> Option<&'static str> {
    let text = fold(text.trim());
    ARTICLES.into_iter().find(|article| *article == text)
}

/// The form of a title that is compared: diacritics folded, lower case, no punctuation, no leading English article,
/// `&` as "and", sequel numerals as digits, and no bracketed suffix that only describes the copy ("(Dubbed)").
///
/// Articles of other languages stay: without knowing the language, "Die Hard" would lose its first word.
pub fn title_key(title: &str) -> String {
    let plain = fold(strip_suffixes(title)).replace(" + ", " and ").replace('&', " and ");
    let mut words: Vec<String> = plain.split_whitespace().flat_map(words_of).collect();
    if words.len() > 1 && ARTICLES.contains(&words[0].as_str()) {
        words.remove(0);
    }
    // "Matrix, The"
    if words.len() > 1 && plain.trim_end().ends_with(", the") {
        words.pop();
    }
    let key = numerals(&words).join(" ");
    if key.is_empty() { title.trim().to_lowercase() } else { key }
}

/// The most characters of a title that it is filed under: PostgreSQL's index takes no row of more than 2 704 bytes, and a
/// title in another script, or of signs that have names, is several times as long in ASCII.
const MAX_FILED: usize = 500;

/// The key under which a title is filed and looked for: its [`title_key`] without the spaces, since sources differ on what is
/// one word. What is filed together is compared, no more.
pub fn block_key(key: &str) -> String {
    let mut filed = key.replace(' ', "");
    if let Some((end, _)) = filed.char_indices().nth(MAX_FILED) {
        filed.truncate(end);
    }
    filed
}

/// The form of a person's name that is compared: its words in alphabetical order (sources differ on which comes first),
/// without initials, "Jr.", or a part in brackets ("Pierce Brosnan (James Bond)").
pub fn person_key(name: &str) -> String {
    let name = name.split('(').next().unwrap_or(name);
    let folded = fold(name);
    let mut words: Vec<String> = folded.split_whitespace().flat_map(words_of).map(given_name).collect();
    let long = |word: &String| word.len() > 1 && !["jr", "sr", "ii", "iii"].contains(&word.as_str());
    if words.iter().filter(|word| long(word)).count() >= 2 {
        words.retain(long);
    }
    words.sort_unstable();
    if words.is_empty() { name.trim().to_lowercase() } else { words.join(" ") }
}

/// The whole name of a short one that stands for one name only: "Tim" is Timothy. "Alex" and "Chris" may be two.
fn given_name(word: String) -> String {
    const SHORT: &[(&str, &str)] = &[
        ("andy", "andrew"),
        ("ben", "benjamin"),
        ("bill", "william"),
        ("bob", "robert"),
        ("charlie", "charles"),
        ("dave", "david"),
        ("don", "donald"),
        ("doug", "douglas"),
        ("ed", "edward"),
        ("greg", "gregory"),
        ("jeff", "jeffrey"),
        ("jim", "james"),
        ("joe", "joseph"),
        ("ken", "kenneth"),
        ("larry", "lawrence"),
        ("matt", "matthew"),
        ("mike", "michael"),
        ("nick", "nicholas"),
        ("pete", "peter"),
        ("ray", "raymond"),
        ("rob", "robert"),
        ("ron", "ronald"),
        ("steve", "steven"),
        ("stephen", "steven"),
        ("tim", "timothy"),
        ("tom", "thomas"),
        ("tony", "anthony"),
        ("will", "william"),
    ];
    let whole = SHORT.binary_search_by_key(&word.as_str(), |pair| pair.0).ok().and_then(|at| SHORT.get(at));
    whole.map_or(word, |pair| pair.1.to_owned())
}

/// The key of a title without its subtitle: what stands before a colon, a dash between spaces, or " or ". `None`
/// where there is no subtitle, or it only says which part of several it is.
pub fn head_key(title: &str) -> Option<String> {
    let marks = [": ", " - ", " – ", " — ", ", or ", " or: ", " or ("];
    let (at, mark) = marks.iter().filter_map(|mark| title.find(mark).map(|at| (at, mark))).min()?;
    let (head, tail) = (title_key(&title[..at]), title_key(&title[at + mark.len()..]));
    const PARTS: &[&str] = &["part", "volume", "chapter", "season", "series", "episode", "book"];
    let tells = tail.split(' ').any(|word| PARTS.contains(&word) || word.bytes().any(|byte| byte.is_ascii_digit()));
    (!tells && !head.is_empty() && !tail.is_empty()).then_some(head)
}

/// A short title without its spaces: sources differ on whether a compound is one word ("Air Waves", "Spider-Man").
pub fn joined_key(key: &str) -> Option<String> {
    let words = key.split(' ').count();
    let letters = key.len() - (words - 1);
    ((2..=3).contains(&words) && letters >= 6).then(|| key.replace(' ', ""))
}

/// Whether two person keys may be the same person: equal, one with a middle name more, or one or two letters apart.
pub fn same_person(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let has_all = || {
        let all: Vec<&str> = long.split(' ').collect();
        short.contains(' ') && short.split(' ').all(|word| all.contains(&word))
    };
    let allowed = match short.len() {
        0..8 => 0,
        8..14 => 1,
        _ => 2,
    };
    has_all() || (allowed > 0 && long.len() - short.len() <= allowed && osa_distance(short, long) <= allowed)
}

/// How alike two different words are, from 0 to 1: the part of the longer one that need not be edited; 0 below 0.8 and
/// for numbers. A lost letter (`?`) is like any.
pub fn word_likeness(a: &str, b: &str) -> f64 {
    let digit = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    if digit(a) || digit(b) {
        return 0.0;
    }
    if (a.contains('?') || b.contains('?')) && a.len() == b.len() {
        let alike = |(a, b): (u8, u8)| a == b || a == b'?' || b == b'?';
        let known = a.bytes().zip(b.bytes()).filter(|(a, b)| a == b).count();
        return if known >= 2 && a.bytes().zip(b.bytes()).all(alike) { 1.0 } else { 0.0 };
    }
    let likeness = 1.0 - osa_distance(a, b) as f64 / a.len().max(b.len()).max(1) as f64;
    if likeness >= 0.8 { likeness } else { 0.0 }
}

/// Whether a title key is rare enough to stand for one title of its year without other evidence: two or more
/// words that carry meaning and twelve letters, or one very long word.
pub fn distinctive(key: &str) -> bool {
    const STOP: &[&str] =
        &["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "the", "to", "with", "my", "i"];
    let letters = key.chars().filter(|c| c.is_alphanumeric()).count();
    let significant = key.split(' ').filter(|word| !STOP.contains(word)).count();
    (significant >= 2 && letters >= 12) || letters >= 14
}

/// Lower-case ASCII: compatibility forms and diacritics folded, other scripts transliterated.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let bare: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    any_ascii(&bare).to_lowercase()
}

/// Words of one token: apostrophes dropped, dotted initials joined ("s.w.a.t." is "swat"), split at other signs. A
/// question mark before a letter stays: there a letter was lost when the source changed its encoding ("U?ur").
fn words_of(token: &str) -> Vec<String> {
    let token = token.replace(['\'', '`', '"'], "");
    let dotted = token.len() > 2 && token.split('.').filter(|part| !part.is_empty()).all(|part| part.len() == 1);
    if dotted && token.contains('.') {
        let joined: String = token.chars().filter(char::is_ascii_alphanumeric).collect();
        return if joined.is_empty() { Vec::new() } else { vec![joined] };
    }
    let signs: Vec<char> = token.chars().collect();
    let part = |at: usize| match signs[at] {
        '?' => signs.get(at + 1).is_some_and(char::is_ascii_alphanumeric),
        sign => sign.is_ascii_alphanumeric(),
    };
    let mut words = vec![String::new()];
    for (at, sign) in signs.iter().enumerate() {
        match words.last_mut() {
            Some(word) if part(at) => word.push(*sign),
            Some(word) if !word.is_empty() => words.push(String::new()),
            _ => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Drops brackets at the end that say nothing about which title it is: a year, "(Dubbed)", "[4K UHD]". A bracket that
/// tells parts apart, "(Part 2)" or "(Vol. 1)", stays.
fn strip_suffixes(title: &str) -> &str {
    let mut title = title.trim();
    loop {
        let open = match title.chars().last() {
            Some(')') => title.rfind('('),
            Some(']') => title.rfind('['),
            _ => None,
        };
        match open {
            Some(at) if !title[..at].trim().is_empty() && !tells_parts_apart(&title[at..]) => {
                title = title[..at].trim_end()
            }
            _ => return title,
        }
    }
}

fn tells_parts_apart(bracket: &str) -> bool {
    const PARTS: &[&str] = &["part", "pt", "vol", "volume", "chapter", "season", "series", "episode", "book"];
    const FORMATS: &[&str] = &["4k", "3d", "2d", "1080p", "720p"];
    let lower = bracket.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.any(|word| {
        let year = word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()) && ("1880".."2100").contains(&word);
        let number = word.bytes().any(|b| b.is_ascii_digit()) && !year && !FORMATS.contains(&word);
        PARTS.contains(&word) || number
    })
}

/// Sequel numerals as digits: `II`, `iv` after the first word; a lone `v` or `x` only at the end; `I` and spelled
/// numbers only after "part", "chapter" or "volume". "Malcolm X" and "Malcolm 10" meeting is harmless: no other
/// film is called either.
fn numerals(words: &[String]) -> Vec<String> {
    const ROMAN: [&str; 20] = [
        "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii",
        "xviii", "xix", "xx",
    ];
    const SPELLED: [&str; 10] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let word = match word.as_str() {
            "pt" => "part",
            "vol" => "volume",
            "versus" => "vs",
            other => other,
        };
        let after_part =
            out.last().is_some_and(|last| ["part", "chapter", "volume", "episode"].contains(&last.as_str()));
        let roman = ROMAN.iter().position(|roman| *roman == word).filter(|_| match word {
            "i" => after_part,
            "v" | "x" => after_part || (at > 0 && at + 1 == words.len()),
            _ => at > 0,
        });
        let spelled = SPELLED.iter().position(|spelled| *spelled == word).filter(|_| after_part);
        out.push(roman.or(spelled).map_or_else(|| word.to_owned(), |index| (index + 1).to_string()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_that_are_the_same_have_one_key() {
        let same = [
            ("Amélie", "AMELIE"),
            ("The Matrix", "Matrix, The"),
            ("Romeo & Juliet", "Romeo and Juliet"),
            ("Romeo + Juliet", "Romeo & Juliet"),
            ("Rocky II", "Rocky 2"),
            ("Rocky V", "Rocky 5"),
            ("Mission: Impossible – Fallout", "Mission Impossible - Fallout"),
            ("The Godfather Part II", "The Godfather: Part Two"),
            ("Kill Bill: Vol. 1", "Kill Bill Volume 1"),
            ("Kill Bill (Vol. 1)", "Kill Bill: Volume One"),
            ("S.W.A.T.", "SWAT"),
            ("Schindler’s List", "Schindler's List"),
            ("Dune (2021)", "Dune"),
            ("Baahubali (Hindi Dubbed) [4K UHD]", "Baahubali"),
            ("Ärzte ﬁnden", "Arzte finden"),
            ("Alien vs. Predator", "Alien Versus Predator"),
        ];
        for (a, b) in same {
            assert_eq!(title_key(a), title_key(b), "{a} / {b}");
        }
    }

    #[test]
    fn titles_that_differ_have_two_keys() {
        let apart = [
            ("Rocky", "Rocky II"),
            ("Kill Bill (Vol. 1)", "Kill Bill (Vol. 2)"),
            ("I, Robot", "Robot"),
            ("V", "5"),
            ("X", "10"),
            ("Part One of Us", "1 of Us"),
            ("Die Hard", "Hard"),
            ("A", "B"),
            ("!!!", "???"),
            ("2001: A Space Odyssey", "2010"),
        ];
        for (a, b) in apart {
            assert_ne!(title_key(a), title_key(b), "{a} / {b}");
        }
    }

    #[test]
    fn what_a_title_is_filed_under_fits_an_index() {
        assert_eq!(block_key("air waves"), "airwaves");
        assert_eq!(block_key(&"é waves ".repeat(500)).chars().count(), MAX_FILED);
        assert!(block_key(&title_key(&"🎉 ".repeat(500))).len() <= 4 * MAX_FILED);
    }

    #[test]
    fn people_are_recognised() {
        let same = [
            ("Diao Yinan", "Yi'nan Diao"),
            ("Francis Coppola", "Francis Ford Coppola"),
            ("Robert Flaherty", "Robert J. Flaherty"),
            ("Douglas McGarth", "Douglas McGrath"),
            ("Monfery Dominique", "Dominique Monféry"),
            ("Pierce Brosnan (James Bond)", "Pierce Brosnan"),
            ("Robert Downey Jr.", "Robert Downey"),
            ("Tim Van Patten", "Timothy Van Patten"),
            ("Stephen J. Cannell", "Steve Cannell"),
        ];
        for (a, b) in same {
            assert!(same_person(&person_key(a), &person_key(b)), "{a} / {b}");
        }
        let apart = [
            ("Michael Bay", "Michael Mann"),
            ("Bo Li", "Bo Lu"),
            ("Madonna", "Madonna Louise"),
            ("John Smith", "Joan Smyth"),
            ("Lana Wachowski", "Lilly Wachowski"),
        ];
        for (a, b) in apart {
            assert!(!same_person(&person_key(a), &person_key(b)), "{a} / {b}");
        }
    }

    #[test]
    fn one_word_or_two_are_filed_together() {
        for (one, other) in [("Air Waves", "Airwaves"), ("Spider-Man", "Spiderman"), ("S.W.A.T.", "Swat")] {
            assert_eq!(block_key(&title_key(one)), block_key(&title_key(other)), "{one} / {other}");
        }
        assert_ne!(block_key("heat"), block_key("heat 2"));
    }

    #[test]
    fn subtitles_and_compounds() {
        let table = [
            ("Birdman or (The Unexpected Virtue of Ignorance)", Some("birdman")),
            ("Borat: Cultural Learnings of America", Some("borat")),
            ("Eupoly - Ein europäischer Alptraum", Some("eupoly")),
            ("Kill Bill: Vol. 2", None),
            ("Fear Street: 1994", None),
            ("Mission-Impossible", None),
            ("The Matrix", None),
        ];
        for (title, head) in table {
            assert_eq!(head_key(title).as_deref(), head, "{title}");
        }
        assert_eq!(joined_key(&title_key("Air Waves")).as_deref(), Some("airwaves"));
        assert_eq!(joined_key("up"), None);
        assert_eq!(joined_key("a quiet place in the country"), None);
    }

    #[test]
    fn short_and_common_titles_are_not_distinctive() {
        for (title, expected) in [
            ("Wind", false),
            ("Crazy Love", false),
            ("The Gathering", false),
            ("Planes: Fire & Rescue", true),
            ("Gulliver's Travels", true),
            ("Koyaanisqatsiqatsi", true),
        ] {
            assert_eq!(distinctive(&title_key(title)), expected, "{title}");
        }
    }
}
