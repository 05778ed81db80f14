//! (pure) Words: one folding for what is indexed and for what people type, so that the two always meet.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_normalization::char::is_combining_mark;

/// The most bytes of a word; what is longer is cut, since no one types it and an index term has a bound.
const MAX_WORD_BYTES: usize = 128;

/// A folded word and where it stood in the text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    pub from: usize,
    pub to: usize,
}

/// The words of a text: lower case, without diacritics, transliterated to ASCII where the script spells sounds.
///
/// Apostrophes vanish (`schindler's` and `schindlers` are one word), every other sign parts words, and each ideograph,
/// kana or hangul syllable is a word of its own, as these scripts write no spaces.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        let to = at + c.len_utf8();
        if is_apostrophe(c) {
            continue;
        }
        if !c.is_alphanumeric() && !is_combining_mark(c) {
            open = false;
            continue;
        }
        if is_syllabic(c) {
            words.push(Word { text: c.to_string(), from: at, to });
            open = false;
            continue;
        }
        if !open {
            words.push(Word { text: String::new(), from: at, to });
            open = true;
        }
        if let Some(word) = words.last_mut() {
            push_folded(&mut word.text, c);
            word.to = to;
        }
    }
    words.retain(|word| !word.text.is_empty());
    words
}

/// The words of a text, joined by single spaces: equal for texts that differ only in signs, case and diacritics.
pub(crate) fn fold(text: &str) -> String {
    join(&words(text))
}

/// Folded words joined by single spaces.
pub(crate) fn join(words: &[Word]) -> String {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    texts.join(" ")
}

/// The most characters of a title that is quoted in a sentence: one reads the sentence, not the title.
const MAX_QUOTED: usize = 60;

/// A title as a sentence quotes it: a long one is cut at a space, and says so.
pub(crate) fn shortened(title: &str) -> String {
    let Some((end, _)) = title.char_indices().nth(MAX_QUOTED) else { return title.to_owned() };
    let cut = title[..end].rfind(' ').unwrap_or(end);
    format!("{}…", title[..cut].trim_end_matches([',', '.', ':', ';', ' ']))
}

fn push_folded(word: &mut String, c: char) {
    if word.len() >= MAX_WORD_BYTES {
        return;
    }
    let ascii = any_ascii::any_ascii_char(c);
    if ascii.is_empty() && c.is_alphanumeric() {
        word.extend(c.to_lowercase());
    } else {
        word.extend(ascii.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()));
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2018}' | '\u{02bc}' | '`' | '\u{b4}')
}

/// Ideographs, kana and hangul (Unicode blocks from CJK Radicals on, without the presentation forms of other scripts).
fn is_syllabic(c: char) -> bool {
    matches!(u32::from(c), 0x2e80..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// [`words`] as a tokenizer of the keyword index.
#[derive(Clone, Default)]
pub(crate) struct FoldingTokenizer;

/// The tokens of one text.
pub(crate) struct FoldedTokens {
    words: std::vec::IntoIter<Word>,
    token: Token,
}

impl Tokenizer for FoldingTokenizer {
    type TokenStream<'a> = FoldedTokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> FoldedTokens {
        FoldedTokens { words: words(text).into_iter(), token: Token::default() }
    }
}

impl TokenStream for FoldedTokens {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_from = word.from;
        self.token.offset_to = word.to;
        self.token.text = word.text;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_folded() {
        let table = [
            ("Amélie", "amelie"),
            ("Ame\u{301}lie", "amelie"),
            ("WALL·E", "wall e"),
            ("Schindler’s List", "schindlers list"),
            ("Spider-Man: Into the Spider-Verse", "spider man into the spider verse"),
            ("Straße", "strasse"),
            ("Æon Flux", "aeon flux"),
            ("Солярис", "solyaris"),
            ("千と千尋", "千 と 千 尋"),
            ("🎬🍿", ""),
            ("\u{0}\u{7}", ""),
            ("  8½ ", "812"),
            ("", ""),
        ];
        for (text, folded) in table {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn a_long_title_is_quoted_in_part() {
        assert_eq!(shortened("Heat"), "Heat");
        assert_eq!(shortened(&"é".repeat(60)), "é".repeat(60));
        assert_eq!(shortened(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
        let long = format!("{}, and what the tide brought back", "lighthouse ".repeat(5).trim_end());
        assert_eq!(shortened(&long), format!("{}, and…", "lighthouse ".repeat(5).trim_end()));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,60}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.clone());
        }

        #[test]
        fn offsets_lie_in_the_text(text in any::<String>()) {
            for word in words(&text) {
                prop_assert!(text.get(word.from..word.to).is_some());
                prop_assert!(!word.text.is_empty());
            }
        }
    }
}
