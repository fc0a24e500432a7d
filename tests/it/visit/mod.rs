//! Visits over links, as visitors and their browsers make them (rules 1 to 5).

mod browser;
mod counts;
mod hostile;
mod interface;
mod requests;
mod unrecorded;

use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::harness::{Parrain, Server, TestDatabase};

pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A client that goes nowhere by itself.
pub fn visitor() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).build().unwrap()
}

/// Makes a partner with a link of this code; answers his token.
pub async fn partner_with_link(
    parrain: &Parrain,
    server: &Server,
    account: &str,
    code: &str,
    target: &str,
) -> String {
    let partner = parrain.token("partner", account);
    let query = "mutation($input: CreateReferralLinkInput!) { createReferralLink(input: $input) {
        referralLink { id } userErrors { code } } }";
    let input = json!({ "input": { "code": code, "target": target } });
    let made = server.graphql(&partner, query, input).await;
    assert_eq!(made["createReferralLink"]["userErrors"], json!([]), "{made}");
    partner
}

/// An answer's header.
pub fn header<'a>(answer: &'a reqwest::Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Waits until the visits that have arrived are judged and counted.
pub async fn all_counted(database: &TestDatabase) {
    for _ in 0..4_000 {
        let waiting: Vec<i64> = database.column("SELECT COUNT(*) FROM arrived_visit").await;
        if waiting == [0] {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("visits are not counted");
}

/// A counter of the server's.
pub async fn metric(server: &Server, name: &str) -> u64 {
    let text =
        server.http.get(format!("{}/metrics", server.ops_url)).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |number| number.parse().unwrap())
}

/// Reports an account with a visitor token; answers the outcome.
pub async fn register(parrain: &Parrain, server: &Server, account: &str, token: &str) -> Value {
    let query =
        "mutation($input: RegisterClientsInput!) { registerClients(input: $input) { results { outcome } } }";
    let now = parrain::clock::Clock::system().now().to_string();
    let client = json!({ "clientId": account, "registeredAt": now, "visitorToken": token });
    let service = parrain.token("service", "site");
    let mut answer = server.graphql(&service, query, json!({ "input": { "clients": [client] } })).await;
    answer["registerClients"]["results"][0]["outcome"].take()
}
