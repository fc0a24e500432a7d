//! The interface as a whole, on a database of its own.

use async_graphql::{Executor, Request};
use entity::Moment;
use serde_json::{Value, json};

use super::*;
use crate::domain::caller::Caller;
use crate::services::testing::{Folder, app_in, empty_database};

/// An API with its clock.
struct Program {
    api: Api,
    app: App,
    _folder: Folder,
}

impl Program {
    async fn new() -> Program {
        let (folder, url) = empty_database();
        let app = app_in(&url).await;
        Program { api: Api::new(app.clone()), app, _folder: folder }
    }

    async fn ask(&self, caller: Caller, query: &str, variables: Value) -> Value {
        let variables = async_graphql::Variables::from_json(variables);
        let request = Request::new(query).variables(variables).data(caller);
        serde_json::to_value(self.api.execute(request).await).unwrap()
    }

    /// The data of an answer without errors.
    #[track_caller]
    fn data(answer: Value) -> Value {
        assert_eq!(answer.get("errors"), None, "{answer:#}");
        answer["data"].clone()
    }

    async fn partner(&self, query: &str, variables: Value) -> Value {
        Program::data(self.ask(partner(), query, variables).await)
    }

    async fn service(&self, query: &str, variables: Value) -> Value {
        Program::data(self.ask(service(), query, variables).await)
    }

    async fn staff(&self, query: &str, variables: Value) -> Value {
        Program::data(self.ask(staff(), query, variables).await)
    }

    fn at(&self, time: &str) {
        self.app.clock.set(Moment::from_utc(time.parse().unwrap()));
    }

    /// Four clients of the partner's, each with a top-up of 100.00 on 5 January; the code is his own.
    async fn with_clients(&self) -> String {
        let joined = self.partner("{ viewer { code } }", json!({})).await;
        let code = joined["viewer"]["code"].as_str().unwrap().to_owned();
        self.at("2026-01-10T00:00:00Z");
        let clients: Vec<Value> = (1..=4)
            .map(|n| json!({ "clientId": format!("client-{n}"), "registeredAt": "2026-01-02T00:00:00Z", "code": code }))
            .collect();
        let registered = self.service(REGISTER, json!({ "input": { "clients": clients } })).await;
        assert_eq!(registered["registerClients"]["results"][3]["outcome"], "ATTRIBUTED", "{registered:#}");
        let top_ups: Vec<Value> =
            (1..=4).map(|n| top_up(&format!("t{n}"), &format!("client-{n}"), "100.00")).collect();
        let recorded = self.service(TOP_UP, json!({ "input": { "topUps": top_ups } })).await;
        assert_eq!(recorded["recordTopUps"]["results"][3]["outcome"], "RECORDED", "{recorded:#}");
        code
    }
}

fn partner() -> Caller {
    Caller::Partner { account_id: "partner-1".to_owned() }
}

fn service() -> Caller {
    Caller::Service { subject: "billing".to_owned(), scopes: None }
}

fn staff() -> Caller {
    Caller::Staff { subject: "ann".to_owned(), scopes: None }
}

fn top_up(external_id: &str, client_id: &str, amount: &str) -> Value {
    json!({ "source": "billing", "externalId": external_id, "clientId": client_id, "amount": amount,
            "currencyCode": "EUR", "occurredAt": "2026-01-05T12:00:00Z" })
}

const REGISTER: &str = "mutation ($input: RegisterClientsInput!) { registerClients(input: $input) { \
    results { clientId outcome userErrors { code field message } } } }";
const TOP_UP: &str = "mutation ($input: RecordTopUpsInput!) { recordTopUps(input: $input) { results { externalId \
    outcome commission { id status amount { amount currencyCode } client { id } } userErrors { code field } } } }";
const REFUND: &str = "mutation ($input: RecordRefundsInput!) { recordRefunds(input: $input) { results { outcome \
    commission { kind base { amount } reverses { topUp { amount } } } userErrors { code field } } } }";
const SETTLE: &str = "mutation { settle(input: {}) { settlements { period { start status } status partnerCount \
    credited { amount } digest } userErrors { code } } }";
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

#[tokio::test]
async fn a_list_is_paged_both_ways_without_gap_or_repetition() {
    let program = Program::new().await;
    program.with_clients().await;
    let query = "query ($first: Int, $after: String, $last: Int, $before: String, $by: ReferredClientOrderField!) { viewer { \
                 referredClients(first: $first, after: $after, last: $last, before: $before, orderBy: { field: $by, direction: ASC }) { \
                 pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { id } } } } }";
    for by in ["REGISTERED_AT", "LAST_TOP_UP_AT", "TOP_UP_TOTAL"] {
        let page = async |variables: Value| {
            let mut variables = variables;
            variables["by"] = json!(by);
            program.partner(query, variables).await["viewer"]["referredClients"].clone()
        };
        let ids = |page: &Value| {
            page["edges"]
                .as_array()
                .unwrap()
                .iter()
                .map(|edge| edge["node"]["id"].clone())
                .collect::<Vec<_>>()
        };
        let all = page(json!({ "first": 100 })).await;
        assert_eq!(ids(&all).len(), 4);
        assert_eq!(all["pageInfo"]["hasNextPage"], false);
        let head = page(json!({ "first": 3 })).await;
        let tail = page(json!({ "first": 3, "after": head["pageInfo"]["endCursor"] })).await;
        assert_eq!([ids(&head), ids(&tail)].concat(), ids(&all), "{by}");
        assert_eq!(
            (&head["pageInfo"]["hasNextPage"], &head["pageInfo"]["hasPreviousPage"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(
            (&tail["pageInfo"]["hasNextPage"], &tail["pageInfo"]["hasPreviousPage"]),
            (&json!(false), &json!(true))
        );
        let last = page(json!({ "last": 3 })).await;
        let rest = page(json!({ "last": 3, "before": last["pageInfo"]["startCursor"] })).await;
        assert_eq!([ids(&rest), ids(&last)].concat(), ids(&all), "{by}");
        assert_eq!(
            (&last["pageInfo"]["hasNextPage"], &last["pageInfo"]["hasPreviousPage"]),
            (&json!(false), &json!(true))
        );
        assert_eq!(
            (&rest["pageInfo"]["hasNextPage"], &rest["pageInfo"]["hasPreviousPage"]),
            (&json!(true), &json!(false))
        );
    }
}

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

#[tokio::test]
async fn what_one_may_not_see_does_not_exist_and_what_is_anothers_to_do_is_forbidden() {
    let program = Program::new().await;
    program.with_clients().await;
    let own = program
        .partner("{ viewer { id commissions(first: 1) { edges { node { id } } } statements(first: 1) { totalCount } } }", json!({}))
        .await;
    let (id, line) = (&own["viewer"]["id"], &own["viewer"]["commissions"]["edges"][0]["node"]["id"]);
    let query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let ids = json!({ "ids": [id, line, "nonsense"] });
    let other = Caller::Partner { account_id: "partner-2".to_owned() };
    assert_eq!(
        program.partner(query, ids.clone()).await["nodes"],
        json!([{ "id": id }, { "id": line }, null])
    );
    assert_eq!(
        Program::data(program.ask(other, query, ids.clone()).await)["nodes"],
        json!([null, null, null])
    );
    assert_eq!(program.service(query, ids).await["nodes"], json!([null, { "id": line }, null]));

    let code = async |caller: Caller, query: &str| {
        let answer = program.ask(caller, query, json!({})).await;
        assert_eq!(answer["data"], Value::Null, "{query}: {answer:#}");
        answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    };
    for (query, allowed) in [
        ("{ viewer { id } }", "all"),
        ("{ node(id: \"x\") { id } }", "all"),
        ("{ partners(first: 1) { totalCount } }", "staff"),
        ("{ partner(code: \"x\") { id } }", "staff"),
        ("{ withdrawals(first: 1) { totalCount } }", "staff"),
        ("{ tickets(first: 1) { totalCount } }", "staff"),
        ("{ heldCommissions(first: 1) { totalCount } }", "staff"),
        ("{ settlements(first: 1) { totalCount } }", "staff"),
        ("{ settlementPreview { digest } }", "staff"),
        ("{ parkedFacts(first: 1) { totalCount } }", "staff"),
        ("mutation { settle(input: { dryRun: true }) { previews { digest } } }", "staff"),
        ("mutation { createReferralLink(input: {}) { referralLink { id } } }", "partner"),
        ("mutation { registerClients(input: { clients: [] }) { results { outcome } } }", "service"),
        ("mutation { recordTopUps(input: { topUps: [] }) { results { outcome } } }", "service"),
        ("mutation { recordRefunds(input: { refunds: [] }) { results { outcome } } }", "service"),
        (
            "mutation { recordExchangeRates(input: { publishedOn: \"2026-01-01\", rates: [] }) { recorded } }",
            "service",
        ),
    ] {
        assert_eq!(code(Caller::Anonymous, query).await, "UNAUTHENTICATED", "{query}");
        for (role, caller) in [("partner", partner()), ("staff", staff()), ("service", service())] {
            if allowed == "all" || allowed == role {
                Program::data(program.ask(caller, query, json!({})).await);
            } else {
                assert_eq!(code(caller, query).await, "FORBIDDEN", "{role} {query}");
            }
        }
    }
    let public =
        program.ask(Caller::Anonymous, "{ programme { name tiers { name } nextSettlementAt } }", json!({}));
    assert_eq!(Program::data(public.await)["programme"]["tiers"][0]["name"], "Standard");
}

#[tokio::test]
async fn a_link_is_made_once_a_code_and_staff_finds_its_partner() {
    let program = Program::new().await;
    let query = "mutation ($input: CreateReferralLinkInput!) { createReferralLink(input: $input) { \
                 referralLink { code target label archivedAt } userErrors { code field message } } }";
    let make = async |input: Value| {
        program.partner(query, json!({ "input": input })).await["createReferralLink"].clone()
    };
    let made = make(json!({ "code": "Spring-26", "label": "Blog", "campaign": "spring" })).await;
    assert_eq!(made["referralLink"]["code"], "Spring-26", "{made:#}");
    for (input, code, field) in [
        (json!({ "code": "spring-26" }), "CODE_TAKEN", "code"),
        (json!({ "code": "x" }), "INVALID", "code"),
        (json!({ "label": "\u{202e}" }), "INVALID", "label"),
        (json!({ "target": "https://elsewhere.example/" }), "TARGET_NOT_ALLOWED", "target"),
    ] {
        let refused = make(input).await;
        assert_eq!(refused["referralLink"], Value::Null);
        assert_eq!(refused["userErrors"][0]["code"], code);
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]));
    }
    let found = program.staff("{ partner(code: \"SPRING-26\") { accountId } }", json!({})).await;
    assert_eq!(found["partner"]["accountId"], "partner-1");
    for order in ["JOINED_AT", "AVAILABLE", "ACTIVE_CLIENTS", "LIFETIME_CREDITED"] {
        let query = format!(
            "{{ partners(first: 5, filter: {{ search: \"ner-1\" }}, orderBy: {{ field: {order}, direction: ASC }}) \
             {{ totalCount edges {{ node {{ accountId }} }} }} }}"
        );
        let listed = program.staff(&query, json!({})).await;
        assert_eq!(listed["partners"]["edges"][0]["node"]["accountId"], "partner-1", "{order}");
    }
    let none =
        program.staff("{ partners(first: 5, filter: { search: \"%\" }) { totalCount } }", json!({})).await;
    assert_eq!(none["partners"]["totalCount"], 0, "what is searched for is no pattern");
}

#[tokio::test]
async fn commissions_are_filtered_by_all_that_is_given() {
    let program = Program::new().await;
    program.with_clients().await;
    let ids = program
        .partner("{ viewer { links(first: 1) { edges { node { id } } } referredClients(first: 1) { edges { node { id } } } } }", json!({}))
        .await;
    let link = &ids["viewer"]["links"]["edges"][0]["node"]["id"];
    let client = &ids["viewer"]["referredClients"]["edges"][0]["node"]["id"];
    let query = "query ($filter: CommissionFilter) { viewer { commissions(first: 10, filter: $filter) { totalCount edges { node { id } } } } }";
    for (filter, found) in [
        (json!({}), 4),
        (json!({ "status": "PENDING", "kind": "TOP_UP" }), 4),
        (json!({ "status": "SETTLED" }), 0),
        (json!({ "status": "HELD" }), 0),
        (json!({ "kind": "REFUND" }), 0),
        (json!({ "referredClientId": client }), 1),
        (json!({ "linkId": link, "occurredFrom": "2026-01-05T12:00:00Z" }), 4),
        (json!({ "occurredBefore": "2026-01-05T12:00:00Z" }), 0),
        (json!({ "periodStart": "2026-01-01" }), 4),
        (json!({ "periodStart": "2026-01-02" }), 0),
        (json!({ "linkId": client }), 0),
    ] {
        let page = program.partner(query, json!({ "filter": filter })).await["viewer"]["commissions"].clone();
        assert_eq!(page["totalCount"], found, "{filter}");
        assert_eq!(page["edges"].as_array().unwrap().len(), found, "{filter}");
    }
}

#[tokio::test]
async fn a_ticket_leads_to_what_it_is_about() {
    let program = Program::new().await;
    program.with_clients().await;
    let ids = "{ viewer { commissions(first: 1) { edges { node { id } } } referredClients(first: 1) { edges { node { id } } } \
               links(first: 1) { edges { node { id } } } } }";
    let viewer = program.partner(ids, json!({})).await["viewer"].clone();
    let open = "mutation ($input: OpenTicketInput!) { openTicket(input: $input) { ticket { about { __typename id } \
                messages { author text } } userErrors { code field } } }";
    for (ticket, list, kind) in [
        ("DISPUTE", "commissions", "Commission"),
        ("QUESTION", "commissions", "Commission"),
        ("QUESTION", "referredClients", "ReferredClient"),
        ("QUESTION", "links", "ReferralLink"),
    ] {
        let id = &viewer[list]["edges"][0]["node"]["id"];
        let input = json!({ "kind": ticket, "subject": "Why", "text": "Why?", "aboutId": id });
        let opened = program.partner(open, json!({ "input": input })).await["openTicket"].clone();
        assert_eq!(opened["ticket"]["about"], json!({ "__typename": kind, "id": id }), "{opened:#}");
        assert_eq!(opened["ticket"]["messages"], json!([{ "author": "PARTNER", "text": "Why?" }]));
    }
    let link = &viewer["links"]["edges"][0]["node"]["id"];
    let input = json!({ "kind": "DISPUTE", "subject": "Why", "text": "Why?", "aboutId": link });
    let opened = program.partner(open, json!({ "input": input })).await["openTicket"].clone();
    let expected = json!([{ "code": "NOT_FOUND", "field": ["input", "aboutId"] }]);
    assert_eq!(opened["userErrors"], expected, "a dispute is over money");
}
