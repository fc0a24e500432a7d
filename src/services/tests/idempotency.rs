use super::*;
use crate::services::service_transfer::{self, RequestServiceTransfer};

fn asking(amount: &str, key: &str) -> RequestServiceTransfer {
    RequestServiceTransfer { amount: money(amount), idempotency_key: key.to_owned() }
}

#[tokio::test]
async fn the_same_key_and_values_give_the_same_object_as_it_stands_now() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    world.credit(partner, "50").await;
    let first = service_transfer::request(&world.app, partner, &asking("20", "k")).await.unwrap();
    service_transfer::complete(&world.app, first.id).await.unwrap();
    let again = service_transfer::request(&world.app, partner, &asking("20.00", "k")).await.unwrap();
    assert_eq!(again.id, first.id);
    assert_eq!(again.status, entity::ServiceTransferStatus::Completed);
    assert_eq!(world.balances(partner).await.0, "30.000000");
    world.verify().await;
}

#[tokio::test]
async fn the_same_key_with_other_values_is_refused_and_belongs_to_one_partner_and_mutation() {
    let world = World::new().await;
    let (partner, other) = (world.partner("p").await, world.partner("other").await);
    world.credit(partner, "50").await;
    world.credit(other, "50").await;
    service_transfer::request(&world.app, partner, &asking("20", "k")).await.unwrap();
    let reused = service_transfer::request(&world.app, partner, &asking("20.01", "k")).await;
    assert_eq!(refusal(reused), Refusal::IdempotencyKeyReused);
    service_transfer::request(&world.app, other, &asking("7", "k")).await.unwrap();
    let adjust = |amount: &str| AdjustBalance {
        partner_id: partner,
        amount: money(amount),
        reason: "A gift.".to_owned(),
        idempotency_key: "k".to_owned(),
    };
    for _ in 0..2 {
        adjustment::adjust_balance(&world.app, &staff("ann"), &adjust("5")).await.unwrap();
    }
    let reused = adjustment::adjust_balance(&world.app, &staff("ann"), &adjust("6")).await;
    assert_eq!(refusal(reused), Refusal::IdempotencyKeyReused);
    adjustment::adjust_balance(&world.app, &staff("bob"), &adjust("6")).await.unwrap();
    assert_eq!(world.balances(partner).await.0, "41.000000");
    world.verify().await;
}

#[tokio::test]
async fn a_refusal_stores_nothing_and_a_bad_key_is_invalid() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    let refused = refusal(service_transfer::request(&world.app, partner, &asking("20", "k")).await);
    assert_eq!(refused, Refusal::InsufficientBalance { available: Money::ZERO });
    assert_eq!(world.count("idempotency_key").await, 0);
    world.credit(partner, "50").await;
    service_transfer::request(&world.app, partner, &asking("30", "k")).await.unwrap();
    for key in ["", "a\nb", &"k".repeat(129)] {
        let refused = refusal(service_transfer::request(&world.app, partner, &asking("1", key)).await);
        assert!(matches!(refused, Refusal::Invalid(invalid) if invalid.field == "idempotencyKey"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_of_the_same_key_at_once_have_one_effect() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    world.credit(partner, "1000").await;
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let app = world.app.clone();
            tokio::spawn(async move { service_transfer::request(&app, partner, &asking("10", "k")).await })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for outcome in requests {
        ids.insert(outcome.await.unwrap().unwrap().id);
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(world.count("service_transfer").await, 1);
    assert_eq!(world.balances(partner).await.0, "990.000000");
    world.verify().await;
}
