use entity::{BroughtBy, LineReason};

use super::*;
use crate::services::hold::hold_client;
use crate::services::reassignment::reassign_client;

#[tokio::test]
async fn what_occurs_from_the_reassignment_on_is_the_new_partners() {
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let (old, new) = (world.partner("old").await, world.partner("new").await);
    world.client(old, "c").await;
    let before = world.line("c", "1", "2026-10-01T09:00:00Z", "10").await;
    let referral = reassign_client(app, &ann, "c", new, "A mistake.").await.unwrap();
    assert_eq!((referral.partner_id, referral.since), (new, at(NOW)));
    assert_eq!((referral.brought_by, referral.link_id), (BroughtBy::Staff, None));
    app.clock.advance(chrono::Duration::minutes(10));
    let late = world.line("c", "2", "2026-10-01T09:59:59.999999Z", "10").await;
    let after = world.line("c", "3", "2026-10-01T10:00:00Z", "10").await;
    assert_eq!((before.partner_id, late.partner_id, after.partner_id), (old, old, new));
    let refund = world.refund("c", "1", "r", "2026-10-01T10:05:00Z", "1").await;
    assert_eq!(refund.partner_id, old, "a refund goes to the partner of the line it reverses");
    let again = refusal(reassign_client(app, &ann, "c", new, "x").await);
    assert_eq!(again, Refusal::AlreadyDone);
    reassign_client(app, &ann, "c", old, "Back.").await.unwrap();
    assert_eq!(world.count("referral").await, 3);
    world.verify().await;
}

#[tokio::test]
async fn a_direct_client_can_be_reassigned_and_earns_from_then_on() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    world.register("direct", None).await;
    assert!(matches!(
        world.top_up("direct", "1", "2026-10-01T09:00:00Z", "10").await,
        FactOutcome::NotReferred
    ));
    reassign_client(&world.app, &staff("ann"), "direct", partner, "He forgot his code.").await.unwrap();
    assert!(matches!(
        world.top_up("direct", "1", "2026-10-01T09:00:00Z", "10").await,
        FactOutcome::NotReferred
    ));
    world.app.clock.advance(chrono::Duration::minutes(10));
    assert_eq!(world.line("direct", "2", "2026-10-01T10:01:00Z", "10").await.partner_id, partner);
    world.verify().await;
}

#[tokio::test]
async fn nobody_becomes_his_own_client_and_strangers_cannot_be_reassigned() {
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let (partner, other) = (world.partner("p").await, world.partner("other").await);
    world.client(other, "p").await;
    assert_eq!(refusal(reassign_client(app, &ann, "p", partner, "x").await), Refusal::SelfReferral);
    let unknown = refusal(reassign_client(app, &ann, "nobody", partner, "x").await);
    assert_eq!(unknown, Refusal::NotFound { what: "client" });
    world.top_up("unreported", "1", "2026-10-01T09:00:00Z", "10").await;
    let unreported = refusal(reassign_client(app, &ann, "unreported", partner, "x").await);
    assert_eq!(unreported, Refusal::NotFound { what: "client" });
    let nowhere = refusal(reassign_client(app, &ann, "p", Uuid::nil(), "x").await);
    assert_eq!(nowhere, Refusal::NotFound { what: "partner" });
}

#[tokio::test]
async fn a_hold_for_review_goes_with_the_client() {
    let world = World::new().await;
    let (old, new) = (world.partner("old").await, world.partner("new").await);
    world.client(old, "c").await;
    hold_client(&world.app, &staff("ann"), "c", "Look at it.").await.unwrap();
    let referral = reassign_client(&world.app, &staff("ann"), "c", new, "A mistake.").await.unwrap();
    assert_eq!(referral.hold_reason, Some(LineReason::UnderReview));
}
