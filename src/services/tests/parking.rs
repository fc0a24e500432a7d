use super::*;
use crate::services::parked_fact;
use crate::services::registration::RegistrationOutcome;

/// What can arrive, in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    Registration,
    TopUp,
    Refund,
}

use Fact::{Refund, Registration as Registered, TopUp};

const ORDERS: [[Fact; 3]; 6] = [
    [Registered, TopUp, Refund],
    [Registered, Refund, TopUp],
    [TopUp, Registered, Refund],
    [TopUp, Refund, Registered],
    [Refund, Registered, TopUp],
    [Refund, TopUp, Registered],
];

impl World {
    async fn sent(&self, fact: Fact, code: &str) -> &'static str {
        let name = |outcome: &FactOutcome| match outcome {
            FactOutcome::Recorded(_) => "RECORDED",
            FactOutcome::Replayed(_) => "REPLAYED",
            FactOutcome::NotReferred => "NOT_REFERRED",
            FactOutcome::Parked => "PARKED",
            FactOutcome::Refused(_) => "REFUSED",
        };
        match fact {
            Registered => {
                let client = Registration {
                    client_id: "c".to_owned(),
                    registered_at: at("2026-09-20T00:00:00Z"),
                    code: Some(code.to_owned()),
                    ..Registration::default()
                };
                match registration::register(&self.app, &[client], CodePolicy::Typed).await.unwrap()[0] {
                    RegistrationOutcome::Attributed => "ATTRIBUTED",
                    RegistrationOutcome::Direct(_) => "DIRECT",
                    RegistrationOutcome::Replayed => "REPLAYED",
                    RegistrationOutcome::Refused(_) => "REFUSED",
                }
            }
            TopUp => name(&self.top_up("c", "1", "2026-09-21T00:00:00Z", "50").await),
            Refund => {
                let fact = RefundFact {
                    source: "till".to_owned(),
                    external_id: "r".to_owned(),
                    top_up_external_id: "1".to_owned(),
                    client_id: "c".to_owned(),
                    occurred_at: at("2026-09-22T00:00:00Z"),
                    amount: money("20"),
                };
                name(&refund::record(&self.app, &[fact]).await.unwrap()[0])
            }
        }
    }

    /// Of the lines: kind, base, periods and state.
    async fn lines(&self) -> Vec<(String, i64, i32, Option<i32>, String)> {
        let sql = "SELECT kind, base, rate_period, settle_period, state FROM line ORDER BY kind";
        let rows = db::query(self.app.db.reader(), sql, vec![]).await.unwrap();
        let read = |row: &sea_orm::QueryResult| {
            (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
                row.try_get_by_index(2).unwrap(),
                row.try_get_by_index(3).unwrap(),
                row.try_get_by_index(4).unwrap(),
            )
        };
        rows.iter().map(read).collect()
    }
}

async fn world_with_a_code() -> (World, String) {
    let world = World::new().await;
    let partner_id = world.partner("p").await;
    let sql = "SELECT code FROM link WHERE partner_id = $1 AND is_own";
    let row = db::query_one(world.app.db.reader(), sql, vec![partner_id.into()]).await.unwrap().unwrap();
    (world, row.try_get_by_index(0).unwrap())
}

#[tokio::test]
async fn whatever_the_order_of_arrival_the_same_is_earned() {
    let mut expected = None;
    for order in ORDERS {
        let (world, code) = world_with_a_code().await;
        for fact in order {
            let first = world.sent(fact, &code).await;
            let again = world.sent(fact, &code).await;
            // Sent again it is known: recorded before, or waiting still.
            let known = if first == "PARKED" { "PARKED" } else { "REPLAYED" };
            assert_eq!(again, known, "{order:?} {fact:?} {first}");
        }
        for fact in order {
            assert_eq!(world.sent(fact, &code).await, "REPLAYED", "{order:?} {fact:?}");
        }
        let lines = world.lines().await;
        assert_eq!(lines.len(), 2, "{order:?}");
        assert_eq!(expected.get_or_insert(lines.clone()), &lines, "{order:?}");
        assert_eq!(world.count("parked_fact").await, 0, "{order:?}");
        world.verify().await;
    }
}

#[tokio::test]
async fn what_waits_in_vain_expires_and_is_a_new_fact_when_it_is_sent_again() {
    let (world, code) = world_with_a_code().await;
    assert_eq!(world.sent(TopUp, &code).await, "PARKED");
    assert_eq!(world.sent(Refund, &code).await, "PARKED");
    world.app.clock.advance(chrono::Duration::days(45) - chrono::Duration::seconds(1));
    assert_eq!(parked_fact::expire(&world.app).await.unwrap(), 0);
    world.app.clock.advance(chrono::Duration::seconds(1));
    assert_eq!(parked_fact::expire(&world.app).await.unwrap(), 2);
    assert_eq!(world.sent(Registered, &code).await, "ATTRIBUTED");
    assert_eq!(world.lines().await, vec![], "what had expired is not attached");
    assert_eq!(world.sent(TopUp, &code).await, "RECORDED");
    assert_eq!(world.sent(Refund, &code).await, "RECORDED");
    world.verify().await;
}

#[tokio::test]
async fn what_waited_for_an_account_that_turns_out_to_be_nobodys_earns_nothing() {
    for order in ORDERS {
        let (world, _) = world_with_a_code().await;
        for fact in order {
            world.sent(fact, "nobody").await;
        }
        assert_eq!(world.sent(TopUp, "nobody").await, "NOT_REFERRED", "{order:?}");
        assert_eq!(world.lines().await, vec![], "{order:?}");
        world.verify().await;
    }
}
