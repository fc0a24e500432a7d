//! What the provider's systems report.

use serde_json::{Value, json};

use crate::graphql::testing::{Program, REFUND, TOP_UP, top_up};

#[tokio::test]
async fn a_batch_answers_each_item_in_its_place() {
    let program = Program::new().await;
    program.with_clients().await;
    let sent = [
        top_up("t1", "client-1", "100.00"),
        top_up("t9", "client-1", "0.0000001"),
        top_up("t1", "client-1", "99.00"),
        top_up("t8", "client-8", "10.00"),
    ];
    let answer = program.service(TOP_UP, json!({ "input": { "topUps": sent } })).await;
    let results = &answer["recordTopUps"]["results"];
    let outcomes: Vec<&str> =
        results.as_array().unwrap().iter().map(|result| result["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["REPLAYED", "REFUSED", "REFUSED", "PARKED"]);
    assert_eq!(results[1]["userErrors"][0]["field"], json!(["input", "topUps", "1", "amount"]));
    assert_eq!(results[2]["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(results[0]["commission"]["client"], Value::Null, "billing need not see the partner's client");

    let refund = json!({ "source": "billing", "externalId": "r1", "topUpExternalId": "t1", "clientId": "client-1",
                         "occurredAt": "2026-01-06T00:00:00Z", "amount": "40.00" });
    let refunded = program.service(REFUND, json!({ "input": { "refunds": [refund] } })).await;
    let line = &refunded["recordRefunds"]["results"][0]["commission"];
    assert_eq!(line["base"]["amount"], "-40.000000");
    assert_eq!(line["reverses"]["topUp"]["amount"], "100.000000");

    let rates = json!({ "input": { "publishedOn": "2026-01-05", "rates": [
        { "currencyCode": "USD", "rate": "1.1172" }, { "currencyCode": "EUR", "rate": "1" } ] } });
    let query = "mutation ($input: RecordExchangeRatesInput!) { recordExchangeRates(input: $input) { recorded \
                 userErrors { code field } } }";
    let recorded = program.service(query, rates).await["recordExchangeRates"].clone();
    assert_eq!(recorded["recorded"], 1);
    assert_eq!(recorded["userErrors"][0]["field"], json!(["input", "rates", "1", "currencyCode"]));
    let parked = program
        .staff("{ parkedFacts(first: 5) { totalCount edges { node { clientId status } } } }", json!({}))
        .await;
    assert_eq!(
        parked["parkedFacts"]["edges"][0]["node"],
        json!({ "clientId": "client-8", "status": "WAITING" })
    );
}
