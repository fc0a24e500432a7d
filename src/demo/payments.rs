//! What clients pay and get back, and the facts that belong to nobody.

use chrono::Duration;
use entity::{Moment, Money, TopUpKind};

use super::chance::Chance;
use super::clients::{ClientPlan, Paying, days, is_weekend, payments_of};
use super::diary::Diary;
use super::world::{Currency, EUR, World};
use crate::domain::top_up::{RefundFact, TopUpFact};

/// How a client pays.
struct Manner {
    /// In euro or so.
    amount: i64,
    /// From one top-up to the next.
    every_days: (i64, i64),
    /// How likely it is that a top-up was the last one.
    leaves_permille: i64,
    source: &'static str,
}

/// Writes all that a client pays until then into the diary.
pub fn write(world: &World, client: &ClientPlan, until: Moment, diary: &mut Diary) {
    let mut chance = payments_of(world, client);
    let manner = manner(&mut chance, client.paying);
    let mut at = client.registered_at.plus(Duration::minutes(chance.weighted(&[
        (4, 60),
        (180, 20),
        (1_500, 12),
        (6_000, 8),
    ])));
    let most = match client.paying {
        Paying::Never => 0,
        Paying::AFewTimes => 3,
        Paying::ByHabit | Paying::Monthly => usize::MAX,
    };
    let mut number = 0;
    while at <= until && number < most {
        number += 1;
        let fact = top_up(client, &manner, &mut chance, number, at);
        if number == 1 && client.paying == Paying::ByHabit && chance.percent(5) {
            diary.tell_top_up(at, bonus(client, at));
        }
        let told_at = told_at(&mut chance, at);
        refunds(&mut chance, &fact, client.currency, diary);
        diary.tell_top_up(told_at, fact);
        if chance.permille(manner.leaves_permille) {
            break;
        }
        at = next(&mut chance, at, manner.every_days);
    }
}

fn manner(chance: &mut Chance, paying: Paying) -> Manner {
    let amount = chance.weighted(&[(10, 28), (20, 32), (25, 17), (50, 17), (100, 6)]);
    let (every_days, leaves_permille) = match paying {
        Paying::Monthly => ((27, 33), 0),
        _ => chance.weighted(&[
            (((24, 38), 62), 74),
            (((6, 9), 16), 6),
            (((78, 100), 130), 15),
            (((1, 3), 4), 1),
            (((200, 300), 400), 4),
        ]),
    };
    Manner {
        amount,
        every_days,
        leaves_permille,
        source: chance.weighted(&[("cards", 66), ("paypal", 22), ("sepa", 12)]),
    }
}

/// Offices pay on working days; August is quiet.
fn next(chance: &mut Chance, at: Moment, (low, high): (i64, i64)) -> Moment {
    let mut day = at.plus(Duration::days(chance.between(low, high)));
    if is_weekend(day) && chance.percent(55) {
        day = day.plus(Duration::days(2));
    }
    let seconds_into_day = day.0.rem_euclid(86_400_000_000);
    chance.time_of_day(Moment(day.0 - seconds_into_day))
}

/// The provider tells of nearly everything at once, and of the rest within three weeks.
fn told_at(chance: &mut Chance, at: Moment) -> Moment {
    let delay = chance.weighted(&[
        (Duration::seconds(5), 990),
        (Duration::hours(20), 6),
        (Duration::days(11), 3),
        (Duration::days(20), 1),
    ]);
    at.plus(delay)
}

fn top_up(client: &ClientPlan, manner: &Manner, chance: &mut Chance, number: usize, at: Moment) -> TopUpFact {
    let amount = chance.weighted(&[(manner.amount, 78), (manner.amount * 2, 14), (10, 8)]);
    let is_purchase = !chance.permille(6);
    TopUpFact {
        source: manner.source.to_owned(),
        external_id: format!("{}-{number}", client.account_id),
        client_id: client.account_id.clone(),
        occurred_at: at,
        amount: Money::from_units(amount * client.currency.units),
        currency: client.currency.code.to_owned(),
        kind: if is_purchase { TopUpKind::Purchase } else { TopUpKind::Transfer },
        payment_instrument_hash: client
            .payment_instrument
            .clone()
            .filter(|_| client.paying == Paying::Monthly),
    }
}

/// Credit that the provider gives to try the service: it does not earn.
fn bonus(client: &ClientPlan, at: Moment) -> TopUpFact {
    TopUpFact {
        source: "vouchers".to_owned(),
        external_id: format!("{}-welcome", client.account_id),
        client_id: client.account_id.clone(),
        occurred_at: at,
        amount: Money::from_units(5 * client.currency.units),
        currency: client.currency.code.to_owned(),
        kind: TopUpKind::Bonus,
        payment_instrument_hash: None,
    }
}

/// Few are refunded: most of them whole, some in part, some of those in two parts.
fn refunds(chance: &mut Chance, top_up: &TopUpFact, currency: &Currency, diary: &mut Diary) {
    if !chance.permille(24) {
        return;
    }
    let shares: &[i64] = chance.weighted(&[
        (&[100][..], 60),
        (&[50][..], 18),
        (&[33][..], 10),
        (&[33, 33][..], 7),
        (&[50, 50][..], 5),
    ]);
    let mut at = top_up.occurred_at;
    for (number, percent) in shares.iter().enumerate() {
        at = at.plus(Duration::minutes(chance.between(30, 40_000)));
        let amount = Money(top_up.amount.0 / 100 * percent).truncate_to(currency.minor_units);
        let fact = RefundFact {
            source: top_up.source.clone(),
            external_id: format!("{}-refund{}", top_up.external_id, number + 1),
            top_up_external_id: top_up.external_id.clone(),
            client_id: top_up.client_id.clone(),
            occurred_at: at,
            amount,
        };
        diary.tell_refund(at.plus(Duration::seconds(5)), fact);
    }
}

/// Facts of accounts that the provider never tells of, and refunds of top-ups that it never sent: they wait, and expire.
pub fn write_orphans(world: &World, until: Moment, diary: &mut Diary) {
    let mut chance = world.chance("orphans");
    let mut number = 0;
    for (_, day) in days(world.born, until) {
        if !chance.permille(60) {
            continue;
        }
        number += 1;
        let at = chance.time_of_day(day);
        let client_id = format!("acct-8{number:04}");
        if chance.percent(70) {
            diary.tell_top_up(
                at,
                TopUpFact {
                    source: "cards".to_owned(),
                    external_id: format!("{client_id}-1"),
                    client_id,
                    occurred_at: at,
                    amount: Money::from_units(20),
                    currency: EUR.code.to_owned(),
                    kind: TopUpKind::Purchase,
                    payment_instrument_hash: None,
                },
            );
        } else {
            diary.tell_refund(
                at,
                RefundFact {
                    source: "cards".to_owned(),
                    external_id: format!("{client_id}-1-refund1"),
                    top_up_external_id: format!("{client_id}-1"),
                    client_id,
                    occurred_at: at,
                    amount: Money::from_units(20),
                },
            );
        }
    }
}
