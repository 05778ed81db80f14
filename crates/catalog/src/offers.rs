//! Offers over time: what they cost, what leaves soon; and what suits an age. (the SQL of it is here)

use contracts::{ApiError, Call, Content, ContentId, MAX_BATCH, Money, Offer, Region, Result, VideoQuality};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use stores::{DbError, FromRow, Row, Value, args};
use utoipa::ToSchema;

use crate::{
    Catalog, quality, store,
    text::{article, block_key, title_key},
};

/// The most lines of a price history.
const MAX_PRICES: i64 = 1_000;
/// How many names with one beginning are no longer sorted.
const MANY: i64 = 2_000;
/// How far ahead "soon" may be, in days.
pub const MAX_DAYS: u16 = 90;

/// What an offer cost, from when on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PricePoint {
    /// The platform's id.
    pub platform: String,
    /// Where.
    pub region: Region,
    /// On which terms.
    pub availability_type: String,
    /// How sharp it is; absent where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<VideoQuality>,
    /// Who says so.
    pub source: String,
    /// The price; absent where the offer, or its price, went.
    pub price: Option<Money>,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    pub observed_at: Timestamp,
}

impl FromRow for PricePoint {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let amount: Option<Decimal> = row.get("price_amount")?;
        let currency: Option<String> = row.get("price_currency")?;
        let price = match amount.zip(currency) {
            Some((amount, code)) => Some(Money { amount, currency: store::parse(&code)? }),
            None => None,
        };
        Ok(Self {
            platform: row.get("platform")?,
            region: store::parse(&row.get::<String>("region")?)?,
            availability_type: row.get("availability_type")?,
            quality: store::quality(row)?,
            source: row.get("source")?,
            price,
            observed_at: row.get("observed_at")?,
        })
    }
}

/// A title that leaves a platform soon.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Leaving {
    /// The title.
    pub content: Content,
    /// The offers that end.
    pub offers: Vec<Offer>,
    /// When the first of them ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Which offers end.
#[derive(Clone, Debug)]
pub struct LeavingQuery {
    /// Within this many days.
    pub days: u16,
    /// Only here.
    pub region: Option<Region>,
    /// Only on this platform.
    pub platform: Option<String>,
    /// Only after this end and title: the last of the page before.
    pub after: Option<(Timestamp, ContentId)>,
    /// At most this many titles.
    pub limit: usize,
}

impl Catalog {
    /// What the offers of a title cost over time, the oldest first.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn prices(&self, call: &Call, id: ContentId, region: Option<Region>) -> Result<Vec<PricePoint>> {
        call.remaining(&self.clock)?;
        let (here, mut args) = (region.map_or("", |_| " AND region = $3"), args![id, MAX_PRICES]);
        args.extend(region.map(Value::from));
        let sql = format!("SELECT * FROM price_history WHERE content_id = $1{here} ORDER BY id DESC LIMIT $2");
        let mut all: Vec<PricePoint> = self.db.fetch_all(sql, args).await?;
        all.reverse();
        Ok(all)
    }

    /// Titles with an offer that ends within some days from now, the first to end first.
    ///
    /// # Errors
    /// `bad_days` outside of 1 to [`MAX_DAYS`].
    pub async fn leaving(&self, call: &Call, query: &LeavingQuery) -> Result<Vec<Leaving>> {
        call.remaining(&self.clock)?;
        if !(1..=MAX_DAYS).contains(&query.days) {
            let detail = format!("`days` is {}, and soon is within 1 to {MAX_DAYS} days", query.days);
            return Err(ApiError::invalid("bad_days", detail).field("days", format!("must be from 1 to {MAX_DAYS}")));
        }
        let now = self.clock.now();
        let until = now.checked_add(SignedDuration::from_hours(24 * i64::from(query.days))).unwrap_or(Timestamp::MAX);
        let mut args: Vec<Value> = args![now, until];
        let mut wheres = "expires_at > $1 AND expires_at <= $2".to_owned();
        for (column, value) in
            [("region", query.region.map(Value::from)), ("platform", query.platform.as_ref().map(Value::from))]
        {
            if let Some(value) = value {
                args.push(value);
                wheres.push_str(&format!(" AND {column} = ${}", args.len()));
            }
        }
        if let Some(ages) = call.ages() {
            let suits = store::suits(ages, &mut args);
            wheres.push_str(&format!(" AND EXISTS (SELECT 1 FROM content c WHERE c.id = content_id AND {suits})"));
        }
        let mut having = String::new();
        if let Some((ends, id)) = query.after {
            args.extend(args![ends, ends, id]);
            let at = args.len();
            having = format!(
                " HAVING MIN(expires_at) > ${} OR (MIN(expires_at) = ${} AND content_id > ${at})",
                at - 2,
                at - 1
            );
        }
        args.push(Value::from(i64::try_from(query.limit.min(MAX_BATCH)).unwrap_or(i64::MAX)));
        let sql = format!(
            "SELECT content_id, MIN(expires_at) FROM platform_availability WHERE {wheres} GROUP BY content_id{having}
             ORDER BY MIN(expires_at), content_id LIMIT ${}",
            args.len()
        );
        let rows: Vec<(ContentId, Timestamp)> = self.db.fetch_all(sql, args).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.0).collect();
        let mut titles = self.found(call, &ids).await?;
        let leaves = |offer: &Offer| {
            offer.expires_at.is_some_and(|end| end > now && end <= until)
                && query.region.is_none_or(|region| offer.region == region)
                && query.platform.as_ref().is_none_or(|platform| offer.platform == *platform)
        };
        let leaving = |(id, expires_at)| {
            let content = titles.remove(&id)?;
            let offers = content.availability.iter().filter(|offer| leaves(offer)).cloned().collect();
            Some(Leaving { content, offers, expires_at })
        };
        Ok(rows.into_iter().filter_map(leaving).collect())
    }

    /// How complete and how fresh what we know of a title is; `None` for one that is not there.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn quality(&self, call: &Call, id: ContentId) -> Result<Option<quality::Quality>> {
        call.remaining(&self.clock)?;
        let Some(content) = self.found(call, &[id]).await?.remove(&id) else { return Ok(None) };
        let sql = "SELECT MAX(ingested_at) FROM source_records WHERE content_id = $1";
        let ingested: Option<Timestamp> = self.db.fetch_one(sql, args![content.id]).await?;
        Ok(Some(quality::quality(&content, ingested, self.clock.now())))
    }

    /// Titles whose names begin with `text`, whatever its spaces, the better known first. A leading article counts where `text`
    /// has nothing else.
    ///
    /// # Errors
    /// `bad_query` for a text without a word.
    pub async fn keyword(&self, call: &Call, text: &str, limit: usize) -> Result<Vec<Content>> {
        self.begins(call, text, limit, MANY).await
    }

    /// [`Catalog::keyword`], with how many names are many.
    pub(crate) async fn begins(&self, call: &Call, text: &str, limit: usize, many: i64) -> Result<Vec<Content>> {
        call.remaining(&self.clock)?;
        let key = block_key(&title_key(text));
        if text.trim().is_empty() || text.chars().count() > 200 {
            let error = ApiError::invalid("bad_query", "`q` must be a title's beginning of 1 to 200 characters");
            return Err(error.field("q", "must have 1 to 200 characters"));
        }
        // The range lets the index help; the last test holds in every collation, whatever the range let in.
        let begins = "content_type IN ('movie', 'tv_show') AND title_key >= $1 AND title_key <= $2
            AND substr(title_key, 1, CAST($3 AS INTEGER)) = $4";
        let letters = i64::try_from(key.chars().count()).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit.min(MAX_BATCH)).unwrap_or(i64::MAX);
        let args = |last: i64| args![&key, format!("{key}zzzzzzzzzzzzzzzz"), letters, &key, last];
        let mut wanted = args(limit);
        let own = call.ages().map_or_else(String::new, |ages| format!(" AND {}", store::suits(ages, &mut wanted)));
        // Titles are filed without theirs.
        let begins_with = |word: &str| format!(" OR LOWER(SUBSTR(c.title, 1, {})) = '{word} '", word.len() + 1);
        let article = article(text).map(begins_with);
        let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM title_keys WHERE {begins} LIMIT $5) AS found");
        let everywhere = article.is_some() || self.db.fetch_one::<i64>(sql, args(many)).await? == many;
        let article = article.unwrap_or_default();
        // Few are sorted. Many are everywhere, so that the best known of them are soon found among the best known of all.
        let sql = if everywhere {
            format!(
                "SELECT c.id FROM content c WHERE (EXISTS
                 (SELECT 1 FROM title_keys t WHERE t.content_id = c.id AND {begins}){article}){own}
                 ORDER BY c.popularity_score DESC LIMIT $5"
            )
        } else {
            format!(
                "SELECT c.id FROM content c WHERE c.id IN (SELECT content_id FROM title_keys WHERE {begins}){own}
                 ORDER BY c.popularity_score DESC, c.id LIMIT $5"
            )
        };
        let ids: Vec<ContentId> = self.db.fetch_all(sql, wanted).await?;
        let mut found = self.found(call, &ids).await?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }
}
