//! Events over several instances and many connections: nothing is lost and nothing comes twice.

use serde_json::{Value, json};

use super::stream::Stream;
use super::{EVENTS, open_ticket, subjects};
use crate::harness::{Backend, Parrain, Server, on_both_databases};

on_both_databases!(
    what_happens_on_one_instance_is_seen_on_another_and_gone_on_with_after_a_break,
    nothing_is_lost_or_doubled_over_many_breaks_while_others_write,
);

const REGISTER: &str = "mutation($input: RegisterClientsInput!) { registerClients(input: $input) {
    results { outcome } } }";
const TOP_UPS: &str = "mutation($input: RecordTopUpsInput!) { recordTopUps(input: $input) {
    results { outcome commission { id } } } }";

async fn what_happens_on_one_instance_is_seen_on_another_and_gone_on_with_after_a_break(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let (here, there) = (parrain.serve().await, parrain.serve().await);
    let (token, other) = (parrain.token("partner", "acct-1"), parrain.token("partner", "acct-2"));
    let before = open_ticket(&here, &token, "before").await;
    let mut stream = Stream::open(&here, &token, EVENTS, None).await;
    open_ticket(&there, &other, "of another's").await;
    let first = open_ticket(&there, &token, "first").await;
    let second = open_ticket(&here, &token, "second").await;
    let events = stream.results(2).await;
    assert_eq!(subjects(&events), [first, second]);
    assert_eq!(events[0]["data"]["partnerEvents"]["type"], "TICKET_CHANGED");
    assert_eq!(events[1]["extensions"]["eventId"].as_str(), stream.last_id.as_deref());

    // What comes while nobody listens is told to whoever goes on, whatever instance he finds.
    let reached = stream.last_id.take().unwrap();
    drop(stream);
    let mut missed = Vec::new();
    for subject in ["third", "fourth"] {
        missed.push(open_ticket(&here, &token, subject).await);
    }
    let mut stream = Stream::open(&there, &token, EVENTS, Some(&reached)).await;
    assert_eq!(subjects(&stream.results(2).await), missed);
    missed.push(open_ticket(&here, &token, "fifth").await);
    assert_eq!(subjects(&stream.results(1).await), missed[2..]);

    // A watermark of the feed is a place to go on from: first one reads, then one listens.
    let query = "{ viewer { changes(first: 1) { items { id } watermark } } }";
    let feed = here.graphql(&token, query, json!({})).await["viewer"]["changes"].take();
    assert_eq!(feed["items"][0]["id"], before.as_str());
    let mut stream = Stream::open(&here, &token, EVENTS, feed["watermark"].as_str()).await;
    assert_eq!(subjects(&stream.results(5).await)[2..], missed);
}

/// Writers at once, and the facts of each batch.
const WRITERS: usize = 4;
const BATCHES: usize = 12;
const FACTS: usize = 6;
/// Events that are read over one connection.
const A_CONNECTION: usize = 17;

async fn nothing_is_lost_or_doubled_over_many_breaks_while_others_write(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let servers = [parrain.serve().await, parrain.serve().await];
    let token = parrain.token("partner", "acct-1");
    let service = parrain.token("service", "billing");
    let viewer = servers[0].graphql(&token, "{ viewer { code } }", json!({})).await;
    let client = json!({ "clientId": "c-1", "registeredAt": "2026-01-02T00:00:00Z", "code": viewer["viewer"]["code"] });
    servers[0].graphql(&service, REGISTER, json!({ "input": { "clients": [client] } })).await;

    let total = WRITERS * BATCHES * (FACTS + 1);
    let begin = Stream::open(&servers[0], &token, EVENTS, None).await.last_id.unwrap();
    let writers = (0..WRITERS).map(|writer| write(&servers[writer % 2], &token, &service, writer));
    let (_, told) =
        tokio::join!(futures_util::future::join_all(writers), follow(&servers, &token, begin, total));
    let known: Vec<String> = parrain
        .database()
        .column(
            "SELECT number FROM (SELECT change AS number FROM line \
             UNION ALL SELECT number FROM event WHERE event_type IS NOT NULL) AS c ORDER BY number",
        )
        .await
        .iter()
        .map(|number: &i64| number.to_string())
        .collect();
    assert_eq!(known.len(), total);
    assert_eq!(told, known, "each once, in the order in which it was committed");
}

async fn write(server: &Server, token: &str, service: &str, writer: usize) {
    for batch in 0..BATCHES {
        let facts: Vec<Value> = (0..FACTS)
            .map(|fact| {
                json!({
                    "source": "till", "externalId": format!("{writer}-{batch}-{fact}"), "clientId": "c-1",
                    "occurredAt": "2026-01-03T00:00:00Z", "amount": "10.00", "currencyCode": "EUR",
                })
            })
            .collect();
        let input = json!({ "input": { "topUps": facts } });
        let (_, recorded) =
            tokio::join!(open_ticket(server, token, "in between"), server.graphql(service, TOP_UPS, input));
        let outcomes = recorded["recordTopUps"]["results"].as_array().unwrap();
        assert!(outcomes.iter().all(|result| result["outcome"] == "RECORDED"), "{recorded}");
    }
}

/// Reads over one connection after another, on both instances in turn; answers the numbers of the events.
async fn follow(servers: &[Server; 2], token: &str, begin: String, total: usize) -> Vec<String> {
    let (mut last, mut told) = (begin, Vec::new());
    for server in servers.iter().cycle() {
        let mut stream = Stream::open(server, token, EVENTS, Some(&last)).await;
        for event in stream.results(A_CONNECTION.min(total - told.len())).await {
            last = event["extensions"]["eventId"].as_str().unwrap().to_owned();
            told.push(number_of(&last));
        }
        if told.len() == total {
            return told;
        }
    }
    unreachable!("it cycles")
}

fn number_of(event_id: &str) -> String {
    match parrain::domain::watermark::Watermark::decode(event_id) {
        Some(parrain::domain::watermark::Watermark::Event(number)) => number.to_string(),
        other => panic!("{other:?}"),
    }
}
