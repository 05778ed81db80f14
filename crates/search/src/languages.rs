//! (pure) Languages: one code for what sources and people call them.

use isolang::Language;

use crate::text::fold;

/// What sources write beside the name that ISO 639-3 gives, and the code of what they mean.
const ALIASES: &[(&str, &str)] = &[
    ("mandarin", "zh"),
    ("mandarin chinese", "zh"),
    ("standard mandarin", "zh"),
    ("standard chinese", "zh"),
    ("putonghua", "zh"),
    ("cantonese", "yue"),
    ("yue chinese", "yue"),
    ("greek", "el"),
    ("modern greek", "el"),
    ("persian", "fa"),
    ("farsi", "fa"),
    ("malay", "ms"),
    ("norwegian bokmal", "nb"),
    ("castilian", "es"),
    ("flemish", "nl"),
    ("punjabi", "pa"),
    ("filipino", "tl"),
    ("tagalog", "tl"),
    ("swahili", "sw"),
    ("nepali", "ne"),
    ("khmer", "km"),
    ("odia", "or"),
    ("american english", "en"),
    ("british english", "en"),
    ("brazilian portuguese", "pt"),
    ("serbo croatian", "sh"),
    ("silent film", "zxx"),
    ("no dialogue", "zxx"),
];

/// The code of a language: ISO 639-1 where it has one, else ISO 639-3, else what it is called, folded.
pub(crate) fn code(name: &str) -> String {
    known(name).unwrap_or_else(|| fold(name))
}

/// The code of a language that we know by this name or code.
pub(crate) fn known(name: &str) -> Option<String> {
    let folded = fold(name);
    let bare = folded.strip_suffix(" language").unwrap_or(&folded);
    if let Some((_, code)) = ALIASES.iter().find(|(alias, _)| *alias == bare) {
        return Some((*code).to_owned());
    }
    let by_code = match bare.len() {
        2 => Language::from_639_1(bare),
        3 => Language::from_639_3(bare),
        _ => None,
    };
    let language = by_code.or_else(|| Language::from_name(&capitalised(bare)))?;
    Some(language.to_639_1().unwrap_or(language.to_639_3()).to_owned())
}

/// What a person calls the language of a code; the code itself where we don't know it.
pub(crate) fn name(code: &str) -> String {
    let alias = ALIASES.iter().find(|(_, known)| *known == code).map(|(alias, _)| capitalised(alias));
    let language = if code.len() == 2 { Language::from_639_1(code) } else { Language::from_639_3(code) };
    // ISO calls some by a class of languages: "Chinese", "Modern Greek (1453-)".
    let name = language.map(|language| language.to_name().split(" (").next().unwrap_or_default().to_owned());
    name.or(alias).unwrap_or_else(|| capitalised(code))
}

fn capitalised(words: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    words.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_one_code_and_a_name() {
        let table = [
            ("Korean", "ko", "Korean"),
            ("korean language", "ko", "Korean"),
            ("ko", "ko", "Korean"),
            ("kor", "ko", "Korean"),
            ("FRENCH", "fr", "French"),
            ("Mandarin Chinese", "zh", "Chinese"),
            ("Cantonese", "yue", "Yue Chinese"),
            ("Greek", "el", "Modern Greek"),
            ("Klingonese", "klingonese", "Klingonese"),
            ("", "", ""),
        ];
        for (written, expected, called) in table {
            assert_eq!((code(written).as_str(), name(&code(written)).as_str()), (expected, called), "{written}");
        }
        assert_eq!(known("klingonese"), None);
    }
}
