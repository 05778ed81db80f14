//! The values of `common.proto`.

use std::collections::BTreeMap;

use contracts::{
    ApiError, AvailabilityType, Content, ContentId, ContentRating, ContentType, Credit, CreditRole, ExternalId, Image,
    Language, Locale, Money, Offer, Region, Result, Translation, VideoQuality,
};
use iso_currency::Currency;
use jiff::{Timestamp, civil::Date};

use super::{list, maybe, parsed, words, wrong};
use crate::pb;

/// An enum whose variants have the same names on both sides.
macro_rules! same_words {
    ($($name:ident { $($variant:ident),+ })+) => { $(
        impl From<$name> for pb::$name {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant,)+ }
            }
        }

        impl TryFrom<pb::$name> for $name {
            type Error = ApiError;

            fn try_from(value: pb::$name) -> Result<Self> {
                match value {
                    $(pb::$name::$variant => Ok(Self::$variant),)+
                    pb::$name::Unspecified => Err(ApiError::invalid("invalid_message", "a value is unspecified")),
                }
            }
        }
    )+ };
}
pub(super) use same_words;

same_words! {
    ContentType { Movie, TvShow }
    CreditRole { Director, Writer, Actor }
    AvailabilityType { Subscription, Free, Ads, Rent, Buy }
    VideoQuality { Sd, Hd, Uhd }
}

/// An enum by its number on the wire.
pub fn word<P: TryFrom<i32>, T: TryFrom<P>>(field: &str, number: i32) -> Result<T> {
    let known = P::try_from(number).ok().and_then(|word| T::try_from(word).ok());
    known.ok_or_else(|| wrong(field, "must be one of the values that the protocol names"))
}

/// An id.
pub fn id(field: &str, text: &str) -> Result<ContentId> {
    parsed(field, text, "a UUID")
}

/// A region, with the code that its own parser gives an error.
pub fn region(field: &str, text: &str) -> Result<Region> {
    text.parse().map_err(|error: ApiError| renamed(field, error))
}

/// A language tag, in the field `locale`.
pub fn locale(text: &str) -> Result<Locale> {
    text.parse().map_err(|error: ApiError| renamed("locale", error))
}

fn renamed(field: &str, mut error: ApiError) -> ApiError {
    error.fields.iter_mut().for_each(|fault| fault.field = field.to_owned());
    error
}

/// A number that fits in 16 bits.
pub fn small(field: &str, number: Option<u32>) -> Result<Option<u16>> {
    number.map(|n| exact(field, n)).transpose()
}

/// A number that fits in 16 bits and is always there.
pub fn exact(field: &str, number: u32) -> Result<u16> {
    u16::try_from(number).map_err(|_| wrong(field, "must be from 0 to 65535"))
}

/// A quality that may be there.
pub fn quality(number: Option<i32>) -> Result<Option<VideoQuality>> {
    number.map(|number| word::<pb::VideoQuality, _>("quality", number)).transpose()
}

/// A time; `google.protobuf.Timestamp` counts its nanoseconds forward, also before 1970.
pub fn stamp(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.as_nanosecond();
    const SECOND: i128 = 1_000_000_000;
    // Both fit: a timestamp of jiff has a 64-bit second, and the rest is below a billion.
    prost_types::Timestamp { seconds: nanos.div_euclid(SECOND) as i64, nanos: nanos.rem_euclid(SECOND) as i32 }
}

/// A time that may be there.
pub fn maybe_time(field: &str, at: Option<prost_types::Timestamp>) -> Result<Option<Timestamp>> {
    let read = |at: prost_types::Timestamp| Timestamp::new(at.seconds, at.nanos).ok().filter(|_| at.nanos >= 0);
    at.map(|at| read(at).ok_or_else(|| wrong(field, "must be a time between the years -9999 and 9999"))).transpose()
}

/// A time that must be there.
pub fn time(field: &str, at: Option<prost_types::Timestamp>) -> Result<Timestamp> {
    maybe_time(field, at)?.ok_or_else(|| wrong(field, "is missing"))
}

/// Messages of values.
pub fn all<T, P: From<T>>(values: Vec<T>) -> Vec<P> {
    values.into_iter().map(P::from).collect()
}

impl From<Date> for pb::Date {
    fn from(date: Date) -> Self {
        Self { year: date.year().into(), month: date.month() as u32, day: date.day() as u32 }
    }
}

impl TryFrom<pb::Date> for Date {
    type Error = ApiError;

    fn try_from(date: pb::Date) -> Result<Self> {
        let parts = (i16::try_from(date.year), i8::try_from(date.month), i8::try_from(date.day));
        let (Ok(year), Ok(month), Ok(day)) = parts else { return Err(wrong("day", "must be a day of the calendar")) };
        Date::new(year, month, day).map_err(|_| wrong("day", "must be a day of the calendar"))
    }
}

impl From<Money> for pb::Money {
    fn from(money: Money) -> Self {
        Self { amount: money.amount.to_string(), currency: money.currency.code().to_owned() }
    }
}

impl TryFrom<pb::Money> for Money {
    type Error = ApiError;

    fn try_from(money: pb::Money) -> Result<Self> {
        let amount = rust_decimal::Decimal::from_str_exact(&money.amount)
            .map_err(|_| wrong("amount", "must be a decimal number, such as 3.99"))?;
        let currency = Currency::from_code(&money.currency)
            .ok_or_else(|| wrong("currency", "must be an ISO 4217 code, such as EUR"))?;
        Ok(Self { amount, currency })
    }
}

impl From<Credit> for pb::Credit {
    fn from(credit: Credit) -> Self {
        Self { name: credit.name, role: pb::CreditRole::from(credit.role).into() }
    }
}

impl TryFrom<pb::Credit> for Credit {
    type Error = ApiError;

    fn try_from(credit: pb::Credit) -> Result<Self> {
        Ok(Self { role: word::<pb::CreditRole, _>("role", credit.role)?, name: credit.name })
    }
}

impl From<ExternalId> for pb::ExternalId {
    fn from(id: ExternalId) -> Self {
        Self { id_type: id.id_type, id_value: id.id_value }
    }
}

impl TryFrom<pb::ExternalId> for ExternalId {
    type Error = ApiError;

    fn try_from(id: pb::ExternalId) -> Result<Self> {
        Ok(Self { id_type: id.id_type, id_value: id.id_value })
    }
}

impl From<Image> for pb::Image {
    fn from(image: Image) -> Self {
        Self {
            kind: image.kind,
            url: image.url,
            width: image.width,
            height: image.height,
            placeholder: image.placeholder,
        }
    }
}

impl TryFrom<pb::Image> for Image {
    type Error = ApiError;

    fn try_from(image: pb::Image) -> Result<Self> {
        Ok(Self {
            kind: image.kind,
            url: image.url,
            width: image.width,
            height: image.height,
            placeholder: image.placeholder,
        })
    }
}

impl From<Translation> for pb::Translation {
    fn from(translation: Translation) -> Self {
        let Translation { locale, title, overview } = translation;
        Self { locale: locale.into(), title, overview }
    }
}

impl TryFrom<pb::Translation> for Translation {
    type Error = ApiError;

    fn try_from(translation: pb::Translation) -> Result<Self> {
        let pb::Translation { locale: tag, title, overview } = translation;
        Ok(Self { locale: locale(&tag)?, title, overview })
    }
}

impl From<Offer> for pb::Offer {
    fn from(offer: Offer) -> Self {
        Self {
            platform: offer.platform,
            region: offer.region.into(),
            availability_type: pb::AvailabilityType::from(offer.availability_type).into(),
            price: offer.price.map(Into::into),
            quality: offer.quality.map(|quality| pb::VideoQuality::from(quality).into()),
            deep_link: offer.deep_link,
            web_url: offer.web_url,
            available_from: offer.available_from.map(stamp),
            expires_at: offer.expires_at.map(stamp),
            source: offer.source,
            checked_at: Some(stamp(offer.checked_at)),
            confidence: offer.confidence,
        }
    }
}

impl TryFrom<pb::Offer> for Offer {
    type Error = ApiError;

    fn try_from(offer: pb::Offer) -> Result<Self> {
        Ok(Self {
            platform: offer.platform,
            region: region("region", &offer.region)?,
            availability_type: word::<pb::AvailabilityType, _>("availability_type", offer.availability_type)?,
            price: maybe("price", offer.price)?,
            quality: quality(offer.quality)?,
            deep_link: offer.deep_link,
            web_url: offer.web_url,
            available_from: maybe_time("available_from", offer.available_from)?,
            expires_at: maybe_time("expires_at", offer.expires_at)?,
            source: offer.source,
            checked_at: time("checked_at", offer.checked_at)?,
            confidence: offer.confidence,
        })
    }
}

impl From<Content> for pb::Content {
    fn from(content: Content) -> Self {
        Self {
            id: content.id.to_string(),
            content_type: pb::ContentType::from(content.content_type).into(),
            title: content.title,
            original_title: content.original_title,
            overview: content.overview,
            locale: content.locale.into(),
            release_date: content.release_date.map(Into::into),
            release_year: content.release_year.map(Into::into),
            runtime_minutes: content.runtime_minutes.map(Into::into),
            season_count: content.season_count.map(Into::into),
            genres: content.genres,
            countries: all(content.countries),
            languages: all(content.languages),
            ratings: content.ratings.into_iter().map(rating).collect(),
            credits: all(content.credits),
            availability: all(content.availability),
            images: all(content.images),
            external_ids: all(content.external_ids),
            translations: all(content.translations),
            average_rating: content.average_rating,
            vote_count: content.vote_count,
            popularity_score: content.popularity_score,
            last_updated: Some(stamp(content.last_updated)),
        }
    }
}

fn rating((region, rating): (Region, ContentRating)) -> pb::Rating {
    pb::Rating { region: region.into(), system: rating.system, certificate: rating.certificate }
}

fn ratings(ratings: Vec<pb::Rating>) -> Result<BTreeMap<Region, ContentRating>> {
    let read = ratings.into_iter().enumerate().map(|(index, rating)| {
        let region = region(&format!("ratings[{index}].region"), &rating.region)?;
        Ok((region, ContentRating { system: rating.system, certificate: rating.certificate }))
    });
    read.collect()
}

impl TryFrom<pb::Content> for Content {
    type Error = ApiError;

    fn try_from(content: pb::Content) -> Result<Self> {
        Ok(Self {
            id: id("id", &content.id)?,
            content_type: word::<pb::ContentType, _>("content_type", content.content_type)?,
            title: content.title,
            original_title: content.original_title,
            overview: content.overview,
            locale: locale(&content.locale)?,
            release_date: maybe("release_date", content.release_date)?,
            release_year: small("release_year", content.release_year)?,
            runtime_minutes: small("runtime_minutes", content.runtime_minutes)?,
            season_count: small("season_count", content.season_count)?,
            genres: content.genres,
            countries: words("countries", &content.countries, region)?,
            // A peer of an earlier version gives names, some of which are no language.
            languages: Language::all_of(&content.languages),
            ratings: ratings(content.ratings)?,
            credits: list("credits", content.credits)?,
            availability: list("availability", content.availability)?,
            images: list("images", content.images)?,
            external_ids: list("external_ids", content.external_ids)?,
            translations: list("translations", content.translations)?,
            average_rating: content.average_rating,
            vote_count: content.vote_count,
            popularity_score: content.popularity_score,
            last_updated: time("last_updated", content.last_updated)?,
        })
    }
}
