//! (pure) The streaming services that inputs and samples are about.

use crate::InputError;

/// A streaming service.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// Its id, which is also the source's id of its own catalogue.
    pub id: &'static str,
    /// Its home page. A catalogue without links gives no better one, and a made-up deep link would be a lie.
    pub home_url: &'static str,
    /// How the names of its catalogue files begin.
    file_stem: &'static str,
}

/// Every service.
pub(crate) const SERVICES: &[Service] = &[
    Service { id: "netflix", home_url: "https://www.netflix.com/", file_stem: "netflix" },
    Service { id: "prime_video", home_url: "https://www.primevideo.com/", file_stem: "amazon_prime" },
    Service { id: "disney_plus", home_url: "https://www.disneyplus.com/", file_stem: "disney_plus" },
    Service { id: "hulu", home_url: "https://www.hulu.com/", file_stem: "hulu" },
    Service { id: "max", home_url: "https://www.max.com/", file_stem: "max_" },
    Service { id: "apple_tv_plus", home_url: "https://tv.apple.com/", file_stem: "apple_tv" },
    Service { id: "paramount_plus", home_url: "https://www.paramountplus.com/", file_stem: "paramount_plus" },
    Service { id: "tubi", home_url: "https://tubitv.com/", file_stem: "tubi" },
    Service { id: "peacock", home_url: "https://www.peacocktv.com/", file_stem: "peacock" },
];

/// The service with this id.
pub(crate) fn by_id(id: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.id == id)
}

/// Names that providers use for services whose ids ours are not made of.
const NAMES: &[(&str, &str)] = &[
    ("amazon prime", "prime_video"),
    ("amazon prime video", "prime_video"),
    ("amazon video", "prime_video"),
    ("apple tv", "apple_tv_plus"),
    ("apple tv store", "apple_tv_plus"),
    ("channel 4", "all_4"),
    ("hbo max", "max"),
    ("itunes", "apple_tv_plus"),
    ("now", "now_tv"),
    ("peacock premium", "peacock"),
    ("prime", "prime_video"),
    ("tubi tv", "tubi"),
];

/// The id of a service by the name a provider gives it: `Disney+` → `disney_plus`. A service that we don't list keeps
/// an id made of its name, so that the same name always is the same service.
pub(crate) fn id_of(name: &str) -> String {
    let spoken = name.to_lowercase().replace('+', " plus ");
    let words: Vec<&str> = spoken.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let spoken = words.join(" ");
    match NAMES.iter().find(|known| known.0 == spoken) {
        Some((_, id)) => (*id).to_owned(),
        None => words.join("_").chars().take(50).collect(),
    }
}

/// The service the operator named, or else the one the file's name begins with.
///
/// # Errors
/// `UnknownPlatform`, or `PlatformNeeded` when neither says it.
pub(crate) fn choose(named: Option<&str>, file_name: &str) -> Result<&'static Service, InputError> {
    let known = || SERVICES.iter().map(|service| service.id).collect::<Vec<_>>().join(", ");
    if let Some(name) = named {
        return by_id(name).ok_or_else(|| InputError::UnknownPlatform { name: name.to_owned(), known: known() });
    }
    let file_name = file_name.to_lowercase();
    let by_name = |service: &&Service| file_name.starts_with(service.file_stem) || file_name.starts_with(service.id);
    SERVICES.iter().find(by_name).ok_or_else(|| InputError::PlatformNeeded(known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_or_the_operator_says_which() {
        let table = [
            (None, "netflix_titles.csv", "netflix"),
            (None, "amazon_prime_titles.csv.gz", "prime_video"),
            (None, "Disney_Plus_titles.csv", "disney_plus"),
            (None, "hulu_titles.csv", "hulu"),
            (Some("hulu"), "netflix_titles.csv", "hulu"),
        ];
        for (named, file, id) in table {
            assert_eq!(choose(named, file).unwrap().id, id);
        }
    }

    #[test]
    fn providers_have_names_of_their_own() {
        let table = [
            ("Netflix", "netflix"),
            ("Disney+", "disney_plus"),
            ("Disney Plus", "disney_plus"),
            ("Amazon Prime Video", "prime_video"),
            ("Apple TV+", "apple_tv_plus"),
            ("Paramount Plus", "paramount_plus"),
            ("MUBI", "mubi"),
            ("Rai Play", "rai_play"),
            ("Channel 4", "all_4"),
        ];
        for (name, id) in table {
            assert_eq!(id_of(name), id);
            assert_eq!(id_of(&id_of(name)), id, "an id is a name too");
        }
    }

    #[test]
    fn otherwise_it_asks() {
        let asked = choose(None, "titles.csv").unwrap_err().to_string();
        assert!(asked.contains("--platform") && asked.contains("prime_video"), "{asked}");
        let unknown = choose(Some("betamax"), "netflix_titles.csv").unwrap_err().to_string();
        assert!(unknown.contains("\"betamax\"") && unknown.contains("netflix"), "{unknown}");
    }
}
