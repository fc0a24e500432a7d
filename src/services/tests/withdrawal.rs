use entity::{WithdrawalStatus, withdrawal};

use super::*;
use crate::domain::payout::PayoutDestination;
use crate::domain::withdrawal::WithdrawalStep;
use crate::services::payout::{destination_of, read_destination};
use crate::services::suspension;
use crate::services::withdrawal::{
    RequestWithdrawal, approve, cancel, find, mark_failed, mark_paid, reject, request,
};

fn asking(amount: Option<&str>, key: &str) -> RequestWithdrawal {
    RequestWithdrawal {
        amount: amount.map(money),
        destination: PayoutDestination::bank_transfer("DE89370400440532013000", "Jo Öz").unwrap(),
        idempotency_key: key.to_owned(),
        only_known_destination: false,
    }
}

/// Takes a step as somebody who took no other.
async fn take(
    world: &World,
    row: &withdrawal::Model,
    step: WithdrawalStep,
) -> Result<withdrawal::Model, ServiceError> {
    let app = &world.app;
    match step {
        WithdrawalStep::Approve => approve(app, &staff("ann"), row.id, None).await,
        WithdrawalStep::Reject => reject(app, &staff("ann"), row.id, Some("No.")).await,
        WithdrawalStep::Cancel => cancel(app, row.partner_id, row.id).await,
        WithdrawalStep::MarkPaid => mark_paid(app, &staff("bob"), row.id, "E2E-1").await,
        WithdrawalStep::MarkFailed => mark_failed(app, &staff("bob"), row.id, Some("Closed.")).await,
    }
}

#[tokio::test]
async fn every_step_is_legal_from_its_own_status_alone_and_happens_once() {
    use WithdrawalStatus::{Approved, Cancelled, Failed, Paid, Rejected, Requested};
    let world = World::new().await;
    let partner = world.partner_with("p", "100000").await;
    for (number, (path, status, legal)) in [
        (vec![], Requested, vec![WithdrawalStep::Approve, WithdrawalStep::Reject, WithdrawalStep::Cancel]),
        (vec![WithdrawalStep::Approve], Approved, vec![WithdrawalStep::MarkPaid, WithdrawalStep::MarkFailed]),
        (vec![WithdrawalStep::Reject], Rejected, vec![]),
        (vec![WithdrawalStep::Cancel], Cancelled, vec![]),
        (vec![WithdrawalStep::Approve, WithdrawalStep::MarkPaid], Paid, vec![]),
        (vec![WithdrawalStep::Approve, WithdrawalStep::MarkFailed], Failed, vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        for step in WithdrawalStep::ALL {
            let row = request(&world.app, partner, &asking(Some("10"), &format!("{number} {step:?}")))
                .await
                .unwrap();
            for before in &path {
                take(&world, &row, *before).await.unwrap();
            }
            let before =
                (find(world.app.db.reader(), row.id).await.unwrap().unwrap(), world.balance(partner).await);
            assert_eq!(before.0.status, status);
            let outcome = take(&world, &row, step).await;
            if legal.contains(&step) {
                assert_eq!(outcome.unwrap().status, step.leads_to(), "{status} {step:?}");
                assert_eq!(
                    refusal(take(&world, &row, step).await),
                    Refusal::AlreadyDone,
                    "{status} {step:?}"
                );
                continue;
            }
            match refusal(outcome) {
                Refusal::AlreadyDone => assert_eq!(status, step.leads_to()),
                Refusal::IllegalTransition { from, to } => {
                    assert_eq!((from, to), (status.as_str(), step.leads_to().as_str()));
                }
                other => panic!("{status} {step:?}: {other}"),
            }
            let after =
                (find(world.app.db.reader(), row.id).await.unwrap().unwrap(), world.balance(partner).await);
            assert_eq!(before, after, "a refused step changes nothing");
        }
    }
    world.verify().await;
}

#[tokio::test]
async fn money_is_set_aside_when_asked_for_and_comes_back_or_leaves_for_good() {
    let world = World::new().await;
    let partner = world.partner_with("p", "150.50").await;
    let paid = request(&world.app, partner, &asking(Some("40"), "a")).await.unwrap();
    assert_eq!(world.balances(partner).await, ("110.500000".into(), "40.000000".into()));
    let rejected = request(&world.app, partner, &asking(Some("5"), "b")).await.unwrap();
    take(&world, &rejected, WithdrawalStep::Reject).await.unwrap();
    take(&world, &paid, WithdrawalStep::Approve).await.unwrap();
    let paid = take(&world, &paid, WithdrawalStep::MarkPaid).await.unwrap();
    assert_eq!(world.balances(partner).await, ("110.500000".into(), "0.000000".into()));
    assert_eq!(paid.payment_reference.as_deref(), Some("E2E-1"));
    assert_eq!((paid.decided_at, paid.paid_at), (Some(at(NOW)), Some(at(NOW))));
    let all = request(&world.app, partner, &asking(None, "c")).await.unwrap();
    assert_eq!(all.amount, money("110.5"), "all that is available");
    cancel(&world.app, partner, all.id).await.unwrap();
    assert_eq!(world.balances(partner).await, ("110.500000".into(), "0.000000".into()));
    world.verify().await;
}

#[tokio::test]
async fn a_request_needs_a_contract_more_than_the_threshold_and_a_partner_who_is_not_suspended() {
    let world = World::new().await;
    let without = world.partner("without").await;
    world.credit(without, "500").await;
    assert_eq!(refusal(request(&world.app, without, &asking(None, "k")).await), Refusal::NoContract);
    let partner = world.partner_with("p", "100").await;
    let refused = refusal(request(&world.app, partner, &asking(None, "k")).await);
    assert_eq!(
        refused,
        Refusal::BalanceNotAboveThreshold { available: money("100"), threshold: money("100") }
    );
    world.credit(partner, "0.01").await;
    let refused = refusal(request(&world.app, partner, &asking(Some("100.02"), "k")).await);
    assert_eq!(refused, Refusal::InsufficientBalance { available: money("100.01") });
    suspension::suspend(&world.app, &staff("ann"), partner, "Doubts.").await.unwrap();
    assert_eq!(refusal(request(&world.app, partner, &asking(None, "k")).await), Refusal::PartnerSuspended);
    suspension::reinstate(&world.app, &staff("ann"), partner, "Settled.").await.unwrap();
    let row = request(&world.app, partner, &asking(None, "k")).await.unwrap();
    assert_eq!(row.amount, money("100.01"), "a refusal stores nothing: the same key succeeds");
    world.verify().await;
}

#[tokio::test]
async fn a_suspension_holds_up_approval_but_not_what_the_bank_has_done() {
    let world = World::new().await;
    let partner = world.partner_with("p", "1000").await;
    let waiting = request(&world.app, partner, &asking(Some("10"), "a")).await.unwrap();
    let approved = request(&world.app, partner, &asking(Some("20"), "b")).await.unwrap();
    take(&world, &approved, WithdrawalStep::Approve).await.unwrap();
    suspension::suspend(&world.app, &staff("ann"), partner, "Doubts.").await.unwrap();
    assert_eq!(refusal(take(&world, &waiting, WithdrawalStep::Approve).await), Refusal::PartnerSuspended);
    assert_eq!(
        take(&world, &approved, WithdrawalStep::MarkPaid).await.unwrap().status,
        WithdrawalStatus::Paid
    );
    assert_eq!(world.balances(partner).await, ("970.000000".into(), "10.000000".into()));
    world.verify().await;
}

#[tokio::test]
async fn staff_gives_a_reason_to_reject_or_fail_and_another_partner_sees_nothing() {
    let world = World::new().await;
    let partner = world.partner_with("p", "1000").await;
    let other = world.partner("other").await;
    let row = request(&world.app, partner, &asking(Some("10"), "a")).await.unwrap();
    let required = Refusal::Required { field: "reason" };
    for reason in [None, Some(" ")] {
        assert_eq!(refusal(reject(&world.app, &staff("ann"), row.id, reason).await), required);
        assert_eq!(refusal(mark_failed(&world.app, &staff("ann"), row.id, reason).await), required);
    }
    let not_found = Refusal::NotFound { what: "withdrawal" };
    assert_eq!(refusal(cancel(&world.app, other, row.id).await), not_found);
    assert_eq!(refusal(cancel(&world.app, partner, Uuid::nil()).await), not_found);
    let rejected = reject(&world.app, &staff("ann"), row.id, Some("The name differs.")).await.unwrap();
    assert_eq!(rejected.reason.as_deref(), Some("The name differs."));
    assert_eq!(rejected.decided_by.as_deref(), Some("ann"));
    let audit = world.audit(row.id).await;
    let states = (r#"{"status":"REQUESTED"}"#.to_owned(), r#"{"status":"REJECTED"}"#.to_owned());
    assert_eq!(audit, [("rejectWithdrawal".to_owned(), Some(states.0), Some(states.1))]);
}

#[tokio::test]
async fn with_four_eyes_who_approved_neither_pays_nor_fails() {
    let world = World::with(|config| config.withdrawals.four_eyes = true).await;
    let partner = world.partner_with("p", "1000").await;
    let row = request(&world.app, partner, &asking(Some("10"), "a")).await.unwrap();
    approve(&world.app, &staff("ann"), row.id, None).await.unwrap();
    assert_eq!(refusal(mark_paid(&world.app, &staff("ann"), row.id, "E2E").await), Refusal::FourEyes);
    assert_eq!(refusal(mark_failed(&world.app, &staff("ann"), row.id, Some("x")).await), Refusal::FourEyes);
    mark_paid(&world.app, &staff("bob"), row.id, "E2E").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_requests_of_100_over_130_at_once_and_one_is_refused() {
    let world = World::new().await;
    let partner = world.partner_with("p", "130").await;
    let requests = ["a", "b"].map(|key| {
        let app = world.app.clone();
        tokio::spawn(async move { request(&app, partner, &asking(Some("100"), key)).await })
    });
    let mut accepted = 0;
    for outcome in requests {
        match outcome.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(ServiceError::Refused(refused)) => assert!(
                matches!(
                    refused,
                    Refusal::BalanceNotAboveThreshold { .. } | Refusal::InsufficientBalance { .. }
                ),
                "{refused}"
            ),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(accepted, 1);
    assert_eq!(world.balances(partner).await, ("30.000000".into(), "100.000000".into()));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_requests_at_once_take_no_more_than_there_is() {
    let world = World::new().await;
    let partner = world.partner_with("p", "1000").await;
    let requests: Vec<_> = (0..50)
        .map(|number| {
            let app = world.app.clone();
            tokio::spawn(
                async move { request(&app, partner, &asking(Some("90"), &format!("{number}"))).await },
            )
        })
        .collect();
    let mut accepted = 0;
    for outcome in requests {
        accepted += i32::from(outcome.await.unwrap().is_ok());
    }
    assert_eq!(accepted, 10, "1000, 910, ... 190, 100 is not above the threshold");
    assert_eq!(world.balances(partner).await, ("100.000000".into(), "900.000000".into()));
    world.verify().await;
}

#[tokio::test]
async fn a_destination_is_masked_kept_encrypted_and_read_on_record_while_approved() {
    let world = World::new().await;
    let partner = world.partner_with("p", "1000").await;
    let asked = asking(Some("10"), "a");
    let row = request(&world.app, partner, &asked).await.unwrap();
    assert_eq!(row.destination_masked, "DE…3000");
    let sealed = row.destination_sealed.clone().unwrap();
    assert!(!sealed.windows(6).any(|bytes| bytes == b"DE8937" || bytes == b"Jo \xc3\x96z"));
    assert_eq!(read_destination(&world.app, &staff("ann"), row.id).await.unwrap(), None);
    approve(&world.app, &staff("ann"), row.id, None).await.unwrap();
    let read = read_destination(&world.app, &staff("bob"), row.id).await.unwrap();
    assert_eq!(read, Some(asked.destination));
    let actions: Vec<String> = world.audit(row.id).await.into_iter().map(|(action, ..)| action).collect();
    assert_eq!(actions, ["approveWithdrawal", "readWithdrawalDestination"]);
    let moved = withdrawal::Model { id: world.app.clock.new_id(), ..row };
    assert!(destination_of(&world.app, &moved).is_err(), "it opens for its own withdrawal alone");
}

#[tokio::test]
async fn an_api_key_withdraws_only_where_a_token_has_before() {
    let world = World::new().await;
    let partner = world.partner_with("p", "1000").await;
    let by_key = |key: &str| RequestWithdrawal { only_known_destination: true, ..asking(Some("10"), key) };
    let refused = refusal(request(&world.app, partner, &by_key("a")).await);
    assert!(matches!(refused, Refusal::Invalid(invalid) if invalid.field == "destination"));
    request(&world.app, partner, &asking(Some("10"), "b")).await.unwrap();
    request(&world.app, partner, &by_key("a")).await.unwrap();
    let other_holder = PayoutDestination::bank_transfer("DE89370400440532013000", "Eve").unwrap();
    let masked_alike = RequestWithdrawal { destination: other_holder, ..by_key("c") };
    assert!(matches!(refusal(request(&world.app, partner, &masked_alike).await), Refusal::Invalid(_)));
    let other = world.partner_with("other", "1000").await;
    assert!(matches!(refusal(request(&world.app, other, &by_key("d")).await), Refusal::Invalid(_)));
}
