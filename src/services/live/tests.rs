//! Followers by themselves, on SQLite; tests/it/live has them over the interface, on both databases.

use entity::{Money, TopUpKind};

use super::*;
use crate::domain::top_up::TopUpFact;
use crate::services::testing::{app_in, empty_database, record_top_up};
use crate::services::{listing, top_up};

async fn next(following: &mut Following) -> Vec<Occurrence> {
    tokio::time::timeout(Duration::from_secs(30), following.next()).await.expect("no events")
}

/// Waits until there are as many as that.
async fn numbers(following: &mut Following, count: usize) -> Vec<i64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        numbers.extend(next(following).await.iter().map(|found| found.number));
    }
    numbers
}

async fn pay(app: &App, names: impl Iterator<Item = String>) {
    let fact = |external_id| TopUpFact {
        source: "till".to_owned(),
        external_id,
        client_id: "client-1".to_owned(),
        occurred_at: entity::Moment(app.clock.now().0 - 1),
        amount: Money::from_units(5),
        currency: "EUR".to_owned(),
        kind: TopUpKind::Purchase,
        payment_instrument_hash: None,
    };
    top_up::record(app, &names.map(fact).collect::<Vec<_>>()).await.unwrap();
}

async fn all(app: &App, partner_id: Uuid, after: i64) -> Vec<i64> {
    let found = occurrence::after(app, partner_id, after, 100_000).await.unwrap();
    found.iter().map(|found| found.number).collect()
}

#[tokio::test]
async fn followers_are_handed_everything_in_order_wherever_they_begin_and_however_slow_they_are() {
    let (_folder, url) = empty_database();
    let app = app_in(&url).await;
    record_top_up(&app, "1").await;
    let partner_id = listing::partner_of_account(&app, "p").await.unwrap().unwrap().id;
    let mut from_now = follow(&app, partner_id, None).await.unwrap();
    let mut slow = follow(&app, partner_id, None).await.unwrap();
    let begin = from_now.number();
    assert_eq!(all(&app, partner_id, begin).await, Vec::<i64>::new());

    pay(&app, (0..3).map(|n| format!("a-{n}"))).await;
    assert_eq!(numbers(&mut from_now, 3).await, all(&app, partner_id, begin).await);
    // More batches than wait for anybody, and more in one than a page.
    for batch in 0..BATCHES + 4 {
        pay(&app, (0..2).map(|n| format!("b-{batch}-{n}"))).await;
        assert_eq!(numbers(&mut from_now, 2).await.len(), 2);
    }
    pay(&app, (0..PAGE + 20).map(|n| format!("c-{n}"))).await;
    let expected = all(&app, partner_id, begin).await;
    assert_eq!(numbers(&mut from_now, PAGE + 20).await, expected[expected.len() - PAGE - 20..]);
    assert_eq!(numbers(&mut slow, expected.len()).await, expected);

    let mut from_the_beginning = follow(&app, partner_id, Some(0)).await.unwrap();
    let everything = all(&app, partner_id, 0).await;
    assert_eq!(numbers(&mut from_the_beginning, everything.len()).await, everything);
    // And then what comes.
    pay(&app, std::iter::once("last".to_owned())).await;
    for following in [&mut from_now, &mut slow, &mut from_the_beginning] {
        assert_eq!(numbers(following, 1).await, all(&app, partner_id, *everything.last().unwrap()).await);
    }
}

#[tokio::test]
async fn many_are_read_as_one_would_be() {
    let (_folder, url) = empty_database();
    let app = app_in(&url).await;
    record_top_up(&app, "1").await;
    let partner_id = listing::partner_of_account(&app, "p").await.unwrap().unwrap().id;
    pay(&app, (0..5).map(|n| n.to_string())).await;
    let alone = occurrence::after(&app, partner_id, 0, PAGE).await.unwrap();
    let others: Vec<(Uuid, i64)> = (1..200).map(|n| (Uuid::from_u128(n), 0)).collect();
    let asked = [&others[..], &[(partner_id, 0)]].concat();
    let together = occurrence::after_of_many(&app, &asked, PAGE).await.unwrap();
    assert_eq!(together.len(), alone.len());
    assert!(together.iter().zip(&alone).all(|((id, found), one)| *id == partner_id && found == one));
    let last = occurrence::last_number(&app, partner_id).await.unwrap();
    assert_eq!(last, alone.last().unwrap().number);
    assert_eq!(occurrence::last_number(&app, Uuid::from_u128(1)).await.unwrap(), 0);
}
