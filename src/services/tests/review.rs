use entity::{LineReason, LineState, Period};

use super::*;
use crate::services::hold::{clear_client, hold_client};
use crate::services::line::find;
use crate::services::review::{reject, release};

/// A partner with three held clients, so that what is released is credited.
async fn held_world() -> (World, Uuid) {
    let world = World::new().await;
    let partner = world.partner("p").await;
    for client in ["a", "b", "c"] {
        world.client(partner, client).await;
        hold_client(&world.app, &staff("ann"), client, "Look at it.").await.unwrap();
    }
    (world, partner)
}

async fn line(world: &World, id: Uuid) -> line::Model {
    find(world.app.db.reader(), id).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_released_is_settled_in_its_own_period_while_that_is_open() {
    let (world, partner) = held_world().await;
    let mut lines = Vec::new();
    for client in ["a", "b", "c"] {
        lines.push(world.line(client, client, "2026-10-01T08:00:00Z", "100").await);
    }
    assert_eq!((lines[0].state, lines[0].reason), (LineState::Held, Some(LineReason::UnderReview)));
    let refund = world.refund("a", "a", "r", "2026-10-01T09:00:00Z", "40").await;
    assert_eq!(refund.state, LineState::Held, "a refund shares the state of its top-up");
    for line in &lines {
        let released = release(&world.app, &staff("ann"), line.id, "All is well.").await.unwrap();
        assert_eq!((released.state, released.reason), (LineState::Earning, None));
        assert_eq!(released.settle_period, Some(Period(20261001)));
        assert_eq!(released.checksum, line.checksum, "the checksum does not cover the state");
    }
    assert_eq!(line(&world, refund.id).await.state, LineState::Earning);
    world.verify().await;
    let later = world.refund("b", "b", "r2", "2026-10-01T09:30:00Z", "10").await;
    assert_eq!(later.state, LineState::Earning);
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    assert_eq!(world.balances(partner).await.0, "25.000000", "10 % of 300 less 40 and 10");
    world.verify().await;
}

#[tokio::test]
async fn what_is_released_after_a_boundary_is_settled_in_the_oldest_open_period() {
    let (world, partner) = held_world().await;
    let other = world.partner("other").await;
    world.client(other, "x").await;
    world.line("x", "x", "2026-10-01T08:00:00Z", "1").await;
    let held = world.line("a", "a", "2026-10-01T08:00:00Z", "100").await;
    let refund = world.refund("a", "a", "r", "2026-10-01T09:00:00Z", "40").await;
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    let late = world.refund("a", "a", "r2", "2026-10-15T12:00:00Z", "60").await;
    let released = release(&world.app, &staff("ann"), held.id, "All is well.").await.unwrap();
    assert_eq!((released.rate_period, released.settle_period), (Period(20261001), Some(Period(20261015))));
    for id in [refund.id, late.id] {
        let refund = line(&world, id).await;
        assert_eq!((refund.state, refund.settle_period), (LineState::Earning, Some(Period(20261015))));
    }
    world.verify().await;
    world.app.clock.set(at("2026-11-02T00:00:00Z"));
    world.settle().await;
    assert_eq!(world.balances(partner).await.0, "0.000000", "refunded in full");
    world.verify().await;
    let at_of_release = world.audit(held.id).await;
    assert_eq!(at_of_release.len(), 1);
    assert_eq!(at_of_release[0].0, "releaseCommission");
    assert!(at_of_release[0].2.as_ref().unwrap().contains(r#""settlePeriod":"2026-10-15""#));
}

#[tokio::test]
async fn what_is_refunded_in_full_before_its_release_makes_nobody_active() {
    let (world, partner) = held_world().await;
    let held = world.line("a", "a", "2026-10-01T08:00:00Z", "100").await;
    world.refund("a", "a", "r1", "2026-10-01T09:00:00Z", "99.99").await;
    world.refund("a", "a", "r2", "2026-10-01T09:30:00Z", "0.01").await;
    let standing = world.line("b", "b", "2026-10-01T08:00:00Z", "100").await;
    for id in [held.id, standing.id] {
        release(&world.app, &staff("ann"), id, "All is well.").await.unwrap();
    }
    let sql = "SELECT CAST(SUM(clients) AS BIGINT) FROM active_day WHERE partner_id = $1";
    let row = db::query_one(world.app.db.reader(), sql, vec![partner.into()]).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 1, "only the one whose purchase stands");
    world.verify().await;
}

#[tokio::test]
async fn what_is_rejected_is_never_settled_nor_are_its_refunds() {
    let (world, partner) = held_world().await;
    let held = world.line("a", "a", "2026-10-01T08:00:00Z", "100").await;
    let refund = world.refund("a", "a", "r", "2026-10-01T09:00:00Z", "40").await;
    let rejected = reject(&world.app, &staff("ann"), held.id, "His own card.").await.unwrap();
    assert_eq!((rejected.state, rejected.reason), (LineState::Rejected, Some(LineReason::RejectedByStaff)));
    assert_eq!(rejected.settle_period, None);
    assert_eq!(line(&world, refund.id).await.state, LineState::Rejected);
    let later = world.refund("a", "a", "r2", "2026-10-01T09:30:00Z", "10").await;
    assert_eq!((later.state, later.reason), (LineState::Rejected, Some(LineReason::RejectedByStaff)));
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    assert_eq!(world.balances(partner).await.0, "0.000000");
    world.verify().await;
}

#[tokio::test]
async fn only_a_held_top_up_is_reviewed_and_once() {
    let (world, partner) = held_world().await;
    let (app, ann) = (&world.app, staff("ann"));
    let held = world.line("a", "a", "2026-10-01T08:00:00Z", "100").await;
    let refund = world.refund("a", "a", "r", "2026-10-01T09:00:00Z", "40").await;
    let alone = refusal(release(app, &ann, refund.id, "x").await);
    assert!(matches!(alone, Refusal::Invalid(invalid) if invalid.field == "id"));
    assert_eq!(refusal(release(app, &ann, held.id, "").await), Refusal::Required { field: "reason" });
    assert_eq!(refusal(release(app, &ann, Uuid::nil(), "x").await), Refusal::NotFound { what: "commission" });
    reject(app, &ann, held.id, "x").await.unwrap();
    assert_eq!(refusal(reject(app, &ann, held.id, "x").await), Refusal::AlreadyDone);
    let illegal = Refusal::IllegalTransition { from: "REJECTED", to: "EARNING" };
    assert_eq!(refusal(release(app, &ann, held.id, "x").await), illegal);
    world.client(partner, "free").await;
    let earning = world.line("free", "free", "2026-10-01T08:00:00Z", "1").await;
    let illegal = Refusal::IllegalTransition { from: "EARNING", to: "REJECTED" };
    assert_eq!(refusal(reject(app, &ann, earning.id, "x").await), illegal);
}

#[tokio::test]
async fn a_client_is_held_until_he_is_cleared_and_what_was_held_is_released_where_asked() {
    let (world, _) = held_world().await;
    let (app, ann) = (&world.app, staff("ann"));
    assert_eq!(refusal(hold_client(app, &ann, "a", "x").await), Refusal::AlreadyDone);
    world.register("direct", None).await;
    let no_partner = Refusal::NotFound { what: "client" };
    assert_eq!(refusal(hold_client(app, &ann, "direct", "x").await), no_partner);
    assert_eq!(refusal(hold_client(app, &ann, "nobody", "x").await), no_partner);
    let held = world.line("a", "a1", "2026-10-01T08:00:00Z", "100").await;
    let rejected = world.line("a", "a2", "2026-10-01T08:00:00Z", "100").await;
    reject(app, &ann, rejected.id, "x").await.unwrap();
    let stays = world.line("b", "b1", "2026-10-01T08:00:00Z", "100").await;
    let cleared = clear_client(app, &ann, "a", true, "All is well.").await.unwrap();
    assert_eq!(cleared.hold_reason, None);
    assert_eq!(clear_client(app, &ann, "b", false, "Go on.").await.unwrap().hold_reason, None);
    assert_eq!(refusal(clear_client(app, &ann, "b", false, "x").await), Refusal::AlreadyDone);
    assert_eq!(line(&world, held.id).await.state, LineState::Earning);
    assert_eq!(line(&world, rejected.id).await.state, LineState::Rejected);
    assert_eq!(line(&world, stays.id).await.state, LineState::Held);
    assert_eq!(world.line("a", "a3", "2026-10-01T08:00:00Z", "1").await.state, LineState::Earning);
    let released: Vec<String> = world.audit(held.id).await.into_iter().map(|(action, ..)| action).collect();
    assert_eq!(released, ["releaseCommission"], "its time can be looked up");
    clear_client(app, &ann, "b", true, "And what was held.").await.unwrap();
    assert_eq!(line(&world, stays.id).await.state, LineState::Earning);
    world.verify().await;
}

/// A client of a partner whose own card is known, with the outcome of a top-up by a card.
async fn by_card(world: &World, client: &str, id: &str, card: &str) -> line::Model {
    let fact = TopUpFact {
        source: "till".to_owned(),
        external_id: id.to_owned(),
        client_id: client.to_owned(),
        occurred_at: at("2026-10-01T08:00:00Z"),
        amount: money("10"),
        currency: "EUR".to_owned(),
        kind: TopUpKind::Purchase,
        payment_instrument_hash: Some(card.to_owned()),
    };
    match top_up::record(&world.app, &[fact]).await.unwrap().remove(0) {
        FactOutcome::Recorded(line) => line,
        other => panic!("not recorded: {other:?}"),
    }
}

#[tokio::test]
async fn what_staff_has_cleared_holds_no_more_but_another_shared_card_does() {
    let world = World::new().await;
    let (partner, owner) = (world.partner("p").await, world.partner("owner").await);
    world.client(partner, "a").await;
    world.client(owner, "p").await;
    for card in ["card-1", "card-2"] {
        by_card(&world, "p", card, card).await;
    }
    let shared = (LineState::Held, Some(LineReason::SharedPaymentInstrument));
    let held = by_card(&world, "a", "1", "card-1").await;
    assert_eq!((held.state, held.reason), shared);
    assert_eq!(by_card(&world, "a", "2", "other").await.state, LineState::Held, "from the match on");
    clear_client(&world.app, &staff("ann"), "a", true, "Brothers.").await.unwrap();
    assert_eq!(line(&world, held.id).await.state, LineState::Earning);
    for (id, card) in [("3", "card-1"), ("4", "other"), ("5", "card-1")] {
        assert_eq!(by_card(&world, "a", id, card).await.state, LineState::Earning, "{card} was looked at");
    }
    let again = by_card(&world, "a", "6", "card-2").await;
    assert_eq!((again.state, again.reason), shared, "a card that nobody has looked at");
    assert_eq!(by_card(&world, "a", "7", "card-1").await.state, LineState::Held, "until he is cleared again");
    clear_client(&world.app, &staff("ann"), "a", false, "Both cards.").await.unwrap();
    assert_eq!(by_card(&world, "a", "8", "card-2").await.state, LineState::Earning);
    // The partner comes to use a card that his client had all along: a match that nobody has looked at.
    by_card(&world, "p", "9", "other").await;
    assert_eq!(by_card(&world, "a", "10", "other").await.state, LineState::Held);
    world.verify().await;
}

#[tokio::test]
async fn what_was_cleared_with_one_partner_is_looked_at_anew_with_another() {
    let world = World::new().await;
    let (first, second, owner) =
        (world.partner("p").await, world.partner("q").await, world.partner("owner").await);
    world.client(first, "a").await;
    for own in ["p", "q"] {
        world.client(owner, own).await;
        by_card(&world, own, own, "card").await;
    }
    assert_eq!(by_card(&world, "a", "1", "card").await.state, LineState::Held);
    clear_client(&world.app, &staff("ann"), "a", true, "Brothers.").await.unwrap();
    let given =
        crate::services::reassignment::reassign_client(&world.app, &staff("ann"), "a", second, "His.")
            .await
            .unwrap();
    assert_eq!(given.hold_reason, Some(LineReason::SharedPaymentInstrument));
    world.verify().await;
}
