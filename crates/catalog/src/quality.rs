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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A title of which nothing is known but its name.
    fn bare() -> Value {
        json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "content_type": "movie", "title": "Heat",
            "original_title": null, "overview": null, "locale": "en", "release_date": null, "release_year": null,
            "runtime_minutes": null, "genres": [], "countries": [], "languages": [], "ratings": {}, "credits": [],
            "availability": [], "images": [], "external_ids": [], "translations": [], "average_rating": 0.0,
            "vote_count": 0, "popularity_score": 0.5, "last_updated": "2026-01-01T00:00:00Z",
        })
    }

    /// What may be missing, the field that has it, a value of it, and what it weighs.
    fn parts() -> [(&'static str, &'static str, Value, f64); 11] {
        let offer = json!({
            "platform": "netflix", "region": "US", "availability_type": "subscription", "price": null,
            "deep_link": null, "web_url": "https://www.netflix.com/", "available_from": null, "expires_at": null,
            "source": "test", "checked_at": "2026-01-01T00:00:00Z", "confidence": 0.9,
        });
        let picture = json!({ "kind": "poster", "url": "https://example.org/p.jpg", "width": null, "height": null });
        let person = |role: &str| json!([{ "name": "Ada Quill", "role": role }]);
        [
            ("overview", "overview", json!("x".repeat(40)), 0.2),
            ("availability", "availability", json!([offer]), 0.15),
            ("genres", "genres", json!(["drama"]), 0.1),
            ("release_year", "release_year", json!(1995), 0.1),
            ("images", "images", json!([picture]), 0.1),
            ("directors", "credits", person("director"), 0.08),
            ("actors", "credits", person("actor"), 0.08),
            ("runtime_minutes", "runtime_minutes", json!(170), 0.07),
            ("external_ids", "external_ids", json!([{ "id_type": "imdb", "id_value": "tt0113277" }]), 0.05),
            ("ratings", "ratings", json!({ "US": { "system": "mpa", "certificate": "R" } }), 0.04),
            ("votes", "vote_count", json!(1), 0.03),
        ]
    }

    fn of(title: Value) -> Quality {
        quality(&serde_json::from_value(title).unwrap(), None, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn each_thing_that_is_known_weighs_by_itself() {
        let parts = parts();
        let all: Vec<_> = parts.iter().map(|part| part.0).collect();
        let nothing = of(bare());
        assert_eq!((nothing.quality_score, nothing.freshness, nothing.checked_at), (0.0, 0.0, None));
        assert_eq!(nothing.missing, all, "the weightiest first");
        for (name, field, value, weight) in &parts {
            let mut title = bare();
            title[*field] = value.clone();
            let found = of(title);
            let others: Vec<_> = all.iter().filter(|other| *other != name).collect();
            assert_eq!(found.quality_score, *weight, "{name}");
            assert_eq!(found.missing.iter().collect::<Vec<_>>(), others, "{name}");
        }
        let whole: f64 = parts.iter().map(|part| part.3).sum();
        assert!((whole - 1.0).abs() < 1e-9, "{whole}");
        let mut title = bare();
        title["overview"] = json!("x".repeat(39));
        assert_eq!(of(title).quality_score, 0.0, "a sentence cut short is no overview");
    }
}
