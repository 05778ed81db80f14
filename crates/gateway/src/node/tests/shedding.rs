//! A role that refuses under load is not one that fails: neither its breaker nor a second try follows from it.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// How often [`broken`] was asked.
static BROKEN: AtomicU32 = AtomicU32::new(0);

/// As a database that is too busy is told of: with a time to come back after, too.
#[utoipa::path(get, path = "/api/v1/broken", tag = "odd", responses((status = 200)))]
async fn broken() -> HttpResult<Response> {
    BROKEN.fetch_add(1, Ordering::SeqCst);
    Err(ApiError::unavailable("database_busy", "no").retry_after(Duration::from_secs(1)).into())
}

/// What a role makes of another's refusal.
#[utoipa::path(get, path = "/api/v1/relayed", tag = "odd", responses((status = 200)))]
async fn relayed() -> HttpResult<Response> {
    Err(ApiError::overloaded("the role that was asked has too much to do").into())
}

fn routes() -> OpenApiRouter {
    odd().routes(routes!(broken)).routes(routes!(relayed))
}

/// A role that works on one request at a time, and a gateway before it.
async fn narrow() -> (Gateway, Gateway) {
    let config = GuardConfig { max_in_flight: 1, ..GuardConfig::new("odd") };
    let role = role(RoleParts { routes: routes(), health: Health::new(), frame: frame(), clients: None, config });
    let remotes = vec![remote("odd", listen(role.clone()).await, routes())];
    (role, gateway(GatewayParts { local: things(), remotes, ..parts() }))
}

/// How the gateway says that the role stands.
async fn stands(gateway: &Gateway) -> String {
    let operator = Request::get("/v1/admin/breakers").header("authorization", "Bearer secret");
    send(gateway, operator, "").await.json()[0]["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_a_role_sheds_is_sent_once_and_leaves_the_breaker_closed() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let (handle, _guard) = (recorder.handle(), metrics::set_default_local_recorder(&recorder));
    let (role, gateway) = narrow().await;
    let call = Request::post("/media.Catalog/Titles").body(Body::empty()).unwrap();
    let only_place = role.admit(&Caller::Anonymous, &call, "/media.Catalog/Titles").await;
    assert!(only_place.is_ok());
    for _ in 0..30 {
        let shed = get(&gateway, "/v1/echo").await;
        assert_eq!((shed.status, shed.json()["code"].as_str()), (503, Some("overloaded")));
        assert_eq!((shed.header("retry-after"), shed.header("x-shed")), ("1", ""));
        // It has no body that could say why.
        assert_eq!(send(&gateway, Request::head("/v1/echo"), "").await.status, 503);
    }
    assert_eq!(stands(&gateway).await, "closed");
    let text = handle.render();
    assert!(text.contains("requests_shed_total{priority=\"low\"} 60"), "{text}");
    drop(only_place);
    assert_eq!(get(&gateway, "/v1/echo").await.status, 200);
    for _ in 0..30 {
        assert_eq!(get(&gateway, "/v1/relayed").await.json()["code"], "overloaded");
    }
    assert_eq!(stands(&gateway).await, "closed", "nor is what another role shed the failure of this one");
}

#[tokio::test]
async fn a_role_that_can_not_do_its_work_is_tried_thrice_and_then_left_alone() {
    let (_, gateway) = narrow().await;
    for (code, asked) in [("database_busy", 3), ("upstream_unavailable", 5), ("upstream_unavailable", 5)] {
        let failed = get(&gateway, "/v1/broken").await;
        assert_eq!((failed.status, failed.json()["code"].as_str()), (503, Some(code)));
        assert_eq!(BROKEN.load(Ordering::SeqCst), asked);
    }
    assert_eq!(stands(&gateway).await, "open");
}

#[tokio::test]
async fn people_see_no_mark_where_no_other_process_is_asked() {
    let gateway = gateway(GatewayParts { local: routes(), ..parts() });
    let shed = get(&gateway, "/v1/relayed").await;
    assert_eq!((shed.status, shed.header("x-shed")), (503, ""));
}
