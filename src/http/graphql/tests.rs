use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::testing::{Answer, app, get, post, router, router_of, send, token};
use super::super::token::Role;

const RESPONSE: (&str, &str) = ("accept", "application/graphql-response+json");

async fn ask(body: Value, headers: &[(&str, &str)]) -> Answer {
    send(&router(|_| ()).await, post(&body, headers)).await
}

/// The status under both forms, and the code.
async fn refusal(body: Value) -> (u16, u16, String) {
    let json = ask(body.clone(), &[]).await;
    let response = ask(body, &[RESPONSE]).await;
    for answer in [&json, &response] {
        let error = &answer.json()["errors"][0];
        assert!(answer.json().get("data").is_none(), "nothing ran: {error}");
        assert_eq!(error["extensions"]["requestId"], answer.header("x-request-id"), "{error}");
        assert!(answer.header("x-request-id").len() > 10);
    }
    assert_eq!(json.code(), response.code());
    (json.status.as_u16(), response.status.as_u16(), json.code())
}

#[tokio::test]
async fn an_answer_comes_in_the_form_that_was_asked_for() {
    let answer = ask(json!({"query": "{ hello(name: \"you\") }"}), &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("vary").starts_with("Accept, Authorization, Origin"));
    let cost = json!({"requested": 0, "remaining": 10_000, "limit": 10_000, "restoreRate": 200});
    assert_eq!(answer.json(), json!({"data": {"hello": "hello you"}, "extensions": {"cost": cost}}));

    let answer = ask(json!({"query": "{ hello }"}), &[RESPONSE]).await;
    assert_eq!(answer.header("content-type"), "application/graphql-response+json; charset=utf-8");
    let answer = ask(json!({"query": "{ hello }"}), &[("accept", "text/html")]).await;
    assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn graphqls_own_refusals_are_200_in_json_and_400_in_the_form_that_tells() {
    for (body, code) in [
        (json!({"query": "{"}), "GRAPHQL_PARSE_FAILED"),
        (json!({"query": ""}), "GRAPHQL_PARSE_FAILED"),
        (json!({"query": "{ nowhere }"}), "GRAPHQL_VALIDATION_FAILED"),
        (
            json!({"query": "query($x: ID!) { __typename }", "variables": {"x": null}}),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (json!({"query": "{ ...F } fragment F on ToyQuery { ...F }"}), "GRAPHQL_VALIDATION_FAILED"),
        (json!({"query": "{ twice(number: \"x\") }"}), "BAD_USER_INPUT"),
        (json!({"query": "{ twice(number: 99999999999999999999) }"}), "BAD_USER_INPUT"),
        (
            json!({"query": "query($n: Int!) { twice(number: $n) }", "variables": {"n": "x"}}),
            "BAD_USER_INPUT",
        ),
        (json!({"query": "query A { hello } query B { hello }"}), "BAD_USER_INPUT"),
        (json!({"query": "query A { hello }", "operationName": "B"}), "BAD_USER_INPUT"),
    ] {
        assert_eq!(refusal(body.clone()).await, (200, 400, code.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn what_is_no_graphql_request_is_400_in_either_form() {
    for body in [
        json!([{"query": "{ hello }"}]),
        json!("{ hello }"),
        json!({}),
        json!({"query": null}),
        json!({"query": 1}),
        json!({"query": "{ hello }", "variables": []}),
        json!({"query": "{ hello }", "variables": "{}"}),
        json!({"query": "{ hello }", "operationName": 1}),
        json!({"query": "{ hello }", "extensions": true}),
        json!({"query": "{ hello }", "extensions": {"persistedQuery": {"version": 2}}}),
    ] {
        assert_eq!(refusal(body.clone()).await, (400, 400, "BAD_USER_INPUT".to_owned()), "{body}");
    }
    let deep = format!(
        "{{\"query\":\"{{ hello }}\",\"variables\":{{\"a\":{}{}}}}}",
        "[".repeat(100),
        "]".repeat(100)
    );
    let request =
        Request::post("/graphql").header("content-type", "application/json").body(Body::from(deep)).unwrap();
    let answer = send(&router(|_| ()).await, request).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "QUERY_TOO_COMPLEX".to_owned()));
}

#[tokio::test]
async fn what_costs_too_much_is_400_in_either_form() {
    let too_deep = format!("{{ a(x: {}1{}) }}", "[".repeat(7_000), "]".repeat(7_000));
    for query in ["{ a".repeat(13), too_deep, format!("{{ {} }}", "hello ".repeat(11))] {
        let query = if query.starts_with("{ a{") { format!("{query}{}", "}".repeat(13)) } else { query };
        let (json, response, code) = refusal(json!({"query": query})).await;
        assert_eq!((json, response, code.as_str()), (400, 400, "QUERY_TOO_COMPLEX"));
    }
}

#[tokio::test]
async fn a_parse_error_says_where_and_never_what() {
    let answer = ask(json!({"query": "{ hello\n  secret_word( }"}), &[]).await;
    let error = &answer.json()["errors"][0];
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret_word"), "{error}");
    assert_eq!(error["locations"][0]["line"], 2);
}

#[tokio::test]
async fn a_field_that_fails_leaves_the_rest_and_tells_only_what_is_meant_for_clients() {
    let answer = ask(json!({"query": "{ hello broken forbidden }"}), &[RESPONSE]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let json = answer.json();
    assert_eq!(json["data"], json!({"hello": "hello ", "broken": null, "forbidden": null}));
    assert!(!String::from_utf8_lossy(&answer.body).contains("hunter2"));
    let codes: Vec<_> =
        json["errors"].as_array().unwrap().iter().map(|error| &error["extensions"]["code"]).collect();
    assert!(
        codes.contains(&&json!("INTERNAL_SERVER_ERROR")) && codes.contains(&&json!("FORBIDDEN")),
        "{codes:?}"
    );

    let answer = ask(json!({"query": "{ brokenForGood }"}), &[RESPONSE]).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::OK, "INTERNAL_SERVER_ERROR"));
    assert_eq!(answer.json()["data"], Value::Null);
    assert!(answer.json().get("data").is_some(), "it ran");
    assert!(!String::from_utf8_lossy(&answer.body).contains("table line"));
}

#[tokio::test]
async fn an_int_out_of_range_is_bad_input() {
    for (query, variables) in [
        ("{ twice(number: 3000000000) }", json!({})),
        ("query($n: Int!) { twice(number: $n) }", json!({"n": 3_000_000_000_i64})),
    ] {
        let answer = ask(json!({"query": query, "variables": variables}), &[]).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{query}");
    }
}

#[tokio::test]
async fn get_runs_queries_alone() {
    let router = router(|_| ()).await;
    let hello = send(
        &router,
        get("/graphql?query=query($n:String){hello(name:$n)}&variables=%7B%22n%22:%22a%22%7D", &[]),
    )
    .await;
    assert_eq!(hello.json()["data"]["hello"], "hello a");
    let document = "query%20A{hello}mutation%20B{touch}";
    let by_name = send(&router, get(&format!("/graphql?query={document}&operationName=A"), &[])).await;
    assert_eq!(by_name.json()["data"]["hello"], "hello ");
    for address in [
        "/graphql?query=mutation{touch}".to_owned(),
        "/graphql?query=mutation%20Only{touch}".to_owned(),
        format!("/graphql?query={document}&operationName=B"),
    ] {
        let refused = send(&router, get(&address, &[])).await;
        assert_eq!(
            (refused.status, refused.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, "POST"),
            "{address}"
        );
    }
    for address in
        ["/graphql", "/graphql?query={hello}&variables=x", "/graphql?query={hello}&query=mutation{touch}"]
    {
        assert_eq!(send(&router, get(address, &[])).await.status, StatusCode::BAD_REQUEST, "{address}");
    }
    let put = Request::put("/graphql").body(Body::empty()).unwrap();
    assert_eq!(send(&router, put).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn bodies_are_json_and_of_a_bounded_size() {
    let app = app(|_| ()).await;
    let router = router_of(app.clone());
    let body = |bytes: usize| {
        let frame = json!({"query": "{ hello }", "extensions": {"x": ""}}).to_string().len();
        json!({"query": "{ hello }", "extensions": {"x": "x".repeat(bytes - frame)}})
    };
    let bearer = |role| format!("Bearer {}", token(&app, role));
    for (bytes, role, status) in [
        (64 * 1024, None, 200),
        (64 * 1024 + 1, None, 413),
        (64 * 1024 + 1, Some(Role::Staff), 413),
        (1024 * 1024, Some(Role::Service), 200),
        (1024 * 1024 + 1, Some(Role::Service), 413),
    ] {
        let authorization = role.map(bearer).unwrap_or_default();
        let headers = [("authorization", authorization.as_str())];
        let headers = if role.is_some() { &headers[..] } else { &[] };
        assert_eq!(
            send(&router, post(&body(bytes), headers)).await.status.as_u16(),
            status,
            "{bytes} {role:?}"
        );
    }
    // A body of unknown length is cut off where it is too long.
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
    let endless = Body::from_stream(futures_util::stream::iter(chunks));
    let request = Request::post("/graphql").header("content-type", "application/json").body(endless).unwrap();
    assert_eq!(send(&router, request).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
    {
        let request =
            Request::post("/graphql").header("content-type", content_type).body(Body::from("{}")).unwrap();
        assert_eq!(send(&router, request).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
}

#[tokio::test]
async fn a_bad_token_is_401_even_where_none_is_needed() {
    let app = app(|_| ()).await;
    let router = router_of(app.clone());
    let query = json!({"query": "{ caller }"});
    let good = format!("Bearer {}", token(&app, Role::Partner));
    assert_eq!(
        send(&router, post(&query, &[("authorization", &good)])).await.json()["data"]["caller"],
        "partner"
    );
    assert_eq!(send(&router, post(&query, &[])).await.json()["data"]["caller"], "anonymous");
    for bad in ["Bearer x", "Basic x", ""] {
        let answer = send(&router, post(&query, &[("authorization", bad)])).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let router = router(|config| config.limits.request_timeout = std::time::Duration::from_millis(50)).await;
    let answer = send(&router, post(&json!({"query": "{ slow(milliseconds: 5000) }"}), &[])).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::GATEWAY_TIMEOUT, "TIMEOUT"));
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_no_more() {
    let answer = ask(json!({"query": "{ panics }"}), &[]).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR")
    );
    assert!(!String::from_utf8_lossy(&answer.body).contains("on purpose"));
}

#[tokio::test]
async fn introspection_answers_by_configuration() {
    let query = json!({"query": "{ __schema { queryType { name } } }"});
    assert_eq!(ask(query.clone(), &[]).await.json()["data"]["__schema"]["queryType"]["name"], "ToyQuery");
    let without = send(&router(|config| config.introspection = false).await, post(&query, &[])).await;
    assert!(!String::from_utf8_lossy(&without.body).contains("ToyQuery"));
}

#[tokio::test]
async fn a_document_of_a_caller_with_a_token_may_be_asked_for_by_its_hash() {
    let app = app(|_| ()).await;
    let router = router_of(app.clone());
    let query = "{ hello(name: \"kept\") }";
    let hash: String = Sha256::digest(query.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let extensions = json!({"persistedQuery": {"version": 1, "sha256Hash": hash}});
    let by_hash = json!({"extensions": extensions});
    let with_query = json!({"query": query, "extensions": extensions});
    let bearer = format!("Bearer {}", token(&app, Role::Partner));
    let known = [("authorization", bearer.as_str())];

    assert_eq!(send(&router, post(&by_hash, &known)).await.code(), "PERSISTED_QUERY_NOT_FOUND");
    send(&router, post(&with_query, &[])).await;
    assert_eq!(
        send(&router, post(&by_hash, &known)).await.code(),
        "PERSISTED_QUERY_NOT_FOUND",
        "not for anybody"
    );
    send(&router, post(&with_query, &known)).await;
    assert_eq!(send(&router, post(&by_hash, &known)).await.json()["data"]["hello"], "hello kept");
    let forged = json!({"query": "{ hello }", "extensions": extensions});
    assert_eq!(send(&router, post(&forged, &known)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_query_is_valid_for_good_with_just_its_operation_and_variables_and_by_those_with_a_token() {
    let app = app(|_| ()).await;
    let router = router_of(app.clone());
    let bearer = format!("Bearer {}", token(&app, Role::Partner));
    let known = [("authorization", bearer.as_str())];
    let operation = "($n: Int!) { wasValid twice(number: $n) many(first: $n) { hello } }";
    let query = format!("query A{operation} query B{operation}");
    let body = |operation: &str, number: Value| json!({"query": query, "operationName": operation, "variables": {"n": number}});
    let ask = async |operation: &str, number: i32, headers: &[(&str, &str)]| {
        let answer = send(&router, post(&body(operation, number.into()), headers)).await;
        assert_eq!(answer.json()["data"]["twice"], 2 * number);
        assert_eq!(answer.json()["extensions"]["cost"]["requested"], number);
        answer.json()["data"]["wasValid"].as_bool().unwrap()
    };
    assert!(!ask("A", 1, &[]).await);
    assert!(!ask("A", 1, &known).await, "not for anybody");
    assert!(ask("A", 1, &known).await);
    assert!(!ask("B", 1, &known).await, "another operation");
    assert!(!ask("A", 2, &known).await, "other variables");
    for wrong in [json!("x"), json!(null), json!(1.5)] {
        for _ in 0..2 {
            let answer = send(&router, post(&body("A", wrong.clone()), &known)).await;
            assert!(answer.json()["data"].is_null() && answer.code() != "", "{wrong}: {}", answer.json());
        }
    }
}
