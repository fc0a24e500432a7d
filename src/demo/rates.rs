//! Exchange rates of the world: published on working days in the afternoon, never far from where they began.

use chrono::{Datelike, Duration};
use entity::Moment;
use rust_decimal::Decimal;

use super::clients::{days, is_weekend};
use super::diary::Diary;
use super::world::World;
use crate::services::exchange_rate::PublishedRate;

/// Code, the rate at the beginning in units of its last decimal, decimals, and how far it moves in a day.
const CURRENCIES: [(&str, i64, u32, i64); 5] = [
    ("USD", 10_870, 4, 60),
    ("GBP", 84_610, 5, 320),
    ("CHF", 9_480, 4, 38),
    ("SEK", 112_950, 4, 520),
    ("JPY", 16_342, 2, 95),
];
/// Rates are known from before the first top-up on.
const DAYS_BEFORE: i64 = 10;

/// Writes the rates until then into the diary.
pub fn write(world: &World, until: Moment, diary: &mut Diary) {
    for (code, beginning, decimals, step) in CURRENCIES {
        let mut chance = world.chance(code);
        let mut rate = beginning;
        for (_, day) in days(world.born.minus(Duration::days(DAYS_BEFORE)), until) {
            // What has gone far is drawn back.
            let drift = (beginning - rate) * step / beginning;
            rate += chance.between(-step, step) + drift;
            if is_weekend(day) || is_holiday(day) {
                continue;
            }
            let published = PublishedRate {
                currency: code.to_owned(),
                published_on: day.utc_day(),
                rate: Decimal::new(rate, decimals),
            };
            diary.tell_rate(day.plus(Duration::minutes(15 * 60 + 5)).max(world.born), published);
        }
    }
}

/// The days on which the central bank publishes nothing, those that move with Easter apart.
fn is_holiday(day: Moment) -> bool {
    let date = day.to_utc().date_naive();
    matches!((date.month(), date.day()), (1, 1) | (5, 1) | (12, 25 | 26))
}
