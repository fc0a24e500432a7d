//! The audit log: who did what, when, from where, why, with the state before and after; and nobody can change it.

use std::collections::BTreeSet;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::payment_file::EXPORT;
use super::{Desk, offer, text};
use crate::harness::{Backend, Csv, on_both_databases};

on_both_databases!(
    every_change_by_staff_and_from_the_command_line_is_on_record,
    the_database_refuses_to_change_or_lose_a_record,
);

/// Runs each of staff's mutations once, and commands that change something.
async fn all_changes(desk: &Desk) {
    let partner = desk.rich_partner("acct-1", "10000").await;
    let other = desk.partner("acct-2").await;
    let of_partner = json!({ "partnerId": partner.id, "reason": "Because." });
    let with = |more: Value| {
        let mut input = of_partner.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let [paid, failed, rejected] =
        [desk.approved(&partner, "10").await, desk.approved(&partner, "20").await, {
            desk.request(&partner, "30", super::IBAN, "Jo").await
        }];
    desk.done(&desk.ann, "rejectWithdrawal", json!({ "id": rejected, "reason": "No." })).await;
    desk.parrain.run(EXPORT).printed();
    desk.done(&desk.bob, "markWithdrawalPaid", json!({ "id": paid, "paymentReference": "r" })).await;
    desk.done(&desk.bob, "markWithdrawalFailed", json!({ "id": failed, "reason": "AC04" })).await;
    desk.done(&desk.ann, "setIndividualRate", with(json!({ "ratePercent": "12.5" }))).await;
    let tiers = json!([{ "name": "One", "minimumActiveClients": 0, "ratePercent": "11" }]);
    desk.done(&desk.ann, "setTiers", json!({ "tiers": tiers, "reason": "More." })).await;
    desk.done(&desk.ann, "suspendPartner", of_partner.clone()).await;
    desk.done(&desk.ann, "reinstatePartner", of_partner.clone()).await;
    clients_and_tickets(desk, &partner, &other).await;
    let last = desk.approved(&partner, "40").await;
    let query = "query($id: ID!) { node(id: $id) { ... on Withdrawal { destinationInFull } } }";
    desk.server.graphql(&desk.ann, query, json!({ "id": last })).await;
    desk.done(&desk.ann, "offerContract", offer(&partner, "2")).await;
    desk.done(&desk.ann, "terminateContract", of_partner).await;
    let settle = "mutation { settle(input: { until: \"2026-02-01\" }) { userErrors { code } } }";
    desk.server.graphql(&desk.ann, settle, json!({})).await;
    desk.parrain.settle_until("2026-02-15");
}

async fn clients_and_tickets(desk: &Desk, partner: &super::Partner, other: &super::Partner) {
    let viewer = desk.server.graphql(&partner.token, "{ viewer { code } }", json!({})).await;
    let clients = Csv::parse(&format!(
        "client_id,partner_code,registered_at\nc-1,{},2026-01-02T00:00:00Z\n",
        text(&viewer["viewer"]["code"])
    ));
    desk.parrain.import_rows("clients", &clients);
    let client = json!({ "clientId": "c-1", "reason": "Look." });
    desk.done(&desk.ann, "holdClient", client.clone()).await;
    let top_ups = "source,external_id,client_id,occurred_at,amount,currency,kind\n\
                   till,1,c-1,2026-01-03T00:00:00Z,10,EUR,PURCHASE\ntill,2,c-1,2026-01-03T00:00:00Z,10,EUR,PURCHASE\n";
    desk.parrain.import_rows("top-ups", &Csv::parse(top_ups));
    let held = "{ heldCommissions(first: 9) { edges { node { id } } } }";
    let held = desk.server.graphql(&desk.ann, held, json!({})).await;
    let held: Vec<String> = held["heldCommissions"]["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| text(&edge["node"]["id"]))
        .collect();
    desk.done(&desk.ann, "releaseCommission", json!({ "id": held[0], "reason": "Well." })).await;
    desk.done(&desk.ann, "rejectCommission", json!({ "id": held[1], "reason": "Not well." })).await;
    let query = "query($id: ID!) { node(id: $id) { ... on Commission { status reason reviewReason } } }";
    let read = desk.server.graphql(&partner.token, query, json!({ "id": held[1] })).await;
    let expected =
        json!({ "status": "REJECTED", "reason": "REJECTED_BY_STAFF", "reviewReason": "Not well." });
    assert_eq!(read["node"], expected, "the partner reads why");
    desk.done(&desk.ann, "clearClient", client.clone()).await;
    let reassign = json!({ "clientId": "c-1", "partnerId": other.id, "reason": "His." });
    desk.done(&desk.ann, "reassignClient", reassign).await;
    let opened = json!({ "kind": "QUESTION", "subject": "Why?", "text": "Tell me." });
    let ticket = text(&desk.done(&partner.token, "openTicket", opened).await["id"]);
    desk.done(&desk.ann, "replyToTicket", json!({ "id": ticket, "text": "So." })).await;
    desk.done(&desk.ann, "closeTicket", json!({ "id": ticket })).await;
}

const ACTIONS: [&str; 23] = [
    "adjustBalance",
    "approveWithdrawal",
    "clearClient",
    "closeTicket",
    "holdClient",
    "import",
    "makePaymentFile",
    "markWithdrawalFailed",
    "markWithdrawalPaid",
    "offerContract",
    "putIntoPaymentFile",
    "reassignClient",
    "reinstatePartner",
    "rejectCommission",
    "rejectWithdrawal",
    "releaseCommission",
    "replyToTicket",
    "setIndividualRate",
    "setTiers",
    "settle",
    "suspendPartner",
    "terminateContract",
    // Is no change, but shows what is kept secret.
    "readWithdrawalDestination",
];

async fn every_change_by_staff_and_from_the_command_line_is_on_record(backend: Backend) {
    let desk = Desk::open(backend).await;
    all_changes(&desk).await;
    let exported = desk.parrain.export("audit");
    let mut reader = csv::Reader::from_reader(exported.as_bytes());
    let header = reader.headers().unwrap().clone();
    let expected = "id,at,actor,role,origin,action,subject_id,reason,before,after,request_id";
    assert_eq!(header.iter().collect::<Vec<_>>().join(","), expected);
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let actions: BTreeSet<&str> = rows.iter().map(|row| row[5].as_str()).collect();
    assert_eq!(actions, ACTIONS.into_iter().collect::<BTreeSet<_>>());
    for row in &rows {
        let [_, at, actor, role, origin, action, subject, reason, before, after, request] = row.as_slice()
        else {
            panic!("{row:?}")
        };
        assert!(
            at.ends_with('Z') && !actor.is_empty() && !origin.is_empty(),
            "who, when, from where: {row:?}"
        );
        match role.as_str() {
            "STAFF" => assert!(
                ["ann", "bob"].contains(&actor.as_str()) && origin == "127.0.0.1" && !request.is_empty()
            ),
            _ => assert!(role == "CLI" && request.is_empty(), "{row:?}"),
        }
        let is_general = ["import", "settle", "setTiers"].contains(&action.as_str());
        assert_eq!(subject.is_empty(), is_general, "{row:?}");
        let changes_something = action != "readWithdrawalDestination";
        assert_eq!(!after.is_empty(), changes_something, "{row:?}");
        if reason == "Because." {
            assert!(!before.is_empty() && before != after, "{row:?}");
        }
        assert!(!exported.contains("acct-1") && !exported.contains("c-1,"), "ids of our own alone");
    }
    let of_other = "SELECT code FROM link l JOIN partner p ON p.id = l.partner_id JOIN account a ON a.id = p.account_id \
                    WHERE a.account_id = 'acct-2'";
    let code = desk.parrain.database().column::<String>(of_other).await.remove(0);
    let of_other = desk.parrain.run(["export", "audit", "--partner", &code]).printed();
    assert_eq!(of_other.lines().count(), 2, "the client that was given to him: {of_other}");
    let before = desk.parrain.run(["export", "audit", "--until", "2026-01-01"]).printed();
    assert_eq!(before.lines().count(), 1);
    desk.parrain.verify();
}

async fn the_database_refuses_to_change_or_lose_a_record(backend: Backend) {
    let desk = Desk::open(backend).await;
    desk.rich_partner("acct-1", "100").await;
    let connection = desk.parrain.database().connect().await;
    let mut attempts = vec![
        "UPDATE audit_record SET actor = 'nobody'",
        "UPDATE audit_record SET reason = reason",
        "DELETE FROM audit_record",
        "DELETE FROM audit_record WHERE action = 'adjustBalance'",
        "INSERT INTO audit_record SELECT * FROM audit_record WHERE true ON CONFLICT (id) DO UPDATE SET actor = 'nobody'",
    ];
    match backend {
        Backend::Sqlite => attempts.push("INSERT OR REPLACE INTO audit_record SELECT * FROM audit_record"),
        Backend::Postgres => attempts.push("TRUNCATE audit_record"),
    }
    for attempt in attempts {
        let refused = connection.execute_unprepared(attempt).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{attempt}: {refused}");
    }
    let actions =
        desk.parrain.database().column::<String>("SELECT action FROM audit_record ORDER BY at").await;
    assert_eq!(actions, ["offerContract", "adjustBalance"]);
    connection.close().await.unwrap();
}
