//! (pure) Cleaning the texts that sources hand over.

/// The text without control and invisible characters, every run of blanks one space, none at the ends.
///
/// Joiners (U+200C, U+200D) stay inside a text, where Persian, Indic scripts and emoji need them.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() || c == '\u{0085}' {
            gap = true;
        } else if !invisible(c) {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            out.push(c);
        }
    }
    let joiners = ['\u{200C}', '\u{200D}'];
    let trimmed = out.trim_matches(|c: char| joiners.contains(&c) || c == ' ');
    if trimmed.len() == out.len() { out } else { trimmed.to_owned() }
}

/// Control characters, zero-width spaces and marks of writing direction.
fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{00AD}')
}

/// The cleaned, non-empty parts of a list written with commas, each once.
pub(crate) fn list(text: &str) -> Vec<String> {
    unique(text.split(',').map(clean))
}

/// The names of a list written with commas: as [`list`], but "Sammy Davis, Jr." stays one person, and so does "Diana,
/// Princess of Wales".
pub(crate) fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in text.split(',').map(clean) {
        match names.last_mut() {
            Some(last) if is_suffix(&part) || is_rank(&part) => *last = format!("{last}, {part}"),
            _ => names.push(part),
        }
    }
    unique(names.into_iter())
}

/// What remains when empty texts and repetitions are left out, in order.
pub(crate) fn unique(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    texts.filter(|text| !text.is_empty() && seen.insert(text.clone())).collect()
}

fn is_suffix(part: &str) -> bool {
    matches!(part.trim_end_matches('.'), "Jr" | "Sr" | "II" | "III" | "IV" | "PhD" | "Ph.D" | "M.D" | "Esq")
}

/// Whether this is somebody's title of nobility, and no name: "9th Prince of Cerveteri", but not "Princess Margaret".
fn is_rank(part: &str) -> bool {
    const RANKS: [&str; 12] = [
        "Prince",
        "Princess",
        "Duke",
        "Duchess",
        "Marquess",
        "Earl",
        "Countess",
        "Viscount",
        "Viscountess",
        "Baron",
        "Baroness",
        "Baronet",
    ];
    let (first, rest) = part.split_once(' ').unwrap_or((part, ""));
    let ordinal = ["st", "nd", "rd", "th"].iter().any(|end| {
        let digits = first.strip_suffix(end).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    });
    if ordinal {
        return RANKS.contains(&rest.split(' ').next().unwrap_or_default());
    }
    RANKS.contains(&first) && (rest.starts_with("of ") || rest.starts_with("Consort of "))
}

/// The first `limit` bytes of `bytes` as text, with what is not UTF-8 replaced.
pub(crate) fn excerpt(bytes: &[u8], limit: usize) -> String {
    let cut = &bytes[..bytes.len().min(limit)];
    let mut text = String::from_utf8_lossy(cut).into_owned();
    if bytes.len() > limit {
        text.push('…');
    }
    text
}

/// The names of columns, as they are told to whoever named one that is not there: at most `limit` bytes of them.
pub(crate) fn columns(names: &[impl AsRef<str>], limit: usize) -> String {
    let names: Vec<_> = names.iter().map(|name| clean(name.as_ref())).collect();
    excerpt(names.join(", ").as_bytes(), limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_go_and_blanks_collapse() {
        let table = [
            ("\u{200b}\u{200b}Kuch  Kuch", "Kuch Kuch"),
            (" Maj Rati \u{200b}Keteki ", "Maj Rati Keteki"),
            ("one\ttwo\r\nthree", "one two three"),
            ("a\u{0}b\u{7}c", "abc"),
            ("\u{feff}\u{202e}title", "title"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("\u{200d}edge\u{200c}", "edge"),
            ("\u{a0}no-break\u{a0}space", "no-break space"),
            (" \u{200b} ", ""),
        ];
        for (dirty, tidy) in table {
            assert_eq!(clean(dirty), tidy, "{dirty:?}");
            assert_eq!(clean(tidy), tidy, "cleaning twice changes nothing");
        }
    }

    #[test]
    fn lists_lose_blanks_and_repetitions() {
        assert_eq!(list(", France, Algeria,France ,"), ["France", "Algeria"]);
        assert_eq!(list("  "), Vec::<String>::new());
        assert_eq!(names("Ann Lee, Bob Ray, Jr., Cy Day"), ["Ann Lee", "Bob Ray, Jr.", "Cy Day"]);
        assert_eq!(names("Jr., Ann Lee"), ["Jr.", "Ann Lee"]);
        for one in [
            "Alessandro Ruspoli, 9th Prince of Cerveteri",
            "Diana, Princess of Wales",
            "Hugh Graham, 1st Baron Atholstan",
            "Philip, Prince Consort of Romania",
        ] {
            assert_eq!(names(&format!("Ann Lee, {one}, 50 Cent")), ["Ann Lee", one, "50 Cent"]);
        }
        for two in ["Ann Lee, Princess Margaret", "Ann Lee, Earl Boen", "Ann Lee, Prince", "Ann Lee, 2nd Unit"] {
            assert_eq!(names(two).len(), 2, "{two}");
        }
    }

    #[test]
    fn an_excerpt_is_bounded_and_always_text() {
        assert_eq!(excerpt(b"abc", 3), "abc");
        assert_eq!(excerpt(b"abcd", 3), "abc…");
        assert_eq!(excerpt(&[b'a', 0xff], 8), "a\u{fffd}");
    }
}
