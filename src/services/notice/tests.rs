//! Notices by themselves, on SQLite; tests/it/live has them between instances, on both databases.

use std::time::Duration;

use super::*;
use crate::services::testing::{app_in, empty_database, record_top_up};

async fn soon(subscription: &mut Subscription) -> News {
    tokio::time::timeout(Duration::from_secs(10), subscription.next()).await.expect("no news")
}

#[test]
fn a_notice_reads_as_it_was_written() {
    let ids: HashSet<Uuid> = (1..=u128::from(u8::MAX)).map(Uuid::from_u128).take(MAX_NAMED).collect();
    let text = payload(ids.iter().copied().chain(ids.iter().copied()));
    assert!(text.len() < 8_000);
    assert_eq!(News::read(&text), News { partners: Whose::These(ids.clone()), settlement: false });
    assert_eq!(payload(ids.into_iter().chain([Uuid::max()])), "", "too many are anybody's");
    for strange in ["", "x", "0123456789abcdef0123456789abcdeg", "0123"] {
        assert_eq!(News::read(strange), News::of_anything(), "{strange}");
    }
    assert_eq!(News::read(SETTLEMENT), News { settlement: true, ..News::none() });
}

#[test]
fn what_a_busy_follower_is_told_is_put_together_and_stays_small() {
    let mut news = News::none();
    for number in 0..10 {
        news.add(&News { partners: Whose::These([Uuid::from_u128(number % 2)].into()), settlement: false });
    }
    assert_eq!(news.partners, Whose::These([Uuid::from_u128(0), Uuid::from_u128(1)].into()));
    for number in 0..=MAX_REMEMBERED {
        news.add(&News::read(&payload([Uuid::from_u128(number as u128)])));
    }
    assert_eq!(news, News { partners: Whose::Anybodys, settlement: false });
}

#[tokio::test]
async fn followers_are_woken_after_the_commit_and_the_listener_ends_with_the_last_of_them() {
    let (_folder, url) = empty_database();
    let app = app_in(&url).await;
    let (mut first, mut second) = (subscribe(&app), subscribe(&app));
    for subscription in [&mut first, &mut second] {
        assert_eq!(soon(subscription).await, News::of_anything(), "before one listened");
    }
    // What was told before it was asked for comes at once and once.
    while tokio::time::timeout(Duration::from_millis(20), second.next()).await.is_ok() {}
    record_top_up(&app, "1").await;
    let woken = tokio::time::timeout(Duration::from_millis(400), second.next()).await;
    assert!(woken.is_ok(), "in this process sooner than others are looked for");
    soon(&mut first).await;

    drop((first, second));
    let followers = Followers::of(&app);
    tokio::time::timeout(Duration::from_secs(10), async {
        while followers.lock().listens {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("it listens for nobody");
    soon(&mut subscribe(&app)).await;
}
