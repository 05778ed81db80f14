//! What each operation answers each of the ten: a line an operation. An operation without a line fails the walk.

use super::people::WHO;

/// The status for each of [`WHO`].
pub type Statuses = [u16; WHO.len()];

/// What an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Door {
    /// The token of a person.
    Token,
    /// The token of an administrator.
    Admin,
    /// The cookie of a browser.
    Browser,
    /// The secret of a client.
    Client,
}

use Door::{Admin, Browser, Client, Token};

/// An operation: its id, its path and body with names of [`super::people::People::names`] in braces, and the answers.
pub type Line = (&'static str, Door, &'static str, &'static str, Statuses);

/// 303 to the form to sign in with.
pub const SIGN_IN: u16 = 1_303;

/// Everybody may, but credentials that are not good are not passed over.
const fn open(ok: u16) -> Statuses {
    [ok, ok, ok, ok, 401, 401, ok, 401, ok, ok]
}

/// Nobody is looked at.
const fn blind(ok: u16) -> Statuses {
    [ok; WHO.len()]
}

/// Administrators may.
const fn admin(ok: u16) -> Statuses {
    [ok, 403, 403, 401, 401, 401, 403, 401, 403, 403]
}

/// Administrators may, and moderators.
const fn curator(ok: u16) -> Statuses {
    [ok, 403, 403, 401, 401, 401, 403, 401, ok, 403]
}

/// Administrators may, and services that bring titles.
const fn runner(ok: u16) -> Statuses {
    [ok, 403, 403, 401, 401, 401, 403, 401, 403, ok]
}

/// Each may with what is theirs, and this is the owner's. Nothing is a service's.
const fn own(ok: u16) -> Statuses {
    [ok, 404, 404, 401, 401, 401, 403, 401, 404, 403]
}

/// Each person has one of their own.
const fn each(ok: u16) -> Statuses {
    [ok, ok, ok, 401, 401, 401, 403, 401, ok, 403]
}

/// Whoever is signed in.
const fn signed_in(ok: u16) -> Statuses {
    [ok, ok, ok, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, ok, SIGN_IN]
}

/// Clients that proved who they are; the service's may do as little as the one that may do little.
const fn client(ok: u16, other: u16, little: u16) -> Statuses {
    [ok, other, other, 401, 401, 401, little, 401, 401, little]
}

const ASK: &str = "/oauth/authorize?response_type=code&client_id={client}&redirect_uri=https%3A%2F%2Fapp.example%2Fcb\
    &scope=openid&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
const PUSH: &str = "response_type=code&redirect_uri=https://app.example/cb&scope=openid\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
const ADA: &str = "email=ada@example.org&password=correct horse battery";
const CLIENT: &str = r#"{"name":"A client","redirect_uris":["https://app.example/cb"],"grant_types":["authorization_code"],"scopes":"openid"}"#;

/// In the order of the walk: what takes something away comes after what needs it.
pub const LINES: &[Line] = &[
    ("authorization_server", Token, "/.well-known/oauth-authorization-server", "", blind(200)),
    ("protected_resource", Token, "/.well-known/oauth-protected-resource", "", blind(200)),
    ("openid_configuration", Token, "/.well-known/openid-configuration", "", blind(200)),
    ("jwks", Token, "/oauth/jwks", "", blind(200)),
    // The catalogue and search: everybody's.
    ("batch_get_content", Token, "/api/v1/content/batch", r#"{"ids":["{content}"]}"#, open(200)),
    ("list_leaving_soon", Token, "/api/v1/content/leaving-soon", "", open(200)),
    ("lookup_content", Token, "/api/v1/content/lookup?id_type=imdb&id_value=tt9900001", "", open(200)),
    ("list_movies", Token, "/api/v1/content/movies", "", open(200)),
    ("content_search", Token, "/api/v1/content/search?q=lighthouse", "", open(200)),
    ("lookup_title", Token, "/api/v1/content/titles?q=lighthouse", "", open(200)),
    ("list_tv_shows", Token, "/api/v1/content/tv", "", open(200)),
    ("get_content", Token, "/api/v1/content/{content}", "", open(200)),
    ("get_availability", Token, "/api/v1/content/{content}/availability", "", open(200)),
    ("get_merges", Token, "/api/v1/content/{content}/merges", "", open(200)),
    ("get_prices", Token, "/api/v1/content/{content}/prices", "", open(200)),
    ("get_seasons", Token, "/api/v1/content/{content}/seasons", "", open(200)),
    ("get_season", Token, "/api/v1/content/{content}/seasons/1", "", open(404)),
    ("get_quality", Token, "/api/v1/content/{content}/quality", "", open(200)),
    ("get_image", Token, "/api/v1/images/{content}/poster", "", open(404)),
    // Its senders sign what they send; the walk's node has none.
    ("receive_webhook", Token, "/api/v1/webhooks/nobody", "{}", open(404)),
    ("get_similar", Token, "/api/v1/content/{content}/similar", "", open(200)),
    ("discover", Token, "/api/v1/discover", "", open(200)),
    ("list_genres", Token, "/api/v1/genres", "", open(200)),
    ("list_movie_genres", Token, "/api/v1/genres/movies", "", open(200)),
    ("list_tv_genres", Token, "/api/v1/genres/tv", "", open(200)),
    ("list_platforms", Token, "/api/v1/platforms", "", open(200)),
    ("list_platform_catalog", Token, "/api/v1/platforms/netflix/catalog", "", open(200)),
    ("search_by_query", Token, "/api/v1/search?q=lighthouse", "", open(200)),
    ("search", Token, "/api/v1/search", r#"{"query":"lighthouse"}"#, open(200)),
    ("autocomplete", Token, "/api/v1/search/autocomplete?q=li", "", open(200)),
    ("trending", Token, "/api/v1/search/trending", "", open(200)),
    ("search_suggestions", Token, "/api/v1/search/suggestions?q=li", "", open(200)),
    // It is for connections, and who may have one hears that this is none.
    ("connect_socket", Token, "/api/v1/ws", "", [426, 426, 426, 401, 401, 401, 426, 401, 426, 426]),
    // A person's own.
    ("who_am_i", Token, "/api/v1/auth/me", "", [200, 200, 200, 401, 401, 401, 200, 401, 200, 200]),
    ("userinfo", Token, "/oauth/userinfo", "", each(200)),
    ("userinfo_post", Token, "/oauth/userinfo", "", each(200)),
    ("list_api_keys", Token, "/api/v1/auth/keys", "", each(200)),
    ("create_api_key", Token, "/api/v1/auth/keys", r#"{"name":"key","scopes":"read:content"}"#, each(201)),
    ("end_api_key", Token, "/api/v1/auth/keys/{key}", "", own(204)),
    ("set_age_limit", Token, "/api/v1/auth/age-limit", r#"{"max_age":12}"#, each(200)),
    ("get_age_limit", Token, "/api/v1/auth/age-limit", "", each(200)),
    ("end_age_limit", Token, "/api/v1/auth/age-limit", "", each(204)),
    ("list_sessions", Token, "/api/v1/auth/sessions", "", each(200)),
    ("end_own_session", Token, "/api/v1/auth/sessions/{session}", "", own(204)),
    // Privacy; an erasure that is asked for is then cancelled, or the walk would end here.
    ("list_consents", Token, "/api/v1/privacy/consents", "", each(200)),
    ("set_consent", Token, "/api/v1/privacy/consents/viewing_history", r#"{"granted":true}"#, each(200)),
    ("add_history", Token, "/api/v1/user/history", r#"{"content_id":"{content}"}"#, each(201)),
    ("list_history", Token, "/api/v1/user/history", "", each(200)),
    ("remove_history_entry", Token, "/api/v1/user/history/{history}", "", own(204)),
    ("clear_history", Token, "/api/v1/user/history", "", each(204)),
    ("export_data", Token, "/api/v1/gdpr/data-export", "", each(200)),
    ("data_report", Token, "/api/v1/ccpa/data-report", "", each(200)),
    ("opt_out", Token, "/api/v1/ccpa/opt-out", r#"{"opted_out":true}"#, each(200)),
    ("delete_account", Token, "/api/v1/gdpr/delete-account", "", each(202)),
    ("get_erasure", Token, "/api/v1/privacy/erasure", "", each(200)),
    ("cancel_erasure", Token, "/api/v1/privacy/erasure", "", each(204)),
    ("get_receipt", Token, "/api/v1/privacy/receipts/{nothing}", "", open(404)),
    // The operator's and administrators'.
    ("admin_breakers", Admin, "/api/v1/admin/breakers", "", admin(200)),
    ("admin_limits", Admin, "/api/v1/admin/limits", "", admin(200)),
    ("admin_reload", Admin, "/api/v1/admin/reload", "", admin(200)),
    ("admin_routes", Admin, "/api/v1/admin/routes", "", admin(200)),
    ("discard_dead_letter", Admin, "/api/v1/admin/dead-letters/auth-erasures/{nothing}", "", admin(404)),
    ("list_dead_letters", Admin, "/api/v1/admin/dead-letters", "", admin(200)),
    ("retry_dead_letter", Admin, "/api/v1/admin/dead-letters/auth-erasures/{nothing}/retry", "", admin(404)),
    ("admin_sources", Admin, "/api/v1/admin/sources", "", admin(200)),
    ("list_audit", Admin, "/api/v1/internal/auth/audit", "", admin(200)),
    ("verify_audit", Admin, "/api/v1/internal/auth/audit/verdict", "", admin(200)),
    ("list_clients", Admin, "/api/v1/internal/auth/clients", "", admin(200)),
    ("create_client", Admin, "/api/v1/internal/auth/clients", CLIENT, admin(201)),
    ("end_client", Admin, "/api/v1/internal/auth/clients/{ended}", "", admin(204)),
    ("list_service_keys", Admin, "/api/v1/internal/auth/clients/{service}/keys", "", admin(200)),
    (
        "create_service_key",
        Admin,
        "/api/v1/internal/auth/clients/{service}/keys",
        r#"{"name":"robot","scopes":"read:content"}"#,
        admin(201),
    ),
    ("end_service_key", Admin, "/api/v1/internal/auth/clients/{service}/keys/{service_key}", "", admin(204)),
    ("create_org", Admin, "/api/v1/internal/auth/orgs", r#"{"name":"New"}"#, admin(201)),
    ("join_org", Admin, "/api/v1/internal/auth/orgs/{org}/members/{joiner}", "", admin(204)),
    ("list_signing_keys", Admin, "/api/v1/internal/auth/signing-keys", "", admin(200)),
    ("rotate_signing_keys", Admin, "/api/v1/internal/auth/signing-keys", "", admin(201)),
    ("get_sealing", Admin, "/api/v1/internal/auth/sealing-keys", "", admin(200)),
    ("rotate_sealing", Admin, "/api/v1/internal/auth/sealing-keys", "", admin(200)),
    ("move_sealed", Admin, "/api/v1/internal/auth/sealing-keys/moves", "", admin(200)),
    ("find_person", Admin, "/api/v1/internal/privacy/people", r#"{"email":"bob@example.org"}"#, admin(200)),
    ("export_person", Admin, "/api/v1/internal/privacy/people/{user}", "", admin(200)),
    ("report_person", Admin, "/api/v1/internal/privacy/people/{user}/report", "", admin(200)),
    ("opt_out_person", Admin, "/api/v1/internal/privacy/people/{joiner}/opt-out", r#"{"opted_out":true}"#, admin(200)),
    ("erase_person", Admin, "/api/v1/internal/privacy/people/{joiner}/erasure", "", admin(202)),
    ("keep_person", Admin, "/api/v1/internal/privacy/people/{joiner}/erasure", "", admin(204)),
    ("list_erasures", Admin, "/api/v1/internal/privacy/erasures", "", admin(200)),
    ("list_users", Admin, "/api/v1/internal/auth/users", "", admin(200)),
    (
        "create_user",
        Admin,
        "/api/v1/internal/auth/users",
        r#"{"email":"new-{n}@example.org","password":"correct horse battery","role":"basic_user"}"#,
        admin(201),
    ),
    ("change_user", Admin, "/api/v1/internal/auth/users/{joiner}", r#"{"disabled":true}"#, admin(204)),
    ("list_user_sessions", Admin, "/api/v1/internal/auth/users/{user}/sessions", "", admin(200)),
    ("end_user_sessions", Admin, "/api/v1/internal/auth/users/{joiner}/sessions", "", admin(204)),
    ("export_catalog", Admin, "/api/v1/internal/catalog/export", "", admin(200)),
    ("list_reviews", Admin, "/api/v1/internal/catalog/reviews", "", curator(200)),
    ("accept_review", Admin, "/api/v1/internal/catalog/reviews/{nothing}/accept", "", curator(404)),
    ("reject_review", Admin, "/api/v1/internal/catalog/reviews/{nothing}/reject", "", curator(404)),
    (
        "unmerge_record",
        Admin,
        "/api/v1/internal/catalog/unmerge",
        r#"{"source":"nowhere","source_key":"nothing"}"#,
        curator(404),
    ),
    // No source of the walk's node has an account to be linked with.
    (
        "begin_link",
        Admin,
        "/api/v1/internal/ingest/links/youtube",
        r#"{"redirect_uri":"http://127.0.0.1:9"}"#,
        admin(404),
    ),
    ("finish_link", Admin, "/api/v1/internal/ingest/links/youtube", r#"{"code":"x","state":"y"}"#, admin(404)),
    ("get_link", Admin, "/api/v1/internal/ingest/links/youtube", "", admin(404)),
    ("end_link", Admin, "/api/v1/internal/ingest/links/youtube", "", admin(404)),
    ("list_ingest_runs", Admin, "/api/v1/internal/ingest/runs", "", runner(200)),
    ("get_ingest_run", Admin, "/api/v1/internal/ingest/runs/{run}", "", runner(200)),
    ("start_ingest_run", Admin, "/api/v1/internal/ingest/runs", r#"{"location":"{file}"}"#, admin(202)),
    ("list_jobs", Admin, "/api/v1/internal/jobs", "", runner(200)),
    ("get_job", Admin, "/api/v1/internal/jobs/nothing", "", runner(404)),
    ("run_job", Admin, "/api/v1/internal/jobs/nothing/runs", "", runner(404)),
    ("get_index_progress", Admin, "/api/v1/internal/search/progress", "", admin(200)),
    // Clients.
    ("begin_device", Client, "/oauth/device", "scope=read:content", client(200, 200, 400)),
    ("push_request", Client, "/oauth/par", PUSH, client(201, 201, 400)),
    ("device_token", Client, "/oauth/device/token", "device_code={device}", client(200, 400, 400)),
    ("token", Client, "/oauth/token", "grant_type=refresh_token&refresh_token={refresh_1}", client(200, 400, 400)),
    ("refresh", Client, "/oauth/refresh", "refresh_token={refresh_2}", client(200, 400, 400)),
    ("introspect", Client, "/oauth/introspect", "token={refresh_3}", client(200, 200, 200)),
    ("revoke_token", Client, "/oauth/revoke", "token={refresh_3}", client(200, 400, 400)),
    // Pages.
    ("authorize", Browser, ASK, "", signed_in(200)),
    ("decide", Browser, ASK, "decision=allow", [303, 303, 303, 401, 401, 401, 401, 401, 303, 401]),
    ("device_page", Browser, "/device", "", signed_in(200)),
    (
        "answer_device",
        Browser,
        "/device",
        "user_code=BCDF-GHJK&decision=allow",
        [404, 404, 404, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, 404, SIGN_IN],
    ),
    ("sign_in_page", Browser, "/login", "", blind(200)),
    ("sign_in", Browser, "/login", ADA, blind(303)),
    ("sign_up_page", Browser, "/signup", "", blind(200)),
    ("sign_up", Browser, "/signup", "email=up-{n}@example.org&password=correct horse battery", blind(200)),
    ("code_page", Browser, "/login/code", "", blind(SIGN_IN)),
    ("sign_in_with_code", Browser, "/login/code", "code=000000", blind(SIGN_IN)),
    ("passkey_page", Browser, "/login/passkey", "", blind(200)),
    ("sign_in_with_passkey", Browser, "/login/passkey", "credential=none", blind(403)),
    ("add_passkey_page", Browser, "/account/passkey", "", signed_in(200)),
    ("add_passkey", Browser, "/account/passkey", "client_data=none", signed_in(400)),
    ("end_passkey", Browser, "/account/passkey/end", "passkey={nothing}", signed_in(404)),
    // No provider is configured here.
    ("begin_provider", Browser, "/login/google", "", blind(404)),
    ("finish_provider", Browser, "/login/google/callback?state=a&code=b", "", blind(404)),
    ("link_provider", Browser, "/account/link", "provider=google", signed_in(404)),
    ("unlink_provider", Browser, "/account/unlink", "provider=google", signed_in(404)),
    ("forgot_page", Browser, "/forgot", "", blind(200)),
    ("ask_reset", Browser, "/forgot", "email=ada@example.org", blind(200)),
    ("reset_page", Browser, "/reset?code=none", "", blind(404)),
    ("reset_password", Browser, "/reset", "code=none&new=correct horse battery", blind(404)),
    ("verify_page", Browser, "/verify?code=none", "", signed_in(404)),
    ("verify_email", Browser, "/verify", "code=none", signed_in(404)),
    ("ask_verification", Browser, "/account/verify", "", signed_in(303)),
    ("begin_factor", Browser, "/account/factor", "", signed_in(200)),
    ("confirm_factor", Browser, "/account/factor/confirm", "code=nothing", signed_in(400)),
    ("end_factor", Browser, "/account/factor/end", "code=nothing", signed_in(400)),
    ("account_page", Browser, "/account", "", signed_in(200)),
    ("end_session", Browser, "/account/sessions/end", "session={session}", signed_in(303)),
    ("change_age_limit", Browser, "/account/age-limit", "end=yes", signed_in(303)),
    ("download_data", Browser, "/account/data", "", signed_in(200)),
    ("erase_account", Browser, "/account/erase", "", signed_in(303)),
    ("keep_account", Browser, "/account/keep", "", signed_in(303)),
    ("change_password", Browser, "/account/password", "old=not the password&new=another horse battery", signed_in(400)),
    ("sign_out", Browser, "/logout", "", blind(SIGN_IN)),
];
