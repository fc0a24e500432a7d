use std::collections::HashSet;

use entity::{
    ContractStatus, LineReason, LineState, Moment, PartnerStatus, VisitVerdict, WithdrawalStatus, contract,
    line, parked_fact, partner, ticket, visit, withdrawal,
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use strum::IntoEnumIterator;

use super::diary::News;
use super::world::Size;
use super::*;
use crate::app::App;
use crate::services::error::ServiceError;
use crate::services::testing::{Folder, app_in, empty_database};
use crate::services::verify::verify;

/// Some months of few partners who are soon known.
const SMALL: Scale = Scale {
    days: 140,
    partners: [(Size::Big, 2), (Size::Medium, 8), (Size::Small, 6), (Size::Tiny, 2), (Size::Idle, 1)],
    pace_percent: 350,
    direct_permille: 300,
};
/// The afternoon of 20 February 2026.
const NOW: Moment = Moment(1_771_596_000_000_000);

async fn app() -> (Folder, App) {
    let (folder, url) = empty_database();
    let app = app_in(&url).await;
    app.clock.set(NOW);
    (folder, app)
}

fn small_world() -> World {
    World::new(1, NOW.minus(chrono::Duration::days(SMALL.days)), SMALL)
}

async fn live_until(app: &App, world: &World, from: Moment, until: Moment) -> Lived {
    live(app, world, from, until, |_| Ok::<_, ServiceError>(())).await.unwrap()
}

async fn assert_books_are_clean(app: &App) {
    let mut findings = Vec::new();
    let summary = verify(app, |finding| findings.push(finding.to_string())).await.unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
    assert!(summary.lines > 0 && summary.statements > 0 && summary.transfers > 0, "{summary:?}");
}

#[tokio::test]
async fn a_world_that_was_lived_through_the_services_has_clean_books_and_shows_every_state() {
    let ((_folder, app), world) = (app().await, small_world());
    let lived = live_until(&app, &world, world.born.minus(chrono::Duration::days(1)), NOW).await;
    assert_books_are_clean(&app).await;
    let db = app.db.reader();

    let withdrawals: HashSet<_> = withdrawal::Entity::find()
        .all(db)
        .await
        .unwrap()
        .iter()
        .map(|withdrawal| withdrawal.status)
        .collect();
    for status in WithdrawalStatus::iter() {
        assert!(withdrawals.contains(&status), "no withdrawal is {status}: {withdrawals:?}");
    }
    let mut contracts: HashSet<_> =
        contract::Entity::find().all(db).await.unwrap().iter().map(|contract| contract.status).collect();
    if contract::Entity::find().count(db).await.unwrap() < partner::Entity::find().count(db).await.unwrap() {
        contracts.insert(ContractStatus::None);
    }
    for status in ContractStatus::iter() {
        assert!(contracts.contains(&status), "no contract is {status}: {contracts:?}");
    }
    for (state, reason) in [
        (LineState::Held, LineReason::SharedPaymentInstrument),
        (LineState::Held, LineReason::UnderReview),
        (LineState::NotEarning, LineReason::NotAPurchase),
        (LineState::NotEarning, LineReason::PartnerSuspended),
    ] {
        let of_state = line::Entity::find().filter(line::Column::State.eq(state));
        let count = of_state.filter(line::Column::Reason.eq(reason)).count(db).await.unwrap();
        assert!(count > 0, "no line is {state} for {reason}");
    }
    let suspended = partner::Entity::find().filter(partner::Column::Status.eq(PartnerStatus::Suspended));
    assert_eq!(suspended.count(db).await.unwrap(), 1);
    let visits: HashSet<_> =
        visit::Entity::find().all(db).await.unwrap().iter().map(|visit| visit.verdict).collect();
    for verdict in VisitVerdict::iter().filter(|verdict| *verdict != VisitVerdict::PartnerSuspended) {
        assert!(visits.contains(&verdict), "no visit is {verdict}");
    }
    assert!(parked_fact::Entity::find().count(db).await.unwrap() > 0);
    assert!(ticket::Entity::find().count(db).await.unwrap() > 20);
    assert!(lived.settlements >= 7 && lived.told.refunds > 0 && lived.told.direct > 0, "{lived:?}");
    assert!(lived.told.refused * 200 < lived.told.top_ups, "{lived:?}");
}

#[tokio::test]
async fn a_world_that_is_lived_in_two_parts_has_what_one_that_is_lived_at_once_has() {
    let ((_folder, whole), (_other, parts), world) = (app().await, app().await, small_world());
    let (beginning, middle) =
        (world.born.minus(chrono::Duration::days(1)), NOW.minus(chrono::Duration::hours(1_500)));
    let at_once = live_until(&whole, &world, beginning, NOW).await;
    let first = live_until(&parts, &world, beginning, middle).await;
    let second = live_until(&parts, &small_world(), middle, NOW).await;
    assert_books_are_clean(&parts).await;
    assert_eq!(first.told.top_ups + second.told.top_ups, at_once.told.top_ups);
    assert_eq!(first.told.refunds + second.told.refunds, at_once.told.refunds);
    assert_eq!(first.told.clients + second.told.clients, at_once.told.clients);
    assert_eq!((first.settlements + second.settlements, second.told.refused), (at_once.settlements, 0));
    assert_eq!(first.acts + second.acts, at_once.acts);
    // What was lived since the last note is lived again after a break.
    let again = live_until(&parts, &world, NOW.minus(chrono::Duration::days(9)), NOW).await;
    assert_eq!((again.told.partners, again.told.top_ups, again.told.refunds), (0, 0, 0), "{again:?}");
    assert_books_are_clean(&parts).await;
}

#[test]
fn the_full_world_has_thousands_of_clients_and_tens_of_thousands_of_top_ups_of_every_currency() {
    let world = World::new(1, NOW.minus(chrono::Duration::days(Scale::FULL.days)), Scale::FULL);
    let report = News::of(&world, NOW).until(NOW);
    println!(
        "{} clients {} top-ups {} refunds",
        report.clients.len(),
        report.top_ups.len(),
        report.refunds.len()
    );
    assert!((2_500..9_000).contains(&report.clients.len()), "{}", report.clients.len());
    assert!((20_000..90_000).contains(&report.top_ups.len()), "{}", report.top_ups.len());
    let currencies: HashSet<&str> = report.top_ups.iter().map(|fact| fact.currency.as_str()).collect();
    assert_eq!(currencies, HashSet::from(["EUR", "USD", "GBP", "CHF", "SEK", "JPY"]));
    let again = News::of(&World::new(1, world.born, Scale::FULL), NOW).until(NOW);
    assert_eq!(again.top_ups, report.top_ups);
}
