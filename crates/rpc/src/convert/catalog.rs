//! The values of `catalog.proto`.

use contracts::{
    ApiError, ContentId, Directory, Episode, GenreCount, IngestAction, IngestOutcome, Language, ListQuery, Platform,
    Region, Result, Season, SourceOffer, SourceRecord, SourceSeason,
};

use super::{
    common::{all, exact, id, locale, maybe_time, quality, region, same_words, small, stamp, time, word},
    list, maybe, required, words,
};
use crate::pb;

same_words! {
    IngestAction { Created, Updated, Merged, Unchanged }
}

impl From<&ListQuery> for pb::ListContentRequest {
    fn from(query: &ListQuery) -> Self {
        Self {
            content_type: query.content_type.map(|kind| pb::ContentType::from(kind).into()),
            platform: query.platform.clone(),
            max_age: query.max_age.map(Into::into),
            region: query.region.map(Into::into),
            expires_by: query.expires_by.map(stamp),
            after: query.after.as_ref().map(ContentId::to_string),
            limit: query.limit as u64,
        }
    }
}

impl TryFrom<pb::ListContentRequest> for ListQuery {
    type Error = ApiError;

    fn try_from(query: pb::ListContentRequest) -> Result<Self> {
        let kind = |number| word::<pb::ContentType, _>("content_type", number);
        Ok(Self {
            content_type: query.content_type.map(kind).transpose()?,
            platform: query.platform,
            max_age: small("max_age", query.max_age)?,
            region: query.region.map(|code| region("region", &code)).transpose()?,
            expires_by: maybe_time("expires_by", query.expires_by)?,
            after: query.after.map(|after| id("after", &after)).transpose()?,
            limit: usize::try_from(query.limit).unwrap_or(usize::MAX),
        })
    }
}

impl From<Directory> for pb::GetDirectoryResponse {
    fn from(directory: Directory) -> Self {
        let platform =
            |p: Platform| pb::Platform { id: p.id, name: p.name, home_url: p.home_url, title_count: p.title_count };
        let genre = |g: GenreCount| pb::GenreCount {
            id: g.id,
            name: g.name,
            movie_count: g.movie_count,
            tv_show_count: g.tv_show_count,
        };
        Self {
            platforms: directory.platforms.into_iter().map(platform).collect(),
            genres: directory.genres.into_iter().map(genre).collect(),
        }
    }
}

impl From<pb::GetDirectoryResponse> for Directory {
    fn from(directory: pb::GetDirectoryResponse) -> Self {
        let platform =
            |p: pb::Platform| Platform { id: p.id, name: p.name, home_url: p.home_url, title_count: p.title_count };
        let genre = |g: pb::GenreCount| GenreCount {
            id: g.id,
            name: g.name,
            movie_count: g.movie_count,
            tv_show_count: g.tv_show_count,
        };
        Self {
            platforms: directory.platforms.into_iter().map(platform).collect(),
            genres: directory.genres.into_iter().map(genre).collect(),
        }
    }
}

impl From<SourceOffer> for pb::SourceOffer {
    fn from(offer: SourceOffer) -> Self {
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
            checked_at: Some(stamp(offer.checked_at)),
            confidence: offer.confidence,
        }
    }
}

impl TryFrom<pb::SourceOffer> for SourceOffer {
    type Error = ApiError;

    fn try_from(offer: pb::SourceOffer) -> Result<Self> {
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
            checked_at: time("checked_at", offer.checked_at)?,
            confidence: offer.confidence,
        })
    }
}

impl From<Season> for pb::Season {
    fn from(season: Season) -> Self {
        Self {
            number: season.number.into(),
            name: season.name,
            overview: season.overview,
            air_date: season.air_date.map(Into::into),
            air_year: season.air_year.map(Into::into),
            episode_count: season.episode_count.map(Into::into),
        }
    }
}

impl TryFrom<pb::Season> for Season {
    type Error = ApiError;

    fn try_from(season: pb::Season) -> Result<Self> {
        Ok(Self {
            number: exact("number", season.number)?,
            name: season.name,
            overview: season.overview,
            air_date: maybe("air_date", season.air_date)?,
            air_year: small("air_year", season.air_year)?,
            episode_count: small("episode_count", season.episode_count)?,
        })
    }
}

impl From<Episode> for pb::Episode {
    fn from(episode: Episode) -> Self {
        Self {
            number: episode.number.into(),
            title: episode.title,
            overview: episode.overview,
            air_date: episode.air_date.map(Into::into),
            runtime_minutes: episode.runtime_minutes.map(Into::into),
        }
    }
}

impl TryFrom<pb::Episode> for Episode {
    type Error = ApiError;

    fn try_from(episode: pb::Episode) -> Result<Self> {
        Ok(Self {
            number: exact("number", episode.number)?,
            title: episode.title,
            overview: episode.overview,
            air_date: maybe("air_date", episode.air_date)?,
            runtime_minutes: small("runtime_minutes", episode.runtime_minutes)?,
        })
    }
}

impl From<SourceSeason> for pb::SourceSeason {
    fn from(told: SourceSeason) -> Self {
        Self { season: Some(told.season.into()), episodes: all(told.episodes) }
    }
}

impl TryFrom<pb::SourceSeason> for SourceSeason {
    type Error = ApiError;

    fn try_from(told: pb::SourceSeason) -> Result<Self> {
        Ok(Self { season: required("season", told.season)?, episodes: list("episodes", told.episodes)? })
    }
}

impl From<SourceRecord> for pb::SourceRecord {
    fn from(record: SourceRecord) -> Self {
        Self {
            source: record.source,
            source_key: record.source_key,
            content_type: pb::ContentType::from(record.content_type).into(),
            title: record.title,
            original_title: record.original_title,
            locale: record.locale.into(),
            overview: record.overview,
            release_date: record.release_date.map(Into::into),
            release_year: record.release_year.map(Into::into),
            runtime_minutes: record.runtime_minutes.map(Into::into),
            season_count: record.season_count.map(Into::into),
            seasons: all(record.seasons),
            translations: all(record.translations),
            genres: record.genres,
            countries: all(record.countries),
            languages: all(record.languages),
            ratings: record.ratings.into_iter().map(rating).collect(),
            credits: all(record.credits),
            external_ids: all(record.external_ids),
            images: all(record.images),
            offers: all(record.offers),
            votes: record.rating.map(|(average, count)| pb::Votes { average, count }),
        }
    }
}

fn rating((region, system, certificate): (Region, String, String)) -> pb::Rating {
    pb::Rating { region: region.into(), system, certificate }
}

fn ratings(ratings: Vec<pb::Rating>) -> Result<Vec<(Region, String, String)>> {
    let read = ratings.into_iter().enumerate().map(|(index, rating)| {
        let region = region(&format!("ratings[{index}].region"), &rating.region)?;
        Ok((region, rating.system, rating.certificate))
    });
    read.collect()
}

impl TryFrom<pb::SourceRecord> for SourceRecord {
    type Error = ApiError;

    fn try_from(record: pb::SourceRecord) -> Result<Self> {
        Ok(Self {
            source: record.source,
            source_key: record.source_key,
            content_type: word::<pb::ContentType, _>("content_type", record.content_type)?,
            title: record.title,
            original_title: record.original_title,
            locale: locale(&record.locale)?,
            overview: record.overview,
            release_date: maybe("release_date", record.release_date)?,
            release_year: small("release_year", record.release_year)?,
            runtime_minutes: small("runtime_minutes", record.runtime_minutes)?,
            season_count: small("season_count", record.season_count)?,
            seasons: list("seasons", record.seasons)?,
            translations: list("translations", record.translations)?,
            genres: record.genres,
            countries: words("countries", &record.countries, region)?,
            // A peer of an earlier version gives them as its sources wrote them, and a batch is refused as a whole.
            languages: Language::all_of(&record.languages),
            ratings: ratings(record.ratings)?,
            credits: list("credits", record.credits)?,
            external_ids: list("external_ids", record.external_ids)?,
            images: list("images", record.images)?,
            offers: list("offers", record.offers)?,
            rating: record.votes.map(|votes| (votes.average, votes.count)),
        })
    }
}

impl From<IngestOutcome> for pb::IngestOutcome {
    fn from(outcome: IngestOutcome) -> Self {
        Self {
            content_id: outcome.content_id.to_string(),
            action: pb::IngestAction::from(outcome.action).into(),
            entity_confidence: outcome.entity_confidence,
            evidence: outcome.evidence,
        }
    }
}

impl TryFrom<pb::IngestOutcome> for IngestOutcome {
    type Error = ApiError;

    fn try_from(outcome: pb::IngestOutcome) -> Result<Self> {
        Ok(Self {
            content_id: id("content_id", &outcome.content_id)?,
            action: word::<pb::IngestAction, _>("action", outcome.action)?,
            entity_confidence: outcome.entity_confidence,
            evidence: outcome.evidence,
        })
    }
}
