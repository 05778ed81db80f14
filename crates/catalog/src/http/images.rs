//! Pictures of titles over HTTP, from this node alone.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use contracts::{ApiError, ContentId, PICTURE_WIDTHS, picture_version};
use http_api::{ApiPath, ApiQuery, CallOf, HttpResult, Problems, entity};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Catalog;

/// The width where none is given.
const WIDTH: u32 = 360;
/// An address that names its picture always means that picture.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const FOR_A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

pub fn router() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(get_image))
}

/// Which picture, how wide.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImageQuery {
    /// One of 92, 120, 240, 360, 500, 780 and 1280 pixels; 360 where not given. No picture is made wider than it is.
    width: Option<u32>,
    /// The 32-bit FNV-1a hash of the picture's `url`, as eight hexadecimal digits: with it the answer never changes and
    /// may be kept for ever.
    v: Option<String>,
}

/// A title's picture.
///
/// As JPEG, out of this node: fetched from the hosts that its operator named, scaled, and kept for a while.
#[utoipa::path(get, path = "/api/v1/images/{id}/{kind}", tag = "content",
    params(("id" = ContentId, Path, description = "The title's id."),
        ("kind" = String, Path, description = "`poster`, `backdrop` or `logo`."), ImageQuery),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304, description = "Not modified."), Problems))]
async fn get_image(
    State(catalog): State<Arc<Catalog>>,
    CallOf(call): CallOf,
    ApiPath((id, kind)): ApiPath<(ContentId, String)>,
    ApiQuery(query): ApiQuery<ImageQuery>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let width = query.width.unwrap_or(WIDTH);
    if !PICTURE_WIDTHS.contains(&width) {
        let detail = format!("pictures are given {PICTURE_WIDTHS:?} pixels wide");
        return Err(ApiError::invalid("bad_width", detail).field("width", "must be one of those").into());
    }
    let (url, picture) = catalog.picture(&call, id, &kind, query.v.as_deref(), width).await?;
    let mut response = entity(&headers, Bytes::from_owner(picture.bytes), picture.media_type);
    let named = query.v.as_deref() == Some(&picture_version(&url));
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, if named { FOR_EVER } else { FOR_A_DAY });
    out.remove(header::VARY);
    Ok(response)
}
