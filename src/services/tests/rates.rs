use entity::{Period, RateBasisPoints};
use std::collections::BTreeSet;

use super::*;
use crate::domain::tier::Tier;
use crate::services::programme::{IndividualRates, TierTables};
use crate::services::{individual_rate, tier_table};

async fn rate_in(world: &World, partner: Uuid, period: i32) -> Option<i32> {
    let rates = IndividualRates::load(world.app.db.reader(), &BTreeSet::from([partner])).await.unwrap();
    rates.in_force(partner, Period(period)).map(|rate| rate.0)
}

async fn set_rate(world: &World, partner: Uuid, points: Option<i32>) -> Result<(), ServiceError> {
    let rate = points.map(RateBasisPoints);
    individual_rate::set(&world.app, &staff("ann"), partner, rate, "A deal.").await.map(|_| ())
}

fn tiers(first: i32) -> Vec<Tier> {
    let tier = |name: &str, minimum_active_clients, points| Tier {
        name: name.to_owned(),
        minimum_active_clients,
        rate: RateBasisPoints(points),
    };
    vec![tier("Low", 0, first), tier("High", 3, 3_000)]
}

async fn first_rate_in(world: &World, period: i32) -> i32 {
    let tables = TierTables::load(world.app.db.reader(), &world.app.terms).await.unwrap();
    tables.in_force(Period(period)).first().rate.0
}

#[tokio::test]
async fn a_rate_holds_from_the_beginning_before_a_first_line_and_then_from_the_oldest_open_period() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    set_rate(&world, partner, Some(1_500)).await.unwrap();
    assert_eq!(rate_in(&world, partner, 20000101).await, Some(1_500));
    world.client(partner, "c").await;
    world.line("c", "1", "2026-10-01T08:00:00Z", "10").await;
    set_rate(&world, partner, Some(2_000)).await.unwrap();
    assert_eq!(rate_in(&world, partner, 20260915).await, Some(1_500), "what was set before is kept");
    assert_eq!(rate_in(&world, partner, 20261001).await, Some(2_000));
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    set_rate(&world, partner, None).await.unwrap();
    assert_eq!(rate_in(&world, partner, 20261001).await, Some(2_000), "a closed period keeps its rate");
    assert_eq!(rate_in(&world, partner, 20261015).await, None);
    assert_eq!(refusal(set_rate(&world, partner, None).await), Refusal::AlreadyDone);
    assert_eq!(world.audit(partner).await.len(), 3);
    world.verify().await;
}

#[tokio::test]
async fn the_rate_set_last_holds_where_the_books_begin_earlier_than_was_known() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    world.client(partner, "c").await;
    world.line("c", "1", "2026-10-01T08:00:00Z", "10").await;
    set_rate(&world, partner, Some(1_500)).await.unwrap();
    world.line("c", "2", "2026-09-10T08:00:00Z", "10").await;
    set_rate(&world, partner, Some(2_000)).await.unwrap();
    assert_eq!(rate_in(&world, partner, 20260901).await, Some(2_000));
    assert_eq!(rate_in(&world, partner, 20261001).await, Some(2_000));
}

#[tokio::test]
async fn no_rate_lies_below_the_minimum_or_above_the_whole() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    for points in [999, 0, -1, 10_001] {
        let refused = refusal(set_rate(&world, partner, Some(points)).await);
        assert!(matches!(refused, Refusal::Invalid(invalid) if invalid.field == "ratePercent"), "{points}");
    }
    let low = tier_table::set(&world.app, &staff("ann"), &tiers(999), "x").await;
    assert!(matches!(refusal(low), Refusal::Invalid(invalid) if invalid.field == "tiers"));
    let none = refusal(set_rate(&world, Uuid::nil(), Some(1_000)).await);
    assert_eq!(none, Refusal::NotFound { what: "partner" });
}

#[tokio::test]
async fn a_table_of_tiers_holds_from_the_next_settlement_on() {
    let world = World::new().await;
    let ann = staff("ann");
    tier_table::set(&world.app, &ann, &tiers(1_100), "First.").await.unwrap();
    assert_eq!(first_rate_in(&world, 20000101).await, 1_100, "from the beginning before a first line");
    let partner = world.partner("p").await;
    for client in ["a", "b", "c"] {
        world.client(partner, client).await;
        world.line(client, client, "2026-10-01T08:00:00Z", "100").await;
    }
    tier_table::set(&world.app, &ann, &tiers(1_200), "Second.").await.unwrap();
    assert_eq!(first_rate_in(&world, 20261001).await, 1_100);
    assert_eq!(first_rate_in(&world, 20261015).await, 1_200);
    assert_eq!(refusal(tier_table::set(&world.app, &ann, &tiers(1_200), "x").await), Refusal::AlreadyDone);
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    assert_eq!(world.balances(partner).await.0, "33.000000", "300 at 11 %");
    world.line("a", "a2", "2026-10-15T12:00:00Z", "100").await;
    world.app.clock.set(at("2026-11-02T00:00:00Z"));
    world.settle().await;
    assert_eq!(world.balances(partner).await.0, "63.000000", "and 100 at the 30 % of three active clients");
    world.verify().await;
}
