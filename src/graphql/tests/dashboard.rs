//! A partner's figures, before and after a settlement.

use serde_json::json;

use crate::graphql::testing::{Program, SETTLE};

const DASHBOARD: &str = "{ viewer { accountId code status
    standing { period { start status } activeClients tier { name } ratePercent rateSource nextTier { name } clientsToNextTier }
    forecast { activeClientsNow tier { name } clientsToNextTier nextCredit { amount } nextSettlementAt }
    balance { available { amount currencyCode } reserved { amount } pending { amount } carried { amount } lifetimeCredited { amount } }
    contract { status version offer { version } } withdrawalEligibility { eligible obstacles }
    links(first: 10) { totalCount edges { node { url target code } } }
    referredClients(first: 2, orderBy: { field: TOP_UP_TOTAL, direction: DESC }) { totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
      edges { cursor node { reference isActive topUpCount topUpTotal { amount } commissionTotal { amount } link { code } } } }
    commissions(first: 10) { totalCount edges { node { kind status ratePercent base { amount } amount { amount } client { reference } statement { digest } period { start } exchangeRate { rate } } } }
    statements(first: 5) { edges { node { period { start status } tier { name minimumActiveClients } credited { amount } openingBalance { amount } closingBalance { amount } commissions(first: 1) { totalCount } } } }
    ledger(first: 5) { edges { node { kind amount { amount } source { id __typename } } } } } }";

#[tokio::test]
async fn a_dashboard_shows_what_was_recorded_before_and_after_its_settlement() {
    let program = Program::new().await;
    let code = program.with_clients().await;
    let before = program.partner(DASHBOARD, json!({})).await["viewer"].clone();
    assert_eq!(before["accountId"], "partner-1");
    assert_eq!(before["standing"]["tier"]["name"], "Standard");
    assert_eq!(before["standing"]["ratePercent"], "10");
    assert_eq!(before["standing"]["clientsToNextTier"], 20);
    assert_eq!(before["balance"]["pending"]["amount"], "40.000000");
    assert_eq!(before["balance"]["available"], json!({ "amount": "0.000000", "currencyCode": "EUR" }));
    assert_eq!(before["forecast"]["activeClientsNow"], 4);
    assert_eq!(before["forecast"]["nextCredit"]["amount"], "40.000000");
    assert_eq!(before["contract"]["status"], "NONE");
    assert_eq!(
        before["withdrawalEligibility"]["obstacles"],
        json!(["NO_CONTRACT", "BALANCE_NOT_ABOVE_THRESHOLD"])
    );
    assert_eq!(before["links"]["totalCount"], 1);
    assert_eq!(before["links"]["edges"][0]["node"]["url"], format!("http://127.0.0.1:8080/r/{code}"));
    assert_eq!(before["referredClients"]["totalCount"], 4);
    assert_eq!(before["referredClients"]["pageInfo"]["hasNextPage"], true);
    let client = &before["referredClients"]["edges"][0]["node"];
    assert_eq!(client["commissionTotal"]["amount"], "10.000000");
    assert_eq!(client["link"]["code"], code);
    assert!(!client.to_string().contains("client-"), "account ids are masked: {client}");
    assert_eq!(before["commissions"]["edges"][0]["node"]["status"], "PENDING");

    program.at("2026-01-15T12:00:00Z");
    let settled = program.staff(SETTLE, json!({})).await["settle"].clone();
    assert_eq!(settled["settlements"][0]["credited"]["amount"], "40.000000");
    assert_eq!(settled["settlements"][0]["period"], json!({ "start": "2026-01-01", "status": "SETTLED" }));

    let after = program.partner(DASHBOARD, json!({})).await["viewer"].clone();
    assert_eq!(after["balance"]["pending"]["amount"], "0.000000");
    assert_eq!(after["balance"]["available"]["amount"], "40.000000");
    assert_eq!(after["standing"]["activeClients"], 4);
    let line = &after["commissions"]["edges"][0]["node"];
    assert_eq!(line["status"], "SETTLED");
    assert!(line["statement"]["digest"].is_string());
    let statement = &after["statements"]["edges"][0]["node"];
    assert_eq!(statement["credited"]["amount"], "40.000000");
    assert_eq!(statement["closingBalance"]["amount"], "40.000000");
    assert_eq!(statement["commissions"]["totalCount"], 4);
    assert_eq!(after["ledger"]["edges"][0]["node"]["source"]["__typename"], "Statement");
}

#[tokio::test]
async fn a_balance_as_of_an_earlier_time_shows_what_was_known_then() {
    let program = Program::new().await;
    program.with_clients().await;
    program.at("2026-01-15T12:00:00Z");
    program.staff(SETTLE, json!({})).await;
    program.at("2026-01-16T00:00:00Z");
    let query = "query ($at: DateTime) { viewer { balance(asOf: $at) { available { amount } pending { amount } \
                 lifetimeCredited { amount } } standing(at: $at) { period { start } activeClients } } }";
    for (at, available, pending, active) in [
        ("2026-01-09T00:00:00Z", "0.000000", "0.000000", 0),
        ("2026-01-12T00:00:00Z", "0.000000", "40.000000", 0),
        ("2026-01-15T13:00:00Z", "40.000000", "0.000000", 4),
    ] {
        let viewer = program.partner(query, json!({ "at": at })).await["viewer"].clone();
        assert_eq!(viewer["balance"]["available"]["amount"], available, "{at}");
        assert_eq!(viewer["balance"]["pending"]["amount"], pending, "{at}");
        assert_eq!(viewer["balance"]["lifetimeCredited"]["amount"], available, "{at}");
        assert_eq!(viewer["standing"]["activeClients"], active, "{at}");
    }
}
