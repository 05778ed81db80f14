//! (pure) English names of countries, as sources write them, to regions.

use std::{collections::HashMap, sync::LazyLock};

use contracts::Region;

/// Names that sources use and ISO 3166-1 does not. States that are gone stand for their successor where there is one;
/// the Soviet Union, Yugoslavia and Czechoslovakia have several, so they stand for none.
const ALIASES: &[(&str, &str)] = &[
    ("bahamas", "BS"),
    ("bolivia", "BO"),
    ("british hong kong", "HK"),
    ("burma", "MM"),
    ("cape verde", "CV"),
    ("czech republic", "CZ"),
    ("democratic republic of the congo", "CD"),
    ("dr congo", "CD"),
    ("east germany", "DE"),
    ("east timor", "TL"),
    ("england", "GB"),
    ("great britain", "GB"),
    ("holland", "NL"),
    ("iran", "IR"),
    ("ivory coast", "CI"),
    ("kingdom of great britain", "GB"),
    ("kingdom of italy", "IT"),
    ("kingdom of the netherlands", "NL"),
    ("korea", "KR"),
    ("laos", "LA"),
    ("macau", "MO"),
    ("micronesia", "FM"),
    ("moldova", "MD"),
    ("netherlands", "NL"),
    ("north korea", "KP"),
    ("north macedonia", "MK"),
    ("northern ireland", "GB"),
    ("occupied palestinian territory", "PS"),
    ("palestine", "PS"),
    ("people's republic of china", "CN"),
    ("republic of china", "TW"),
    ("republic of ireland", "IE"),
    ("russia", "RU"),
    ("scotland", "GB"),
    ("south korea", "KR"),
    ("swaziland", "SZ"),
    ("syria", "SY"),
    ("taiwan", "TW"),
    ("taiwan island", "TW"),
    ("tanzania", "TZ"),
    ("turkey", "TR"),
    ("uk", "GB"),
    ("united kingdom", "GB"),
    ("united states", "US"),
    ("united states of america", "US"),
    ("usa", "US"),
    ("vatican city", "VA"),
    ("venezuela", "VE"),
    ("viet nam", "VN"),
    ("vietnam", "VN"),
    ("wales", "GB"),
    ("west germany", "DE"),
];

static BY_NAME: LazyLock<HashMap<String, Region>> = LazyLock::new(|| {
    let official = rust_iso3166::ALL.iter().map(|country| (country.name.to_lowercase(), country.alpha2));
    let aliases = ALIASES.iter().map(|(name, code)| ((*name).to_owned(), *code));
    official.chain(aliases).filter_map(|(name, code)| Some((name, code.parse().ok()?))).collect()
});

/// The region of a country's English name; `None` for a name we don't know, which is dropped and never an error.
pub(crate) fn region(name: &str) -> Option<Region> {
    let key = name.trim().to_lowercase().replace('’', "'");
    BY_NAME.get(&key).or_else(|| BY_NAME.get(key.strip_prefix("the ")?)).copied()
}

/// The regions of several names, each once, in order.
pub(crate) fn regions(names: &[String]) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for found in names.iter().filter_map(|name| region(name)) {
        if !regions.contains(&found) {
            regions.push(found);
        }
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sources_are_known() {
        let table = [
            ("United States", "US"),
            ("united kingdom", "GB"),
            ("South Korea", "KR"),
            ("People's Republic of China", "CN"),
            ("People’s Republic of China", "CN"),
            ("China", "CN"),
            ("Hong Kong", "HK"),
            ("Czech Republic", "CZ"),
            ("West Germany", "DE"),
            ("Vatican City", "VA"),
            ("The Bahamas", "BS"),
            ("Iran", "IR"),
            ("France", "FR"),
            ("Ivory Coast", "CI"),
            ("Georgia", "GE"),
        ];
        for (name, code) in table {
            assert_eq!(region(name).map(|region| region.to_string()).as_deref(), Some(code), "{name}");
        }
    }

    #[test]
    fn unknown_names_are_dropped() {
        let names = ["Atlantis", "Soviet Union", "", "France", "United States", "USA"].map(str::to_owned);
        let codes: Vec<String> = regions(&names).iter().map(ToString::to_string).collect();
        assert_eq!(codes, ["FR", "US"]);
    }

    #[test]
    fn every_alias_leads_somewhere() {
        for (name, _) in ALIASES {
            assert!(region(name).is_some(), "{name}");
        }
    }
}
