//! Languages: one tag for each, and the names and codes that sources use for it.

use std::{collections::HashMap, fmt, str::FromStr, sync::LazyLock};

use isolang::Language as Iso;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use utoipa::ToSchema;

use crate::{ApiError, ErrorKind, Locale, genres::key};

/// A spoken or signed language as its BCP 47 tag: ISO 639-1 where it has a code there (`ko`), else ISO 639-3 (`yue`); `zxx` where nothing is
/// said. English names and longer tags (`ko-KR`, of which the language counts) are accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, example = "ko")]
pub struct Language(&'static str);

impl Language {
    /// The language that a source or a person means by a tag, a code of ISO 639 or an English name; `None` for a word we don't know. Mandarin
    /// is `zh`, and so on for every code that Unicode's CLDR has another one for: a filter finds the same titles whichever a source uses.
    pub fn of(word: &str) -> Option<Self> {
        // Folding drops them, and nobody writes one: `ko` with a NUL behind it is no word.
        if word.chars().any(char::is_control) {
            return None;
        }
        let whole = key(word);
        let bare = || find(whole.strip_suffix(" language")?);
        // "Modern Greek (1453-)"
        let aside = || find(&key(word.split_once(" (")?.0));
        find(&whole).or_else(|| of_tag(word)).or_else(bare).or_else(aside).map(Self)
    }

    /// The languages among some words, each once, in order; words we don't know are dropped and never an error.
    pub fn all_of<T: AsRef<str>>(words: &[T]) -> Vec<Self> {
        Self::split(words).0
    }

    /// As [`Language::all_of`], and the words we don't know, in order.
    pub fn split<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> (Vec<Self>, Vec<T>) {
        let (mut all, mut unknown) = (Vec::new(), Vec::new());
        for word in words {
            match Self::of(word.as_ref()) {
                Some(language) if all.contains(&language) => {}
                Some(language) => all.push(language),
                None => unknown.push(word),
            }
        }
        (all, unknown)
    }

    /// The tag.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Its English name.
    pub fn name(self) -> &'static str {
        let own = NAMES.get(self.0).copied();
        own.or_else(|| Some(plain(iso(self.0)?.to_name()))).unwrap_or(self.0)
    }
}

/// The rows of `language_names.tsv`: tag, English name, and what else sources call it.
fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let lines = include_str!("language_names.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields.next()?, fields.next().unwrap_or_default()))
    })
}

/// The English names of our own table, by tag.
static NAMES: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| rows().map(|(tag, name, _)| (tag, name)).collect());

/// The tags of our own table, by all that stands for them.
static WORDS: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let words = rows().flat_map(|(tag, name, also)| {
        let also = also.split(", ").filter(|word| !word.is_empty()).map(str::to_owned);
        [tag.to_owned(), key(name)].into_iter().chain(also).map(move |word| (word, tag))
    });
    words.collect()
});

/// The tags of all languages, by the names that ISO 639 gives them; of two with one name that with the shorter code.
static ISO_NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let (short, long): (Vec<Iso>, Vec<Iso>) = Iso::match_names(|_| true).partition(|one| one.to_639_1().is_some());
    let named = |one: &Iso| Some((key(plain(one.to_name())), tag(*one)?));
    long.iter().chain(&short).filter_map(named).collect()
});

/// The tag of a folded word.
fn find(word: &str) -> Option<&'static str> {
    let own = WORDS.get(word).copied();
    own.or_else(|| iso(word).and_then(tag)).or_else(|| ISO_NAMES.get(word).copied())
}

/// The language of a longer tag, such as `ko-KR`, `zh_Hant` or `ca-valencia`. Behind three letters only a script or a region makes it a tag:
/// names begin with as many ("Neo-Aramaic").
fn of_tag(word: &str) -> Option<&'static str> {
    let locale: Locale = word.parse().ok()?;
    let (language, rest) = locale.as_str().split_once('-')?;
    let next = rest.split('-').next()?;
    let fits = language.len() == 2 || matches!(next.len(), 2 | 4) || next.bytes().all(|byte| byte.is_ascii_digit());
    // `zh-yue-HK` is another language than `zh`.
    if fits { find(&format!("{language} {next}")).or_else(|| find(language)) } else { None }
}

fn iso(code: &str) -> Option<Iso> {
    match code.len() {
        2 => Iso::from_639_1(code),
        3 => Iso::from_639_3(code),
        _ => None,
    }
}

/// Our tag of a language; `None` for what ISO 639 has for no language in particular.
fn tag(language: Iso) -> Option<&'static str> {
    let code = language.to_639_1().unwrap_or(language.to_639_3());
    (!matches!(code, "mis" | "mul" | "und")).then(|| WORDS.get(code).copied().unwrap_or(code))
}

/// A name without what ISO 639 adds in brackets.
fn plain(name: &'static str) -> &'static str {
    name.split(" (").next().unwrap_or(name)
}

/// Reads a list of languages: what was stored before there were tags holds names, of which some are no language.
pub(crate) fn known<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Language>, D::Error> {
    Ok(Language::all_of(&Vec::<String>::deserialize(source)?))
}

impl FromStr for Language {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        Self::of(text).ok_or_else(|| {
            let detail = format!("no language is called {text:?}");
            ApiError::new(ErrorKind::InvalidArgument, "unknown_language", detail)
                .field("language", "must be a BCP 47 language tag, such as ko")
        })
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0.to_owned()
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_one_tag_and_a_name() {
        let table = [
            ("Korean", "ko", "Korean"),
            ("korean language", "ko", "Korean"),
            ("ko", "ko", "Korean"),
            ("kor", "ko", "Korean"),
            ("ko-KR", "ko", "Korean"),
            ("FRENCH", "fr", "French"),
            ("fre", "fr", "French"),
            ("fr_CA", "fr", "French"),
            ("es-419", "es", "Spanish"),
            ("zh-Hant-TW", "zh", "Chinese"),
            ("cmn", "zh", "Chinese"),
            ("Mandarin", "zh", "Chinese"),
            ("Standard Chinese", "zh", "Chinese"),
            ("cn", "yue", "Cantonese"),
            ("zh-yue", "yue", "Cantonese"),
            ("zh-yue-HK", "yue", "Cantonese"),
            ("ca-valencia", "ca", "Catalan"),
            ("sl-rozaj", "sl", "Slovenian"),
            ("en-x-foo", "en", "English"),
            ("yue-Hant-HK", "yue", "Cantonese"),
            ("Yue Chinese", "yue", "Cantonese"),
            ("Modern Greek (1453-)", "el", "Greek"),
            ("Ancient Greek (to 1453)", "grc", "Ancient Greek"),
            ("Norwegian Bokmål", "nb", "Norwegian Bokmål"),
            ("Filipino", "tl", "Tagalog"),
            ("Farsi", "fa", "Persian"),
            ("Serbo-Croatian", "sh", "Serbo-Croatian"),
            ("Dan", "da", "Danish"),
            ("American Sign Language", "ase", "American Sign Language"),
            ("No Language", "zxx", "No dialogue"),
            // Not of our own table.
            ("Volapük", "vo", "Volapük"),
            ("Bhojpuri", "bho", "Bhojpuri"),
            ("tlh", "tlh", "Klingon"),
        ];
        for (written, tag, name) in table {
            let found = Language::of(written).map(|language| (language.as_str(), language.name()));
            assert_eq!(found, Some((tag, name)), "{written}");
        }
    }

    #[test]
    fn what_is_no_language_is_dropped_from_a_list_and_refused_by_itself() {
        for word in ["Klingonese", "und", "Undetermined", "mul", "Neo-Aramaic", "x", "xq-XX", "language", " ", ""] {
            assert_eq!(Language::of(word), None, "{word}");
        }
        for word in ["ko\0", "\0ko", "ko\u{1}zz", "Korean\n", "ko\u{85}"] {
            assert_eq!(Language::of(word), None, "{word:?}");
        }
        let error = "Klingonese".parse::<Language>().unwrap_err();
        assert_eq!((&*error.code, error.fields[0].field.as_str()), ("unknown_language", "language"));
        let words = ["Mandarin", "Klingonese", "English", "zh", "en-GB", ""];
        assert_eq!(Language::all_of(&words).iter().map(|one| one.as_str()).collect::<Vec<_>>(), ["zh", "en"]);
        assert!(serde_json::from_str::<Language>("\"Klingonese\"").is_err());
        assert_eq!(serde_json::to_string(&"Korean".parse::<Language>().unwrap()).unwrap(), "\"ko\"");
    }

    #[test]
    fn the_table_is_in_order_and_no_word_stands_for_two() {
        let tags: Vec<_> = rows().map(|row| row.0).collect();
        assert!(tags.is_sorted() && tags.windows(2).all(|pair| pair[0] != pair[1]));
        let mut words = 0;
        for (tag, name, also) in rows() {
            assert!(iso(tag).is_some(), "{tag} is no code of ISO 639");
            assert_eq!(super::tag(iso(tag).unwrap()), Some(tag), "{tag} has a shorter one");
            for word in also.split(", ").filter(|word| !word.is_empty()).chain([tag, name]) {
                assert!(word == name || key(word) == word, "{word} is not written as a key");
                assert_eq!(Language::of(word).map(Language::as_str), Some(tag), "{word}");
                words += 1;
            }
        }
        assert_eq!(words, WORDS.len(), "a word stands twice");
        assert!(words > 400, "{words}");
    }
}
