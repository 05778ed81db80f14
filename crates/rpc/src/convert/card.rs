//! Titles in rows, and sentences as data.

use contracts::{ApiError, CardOffer, Result, TitleCard, Wording};

use super::{
    common::{all, id, locale, quality, region, small, word},
    list, maybe, words,
};
use crate::pb;

impl From<Wording> for pb::Wording {
    fn from(wording: Wording) -> Self {
        Self { code: wording.code, args: wording.args.into_iter().collect() }
    }
}

impl From<pb::Wording> for Wording {
    fn from(wording: pb::Wording) -> Self {
        Self { code: wording.code, args: wording.args.into_iter().collect() }
    }
}

impl From<CardOffer> for pb::CardOffer {
    fn from(offer: CardOffer) -> Self {
        Self {
            platform: offer.platform,
            region: offer.region.into(),
            availability_type: pb::AvailabilityType::from(offer.availability_type).into(),
            quality: offer.quality.map(|quality| pb::VideoQuality::from(quality).into()),
            price: offer.price.map(Into::into),
            source: offer.source,
        }
    }
}

impl TryFrom<pb::CardOffer> for CardOffer {
    type Error = ApiError;

    fn try_from(offer: pb::CardOffer) -> Result<Self> {
        Ok(Self {
            platform: offer.platform,
            region: region("region", &offer.region)?,
            availability_type: word::<pb::AvailabilityType, _>("availability_type", offer.availability_type)?,
            quality: quality(offer.quality)?,
            price: maybe("price", offer.price)?,
            source: offer.source,
        })
    }
}

impl From<TitleCard> for pb::TitleCard {
    fn from(card: TitleCard) -> Self {
        Self {
            id: card.id.to_string(),
            content_type: pb::ContentType::from(card.content_type).into(),
            title: card.title,
            locale: card.locale.into(),
            release_year: card.release_year.map(Into::into),
            runtime_minutes: card.runtime_minutes.map(Into::into),
            genres: card.genres,
            countries: all(card.countries),
            credits: all(card.credits),
            poster: card.poster.map(Into::into),
            offers: all(card.offers),
            more_offers: card.more_offers,
        }
    }
}

impl TryFrom<pb::TitleCard> for TitleCard {
    type Error = ApiError;

    fn try_from(card: pb::TitleCard) -> Result<Self> {
        Ok(Self {
            id: id("id", &card.id)?,
            content_type: word::<pb::ContentType, _>("content_type", card.content_type)?,
            title: card.title,
            locale: locale(&card.locale)?,
            release_year: small("release_year", card.release_year)?,
            runtime_minutes: small("runtime_minutes", card.runtime_minutes)?,
            genres: card.genres,
            countries: words("countries", &card.countries, region)?,
            credits: list("credits", card.credits)?,
            poster: maybe("poster", card.poster)?,
            offers: list("offers", card.offers)?,
            more_offers: card.more_offers,
        })
    }
}
