use entity::{LineReason, LineState, PartnerStatus};

use super::*;
use crate::services::suspension::{reinstate, suspend};

#[tokio::test]
async fn what_is_recorded_while_suspended_earns_nothing_and_the_rest_stays() {
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let partner = world.partner("p").await;
    world.client(partner, "c").await;
    let before = world.line("c", "1", "2026-10-01T08:00:00Z", "10").await;
    let suspended = suspend(app, &ann, partner, "Doubts.").await.unwrap();
    assert_eq!(suspended.status, PartnerStatus::Suspended);
    assert_eq!(suspended.status_reason.as_deref(), Some("Doubts."));
    let during = world.line("c", "2", "2026-10-01T08:00:00Z", "10").await;
    assert_eq!((during.state, during.reason), (LineState::NotEarning, Some(LineReason::PartnerSuspended)));
    let refund = world.refund("c", "1", "r", "2026-10-01T09:00:00Z", "4").await;
    assert_eq!(refund.state, LineState::Earning, "a refund of an earning line counts as always");
    world.app.clock.advance(chrono::Duration::hours(1));
    let reinstated = reinstate(app, &ann, partner, "Settled.").await.unwrap();
    assert_eq!((reinstated.status, reinstated.status_reason), (PartnerStatus::Active, None));
    let after = world.line("c", "3", "2026-10-01T08:00:00Z", "10").await;
    assert_eq!((before.state, after.state), (LineState::Earning, LineState::Earning));
    world.verify().await;
}

#[tokio::test]
async fn each_change_happens_once_and_is_on_record() {
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let partner = world.partner("p").await;
    assert_eq!(refusal(reinstate(app, &ann, partner, "x").await), Refusal::AlreadyDone);
    assert_eq!(refusal(suspend(app, &ann, partner, " ").await), Refusal::Required { field: "reason" });
    assert_eq!(refusal(suspend(app, &ann, Uuid::nil(), "x").await), Refusal::NotFound { what: "partner" });
    for _ in 0..2 {
        suspend(app, &ann, partner, "Doubts.").await.unwrap();
        assert_eq!(refusal(suspend(app, &ann, partner, "Again.").await), Refusal::AlreadyDone);
        reinstate(app, &ann, partner, "Settled.").await.unwrap();
    }
    assert_eq!(world.count("suspension").await, 2);
    let states = |from: &str, to: &str| {
        (Some(format!(r#"{{"status":"{from}"}}"#)), Some(format!(r#"{{"status":"{to}"}}"#)))
    };
    let audit: Vec<_> =
        world.audit(partner).await.into_iter().map(|(_, before, after)| (before, after)).collect();
    let (there, back) = (states("ACTIVE", "SUSPENDED"), states("SUSPENDED", "ACTIVE"));
    assert_eq!(audit, [there.clone(), back.clone(), there, back]);
}

#[tokio::test]
async fn a_partner_suspended_at_the_close_is_credited_nothing_and_carries_it() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    for client in ["a", "b", "c"] {
        world.client(partner, client).await;
        world.line(client, client, "2026-10-01T08:00:00Z", "100").await;
    }
    suspend(&world.app, &staff("ann"), partner, "Doubts.").await.unwrap();
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    assert_eq!(world.balances(partner).await.0, "0.000000");
    reinstate(&world.app, &staff("ann"), partner, "Settled.").await.unwrap();
    world.app.clock.set(at("2026-11-02T00:00:00Z"));
    world.settle().await;
    assert_eq!(world.balances(partner).await.0, "30.000000", "he goes on");
    world.verify().await;
}
