//! What is open ends with the token, the key and the service.

use std::time::{Duration, Instant};

use serde_json::json;

use super::socket::Socket;
use super::stream::Stream;
use super::{EVENTS, create_key, open_ticket, token_for};
use crate::harness::{Backend, Parrain, block_on};

/// Its clock and the server's are the same; whatever else the machine does in between.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_stream_and_a_socket_end_when_their_token_or_key_does() {
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        let server = parrain.serve().await;
        let token = parrain.token("partner", "acct-1");
        let (id, key) = create_key(&server, &token, &["READ_TICKETS"]).await;
        let short = token_for("acct-1", 4);
        let mut by_token = Stream::open(&server, &token, EVENTS, None).await;
        let mut by_short = Stream::open(&server, &short, EVENTS, None).await;
        let mut by_key = Stream::open(&server, &key, EVENTS, None).await;
        let mut socket_by_short = Socket::begun(&server, &short).await;
        let mut socket_by_key = Socket::begun(&server, &key).await;
        // Until then they are served as any other.
        open_ticket(&server, &token, "Why").await;
        for stream in [&mut by_token, &mut by_short, &mut by_key] {
            stream.results(1).await;
        }
        let revoke = "mutation($id: ID!) { revokeApiKey(input: { id: $id }) { userErrors { code } } }";
        server.graphql(&token, revoke, json!({ "id": id })).await;
        let ended = async {
            // No event tells that it is complete: the client is to come again.
            assert_eq!(by_short.next().await, None);
            assert_eq!(by_key.next().await, None);
            assert_eq!(socket_by_short.closed().await, 4403);
            assert_eq!(socket_by_key.closed().await, 4403);
        };
        tokio::time::timeout(SOON, ended).await.expect("what is open stays open");
        open_ticket(&server, &token, "Why").await;
        by_token.results(1).await;
    });
}

#[test]
fn what_is_open_does_not_hold_up_the_end_of_the_service() {
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        let server = parrain.serve().await;
        let token = parrain.token("partner", "acct-1");
        let mut streams = Vec::new();
        for _ in 0..5 {
            streams.push(Stream::open(&server, &token, EVENTS, None).await);
        }
        let mut socket = Socket::begun(&server, &token).await;
        let asked = Instant::now();
        let stopping = tokio::task::spawn_blocking(|| server.stop());
        for stream in &mut streams {
            assert_eq!(stream.next().await, None);
        }
        assert_eq!(socket.closed().await, 1001);
        drop(socket);
        stopping.await.unwrap();
        assert!(asked.elapsed() < SOON, "requests in flight may take 25 s: these must not");
    });
}
