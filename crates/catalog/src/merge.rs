//! What a title is, given all that its sources say: a pure fold, whatever the order in which the records came.

mod chain;
mod seasons;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use contracts::{
    AvailabilityType, ContentRating, ContentType, Credit, CreditRole, ExternalId, Image, Language, Locale, Offer,
    Region, SourceRecord, SourceSeason, Translation, VideoQuality,
};
use jiff::civil::Date;

use crate::{resolve::year_of, text::person_key};

/// The source of what was generated for the demo: it never speaks before a real one.
pub const SAMPLE: &str = "sample";
/// The most people of a title.
pub const MAX_CREDITS: usize = 500;
/// The most pictures of a title.
pub const MAX_IMAGES: usize = 50;
/// The most languages of a title.
pub const MAX_TRANSLATIONS: usize = 100;
/// The most ids of a title.
pub const MAX_IDS: usize = 200;
/// The most offers of a title.
pub const MAX_OFFERS: usize = 2_000;

/// A title without what only the store knows: its id and when it changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// Film or series.
    pub content_type: ContentType,
    /// The title in English, or else in the language of the best source.
    pub title: String,
    /// The title in its first language, where it differs.
    pub original_title: Option<String>,
    /// What it is about, in the language of `title`.
    pub overview: Option<String>,
    /// When it was first shown, where the day is known.
    pub release_date: Option<Date>,
    /// The year it was first shown.
    pub release_year: Option<u16>,
    /// How long it runs.
    pub runtime_minutes: Option<u16>,
    /// How many seasons a series has.
    pub season_count: Option<u16>,
    /// The seasons that are known of it, with their episodes, both by number.
    pub seasons: Vec<SourceSeason>,
    /// Genres, by id.
    pub genres: BTreeSet<String>,
    /// Countries, the best source's first.
    pub countries: Vec<Region>,
    /// Languages, the best source's first.
    pub languages: Vec<Language>,
    /// Certificates.
    pub ratings: BTreeMap<Region, ContentRating>,
    /// Directors, writers, actors.
    pub credits: Vec<Credit>,
    /// Offers by platform, region, terms, quality and source.
    pub offers: Vec<Offer>,
    /// Pictures, the best source's first.
    pub images: Vec<Image>,
    /// Ids elsewhere, in order.
    pub external_ids: BTreeSet<ExternalId>,
    /// Titles and overviews by language.
    pub translations: BTreeMap<Locale, Translation>,
    /// Mean rating, weighted by votes.
    pub average_rating: f64,
    /// How many voted.
    pub vote_count: u32,
    /// See [`popularity`].
    pub popularity_score: f64,
    /// Where the sources disagree, in words.
    pub notes: Vec<String>,
}

/// What tells the offers of a title apart: platform, region, terms, quality and source.
type OfferKey = (String, Region, AvailabilityType, Option<VideoQuality>, String);

/// Folds everything that the sources say of one title; `None` for no records.
///
/// Facts come from the first source that has them: Wikidata, then Wikipedia, then the services by name, and what was
/// generated last. A series' year is the earliest that any source gives, since a service states the year of a season; it
/// has as many seasons as any source knows, since a service counts those it has.
pub fn fold(records: &[&SourceRecord]) -> Option<Merged> {
    let mut sorted: Vec<&SourceRecord> = records.to_vec();
    sorted.sort_by_key(|record| (rank(&record.source), &record.source, &record.source_key));
    let first = *sorted.first()?;
    let years = || sorted.iter().filter_map(|record| year_of(record));
    let release_year = if first.content_type == ContentType::TvShow { years().min() } else { years().next() };
    let mut dates = sorted.iter().filter_map(|record| record.release_date);
    let release_date = dates.find(|date| u16::try_from(date.year()).ok() == release_year);
    let runtime_minutes = sorted.iter().find_map(|record| record.runtime_minutes);
    let translations = translations(&sorted);
    let best = best_translation(&translations, &first.locale);
    let title = best.map_or_else(|| first.title.clone(), |best| best.title.clone());
    let original_title = sorted.iter().find_map(|record| record.original_title.clone()).filter(|own| *own != title);
    let (average_rating, vote_count) = rating(&sorted);
    let external_ids: BTreeSet<_> = sorted.iter().flat_map(|r| &r.external_ids).take(MAX_IDS).cloned().collect();
    let sources: BTreeSet<_> = sorted.iter().map(|r| r.source.as_str()).filter(|source| *source != SAMPLE).collect();
    let seasons = seasons::seasons(&sorted, first.content_type);
    Some(Merged {
        content_type: first.content_type,
        overview: best.and_then(|best| best.overview.clone()),
        title,
        original_title,
        release_date,
        release_year,
        runtime_minutes,
        season_count: seasons::count(&sorted, &seasons, first.content_type),
        seasons,
        genres: sorted.iter().flat_map(|record| record.genres.iter().cloned()).collect(),
        countries: union(sorted.iter().flat_map(|record| record.countries.iter().copied())),
        languages: union(sorted.iter().flat_map(|record| record.languages.iter().copied())),
        ratings: ratings(&sorted),
        credits: credits(&sorted),
        offers: offers(&sorted),
        images: images(&sorted),
        popularity_score: popularity(vote_count, sources.len(), external_ids.len()),
        external_ids,
        translations,
        average_rating,
        vote_count,
        notes: notes(&sorted, runtime_minutes),
    })
}

/// How much attention a title gets, from 0 to 1; 0.5 where nothing is known.
///
/// Votes count on a logarithmic scale, a million being all (`log10(1 + votes) / 6`); without any, 0.5. What is left
/// to 1 is then filled by a fifth for being known to five sources and a tenth for having seven ids, in proportion.
pub fn popularity(votes: u32, sources: usize, ids: usize) -> f64 {
    let base = if votes == 0 { 0.5 } else { (f64::from(votes).ln_1p() / std::f64::consts::LN_10 / 6.0).min(1.0) };
    let part = |known: usize, all: f64| (known.saturating_sub(1) as f64 / all).min(1.0);
    round(base + (1.0 - base) * (0.2 * part(sources, 4.0) + 0.1 * part(ids, 6.0)))
}

fn rank(source: &str) -> u8 {
    match source {
        "wikidata" => 0,
        "wikipedia" => 1,
        SAMPLE => 3,
        _ => 2,
    }
}

/// Four digits: enough to tell scores apart, and the same text from every engine.
fn round(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

/// The first of each value, in order.
fn union<T: Clone + Eq + std::hash::Hash>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    values.filter(|value| seen.insert(value.clone())).collect()
}

/// A title and an overview for every language: the best source's title, and the longest overview that was not
/// generated.
fn translations(sorted: &[&SourceRecord]) -> BTreeMap<Locale, Translation> {
    let mut by_locale: BTreeMap<Locale, Translation> = BTreeMap::new();
    for record in sorted {
        let entry = by_locale.entry(record.locale.clone()).or_insert_with(|| Translation {
            locale: record.locale.clone(),
            title: record.title.clone(),
            overview: None,
        });
        let longer = |text: &&String| {
            let generated_late = record.source == SAMPLE && entry.overview.is_some();
            !generated_late && text.chars().count() > entry.overview.as_ref().map_or(0, |own| own.chars().count())
        };
        if let Some(text) = record.overview.as_ref().filter(longer) {
            entry.overview = Some(text.clone());
        }
    }
    // What sources tell of other languages comes after what is written in them.
    for told in sorted.iter().flat_map(|record| &record.translations) {
        if by_locale.len() >= MAX_TRANSLATIONS && !by_locale.contains_key(&told.locale) {
            continue;
        }
        let entry = by_locale.entry(told.locale.clone()).or_insert_with(|| told.clone());
        entry.overview = entry.overview.take().or_else(|| told.overview.clone());
    }
    by_locale
}

/// English, or else the language of the best source.
fn best_translation<'a>(translations: &'a BTreeMap<Locale, Translation>, own: &Locale) -> Option<&'a Translation> {
    let chain = Locale::english().fallbacks();
    let english = chain.iter().find_map(|tag| translations.values().find(|own| own.locale.as_str() == tag));
    english.or_else(|| translations.get(own))
}

fn rating(sorted: &[&SourceRecord]) -> (f64, u32) {
    let rated = || sorted.iter().filter_map(|record| record.rating).filter(|(_, votes)| *votes > 0);
    let votes: u64 = rated().map(|(_, votes)| u64::from(votes)).sum();
    if votes == 0 {
        return (0.0, 0);
    }
    let sum: f64 = rated().map(|(mean, votes)| mean * f64::from(votes)).sum();
    (round(sum / votes as f64), u32::try_from(votes).unwrap_or(u32::MAX))
}

fn ratings(sorted: &[&SourceRecord]) -> BTreeMap<Region, ContentRating> {
    let mut by_region = BTreeMap::new();
    for (region, system, certificate) in sorted.iter().flat_map(|record| &record.ratings) {
        let rating = || ContentRating { system: system.clone(), certificate: certificate.clone() };
        by_region.entry(*region).or_insert_with(rating);
    }
    by_region
}

/// Directors, then writers, then actors, each person once a role, in the order of the source that names most.
fn credits(sorted: &[&SourceRecord]) -> Vec<Credit> {
    let mut all = Vec::new();
    for role in [CreditRole::Director, CreditRole::Writer, CreditRole::Actor] {
        let of = |record: &SourceRecord| record.credits.iter().filter(|credit| credit.role == role).count();
        let mut richest = sorted.to_vec();
        // A stable sort: the better source comes first among equally rich ones.
        richest.sort_by_key(|record| (record.source == SAMPLE, std::cmp::Reverse(of(record))));
        let mut seen = HashSet::new();
        let people = richest.iter().flat_map(|record| &record.credits).filter(|credit| credit.role == role);
        all.extend(people.filter(|credit| seen.insert(person_key(&credit.name))).cloned());
    }
    all.truncate(MAX_CREDITS);
    all
}

fn images(sorted: &[&SourceRecord]) -> Vec<Image> {
    let mut seen = HashSet::new();
    let images = sorted.iter().flat_map(|record| &record.images).filter(|image| seen.insert(&image.url));
    images.take(MAX_IMAGES).cloned().collect()
}

/// One offer for each platform, region, terms, quality and source: the one checked last, then the more certain one; of
/// several providers the first of the platform's chain.
fn offers(sorted: &[&SourceRecord]) -> Vec<Offer> {
    let mut best: BTreeMap<OfferKey, Offer> = BTreeMap::new();
    for (record, said) in sorted.iter().flat_map(|record| record.offers.iter().map(move |offer| (record, offer))) {
        let offer = Offer {
            platform: said.platform.clone(),
            region: said.region,
            availability_type: said.availability_type,
            quality: said.quality,
            price: said.price.clone(),
            deep_link: said.deep_link.clone(),
            web_url: said.web_url.clone(),
            available_from: said.available_from,
            expires_at: said.expires_at,
            source: record.source.clone(),
            checked_at: said.checked_at,
            confidence: round(said.confidence),
        };
        let (platform, source) = (offer.platform.clone(), offer.source.clone());
        let key = (platform, offer.region, offer.availability_type, offer.quality, source);
        let newer = |own: &Offer| (own.checked_at, own.confidence) < (offer.checked_at, offer.confidence);
        if best.get(&key).is_none_or(newer) {
            best.insert(key, offer);
        }
    }
    let mut offers = chain::standing(best.into_values().collect());
    offers.truncate(MAX_OFFERS);
    offers
}

fn notes(sorted: &[&SourceRecord], runtime: Option<u16>) -> Vec<String> {
    let Some(runtime) = runtime else { return Vec::new() };
    let other = |record: &&&SourceRecord| record.runtime_minutes.is_some_and(|own| own.abs_diff(runtime) > 5);
    let note = |record: &&SourceRecord| {
        format!("{} says {} minutes, we say {runtime}", record.source, record.runtime_minutes.unwrap_or_default())
    };
    sorted.iter().filter(other).map(note).collect()
}

#[cfg(test)]
mod tests;
