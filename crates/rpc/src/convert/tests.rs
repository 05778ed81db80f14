//! Every value survives its way through the bytes of its message; what is wrong with a message is named by its path.

use std::fmt::Debug;

use contracts::*;
use iso_currency::Currency;
use jiff::{Timestamp, civil::Date};
use proptest::{collection::vec, option::of, prelude::*};
use prost::Message;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::pb;

/// Through the bytes of message `P` and back.
fn travel<T, P>(value: T)
where
    T: Clone + Debug + PartialEq + TryFrom<P>,
    T::Error: Debug,
    P: From<T> + Message + Default,
{
    let bytes = P::from(value.clone()).encode_to_vec();
    assert_eq!(T::try_from(P::decode(&*bytes).unwrap()).unwrap(), value);
}

fn ids() -> impl Strategy<Value = ContentId> {
    any::<u128>().prop_map(|id| ContentId(Uuid::from_u128(id)))
}

fn regions() -> impl Strategy<Value = Region> {
    prop::sample::select(vec!["US", "AT", "JP", "BR", "ZW"]).prop_map(|code| code.parse().unwrap())
}

fn spoken() -> impl Strategy<Value = Vec<Language>> {
    prop::sample::subsequence(vec!["en", "ko", "yue", "zxx"], 0..=3).prop_map(|tags| Language::all_of(&tags))
}

fn locales() -> impl Strategy<Value = Locale> {
    "[a-z]{2,8}(-[a-z0-9]{1,8}){0,2}".prop_map(|tag| tag.parse().unwrap())
}

fn numbers() -> impl Strategy<Value = f64> {
    any::<f64>()
}

fn times() -> impl Strategy<Value = Timestamp> {
    let (from, to) = (Timestamp::MIN.as_nanosecond(), Timestamp::MAX.as_nanosecond());
    (from..=to).prop_map(|nanos| Timestamp::from_nanosecond(nanos).unwrap())
}

fn dates() -> impl Strategy<Value = Date> {
    (-9999..=9999i16, 1..=12i8, 1..=28i8).prop_map(|(y, m, d)| Date::new(y, m, d).unwrap())
}

fn money() -> impl Strategy<Value = Money> {
    let mantissa = -(1i128 << 96) + 1..1i128 << 96;
    let currency = prop::sample::select(vec![Currency::EUR, Currency::USD, Currency::JPY, Currency::XAU]);
    (mantissa, 0..=28u32, currency)
        .prop_map(|(m, scale, currency)| Money { amount: Decimal::from_i128_with_scale(m, scale), currency })
}

fn kinds() -> impl Strategy<Value = ContentType> {
    prop::sample::select(ContentType::ALL)
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(".{0,12}", 0..3)
}

prop_compose! {
    fn credits()(name in ".{0,12}", role in prop::sample::select(CreditRole::ALL)) -> Credit {
        Credit { name, role }
    }
}

prop_compose! {
    fn external_ids()(id_type in ".{0,12}", id_value in ".{0,12}") -> ExternalId {
        ExternalId { id_type, id_value }
    }
}

prop_compose! {
    fn images()(
        kind in ".{0,9}", url in ".{0,12}", width in of(any::<u32>()), height in of(any::<u32>()),
        placeholder in of(".{0,9}"),
    ) -> Image {
        Image { kind, url, width, height, placeholder }
    }
}

prop_compose! {
    fn source_offers()(
        (platform, deep_link, web_url) in (".{0,12}", of(".{0,12}"), ".{0,12}"),
        (region, availability_type, price) in (regions(), prop::sample::select(AvailabilityType::ALL), of(money())),
        (available_from, expires_at, checked_at) in (of(times()), of(times()), times()),
        (confidence, quality) in (numbers(), of(prop::sample::select(VideoQuality::ALL))),
    ) -> SourceOffer {
        SourceOffer {
            platform, region, availability_type, quality, price, deep_link, web_url, available_from, expires_at,
            checked_at, confidence,
        }
    }
}

prop_compose! {
    fn offers()(offer in source_offers(), source in ".{0,12}") -> Offer {
        Offer {
            platform: offer.platform, region: offer.region, availability_type: offer.availability_type,
            quality: offer.quality, price: offer.price, deep_link: offer.deep_link, web_url: offer.web_url,
            available_from: offer.available_from, expires_at: offer.expires_at, source,
            checked_at: offer.checked_at, confidence: offer.confidence,
        }
    }
}

prop_compose! {
    fn translations()(locale in locales(), title in ".{0,12}", overview in of(".{0,12}")) -> Translation {
        Translation { locale, title, overview }
    }
}

prop_compose! {
    fn seasons()(
        (number, name, overview) in (any::<u16>(), of(".{0,12}"), of(".{0,12}")),
        (air_date, air_year, episode_count) in (of(dates()), of(any::<u16>()), of(any::<u16>())),
    ) -> Season {
        Season { number, name, overview, air_date, air_year, episode_count }
    }
}

prop_compose! {
    fn episodes()(
        (number, title, overview) in (any::<u16>(), of(".{0,12}"), of(".{0,12}")),
        (air_date, runtime_minutes) in (of(dates()), of(any::<u16>())),
    ) -> Episode {
        Episode { number, title, overview, air_date, runtime_minutes }
    }
}

prop_compose! {
    fn told_seasons()(season in seasons(), episodes in vec(episodes(), 0..3)) -> SourceSeason {
        SourceSeason { season, episodes }
    }
}

prop_compose! {
    fn records()(
        (source, source_key, title) in (".{0,12}", ".{0,12}", ".{0,12}"),
        (original_title, overview) in (of(".{0,12}"), of(".{0,12}")),
        (content_type, locale) in (kinds(), locales()),
        (release_date, release_year) in (of(dates()), of(any::<u16>())),
        (runtime_minutes, season_count) in (of(any::<u16>()), of(any::<u16>())),
        (genres, languages, countries) in (texts(), spoken(), vec(regions(), 0..3)),
        ratings in vec((regions(), ".{0,9}", ".{0,9}"), 0..3),
        (credits, external_ids, images) in (vec(credits(), 0..3), vec(external_ids(), 0..3), vec(images(), 0..3)),
        (offers, rating) in (vec(source_offers(), 0..3), of((numbers(), any::<u32>()))),
        (translations, seasons) in (vec(translations(), 0..3), vec(told_seasons(), 0..3)),
    ) -> SourceRecord {
        SourceRecord {
            source, source_key, content_type, title, original_title, locale, overview, release_date, release_year,
            runtime_minutes, season_count, genres, countries, languages, ratings, credits, external_ids, images, offers,
            rating, translations, seasons,
        }
    }
}

prop_compose! {
    fn contents()(
        record in records(),
        (id, availability, translations) in (ids(), vec(offers(), 0..3), vec(translations(), 0..3)),
        (average_rating, vote_count, popularity_score) in (numbers(), any::<u32>(), numbers()),
        last_updated in times(),
    ) -> Content {
        let rating = |(region, system, certificate)| (region, ContentRating { system, certificate });
        Content {
            id, content_type: record.content_type, title: record.title, original_title: record.original_title,
            overview: record.overview, locale: record.locale, release_date: record.release_date,
            release_year: record.release_year, runtime_minutes: record.runtime_minutes,
            season_count: record.season_count, genres: record.genres,
            countries: record.countries, languages: record.languages,
            ratings: record.ratings.into_iter().map(rating).collect(), credits: record.credits, availability,
            images: record.images, external_ids: record.external_ids, translations, average_rating, vote_count,
            popularity_score, last_updated,
        }
    }
}

prop_compose! {
    fn years()(from in of(any::<u16>()), to in of(any::<u16>())) -> YearRange {
        YearRange { from, to }
    }
}

fn facet_fields() -> impl Strategy<Value = FacetField> {
    prop::sample::select(FacetField::ALL)
}

prop_compose! {
    fn filters()(
        (genres, platforms) in (texts(), texts()), content_types in vec(kinds(), 0..3), year_range in of(years()),
        (people, languages) in (texts(), texts()), max_runtime_minutes in of(any::<u16>()),
        (min_rating, max_rating) in (of(numbers()), of(numbers())),
    ) -> SearchFilters {
        SearchFilters {
            genres, content_types, year_range, platforms, people, languages, min_rating, max_rating,
            max_runtime_minutes,
        }
    }
}

prop_compose! {
    fn intents()(
        text in ".{0,12}", (like, people, moods) in (texts(), texts(), texts()), filters in filters(),
        countries in vec(regions(), 0..3), confidence in numbers(), clarification in of(".{0,9}"),
        question in of(wordings()),
    ) -> ParsedIntent {
        let SearchFilters { genres, content_types, year_range, platforms, languages, max_runtime_minutes, .. } = filters;
        let corrections = like.iter().map(|from| Correction { from: from.clone(), to: text.clone() }).collect();
        let exclude = Exclusions {
            genres: people.clone(), people: like.clone(), like: platforms.clone(), text: languages.clone(),
            platforms: genres.clone(), languages: like.clone(), countries: countries.clone(),
        };
        ParsedIntent {
            text, like, people, genres, moods, content_types, year_range, platforms, languages, countries,
            max_runtime_minutes, exclude, corrections, confidence, clarification, question,
        }
    }
}

prop_compose! {
    fn wordings()(code in ".{0,9}", args in prop::collection::btree_map(".{0,9}", ".{0,9}", 0..3)) -> Wording {
        Wording { code, args }
    }
}

prop_compose! {
    fn results()(
        content in contents(), match_reasons in texts(), reasons in vec(wordings(), 0..3),
        (relevance_score, vector_similarity, graph_score, keyword_score) in (numbers(), numbers(), numbers(), numbers()),
    ) -> SearchResult {
        SearchResult { content, relevance_score, match_reasons, reasons, vector_similarity, graph_score, keyword_score }
    }
}

prop_compose! {
    fn responses()(
        results in vec(results(), 0..2), total_count in any::<u64>(), page in any::<u32>(), page_size in any::<u32>(),
        query_parsed in intents(), degraded in vec((".{0,9}", ".{0,9}"), 0..3), search_time_ms in numbers(),
        parsed_by in prop::sample::select(vec![ParsedBy::Offline, ParsedBy::Model, ParsedBy::Request]),
        total_count_is_capped in any::<bool>(), counts in vec((facet_fields(), vec((".{0,9}", any::<u64>()), 0..3)), 0..3),
        fitting_count in of(any::<u64>()),
    ) -> SearchResponse {
        let value = |(value, count): (String, u64)| FacetValue { label: value.to_uppercase(), value, count };
        let facet = |(field, values): (FacetField, Vec<_>)| (field, values.into_iter().map(value).collect());
        let facets = counts.into_iter().map(facet).collect();
        let degraded = degraded.into_iter().map(|(source, reason)| Degraded { source, reason }).collect();
        SearchResponse {
            results, total_count, total_count_is_capped, fitting_count, page, page_size, query_parsed, parsed_by, degraded,
            facets, search_time_ms,
        }
    }
}

fn actions() -> impl Strategy<Value = IngestAction> {
    use IngestAction::*;
    prop::sample::select(vec![Created, Updated, Merged, Unchanged])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn titles_survive(content in contents()) {
        travel::<_, pb::Content>(content);
    }

    #[test]
    fn records_survive(record in records()) {
        travel::<_, pb::SourceRecord>(record);
    }

    #[test]
    fn seasons_survive(season in seasons()) {
        travel::<_, pb::Season>(season);
    }

    #[test]
    fn outcomes_survive(content_id in ids(), action in actions(), entity_confidence in numbers(), evidence in ".*") {
        travel::<_, pb::IngestOutcome>(IngestOutcome { content_id, action, entity_confidence, evidence });
    }

    #[test]
    fn directories_survive(
        platforms in vec((".{0,9}", ".{0,9}", ".{0,9}", any::<u64>()), 0..3),
        genres in vec((".{0,9}", ".{0,9}", any::<u64>(), any::<u64>()), 0..3),
    ) {
        let platform = |(id, name, home_url, title_count)| Platform { id, name, home_url, title_count };
        let genre = |(id, name, movie_count, tv_show_count)| GenreCount { id, name, movie_count, tv_show_count };
        let (platforms, genres) = (platforms.into_iter().map(platform), genres.into_iter().map(genre));
        travel::<_, pb::GetDirectoryResponse>(Directory { platforms: platforms.collect(), genres: genres.collect() });
    }

    #[test]
    fn list_queries_survive(
        content_type in of(kinds()), platform in of(".{0,9}"), after in of(ids()), limit in any::<usize>(),
        max_age in of(any::<u16>()), region in of(regions()), expires_by in of(times()),
    ) {
        let query = ListQuery { content_type, platform, max_age, region, expires_by, after, limit };
        let bytes = pb::ListContentRequest::from(&query).encode_to_vec();
        prop_assert_eq!(ListQuery::try_from(pb::ListContentRequest::decode(&*bytes).unwrap()).unwrap(), query);
    }

    #[test]
    fn searches_survive(
        query in ".{0,40}", filters in filters(), region in of(regions()), page in any::<u32>(),
        page_size in any::<u32>(), facets in vec(facet_fields(), 0..4), intent in of(intents()),
        sort in prop::sample::select(SortOrder::ALL),
    ) {
        let request = SearchRequest { query, filters, region, sort, page, page_size, facets, intent };
        travel::<_, pb::SearchContentRequest>(request);
    }

    #[test]
    fn answers_survive(response in responses()) {
        travel::<_, pb::SearchContentResponse>(response);
    }

    #[test]
    fn rows_survive(content in contents(), region in of(regions()), about in wordings(), title in ".{0,9}") {
        let items = vec![TitleCard::of(&content, None), TitleCard::of(&content, region)];
        let search = SearchRequest { region, ..SearchRequest::default() };
        travel::<_, pb::DiscoverRow>(DiscoverRow { id: "x".into(), reason: title.clone(), title, about, search, items });
    }

    #[test]
    fn vectors_survive(
        embedding in vec(any::<f32>(), 0..9), filters in filters(), region in of(regions()), limit in any::<usize>(),
        (content_id, score) in (ids(), numbers()),
    ) {
        travel::<_, pb::VectorSearchRequest>(VectorQuery { embedding, filters, region, limit });
        travel::<_, pb::ScoredContent>(Scored { content_id, score });
    }
}

/// The code of the error and the path of the first field at fault.
fn fault<T: Debug>(read: Result<T>) -> (String, String) {
    let error = read.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    (error.code.to_string(), error.fields[0].field.clone())
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let offer = pb::SourceOffer { region: "XX".into(), ..Default::default() };
    let good = pb::SourceRecord { content_type: 1, locale: "en".into(), ..Default::default() };
    let cases = [
        (pb::SourceRecord { content_type: 0, ..good.clone() }, "invalid_message", "records[1].content_type"),
        (pb::SourceRecord { content_type: 9, ..good.clone() }, "invalid_message", "records[1].content_type"),
        (pb::SourceRecord { locale: "?".into(), ..good.clone() }, "bad_locale", "records[1].locale"),
        (pb::SourceRecord { release_year: Some(70_000), ..good.clone() }, "invalid_message", "records[1].release_year"),
        (pb::SourceRecord { offers: vec![offer], ..good.clone() }, "unknown_region", "records[1].offers[0].region"),
        (
            pb::SourceRecord { release_date: Some(pb::Date { year: 2023, month: 2, day: 30 }), ..good.clone() },
            "invalid_message",
            "records[1].release_date.day",
        ),
        (
            pb::SourceRecord { countries: vec!["US".into(), "Mordor".into()], ..good.clone() },
            "unknown_region",
            "records[1].countries[1]",
        ),
    ];
    for (record, code, field) in cases {
        let read = super::list::<_, SourceRecord>("records", vec![good.clone(), record]);
        assert_eq!(fault(read), (code.to_owned(), field.to_owned()));
    }
}

/// A peer of an earlier release gives languages as sources wrote them: no name, known or not, costs it its batch.
#[test]
fn languages_are_read_as_an_earlier_release_gave_them() {
    let names = ["Korean", "Klingonese", "Mandarin", "ko"].map(str::to_owned).to_vec();
    let record = pb::SourceRecord { content_type: 1, locale: "en".into(), languages: names, ..Default::default() };
    let read = super::list::<_, SourceRecord>("records", vec![record]).unwrap();
    assert_eq!(read[0].languages, Language::all_of(&["ko", "zh"]));
}

#[test]
fn bad_money_and_times_are_refused() {
    let money = |amount: &str, currency: &str| {
        fault(Money::try_from(pb::Money { amount: amount.into(), currency: currency.into() })).1
    };
    assert_eq!(money("3,99", "EUR"), "amount");
    assert_eq!(money("0.00000000000000000000000000001", "EUR"), "amount");
    assert_eq!(money("3.99", "euro"), "currency");
    for (seconds, nanos) in [(i64::MAX, 0), (0, -1), (0, 1_000_000_000)] {
        let read = super::common::time("at", Some(prost_types::Timestamp { seconds, nanos }));
        assert_eq!(fault(read).1, "at");
    }
    assert_eq!(fault(super::common::time("at", None)).1, "at");
}

#[test]
fn a_search_that_names_no_page_asks_for_the_first() {
    let request = SearchRequest::try_from(pb::SearchContentRequest::default()).unwrap();
    assert_eq!((request.page, request.page_size, request.filters), (1, 20, SearchFilters::default()));
    assert_eq!(request.sort, SortOrder::Relevance);
    let unknown = pb::SearchContentRequest { sort: 77, ..Default::default() };
    assert_eq!(fault(SearchRequest::try_from(unknown)), ("invalid_message".to_owned(), "sort".to_owned()));
}

#[test]
fn what_is_wrong_in_a_search_is_named_by_its_path_and_regions_have_two_codes() {
    let none = pb::SearchContentRequest::default;
    let filtered = |filters: pb::SearchFilters| pb::SearchContentRequest { filters: Some(filters), ..none() };
    let years = pb::YearRange { from: Some(70_000), to: None };
    let intent = pb::ParsedIntent { countries: vec!["US".into(), "Mordor".into()], ..Default::default() };
    let cases = [
        (
            filtered(pb::SearchFilters { year_range: Some(years), ..Default::default() }),
            "invalid_message",
            "filters.year_range.from",
        ),
        (
            filtered(pb::SearchFilters { content_types: vec![1, 9], ..Default::default() }),
            "invalid_message",
            "filters.content_types[1]",
        ),
        (
            filtered(pb::SearchFilters { max_runtime_minutes: Some(70_000), ..Default::default() }),
            "invalid_message",
            "filters.max_runtime_minutes",
        ),
        (pb::SearchContentRequest { facets: vec![1, 0], ..none() }, "invalid_message", "facets[1]"),
        (pb::SearchContentRequest { region: Some("XX".into()), ..none() }, "unknown_region", "region"),
        (pb::SearchContentRequest { intent: Some(intent), ..none() }, "unknown_region", "intent.countries[1]"),
    ];
    for (request, code, field) in cases {
        assert_eq!(fault(SearchRequest::try_from(request)), (code.to_owned(), field.to_owned()));
    }
    for code in ["GB", "gb", "GBR"] {
        let request = pb::SearchContentRequest { region: Some(code.into()), ..none() };
        assert_eq!(SearchRequest::try_from(request).unwrap().region, "GB".parse().ok(), "{code}");
    }
}
