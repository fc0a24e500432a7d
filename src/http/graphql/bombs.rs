//! Requests that are made to cost the service more than they cost the sender.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::super::testing::{Answer, app, post, router_of, send, token};
use super::super::token::Role;

/// Well under what a person notices, even in a debug build on a busy machine.
const NO_MEASURABLE_TIME: Duration = Duration::from_millis(500);

fn doubling_fragments(n: usize) -> String {
    let mut document = format!("{{ ...F{n} }} fragment F0 on ToyQuery {{ hello }}");
    for n in 1..=n {
        document += &format!(" fragment F{n} on ToyQuery {{ ...F{} ...F{} }}", n - 1, n - 1);
    }
    document
}

/// Each of the levels asks for the next ten times: 10^8 objects.
fn fan_out() -> String {
    let mut document = "{ nested { ...F8 } } fragment F0 on Nested { hello }".to_owned();
    for n in 1..=8 {
        let again = format!("nested {{ ...F{} }} ", n - 1);
        document += &format!(" fragment F{n} on Nested {{ {} }}", again.repeat(10));
    }
    document
}

fn bombs() -> Vec<(&'static str, String, u16)> {
    let query = |query: String| json!({"query": query}).to_string();
    let aliases: String = (0..10_000).map(|n| format!("a{n}:hello ")).collect();
    let deep_json = |open: &str, close: &str| {
        format!(
            "{{\"query\":\"{{ hello }}\",\"variables\":{{\"a\":{}1{}}}}}",
            open.repeat(9_000),
            close.repeat(9_000)
        )
    };
    let pages: String = (0..8)
        .map(|n| format!("a{n}: many(first: 100) {{ nested {{ nested {{ nested {{ hello }} }} }} }} "))
        .collect();
    let operation = json!({"query": "{ hello }"}).to_string();
    vec![
        ("fragments that double 31 times", query(doubling_fragments(31)), 400),
        ("fragments that double 12 times", query(doubling_fragments(12)), 400),
        ("a fan-out", query(fan_out()), 400),
        ("10,000 aliases", query(format!("{{ {aliases} }}")), 413),
        ("1,000 aliases", query(format!("{{ {} }}", &aliases[..11_000])), 400),
        ("50,000 directives", query(format!("{{ hello {} }}", "@a".repeat(50_000))), 413),
        ("7,000 directives", query(format!("{{ hello {} }}", "@a".repeat(7_000))), 400),
        (
            "5,000 levels",
            query(format!("{{ {} hello {} }}", "nested{".repeat(5_000), "}".repeat(5_000))),
            400,
        ),
        (
            "5,000 levels of lists",
            query(format!("{{ a(x:{}{}) }}", "[".repeat(5_000), "]".repeat(5_000))),
            400,
        ),
        ("9,000 levels of JSON lists", deep_json("[", "]"), 400),
        ("9,000 levels of JSON objects", deep_json("{\"a\":", "}"), 400),
        ("2 MB of blanks", " ".repeat(2_000_000), 413),
        ("2 MB of a query", query(format!("{{ hello }} #{}", "x".repeat(2_000_000))), 413),
        ("60 KB of a comment", query(format!("{{ hello }} #{}", "x".repeat(60_000))), 400),
        ("a list of requests", format!("[{}]", vec![operation; 1_000].join(",")), 400),
        ("pages that cost too much", query(format!("{{ {pages} }}")), 400),
    ]
}

fn raw(body: String, bearer: Option<&str>) -> Request<Body> {
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    if let Some(bearer) = bearer {
        request = request.header("authorization", bearer);
    }
    request.body(Body::from(body)).unwrap()
}

fn check(name: &str, answer: &Answer, expected: &[u16], took: Duration) {
    assert!(expected.contains(&answer.status.as_u16()), "{name}: {}", answer.status);
    assert!(matches!(answer.code().as_str(), "QUERY_TOO_COMPLEX" | "BAD_USER_INPUT"), "{name}");
    assert!(answer.body.len() < 1_000, "{name}: the answer does not grow with the bomb");
    assert!(took < NO_MEASURABLE_TIME, "{name} took {took:?}");
}

#[tokio::test]
async fn bombs_are_refused_in_no_measurable_time() {
    let app = app(|_| ()).await;
    let router = router_of(app.clone());
    let service = format!("Bearer {}", token(&app, Role::Service));
    for (name, body, status) in bombs() {
        let started = Instant::now();
        let answer = send(&router, raw(body.clone(), None)).await;
        check(name, &answer, &[status], started.elapsed());

        // A service may send longer bodies: what is in them is refused all the same.
        let started = Instant::now();
        let answer = send(&router, raw(body, Some(&service))).await;
        check(name, &answer, &[400, 413], started.elapsed());
    }
    let answer = send(&router, post(&json!({"query": "{ hello }"}), &[])).await;
    assert_eq!(answer.json()["data"]["hello"], "hello ", "and the service goes on");
}
