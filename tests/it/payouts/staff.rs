//! What staff sees: lists that are searched and ordered, a partner's whole view, what is to come.

use serde_json::{Value, json};

use super::{Desk, IBAN, Partner, text};
use crate::harness::{Backend, Csv, on_both_databases};

on_both_databases!(
    staff_finds_partners_withdrawals_and_tickets,
    staff_sees_a_partner_as_he_sees_himself_and_changes_nothing_for_him,
    staff_sees_the_tiers_that_are_to_come_and_everybody_those_in_force,
    nothing_is_adjusted_below_zero_or_twice,
);

const PARTNERS: &str = "query($filter: PartnerFilter, $orderBy: PartnerOrder) {
    partners(first: 9, filter: $filter, orderBy: $orderBy) { totalCount edges { node { accountId } } } }";

async fn found(desk: &Desk, filter: Value, order_by: Value) -> Vec<String> {
    let variables = json!({ "filter": filter, "orderBy": order_by });
    let answer = desk.server.graphql(&desk.ann, PARTNERS, variables).await;
    let partners = &answer["partners"];
    let edges = partners["edges"].as_array().unwrap();
    assert_eq!(partners["totalCount"], edges.len());
    edges.iter().map(|edge| text(&edge["node"]["accountId"])).collect()
}

async fn staff_finds_partners_withdrawals_and_tickets(backend: Backend) {
    let desk = Desk::open(backend).await;
    let [rich, poor] = [desk.rich_partner("rich-1", "900").await, desk.rich_partner("poor_1", "300").await];
    let none = desk.partner("none-1").await;
    desk.done(&desk.ann, "suspendPartner", json!({ "partnerId": none.id, "reason": "Doubts." })).await;
    let by = |field: &str, direction: &str| json!({ "field": field, "direction": direction });
    let code = desk.server.graphql(&poor.token, "{ viewer { code } }", json!({})).await;
    let code = text(&code["viewer"]["code"]).to_uppercase();
    assert_eq!(found(&desk, json!({ "search": "RICH" }), Value::Null).await, ["rich-1"]);
    assert_eq!(found(&desk, json!({ "search": code }), Value::Null).await, ["poor_1"]);
    assert_eq!(found(&desk, json!({ "search": "_" }), Value::Null).await, ["poor_1"], "no wildcard");
    assert_eq!(found(&desk, json!({ "status": "SUSPENDED" }), Value::Null).await, ["none-1"]);
    assert_eq!(found(&desk, json!({ "tier": "Premier" }), Value::Null).await, Vec::<String>::new());
    for (field, expected) in
        [("JOINED_AT", ["rich-1", "poor_1", "none-1"]), ("AVAILABLE", ["none-1", "poor_1", "rich-1"])]
    {
        assert_eq!(found(&desk, Value::Null, by(field, "ASC")).await, expected, "{field}");
        let back: Vec<&str> = expected.into_iter().rev().collect();
        assert_eq!(found(&desk, Value::Null, by(field, "DESC")).await, back, "{field}");
    }
    for field in ["ACTIVE_CLIENTS", "LIFETIME_CREDITED"] {
        assert_eq!(found(&desk, Value::Null, by(field, "DESC")).await.len(), 3, "{field}");
    }
    let [first, _] = [desk.approved(&rich, "200").await, desk.request(&poor, "150", IBAN, "Jo").await];
    let open = json!({ "kind": "DISPUTE", "subject": "Late", "text": "Where is it?", "aboutId": first });
    desk.done(&rich.token, "openTicket", open).await;
    let count = async |list: &str, filter: Value| {
        let kind = if list == "withdrawals" { "WithdrawalFilter" } else { "TicketFilter" };
        let query =
            format!("query($filter: {kind}) {{ {list}(first: 9, filter: $filter) {{ totalCount }} }}");
        let answer = desk.server.graphql(&desk.ann, &query, json!({ "filter": filter })).await;
        answer[list]["totalCount"].as_u64().unwrap()
    };
    assert_eq!(count("withdrawals", json!({})).await, 2);
    assert_eq!(count("withdrawals", json!({ "status": "APPROVED" })).await, 1);
    assert_eq!(count("withdrawals", json!({ "partnerId": poor.id, "status": "APPROVED" })).await, 0);
    assert_eq!(count("withdrawals", json!({ "requestedBefore": "2026-01-01T00:00:00Z" })).await, 0);
    assert_eq!(count("tickets", json!({ "kind": "DISPUTE", "status": "OPEN" })).await, 1);
    assert_eq!(
        count("tickets", json!({ "kind": "CONTRACT" })).await,
        2,
        "of the contracts that were offered"
    );
    for list in ["partners", "withdrawals", "tickets", "settlements", "heldCommissions", "parkedFacts"] {
        let query = format!("{{ {list}(first: 1) {{ totalCount }} }}");
        let answer = desk.server.request(&rich.token, &query, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{list}");
        desk.server.graphql(&desk.ann, &query, json!({})).await;
    }
}

const VIEW: &str = "id accountId code status joinedAt individualRatePercent standing { ratePercent activeClients }
    forecast { activeClientsNow nextCredit { amount } } balance { available { amount } reserved { amount } pending { amount } }
    contract { status ticket { subject messages { author text } } } withdrawalEligibility { eligible obstacles }
    links(first: 5) { edges { node { code url } } } referredClients(first: 5) { edges { node { reference } } }
    commissions(first: 5) { edges { node { id } } } statements(first: 5) { edges { node { id } } }
    withdrawals(first: 5) { edges { node { id destination status } } } serviceTransfers(first: 5) { edges { node { id } } }
    ledger(first: 5) { edges { node { kind amount { amount } } } } tickets(first: 5) { edges { node { id kind } } }";

async fn staff_sees_a_partner_as_he_sees_himself_and_changes_nothing_for_him(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "900").await;
    let waiting = desk.request(&partner, "200", IBAN, "Jo").await;
    let query = format!("{{ viewer {{ {VIEW} }} }}");
    let own = desk.server.graphql(&partner.token, &query, json!({})).await["viewer"].take();
    let query = format!("{{ partner(accountId: \"acct-1\") {{ {VIEW} }} }}");
    let seen = desk.server.graphql(&desk.ann, &query, json!({})).await["partner"].take();
    assert_eq!(seen, own);
    for (mutation, input) in [
        ("cancelWithdrawal", json!({ "id": waiting })),
        ("requestContract", json!({})),
        ("transferToServiceBalance", json!({ "amount": "1", "idempotencyKey": "k" })),
        ("openTicket", json!({ "kind": "QUESTION", "subject": "a", "text": "b" })),
    ] {
        let document = super::document_of(mutation);
        let answer = desk.server.request(&desk.ann, &document, json!({ "input": input })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{mutation}");
    }
}

async fn client_of(desk: &Desk, partner: &Partner) {
    let viewer = desk.server.graphql(&partner.token, "{ viewer { code } }", json!({})).await;
    let code = text(&viewer["viewer"]["code"]);
    let clients = format!("client_id,partner_code,registered_at\nc-1,{code},2026-01-02T00:00:00Z\n");
    desk.parrain.import_rows("clients", &Csv::parse(&clients));
    let top_ups = "source,external_id,client_id,occurred_at,amount,currency,kind\n\
                   till,1,c-1,2026-01-03T00:00:00Z,10,EUR,PURCHASE\n";
    desk.parrain.import_rows("top-ups", &Csv::parse(top_ups));
}

async fn staff_sees_the_tiers_that_are_to_come_and_everybody_those_in_force(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.partner("acct-1").await;
    client_of(&desk, &partner).await;
    let answer = desk.server.graphql(&desk.ann, "{ programme { currentPeriod { start } } }", json!({})).await;
    desk.parrain.settle_until(&text(&answer["programme"]["currentPeriod"]["start"]));
    let input = json!({ "reason": "More.", "tiers": [
        { "name": "One", "minimumActiveClients": 0, "ratePercent": "10.5" },
        { "name": "Two", "minimumActiveClients": 5, "ratePercent": "30" },
    ] });
    desk.done(&desk.ann, "setTiers", input).await;
    let query =
        "{ programme { tiers { name ratePercent } comingTiers { from { start } tiers { name ratePercent } }
                 currentPeriod { end } } }";
    let seen = desk.server.graphql(&desk.ann, query, json!({})).await["programme"].take();
    assert_eq!(seen["tiers"][0], json!({ "name": "Standard", "ratePercent": "10" }), "in force until then");
    let coming = json!([{ "from": { "start": seen["currentPeriod"]["end"] }, "tiers": [
        { "name": "One", "ratePercent": "10.5" }, { "name": "Two", "ratePercent": "30" },
    ] }]);
    assert_eq!(seen["comingTiers"], coming);
    let public = desk.server.graphql(&partner.token, query, json!({})).await["programme"].take();
    assert_eq!((&public["tiers"], &public["comingTiers"]), (&seen["tiers"], &Value::Null));
    desk.parrain.verify();
}

async fn nothing_is_adjusted_below_zero_or_twice(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.partner("acct-1").await;
    let adjust = |amount: &str, key: &str| json!({ "partnerId": partner.id, "amount": amount, "reason": "So.", "idempotencyKey": key });
    for (amount, key, outcome) in [
        ("-0.01", "a", "INSUFFICIENT_BALANCE"),
        ("0", "a", "INVALID"),
        ("10", "a", "ACTIVE"),
        ("10", "a", "ACTIVE"),
        ("11", "a", "IDEMPOTENCY_KEY_REUSED"),
        ("-10.000001", "b", "INSUFFICIENT_BALANCE"),
        ("-10", "b", "ACTIVE"),
        ("1", "", "INVALID"),
    ] {
        let came_of_it = desk.outcome(&desk.ann, "adjustBalance", adjust(amount, key)).await;
        assert_eq!(came_of_it, outcome, "{amount} under {key:?}");
    }
    assert_eq!(desk.balance(&partner).await, ["0.000000", "0.000000", "0.000000"]);
    desk.parrain.verify();
}
