use entity::ServiceTransferStatus;

use super::*;
use crate::services::service_transfer::{RequestServiceTransfer, complete, fail, request};
use crate::services::suspension;

fn asking(amount: &str, key: &str) -> RequestServiceTransfer {
    RequestServiceTransfer { amount: money(amount), idempotency_key: key.to_owned() }
}

#[tokio::test]
async fn billing_completes_or_fails_a_transfer_and_once() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    world.credit(partner, "50").await;
    let completed = request(&world.app, partner, &asking("20", "a")).await.unwrap();
    let failed = request(&world.app, partner, &asking("5", "b")).await.unwrap();
    assert_eq!(world.balances(partner).await.0, "25.000000");
    let completed = complete(&world.app, completed.id).await.unwrap();
    assert_eq!((completed.status, completed.completed_at), (ServiceTransferStatus::Completed, Some(at(NOW))));
    let failed = fail(&world.app, failed.id, "No such number.").await.unwrap();
    assert_eq!((failed.status, failed.completed_at), (ServiceTransferStatus::Failed, None));
    assert_eq!(failed.reason.as_deref(), Some("No such number."));
    assert_eq!(world.balances(partner).await.0, "30.000000", "what failed came back");
    assert_eq!(refusal(complete(&world.app, completed.id).await), Refusal::AlreadyDone);
    assert_eq!(refusal(fail(&world.app, failed.id, "x").await), Refusal::AlreadyDone);
    let to_failed = Refusal::IllegalTransition { from: "COMPLETED", to: "FAILED" };
    assert_eq!(refusal(fail(&world.app, completed.id, "x").await), to_failed);
    let to_completed = Refusal::IllegalTransition { from: "FAILED", to: "COMPLETED" };
    assert_eq!(refusal(complete(&world.app, failed.id).await), to_completed);
    assert_eq!(refusal(fail(&world.app, failed.id, "").await), Refusal::Required { field: "reason" });
    let not_found = Refusal::NotFound { what: "service transfer" };
    assert_eq!(refusal(complete(&world.app, Uuid::nil()).await), not_found);
    assert_eq!(world.balances(partner).await.0, "30.000000");
    world.verify().await;
}

#[tokio::test]
async fn any_amount_in_minor_units_moves_without_a_contract() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    world.credit(partner, "0.015").await;
    for amount in ["0", "-1", "0.001"] {
        let refused = refusal(request(&world.app, partner, &asking(amount, "k")).await);
        assert!(matches!(refused, Refusal::Invalid(invalid) if invalid.field == "amount"), "{amount}");
    }
    let refused = refusal(request(&world.app, partner, &asking("0.02", "k")).await);
    assert_eq!(refused, Refusal::InsufficientBalance { available: money("0.015") });
    suspension::suspend(&world.app, &staff("ann"), partner, "Doubts.").await.unwrap();
    assert_eq!(refusal(request(&world.app, partner, &asking("0.01", "k")).await), Refusal::PartnerSuspended);
    suspension::reinstate(&world.app, &staff("ann"), partner, "Settled.").await.unwrap();
    request(&world.app, partner, &asking("0.01", "k")).await.unwrap();
    assert_eq!(world.balances(partner).await.0, "0.005000");
    world.verify().await;
}

#[tokio::test]
async fn an_adjustment_never_leaves_less_than_nothing() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    let adjust = |amount: &str| AdjustBalance {
        partner_id: partner,
        amount: money(amount),
        reason: "An error of ours.".to_owned(),
        idempotency_key: amount.to_owned(),
    };
    for (amount, available) in [("10.5", "10.500000"), ("-10.499999", "0.000001")] {
        adjustment::adjust_balance(&world.app, &staff("ann"), &adjust(amount)).await.unwrap();
        assert_eq!(world.balances(partner).await.0, available);
    }
    let refused = refusal(adjustment::adjust_balance(&world.app, &staff("ann"), &adjust("-0.01")).await);
    assert_eq!(refused, Refusal::InsufficientBalance { available: Money(1) });
    let refused = refusal(adjustment::adjust_balance(&world.app, &staff("ann"), &adjust("0")).await);
    assert!(matches!(refused, Refusal::Invalid(_)));
    let stranger = AdjustBalance { partner_id: Uuid::nil(), ..adjust("1") };
    let refused = refusal(adjustment::adjust_balance(&world.app, &staff("ann"), &stranger).await);
    assert_eq!(refused, Refusal::NotFound { what: "partner" });
    assert_eq!(world.audit(partner).await.len(), 2);
    world.verify().await;
}
