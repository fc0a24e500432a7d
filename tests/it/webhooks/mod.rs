//! Webhooks: signed, in order, again until they arrive, to public addresses alone, and none for another's slowness.

mod crash;
mod office;
mod receiver;

use std::collections::BTreeSet;

use chrono::Duration;
use parrain::domain::api_key::Scope;
use parrain::domain::caller::Caller;
use parrain::services::webhook::sending::Answer;
use serde_json::{Value, json};

use crate::harness::{Backend, on_both_databases, partner};
use office::{Office, leading_to};
use receiver::Receiver;

on_both_databases!(
    an_event_is_delivered_once_and_signed_as_the_interface_shows_it,
    a_delivery_is_tried_again_under_one_id_until_it_is_given_up,
    an_endpoint_that_is_gone_is_disabled_and_the_feed_tells_of_it,
    an_endpoint_that_fails_for_five_days_is_disabled,
    an_endpoint_may_ask_to_be_left_alone,
    a_slow_endpoint_delays_no_other,
    a_backlog_is_worked_off_at_once_while_nobody_else_waits,
    several_couriers_share_the_work_and_keep_the_order,
    both_secrets_sign_for_a_day_after_a_rotation,
    a_test_and_a_redelivery_are_sent_at_once,
    a_key_is_told_only_what_its_scopes_open,
    no_delivery_goes_to_an_address_that_is_not_public,
    the_provider_is_told_of_all_partners,
);

const TICKETS: &[&str] = &["TICKET_CHANGED"];

async fn an_event_is_delivered_once_and_signed_as_the_interface_shows_it(backend: Backend) {
    let (office, receiver) = (Office::new(backend).await, Receiver::new().await);
    office.happens("p", "before").await;
    let made = office.endpoint("p", &receiver.url, TICKETS).await;
    office.happens("p", "Why").await;
    office.happens("another", "not his").await;
    office.send().await;
    office.send().await;
    let got = receiver.got();
    assert_eq!(got.len(), 1, "what happened before, and what is another's, is not told: {got:?}");
    assert!(got[0].is_signed_with(&made.secret));
    let body = got[0].json();
    assert_eq!((&body["type"], &body["version"]), (&json!("TICKET_CHANGED"), &json!(1)));
    assert_eq!(body["timestamp"], "2026-01-01T00:00:00.000000Z");
    assert_eq!((&body["data"]["__typename"], &body["data"]["subject"]), (&json!("Ticket"), &json!("Why")));
    let (endpoint, deliveries) = office.listed("p").await;
    assert_eq!((&endpoint["status"], &endpoint["events"]), (&json!("ACTIVE"), &json!(TICKETS)));
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0]["status"], "DELIVERED");
    assert_eq!((&deliveries[0]["attempts"], &deliveries[0]["responseStatus"]), (&json!(1), &json!(200)));
    let sealed: Vec<Vec<u8>> = office.database.column("SELECT secret_sealed FROM webhook_endpoint").await;
    let secret = made.secret.as_bytes();
    assert!(!sealed[0].windows(secret.len()).any(|window| window == secret), "it is encrypted");
}

async fn a_delivery_is_tried_again_under_one_id_until_it_is_given_up(backend: Backend) {
    let (office, receiver) = (Office::new(backend).await, Receiver::new().await);
    office.endpoint("p", &receiver.url, TICKETS).await;
    receiver.answer([(500, None), (302, Some(("location", receiver.url.clone())))]);
    office.happens("p", "one").await;
    office.send().await;
    office.after(Duration::seconds(4)).await;
    assert_eq!(receiver.got().len(), 1, "five seconds have not passed");
    office.after(Duration::seconds(2)).await;
    assert_eq!(receiver.got().len(), 2, "and a redirect is not followed");
    office.after(Duration::minutes(6)).await;
    let got = receiver.got();
    assert_eq!(got.iter().map(|got| &got.id).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(got.len(), 3);
    assert_eq!(office.listed("p").await.1[0]["status"], "DELIVERED");

    receiver.always_answer(404);
    office.happens("p", "two").await;
    office.happens("p", "three").await;
    office.send().await;
    assert_eq!(receiver.got().len(), 5, "one that fails holds up no other");
    for _ in 0..9 {
        office.after(Duration::hours(27)).await;
    }
    let (endpoint, deliveries) = office.listed("p").await;
    assert_eq!(endpoint["status"], "DISABLED", "ten days are more than five");
    assert!(deliveries[..2].iter().all(|delivery| delivery["attempts"].as_i64() > Some(1)));
}

async fn an_endpoint_that_is_gone_is_disabled_and_the_feed_tells_of_it(backend: Backend) {
    let (office, receiver) = (Office::new(backend).await, Receiver::new().await);
    let made = office.endpoint("p", &receiver.url, TICKETS).await;
    receiver.answer([(410, None)]);
    office.happens("p", "one").await;
    office.happens("p", "two").await;
    office.send().await;
    office.after(Duration::days(2)).await;
    assert_eq!(receiver.got().len(), 1);
    let feed = "{ viewer { changes { items { __typename ... on WebhookEndpoint { status } } } } }";
    let feed = office.ask(partner("p"), feed).await;
    let items = feed["data"]["viewer"]["changes"]["items"].as_array().unwrap();
    let told = json!({ "__typename": "WebhookEndpoint", "status": "DISABLED" });
    assert!(items.contains(&told), "{feed}");
    office.happens("p", "meanwhile").await;
    let input = json!({ "id": made.id, "status": "ACTIVE" });
    office.mutate(partner("p"), "updateWebhookEndpoint", input).await;
    office.happens("p", "three").await;
    office.send().await;
    let told: Vec<Value> = receiver.got().iter().map(|got| got.json()["data"]["subject"].clone()).collect();
    assert_eq!(told, ["one", "two", "three"], "what waited is sent, what happened meanwhile is not");
}

async fn an_endpoint_that_fails_for_five_days_is_disabled(backend: Backend) {
    let (office, receiver) = (Office::new(backend).await, Receiver::new().await);
    office.endpoint("p", &receiver.url, TICKETS).await;
    receiver.always_answer(500);
    for day in 0..5 {
        office.happens("p", &format!("day {day}")).await;
        office.send().await;
        assert_eq!(office.listed("p").await.0["status"], "ACTIVE", "day {day}");
        office.app.clock.advance(Duration::days(1));
    }
    office.send().await;
    assert_eq!(office.listed("p").await.0["status"], "DISABLED");
}

async fn an_endpoint_may_ask_to_be_left_alone(backend: Backend) {
    let (office, receiver) = (Office::new(backend).await, Receiver::new().await);
    office.endpoint("p", &receiver.url, TICKETS).await;
    receiver.answer([(429, Some(("retry-after", "600".to_owned())))]);
    office.happens("p", "one").await;
    office.happens("p", "two").await;
    office.send().await;
    office.after(Duration::seconds(590)).await;
    assert_eq!(receiver.got().len(), 1, "neither the first nor the second is sent before");
    office.after(Duration::seconds(11)).await;
    let told: Vec<Value> = receiver.got().iter().map(|got| got.json()["data"]["subject"].clone()).collect();
    assert_eq!(told, ["one", "one", "two"]);
}

async fn a_slow_endpoint_delays_no_other(backend: Backend) {
    let office = Office::new(backend).await;
    let (slow, quick) = (Receiver::new().await, Receiver::new().await);
    slow.hold();
    office.endpoint("p", &slow.url, TICKETS).await;
    office.endpoint("q", &quick.url, TICKETS).await;
    for subject in ["one", "two"] {
        office.happens("p", subject).await;
        office.happens("q", subject).await;
    }
    let mut courier = office.courier();
    courier.begin_round().await.unwrap();
    let began = std::time::Instant::now();
    while quick.got().len() < 2 || slow.got().is_empty() {
        assert!(began.elapsed() < std::time::Duration::from_secs(14), "{}", quick.got().len());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(slow.got().len(), 1, "and the slow one gets one after another");
    slow.let_go();
    courier.finish().await;
    assert_eq!(slow.got().len(), 2);
}

async fn a_backlog_is_worked_off_at_once_while_nobody_else_waits(backend: Backend) {
    let (office, receiver) = (Office::new(backend).await, Receiver::new().await);
    office.endpoint("p", &receiver.url, TICKETS).await;
    for number in 0..70 {
        office.happens("p", &number.to_string()).await;
    }
    let mut courier = office.courier();
    assert_eq!(courier.begin_round().await.unwrap(), 1);
    courier.finish().await;
    assert_eq!(receiver.got().len(), 70, "more than a turn, in one round");
}

async fn several_couriers_share_the_work_and_keep_the_order(backend: Backend) {
    let office = Office::new(backend).await;
    let receivers = [Receiver::new().await, Receiver::new().await, Receiver::new().await];
    for (number, receiver) in receivers.iter().enumerate() {
        office.endpoint(&format!("p{number}"), &receiver.url, TICKETS).await;
    }
    for step in 0..15 {
        for number in 0..receivers.len() {
            office.happens(&format!("p{number}"), &step.to_string()).await;
        }
    }
    let mut couriers = [office.courier(), office.courier(), office.courier()];
    let [a, b, c] = &mut couriers;
    let (a, b, c) = tokio::join!(a.work_off(), b.work_off(), c.work_off());
    for ended in [a, b, c] {
        ended.unwrap();
    }
    office.send().await;
    let expected: Vec<String> = (0..15).map(|step| step.to_string()).collect();
    for receiver in &receivers {
        let told: Vec<String> = receiver
            .got()
            .iter()
            .map(|got| got.json()["data"]["subject"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(told, expected);
    }
}

async fn both_secrets_sign_for_a_day_after_a_rotation(backend: Backend) {
    let (office, receiver) = (Office::new(backend).await, Receiver::new().await);
    let made = office.endpoint("p", &receiver.url, TICKETS).await;
    let rotated = office.mutate(partner("p"), "rotateWebhookSecret", json!({ "id": made.id })).await;
    let new = rotated["secret"].as_str().unwrap();
    assert_ne!(new, made.secret);
    office.happens("p", "one").await;
    office.send().await;
    office.app.clock.advance(Duration::hours(24));
    office.happens("p", "two").await;
    office.send().await;
    let got = receiver.got();
    assert!(got[0].is_signed_with(new) && got[0].is_signed_with(&made.secret));
    assert!(got[1].is_signed_with(new) && !got[1].is_signed_with(&made.secret));
}

async fn a_test_and_a_redelivery_are_sent_at_once(backend: Backend) {
    let (office, receiver) = (Office::new(backend).await, Receiver::new().await);
    let made = office.endpoint("p", &receiver.url, TICKETS).await;
    office.mutate(partner("p"), "sendTestWebhook", json!({ "id": made.id })).await;
    office.send().await;
    let test = receiver.got()[0].clone();
    assert!(test.is_signed_with(&made.secret));
    assert_eq!((&test.json()["type"], &test.json()["data"]["accountId"]), (&json!("TEST"), &json!("p")));
    assert!(test.json()["data"].get("standing").is_none(), "a test tells no more than who he is");
    let delivery = office.listed("p").await.1[0]["id"].clone();
    let input = json!({ "deliveryId": delivery });
    let refused = office.mutate(partner("q"), "redeliverWebhook", input.clone()).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
    let again = office.mutate(partner("p"), "redeliverWebhook", input.clone()).await;
    assert_eq!(again["userErrors"], json!([]));
    office.send().await;
    assert_eq!(receiver.got()[1].id, test.id);
    assert_eq!(office.listed("p").await.1[0]["attempts"], 2);
    for asked in 0..6 {
        let answer = office.mutate(partner("p"), "sendTestWebhook", json!({ "id": made.id })).await;
        assert_eq!(answer["userErrors"][0]["code"] == "LIMIT_REACHED", asked == 5, "{answer}");
    }
    office.mutate(partner("p"), "deleteWebhookEndpoint", json!({ "id": made.id })).await;
    office.send().await;
    assert_eq!(receiver.got().len(), 2, "what waited goes with the endpoint");
    for (mutation, input) in [("sendTestWebhook", json!({ "id": made.id })), ("redeliverWebhook", input)] {
        let refused = office.mutate(partner("p"), mutation, input).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND", "{mutation}");
    }
}

async fn a_key_is_told_only_what_its_scopes_open(backend: Backend) {
    let (office, receiver) = (Office::new(backend).await, Receiver::new().await);
    let key = |scopes: &[Scope]| Caller::ApiKey { account_id: "p".to_owned(), scopes: scopes.to_vec() };
    let input = json!({ "url": receiver.url, "events": TICKETS });
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    for closed in [Scope::ReadTickets, Scope::WriteWebhooks] {
        let refused = office.mutate(key(&[closed]), "createWebhookEndpoint", input.clone()).await;
        assert_eq!(code(&refused), "FORBIDDEN", "{closed:?}");
    }
    let writes = [Scope::ReadWebhooks, Scope::WriteWebhooks];
    let refused = office.mutate(key(&writes), "createWebhookEndpoint", input.clone()).await;
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "events"]), "{refused}");
    let all = [Scope::ReadWebhooks, Scope::WriteWebhooks, Scope::ReadTickets];
    let made = office.mutate(key(&all), "createWebhookEndpoint", input).await;
    let id = &made["webhookEndpoint"]["id"];
    assert!(id.is_string(), "{made}");
    // An endpoint that is told more than the key may read is not the key's to turn elsewhere.
    let elsewhere = json!({ "id": id, "url": "https://example.com/" });
    let refused = office.mutate(key(&writes), "updateWebhookEndpoint", elsewhere).await;
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "id"]), "{refused}");
    let seen = office.ask(key(&[Scope::ReadWebhooks]), "{ viewer { webhookEndpoints { url } } }").await;
    assert_eq!(seen["data"]["viewer"]["webhookEndpoints"][0]["url"], receiver.url);
    let refused = office.ask(key(&[Scope::ReadTickets]), "{ viewer { webhookEndpoints { url } } }").await;
    assert_eq!(code(&refused), "FORBIDDEN");
}

async fn no_delivery_goes_to_an_address_that_is_not_public(backend: Backend) {
    let office = Office::configured(backend, |config| config.webhooks.allowed_subnets.clear()).await;
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/",
    ] {
        let input = json!({ "url": url, "events": TICKETS });
        let refused = office.mutate(partner("p"), "createWebhookEndpoint", input).await;
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "url"]), "{url}: {refused}");
    }
    // The name was public when the endpoint was made; when it is sent to, it leads inside, wholly or in part.
    let receiver = Receiver::new().await;
    office.endpoint("p", "https://hooks.example.com/", TICKETS).await;
    for addresses in [&["127.0.0.1"][..], &["8.8.8.8", "10.0.0.1"], &["::ffff:8.8.8.8"], &["fd00::1"], &[]] {
        office.happens("p", "one").await;
        office.courier_over(leading_to(&office.app, addresses)).work_off().await.unwrap();
        let sql = "SELECT response FROM webhook_delivery ORDER BY number DESC LIMIT 1";
        let said: Vec<String> = office.database.column(sql).await;
        assert_eq!(said, ["the name leads to an address that is not public"], "{addresses:?}");
        office.app.clock.advance(Duration::minutes(1));
    }
    // What was looked at is what is connected to: the name itself is not asked again.
    let allowed = Office::new(backend).await;
    let port = receiver.url.rsplit(':').next().unwrap();
    let url = format!("http://hooks.example.com:{port}").parse().unwrap();
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| (name, "1".to_owned()));
    let answer = leading_to(&allowed.app, &["127.0.0.1"]).send(&url, &headers, b"{}".to_vec()).await;
    assert!(matches!(answer, Answer::Status { status: 200, .. }), "{answer:?}");
    let answer = leading_to(&office.app, &["127.0.0.1"]).send(&url, &headers, b"{}".to_vec()).await;
    assert!(matches!(answer, Answer::None { .. }), "{answer:?}");
    assert_eq!(receiver.got().len(), 1);
    // And there are no more than ten endpoints.
    for number in 1..=10 {
        let input = json!({ "url": format!("https://example.com/{number}"), "events": TICKETS });
        let made = office.mutate(partner("p"), "createWebhookEndpoint", input).await;
        assert_eq!(made["userErrors"][0]["code"] == "LIMIT_REACHED", number == 10, "{made}");
    }
}

async fn the_provider_is_told_of_all_partners(backend: Backend) {
    let receiver = Receiver::new().await;
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let office = Office::configured(backend, |config| {
        config.webhooks.endpoint = Some(receiver.url.parse().unwrap());
        config.webhooks.secret = Some(secret.into());
    })
    .await;
    office.happens("p", "one").await;
    office.happens("q", "two").await;
    receiver.answer([(410, None)]);
    office.send().await;
    office.after(Duration::seconds(6)).await;
    let got = receiver.got();
    let told: Vec<Value> = got.iter().map(|got| got.json()["partner"]["accountId"].clone()).collect();
    assert_eq!(told, ["p", "q", "p"], "it is never disabled");
    assert!(got.iter().all(|got| got.is_signed_with(secret) && got.json()["data"]["__typename"] == "Ticket"));
    let node = "{ viewer { webhookEndpoints { id } } }";
    assert_eq!(office.ask(partner("p"), node).await["data"]["viewer"]["webhookEndpoints"], json!([]));
}

/// A delivery, its secret and its type, as a script in another language takes them.
pub async fn a_delivery() -> [(&'static str, String); 3] {
    let receiver = Receiver::new().await;
    // The script looks at the time.
    let office = Office::new(Backend::Sqlite).await;
    office.app.clock.set(parrain::clock::Clock::system().now());
    let made = office.endpoint("p", &receiver.url, TICKETS).await;
    office.happens("p", "W\u{e4}rum").await;
    office.send().await;
    let got = receiver.got()[0].clone();
    let headers = json!({
        "webhook-id": got.id, "webhook-timestamp": got.timestamp, "webhook-signature": got.signatures,
    });
    let received = json!({ "body": got.body, "headers": headers }).to_string();
    [("RECEIVED", received), ("SECRET", made.secret), ("TYPE", "TICKET_CHANGED".to_owned())]
}
