//! The graphql-transport-ws protocol: what it allows, and the code with which all else ends.

use serde_json::{Value, json};

use super::socket::{BINARY, Socket, TEXT};
use super::{EVENTS, open_ticket};
use crate::harness::{Backend, Parrain, block_on, on_both_databases};

on_both_databases!(events_come_over_a_socket_from_every_instance_and_are_gone_on_with);

async fn events_come_over_a_socket_from_every_instance_and_are_gone_on_with(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let (here, there) = (parrain.serve().await, parrain.serve().await);
    let token = parrain.token("partner", "acct-1");
    let mut socket = Socket::begun(&here, &token).await;
    let follow = |after: &Value| {
        let payload = json!({ "query": EVENTS, "extensions": { "lastEventId": after } });
        json!({ "id": "a", "type": "subscribe", "payload": payload })
    };
    let feed = "{ viewer { changes { watermark } } }";
    let feed = here.graphql(&token, feed, json!({})).await["viewer"]["changes"].take();
    socket.say(&follow(&feed["watermark"])).await;
    socket.subscribe("q", "{ viewer { accountId } }").await;
    let viewer = socket.hear().await;
    assert_eq!((viewer["id"].as_str(), &viewer["type"]), (Some("q"), &json!("next")));
    assert_eq!(viewer["payload"]["data"]["viewer"]["accountId"], "acct-1");
    assert_eq!(socket.hear().await, json!({ "id": "q", "type": "complete" }));
    socket.say(&json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "n": 1 } }));

    let first = open_ticket(&there, &token, "first").await;
    let event = socket.hear().await;
    assert_eq!((event["id"].as_str(), &event["type"]), (Some("a"), &json!("next")));
    let subject = |event: &Value| {
        event["payload"]["data"]["partnerEvents"]["subject"]["id"].as_str().unwrap().to_owned()
    };
    let place = event["payload"]["extensions"]["eventId"].clone();
    assert_eq!(subject(&event), first);

    socket.say(&json!({ "id": "a", "type": "complete" })).await;
    let missed = open_ticket(&there, &token, "missed").await;
    // Its id is free again, and nothing of the old one comes any more.
    socket.say(&follow(&place)).await;
    assert_eq!(subject(&socket.hear().await), missed);
}

#[test]
fn an_operation_that_cannot_run_is_an_error_and_the_socket_goes_on() {
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        let server = parrain.serve().await;
        let mut socket = Socket::begun(&server, &parrain.token("partner", "acct-1")).await;
        for (payload, code) in [
            (json!({ "query": "subscription {" }), "GRAPHQL_PARSE_FAILED"),
            (json!({ "query": "subscription { nothing }" }), "GRAPHQL_VALIDATION_FAILED"),
            (json!({ "query": "subscription { settlementProgress { status } }" }), "FORBIDDEN"),
            (json!({ "query": "mutation { openTicket(input: {}) { ticket { id } } }" }), "BAD_USER_INPUT"),
            (json!({ "query": 7 }), "BAD_USER_INPUT"),
            (json!({}), "BAD_USER_INPUT"),
            (json!({ "query": EVENTS, "extensions": { "lastEventId": "x" } }), "BAD_USER_INPUT"),
            (json!({ "query": "{ a ".repeat(1_000) }), "QUERY_TOO_COMPLEX"),
        ] {
            socket.say(&json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
            let said = socket.hear().await;
            assert_eq!((said["type"].as_str(), said["id"].as_str()), (Some("error"), Some("1")), "{said}");
            assert_eq!(said["payload"][0]["extensions"]["code"], code, "{payload}");
        }
        for number in 0..20 {
            socket.subscribe(&number.to_string(), EVENTS).await;
        }
        socket.subscribe("one too many", EVENTS).await;
        let said = socket.hear().await;
        assert_eq!(said["payload"][0]["extensions"]["code"], "THROTTLED", "{said}");
        socket.say(&json!({ "id": "7", "type": "complete" })).await;
        socket.say(&json!({ "id": "nobody's", "type": "complete" })).await;
        socket.subscribe("q", "{ programme { name } }").await;
        assert_eq!(socket.hear().await["id"], "q");
    });
}

#[test]
fn what_the_protocol_does_not_allow_closes_the_socket_with_its_code() {
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        parrain.configure_limits("header_timeout = \"1s\"");
        let server = parrain.serve().await;
        let token = parrain.token("partner", "acct-1");
        let init = |token: &str| {
            let payload = json!({ "authorization": format!("Bearer {token}") });
            json!({ "type": "connection_init", "payload": payload })
        };
        let subscribe = json!({ "id": "a", "type": "subscribe", "payload": { "query": EVENTS } });
        let hostile = json!({ "type": "ping", "payload": { "n": "x".repeat(70_000) } });
        for (messages, code) in [
            (vec![], 4408),
            (vec![json!({ "type": "ping" })], 4408),
            (vec![subscribe.clone()], 4401),
            (vec![json!({ "type": "connection_init" })], 4403),
            (vec![init("nonsense")], 4403),
            (vec![json!({ "type": "connection_init", "payload": { "authorization": 7 } })], 4403),
            (vec![init(&token), init(&token)], 4429),
            (vec![init(&token), subscribe.clone(), subscribe], 4409),
            (vec![init(&token), json!({ "type": "start", "id": "1" })], 4400),
            (vec![init(&token), json!("ping")], 4400),
            (vec![hostile], 1009),
        ] {
            let mut socket = Socket::open(&server).await;
            for message in &messages {
                socket.say(message).await;
            }
            assert_eq!(socket.closed().await, code, "{messages:?}");
        }
        // Frames that no client sends.
        let nested = "[".repeat(20_000);
        for (frames, codes) in [
            (vec![(0x80 | BINARY, &b"{}"[..])], &[4400][..]),
            (vec![(0x80 | TEXT, b"{")], &[4400]),
            (vec![(0x80 | TEXT, nested.as_bytes())], &[4400]),
            (vec![(0x80 | TEXT, b"\xff\xfe")], &[4400]),
            (vec![(0x80, b"a continuation of nothing")], &[1002]),
            (vec![(0x80 | 3, b"of no kind")], &[1002]),
            (vec![(0xf0 | TEXT, b"{}")], &[1002]),
            (vec![(9, b"half a ping")], &[1002]),
            (vec![(TEXT, &[b' '; 40_000]), (0, &[b' '; 40_000])], &[1009]),
        ] {
            let mut socket = Socket::open(&server).await;
            for (first, bytes) in &frames {
                socket.frame(*first, bytes).await;
            }
            let code = socket.closed().await;
            assert!(codes.contains(&code), "{code} {:?}", frames[0].0);
        }
        let mut unmasked = Socket::open(&server).await;
        unmasked.raw(&[0x81, 2, b'{', b'}']).await;
        assert_eq!(unmasked.closed().await, 1002);
        // A frame that says it is 2^62 bytes long.
        let mut endless = Socket::open(&server).await;
        endless.raw(&[0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]).await;
        assert_eq!(endless.closed().await, 1009);
        // And the server serves on.
        Socket::begun(&server, &token).await;
    });
}

#[test]
fn a_socket_is_opened_for_its_protocol_and_listed_origins_alone() {
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        parrain.configure("[cors]\nallowed_origins = [\"https://partners.example.com\"]\n");
        let server = parrain.serve().await;
        let protocol = "sec-websocket-protocol: graphql-ws, graphql-transport-ws\r\n";
        let origin = |origin: &str| format!("{protocol}origin: {origin}\r\n");
        let token = parrain.token("partner", "acct-1");
        for (headers, outcome) in [
            (protocol.to_owned(), Ok(())),
            (origin("https://partners.example.com"), Ok(())),
            (origin("http://127.0.0.1:8080"), Ok(())),
            (origin("https://evil.example"), Err(403)),
            (origin("null"), Err(403)),
            (origin("https://partners.example.com.evil.example"), Err(403)),
            (String::new(), Err(400)),
            ("sec-websocket-protocol: graphql-ws\r\n".to_owned(), Err(400)),
            (format!("{protocol}authorization: Bearer nonsense\r\n"), Err(401)),
        ] {
            assert_eq!(Socket::ask(&server, &headers).await.map(|_| ()), outcome, "{headers}");
        }
        // A program may say who it is with the request itself.
        let headers = format!("{protocol}authorization: Bearer {token}\r\n");
        let mut socket = Socket::ask(&server, &headers).await.unwrap();
        socket.say(&json!({ "type": "connection_init" })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
    });
}
