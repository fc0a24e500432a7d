//! Money out over HTTP: however many ask at once, exactly what the balance allows goes out (rules 24, 25 and 28).

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Backend, Parrain, Server, on_both_databases};

on_both_databases!(
    fifty_requests_at_once_get_what_the_balance_allows,
    one_key_a_hundred_times_at_once_is_one_withdrawal,
);

const REQUEST: &str = "mutation($input: RequestWithdrawalInput!) { requestWithdrawal(input: $input) {
    withdrawal { id status amount { amount } } userErrors { code } } }";

/// Two servers on one database, and a partner with a contract and money: three withdrawals of 110.00.
struct Setting {
    // Before the database that they serve.
    servers: [Server; 2],
    parrain: Parrain,
    partner: String,
}

async fn setting(backend: Backend) -> Setting {
    let parrain = Parrain::new(backend).await;
    let servers = [parrain.serve().await, parrain.serve().await];
    let (partner, staff) = (parrain.token("partner", "acct-1"), parrain.token("staff", "staff-1"));
    let viewer = servers[0].graphql(&partner, "{ viewer { id } }", json!({})).await;
    let id = viewer["viewer"]["id"].clone();
    let digest = "ab".repeat(32);
    let offer = json!({ "partnerId": id, "version": "1", "documentUrl": "https://www.example.com/contract.pdf", "documentDigest": digest });
    done(&servers[0], &staff, "offerContract", "OfferContractInput", offer).await;
    done(&servers[0], &partner, "acceptContract", "AcceptContractInput", json!({ "documentDigest": digest }))
        .await;
    let adjust =
        json!({ "partnerId": id, "amount": "330.00", "reason": "to begin with", "idempotencyKey": "begin" });
    done(&servers[0], &staff, "adjustBalance", "AdjustBalanceInput", adjust).await;
    Setting { servers, parrain, partner }
}

/// A mutation that must not be refused.
async fn done(server: &Server, token: &str, mutation: &str, input_type: &str, input: Value) {
    let query = format!(
        "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ userErrors {{ code message }} }} }}"
    );
    let answer = server.graphql(token, &query, json!({ "input": input })).await;
    assert_eq!(answer[mutation]["userErrors"], json!([]), "{mutation}");
}

impl Setting {
    /// Asks for 110.00 under each of the keys, all at once and of both servers; answers the payloads.
    async fn request_all(&self, keys: impl Iterator<Item = String>) -> Vec<Value> {
        let requests = keys.enumerate().map(|(place, key)| async move {
            let destination =
                json!({ "bankTransfer": { "iban": "DE89370400440532013000", "holder": "A Partner" } });
            let input = json!({ "amount": "110.00", "destination": destination, "idempotencyKey": key });
            let server = &self.servers[place % 2];
            let mut answer = server.graphql(&self.partner, REQUEST, json!({ "input": input })).await;
            answer["requestWithdrawal"].take()
        });
        join_all(requests).await
    }

    /// What is on record: withdrawals, reservations, and what is left.
    async fn books(&self) -> (i64, i64, i64) {
        let database = self.parrain.database();
        let count = |sql: &'static str| async move { database.column::<i64>(sql).await[0] };
        (
            count("SELECT COUNT(*) FROM withdrawal").await,
            count("SELECT COUNT(*) FROM ledger_transfer WHERE kind = 'WITHDRAWAL_RESERVED'").await,
            count("SELECT available FROM balance").await,
        )
    }
}

async fn fifty_requests_at_once_get_what_the_balance_allows(backend: Backend) {
    let setting = setting(backend).await;
    let answers = setting.request_all((0..50).map(|number| format!("key-{number}"))).await;
    let (accepted, refused): (Vec<&Value>, Vec<&Value>) =
        answers.iter().partition(|answer| !answer["withdrawal"].is_null());
    assert_eq!(accepted.len(), 3);
    for answer in accepted {
        assert_eq!(answer["withdrawal"]["status"], "REQUESTED");
    }
    for answer in refused {
        let code = answer["userErrors"][0]["code"].as_str().unwrap();
        assert!(["INSUFFICIENT_BALANCE", "BALANCE_NOT_ABOVE_THRESHOLD"].contains(&code), "{answer}");
    }
    assert_eq!(setting.books().await, (3, 3, 0));
    setting.parrain.verify();
}

async fn one_key_a_hundred_times_at_once_is_one_withdrawal(backend: Backend) {
    let setting = setting(backend).await;
    let answers = setting.request_all((0..100).map(|_| "the same key".to_owned())).await;
    let ids: BTreeSet<&str> =
        answers.iter().map(|answer| answer["withdrawal"]["id"].as_str().expect("a withdrawal")).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(setting.books().await, (1, 1, 220_000_000));
    setting.parrain.verify();
}
