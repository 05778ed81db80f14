//! (pure) A title as linked data (schema.org, JSON-LD 1.1), for search engines and assistants.

use contracts::{Content, ContentType, CreditRole};
use serde_json::{Map, Value, json};

/// What schema.org calls the ids we know, and where they lead.
const SAME_AS: [(&str, &str); 3] = [
    ("imdb", "https://www.imdb.com/title/"),
    ("wikidata", "https://www.wikidata.org/wiki/"),
    ("wikipedia", "https://en.wikipedia.org/wiki/"),
];

/// A `Movie` or `TVSeries`. Offers are left out: an answer without its source and age is no fact.
pub fn of(content: &Content) -> Value {
    let mut data = Map::new();
    let mut put = |key: &str, value: Value| {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            data.insert(key.to_owned(), value);
        }
    };
    let film = content.content_type == ContentType::Movie;
    put("@context", json!("https://schema.org"));
    put("@type", json!(if film { "Movie" } else { "TVSeries" }));
    put("@id", json!(format!("/title/{}", content.id)));
    put("name", json!(content.title));
    put("alternateName", json!(content.original_title.as_ref().filter(|original| **original != content.title)));
    put("description", json!(content.overview));
    let date = content.release_date.map(|date| date.to_string());
    put(
        if film { "datePublished" } else { "startDate" },
        json!(date.or_else(|| content.release_year.map(|year| year.to_string()))),
    );
    put("duration", json!(content.runtime_minutes.map(|minutes| format!("PT{minutes}M"))));
    put("genre", json!(content.genres.iter().map(|genre| genre.replace('_', " ")).collect::<Vec<_>>()));
    put("inLanguage", json!(content.languages));
    let country = |code: &contracts::Region| json!({ "@type": "Country", "name": code.as_str() });
    put("countryOfOrigin", Value::Array(content.countries.iter().map(country).collect()));
    put("director", people(content, CreditRole::Director));
    put("author", people(content, CreditRole::Writer));
    put("actor", people(content, CreditRole::Actor));
    put("sameAs", json!(same_as(content)));
    if content.vote_count > 0 {
        let (mean, votes) = (content.average_rating, content.vote_count);
        put(
            "aggregateRating",
            json!({ "@type": "AggregateRating", "ratingValue": mean, "ratingCount": votes, "bestRating": 10, "worstRating": 0 }),
        );
    }
    Value::Object(data)
}

fn people(content: &Content, role: CreditRole) -> Value {
    let named = content.credits.iter().filter(|credit| credit.role == role);
    Value::Array(named.map(|credit| json!({ "@type": "Person", "name": credit.name })).collect())
}

fn same_as(content: &Content) -> Vec<String> {
    let known = |id: &contracts::ExternalId| {
        let (_, base) = SAME_AS.iter().find(|(kind, _)| *kind == id.id_type)?;
        let plain = id.id_value.chars().all(|c| c.is_alphanumeric() || "_-().,'%".contains(c));
        plain.then(|| format!("{base}{}", id.id_value))
    };
    content.external_ids.iter().filter_map(known).collect()
}

/// JSON that can stand in a script element: nothing in it can end the element or begin a comment.
pub fn for_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
