//! Requests are paid for from their caller's bucket.

use axum::http::StatusCode;
use serde_json::json;

use super::super::testing::{NOW, app, post, router_of, send, token};
use super::super::token::Role;

#[tokio::test]
async fn a_request_is_paid_for_before_it_runs_and_the_bucket_fills_again() {
    let app = app(|config| {
        config.limits.cost_per_request = 50;
        config.limits.cost_bucket = 100;
        config.limits.cost_restored_per_second = 10;
    })
    .await;
    let router = router_of(app.clone());
    let bearer = format!("Bearer {}", token(&app, Role::Partner));
    let partner = [("authorization", bearer.as_str())];
    let many = |first: u32| {
        let query = "query($first: Int!) { many(first: $first) { hello } rateLimit { cost remaining limit restoreRate resetAt } }";
        post(&json!({"query": query, "variables": {"first": first}}), &partner)
    };
    let paid = send(&router, many(40)).await.json();
    assert_eq!(paid["data"]["many"].as_array().map(Vec::len), Some(40));
    let cost = json!({"requested": 40, "remaining": 60, "limit": 100, "restoreRate": 10});
    assert_eq!(paid["extensions"]["cost"], cost);
    let reset_at = NOW.plus(chrono::Duration::seconds(4)).to_string();
    let told = json!({"cost": 40, "remaining": 60, "limit": 100, "restoreRate": 10, "resetAt": reset_at});
    assert_eq!(paid["data"]["rateLimit"], told);

    let too_dear = send(&router, many(51)).await;
    assert_eq!((too_dear.status, too_dear.code().as_str()), (StatusCode::BAD_REQUEST, "QUERY_TOO_COMPLEX"));
    assert_eq!(too_dear.json()["extensions"]["cost"]["requested"], 51);
    assert_eq!(too_dear.json()["extensions"]["cost"]["remaining"], 60, "what is refused is not paid for");

    send(&router, many(50)).await;
    let throttled = send(&router, many(45)).await;
    assert_eq!((throttled.status, throttled.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "THROTTLED"));
    assert_eq!(throttled.header("retry-after"), "4");
    assert_eq!(throttled.json()["extensions"]["cost"]["remaining"], 10);
    assert!(throttled.json().get("data").is_none());
    let anonymous = json!({"query": "{ nested { hello } }"});
    let other = send(&router, post(&anonymous, &[])).await;
    assert_eq!(other.status, StatusCode::OK, "everybody has a bucket of his own");

    app.clock.advance(chrono::Duration::milliseconds(3_499));
    assert_eq!(send(&router, many(45)).await.status, StatusCode::TOO_MANY_REQUESTS);
    app.clock.advance(chrono::Duration::milliseconds(1));
    assert_eq!(send(&router, many(45)).await.status, StatusCode::OK);
}
