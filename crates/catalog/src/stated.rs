//! What is told of a change to those who listen, a notifier among them: events by their topics. (pure)

use std::collections::{BTreeMap, BTreeSet};

use contracts::{AvailabilityType, Offer, Region, Topic, VideoQuality};
use serde_json::{Value as Json, json};

use crate::project::{Change, place};

/// The events of one change: a new title is one event, whatever it holds; else one for its facts, one for its offers
/// where some came, went or cost something else.
pub fn of(change: &Change<'_>) -> Vec<(Topic, Json)> {
    let source = change.title.touched_by.as_deref().unwrap_or_default();
    let (id, title, after) = (change.id, &change.after.title, &change.after);
    let Some(before) = &change.title.before else {
        let data = json!({ "content_id": id, "source": source, "added": places(&after.offers) });
        return vec![(Topic::ContentIngested, data)];
    };
    let (was, is) = (&before.offers, &after.offers);
    let (added, removed, repriced) = (missing(is, was), missing(was, is), repriced(was, is));
    let has_news = !(added.is_empty() && removed.is_empty() && repriced.is_empty());
    let mut all = Vec::new();
    // What differs in nothing but a link or a date is no news of its offers; but who keeps the title has to hear of it.
    if change.facts_differ || (change.offers_differ && !has_news) {
        let known: BTreeSet<u16> = before.seasons.iter().map(|told| told.season.number).collect();
        let numbers = after.seasons.iter().map(|told| told.season.number);
        let new: Vec<u16> = numbers.filter(|number| !known.contains(number)).collect();
        let data = json!({ "content_id": id, "source": source, "title": title, "new_seasons": new });
        all.push((Topic::ContentUpdated, data));
    }
    if change.offers_differ && has_news {
        let data = json!({ "content_id": id, "source": source, "title": title, "added": added, "removed": removed,
            "repriced": repriced });
        all.push((Topic::AvailabilityChanged, data));
    }
    all
}

/// The platforms and regions of some offers.
fn places(offers: &[Offer]) -> Vec<Json> {
    let places: BTreeSet<_> = offers.iter().map(|offer| (&offer.platform, offer.region)).collect();
    places.into_iter().map(|(platform, region)| json!({ "platform": platform, "region": region })).collect()
}

/// Of these offers one for each platform, region and terms that none of those has, whoever says so and however sharp it is.
fn missing<'a>(these: &'a [Offer], those: &'a [Offer]) -> Vec<&'a Offer> {
    let mut known: BTreeSet<(&str, Region, AvailabilityType)> = those.iter().map(terms).collect();
    let mut news: Vec<&Offer> = these.iter().filter(|offer| known.insert(terms(offer))).collect();
    news.sort_by(|a, b| terms(a).cmp(&terms(b)));
    news
}

fn terms(offer: &Offer) -> (&str, Region, AvailabilityType) {
    (&offer.platform, offer.region, offer.availability_type)
}

/// The offers that were there and cost something else, with what they cost. Where another source says so now, it is compared
/// with what those said that say nothing any more; what does not name its price tells of no other.
fn repriced(before: &[Offer], after: &[Offer]) -> Vec<Json> {
    let were: BTreeMap<_, _> = before.iter().map(|offer| (place(offer), &offer.price)).collect();
    let are: BTreeSet<_> = after.iter().map(place).collect();
    let made_way = before.iter().filter(|offer| offer.price.is_some() && !are.contains(&place(offer)));
    let made_way: BTreeMap<_, _> = made_way.map(|offer| (sharp(offer), &offer.price)).collect();
    let told = |offer: &Offer| {
        let instead = || made_way.get(&sharp(offer)).filter(|_| offer.price.is_some());
        let was = were.get(&place(offer)).or_else(instead).filter(|was| ***was != offer.price)?;
        Some(json!({ "offer": offer, "was": was }))
    };
    after.iter().filter_map(told).collect()
}

/// What is offered, whoever says so.
fn sharp(offer: &Offer) -> (&str, Region, AvailabilityType, Option<VideoQuality>) {
    let (platform, region, terms, quality, _) = place(offer);
    (platform, region, terms, quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `platform region terms price source`.
    fn offers(lines: &[&str]) -> Vec<Offer> {
        let one = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            let price = (words[3] != "-").then(|| json!({ "amount": words[3], "currency": "USD" }));
            serde_json::from_value(json!({ "platform": words[0], "region": words[1], "availability_type": words[2],
                "price": price, "deep_link": null, "web_url": "https://example.com/", "available_from": null,
                "expires_at": null, "source": words[4], "checked_at": "2026-01-01T00:00:00Z", "confidence": 0.9 }))
            .unwrap()
        };
        lines.iter().map(one).collect()
    }

    #[test]
    fn what_is_new_is_what_could_not_be_watched_so_before() {
        let was = offers(&["apple US rent 3.99 a", "netflix US subscription - a"]);
        let is = offers(&[
            "netflix US subscription - b",
            "hulu US subscription - a",
            "apple US buy 9.99 a",
            "apple US buy 8.99 b",
            "apple US rent 3.99 a",
            "apple DE rent 3.99 a",
        ]);
        let told = |offers: Vec<&Offer>| -> Vec<String> {
            offers.iter().map(|o| format!("{} {} {}", o.platform, o.region, o.availability_type.as_str())).collect()
        };
        assert_eq!(told(missing(&is, &was)), ["apple DE rent", "apple US buy", "hulu US subscription"]);
        assert_eq!(told(missing(&was, &is)), Vec::<String>::new(), "another source says so now");
    }

    #[test]
    fn a_price_is_told_with_the_one_before() {
        let was = offers(&[
            "apple US rent 3.99 a",
            "hulu US rent - a",
            "max US rent 2.99 a",
            "mubi US rent 1.99 a",
            "now US rent 5.99 a",
            "prime US rent 6.99 a",
            "vudu US rent 7.99 a",
        ]);
        let is = offers(&[
            "apple US rent 2.99 a",
            "hulu US rent 4.99 a",
            "max US rent 2.99 a",
            "mubi US rent 1.49 b",
            "now US rent - b",
            "prime US buy 9.99 b",
            "vudu US rent 7.99 a",
            "vudu US rent 8.99 b",
        ]);
        let told: Vec<_> = repriced(&was, &is)
            .iter()
            .map(|one| (one["was"]["amount"].clone(), one["offer"]["price"]["amount"].clone()))
            .collect();
        let by_b = (json!("1.99"), json!("1.49"));
        assert_eq!(told, [(json!("3.99"), json!("2.99")), (Json::Null, json!("4.99")), by_b]);
    }
}
