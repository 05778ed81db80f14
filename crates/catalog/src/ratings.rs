//! The age a certificate asks for. (pure)

/// The lowest age a certificate asks for; `None` where it says nothing of age, such as `NR` or one we don't know.
///
/// Sources: the Motion Picture Association's and the TV Parental Guidelines' descriptions of their ratings; a
/// certificate that is a number (`13+`, `FSK 16`, `12A`) means that age.
pub fn min_age(certificate: &str) -> Option<u16> {
    let word = certificate.trim().to_uppercase();
    let named = match word.as_str() {
        "G" | "U" | "ALL" | "TV-Y" | "TV-G" | "ALL_AGES" => Some(0),
        "TV-Y7" | "TV-Y7-FV" => Some(7),
        "PG" | "TV-PG" => Some(8),
        "PG-13" => Some(13),
        "TV-14" => Some(14),
        "R" | "TV-MA" => Some(17),
        "NC-17" | "X" => Some(18),
        _ => None,
    };
    named.or_else(|| {
        let digits: String =
            word.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        digits.parse().ok().filter(|age| *age <= 21)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates() {
        let table = [
            ("PG-13", Some(13)),
            ("R", Some(17)),
            ("tv-ma", Some(17)),
            ("ALL", Some(0)),
            ("16+", Some(16)),
            ("FSK 12", Some(12)),
            ("12A", Some(12)),
            ("NR", None),
            ("UNRATED", None),
            ("74 min", None),
        ];
        for (certificate, age) in table {
            assert_eq!(min_age(certificate), age, "{certificate}");
        }
    }
}
