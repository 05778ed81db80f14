//! (pure) What every result must be: the filters of a request and of its words, as every index can check them.

use contracts::{AgeLimit, Call, Content, CreditRole, MAX_AGE, Region, SearchFilters, YearRange, min_age};
use stores::vectors::VectorFilter;

use crate::{
    languages,
    query::{countries_of, genre_of_country},
    text::fold,
};

/// The format of the tags. Raise it with every change of what [`tags`] gives: the vector index then takes them anew.
pub(crate) const TAGS_FORMAT: u32 = 4;
/// The tag of a title of which neither a country nor a language is known.
pub(crate) const ORIGIN_UNKNOWN: &str = "origin:unknown";
/// A title that runs longer than any filter can ask for has this tag.
const ENDLESS: u16 = MAX_RUNTIME_MINUTES + 1;
/// The longest running time that a filter takes.
pub(crate) const MAX_RUNTIME_MINUTES: u16 = 600;

/// What a result must be. The default asks nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Conditions {
    /// Tags and years, which the vector index checks as well.
    pub filter: VectorFilter,
    /// Has a credit of any of these people, folded, or any of these [`credit`]s: only the keyword index knows them, since a tag for each of a
    /// million names would cost the vector index more than its vectors.
    pub people: Vec<String>,
    /// Holds each of these phrases of folded words.
    pub phrases: Vec<Vec<String>>,
    /// What it must not be.
    pub none: Refused,
}

/// What a result must not be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Refused {
    /// Has none of these tags.
    pub tags: Vec<String>,
    /// Has no credit of these people, folded.
    pub people: Vec<String>,
    /// Is none of these titles.
    pub ids: Vec<String>,
    /// Holds none of these phrases of folded words.
    pub phrases: Vec<Vec<String>>,
}

impl Conditions {
    /// Whether nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same, for whoever calls: where they have an age limit, only what suits it.
    pub(crate) fn suiting(mut self, call: &Call) -> Self {
        self.filter.any_of.extend(call.ages().map(suits));
        self
    }

    /// What is asked beyond `wider`, of a title that passes that.
    pub(crate) fn beyond(mut self, wider: &Self) -> Self {
        self.filter.any_of.retain(|tags| !wider.filter.any_of.contains(tags));
        self.filter.years = self.filter.years.filter(|years| wider.filter.years != Some(*years));
        self.phrases.retain(|phrase| !wider.phrases.contains(phrase));
        if self.people == wider.people {
            self.people.clear();
        }
        if self.none == wider.none {
            self.none = Refused::default();
        }
        self
    }

    /// What is asked that tags and years don't say, and the vector index doesn't check.
    pub(crate) fn beyond_tags(&self) -> Self {
        Self { filter: VectorFilter::default(), ..self.clone() }
    }
}

/// Filters as conditions. With a region, a platform counts only where it offers the title there.
pub(crate) fn conditions(filters: &SearchFilters, region: Option<Region>) -> Conditions {
    let mut any_of: Vec<Vec<String>> = Vec::new();
    any_of.push(filters.content_types.iter().map(|kind| format!("type:{kind}")).collect());
    any_of.push(filters.genres.iter().map(|genre| format!("genre:{genre}")).collect());
    let platform = |platform: &String| match region {
        Some(region) => format!("offer:{platform}:{region}"),
        None => format!("platform:{platform}"),
    };
    any_of.push(filters.platforms.iter().map(platform).collect());
    if let (Some(region), true) = (region, filters.platforms.is_empty()) {
        any_of.push(vec![format!("region:{region}")]);
    }
    any_of.push(filters.languages.iter().map(|language| language_tag(language)).collect());
    any_of.push(ratings(filters.min_rating, filters.max_rating));
    any_of.push(filters.max_runtime_minutes.map(runtimes_to).unwrap_or_default());
    any_of.retain(|tags| !tags.is_empty());
    Conditions {
        filter: VectorFilter { any_of, years: filters.year_range.filter(|years| *years != YearRange::default()) },
        people: filters.people.iter().map(|name| fold(name)).collect(),
        ..Conditions::default()
    }
}

/// The tags that filters ask for.
pub(crate) fn tags(content: &Content) -> Vec<String> {
    let mut tags = vec![format!("type:{}", content.content_type)];
    tags.extend(content.genres.iter().map(|genre| format!("genre:{genre}")));
    for offer in &content.availability {
        tags.push(format!("platform:{}", offer.platform));
        tags.push(format!("region:{}", offer.region));
        tags.push(format!("offer:{}:{}", offer.platform, offer.region));
    }
    tags.extend(content.languages.iter().map(|language| format!("language:{language}")));
    tags.extend(content.countries.iter().map(country_tag));
    match (content.countries.is_empty(), content.languages.is_empty()) {
        (true, true) => tags.push(ORIGIN_UNKNOWN.to_owned()),
        (false, true) => tags.extend(content.countries.iter().map(|country| format!("from:{country}"))),
        (_, false) => {}
    }
    if content.vote_count > 0 {
        tags.push(format!("rating:{}", tenths(content.average_rating)));
    }
    tags.extend(ages(content));
    tags.extend(content.runtime_minutes.map(|minutes| format!("runtime:{}", minutes.min(ENDLESS))));
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// The tags of a title's certificates: the age that it is fit for by all of them, and by those of a region where that is
/// less.
fn ages(content: &Content) -> Vec<String> {
    let known = content.ratings.iter().filter_map(|(region, own)| Some((region, min_age(*region, &own.certificate)?)));
    let known: Vec<_> = known.collect();
    let Some(most) = known.iter().map(|(_, age)| *age).max() else { return Vec::new() };
    let less = known.iter().filter(|(_, age)| *age < most).map(|(region, age)| format!("age:{region}:{age}"));
    less.chain([format!("age:{most}")]).collect()
}

/// One tag of which a title has to have, as [`AgeLimit::suits`] has it.
fn suits(limit: AgeLimit) -> Vec<String> {
    let ages = 0..=limit.max_age.min(MAX_AGE);
    let here = limit.region.into_iter().flat_map(|region| ages.clone().map(move |age| format!("age:{region}:{age}")));
    ages.clone().map(|age| format!("age:{age}")).chain(here).collect()
}

/// A person's part as one term of the keyword index; a folded name holds no colon.
pub(crate) fn credit(role: CreditRole, folded: &str) -> String {
    format!("{role}:{folded}")
}

/// The tag of a language, by its own tag or English name.
pub(crate) fn language_tag(language: &str) -> String {
    format!("language:{}", languages::code(language))
}

/// The tag of a country.
pub(crate) fn country_tag(country: &Region) -> String {
    format!("country:{country}")
}

/// The tags by which a title may be in one of these languages or from one of these countries: where sources say only
/// the country, the language that most films of it are in counts.
pub(crate) fn origin_tags(languages: &[String], countries: &[Region]) -> Vec<String> {
    let mut tags: Vec<String> = languages.iter().map(|language| language_tag(language)).collect();
    let mut at_home: Vec<&str> = languages.iter().flat_map(|language| countries_of(language)).collect();
    at_home.dedup();
    tags.extend(at_home.into_iter().map(|country| format!("from:{country}")));
    tags.extend(countries.iter().map(country_tag));
    let genres = countries.iter().filter_map(|country| genre_of_country(country.as_str()));
    tags.extend(genres.map(|genre| format!("genre:{genre}")));
    tags
}

/// A rating in steps of one decimal, which is how people and services write it.
fn tenths(rating: f64) -> u16 {
    (rating.clamp(0.0, 10.0) * 10.0).round() as u16
}

/// One tag for each rating that passes: exact, and any index that knows tags can check it. None where nothing is asked.
fn ratings(least: Option<f64>, most: Option<f64>) -> Vec<String> {
    if least.or(most).is_none() {
        return Vec::new();
    }
    let passing = tenths(least.unwrap_or(0.0))..=tenths(most.unwrap_or(10.0));
    passing.map(|rating| format!("rating:{rating}")).collect()
}

fn runtimes_to(most: u16) -> Vec<String> {
    (0..=most.min(MAX_RUNTIME_MINUTES)).map(|minutes| format!("runtime:{minutes}")).collect()
}

#[cfg(test)]
mod tests {
    use contracts::{ContentRating, Language};

    use super::*;
    use crate::fixtures;

    fn passes(content: &Content, conditions: &Conditions) -> bool {
        let tags = tags(content);
        conditions.filter.any_of.iter().all(|group| group.iter().any(|tag| tags.contains(tag)))
    }

    #[test]
    fn ratings_and_lengths_pass_from_and_to_their_bounds() {
        let mut film = fixtures::film(1, "Heat", 1995, &["crime"], &[], "");
        let between = |min_rating, max_rating| {
            conditions(&SearchFilters { min_rating, max_rating, ..SearchFilters::default() }, None)
        };
        let (rated, at_most) = (|least| between(Some(least), None), |most| between(None, Some(most)));
        let short = |most| {
            let filters = SearchFilters { max_runtime_minutes: Some(most), ..SearchFilters::default() };
            conditions(&filters, None)
        };
        assert!(!passes(&film, &rated(0.0)) && !passes(&film, &short(600)), "what is not known does not pass");
        assert!(!passes(&film, &at_most(10.0)) && passes(&film, &between(None, None)));
        (film.average_rating, film.vote_count, film.runtime_minutes) = (7.44, 3, Some(170));
        for (least, pass) in [(0.0, true), (7.4, true), (7.5, false), (10.0, false)] {
            assert_eq!(passes(&film, &rated(least)), pass, "{least}");
        }
        for (most, pass) in [(10.0, true), (7.4, true), (7.3, false), (0.0, false)] {
            assert_eq!(passes(&film, &at_most(most)), pass, "{most}");
        }
        for (least, most, pass) in [(7.4, 7.4, true), (0.0, 7.3, false), (7.5, 10.0, false)] {
            assert_eq!(passes(&film, &between(Some(least), Some(most))), pass, "{least} to {most}");
        }
        for (most, pass) in [(170, true), (600, true), (169, false), (1, false)] {
            assert_eq!(passes(&film, &short(most)), pass, "{most}");
        }
        film.runtime_minutes = Some(900);
        assert!(!passes(&film, &short(600)));
    }

    #[test]
    fn tags_say_of_ages_what_certificates_say() {
        let (us, de, gb) = (Region::US, "DE".parse().unwrap(), "GB".parse().unwrap());
        let marks = [None, Some("0"), Some("12"), Some("18"), Some("unknown")];
        for (here, there) in marks.into_iter().flat_map(|here| marks.map(|there| (here, there))) {
            let mut film = fixtures::film(1, "Heat", 1995, &["crime"], &[], "");
            for (region, mark) in [(us, here), (de, there)] {
                let rating = |mark: &str| ContentRating { system: "x".to_owned(), certificate: mark.to_owned() };
                film.ratings.extend(mark.map(|mark| (region, rating(mark))));
            }
            for (max_age, region) in (0..=30).flat_map(|age| [None, Some(us), Some(de), Some(gb)].map(|at| (age, at))) {
                let limit = AgeLimit { max_age, region };
                let filter = VectorFilter { any_of: vec![suits(limit)], years: None };
                let passes = passes(&film, &Conditions { filter, ..Conditions::default() });
                assert_eq!(passes, limit.suits(&film.ratings), "{here:?} {there:?} {limit:?}");
            }
        }
    }

    #[test]
    fn languages_meet_whatever_a_person_calls_them() {
        let mut film = fixtures::film(1, "Parasite", 2019, &[], &[], "");
        film.languages = Language::all_of(&["ko", "yue"]);
        for (asked, pass) in [("ko", true), ("ko-KR", true), ("Korean", true), ("cantonese", true), ("en", false)] {
            let filters = SearchFilters { languages: vec![asked.to_owned()], ..SearchFilters::default() };
            assert_eq!(passes(&film, &conditions(&filters, None)), pass, "{asked}");
        }
    }
}
