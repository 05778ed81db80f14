//! (pure) Which board a certificate is of, by the region it holds in.

use contracts::Region;

/// The board of films in some regions; the United States have one for films and one for television.
const BOARDS: &[(&str, &str)] = &[
    ("AR", "incaa"),
    ("AT", "jmk"),
    ("AU", "acb"),
    ("BG", "nfc"),
    ("BR", "classind"),
    ("CA", "chvrs"),
    ("CH", "jif"),
    ("DE", "fsk"),
    ("DK", "medieradet"),
    ("ES", "icaa"),
    ("FI", "kavi"),
    ("FR", "cnc"),
    ("GB", "bbfc"),
    ("HK", "ofnaa"),
    ("HU", "nmhh"),
    ("ID", "lsf"),
    ("IE", "ifco"),
    ("IN", "cbfc"),
    ("IT", "mic"),
    ("JP", "eirin"),
    ("KR", "kmrb"),
    ("LT", "lkc"),
    ("MX", "rtc"),
    ("MY", "lpf"),
    ("NL", "kijkwijzer"),
    ("NO", "medietilsynet"),
    ("NZ", "oflc"),
    ("PH", "mtrcb"),
    ("PL", "krrit"),
    ("PT", "igac"),
    ("RU", "mkrf"),
    ("SE", "smsa"),
    ("SG", "imda"),
    ("TR", "rtuk"),
    ("TW", "moc"),
    ("ZA", "fpb"),
];

/// Region, system and certificate; `None` for marks that say there is none, and where we don't know the board.
pub(crate) fn of(mark: &str, region: Region) -> Option<(Region, String, String)> {
    let mark = mark.trim().to_uppercase();
    let system = match mark.as_str() {
        "" | "NR" | "UR" | "UNRATED" | "NOT RATED" | "N/A" => return None,
        "G" | "PG" | "PG-13" | "R" | "NC-17" if region == Region::US => "mpa",
        "TV-Y" | "TV-Y7" | "TV-Y7-FV" | "TV-G" | "TV-PG" | "TV-14" | "TV-MA" if region == Region::US => "tvpg",
        _ => BOARDS.iter().find(|board| board.0 == region.as_str())?.1,
    };
    Some((region, system.to_owned(), mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_says_whose_mark_it_is() {
        let gb: Region = "GB".parse().unwrap();
        let system = |mark, region| of(mark, region).map(|found| (found.1, found.2));
        assert_eq!(system("pg-13", Region::US), Some(("mpa".to_owned(), "PG-13".to_owned())));
        assert_eq!(system("TV-MA", Region::US), Some(("tvpg".to_owned(), "TV-MA".to_owned())));
        assert_eq!(system("PG", gb), Some(("bbfc".to_owned(), "PG".to_owned())));
        assert_eq!(system("NR", Region::US), None);
        assert_eq!(system("13+", Region::US), None, "no board there says so");
        assert_eq!(system("12", "AQ".parse().unwrap()), None);
    }
}
