//! (pure) Counts of all matches by what they are, from the tags and years of the keyword index.

use std::collections::{BTreeMap, HashMap};

use contracts::{ContentType, FacetField, FacetValue, Facets, Region, genres, platforms};

use crate::languages;

/// The most values of one facet.
const MAX_VALUES: usize = 50;

/// How many titles have each tag and each year.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub titles: u64,
    pub tags: HashMap<String, u64>,
    pub years: BTreeMap<u16, u64>,
}

/// Counts as facets, the most frequent first, equals by value.
pub(crate) fn facets(counts: &Counts, fields: &[FacetField], region: Option<Region>) -> Facets {
    let tagged = |prefix: &str, suffix: &str, label: &dyn Fn(&str) -> String| -> Vec<FacetValue> {
        let value = |(tag, count): (&String, &u64)| {
            let value = tag.strip_prefix(prefix)?.strip_suffix(suffix)?;
            Some(FacetValue { value: value.to_owned(), label: label(value), count: *count })
        };
        counts.tags.iter().filter_map(value).collect()
    };
    let of = |field: &FacetField| -> Vec<FacetValue> {
        match (field, region) {
            (FacetField::Genres, _) => tagged("genre:", "", &|id| genres::name(id).unwrap_or(id).to_owned()),
            (FacetField::ContentTypes, _) => tagged("type:", "", &kind_name),
            (FacetField::Decades, _) => decades(&counts.years),
            (FacetField::Platforms, None) => tagged("platform:", "", &platform_name),
            (FacetField::Platforms, Some(region)) => tagged("offer:", &format!(":{region}"), &platform_name),
            (FacetField::Languages, _) => tagged("language:", "", &languages::name),
        }
    };
    fields.iter().map(|field| (*field, most_frequent(of(field)))).collect()
}

fn kind_name(word: &str) -> String {
    match word.parse() {
        Ok(ContentType::Movie) => "Films".to_owned(),
        Ok(ContentType::TvShow) => "Series".to_owned(),
        Err(_) => word.to_owned(),
    }
}

/// The name as the catalogue's directory has it.
fn platform_name(id: &str) -> String {
    platforms::name(id).to_owned()
}

fn decades(years: &BTreeMap<u16, u64>) -> Vec<FacetValue> {
    let mut decades: BTreeMap<u16, u64> = BTreeMap::new();
    for (year, count) in years {
        *decades.entry(year - year % 10).or_default() += count;
    }
    let value =
        |(decade, count): (u16, u64)| FacetValue { value: decade.to_string(), label: format!("{decade}s"), count };
    decades.into_iter().map(value).collect()
}

fn most_frequent(mut values: Vec<FacetValue>) -> Vec<FacetValue> {
    sort(&mut values);
    values
}

/// Puts the most frequent first, as many as a facet has at most.
pub(crate) fn sort(values: &mut Vec<FacetValue>) {
    values.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    values.truncate(MAX_VALUES);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_years_become_facets() {
        let tags = [
            ("genre:science_fiction", 3),
            ("genre:crime", 5),
            ("type:movie", 8),
            ("platform:netflix", 4),
            ("platform:corner_shop", 1),
            ("offer:netflix:DE", 1),
            ("offer:hulu:US", 2),
            ("language:ko", 2),
            ("runtime:90", 1),
        ];
        let tags = tags.map(|(tag, count)| (tag.to_owned(), count)).into();
        let counts = Counts { titles: 8, tags, years: [(1989, 1), (1990, 2), (1999, 3)].into() };
        let shown = |region: Option<Region>| {
            let facets = facets(&counts, FacetField::ALL, region);
            let one = |value: &FacetValue| format!("{}={}:{}", value.value, value.label, value.count);
            let line = |(field, values): (&FacetField, &Vec<FacetValue>)| {
                format!("{} {}", field.as_str(), values.iter().map(one).collect::<Vec<_>>().join(" "))
            };
            facets.iter().map(line).collect::<Vec<_>>()
        };
        let expected = [
            "genres crime=Crime:5 science_fiction=Science fiction:3",
            "content_types movie=Films:8",
            "decades 1990=1990s:5 1980=1980s:1",
            "platforms netflix=Netflix:4 corner_shop=corner_shop:1",
            "languages ko=Korean:2",
        ];
        assert_eq!(shown(None), expected);
        assert_eq!(shown("DE".parse().ok())[3], "platforms netflix=Netflix:1");
        assert_eq!(facets(&counts, &[], None), Facets::new());
    }
}
