//! The directory of streaming services, as data. A platform that is not in it is listed by its id.

use std::sync::LazyLock;

use jiff::civil::Date;

use crate::{AvailabilityType, OFFER_CHAIN, Region};

/// A streaming service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its id: `netflix`.
    pub id: &'static str,
    /// Its name: `Netflix`.
    pub name: &'static str,
    /// Its home page.
    pub home_url: &'static str,
    /// Who else names the domain of the home page as the service's; absent where it is written from general knowledge.
    pub home_source: Option<&'static str>,
    /// On which terms it offers titles, from general knowledge.
    pub kinds: Vec<AvailabilityType>,
    /// The terms that an offer was seen on at its source.
    pub kinds_seen: Vec<AvailabilityType>,
    /// Where it can be watched.
    pub regions: Vec<Region>,
    /// Who says so.
    pub source: &'static str,
    /// When it was read there.
    pub read_on: Date,
    /// The address of its own search, with `{title}` where the words go; absent where its scheme is not known.
    pub search_template: Option<&'static str>,
    /// The providers of offers that are known to have it, the first to be believed first.
    pub chain: Vec<&'static str>,
}

static DIRECTORY: LazyLock<Vec<Service>> = LazyLock::new(|| {
    let lines = include_str!("platforms.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(service).collect()
});

/// Every service, by id.
pub fn all() -> &'static [Service] {
    &DIRECTORY
}

/// The service with this id.
pub fn find(id: &str) -> Option<&'static Service> {
    let at = DIRECTORY.binary_search_by_key(&id, |service| service.id).ok()?;
    DIRECTORY.get(at)
}

/// What people call the service with this id: its name, or the id where it is not in the directory.
pub fn name(id: &str) -> &str {
    find(id).map_or(id, |service| service.name)
}

/// The providers of offers that are believed of a platform, the first of them first: all, where the directory lacks it.
pub fn chain(id: &str) -> &'static [&'static str] {
    find(id).map_or(OFFER_CHAIN, |service| service.chain.as_slice())
}

/// Where a provider of offers stands among those that tell of a platform. Who is not known to have it comes last.
pub fn rank(id: &str, provider: &str) -> (usize, usize) {
    let place = |chain: &[&str]| chain.iter().position(|known| *known == provider).unwrap_or(chain.len());
    (place(chain(id)), place(OFFER_CHAIN))
}

/// A line of the file; a test holds every line to be one.
fn service(line: &'static str) -> Option<Service> {
    let mut fields = line.split('\t');
    let mut next = || fields.next().filter(|field| !field.is_empty());
    let (id, name, home_url, kinds, regions) = (next()?, next()?, next()?, next()?, next()?);
    let kind = |sign| match sign {
        's' => Some(AvailabilityType::Subscription),
        'f' => Some(AvailabilityType::Free),
        'a' => Some(AvailabilityType::Ads),
        'r' => Some(AvailabilityType::Rent),
        'b' => Some(AvailabilityType::Buy),
        _ => None,
    };
    let terms = |signs: &str| signs.chars().map(kind).collect::<Option<Vec<_>>>();
    let (source, read_on) = (next()?, next()?.parse().ok()?);
    let (home, seen, link, chain) = (next()?, next()?, next()?, next()?);
    let provider = |name: &str| OFFER_CHAIN.iter().copied().find(|known| *known == name);
    Some(Service {
        id,
        name,
        home_url,
        home_source: (home != "-").then_some(home),
        kinds: terms(kinds)?,
        kinds_seen: if seen == "-" { Vec::new() } else { terms(seen)? },
        regions: regions.split(',').map(|code| code.parse().ok()).collect::<Option<_>>()?,
        source,
        read_on,
        search_template: (link != "-").then_some(link),
        chain: chain.split(',').map(provider).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_service_and_is_found() {
        let lines = include_str!("platforms.tsv").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(all().len(), lines, "a line can't be read");
        assert!(lines >= 150, "{lines}");
        assert!(all().windows(2).all(|pair| pair[0].id < pair[1].id), "in the order of ids, each once");
        for own in all() {
            assert_eq!(find(own.id), Some(own));
            assert!(own.home_url.starts_with("https://") && own.home_url.ends_with(|c: char| c != ' '), "{own:?}");
            assert!(
                own.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') || !own.id.is_ascii()
            );
            assert!(!own.kinds.is_empty() && !own.regions.is_empty());
            assert!(own.kinds_seen.iter().all(|kind| own.kinds.contains(kind)), "{own:?}");
            let ordered: Vec<_> = OFFER_CHAIN.iter().copied().filter(|known| own.chain.contains(known)).collect();
            assert_eq!(own.chain, ordered, "each once, in the order of all: {}", own.id);
            assert!(own.chain.ends_with(&["justwatch", "tmdb"]), "who names all of them: {}", own.id);
        }
        assert_eq!(find("netflix").map(|own| own.name), Some("Netflix"));
        assert!(find("netflix").is_some_and(|own| own.regions.len() > 50));
        assert_eq!(find("netflix").and_then(|own| own.home_source), Some("v2fly"));
        // What is sourced, so that nobody can take the rest for it.
        let sourced = all().iter().filter(|own| own.home_source.is_some()).count();
        let seen = all().iter().filter(|own| !own.kinds_seen.is_empty()).count();
        let whole = all().iter().filter(|own| own.home_source.is_some() && !own.kinds_seen.is_empty()).count();
        assert_eq!((all().len(), sourced, seen, whole), (269, 195, 162, 152), "the issue wants 150 that are whole");
        let links: Vec<_> = all().iter().filter_map(|own| own.search_template).collect();
        assert!(links.iter().all(|link| link.starts_with("https://") && link.matches("{title}").count() == 1));
        assert_eq!(links.len(), 22);
        let known = |provider| all().iter().filter(|own| own.chain.contains(&provider)).count();
        assert_eq!((known("streaming_availability"), known("watchmode")), (21, 12));
        assert_eq!((chain("netflix"), chain("vudu")[0], chain("3cat")[0]), (OFFER_CHAIN, "watchmode", "justwatch"));
        assert_eq!((find("nobody"), chain("nobody")), (None, OFFER_CHAIN));
        assert_eq!((name("disney_plus"), name("nobody")), ("Disney+", "nobody"));
    }
}
