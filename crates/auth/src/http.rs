//! The context over HTTP: OAuth's endpoints, pages for people, and JSON for programs.

mod account;
mod admin;
mod ages;
mod authorize;
mod browser;
mod data;
mod factors;
mod forms;
mod mail;
mod oauth;
mod pages;
mod params;
mod passkeys;
mod privacy;
mod providers;
mod sealing;
mod service_keys;
mod wellknown;

use std::sync::Arc;

use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Auth;

pub(crate) use params::Params;

/// The routes.
pub fn routes(auth: Arc<Auth>) -> OpenApiRouter {
    router().with_state(auth)
}

/// The documentation of the routes, for a gateway that reaches them in another process.
pub fn api() -> OpenApi {
    router().into_openapi()
}

fn router() -> OpenApiRouter<Arc<Auth>> {
    OpenApiRouter::new()
        .routes(routes!(authorize::authorize, authorize::decide))
        .routes(routes!(oauth::token))
        .routes(routes!(oauth::refresh))
        .routes(routes!(oauth::device_token))
        .routes(routes!(oauth::begin_device))
        .routes(routes!(oauth::push_request))
        .routes(routes!(oauth::introspect))
        .routes(routes!(oauth::revoke_token))
        .routes(routes!(oauth::userinfo, oauth::userinfo_post))
        .routes(routes!(wellknown::jwks))
        .routes(routes!(wellknown::openid_configuration))
        .routes(routes!(wellknown::authorization_server))
        .routes(routes!(wellknown::protected_resource))
        .routes(routes!(pages::sign_in_page, pages::sign_in))
        .routes(routes!(pages::sign_up_page, pages::sign_up))
        .routes(routes!(factors::code_page, factors::sign_in_with_code))
        .routes(routes!(passkeys::passkey_page, passkeys::sign_in_with_passkey))
        .routes(routes!(passkeys::add_passkey_page, passkeys::add_passkey))
        .routes(routes!(passkeys::end_passkey))
        .routes(routes!(providers::begin_provider))
        .routes(routes!(providers::finish_provider))
        .routes(routes!(providers::link_provider))
        .routes(routes!(providers::unlink_provider))
        .routes(routes!(mail::forgot_page, mail::ask_reset))
        .routes(routes!(mail::reset_page, mail::reset_password))
        .routes(routes!(mail::verify_page, mail::verify_email))
        .routes(routes!(mail::ask_verification))
        .routes(routes!(pages::sign_out))
        .routes(routes!(pages::account_page))
        .routes(routes!(pages::end_session))
        .routes(routes!(pages::change_password))
        .routes(routes!(factors::begin_factor))
        .routes(routes!(factors::confirm_factor))
        .routes(routes!(factors::end_factor))
        .routes(routes!(pages::device_page, pages::answer_device))
        .merge(own())
        .merge(administration())
}

/// What people do with their own, by programs and pages.
fn own() -> OpenApiRouter<Arc<Auth>> {
    OpenApiRouter::new()
        .routes(routes!(account::list_api_keys, account::create_api_key))
        .routes(routes!(account::end_api_key))
        .routes(routes!(account::list_sessions))
        .routes(routes!(account::end_own_session))
        .routes(routes!(account::who_am_i))
        .routes(routes!(ages::get_age_limit, ages::set_age_limit, ages::end_age_limit))
        .routes(routes!(ages::change_age_limit))
        .routes(routes!(privacy::list_consents))
        .routes(routes!(privacy::set_consent))
        .routes(routes!(privacy::export_data))
        .routes(routes!(privacy::delete_account))
        .routes(routes!(privacy::get_erasure, privacy::cancel_erasure))
        .routes(routes!(privacy::get_receipt))
        .routes(routes!(privacy::data_report))
        .routes(routes!(privacy::opt_out))
        .routes(routes!(data::download_data))
        .routes(routes!(data::erase_account))
        .routes(routes!(data::keep_account))
}

/// What operators do.
fn administration() -> OpenApiRouter<Arc<Auth>> {
    OpenApiRouter::new()
        .routes(routes!(admin::list_users, admin::create_user))
        .routes(routes!(admin::change_user))
        .routes(routes!(admin::list_user_sessions, admin::end_user_sessions))
        .routes(routes!(admin::list_clients, admin::create_client))
        .routes(routes!(admin::end_client))
        .routes(routes!(service_keys::list_service_keys, service_keys::create_service_key))
        .routes(routes!(service_keys::end_service_key))
        .routes(routes!(admin::list_signing_keys, admin::rotate_signing_keys))
        .routes(routes!(sealing::get_sealing, sealing::rotate_sealing))
        .routes(routes!(sealing::move_sealed))
        .routes(routes!(privacy::find_person))
        .routes(routes!(privacy::export_person))
        .routes(routes!(privacy::report_person))
        .routes(routes!(privacy::opt_out_person))
        .routes(routes!(privacy::erase_person, privacy::keep_person))
        .routes(routes!(privacy::list_erasures))
        .routes(routes!(admin::create_org))
        .routes(routes!(admin::join_org))
        .routes(routes!(admin::list_audit))
        .routes(routes!(admin::verify_audit))
}
