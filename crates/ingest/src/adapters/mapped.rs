//! Rows of an operator's own file, by their [`Mapping`].
//!
//! [`Mapping`]: crate::Mapping

use contracts::{
    AvailabilityType, ContentType, CreditRole, Episode, ExternalId, Image, Language, Money, Region, Season,
    SourceOffer, SourceSeason,
};
use iso_currency::Currency;
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{Adapted, blank, credits, genre_ids};
use crate::{
    Context, Mapping, RawRow, RejectReason,
    context::midnight,
    countries,
    mapping::OfferMapping,
    platforms,
    seasons::{Part, What},
    text, validate,
};

/// How much of a row's names is told where it lacks one, in bytes.
const MAX_NAMES: usize = 200;

/// Reads one row.
pub(crate) fn adapt(row: &RawRow, context: &Context) -> Result<Adapted, RejectReason> {
    let mapping = context.mapping.as_deref().ok_or(RejectReason::Missing("mapping"))?;
    let row = Mapped { row, mapping };
    let columns = &mapping.columns;
    let key = row.needed("key", &columns.key)?;
    let title = row.needed("title", &columns.title)?;
    let content_type = row.content_type()?;
    if let Some(parent) = row.of(columns.parent.as_ref()) {
        return Err(RejectReason::NoPart { kind: content_type.as_str(), parent });
    }
    let mut record = blank(&mapping.source, key, content_type, title);
    record.original_title = row.of(columns.original_title.as_ref()).filter(|original| *original != record.title);
    record.overview = row.of(columns.overview.as_ref());
    record.release_date = row.date("date", columns.date.as_ref())?;
    let year = row.number::<i64>("year", columns.year.as_ref(), "a year")?;
    let year = year.or_else(|| record.release_date.map(|day| i64::from(day.year())));
    record.release_year = year.map(|year| context.checked_year("year", year)).transpose()?;
    record.runtime_minutes = row.number("runtime_minutes", columns.runtime_minutes.as_ref(), "a number of minutes")?;
    let seasons = row.number::<u16>("seasons", columns.seasons.as_ref(), "a number of seasons")?;
    record.season_count = seasons.filter(|seasons| *seasons > 0 && record.content_type == ContentType::TvShow);
    record.genres = genre_ids(&row.list(columns.genres.as_ref()));
    record.countries = regions(&row.list(columns.countries.as_ref()));
    let (languages, unread_languages) = Language::split(row.list(columns.languages.as_ref()));
    record.languages = languages;
    record.credits = credits(row.list(columns.directors.as_ref()), CreditRole::Director)
        .chain(credits(row.list(columns.writers.as_ref()), CreditRole::Writer))
        .chain(credits(row.list(columns.actors.as_ref()), CreditRole::Actor))
        .collect();
    record.external_ids = row.ids();
    record.images.extend(row.image("poster", columns.poster.as_ref()));
    record.images.extend(row.image("backdrop", columns.backdrop.as_ref()));
    let votes = row.number("votes", columns.votes.as_ref(), "a number of votes")?.unwrap_or(1);
    record.rating =
        row.number("rating", columns.rating.as_ref(), "a rating from 0 to 10")?.map(|rating: f64| (rating, votes));
    if let Some(offer) = &mapping.offer {
        record.offers.extend(row.offer(offer, context)?);
    }
    Ok(Adapted { record, unread_languages })
}

/// Whether a row is a season or an episode that is kept with its series.
pub(crate) fn is_part(row: &RawRow, mapping: &Mapping) -> bool {
    mapping.keeps_parts() && Mapped { row, mapping }.kind().is_some_and(|word| is_kind_of_part(&word))
}

/// Reads a row that [is a part](is_part).
pub(crate) fn part(row: &RawRow, context: &Context) -> Result<Part, RejectReason> {
    let mapping = context.mapping.as_deref().ok_or(RejectReason::Missing("mapping"))?;
    let (row, columns) = (Mapped { row, mapping }, &mapping.columns);
    let key = row.needed("key", &columns.key)?;
    let parent = row.of(columns.parent.as_ref()).ok_or(RejectReason::Missing("parent"))?;
    let number = row.number("number", columns.number.as_ref(), "a number from 0 to 65535")?;
    let number: u16 = number.ok_or(RejectReason::Missing("number"))?;
    let (name, overview) = (row.text(&columns.title), row.of(columns.overview.as_ref()));
    let air_date = row.date("date", columns.date.as_ref())?;
    let what = if row.kind().as_deref() == Some("season") {
        let year = row.number::<i64>("year", columns.year.as_ref(), "a year")?;
        let year = year.or_else(|| air_date.map(|day| i64::from(day.year())));
        let air_year = year.map(|year| context.checked_year("year", year)).transpose()?;
        let episode_count = row.number("episodes", columns.episodes.as_ref(), "a number of episodes")?;
        let season = Season { number, name, overview, air_date, air_year, episode_count };
        validate::season(&SourceSeason { season: season.clone(), episodes: Vec::new() }, context)?;
        What::Season(season)
    } else {
        let of = row.number("season", columns.season.as_ref(), "a number from 0 to 65535")?;
        let runtime_minutes = row.number("runtime_minutes", columns.runtime_minutes.as_ref(), "a number of minutes")?;
        let episode = Episode { number, title: name, overview, air_date, runtime_minutes };
        validate::season(&SourceSeason { season: Season::default(), episodes: vec![episode.clone()] }, context)?;
        What::Episode(of, episode)
    };
    Ok(Part { key, parent, what })
}

fn is_kind_of_part(word: &str) -> bool {
    matches!(word, "season" | "episode")
}

/// A row's key and the key of what it is part of, where it is part of anything.
pub(crate) fn part_of(row: &RawRow, mapping: &Mapping) -> Option<(String, String)> {
    let row = Mapped { row, mapping };
    Some((row.text(&mapping.columns.key)?, row.of(mapping.columns.parent.as_ref())?))
}

struct Mapped<'a> {
    row: &'a RawRow,
    mapping: &'a Mapping,
}

impl Mapped<'_> {
    /// A column, or a path into one, as a cleaned text.
    fn text(&self, column: &str) -> Option<String> {
        self.row.text(column).or_else(|| match self.value(column)? {
            Value::String(text) => Some(text::clean(text)).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// As [`Mapped::text`], of a column that no row can do without. The header of a table was held to the mapping; JSON has
    /// none, so that each row says what it has in its place.
    fn needed(&self, field: &'static str, column: &str) -> Result<String, RejectReason> {
        self.text(column).ok_or_else(|| match self.row {
            RawRow::Json(fields) if !fields.is_empty() && self.value(column).is_none() => {
                let names: Vec<_> = fields.keys().collect();
                RejectReason::NoColumn { field, column: column.to_owned(), has: text::columns(&names, MAX_NAMES) }
            }
            _ => RejectReason::Missing(field),
        })
    }

    fn value(&self, path: &str) -> Option<&Value> {
        let RawRow::Json(fields) = self.row else { return None };
        fields.get(path).or_else(|| walk(fields, path))
    }

    fn of(&self, column: Option<&String>) -> Option<String> {
        self.text(column?)
    }

    fn list(&self, column: Option<&String>) -> Vec<String> {
        let Some(column) = column else { return Vec::new() };
        if let Some(Value::Array(items)) = self.value(column) {
            return text::unique(items.iter().filter_map(Value::as_str).map(text::clean));
        }
        let separator = self.mapping.list_separator.unwrap_or(',');
        text::unique(self.text(column).unwrap_or_default().split(separator).map(text::clean))
    }

    fn number<T: std::str::FromStr>(
        &self,
        field: &'static str,
        column: Option<&String>,
        expected: &'static str,
    ) -> Result<Option<T>, RejectReason> {
        let Some(value) = self.of(column) else { return Ok(None) };
        let digits = value.strip_suffix(".0").unwrap_or(&value);
        digits.parse().map(Some).map_err(|_| RejectReason::Malformed { field, value, expected })
    }

    fn date(&self, field: &'static str, column: Option<&String>) -> Result<Option<Date>, RejectReason> {
        let Some(value) = self.of(column) else { return Ok(None) };
        // A moment begins with its day.
        let day = value.get(..10).and_then(|day| day.parse().ok());
        day.map(Some).ok_or(RejectReason::Malformed { field, value, expected: "a date such as 2024-05-01" })
    }

    fn moment(&self, field: &'static str, column: Option<&String>) -> Result<Option<Timestamp>, RejectReason> {
        if let Some(moment) = self.of(column).and_then(|value| value.parse().ok()) {
            return Ok(Some(moment));
        }
        Ok(self.date(field, column)?.map(midnight))
    }

    /// The word for what it is.
    fn kind(&self) -> Option<String> {
        self.of(self.mapping.columns.content_type.as_ref())
    }

    fn content_type(&self) -> Result<ContentType, RejectReason> {
        let Some(word) = self.kind() else { return self.mapping.content_type.ok_or(RejectReason::Missing("type")) };
        if self.mapping.columns.parent.is_some() && is_kind_of_part(&word) {
            return Err(RejectReason::NotATitle(word));
        }
        let known = self.mapping.types.get(&word).copied().or_else(|| word.parse().ok());
        known.ok_or(RejectReason::Malformed {
            field: "type",
            value: word,
            expected: "movie, tv_show or a word of the mapping's types",
        })
    }

    fn ids(&self) -> Vec<ExternalId> {
        let ids = self.mapping.ids.iter();
        ids.filter_map(|(id_type, column)| Some(ExternalId { id_type: id_type.clone(), id_value: self.text(column)? }))
            .collect()
    }

    fn image(&self, kind: &str, column: Option<&String>) -> Option<Image> {
        let url = self.of(column).filter(|url| is_web(url))?;
        Some(Image { kind: kind.to_owned(), url, width: None, height: None, placeholder: None })
    }

    fn offer(&self, offer: &OfferMapping, context: &Context) -> Result<Option<SourceOffer>, RejectReason> {
        let platform = self.of(offer.platform_column.as_ref()).map(|name| platforms::id_of(&name));
        // A row that names no platform has no offer.
        let Some(platform) = platform.or_else(|| offer.platform.clone()) else { return Ok(None) };
        let web_url = self.of(offer.web_url_column.as_ref()).or_else(|| offer.web_url.clone());
        let web_url = web_url.filter(|url| is_web(url)).ok_or(RejectReason::Missing("web_url"))?;
        Ok(Some(SourceOffer {
            platform,
            region: self
                .word("region", offer.region_column.as_ref(), "a region such as US")?
                .or(offer.region)
                .unwrap_or(context.region),
            availability_type: self
                .word("terms", offer.terms_column.as_ref(), "subscription, free, ads, rent or buy")?
                .or(offer.terms)
                .unwrap_or(AvailabilityType::Subscription),
            quality: self.word("quality", offer.quality_column.as_ref(), "sd, hd or uhd")?.or(offer.quality),
            price: self.price(offer)?,
            deep_link: None,
            web_url,
            available_from: self.moment("from", offer.from_column.as_ref())?,
            expires_at: self.moment("until", offer.until_column.as_ref())?,
            checked_at: context.checked_at(),
            confidence: context.offer_confidence(),
        }))
    }

    fn word<T: std::str::FromStr>(
        &self,
        field: &'static str,
        column: Option<&String>,
        expected: &'static str,
    ) -> Result<Option<T>, RejectReason> {
        let Some(value) = self.of(column) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| RejectReason::Malformed { field, value, expected })
    }

    fn price(&self, offer: &OfferMapping) -> Result<Option<Money>, RejectReason> {
        let amount = self.number::<Decimal>("price", offer.price_column.as_ref(), "a price such as 3.99")?;
        let code = self.of(offer.currency_column.as_ref()).or_else(|| offer.currency.clone());
        let (Some(amount), Some(code)) = (amount, code) else { return Ok(None) };
        if amount.is_sign_negative() {
            let value = amount.to_string();
            return Err(RejectReason::Malformed { field: "price", value, expected: "a price of at least 0" });
        }
        match Currency::from_code(&code.to_uppercase()) {
            Some(currency) => Ok(Some(Money { amount, currency })),
            None => Err(RejectReason::Malformed {
                field: "currency",
                value: code,
                expected: "an ISO 4217 code such as EUR",
            }),
        }
    }
}

fn walk<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.')?;
    let inner = fields.get(first)?.as_object()?;
    inner.get(rest).or_else(|| walk(inner, rest))
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// Countries by name or by code.
fn regions(names: &[String]) -> Vec<Region> {
    let mut regions = countries::regions(names);
    for region in names.iter().filter_map(|name| name.parse::<Region>().ok()) {
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    regions
}

#[cfg(test)]
mod tests;
