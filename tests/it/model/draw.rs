//! Sequences drawn at random, each kind of step as often as it tells something.

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::sample::select;

use super::steps::{Change, Sequence, Step, When};
use crate::reference::HOUR;

pub fn sequences() -> impl Strategy<Value = Sequence> {
    // Winter, leap day, both changes of the clock, the end of a year.
    let starts = ["2026-01-20", "2024-02-13", "2026-03-24", "2026-10-20", "2025-12-20"];
    let start = select(starts.to_vec()).prop_map(|day| {
        let day: NaiveDate = day.parse().unwrap();
        day.and_hms_opt(10, 0, 0).unwrap().and_utc().timestamp_micros()
    });
    let is_under_way = prop::bool::weighted(0.8);
    (start, is_under_way, prop::collection::vec(steps(), 20..110)).prop_map(|(start, is_under_way, steps)| {
        let beginning = if is_under_way { beginning() } else { Vec::new() };
        Sequence { start, steps: beginning.into_iter().chain(steps).collect() }
    })
}

/// Two partners with contracts and clients: without them much time goes by before money moves.
fn beginning() -> Vec<Step> {
    let partners =
        (0..2).flat_map(|partner| [Step::Join { partner, other_code: false }, Step::GrantContract(partner)]);
    let clients = (0..6).map(|client| Step::Register { client, code: Some(client / 4), hash: None });
    partners.chain(clients).collect()
}

fn steps() -> impl Strategy<Value = Step> {
    let client = || 0..10_u8;
    let partner = || 0..3_u8;
    let hash = || prop::option::weighted(0.15, 0..3_u8);
    let recent = || 0..6_u8;
    prop_oneof![
        7 => (1..300_i64).prop_map(|hours| Step::Wait(hours * HOUR)),
        1 => (partner(), prop::bool::weighted(0.2)).prop_map(|(partner, other_code)| Step::Join { partner, other_code }),
        4 => (client(), prop::option::weighted(0.85, 0..4_u8), hash())
            .prop_map(|(client, code, hash)| Step::Register { client, code, hash }),
        3 => (any::<bool>(), 0..14_u64, 0..4_u8)
            .prop_map(|(currency, days_ago, rate)| Step::Publish { currency, days_ago, rate }),
        30 => (client(), when(), cents(), 0..8_u8, 0..12_u8, hash()).prop_map(
            |(client, when, cents, currency, kind, hash)| Step::TopUp { client, when, cents, currency, kind, hash }
        ),
        3 => (recent(), change()).prop_map(|(which, change)| Step::TopUpAgain { which, change }),
        8 => (recent(), 0..700_i64, 0..8_u8, prop::bool::weighted(0.05)).prop_map(
            |(which, later_hours, part, other_client)| Step::Refund { which, later_hours, part, other_client }
        ),
        2 => (recent(), change()).prop_map(|(which, change)| Step::RefundAgain { which, change }),
        1 => (client(), when(), cents())
            .prop_map(|(client, when, cents)| Step::RefundBeforeTopUp { client, when, cents }),
        8 => prop::option::weighted(0.8, 0..4_u8).prop_map(|by_hand| Step::Settle { by_hand }),
        1 => partner().prop_map(Step::Suspend),
        2 => partner().prop_map(Step::Reinstate),
        3 => (recent(), prop::bool::weighted(0.7)).prop_map(|(which, release)| Step::Review { which, release }),
        2 => client().prop_map(Step::Hold),
        2 => (client(), any::<bool>()).prop_map(|(client, release)| Step::Clear { client, release }),
        1 => (client(), partner()).prop_map(|(client, partner)| Step::Reassign { client, partner }),
        1 => (partner(), prop::option::of(0..4_u8)).prop_map(|(partner, rate)| Step::SetRate { partner, rate }),
        1 => (0..3_u8).prop_map(Step::SetTiers),
        2 => partner().prop_map(Step::GrantContract),
        6 => (partner(), 0..6_u8).prop_map(|(partner, part)| Step::Withdraw { partner, part }),
        6 => (recent(), 0..5_u8).prop_map(|(which, step)| Step::Decide { which, step }),
        2 => (partner(), 0..6_u8).prop_map(|(partner, part)| Step::Transfer { partner, part }),
        2 => (recent(), any::<bool>()).prop_map(|(which, booked)| Step::AnswerTransfer { which, booked }),
    ]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        6 => (0..400_i64).prop_map(When::HoursAgo),
        2 => (400..2_700_i64).prop_map(When::HoursAgo),
        2 => (0..7_u8, -1..2_i64).prop_map(|(back, micros)| When::Boundary(back, micros)),
        1 => (-1..2_i64).prop_map(When::WindowEdge),
        1 => select(vec![299_i64, 301]).prop_map(When::Ahead),
    ]
}

fn cents() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 100..40_000_i64, 1 => 1..10_i64, 1 => select(vec![0_i64, 333, 100_000_000_000, 100_000_000_001])]
}

fn change() -> impl Strategy<Value = Change> {
    use Change::{Amount, Client, Currency, Kind, Nothing, Time};
    select(vec![Nothing, Nothing, Nothing, Amount, Client, Time, Kind, Currency])
}
