//! What a query costs the database: a number of statements that does not depend on how long its lists are.

use std::collections::{BTreeMap, BTreeSet};

use parrain::services::partner::{self, Joining};
use serde_json::{Value, json};

use crate::harness::{Backend, Program, on_both_databases, partner as caller, service, staff};

on_both_databases!(every_object_below_a_list_of_a_hundred_is_looked_up_with_the_others);

/// What is looked up one by one: reading it is put on record.
const ONE_BY_ONE: [&str; 1] = ["destinationInFull"];
/// Lists for staff, and what a partner has of each kind.
const LISTS: [&str; 8] = [
    "partners",
    "withdrawals",
    "tickets",
    "heldCommissions",
    "settlements",
    "parkedFacts",
    "auditLog",
    "nodes",
];

async fn every_object_below_a_list_of_a_hundred_is_looked_up_with_the_others(backend: Backend) {
    let (few, many) = (program(backend, 3).await, program(backend, 100).await);
    let types = types(&few).await;
    for list in LISTS {
        let (few, many) = (statements(&few, &types, list).await, statements(&many, &types, list).await);
        // Which of them meet in a batch is decided by a hair. SQLite cuts a list of parameters into pieces besides.
        let times = if backend == Backend::Sqlite { 5 } else { 2 };
        assert!(many <= few * times, "{list}: {many} statements for a hundred, {few} for three");
    }
}

/// Partners who have done all that partners do: each with two clients, one of whom is held, and a settlement behind.
async fn program(backend: Backend, partners: usize) -> Program {
    let program = Program::new(backend).await;
    let now = program.app.clock.now();
    let joining: Vec<Joining> = (0..partners)
        .map(|n| Joining { account_id: format!("p-{n}"), code: Some(format!("code-{n}")), joined_at: now })
        .collect();
    partner::join(&program.app, &joining).await.unwrap();
    program.at("2026-01-10T00:00:00Z");
    let clients: Vec<Value> = (0..partners * 4)
        .map(|n| {
            let registered_at = "2026-01-02T00:00:00Z";
            json!({ "clientId": format!("c-{n}"), "registeredAt": registered_at, "code": format!("code-{}", n / 4) })
        })
        .collect();
    program.done(service(), "registerClients", "RegisterClientsInput", json!({ "clients": clients })).await;
    let top_up = |n: usize, of: usize| {
        json!({ "source": "billing", "externalId": format!("{n}-{of}"), "clientId": format!("c-{n}"),
                "amount": "500.00", "currencyCode": "EUR", "occurredAt": format!("2026-01-0{}T12:00:00Z", 5 + of) })
    };
    let record = async |top_ups: Vec<Value>| {
        program.done(service(), "recordTopUps", "RecordTopUpsInput", json!({ "topUps": top_ups })).await
    };
    record((0..partners * 4).map(|n| top_up(n, 0)).collect()).await;
    let refunds: Vec<Value> = (0..partners)
        .map(|n| {
            json!({ "source": "billing", "externalId": format!("r-{n}"), "topUpExternalId": format!("{}-0", n * 4),
                    "clientId": format!("c-{}", n * 4), "occurredAt": "2026-01-06T00:00:00Z", "amount": "1.00" })
        })
        .collect();
    program.done(service(), "recordRefunds", "RecordRefundsInput", json!({ "refunds": refunds })).await;
    let hold = |n: usize| json!({ "clientId": format!("c-{}", n * 4 + 3), "reason": "to look at" });
    for n in 0..partners {
        program.done(staff(), "holdClient", "HoldClientInput", hold(n)).await;
    }
    record((0..partners).map(|n| top_up(n * 4 + 3, 1)).collect()).await;
    record(
        (0..partners)
            .map(|n| {
                json!({ "source": "billing", "externalId": format!("parked-{n}"),
        "clientId": format!("unknown-{n}"), "amount": "5.00", "currencyCode": "EUR",
        "occurredAt": "2026-01-05T00:00:00Z" })
            })
            .collect(),
    )
    .await;
    program.at("2026-01-15T12:00:00Z");
    program.done(staff(), "settle", "SettleInput", json!({})).await;
    program.at("2026-01-16T00:00:00Z");
    for n in 0..partners {
        let who = || caller(&format!("p-{n}"));
        let viewer =
            program.ask(who(), "{ viewer { id commissions(first: 1) { edges { node { id } } } } }").await;
        let line = &viewer["viewer"]["commissions"]["edges"][0]["node"]["id"];
        let ticket = json!({ "kind": "DISPUTE", "subject": "Why", "text": "Why?", "aboutId": line });
        program.done(who(), "openTicket", "OpenTicketInput", ticket).await;
        let digest = "ab".repeat(32);
        let offer = json!({ "partnerId": viewer["viewer"]["id"], "version": "1", "documentDigest": digest,
                            "documentUrl": "https://www.example.com/contract.pdf" });
        program.done(staff(), "offerContract", "OfferContractInput", offer).await;
        let accept = json!({ "documentDigest": digest });
        program.done(who(), "acceptContract", "AcceptContractInput", accept).await;
        let transfer = json!({ "amount": "1.00", "idempotencyKey": "1" });
        program.done(who(), "transferToServiceBalance", "TransferToServiceBalanceInput", transfer).await;
        let key = json!({ "label": "Accounting", "scopes": ["READ_BALANCE"] });
        program.done(who(), "createApiKey", "CreateApiKeyInput", key).await;
        let site = json!({ "url": "https://example.org/" });
        program.done(who(), "declareSite", "DeclareSiteInput", site).await;
        let destination = json!({ "paypal": { "email": "partner@example.com" } });
        let withdraw = json!({ "amount": "1.00", "destination": destination, "idempotencyKey": "1" });
        program.done(who(), "requestWithdrawal", "RequestWithdrawalInput", withdraw).await;
    }
    program
}

/// The schema's types by their names, as introspection tells of them.
async fn types(program: &Program) -> BTreeMap<String, Value> {
    let of = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
    let query = format!(
        "{{ __schema {{ types {{ name kind \
         fields {{ name type {{ {of} }} args {{ name type {{ {of} }} }} }} }} }} }}"
    );
    let answer = program.ask(staff(), &query).await;
    let types = answer["__schema"]["types"].as_array().unwrap().iter();
    types.map(|of| (of["name"].as_str().unwrap().to_owned(), of.clone())).collect()
}

/// The name of a type without what it is wrapped in.
fn named(mut of: &Value) -> &str {
    while of["name"].is_null() {
        of = &of["ofType"];
    }
    of["name"].as_str().unwrap()
}

/// Everything that can be selected of a type, each kind of object once on the way to it.
fn everything(types: &BTreeMap<String, Value>, name: &str, on_the_way: &BTreeSet<String>) -> String {
    let of = &types[name];
    if on_the_way.contains(name) || on_the_way.len() > 6 {
        return "{ __typename }".to_owned();
    }
    let mut on_the_way = on_the_way.clone();
    // What only leads to a list is not on the way to the same list of something else.
    if !name.ends_with("Connection") && !name.ends_with("Edge") {
        on_the_way.insert(name.to_owned());
    }
    if of["kind"] == "INTERFACE" {
        return "{ __typename id }".to_owned();
    }
    let fields =
        of["fields"].as_array().unwrap().iter().filter_map(|field| select(types, field, &on_the_way));
    format!("{{ {} }}", fields.collect::<Vec<_>>().join(" "))
}

fn select(types: &BTreeMap<String, Value>, field: &Value, on_the_way: &BTreeSet<String>) -> Option<String> {
    let name = field["name"].as_str().unwrap();
    if ONE_BY_ONE.contains(&name) {
        return None;
    }
    let arguments = field["args"].as_array().unwrap();
    let takes = |argument: &str| arguments.iter().any(|known| known["name"] == argument);
    let required = |argument: &&Value| argument["type"]["kind"] == "NON_NULL" && argument["name"] != "first";
    let given = if takes("first") { "(first: 1)" } else { "" };
    if arguments.iter().any(|argument| required(&argument) && argument["name"] != "includeArchived") {
        return None;
    }
    let of = named(&field["type"]);
    let below = match types[of]["kind"].as_str().unwrap() {
        "OBJECT" | "INTERFACE" => everything(types, of, on_the_way),
        _ => String::new(),
    };
    let then = ["at", "asOf"].into_iter().find(|argument| takes(argument));
    let then = then.map_or_else(String::new, |argument| {
        format!("{name}Then: {name}({argument}: \"2026-01-12T00:00:00Z\") {below} ")
    });
    Some(format!("{then}{name}{given} {below}"))
}

/// How many statements a list with everything below it costs.
async fn statements(program: &Program, types: &BTreeMap<String, Value>, list: &str) -> u64 {
    let query = match list {
        "nodes" => format!("{{ nodes(ids: {}) {{ id }} }}", ids(program).await),
        _ => {
            let connection = types["Query"]["fields"].as_array().unwrap().iter();
            let of = connection
                .clone()
                .find(|field| field["name"] == list)
                .map(|field| named(&field["type"]))
                .unwrap();
            format!("{{ {list}(first: 100) {} }}", everything(types, of, &BTreeSet::new()))
        }
    };
    let before = program.app.db.statements();
    let answer = program.ask(staff(), &query).await;
    let found = if list == "nodes" { &answer["nodes"] } else { &answer[list]["edges"] };
    assert!(!found[0].is_null(), "{list} holds nothing");
    program.app.db.statements() - before
}

/// Ids of everything that staff can list, a hundred at most.
async fn ids(program: &Program) -> Value {
    let query = "{ partners(first: 8) { edges { node { id
        links(first: 1) { edges { node { id } } } referredClients(first: 2) { edges { node { id } } }
        commissions(first: 1) { edges { node { id } } } statements(first: 1) { edges { node { id } } }
        ledger(first: 2) { edges { node { id } } } serviceTransfers(first: 1) { edges { node { id } } }
        withdrawals(first: 1) { edges { node { id } } } tickets(first: 1) { edges { node { id } } }
        sites(first: 1) { edges { node { id } } } apiKeys { id } } } }
        settlements(first: 1) { edges { node { id } } } parkedFacts(first: 3) { edges { node { id } } }
        auditLog(first: 3) { edges { node { id } } } }";
    let mut found = Vec::new();
    gather(&program.ask(staff(), query).await, &mut found);
    found.truncate(100);
    json!(found)
}

fn gather(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match name.as_str() {
            "id" => found.push(value.clone()),
            _ => gather(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
        _ => {}
    }
}
