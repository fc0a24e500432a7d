use chrono::Duration;

use super::*;
use crate::domain::api_key::Scope;
use crate::domain::caller::Caller;
use crate::services::api_key::{NewApiKey, authenticate, create, of_partners};

fn key_until(expires_at: Option<Moment>) -> NewApiKey {
    NewApiKey { label: "Accounting".to_owned(), scopes: vec![Scope::ReadLinks, Scope::ReadLinks], expires_at }
}

#[tokio::test]
async fn a_key_stands_for_its_partner_until_it_expires() {
    let world = World::new().await;
    let (app, partner) = (&world.app, world.partner("p").await);
    let until = app.clock.now().plus(Duration::hours(1));
    let (made, key) = create(app, partner, &key_until(Some(until))).await.unwrap();
    assert_eq!(made.scopes, "READ_LINKS");
    let caller = Caller::ApiKey { account_id: "p".to_owned(), scopes: vec![Scope::ReadLinks] };
    assert_eq!(authenticate(app, &key).await.unwrap(), Some(caller));
    app.clock.set(until);
    assert_eq!(authenticate(app, &key).await.unwrap(), None, "it has expired");
    let past = refusal(create(app, partner, &key_until(Some(until))).await);
    assert!(matches!(past, Refusal::Invalid(invalid) if invalid.field == "expiresAt"));
}

#[tokio::test]
async fn the_last_use_is_noted_once_a_minute() {
    let world = World::new().await;
    let (app, partner) = (&world.app, world.partner("p").await);
    let (_, key) = create(app, partner, &key_until(None)).await.unwrap();
    let first = app.clock.now();
    for (seconds, noted) in [(0, 0), (59, 0), (60, 60), (90, 60), (120, 120)] {
        app.clock.set(first.plus(Duration::seconds(seconds)));
        authenticate(app, &key).await.unwrap();
        let keys = of_partners(app.clone(), vec![partner]).await.unwrap();
        assert_eq!(keys[&partner][0].last_used_at, Some(first.plus(Duration::seconds(noted))), "{seconds}");
    }
}
