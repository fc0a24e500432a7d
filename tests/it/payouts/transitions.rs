//! Every state and every step of it, legal and illegal, as the interface has them: a table a noun.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Desk, IBAN, Partner, digest, offer, text};
use crate::harness::{Backend, on_both_databases};

on_both_databases!(
    withdrawals,
    service_transfers,
    contracts,
    a_ticket_about_the_contract_asks_for_it,
    tickets,
    partners,
    a_suspended_partners_withdrawals_are_not_approved_and_not_put_into_a_file,
);

/// A table: its first row names the steps, its first column the states. A cell is the state that the step leads to, `=` for
/// ALREADY_DONE, `-` for ILLEGAL_TRANSITION, or another code.
fn cells(table: &'static str) -> Vec<[&'static str; 3]> {
    let mut rows = table.lines().map(str::split_whitespace).filter(|row| row.clone().next().is_some());
    let steps: Vec<&str> = rows.next().unwrap().collect();
    let mut cells = Vec::new();
    for mut row in rows {
        let state = row.next().unwrap();
        let outcomes: Vec<&str> = row.collect();
        assert_eq!(outcomes.len(), steps.len(), "{state}");
        for (step, outcome) in steps.iter().zip(outcomes) {
            let outcome = match outcome {
                "=" => "ALREADY_DONE",
                "-" => "ILLEGAL_TRANSITION",
                other => other,
            };
            cells.push([state, *step, outcome]);
        }
    }
    cells
}

/// Whether an outcome is the state that a step led to.
fn is_state(outcome: &str) -> bool {
    !["ALREADY_DONE", "ILLEGAL_TRANSITION", "INVALID"].contains(&outcome)
}

const WITHDRAWALS: &str = "
                approve    reject     cancel     pay   fail
    REQUESTED   APPROVED   REJECTED   CANCELLED  -     -
    APPROVED    =          -          -          PAID  FAILED
    IN_A_FILE   =          -          -          PAID  FAILED
    PAID        -          -          -          =     -
    REJECTED    -          =          -          -     -
    CANCELLED   -          -          =          -     -
    FAILED      -          -          -          -     =
";

async fn take(desk: &Desk, partner: &Partner, id: &str, step: &str) -> String {
    let (token, mutation, input) = match step {
        "approve" => (&desk.ann, "approveWithdrawal", json!({ "id": id })),
        "reject" => (&desk.ann, "rejectWithdrawal", json!({ "id": id, "reason": "No." })),
        "cancel" => (&partner.token, "cancelWithdrawal", json!({ "id": id })),
        "pay" => (&desk.bob, "markWithdrawalPaid", json!({ "id": id, "paymentReference": "ref" })),
        "fail" => (&desk.bob, "markWithdrawalFailed", json!({ "id": id, "reason": "The bank says so." })),
        other => panic!("{other}"),
    };
    desk.outcome(token, mutation, input).await
}

async fn withdrawals(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "10000").await;
    let cells = cells(WITHDRAWALS);
    let mut ids = Vec::new();
    for [state, ..] in &cells {
        let id = desk.request(&partner, "100", IBAN, "Jo").await;
        if *state == "IN_A_FILE" {
            take(&desk, &partner, &id, "approve").await;
        }
        ids.push(id);
    }
    let file = desk.parrain.run(["export", "withdrawals", "--format", "pain001"]).printed();
    assert_eq!(file.matches("<CdtTrfTxInf>").count(), 5);
    for (id, [state, ..]) in ids.iter().zip(&cells) {
        let path: &[&str] = match *state {
            "APPROVED" => &["approve"],
            "PAID" => &["approve", "pay"],
            "FAILED" => &["approve", "fail"],
            "REJECTED" => &["reject"],
            "CANCELLED" => &["cancel"],
            _ => &[],
        };
        for step in path {
            take(&desk, &partner, id, step).await;
        }
    }
    for (id, [state, step, expected]) in ids.iter().zip(&cells) {
        let before = (desk.withdrawal(id).await, desk.balance(&partner).await);
        let status = if *state == "IN_A_FILE" { "APPROVED" } else { *state };
        assert_eq!(before.0["status"], *status, "{state}");
        assert_eq!(take(&desk, &partner, id, step).await, *expected, "{state} {step}");
        if is_state(expected) {
            assert_eq!(take(&desk, &partner, id, step).await, "ALREADY_DONE", "{state} {step} again");
        } else {
            let after = (desk.withdrawal(id).await, desk.balance(&partner).await);
            assert_eq!(after, before, "{state} {step}: a refused step changes nothing");
        }
    }
    let other = desk.partner("acct-2").await;
    for (id, [..]) in ids.iter().zip(&cells).take(1) {
        assert_eq!(take(&desk, &other, id, "cancel").await, "NOT_FOUND", "another's");
        for (mutation, input) in [
            ("rejectWithdrawal", json!({ "id": id })),
            ("rejectWithdrawal", json!({ "id": id, "reason": " " })),
            ("markWithdrawalFailed", json!({ "id": id })),
        ] {
            assert_eq!(desk.outcome(&desk.ann, mutation, input).await, "REQUIRED", "{mutation}");
        }
    }
    desk.parrain.verify();
}

const SERVICE_TRANSFERS: &str = "
                complete   fail
    REQUESTED   COMPLETED  FAILED
    COMPLETED   =          -
    FAILED      -          =
";

async fn service_transfers(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "100").await;
    let answer = async |id: &str, step: &str| {
        let (mutation, input) = match step {
            "complete" => ("completeServiceTransfer", json!({ "id": id })),
            _ => ("failServiceTransfer", json!({ "id": id, "reason": "Blocked." })),
        };
        desk.outcome(&desk.billing, mutation, input).await
    };
    for (number, [state, step, expected]) in cells(SERVICE_TRANSFERS).into_iter().enumerate() {
        let asked = json!({ "amount": "10", "idempotencyKey": format!("{number}") });
        let id = text(&desk.done(&partner.token, "transferToServiceBalance", asked.clone()).await["id"]);
        match state {
            "COMPLETED" => drop(answer(&id, "complete").await),
            "FAILED" => drop(answer(&id, "fail").await),
            _ => {}
        }
        let before = desk.balance(&partner).await;
        assert_eq!(answer(&id, step).await, expected, "{state} {step}");
        if is_state(expected) {
            assert_eq!(answer(&id, step).await, "ALREADY_DONE", "{state} {step} again");
        } else {
            assert_eq!(desk.balance(&partner).await, before, "{state} {step}");
        }
        let again = desk.done(&partner.token, "transferToServiceBalance", asked).await;
        assert_eq!(again["id"], id, "asked again with the same key");
    }
    assert_eq!(desk.balance(&partner).await, ["70.000000", "0.000000", "30.000000"]);
    desk.parrain.verify();
}

const CONTRACTS: &str = "
                  request    offer-1    offer-2    accept-1  accept-2  terminate
    NONE          REQUESTED  OFFERED    OFFERED    -         -         -
    REQUESTED     =          OFFERED    OFFERED    -         -         TERMINATED
    OFFERED       -          =          OFFERED    ACTIVE    INVALID   TERMINATED
    ACTIVE        -          =          ACTIVE     =         -         TERMINATED
    ACTIVE_AND_2  -          ACTIVE     =          =         ACTIVE    TERMINATED
    TERMINATED    REQUESTED  OFFERED    OFFERED    -         -         =
";

async fn agree(desk: &Desk, partner: &Partner, step: &str) -> String {
    let (token, mutation, input) = match step {
        "request" => (&partner.token, "requestContract", json!({ "message": "Please." })),
        "offer-1" => (&desk.ann, "offerContract", offer(partner, "1")),
        "offer-2" => (&desk.ann, "offerContract", offer(partner, "2")),
        "accept-1" => (&partner.token, "acceptContract", json!({ "documentDigest": digest("1") })),
        "accept-2" => (&partner.token, "acceptContract", json!({ "documentDigest": digest("2") })),
        "terminate" => {
            (&desk.ann, "terminateContract", json!({ "partnerId": partner.id, "reason": "It ends." }))
        }
        other => panic!("{other}"),
    };
    desk.outcome(token, mutation, input).await
}

/// What the contract's thread says, oldest first.
async fn thread(desk: &Desk, partner: &Partner) -> Vec<Value> {
    let query = "{ viewer { contract { ticket { kind messages { author text } } } } }";
    let mut answer = desk.server.graphql(&partner.token, query, json!({})).await;
    let ticket = &mut answer["viewer"]["contract"]["ticket"];
    if ticket.is_null() {
        return Vec::new();
    }
    assert_eq!(ticket["kind"], "CONTRACT");
    ticket["messages"].as_array().unwrap().clone()
}

async fn contracts(backend: Backend) {
    let desk = Desk::open(backend).await;
    let paths: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("NONE", &[][..]),
        ("REQUESTED", &["request"]),
        ("OFFERED", &["offer-1"]),
        ("ACTIVE", &["offer-1", "accept-1"]),
        ("ACTIVE_AND_2", &["offer-1", "accept-1", "offer-2"]),
        ("TERMINATED", &["offer-1", "accept-1", "terminate"]),
    ]);
    for (number, [state, step, expected]) in cells(CONTRACTS).into_iter().enumerate() {
        let partner = desk.partner(&format!("acct-{number}")).await;
        for before in paths[state] {
            agree(&desk, &partner, before).await;
        }
        let before = thread(&desk, &partner).await;
        assert_eq!(agree(&desk, &partner, step).await, expected, "{state} {step}");
        let after = thread(&desk, &partner).await;
        if !is_state(expected) {
            assert_eq!(after, before, "{state} {step}: a refused step says nothing");
        } else if state == "TERMINATED" {
            assert!(!after.is_empty() && after != before, "it begins anew, in a thread of its own");
        } else {
            assert_eq!(after[..before.len()], before, "{state} {step}");
            assert!(after.len() > before.len(), "{state} {step}: every change is in the thread");
        }
    }
}

async fn a_ticket_about_the_contract_asks_for_it(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.partner("acct-1").await;
    let open = json!({ "kind": "CONTRACT", "subject": "Contract", "text": "May I have one?" });
    let query = "{ viewer { contract { status requestedAt ticket { id } } } }";
    let contract =
        async || desk.server.graphql(&partner.token, query, json!({})).await["viewer"]["contract"].take();
    let ticket = desk.done(&partner.token, "openTicket", open.clone()).await["id"].take();
    let asked = contract().await;
    assert_eq!((&asked["status"], &asked["ticket"]["id"]), (&json!("REQUESTED"), &ticket));
    assert!(!asked["requestedAt"].is_null());
    let said = thread(&desk, &partner).await;
    let authors: Vec<&str> = said.iter().map(|message| message["author"].as_str().unwrap()).collect();
    assert_eq!(authors, ["PARTNER", "SYSTEM"]);
    assert_eq!(agree(&desk, &partner, "request").await, "ALREADY_DONE");
    let again = desk.done(&partner.token, "openTicket", open).await["id"].take();
    assert_ne!(again, ticket, "a conversation like any other");
    assert_eq!(contract().await, asked);
}

const TICKETS: &str = "
              reply  answer    close
    OPEN      OPEN   ANSWERED  CLOSED
    ANSWERED  OPEN   ANSWERED  CLOSED
    CLOSED    -      -         =
";

async fn tickets(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.partner("acct-1").await;
    let other = desk.partner("acct-2").await;
    let say = async |id: &str, step: &str| {
        let (token, mutation, input) = match step {
            "reply" => (&partner.token, "replyToTicket", json!({ "id": id, "text": "And?" })),
            "answer" => (&desk.ann, "replyToTicket", json!({ "id": id, "text": "So." })),
            _ => (&desk.ann, "closeTicket", json!({ "id": id, "reason": "Done." })),
        };
        desk.outcome(token, mutation, input).await
    };
    let messages = async |id: &str| {
        let query = "query($id: ID!) { node(id: $id) { ... on Ticket { messages { author text } } } }";
        desk.server.graphql(&desk.ann, query, json!({ "id": id })).await["node"]["messages"].take()
    };
    for [state, step, expected] in cells(TICKETS) {
        let opened = json!({ "kind": "QUESTION", "subject": "Why?", "text": "Tell me." });
        let id = text(&desk.done(&partner.token, "openTicket", opened).await["id"]);
        match state {
            "ANSWERED" => drop(say(&id, "answer").await),
            "CLOSED" => drop(say(&id, "close").await),
            _ => {}
        }
        let before = messages(&id).await;
        assert_eq!(say(&id, step).await, expected, "{state} {step}");
        let after = messages(&id).await;
        assert_eq!(after == before, !is_state(expected), "{state} {step}");
        let others = json!({ "id": id, "text": "Mine?" });
        assert_eq!(desk.outcome(&other.token, "replyToTicket", others).await, "NOT_FOUND");
    }
}

const PARTNERS: &str = "
               suspend    reinstate
    ACTIVE     SUSPENDED  =
    SUSPENDED  =          ACTIVE
";

async fn partners(backend: Backend) {
    let desk = Desk::open(backend).await;
    let set = async |partner: &Partner, step: &str| {
        let input = json!({ "partnerId": partner.id, "reason": "Because." });
        desk.outcome(&desk.ann, &format!("{step}Partner"), input).await
    };
    for (number, [state, step, expected]) in cells(PARTNERS).into_iter().enumerate() {
        let partner = desk.partner(&format!("acct-{number}")).await;
        if state == "SUSPENDED" {
            set(&partner, "suspend").await;
        }
        assert_eq!(set(&partner, step).await, expected, "{state} {step}");
        let query = "{ viewer { status statusReason } }";
        let viewer = desk.server.graphql(&partner.token, query, json!({})).await["viewer"].take();
        let status = if is_state(expected) { expected } else { state };
        assert_eq!(viewer["status"], status, "{state} {step}");
        assert_eq!(viewer["statusReason"].is_null(), status == "ACTIVE", "he reads why");
    }
}

async fn a_suspended_partners_withdrawals_are_not_approved_and_not_put_into_a_file(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "1000").await;
    let waiting = desk.request(&partner, "100", IBAN, "Jo").await;
    let approved = desk.approved(&partner, "200").await;
    let why = json!({ "partnerId": partner.id, "reason": "Doubts." });
    desk.done(&desk.ann, "suspendPartner", why.clone()).await;
    assert_eq!(take(&desk, &partner, &waiting, "approve").await, "PARTNER_SUSPENDED");
    let export = desk.parrain.run(["export", "withdrawals", "--format", "pain001"]).ended_with(0);
    assert_eq!(export.stdout, "");
    assert!(export.stderr.contains("left out: 1 (the partner is suspended)"), "{}", export.stderr);
    assert_eq!(desk.balance(&partner).await, ["700.000000", "300.000000", "0.000000"], "all stays reserved");
    assert_eq!(take(&desk, &partner, &approved, "pay").await, "PAID", "what the bank has done is recorded");
    desk.done(&desk.ann, "reinstatePartner", why).await;
    assert_eq!(take(&desk, &partner, &waiting, "approve").await, "APPROVED");
    let file = desk.parrain.run(["export", "withdrawals", "--format", "pain001"]).printed();
    assert_eq!(file.matches("<CdtTrfTxInf>").count(), 1);
    desk.parrain.verify();
}
