//! How complete and how fresh what we know of a title is. (pure)

use contracts::{Content, CreditRole};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// After how many days half of the freshness is gone.
const HALF_LIFE_DAYS: f64 = 30.0;

/// The quality of what we know of one title.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quality {
    /// How complete, from 0 to 1: the weights of what is there.
    pub quality_score: f64,
    /// What is missing, the weightiest first.
    pub missing: Vec<String>,
    /// How fresh, from 0 to 1: halved every 30 days since `checked_at`.
    pub freshness: f64,
    /// When a source was last known to say something of it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub checked_at: Option<Timestamp>,
}

/// Weighs what is there. The weights are what a person choosing a film misses most, and sum to 1.
pub fn quality(content: &Content, ingested_at: Option<Timestamp>, now: Timestamp) -> Quality {
    let role = |role| content.credits.iter().any(|credit| credit.role == role);
    let parts = [
        ("overview", 0.2, content.overview.as_ref().is_some_and(|text| text.chars().count() >= 40)),
        ("availability", 0.15, !content.availability.is_empty()),
        ("genres", 0.1, !content.genres.is_empty()),
        ("release_year", 0.1, content.release_year.is_some()),
        ("images", 0.1, !content.images.is_empty()),
        ("directors", 0.08, role(CreditRole::Director)),
        ("actors", 0.08, role(CreditRole::Actor)),
        ("runtime_minutes", 0.07, content.runtime_minutes.is_some()),
        ("external_ids", 0.05, !content.external_ids.is_empty()),
        ("ratings", 0.04, !content.ratings.is_empty()),
        ("votes", 0.03, content.vote_count > 0),
    ];
    let score: f64 = parts.iter().filter(|(_, _, there)| *there).map(|(_, weight, _)| weight).sum();
    let checked_at = content.availability.iter().map(|offer| offer.checked_at).chain(ingested_at).max();
    let days = |at: Timestamp| now.duration_since(at).as_secs_f64().max(0.0) / 86_400.0;
    let round = |number: f64| (number * 10_000.0).round() / 10_000.0;
    Quality {
        quality_score: round(score),
        missing: parts.iter().filter(|part| !part.2).map(|part| part.0.to_owned()).collect(),
        freshness: checked_at.map_or(0.0, |at| round(0.5_f64.powf(days(at) / HALF_LIFE_DAYS))),
        checked_at,
    }
}
