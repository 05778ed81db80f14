//! (pure) What the page of a title says, as text in one language.

use contracts::{Content, ContentType, CreditRole, Directory};

use crate::{
    distinct,
    language::Language,
    offers::{OfferLine, lines},
    pictures::Picture,
};

/// The most actors that the page names; the app names them all.
const MAX_ACTORS: usize = 15;

/// The people of one part.
#[derive(Debug, PartialEq, Eq)]
pub struct Crew {
    /// What they did: "Directed by".
    pub part: String,
    /// Their names, as many as the page has room for.
    pub names: Vec<String>,
    /// "and 9 more", where there are others.
    pub more: Option<String>,
}

/// The facts of one title, ready to be written down.
pub struct Facts {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// "Originally …", where the title in its first language differs.
    pub original_title: Option<String>,
    /// The language of title and overview.
    pub locale: String,
    /// Whether it is a film, and no series.
    pub film: bool,
    /// Kind, year, seasons, length and genres, each as words, in that order, without what is not known.
    pub line: Vec<String>,
    /// Its poster, where this node may have one.
    pub poster: Option<Picture>,
    /// Its backdrop, likewise.
    pub backdrop: Option<Picture>,
    /// What it is about.
    pub overview: Option<String>,
    /// "7.1 of 10, 48 votes".
    pub rating: Option<String>,
    /// Who did what.
    pub people: Vec<Crew>,
    /// Where to watch it.
    pub offers: Vec<OfferLine>,
    /// Whether an offer was made up for the demo.
    pub samples: bool,
    /// Dates, places and languages, each with its name.
    pub more: Vec<(String, String)>,
    /// One sentence for search engines and previews.
    pub summary: String,
}

impl Facts {
    /// The facts of `content` in the words of `language`, with the names that the directory has.
    pub fn of(content: &Content, directory: &Directory, language: &Language) -> Self {
        let offers = lines(&content.availability, directory, language);
        let people = people(content, language);
        let line = line(content, language);
        let original = content.original_title.as_ref().filter(|original| **original != content.title);
        Self {
            id: content.id.to_string(),
            title: content.title.clone(),
            original_title: original.map(|title| language.tell("original-title", &[("title", title.into())])),
            locale: content.locale.to_string(),
            film: content.content_type == ContentType::Movie,
            summary: summary(content, &line, &people),
            line,
            poster: Picture::of(content, "poster"),
            backdrop: Picture::of(content, "backdrop"),
            overview: content.overview.clone(),
            rating: (content.vote_count > 0).then(|| rating(content, language)),
            people,
            samples: offers.iter().any(|offer| offer.sample),
            offers,
            more: more(content, language),
        }
    }
}

fn rating(content: &Content, language: &Language) -> String {
    let mean = format!("{:.1}", content.average_rating);
    language.tell("rating-line", &[("rating", mean.into()), ("votes", content.vote_count.into())])
}

/// Kind, year, seasons, length and genres, each as words, without what is not known.
pub(crate) fn line(content: &Content, language: &Language) -> Vec<String> {
    let genres: Vec<String> = content.genres.iter().map(|id| language.genre(id)).collect();
    let parts = [
        Some(language.say(if content.content_type == ContentType::Movie { "kind-movie" } else { "kind-tv_show" })),
        content.release_year.map(|year| year.to_string()),
        content.season_count.map(|count| language.tell("seasons", &[("count", count.into())])),
        content.runtime_minutes.map(|minutes| language.runtime(minutes)),
        (!genres.is_empty()).then(|| language.list(&genres)),
    ];
    parts.into_iter().flatten().collect()
}

fn more(content: &Content, language: &Language) -> Vec<(String, String)> {
    let countries: Vec<String> =
        content.countries.iter().map(|code| language.region(code.as_str()).to_owned()).collect();
    let languages: Vec<String> = content.languages.iter().map(|spoken| language.language(*spoken).to_owned()).collect();
    let rating = |(place, rating): (&contracts::Region, &contracts::ContentRating)| {
        format!("{} {}", language.region(place.as_str()), rating.certificate)
    };
    let ratings: Vec<String> = content.ratings.iter().map(rating).collect();
    let facts = [
        ("fact-released", content.release_date.map(|date| language.date(date)).unwrap_or_default()),
        ("fact-countries", language.list(&countries)),
        ("fact-languages", language.list(&languages)),
        ("fact-ratings", language.list(&ratings)),
    ];
    facts.into_iter().filter(|(_, said)| !said.is_empty()).map(|(id, said)| (language.say(id), said)).collect()
}

fn people(content: &Content, language: &Language) -> Vec<Crew> {
    let film = content.content_type == ContentType::Movie;
    let roles = [
        (if film { "people-director" } else { "people-creator" }, CreditRole::Director, usize::MAX),
        ("people-writer", CreditRole::Writer, usize::MAX),
        ("people-actor", CreditRole::Actor, MAX_ACTORS),
    ];
    let crew = |(part, role, most): (&str, CreditRole, usize)| {
        let credited = content.credits.iter().filter(|credit| credit.role == role);
        // Who plays two parts is one person.
        let mut names: Vec<String> = distinct(credited.map(|credit| &*credit.name)).map(str::to_owned).collect();
        let left = names.len().saturating_sub(most);
        names.truncate(most);
        let more = (left > 0).then(|| language.tell("people-more", &[("count", left.into())]));
        Crew { part: language.say(part), names, more }
    };
    roles.into_iter().map(crew).filter(|crew| !crew.names.is_empty()).collect()
}

/// The first sentence of what it is about, or what is known of it.
fn summary(content: &Content, line: &[String], people: &[Crew]) -> String {
    if let Some(overview) = &content.overview {
        return shortened(overview, 160);
    }
    let people = people.iter().map(|crew| format!("{} {}", crew.part, crew.names.join(", ")));
    shortened(&line.iter().cloned().chain(people).collect::<Vec<_>>().join(". "), 160)
}

/// At most `most` characters, cut at a space.
fn shortened(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let cut = text[..end].rfind(' ').unwrap_or(end);
    format!("{}…", text[..cut].trim_end_matches([',', '.', ' ']))
}
