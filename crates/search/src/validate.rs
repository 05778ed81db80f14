//! (pure) What a search refuses, each with a code and the field at fault.

use contracts::{
    ApiError, FacetField, MAX_PAGE_SIZE, MAX_QUERY_CHARS, MAX_RESULT_WINDOW, ParsedIntent, Result, SearchFilters,
    SearchRequest, genres,
};

use crate::{SearchError, conditions::MAX_RUNTIME_MINUTES, languages, query, text::fold};

/// The most values of one filter, and the longest of them in bytes.
const MAX_FILTER_VALUES: usize = 100;
const MAX_FILTER_BYTES: usize = 100;
/// The most titles, moods and words of an edited intent, and the longest of them in bytes.
const MAX_INTENT_VALUES: usize = 20;
const MAX_TITLE_BYTES: usize = 500;
pub(crate) fn validate(request: &SearchRequest) -> Result<()> {
    validate_query(&request.query)?;
    if request.page == 0 {
        return Err(ApiError::invalid("bad_page", "pages are counted from 1").field("page", "must be at least 1"));
    }
    if request.page_size == 0 || request.page_size > MAX_PAGE_SIZE {
        let must = format!("must be from 1 to {MAX_PAGE_SIZE}");
        return Err(ApiError::invalid("bad_page_size", format!("the page size {must}")).field("page_size", must));
    }
    if request.page.checked_mul(request.page_size).is_none_or(|window| window > MAX_RESULT_WINDOW) {
        let most = format!("may not pass {MAX_RESULT_WINDOW}");
        let error = ApiError::invalid("page_too_far", format!("page × page_size {most}"));
        return Err(error.field("page", format!("times page_size {most}")));
    }
    if request.facets.len() > FacetField::ALL.len() {
        return Err(ApiError::invalid("too_many_facets", "a facet is given twice").field("facets", "must differ"));
    }
    validate_filters(&request.filters)?;
    request.intent.as_ref().map_or(Ok(()), validate_intent)
}

/// An edited intent: what it holds is bounded and known, as filters are.
pub(crate) fn validate_intent(intent: &ParsedIntent) -> Result<()> {
    let named = |error: ApiError| renamed(error, "filters.", "intent.");
    validate_query(&intent.text).map_err(|error| renamed(error, "query", "intent.text"))?;
    let asked = SearchFilters {
        genres: intent.genres.clone(),
        content_types: intent.content_types.clone(),
        year_range: intent.year_range,
        platforms: intent.platforms.clone(),
        people: intent.people.clone(),
        languages: intent.languages.clone(),
        min_rating: None,
        max_rating: None,
        max_runtime_minutes: intent.max_runtime_minutes,
    };
    validate_filters(&asked).map_err(named)?;
    let denied = SearchFilters {
        genres: intent.exclude.genres.clone(),
        platforms: intent.exclude.platforms.clone(),
        people: intent.exclude.people.clone(),
        languages: intent.exclude.languages.clone(),
        ..SearchFilters::default()
    };
    validate_filters(&denied).map_err(|error| renamed(error, "filters.", "intent.exclude."))?;
    for (field, values) in [
        ("intent.like", &intent.like),
        ("intent.moods", &intent.moods),
        ("intent.exclude.like", &intent.exclude.like),
        ("intent.exclude.text", &intent.exclude.text),
    ] {
        if values.len() > MAX_INTENT_VALUES || values.iter().any(|value| value.len() > MAX_TITLE_BYTES) {
            let must = format!("at most {MAX_INTENT_VALUES} values of at most {MAX_TITLE_BYTES} bytes");
            return Err(ApiError::invalid("intent_too_large", format!("this takes {must}")).field(field, must));
        }
    }
    let countries = intent.countries.len().max(intent.exclude.countries.len());
    if countries > MAX_FILTER_VALUES {
        return Err(ApiError::invalid("intent_too_large", "too many countries").field("intent.countries", "too many"));
    }
    let unknown = |(_, mood): &(usize, &String)| query::genres_of_mood(mood).is_none();
    if let Some((place, mood)) = intent.moods.iter().enumerate().find(unknown) {
        let error = ApiError::invalid("unknown_mood", format!("no mood is called {:?}", shown(mood)));
        return Err(error.field(format!("intent.moods[{place}]"), "must be one that a query was read to ask for"));
    }
    Ok(())
}

fn renamed(mut error: ApiError, from: &str, to: &str) -> ApiError {
    for fault in &mut error.fields {
        if let Some(rest) = fault.field.strip_prefix(from) {
            fault.field = format!("{to}{rest}");
        }
    }
    error
}

pub(crate) fn validate_query(query: &str) -> Result<()> {
    // Bytes first: counting the characters of a megabyte is work that nobody should have done for them.
    if query.len() > MAX_QUERY_CHARS * 4 || query.chars().count() > MAX_QUERY_CHARS {
        let must = format!("must have at most {MAX_QUERY_CHARS} characters");
        return Err(ApiError::invalid("query_too_long", format!("the query {must}")).field("query", must));
    }
    Ok(())
}

pub(crate) fn validate_filters(filters: &SearchFilters) -> Result<()> {
    for (place, genre) in filters.genres.iter().enumerate() {
        if genres::name(genre).is_none() {
            let error = ApiError::invalid("unknown_genre", format!("no genre is called {:?}", shown(genre)));
            return Err(error.field(format!("filters.genres[{place}]"), "must be an id from /api/v1/genres"));
        }
    }
    let lists = [
        ("filters.genres", &filters.genres),
        ("filters.platforms", &filters.platforms),
        ("filters.people", &filters.people),
        ("filters.languages", &filters.languages),
    ];
    for (field, values) in lists {
        if values.len() > MAX_FILTER_VALUES || values.iter().any(|value| value.len() > MAX_FILTER_BYTES) {
            let must = format!("at most {MAX_FILTER_VALUES} values of at most {MAX_FILTER_BYTES} bytes");
            return Err(ApiError::invalid("filter_too_large", format!("a filter takes {must}")).field(field, must));
        }
    }
    if filters.people.iter().any(|name| name.contains(char::is_control) || fold(name).is_empty()) {
        let error = ApiError::invalid("bad_person", "a name has no letters, or a control character");
        return Err(error.field("filters.people", "must be names"));
    }
    validate_ratings(filters)?;
    if filters.max_runtime_minutes.is_some_and(|minutes| !(1..=MAX_RUNTIME_MINUTES).contains(&minutes)) {
        let must = format!("must be from 1 to {MAX_RUNTIME_MINUTES}");
        let error = ApiError::invalid("bad_runtime", format!("the running time {must} minutes"));
        return Err(error.field("filters.max_runtime_minutes", must));
    }
    if let Some(years) = filters.year_range
        && let (Some(from), Some(to)) = (years.from, years.to)
        && from > to
    {
        let detail = "the first year of the range is after the last";
        return Err(
            ApiError::invalid("bad_year_range", detail).field("filters.year_range.from", "must not be after `to`")
        );
    }
    if filters.content_types.len() > MAX_FILTER_VALUES {
        return Err(ApiError::invalid("filter_too_large", "too many kinds").field("filters.content_types", "too many"));
    }
    Ok(())
}

fn validate_ratings(filters: &SearchFilters) -> Result<()> {
    for (field, rating) in [("filters.min_rating", filters.min_rating), ("filters.max_rating", filters.max_rating)] {
        if rating.is_some_and(|rating| !(0.0..=10.0).contains(&rating)) {
            let error = ApiError::invalid("bad_rating", "ratings are from 0 to 10");
            return Err(error.field(field, "must be from 0 to 10"));
        }
    }
    if let (Some(least), Some(most)) = (filters.min_rating, filters.max_rating)
        && least > most
    {
        let error = ApiError::invalid("bad_rating_range", "the lowest rating of the range is above the highest");
        return Err(error.field("filters.min_rating", "must not be above `max_rating`"));
    }
    Ok(())
}

/// Refuses platforms and languages that nobody knows: a slip of the pen would find nothing and say nothing. `has_tag`
/// says whether any title has a tag.
pub(crate) fn validate_known(
    filters: &SearchFilters,
    has_tag: impl Fn(&str) -> Result<bool, SearchError>,
) -> Result<(), SearchError> {
    for (place, platform) in filters.platforms.iter().enumerate() {
        if !query::is_platform(platform) && !has_tag(&format!("platform:{platform}"))? {
            let error = ApiError::invalid("unknown_platform", format!("no platform is called {:?}", shown(platform)));
            return Err(error
                .field(format!("filters.platforms[{place}]"), "must be an id from /api/v1/platforms")
                .into());
        }
    }
    for (place, language) in filters.languages.iter().enumerate() {
        if languages::known(language).is_none() {
            let error = ApiError::invalid("unknown_language", format!("no language is called {:?}", shown(language)));
            return Err(error
                .field(format!("filters.languages[{place}]"), "must be a BCP 47 tag, such as ko, or an English name")
                .into());
        }
    }
    Ok(())
}

pub(crate) fn validate_limit(limit: usize) -> Result<()> {
    validate_up_to(limit, MAX_RESULT_WINDOW as usize)
}

pub(crate) fn validate_up_to(limit: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&limit) {
        return Ok(());
    }
    let must = format!("must be from 1 to {most}");
    Err(ApiError::invalid("bad_limit", format!("the limit {must}")).field("limit", must))
}

/// The start of a value, for an error's sentence.
fn shown(value: &str) -> String {
    value.chars().take(40).collect()
}
