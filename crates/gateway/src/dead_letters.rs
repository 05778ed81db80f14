//! Events that a group of consumers failed on too often: the operator sees them, offers them again once the cause is gone,
//! or drops them. The audit log says so.

use axum::{Json, extract::State};
use contracts::{ApiError, Call, Clock, ContentId, EventId};
use http::StatusCode;
use http_api::{ApiPath, ApiQuery, Cursors, HttpResult, IdempotencyKey, OperatorOf, Page, Problems, page_limit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stores::{
    Db, Deed, Deeds,
    events::dead_letters::{self, DeadLetter, Place},
};
use utoipa::{IntoParams, ToSchema, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The longest name of a group that is looked for.
const MAX_GROUP: usize = 200;

/// What is done with a dead letter.
#[derive(Clone, Copy)]
enum Settled {
    Retried,
    Discarded,
}

impl Settled {
    /// What the audit log calls it.
    fn action(self) -> &'static str {
        match self {
            Self::Retried => "event.retried",
            Self::Discarded => "event.discarded",
        }
    }
}

/// Where they are kept.
#[derive(Clone)]
struct Letters {
    db: Db,
    clock: Clock,
    deeds: Deeds,
}

/// An event that a group of consumers failed on too often.
#[derive(Serialize, ToSchema)]
struct DeadLetterView {
    /// The group.
    #[schema(example = "auth-erasures")]
    group: String,
    /// The event's id.
    event_id: EventId,
    /// Where it stands, or stood, in the log.
    position: i64,
    /// The topic.
    #[schema(example = "person.erased")]
    topic: String,
    /// The title or the person it is about.
    subject: ContentId,
    /// When it was stated.
    #[schema(value_type = String, format = DateTime)]
    stated_at: Timestamp,
    /// What it says.
    #[schema(value_type = Object)]
    data: serde_json::Value,
    /// How often the group failed.
    attempts: u32,
    /// When it failed last.
    #[schema(value_type = String, format = DateTime)]
    failed_at: Timestamp,
    /// Why it failed last.
    reason: String,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        let DeadLetter { group, position, event, attempts, failed_at, reason } = letter;
        Self {
            group,
            event_id: event.id,
            position,
            topic: event.kind,
            subject: event.key,
            stated_at: event.time,
            data: event.data,
            attempts,
            failed_at,
            reason,
        }
    }
}

/// The operator's routes to the dead letters of a database; what is done with one is stated among `deeds`.
pub fn dead_letters(db: Db, clock: Clock, deeds: Deeds) -> OpenApiRouter {
    routes().with_state(Letters { db, clock, deeds })
}

/// Their documentation.
pub(crate) fn api() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Letters> {
    OpenApiRouter::new()
        .routes(routes!(list_dead_letters))
        .routes(routes!(retry_dead_letter))
        .routes(routes!(discard_dead_letter))
}

/// Which dead letters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeadLetterQuery {
    /// Those of this group alone.
    group: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many, from 1 to 100; 20 where not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Events that a group of consumers failed on too often, in the order of the log.
#[utoipa::path(get, path = "/api/v1/admin/dead-letters", tag = "admin", params(DeadLetterQuery),
    security(("operator" = [])), responses((status = 200, body = Page<DeadLetterView>), Problems))]
async fn list_dead_letters(
    State(letters): State<Letters>,
    OperatorOf(_): OperatorOf,
    cursors: Cursors,
    ApiQuery(query): ApiQuery<DeadLetterQuery>,
) -> HttpResult<Json<Page<DeadLetterView>>> {
    let group = query.group.as_deref();
    group.map(check).transpose()?;
    let (scope, limit) = (format!("dead_letters:{}", group.unwrap_or_default()), page_limit(query.limit)?);
    let after: Option<Place> = query.cursor.map(|cursor| cursors.verify(&scope, &cursor)).transpose()?;
    let after = after.unwrap_or_default();
    let found = dead_letters::list(&letters.db, group, &after, limit + 1).await.map_err(ApiError::from)?;
    let found = found.into_iter().map(DeadLetterView::from).collect();
    let place = |last: &DeadLetterView| Place { position: last.position, group: last.group.clone() };
    Ok(Json(Page::cut(found, limit as usize, (&cursors, &scope), place)?))
}

/// Offers a dead letter to its group again, as if it had never failed.
#[utoipa::path(post, path = "/api/v1/admin/dead-letters/{group}/{event}/retry", tag = "admin",
    params(("group" = String, Path, description = "The group that failed on it."),
        ("event" = EventId, Path, description = "The event's id."), IdempotencyKey),
    security(("operator" = [])),
    responses((status = 204, description = "The group is offered it next."), Problems))]
async fn retry_dead_letter(
    State(letters): State<Letters>,
    OperatorOf(call): OperatorOf,
    ApiPath((group, event)): ApiPath<(String, EventId)>,
) -> HttpResult<StatusCode> {
    check(&group)?;
    letters.settle(&call, Settled::Retried, &group, event).await?;
    tracing::info!(%group, %event, "a dead letter is offered to its group again");
    Ok(StatusCode::NO_CONTENT)
}

/// Drops a dead letter for good: its group never handles the event.
#[utoipa::path(delete, path = "/api/v1/admin/dead-letters/{group}/{event}", tag = "admin",
    params(("group" = String, Path, description = "The group that failed on it."),
        ("event" = EventId, Path, description = "The event's id.")),
    security(("operator" = [])),
    responses((status = 204, description = "It is gone."), Problems))]
async fn discard_dead_letter(
    State(letters): State<Letters>,
    OperatorOf(call): OperatorOf,
    ApiPath((group, event)): ApiPath<(String, EventId)>,
) -> HttpResult<StatusCode> {
    check(&group)?;
    letters.settle(&call, Settled::Discarded, &group, event).await?;
    tracing::info!(%group, %event, "a dead letter is dropped");
    Ok(StatusCode::NO_CONTENT)
}

impl Letters {
    /// Does this with a dead letter, and states it.
    async fn settle(&self, call: &Call, settled: Settled, group: &str, event: EventId) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        let there = match settled {
            Settled::Retried => dead_letters::requeue(&mut tx, group, event, self.clock.now()).await?,
            Settled::Discarded => dead_letters::discard(&mut tx, group, event).await?,
        };
        if !there {
            return Err(ApiError::not_found("unknown_dead_letter", format!("{group} has no dead letter {event}")));
        }
        let (target, detail) = (event.to_string(), [("group", group)]);
        let deed = Deed { call, action: settled.action(), target: &target, detail: &detail };
        self.deeds.state(&mut tx, deed).await?;
        Ok(tx.commit().await?)
    }
}

/// Refuses what can't be the name of a group.
fn check(group: &str) -> Result<(), ApiError> {
    if group.is_empty() || group.len() > MAX_GROUP || group.contains(char::is_control) {
        let error = ApiError::invalid("bad_group", "no group of consumers has such a name");
        return Err(error.field("group", format!("must be of 1 to {MAX_GROUP} printable characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
