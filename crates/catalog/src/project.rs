//! Writes what a title has become into the tables it is read from: only the tables in which it changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use contracts::{
    AvailabilityType, ContentId, ContentRating, Episode, Ids, Offer, Region, Season, SourceSeason, VideoQuality,
    min_age,
};
use jiff::Timestamp;
use stores::{DbError, Tx, Value, args};

use crate::{
    batch::{Batch, Title},
    load::{MAX_LIST, in_list},
    merge::Merged,
    text::{block_key, title_key},
};

/// The most questions that wait for a person; what comes beyond is only in the merge log.
const MAX_OPEN_REVIEWS: usize = 10_000;

/// A title that changed: what it was and what it is.
pub struct Change<'a> {
    /// The title.
    pub id: ContentId,
    /// Its records, and what it was.
    pub title: &'a Title,
    /// What it is now.
    pub after: Merged,
    /// Whether anything but its offers differs.
    pub facts_differ: bool,
    /// Whether its offers differ in more than when they were last checked.
    pub offers_differ: bool,
}

impl<'a> Change<'a> {
    /// What became of a title; `None` for one without records.
    pub fn of(id: ContentId, title: &'a Title) -> Option<Self> {
        let mut after = title.fold()?;
        let (mut facts_differ, mut offers_differ) = (true, !after.offers.is_empty());
        if let Some(before) = &title.before {
            offers_differ = unchecked(&before.offers) != unchecked(&after.offers);
            let own = mem::replace(&mut after.offers, before.offers.clone());
            facts_differ = *before != after;
            after.offers = own;
        }
        Some(Self { id, title, after, facts_differ, offers_differ })
    }

    /// Whether the batch creates it.
    pub fn created(&self) -> bool {
        self.title.before.is_none()
    }

    /// Whether a part of it differs from what is written.
    fn differs<T: PartialEq>(&self, part: impl Fn(&Merged) -> &T) -> bool {
        self.title.before.as_ref().is_none_or(|before| part(before) != part(&self.after))
    }
}

/// Offers without when they were last checked.
fn unchecked(offers: &[Offer]) -> Vec<Offer> {
    let plain = |offer: &Offer| Offer { checked_at: Timestamp::UNIX_EPOCH, ..offer.clone() };
    offers.iter().map(plain).collect()
}

/// One child table: what it holds of a title, and how.
struct Child<'a> {
    delete: &'static str,
    insert: &'static str,
    differs: fn(&Change<'_>) -> bool,
    rows: &'a (dyn Fn(&Change<'_>) -> Vec<Vec<Value>> + Sync),
}

/// Writes the projections of every change.
pub async fn titles(tx: &mut Tx, batch: &Batch, changes: &[Change<'_>], now: Timestamp) -> Result<(), DbError> {
    contents(tx, changes, now).await?;
    let ids = |change: &Change<'_>| -> Vec<Vec<Value>> {
        let owned = change.after.external_ids.iter().filter(|id| batch.owners.get(id) == Some(&change.id));
        owned.map(|id| args![change.id, &id.id_type, &id.id_value]).collect()
    };
    // An id that goes from one title of the batch to another has to be gone before it can be there.
    let mut inserts = Vec::new();
    for child in children(&ids).into_iter().chain(seasons()) {
        let (mut stale, mut rows) = (Vec::new(), Vec::new());
        for change in changes.iter().filter(|change| (child.differs)(change)) {
            stale.extend((!change.created()).then(|| Value::from(change.id)));
            rows.extend((child.rows)(change));
        }
        for part in stale.chunks(MAX_LIST) {
            let (sql, args) = in_list(child.delete, "", vec![], part.to_vec());
            tx.execute(sql, args).await?;
        }
        inserts.push((child.insert, rows));
    }
    for (insert, rows) in inserts {
        tx.insert_many(insert, "", rows).await?;
    }
    Ok(())
}

async fn contents(tx: &mut Tx, changes: &[Change<'_>], now: Timestamp) -> Result<(), DbError> {
    let changed = changes.iter().filter(|change| change.facts_differ || change.offers_differ);
    let rows = changed.map(|Change { id, after, .. }| {
        args![
            *id,
            after.content_type.as_str(),
            &after.title,
            after.original_title.clone(),
            after.overview.clone(),
            after.release_date,
            after.release_year,
            after.runtime_minutes,
            after.season_count,
            serde_json::json!(after.countries),
            serde_json::json!(after.languages),
            after.popularity_score,
            after.average_rating,
            after.vote_count,
            now,
        ]
    });
    tx.insert_many(
        "INSERT INTO content (id, content_type, title, original_title, overview, release_date, release_year,
         runtime_minutes, season_count, countries, languages, popularity_score, average_rating, vote_count, last_updated)",
        "ON CONFLICT (id) DO UPDATE SET content_type = excluded.content_type, title = excluded.title,
         original_title = excluded.original_title, overview = excluded.overview,
         release_date = excluded.release_date, release_year = excluded.release_year,
         runtime_minutes = excluded.runtime_minutes, season_count = excluded.season_count, countries = excluded.countries,
         languages = excluded.languages, popularity_score = excluded.popularity_score,
         average_rating = excluded.average_rating, vote_count = excluded.vote_count,
         last_updated = excluded.last_updated",
        rows.collect(),
    )
    .await?;
    Ok(())
}

/// The child tables. `ids` gives the ids that a title may call its own.
fn children<'a>(ids: &'a (dyn Fn(&Change<'_>) -> Vec<Vec<Value>> + Sync)) -> [Child<'a>; 8] {
    [
        Child {
            delete: "DELETE FROM external_ids WHERE content_id IN",
            insert: "INSERT INTO external_ids (content_id, id_type, id_value)",
            differs: |change| !change.title.moved_ids.is_empty(),
            rows: ids,
        },
        Child {
            delete: "DELETE FROM platform_availability WHERE content_id IN",
            insert: "INSERT INTO platform_availability (content_id, platform, region, availability_type, quality,
                source, price_amount, price_currency, deep_link, web_url, available_from, expires_at, checked_at, confidence)",
            differs: |change| change.differs(|merged| &merged.offers),
            rows: &offers,
        },
        Child {
            delete: "DELETE FROM content_images WHERE content_id IN",
            insert: "INSERT INTO content_images (content_id, position, kind, url, width, height)",
            differs: |change| change.differs(|merged| &merged.images),
            rows: &|Change { id, after, .. }| {
                let images = (0_i64..).zip(&after.images);
                images.map(|(at, image)| args![*id, at, &image.kind, &image.url, image.width, image.height]).collect()
            },
        },
        Child {
            delete: "DELETE FROM credits WHERE content_id IN",
            insert: "INSERT INTO credits (content_id, position, role, name)",
            differs: |change| change.differs(|merged| &merged.credits),
            rows: &|Change { id, after, .. }| {
                let credits = (0_i64..).zip(&after.credits);
                credits.map(|(at, credit)| args![*id, at, credit.role.as_str(), &credit.name]).collect()
            },
        },
        Child {
            delete: "DELETE FROM genres WHERE content_id IN",
            insert: "INSERT INTO genres (content_id, genre)",
            differs: |change| change.differs(|merged| &merged.genres),
            rows: &|Change { id, after, .. }| after.genres.iter().map(|genre| args![*id, genre]).collect(),
        },
        Child {
            delete: "DELETE FROM content_translations WHERE content_id IN",
            insert: "INSERT INTO content_translations (content_id, locale, title, overview)",
            differs: |change| change.differs(|merged| &merged.translations),
            rows: &|Change { id, after, .. }| {
                let all = after.translations.values();
                all.map(|own| args![*id, &own.locale, &own.title, own.overview.clone()]).collect()
            },
        },
        Child {
            delete: "DELETE FROM content_ratings WHERE content_id IN",
            insert: "INSERT INTO content_ratings (content_id, region, system, certificate, min_age)",
            differs: |change| change.differs(|merged| &merged.ratings),
            rows: &|Change { id, after, .. }| {
                let row = |(region, rating): (&Region, &ContentRating)| {
                    args![*id, *region, &rating.system, &rating.certificate, min_age(*region, &rating.certificate)]
                };
                after.ratings.iter().map(row).collect()
            },
        },
        Child {
            delete: "DELETE FROM title_keys WHERE content_id IN",
            insert: "INSERT INTO title_keys (content_type, title_key, release_year, content_id)",
            differs: |_| true,
            rows: &title_keys,
        },
    ]
}

/// The tables of seasons and episodes: a season that goes takes its episodes with it.
fn seasons() -> [Child<'static>; 2] {
    [
        Child {
            delete: "DELETE FROM seasons WHERE content_id IN",
            insert: "INSERT INTO seasons (content_id, season_number, name, overview, air_date, air_year, episode_count)",
            differs: |change| change.differs(|merged| &merged.seasons),
            rows: &|Change { id, after, .. }| {
                let row = |own: &Season| {
                    let (name, overview) = (own.name.clone(), own.overview.clone());
                    args![*id, own.number, name, overview, own.air_date, own.air_year, own.episode_count]
                };
                after.seasons.iter().map(|told| row(&told.season)).collect()
            },
        },
        Child {
            delete: "DELETE FROM episodes WHERE content_id IN",
            insert: "INSERT INTO episodes (content_id, season_number, episode_number, title, overview, air_date,
                runtime_minutes)",
            differs: |change| change.differs(|merged| &merged.seasons),
            rows: &|Change { id, after, .. }| {
                let row = |season: u16, own: &Episode| {
                    let (title, overview) = (own.title.clone(), own.overview.clone());
                    args![*id, season, own.number, title, overview, own.air_date, own.runtime_minutes]
                };
                let of = |told: &SourceSeason| {
                    told.episodes.iter().map(|own| row(told.season.number, own)).collect::<Vec<_>>()
                };
                after.seasons.iter().flat_map(of).collect()
            },
        },
    ]
}

fn offers(change: &Change<'_>) -> Vec<Vec<Value>> {
    let row = |offer: &Offer| {
        let currency = offer.price.as_ref().map(|price| price.currency.code().to_owned());
        args![
            change.id,
            &offer.platform,
            offer.region,
            offer.availability_type.as_str(),
            offer.quality.map_or("", VideoQuality::as_str),
            &offer.source,
            offer.price.as_ref().map(|price| price.amount),
            currency,
            offer.deep_link.clone(),
            &offer.web_url,
            offer.available_from,
            offer.expires_at,
            offer.checked_at,
            offer.confidence,
        ]
    };
    change.after.offers.iter().map(row).collect()
}

fn title_keys(change: &Change<'_>) -> Vec<Vec<Value>> {
    let facets = change.title.facets();
    let own = facets.blocks().map(|(key, year)| (key.to_owned(), year));
    // A title is found by its names in other languages too. They only lead to it: what resolution compares are its own. One that
    // is also its own is there already: each row more is another page written, since names have no order.
    let others = change.after.translations.values().map(|told| block_key(&title_key(&told.title)));
    let others = others.filter(|key| !key.is_empty() && !facets.names().contains(key)).map(|key| (key, 0));
    let keys: BTreeSet<(String, u16)> = own.chain(others).collect();
    let rows = keys.iter().flat_map(|(key, year)| {
        let types = change.title.types();
        types.into_iter().map(move |content_type| args![content_type.as_str(), key, *year, change.id])
    });
    rows.collect()
}

/// Removes titles that have no records any more, with everything that hangs on them.
pub async fn forget(tx: &mut Tx, ids: &[ContentId]) -> Result<(), DbError> {
    for part in ids.chunks(MAX_LIST) {
        let (sql, args) =
            in_list("DELETE FROM content WHERE id IN", "", vec![], part.iter().copied().map(Value::from).collect());
        tx.execute(sql, args).await?;
    }
    Ok(())
}

/// Adds a line for each offer whose price differs from what it was.
pub async fn prices(tx: &mut Tx, changes: &[Change<'_>], ids: &Ids, now: Timestamp) -> Result<(), DbError> {
    let mut rows = Vec::new();
    for change in changes.iter().filter(|change| change.offers_differ) {
        let before = change.title.before.as_ref().map(|before| before.offers.as_slice()).unwrap_or_default();
        let before: BTreeMap<_, _> = before.iter().map(|offer| (place(offer), &offer.price)).collect();
        let after: BTreeMap<_, _> = change.after.offers.iter().map(|offer| (place(offer), &offer.price)).collect();
        let places: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
        for place in places {
            let (was, is) =
                (before.get(&place).copied().cloned().flatten(), after.get(&place).copied().cloned().flatten());
            if was != is {
                let (platform, region, terms, quality, source) = place;
                let (amount, currency) = is.map(|price| (price.amount, price.currency.code().to_owned())).unzip();
                rows.push(args![
                    ids.next(),
                    change.id,
                    platform,
                    region,
                    terms.as_str(),
                    quality.map_or("", VideoQuality::as_str),
                    source,
                    amount,
                    currency,
                    now
                ]);
            }
        }
    }
    tx.insert_many(
        "INSERT INTO price_history (id, content_id, platform, region, availability_type, quality, source, price_amount,
         price_currency, observed_at)",
        "",
        rows,
    )
    .await?;
    Ok(())
}

/// What tells an offer from the others of its title.
pub fn place(offer: &Offer) -> (&str, Region, AvailabilityType, Option<VideoQuality>, &str) {
    (&offer.platform, offer.region, offer.availability_type, offer.quality, &offer.source)
}

/// Puts the questions of the batch into the review queue, as far as it has room; a pair is asked about once.
pub async fn doubts(tx: &mut Tx, batch: &mut Batch, ids: &Ids, now: Timestamp) -> Result<(), DbError> {
    let doubts = mem::take(&mut batch.doubts);
    if doubts.is_empty() {
        return Ok(());
    }
    let open: i64 = tx.fetch_one("SELECT COUNT(*) FROM reviews WHERE status = 'open'", args![]).await?;
    let room = MAX_OPEN_REVIEWS.saturating_sub(usize::try_from(open).unwrap_or_default());
    if room < doubts.len() {
        tracing::warn!(dropped = doubts.len() - room, "the review queue is full; decide some of it");
    }
    let mut seen = BTreeSet::new();
    let asked = doubts.into_iter().filter(|doubt| seen.insert((doubt.kind, doubt.key.clone(), doubt.other_id)));
    let rows = asked.take(room).map(|doubt| {
        let (source, key) = doubt.key;
        let (evidence, confidence) = (doubt.evidence, doubt.confidence);
        args![ids.next(), doubt.kind, source, key, doubt.content_id, doubt.other_id, evidence, confidence, "open", now]
    });
    tx.insert_many(
        "INSERT INTO reviews (id, kind, source, source_key, content_id, other_id, evidence, confidence, status,
         created_at)",
        "ON CONFLICT (kind, source, source_key, other_id) DO NOTHING",
        rows.collect(),
    )
    .await?;
    Ok(())
}

/// Writes the records of the batch and its lines of the merge log.
pub async fn records(tx: &mut Tx, batch: &mut Batch, ids: &Ids, now: Timestamp) -> Result<(), DbError> {
    // A record may come twice in a batch; the last one holds, and one statement may not touch a row twice.
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(batch.stored.len());
    for ((source, key), stored, json) in mem::take(&mut batch.stored).into_iter().rev() {
        if seen.insert((source.clone(), key.clone())) {
            let (id, digest, evidence, confidence) =
                (stored.content_id, stored.digest, stored.evidence, stored.confidence);
            rows.push(args![source, key, id, digest, json, evidence, confidence, now]);
        }
    }
    tx.insert_many(
        "INSERT INTO source_records (source, source_key, content_id, digest, record, evidence, entity_confidence,
         ingested_at)",
        "ON CONFLICT (source, source_key) DO UPDATE SET content_id = excluded.content_id, digest = excluded.digest,
         record = excluded.record, evidence = excluded.evidence, entity_confidence = excluded.entity_confidence,
         ingested_at = excluded.ingested_at",
        rows,
    )
    .await?;
    let log = mem::take(&mut batch.log).into_iter().map(|line| {
        let (source, key) = line.key;
        args![ids.next(), source, key, line.content_id, line.verdict, line.evidence, line.confidence, now]
    });
    tx.insert_many(
        "INSERT INTO merge_log (id, source, source_key, content_id, verdict, evidence, confidence, logged_at)",
        "",
        log.collect(),
    )
    .await?;
    Ok(())
}
