//! Reads titles: one statement for each table, whatever the number of titles.

use std::collections::{BTreeSet, HashMap};

use contracts::{
    AgeLimit, AvailabilityType, Content, ContentId, ContentRating, ContentType, Credit, CreditRole, ExternalId,
    GenreCount, Image, Language, ListQuery, Locale, Money, Offer, Platform, Translation, VideoQuality, platforms,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use stores::{Db, DbError, FromRow, Row, Value, args};

use crate::load::in_list;

/// Which titles others became part of: the id that went, and the one that answers for it.
pub async fn merged(db: &Db, gone: &[ContentId]) -> Result<Vec<(ContentId, ContentId)>, DbError> {
    fetch(db, "SELECT content_id, into_id FROM merged_titles WHERE content_id IN", "", gone).await
}

/// The titles with these ids, by id, with title and overview in the first language of `fallbacks` that they have.
/// At most [`crate::load::MAX_LIST`] ids.
pub async fn titles(db: &Db, ids: &[ContentId], fallbacks: &[String]) -> Result<HashMap<ContentId, Content>, DbError> {
    let rows: Vec<TitleRow> = fetch(db, "SELECT * FROM content WHERE id IN", "", ids).await?;
    let mut titles: HashMap<_, _> = rows.into_iter().map(|row| (row.0.id, row.0)).collect();
    let mut add = |id: ContentId, put: &mut dyn FnMut(&mut Content)| {
        titles.get_mut(&id).map(put);
    };
    let head = "SELECT content_id, locale, title, overview FROM content_translations WHERE content_id IN";
    for (id, locale, title, overview) in fetch::<(_, String, _, _)>(db, head, " ORDER BY locale", ids).await? {
        let translation = Translation { locale: parse(&locale)?, title, overview };
        add(id, &mut |content| content.translations.push(translation.clone()));
    }
    let head = "SELECT content_id, genre FROM genres WHERE content_id IN";
    for (id, genre) in fetch::<(_, String)>(db, head, " ORDER BY genre", ids).await? {
        add(id, &mut |content| content.genres.push(genre.clone()));
    }
    let head = "SELECT content_id, role, name FROM credits WHERE content_id IN";
    for (id, role, name) in fetch::<(_, String, String)>(db, head, " ORDER BY content_id, position", ids).await? {
        let credit = Credit { name, role: parse::<CreditRole>(&role)? };
        add(id, &mut |content| content.credits.push(credit.clone()));
    }
    let head = "SELECT content_id, id_type, id_value FROM external_ids WHERE content_id IN";
    for (id, id_type, id_value) in fetch::<(_, String, String)>(db, head, " ORDER BY id_type, id_value", ids).await? {
        let external = ExternalId { id_type, id_value };
        add(id, &mut |content| content.external_ids.push(external.clone()));
    }
    let head = "SELECT i.content_id, i.kind, i.url, i.width, i.height, p.placeholder FROM content_images i
        LEFT JOIN image_placeholders p ON p.content_id = i.content_id AND p.url = i.url WHERE i.content_id IN";
    for ImageRow(id, image) in fetch(db, head, " ORDER BY i.content_id, i.position", ids).await? {
        add(id, &mut |content| content.images.push(image.clone()));
    }
    let head = "SELECT content_id, region, system, certificate FROM content_ratings WHERE content_id IN";
    for (id, region, system, certificate) in fetch::<(_, String, String, String)>(db, head, "", ids).await? {
        let (region, rating) = (parse(&region)?, ContentRating { system, certificate });
        add(id, &mut |content| drop(content.ratings.insert(region, rating.clone())));
    }
    let head = "SELECT * FROM platform_availability WHERE content_id IN";
    let tail = " ORDER BY platform, region, availability_type, quality, source";
    for OfferRow(id, offer) in fetch(db, head, tail, ids).await? {
        add(id, &mut |content| content.availability.push(offer.clone()));
    }
    titles.values_mut().for_each(|content| translate(content, fallbacks));
    Ok(titles)
}

/// Shows a title in the first of these languages that it has.
fn translate(content: &mut Content, fallbacks: &[String]) {
    let find = |tag: &String| content.translations.iter().find(|own| own.locale.as_str() == tag);
    let Some(best) = fallbacks.iter().find_map(find).or(content.translations.first()).cloned() else { return };
    content.title = best.title;
    // A summary in another language is better than none; its own language is told by `translations`.
    content.overview = best.overview.or(content.overview.take());
    content.locale = best.locale;
    if content.original_title.as_ref() == Some(&content.title) {
        content.original_title = None;
    }
}

/// The rows of some titles; none without an id.
pub async fn fetch<T: FromRow>(db: &Db, head: &str, tail: &str, ids: &[ContentId]) -> Result<Vec<T>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, args) = in_list(head, tail, vec![], ids.iter().map(|id| Value::from(*id)).collect());
    db.fetch_all(sql, args).await
}

/// A word of ours that was stored, or a sentence that it is not one.
pub fn parse<T: std::str::FromStr>(word: &str) -> Result<T, DbError> {
    word.parse().map_err(|_| DbError::Value(format!("{word:?} is stored where a word of ours should be")))
}

fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Result<T, DbError> {
    let value = row.get::<serde_json::Value>(column)?;
    serde_json::from_value(value).map_err(|fault| DbError::Value(format!("column {column}: {fault}")))
}

struct TitleRow(Content);

impl FromRow for TitleRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self(Content {
            id: row.get("id")?,
            content_type: parse::<ContentType>(&row.get::<String>("content_type")?)?,
            title: row.get("title")?,
            original_title: row.get("original_title")?,
            overview: row.get("overview")?,
            locale: Locale::default(),
            release_date: row.get("release_date")?,
            release_year: row.get("release_year")?,
            runtime_minutes: row.get("runtime_minutes")?,
            season_count: row.get("season_count")?,
            genres: Vec::new(),
            countries: json(row, "countries")?,
            // Rows that were last written before there were tags hold names.
            languages: Language::all_of(&json::<Vec<String>>(row, "languages")?),
            ratings: Default::default(),
            credits: Vec::new(),
            availability: Vec::new(),
            images: Vec::new(),
            external_ids: Vec::new(),
            translations: Vec::new(),
            average_rating: row.get("average_rating")?,
            vote_count: row.get("vote_count")?,
            popularity_score: row.get("popularity_score")?,
            last_updated: row.get("last_updated")?,
        }))
    }
}

struct ImageRow(ContentId, Image);

impl FromRow for ImageRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let (kind, url, placeholder) = (row.get("kind")?, row.get("url")?, row.get("placeholder")?);
        let image = Image { kind, url, width: row.get("width")?, height: row.get("height")?, placeholder };
        Ok(Self(row.get("content_id")?, image))
    }
}

/// The quality of an offer; none where the source did not say.
pub fn quality(row: &Row) -> Result<Option<VideoQuality>, DbError> {
    let word: String = row.get("quality")?;
    if word.is_empty() { Ok(None) } else { parse(&word).map(Some) }
}

struct OfferRow(ContentId, Offer);

impl FromRow for OfferRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let amount: Option<Decimal> = row.get("price_amount")?;
        let currency: Option<String> = row.get("price_currency")?;
        let price = match (amount, currency) {
            (Some(amount), Some(code)) => Some(Money { amount, currency: parse(&code)? }),
            _ => None,
        };
        let offer = Offer {
            platform: row.get("platform")?,
            region: parse(&row.get::<String>("region")?)?,
            availability_type: parse::<AvailabilityType>(&row.get::<String>("availability_type")?)?,
            quality: quality(row)?,
            price,
            deep_link: row.get("deep_link")?,
            web_url: row.get("web_url")?,
            available_from: row.get("available_from")?,
            expires_at: row.get("expires_at")?,
            source: row.get("source")?,
            checked_at: row.get("checked_at")?,
            confidence: row.get("confidence")?,
        };
        Ok(Self(row.get("content_id")?, offer))
    }
}

/// The ids of a page of titles, in order; none above the age limit of whoever asks, where they have one.
pub async fn page(
    db: &Db,
    query: &ListQuery,
    own: Option<AgeLimit>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<ContentId>, DbError> {
    let mut args = args![i64::try_from(limit).unwrap_or(i64::MAX)];
    let mut wheres = Vec::new();
    if let Some(after) = query.after {
        args.push(after.into());
        wheres.push(format!("c.id > ${}", args.len()));
    }
    if let Some(content_type) = query.content_type {
        args.push(content_type.as_str().into());
        wheres.push(format!("c.content_type = ${}", args.len()));
    }
    if let Some(platform) = &query.platform {
        args.push(platform.into());
        let offered = format!("a.platform = ${} AND a.content_id = c.id", args.len());
        wheres.push(format!("EXISTS (SELECT 1 FROM platform_availability a WHERE {offered})"));
    }
    if let Some(until) = query.expires_by {
        args.extend(args![now, until]);
        let (from, to) = (args.len() - 1, args.len());
        // A list, not a look at each title: few of the catalogue's offers end soon, and their index leads to them.
        let ends = format!("a.expires_at > ${from} AND a.expires_at <= ${to}");
        wheres.push(format!("c.id IN (SELECT a.content_id FROM platform_availability a WHERE {ends})"));
    }
    let asked = query.max_age.map(|max_age| AgeLimit { max_age, region: query.region });
    wheres.extend(asked.into_iter().chain(own).map(|ages| suits(ages, &mut args)));
    let filter = if wheres.is_empty() { String::new() } else { format!(" WHERE {}", wheres.join(" AND ")) };
    db.fetch_all(format!("SELECT c.id FROM content c{filter} ORDER BY c.id LIMIT $1"), args).await
}

/// What a title `c` has to be to suit an age, as [`AgeLimit::suits`] has it.
pub fn suits(ages: AgeLimit, args: &mut Vec<Value>) -> String {
    let rated = |more: &str| {
        format!("EXISTS (SELECT 1 FROM content_ratings r WHERE r.content_id = c.id AND r.min_age IS NOT NULL{more})")
    };
    args.push(Value::from(ages.max_age));
    let age = args.len();
    let all = format!("{} AND NOT {}", rated(""), rated(&format!(" AND r.min_age > ${age}")));
    let Some(region) = ages.region else { return format!("({all})") };
    args.push(Value::from(region));
    let here = format!(" AND r.region = ${}", args.len());
    let fits = rated(&format!("{here} AND r.min_age <= ${age}"));
    format!("({fits} OR (NOT {} AND {all}))", rated(&here))
}

/// Who has an id.
pub async fn owner(db: &Db, id: &ExternalId) -> Result<Option<ContentId>, DbError> {
    let sql = "SELECT content_id FROM external_ids WHERE id_type = $1 AND id_value = $2";
    db.fetch_optional(sql, args![&id.id_type, &id.id_value]).await
}

/// A count, by `groups`, of the titles `c` that suit an age: unlike those of all titles it is not kept as they change.
fn suiting(head: &str, groups: &str, ages: AgeLimit) -> (String, Vec<Value>) {
    let mut args = Vec::new();
    let suits = suits(ages, &mut args);
    (format!("{head} WHERE {suits} GROUP BY {groups}"), args)
}

/// Platforms and how many titles each has, by id: of all, or of those that suit an age.
pub async fn platforms(db: &Db, ages: Option<AgeLimit>) -> Result<Vec<Platform>, DbError> {
    let (sql, args) = match ages {
        None => ("SELECT platform, titles FROM platform_counts WHERE titles > 0".to_owned(), args![]),
        Some(ages) => {
            let head = "SELECT a.platform, COUNT(DISTINCT c.id) FROM content c
                JOIN platform_availability a ON a.content_id = c.id";
            suiting(head, "a.platform", ages)
        }
    };
    let rows: Vec<(String, u64)> = db.fetch_all(sql, args).await?;
    let named = |(id, title_count): (String, u64)| {
        let (name, home_url) = platforms::find(&id).map_or((id.as_str(), ""), |own| (own.name, own.home_url));
        Platform { name: name.to_owned(), home_url: home_url.to_owned(), id, title_count }
    };
    let mut all: Vec<_> = rows.into_iter().map(named).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(all)
}

/// Genres and how many films and series each has, by id: of all, or of those that suit an age.
pub async fn genres(db: &Db, ages: Option<AgeLimit>) -> Result<Vec<GenreCount>, DbError> {
    let (sql, args) = match ages {
        None => ("SELECT genre, content_type, titles FROM genre_counts WHERE titles > 0".to_owned(), args![]),
        Some(ages) => {
            let head = "SELECT g.genre, c.content_type, COUNT(*) FROM content c
                JOIN genres g ON g.content_id = c.id";
            suiting(head, "g.genre, c.content_type", ages)
        }
    };
    let rows: Vec<(String, String, u64)> = db.fetch_all(sql, args).await?;
    let ids: BTreeSet<_> = rows.iter().map(|row| row.0.clone()).collect();
    let count = |id: &str, content_type: ContentType| {
        rows.iter().find(|row| row.0 == id && row.1 == content_type.as_str()).map_or(0, |row| row.2)
    };
    let genre = |id: String| GenreCount {
        name: contracts::genres::name(&id).unwrap_or(&id).to_owned(),
        movie_count: count(&id, ContentType::Movie),
        tv_show_count: count(&id, ContentType::TvShow),
        id,
    };
    Ok(ids.into_iter().map(genre).collect())
}

/// Every language that some title has: one look into the index for each, not for each title.
pub async fn locales(db: &Db) -> Result<BTreeSet<String>, DbError> {
    let sql = "WITH RECURSIVE found (locale) AS (
            SELECT MIN(locale) FROM content_translations
            UNION ALL
            SELECT (SELECT MIN(t.locale) FROM content_translations t WHERE t.locale > found.locale) FROM found
            WHERE found.locale IS NOT NULL
        ) SELECT locale FROM found WHERE locale IS NOT NULL";
    let rows: Vec<String> = db.fetch_all(sql, args![]).await?;
    Ok(rows.into_iter().collect())
}
