//! The streaming services we know by name. A platform that is not here is listed by its id.

/// Id, name and home page of each platform, by id.
const PLATFORMS: &[(&str, &str, &str)] = &[
    ("amc_plus", "AMC+", "https://www.amcplus.com/"),
    ("apple_tv_plus", "Apple TV+", "https://tv.apple.com/"),
    ("bbc_iplayer", "BBC iPlayer", "https://www.bbc.co.uk/iplayer"),
    ("britbox", "BritBox", "https://www.britbox.com/"),
    ("crunchyroll", "Crunchyroll", "https://www.crunchyroll.com/"),
    ("disney_plus", "Disney+", "https://www.disneyplus.com/"),
    ("hulu", "Hulu", "https://www.hulu.com/"),
    ("kanopy", "Kanopy", "https://www.kanopy.com/"),
    ("max", "Max", "https://www.max.com/"),
    ("mubi", "MUBI", "https://mubi.com/"),
    ("netflix", "Netflix", "https://www.netflix.com/"),
    ("paramount_plus", "Paramount+", "https://www.paramountplus.com/"),
    ("peacock", "Peacock", "https://www.peacocktv.com/"),
    ("pluto_tv", "Pluto TV", "https://pluto.tv/"),
    ("prime_video", "Prime Video", "https://www.primevideo.com/"),
    ("shudder", "Shudder", "https://www.shudder.com/"),
    ("starz", "STARZ", "https://www.starz.com/"),
    ("tubi", "Tubi", "https://tubitv.com/"),
    ("youtube", "YouTube", "https://www.youtube.com/"),
];

/// The name and home page of a platform.
pub fn find(id: &str) -> Option<(&'static str, &'static str)> {
    let at = PLATFORMS.binary_search_by_key(&id, |platform| platform.0).ok()?;
    PLATFORMS.get(at).map(|platform| (platform.1, platform.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_is_found() {
        for (id, name, url) in PLATFORMS {
            assert_eq!(find(id), Some((*name, *url)));
            assert!(url.starts_with("https://"));
        }
        assert_eq!(find("nobody"), None);
    }
}
