//! The graphql-sse protocol, and what is no request of it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::stream::{Stream, ask};
use super::{EVENTS, code, create_key, open_ticket, subjects};
use crate::harness::{Backend, Parrain, block_on};

/// All that comes of a request, to its end.
async fn all(mut stream: Stream) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    while let Some(event) = stream.next().await {
        all.push((event.name.unwrap_or_default(), event.data));
    }
    all
}

#[test]
fn whatever_an_operation_comes_to_is_streamed_and_completed() {
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        let server = parrain.serve().await;
        let token = parrain.token("partner", "acct-1");
        let run = async |token: &str, query: &str| {
            all(Stream::of(ask(&server, token, &json!({ "query": query }), &[]).await)).await
        };
        let seen = run(&token, "{ viewer { accountId } }").await;
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert_eq!(
            (seen[0].0.as_str(), &seen[0].1["data"]["viewer"]["accountId"]),
            ("next", &json!("acct-1"))
        );
        assert_eq!(seen[1], ("complete".to_owned(), Value::Null));
        let in_order = json!({ "query": "{ viewer { status id code accountId } }" });
        let text = ask(&server, &token, &in_order, &[]).await.text().await.unwrap();
        let places: Vec<_> =
            ["status", "id", "code", "accountId"].map(|name| text.find(&format!("{name}\":"))).into();
        assert!(places.is_sorted() && places[0].is_some(), "as in the query: {text}");
        for (token, query, expected) in [
            (token.as_str(), "{ viewer { code ", "GRAPHQL_PARSE_FAILED"),
            (&token, "subscription { partnerEvents { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
            (
                &token,
                "subscription { partnerEvents { type } again: partnerEvents { at } }",
                "GRAPHQL_VALIDATION_FAILED",
            ),
            (&token, "subscription { partnerEvents(types: []) { type } }", "BAD_USER_INPUT"),
            (&token, "subscription { settlementProgress { status } }", "FORBIDDEN"),
            ("", EVENTS, "UNAUTHENTICATED"),
            (&parrain.token("staff", "ann"), EVENTS, "FORBIDDEN"),
            (&parrain.token("service", "billing"), EVENTS, "FORBIDDEN"),
        ] {
            let seen = run(token, query).await;
            assert_eq!(seen.len(), 2, "{query}: {seen:?}");
            assert_eq!((seen[0].0.as_str(), code(&seen[0].1)), ("next", expected), "{query}");
            assert_eq!(seen[1].0, "complete", "{query}");
        }
    });
}

#[test]
fn what_is_no_request_for_a_stream_is_refused_by_its_status() {
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        parrain.configure_limits("max_subscriptions_per_caller = 2");
        let server = parrain.serve().await;
        let token = parrain.token("partner", "acct-1");
        let subscription = json!({ "query": EVENTS });
        for (body, token, headers, status) in [
            (&subscription, "nonsense", &[][..], StatusCode::UNAUTHORIZED),
            (&subscription, &token, &[("accept", "application/json")], StatusCode::NOT_ACCEPTABLE),
            (&subscription, &token, &[("accept", "text/html")], StatusCode::NOT_ACCEPTABLE),
            (&subscription, &token, &[("last-event-id", "nonsense")], StatusCode::BAD_REQUEST),
            (&json!([]), &token, &[], StatusCode::BAD_REQUEST),
            (
                &json!({ "query": EVENTS, "extensions": { "lastEventId": 7 } }),
                &token,
                &[],
                StatusCode::BAD_REQUEST,
            ),
        ] {
            let answer = ask(&server, token, body, headers).await;
            assert_eq!(answer.status(), status, "{body} {headers:?}");
        }
        let by_get = |query: &str| {
            let query =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
            let address = format!("{}/graphql?{query}", server.url);
            server.http.get(address).bearer_auth(&token).header("accept", "text/event-stream").send()
        };
        let refused = by_get("mutation { openTicket(input: {}) { ticket { id } } }").await.unwrap();
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);

        let mut first = Stream::of(by_get(EVENTS).await.unwrap());
        first.next().await.expect("a beginning");
        let second = Stream::open(&server, &token, EVENTS, None).await;
        let full = ask(&server, &token, &subscription, &[]).await;
        assert_eq!(full.status(), StatusCode::TOO_MANY_REQUESTS, "one caller's are counted");
        assert!(full.headers().contains_key("retry-after"));
        let other = parrain.token("partner", "acct-2");
        drop(Stream::open(&server, &other, EVENTS, None).await);
        drop(second);
        let id = open_ticket(&server, &token, "Why").await;
        assert_eq!(subjects(&first.results(1).await), [id]);
        for tries in 0.. {
            let answer = ask(&server, &token, &subscription, &[]).await;
            if answer.status() == StatusCode::OK {
                break;
            }
            assert!(tries < 500, "a seat that was left is not free again");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
}

#[test]
fn a_key_is_told_of_what_its_scopes_let_it_read() {
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        let server = parrain.serve().await;
        let token = parrain.token("partner", "acct-1");
        let (_, tickets) = create_key(&server, &token, &["READ_TICKETS"]).await;
        let (_, links) = create_key(&server, &token, &["READ_LINKS"]).await;
        for (key, query) in [
            (&tickets, "subscription { partnerEvents(types: [TICKET_CHANGED, TIER_CHANGED]) { type } }"),
            (&tickets, "subscription { partnerEvents { subject { ... on Statement { digest } } } }"),
            (&links, EVENTS),
        ] {
            let mut refused = Stream::of(ask(&server, key, &json!({ "query": query }), &[]).await);
            assert_eq!(code(&refused.next().await.unwrap().data), "FORBIDDEN", "{query}");
        }
        let mut told = Stream::open(&server, &tickets, EVENTS, None).await;
        let mut all = Stream::open(&server, &token, EVENTS, None).await;
        let contract = "mutation { requestContract(input: {}) { userErrors { code } } }";
        server.graphql(&token, contract, json!({})).await;
        let id = open_ticket(&server, &token, "Why").await;
        // A contract that is asked for is an event, and so is the ticket that it is asked for by.
        let kinds = |events: Vec<Value>| -> Vec<String> {
            events.iter().map(|e| e["data"]["partnerEvents"]["type"].as_str().unwrap().to_owned()).collect()
        };
        let mut everything = kinds(all.results(3).await);
        everything.sort();
        assert_eq!(everything, ["CONTRACT_CHANGED", "TICKET_CHANGED", "TICKET_CHANGED"]);
        let events = told.results(2).await;
        assert_eq!(subjects(&events)[1], id);
        assert_eq!(kinds(events), ["TICKET_CHANGED", "TICKET_CHANGED"]);
    });
}
