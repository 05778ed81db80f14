//! Privacy: what people ask for themselves, and what an operator does for whoever asked by mail.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use contracts::{Call, Purpose, UserId};
use http_api::{ApiJson, ApiPath, ApiQuery, CallOf, HttpResult, if_match, own_entity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    account::List,
    browser::{GPC, wants_none},
};
use crate::{
    Auth,
    privacy::{ConsentView, DataReport, PersonalData, Receipt},
};

/// Opts the caller out where their browser says so, as every page does.
async fn heed(auth: &Auth, call: &Call, headers: &HeaderMap) -> HttpResult<()> {
    if wants_none(headers) {
        auth.opt_out(call, None, true, GPC).await?;
    }
    Ok(())
}

/// What the caller allows, by purpose; everything is off until they say otherwise. `Sec-GPC: 1` opts them out.
#[utoipa::path(get, path = "/api/v1/privacy/consents", tag = "privacy", security(("oauth" = ["account:manage"])),
    responses((status = 200, body = List<ConsentView>,
        headers(("ETag" = String, description = "For `If-Match`.")))))]
pub(super) async fn list_consents(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    headers: HeaderMap,
) -> HttpResult<Response> {
    heed(&auth, &call, &headers).await?;
    own_entity(&List { items: auth.consents(&call, None).await? })
}

/// Yes or no.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// Whether the person allows it.
    granted: bool,
}

/// Allows a purpose, or takes that back.
#[utoipa::path(put, path = "/api/v1/privacy/consents/{purpose}", tag = "privacy",
    security(("oauth" = ["account:manage"])), request_body = Decision,
    params(("purpose" = String, Path, description = "`viewing_history`, `personalization` or `sharing`."),
        ("If-Match" = Option<String>, Header, description = "The ETag of all the consents: 412 for another.")),
    responses((status = 200, body = List<ConsentView>,
        headers(("ETag" = String, description = "For `If-Match`.")))))]
pub(super) async fn set_consent(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    headers: HeaderMap,
    ApiPath(purpose): ApiPath<Purpose>,
    ApiJson(decision): ApiJson<Decision>,
) -> HttpResult<Response> {
    heed(&auth, &call, &headers).await?;
    let may = |held: Vec<ConsentView>| if_match(&headers, Some(&List { items: held }));
    own_entity(&List { items: auth.set_consent(&call, purpose, decision.granted, may).await? })
}

/// Everything that is kept of the caller, as JSON (GDPR, articles 15 and 20).
#[utoipa::path(get, path = "/api/v1/gdpr/data-export", tag = "privacy", security(("oauth" = ["account:manage"])),
    responses((status = 200, body = PersonalData)))]
pub(super) async fn export_data(State(auth): State<Arc<Auth>>, CallOf(call): CallOf) -> HttpResult<Json<PersonalData>> {
    Ok(Json(auth.personal_data(&call, None).await?))
}

/// How to erase.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Erasing {
    /// At once, and for good: without the 30 days in which it can be cancelled.
    #[serde(default)]
    waive_grace: bool,
}

/// Asks for the caller's account to be erased (GDPR, article 17), in 30 days or at once. Keep the receipt.
#[utoipa::path(delete, path = "/api/v1/gdpr/delete-account", tag = "privacy", params(Erasing),
    security(("oauth" = ["account:manage"])), responses((status = 202, body = Receipt)))]
pub(super) async fn delete_account(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiQuery(how): ApiQuery<Erasing>,
) -> HttpResult<(StatusCode, Json<Receipt>)> {
    Ok((StatusCode::ACCEPTED, Json(auth.request_erasure(&call, None, how.waive_grace).await?)))
}

/// How the erasure of the caller's account stands.
#[utoipa::path(get, path = "/api/v1/privacy/erasure", tag = "privacy", security(("oauth" = ["account:manage"])),
    responses((status = 200, body = Receipt)))]
pub(super) async fn get_erasure(State(auth): State<Arc<Auth>>, CallOf(call): CallOf) -> HttpResult<Json<Receipt>> {
    Ok(Json(auth.erasure(&call).await?))
}

/// Keeps the caller's account after all.
#[utoipa::path(delete, path = "/api/v1/privacy/erasure", tag = "privacy", security(("oauth" = ["account:manage"])),
    responses((status = 204, description = "Kept.")))]
pub(super) async fn cancel_erasure(State(auth): State<Arc<Auth>>, CallOf(call): CallOf) -> HttpResult<StatusCode> {
    auth.cancel_erasure(&call, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How an erasure stands, for whoever has its receipt: there may be no account any more.
#[utoipa::path(get, path = "/api/v1/privacy/receipts/{id}", tag = "privacy",
    params(("id" = Uuid, Path, description = "The receipt.")), responses((status = 200, body = Receipt)))]
pub(super) async fn get_receipt(
    State(auth): State<Arc<Auth>>,
    CallOf(_): CallOf,
    ApiPath(id): ApiPath<Uuid>,
) -> HttpResult<Json<Receipt>> {
    Ok(Json(auth.receipt(id).await?))
}

/// What is collected of the caller, from where, for what, and to whom it goes (CCPA). `Sec-GPC: 1` opts them out.
#[utoipa::path(get, path = "/api/v1/ccpa/data-report", tag = "privacy", security(("oauth" = ["account:manage"])),
    responses((status = 200, body = DataReport)))]
pub(super) async fn data_report(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    headers: HeaderMap,
) -> HttpResult<Json<DataReport>> {
    heed(&auth, &call, &headers).await?;
    Ok(Json(auth.data_report(&call, None).await?))
}

/// Whether data may be sold or shared.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptOut {
    /// Whether it may not.
    opted_out: bool,
    /// Since when.
    #[serde(default, skip_deserializing)]
    #[schema(value_type = Option<String>, read_only)]
    since: Option<Timestamp>,
}

/// Opts the caller out of the sale and sharing of their data, or in again.
#[utoipa::path(put, path = "/api/v1/ccpa/opt-out", tag = "privacy", security(("oauth" = ["account:manage"])),
    request_body = OptOut, responses((status = 200, body = OptOut)))]
pub(super) async fn opt_out(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiJson(wanted): ApiJson<OptOut>,
) -> HttpResult<Json<OptOut>> {
    let since = auth.opt_out(&call, None, wanted.opted_out, "request").await?;
    Ok(Json(OptOut { opted_out: since.is_some(), since }))
}

/// Whom to look for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// The address they wrote from.
    email: String,
}

/// Somebody.
#[derive(Serialize, ToSchema)]
pub(crate) struct Found {
    /// Their id.
    id: UserId,
}

/// The account with an address.
#[utoipa::path(post, path = "/api/v1/internal/privacy/people", tag = "administration", security(("operator" = [])),
    request_body = Address, responses((status = 200, body = Found)))]
pub(super) async fn find_person(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiJson(wanted): ApiJson<Address>,
) -> HttpResult<Json<Found>> {
    Ok(Json(Found { id: auth.find_person(&call, &wanted.email).await? }))
}

/// Everything that is kept of somebody, as JSON.
#[utoipa::path(get, path = "/api/v1/internal/privacy/people/{id}", tag = "administration", security(("operator" = [])),
    params(("id" = UserId, Path, description = "The account.")), responses((status = 200, body = PersonalData)))]
pub(super) async fn export_person(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<UserId>,
) -> HttpResult<Json<PersonalData>> {
    Ok(Json(auth.personal_data(&call, Some(id)).await?))
}

/// What is collected of somebody, from where, for what, and to whom it goes (CCPA).
#[utoipa::path(get, path = "/api/v1/internal/privacy/people/{id}/report", tag = "administration",
    security(("operator" = [])), params(("id" = UserId, Path, description = "The account.")),
    responses((status = 200, body = DataReport)))]
pub(super) async fn report_person(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<UserId>,
) -> HttpResult<Json<DataReport>> {
    Ok(Json(auth.data_report(&call, Some(id)).await?))
}

/// Opts somebody out of the sale and sharing of their data, or in again.
#[utoipa::path(put, path = "/api/v1/internal/privacy/people/{id}/opt-out", tag = "administration",
    security(("operator" = [])), params(("id" = UserId, Path, description = "The account.")), request_body = OptOut,
    responses((status = 200, body = OptOut)))]
pub(super) async fn opt_out_person(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<UserId>,
    ApiJson(wanted): ApiJson<OptOut>,
) -> HttpResult<Json<OptOut>> {
    let since = auth.opt_out(&call, Some(id), wanted.opted_out, "request").await?;
    Ok(Json(OptOut { opted_out: since.is_some(), since }))
}

/// Erases somebody's account, in 30 days or at once.
#[utoipa::path(post, path = "/api/v1/internal/privacy/people/{id}/erasure", tag = "administration", params(
    ("id" = UserId, Path, description = "The account."), Erasing),
    security(("operator" = [])), responses((status = 202, body = Receipt)))]
pub(super) async fn erase_person(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<UserId>,
    ApiQuery(how): ApiQuery<Erasing>,
) -> HttpResult<(StatusCode, Json<Receipt>)> {
    Ok((StatusCode::ACCEPTED, Json(auth.request_erasure(&call, Some(id), how.waive_grace).await?)))
}

/// Keeps somebody's account after all.
#[utoipa::path(delete, path = "/api/v1/internal/privacy/people/{id}/erasure", tag = "administration",
    security(("operator" = [])), params(("id" = UserId, Path, description = "The account.")),
    responses((status = 204, description = "Kept.")))]
pub(super) async fn keep_person(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
    ApiPath(id): ApiPath<UserId>,
) -> HttpResult<StatusCode> {
    auth.cancel_erasure(&call, Some(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The erasures, the newest first, at most 500.
#[utoipa::path(get, path = "/api/v1/internal/privacy/erasures", tag = "administration", security(("operator" = [])),
    responses((status = 200, body = List<Receipt>)))]
pub(super) async fn list_erasures(
    State(auth): State<Arc<Auth>>,
    CallOf(call): CallOf,
) -> HttpResult<Json<List<Receipt>>> {
    Ok(Json(List { items: auth.erasures(&call).await? }))
}
