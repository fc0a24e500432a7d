use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::super::testing::{app, get, post, router, send};
use super::*;

#[tokio::test]
async fn a_request_keeps_a_sane_id_and_gets_one_otherwise() {
    let router = router(|_| ()).await;
    for (given, kept) in
        [("abc-1.2:3_4", true), ("", false), ("a b", false), ("a\"b", false), (&"x".repeat(129), false)]
    {
        let answer = send(&router, get("/graphql?query={hello}", &[("x-request-id", given)])).await;
        assert_eq!(answer.header("x-request-id") == given, kept, "{given}");
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn the_schema_is_public_and_the_explorer_answers_by_configuration() {
    let plain = router(|_| ()).await;
    let sdl = send(&plain, get("/schema.graphql", &[])).await;
    assert!(String::from_utf8(sdl.body).unwrap().contains("type ToyQuery"));
    assert_eq!(send(&plain, get("/graphiql", &[])).await.status, StatusCode::NOT_FOUND);
    let explorer = send(&router(|config| config.graphiql = true).await, get("/graphiql", &[])).await;
    assert_eq!(explorer.status, StatusCode::OK);
    assert!(explorer.header("content-security-policy").contains("default-src 'none'"));
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_page() {
    let router = router(|config| config.cors.allowed_origins = vec!["https://app.example".into()]).await;
    for (origin, allowed) in [("https://app.example", "https://app.example"), ("https://evil.example", "")] {
        let preflight = Request::options("/graphql")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .body(Body::empty())
            .unwrap();
        assert_eq!(send(&router, preflight).await.header("access-control-allow-origin"), allowed);
        let call = send(&router, post(&json!({"query": "{ hello }"}), &[("origin", origin)])).await;
        assert_eq!(call.header("access-control-allow-origin"), allowed);
        assert_eq!(call.header("access-control-allow-credentials"), "");
    }
}

#[tokio::test]
async fn answers_are_packed_where_that_helps() {
    let router = router(|_| ()).await;
    let answer = send(&router, post(&json!({"query": "{ long }"}), &[("accept-encoding", "gzip")])).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert!(answer.body.len() < 5_000);
}

#[tokio::test]
async fn over_capacity_is_503_at_once() {
    let router = router(|config| config.limits.max_requests = 1).await;
    let slow = tokio::spawn({
        let router = router.clone();
        async move { send(&router, post(&json!({"query": "{ slow(milliseconds: 300) }"}), &[])).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let turned_away = send(&router, post(&json!({"query": "{ hello }"}), &[])).await;
    assert_eq!(
        (turned_away.status, turned_away.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "1")
    );
    assert_eq!(slow.await.unwrap().status, StatusCode::OK);
    assert_eq!(send(&router, post(&json!({"query": "{ hello }"}), &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn readiness_follows_the_signal_to_stop_and_liveness_does_not() {
    let ready = Ready::default();
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let router = ops_router(app(|_| ()).await, ready.clone(), recorder.handle());
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(send(&router, get(path, &[])).await.status, StatusCode::OK, "{path}");
    }
    ready.stop();
    assert_eq!(send(&router, get("/readyz", &[])).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(send(&router, get("/livez", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn readiness_follows_the_database() {
    let app = app(|_| ()).await;
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let router = ops_router(app.clone(), Ready::default(), recorder.handle());
    app.db.close().await.unwrap();
    assert_eq!(send(&router, get("/readyz", &[])).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
