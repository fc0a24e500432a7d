//! Explanations over the API: of every line of a real history, to the micro-unit.

use serde_json::{Value, json};

use crate::harness::{Backend, on_both_databases};
use crate::sample;

on_both_databases!(every_commission_is_explained_as_it_is_shown);

const LINES: &str = "query($code: String!, $key: SourceRef) { partner(code: $code) { commissions(first: 100) { edges { node {
    kind status ratePercent base { amount } amount { amount } exchangeRate { rate } period { start } statement { digest }
    explanation { summary steps { code text facts { name value } } } } } } whyNot(topUp: $key) { summary } } }";

fn fact<'a>(explanation: &'a Value, code: &str, name: &str) -> Option<&'a str> {
    let steps = explanation["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["code"] == code)?;
    let facts = step["facts"].as_array().unwrap();
    facts.iter().find(|fact| fact["name"] == name).map(|fact| fact["value"].as_str().unwrap())
}

async fn every_commission_is_explained_as_it_is_shown(backend: Backend) {
    let parrain = sample::with_partners(backend).await;
    let (clients, _) = sample::rows("clients").split(|row| row[1] == "P0010");
    let ids: std::collections::BTreeSet<String> =
        clients.columns(["client_id"]).into_iter().map(|[id]| id.to_owned()).collect();
    let (top_ups, _) = sample::rows("top_ups").split(|row| ids.contains(row[2]) && row[4] != "0.00");
    parrain.import_rows("clients", &clients);
    parrain.import_rows("top-ups", &top_ups);
    parrain.settle_until("2024-06-01");
    let server = parrain.serve().await;
    let staff = parrain.token("staff", "staff-1");
    let [[source, external_id], ..] = top_ups.columns(["source", "external_id"])[..] else { panic!("none") };
    let key = json!({ "source": source, "externalId": external_id });
    let answer = server.graphql(&staff, LINES, json!({ "code": "P0010", "key": key })).await;
    assert!(answer["partner"]["whyNot"]["summary"].is_string(), "for staff too");
    let lines = answer["partner"]["commissions"]["edges"].as_array().unwrap();
    assert!(lines.len() > 20, "too few to say anything");
    let mut settled = 0;
    for line in lines {
        let (line, explanation) = (&line["node"], &line["node"]["explanation"]);
        let fact = |code, name| fact(explanation, code, name);
        assert_eq!(fact("COMMISSION_CALCULATED", "amount"), line["amount"]["amount"].as_str(), "{line:#}");
        assert_eq!(fact("COMMISSION_CALCULATED", "base"), line["base"]["amount"].as_str());
        assert_eq!(fact("TIER_RATE", "ratePercent"), line["ratePercent"].as_str());
        assert_eq!(fact("EXCHANGE_RATE_APPLIED", "rate"), line["exchangeRate"]["rate"].as_str());
        assert_eq!(fact("STATEMENT_SETTLED", "digest"), line["statement"]["digest"].as_str());
        settled += usize::from(line["status"] == "SETTLED");
        for step in explanation["steps"].as_array().unwrap() {
            let text = step["text"].as_str().unwrap();
            assert!(text.ends_with(['.', ')']) && text.len() < 250, "{text}");
        }
    }
    assert!(settled > 0, "none of them is settled");
}
