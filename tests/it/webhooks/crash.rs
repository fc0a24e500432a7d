//! What a kill leaves behind: one delivery of each event, and each sent at least once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use super::TICKETS;
use super::receiver::Receiver;
use crate::harness::{Backend, Parrain, on_both_databases};

on_both_databases!(a_worker_that_is_killed_loses_no_delivery_and_makes_none_twice);

/// How often a worker is killed while events come in.
const KILLS: usize = 3;
const EVENTS_A_ROUND: usize = 25;

async fn a_worker_that_is_killed_loses_no_delivery_and_makes_none_twice(backend: Backend) {
    let (parrain, receiver) = (Parrain::new(backend).await, Receiver::new().await);
    parrain.configure("[webhooks]\nallowed_subnets = [\"127.0.0.0/8\"]\n");
    let (server, token) = (parrain.serve().await, parrain.token("partner", "p"));
    let made = "mutation($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { userErrors { message } } }";
    let input = json!({ "url": receiver.url, "events": TICKETS });
    let made = server.graphql(&token, made, json!({ "input": input })).await;
    assert_eq!(made["createWebhookEndpoint"]["userErrors"], json!([]));
    let open = "mutation { openTicket(input: { kind: QUESTION, subject: \"Why\", text: \"Why?\" }) { ticket { id } } }";
    for _ in 0..KILLS {
        let worker = parrain.start(["worker"]);
        for _ in 0..EVENTS_A_ROUND {
            server.graphql(&token, open, json!({})).await;
        }
        worker.kill();
    }
    let expected = i64::try_from(KILLS * EVENTS_A_ROUND).unwrap();
    let sql = "SELECT COUNT(*) FROM webhook_delivery WHERE status = 'DELIVERED'";
    // What the last worker held is free again after its lease.
    let free = "UPDATE webhook_endpoint SET lease_until = 0 WHERE lease_until > 0";
    parrain.database().execute(free).await;
    let began = Instant::now();
    while parrain.database().column::<i64>(sql).await != [expected] {
        assert!(began.elapsed() < Duration::from_secs(90), "{}", receiver.got().len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let rows: Vec<i64> = parrain.database().column("SELECT COUNT(*) FROM webhook_delivery").await;
    assert_eq!(rows, [expected], "one of each event, and no second");
    let told: BTreeSet<String> =
        receiver.got().iter().map(|got| got.json()["data"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told.len(), KILLS * EVENTS_A_ROUND, "each was sent");
    server.stop();
    parrain.verify();
}
