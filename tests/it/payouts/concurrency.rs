//! Two people at once, over two servers: one outcome, exact balances (rules 24, 25 and 27).

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::payment_file::{EXPORT, ids_in};
use super::{Desk, IBAN, SEPA, document_of, text};
use crate::harness::{Backend, Server, on_both_databases};

on_both_databases!(
    approved_and_cancelled_at_once_is_one_of_the_two,
    paid_twice_or_paid_and_failed_at_once_happens_once,
    a_suspension_comes_before_a_request_or_after_it,
    a_file_and_a_suspension_or_a_failure_at_once_agree,
);

const ROUNDS: usize = 8;

/// Runs a mutation on one of the servers: the status then, or the code of the refusal.
async fn outcome(server: &Server, token: &str, mutation: &str, input: Value) -> String {
    let answer = server.graphql(token, &document_of(mutation), json!({ "input": input })).await;
    match answer["it"]["userErrors"].as_array().unwrap().as_slice() {
        [] => text(&answer["it"]["object"]["status"]),
        [error, ..] => text(&error["code"]),
    }
}

async fn approved_and_cancelled_at_once_is_one_of_the_two(backend: Backend) {
    let desk = Desk::open(backend).await;
    let second = desk.parrain.serve().await;
    let partner = desk.rich_partner("acct-1", "10000").await;
    let mut reserved = 0;
    for round in 0..ROUNDS {
        let id = desk.request(&partner, "100", IBAN, "Jo").await;
        let (one, other) = if round % 2 == 0 { (&desk.server, &second) } else { (&second, &desk.server) };
        let approving = outcome(one, &desk.ann, "approveWithdrawal", json!({ "id": id }));
        let cancelling = outcome(other, &partner.token, "cancelWithdrawal", json!({ "id": id }));
        let (approved, cancelled) = join(approving, cancelling).await;
        let status = text(&desk.withdrawal(&id).await["status"]);
        match status.as_str() {
            "APPROVED" => assert_eq!(cancelled, "ILLEGAL_TRANSITION"),
            "CANCELLED" => assert_eq!(approved, "ILLEGAL_TRANSITION"),
            other => panic!("{other}"),
        }
        reserved += if status == "APPROVED" { 100 } else { 0 };
    }
    let balance = [10_000 - reserved, reserved, 0].map(|amount| format!("{amount}.000000"));
    assert_eq!(desk.balance(&partner).await, balance);
    desk.parrain.verify();
}

async fn paid_twice_or_paid_and_failed_at_once_happens_once(backend: Backend) {
    let desk = Desk::open(backend).await;
    let second = desk.parrain.serve().await;
    let partner = desk.rich_partner("acct-1", "10000").await;
    let (mut paid, mut failed) = (0, 0);
    for round in 0..ROUNDS {
        let id = desk.approved(&partner, "100").await;
        let pay = |server, reference: &'static str| {
            let input = json!({ "id": id, "paymentReference": reference });
            outcome(server, &desk.bob, "markWithdrawalPaid", input)
        };
        let fail = outcome(&second, &desk.bob, "markWithdrawalFailed", json!({ "id": id, "reason": "AC04" }));
        let (one, other) = match round % 2 {
            0 => join(pay(&desk.server, "a"), pay(&second, "b")).await,
            _ => join(pay(&desk.server, "a"), fail).await,
        };
        let seen = desk.withdrawal(&id).await;
        let (winner, loser) = if one == "PAID" { ("a", other) } else { ("b", one) };
        match (round % 2, seen["status"].as_str().unwrap()) {
            (0, "PAID") => {
                assert_eq!((loser.as_str(), &seen["paymentReference"]), ("ALREADY_DONE", &json!(winner)));
                paid += 100;
            }
            (_, "PAID") => {
                assert_eq!(loser, "ILLEGAL_TRANSITION");
                paid += 100;
            }
            (_, "FAILED") => {
                assert_eq!(loser, "ILLEGAL_TRANSITION");
                failed += 100;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(paid + failed, 800);
    let balance = [10_000 - paid, 0, paid].map(|amount| format!("{amount}.000000"));
    assert_eq!(desk.balance(&partner).await, balance);
    desk.parrain.verify();
}

async fn a_suspension_comes_before_a_request_or_after_it(backend: Backend) {
    let desk = Desk::open(backend).await;
    let second = desk.parrain.serve().await;
    for round in 0..3 {
        let partner = desk.rich_partner(&format!("acct-{round}"), "10000").await;
        let requests = (0..8).map(|number| {
            let destination = json!({ "bankTransfer": { "iban": IBAN, "holder": "Jo" } });
            let input =
                json!({ "amount": "100", "destination": destination, "idempotencyKey": format!("{number}") });
            let server = if number % 2 == 0 { &desk.server } else { &second };
            outcome(server, &partner.token, "requestWithdrawal", input)
        });
        let why = json!({ "partnerId": partner.id, "reason": "Doubts." });
        let suspending = outcome(&second, &desk.ann, "suspendPartner", why);
        let (requested, suspended) = join(join_all(requests), suspending).await;
        assert_eq!(suspended, "SUSPENDED");
        let accepted = requested.iter().filter(|outcome| *outcome == "REQUESTED").count();
        let refused = requested.iter().filter(|outcome| *outcome == "PARTNER_SUSPENDED").count();
        assert_eq!(accepted + refused, 8, "{requested:?}");
        let reserved = accepted * 100;
        let balance = [10_000 - reserved, reserved, 0].map(|amount| format!("{amount}.000000"));
        assert_eq!(desk.balance(&partner).await, balance);
    }
    let sql = "SELECT w.requested_at FROM withdrawal w JOIN suspension s ON s.partner_id = w.partner_id \
               WHERE w.requested_at > s.since";
    let late = desk.parrain.database().column::<i64>(sql).await;
    assert_eq!(late, Vec::<i64>::new(), "no request was taken of a suspended partner");
    desk.parrain.verify();
}

async fn a_file_and_a_suspension_or_a_failure_at_once_agree(backend: Backend) {
    let desk = Desk::configured(backend, SEPA).await;
    for round in 0..4 {
        let partner = desk.rich_partner(&format!("acct-{round}"), "10000").await;
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(desk.approved(&partner, "100").await);
        }
        let exports = [desk.parrain.start(EXPORT), desk.parrain.start(EXPORT)];
        let fail = json!({ "id": ids[0], "reason": "AC04" });
        let why = json!({ "partnerId": partner.id, "reason": "Doubts." });
        let (failed, suspended) = join(
            outcome(&desk.server, &desk.bob, "markWithdrawalFailed", fail),
            outcome(&desk.server, &desk.ann, "suspendPartner", why),
        )
        .await;
        assert_eq!((failed.as_str(), suspended.as_str()), ("FAILED", "SUSPENDED"));
        let files = exports.map(|export| export.finish(std::time::Duration::from_secs(60)).printed());
        let [one, other] = files.map(|file| ids_in(&file));
        assert!(one.is_disjoint(&other), "nobody is in two files");
        for id in &ids {
            let seen = desk.withdrawal(id).await;
            let is_in_a_file =
                one.union(&other).any(|in_file| *in_file == seen["endToEndId"].as_str().unwrap());
            assert_eq!(
                is_in_a_file,
                !seen["paymentBatchId"].is_null(),
                "what is on record is what was printed"
            );
        }
    }
    desk.parrain.verify();
}
