//! (pure) What the page of a title says, as text.

use contracts::{Content, ContentType, CreditRole, Directory};

use crate::offers::{OfferLine, lines};

/// The most actors that the page names; the app names them all.
const MAX_ACTORS: usize = 15;

/// The facts of one title, ready to be written down.
pub struct Facts {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its title in its first language, where that differs.
    pub original_title: Option<String>,
    /// The language of title and overview.
    pub locale: String,
    /// "Film", or "Series".
    pub kind: &'static str,
    /// Year, length, seasons, genres, countries, languages: each as words, in that order, without what is not known.
    pub line: Vec<String>,
    /// Where this node gives its poster, where it has one.
    pub poster: Option<String>,
    /// What it is about.
    pub overview: Option<String>,
    /// "7.1 of 10, from 48 votes".
    pub rating: Option<String>,
    /// Names by what they did.
    pub people: Vec<(&'static str, Vec<String>)>,
    /// Where to watch it.
    pub offers: Vec<OfferLine>,
    /// Whether an offer was made up for the demo.
    pub samples: bool,
    /// One sentence for search engines and previews.
    pub summary: String,
}

impl Facts {
    /// The facts of `content`, with the names that the directory has.
    pub fn of(content: &Content, directory: &Directory) -> Self {
        let offers = lines(&content.availability, directory);
        let people = people(content);
        let line = line(content, directory);
        Self {
            id: content.id.to_string(),
            title: content.title.clone(),
            original_title: content.original_title.clone().filter(|original| *original != content.title),
            locale: content.locale.to_string(),
            kind: if content.content_type == ContentType::Movie { "Film" } else { "Series" },
            summary: summary(content, &line, &people),
            line,
            poster: poster(content),
            overview: content.overview.clone(),
            rating: (content.vote_count > 0)
                .then(|| format!("{:.1} of 10, from {} votes", content.average_rating, content.vote_count)),
            people,
            samples: offers.iter().any(|offer| offer.sample),
            offers,
        }
    }
}

fn line(content: &Content, directory: &Directory) -> Vec<String> {
    let genre = |id: &String| {
        let known = directory.genres.iter().find(|genre| genre.id == *id);
        known.map_or_else(|| id.replace('_', " "), |genre| genre.name.clone())
    };
    let joined = |words: Vec<String>| (!words.is_empty()).then(|| words.join(", "));
    let parts = [
        content.release_year.map(|year| year.to_string()),
        content.runtime_minutes.map(|minutes| format!("{minutes} min")),
        content.season_count.map(|count| if count == 1 { "1 season".to_owned() } else { format!("{count} seasons") }),
        joined(content.genres.iter().map(genre).collect()),
        joined(content.countries.iter().map(|country| country.as_str().to_owned()).collect()),
        joined(content.languages.clone()),
    ];
    parts.into_iter().flatten().collect()
}

fn poster(content: &Content) -> Option<String> {
    let has = content.images.iter().any(|image| image.kind == "poster");
    has.then(|| format!("/api/v1/images/{}/poster?width=360", content.id))
}

fn people(content: &Content) -> Vec<(&'static str, Vec<String>)> {
    let roles = [
        ("Directed by", CreditRole::Director, usize::MAX),
        ("Written by", CreditRole::Writer, usize::MAX),
        ("With", CreditRole::Actor, MAX_ACTORS),
    ];
    let named = |role: CreditRole, most: usize| -> Vec<String> {
        let credits = content.credits.iter().filter(|credit| credit.role == role);
        credits.map(|credit| credit.name.clone()).take(most).collect()
    };
    roles
        .into_iter()
        .map(|(label, role, most)| (label, named(role, most)))
        .filter(|(_, names)| !names.is_empty())
        .collect()
}

/// The first sentence of what it is about, or what is known of it.
fn summary(content: &Content, line: &[String], people: &[(&'static str, Vec<String>)]) -> String {
    if let Some(overview) = &content.overview {
        return shortened(overview, 160);
    }
    let people = people.iter().map(|(label, names)| format!("{label} {}", names.join(", ")));
    shortened(&line.iter().cloned().chain(people).collect::<Vec<_>>().join(". "), 160)
}

/// At most `most` characters, cut at a space.
fn shortened(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let cut = text[..end].rfind(' ').unwrap_or(end);
    format!("{}…", text[..cut].trim_end_matches([',', '.', ' ']))
}
