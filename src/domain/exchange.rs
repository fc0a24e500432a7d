//! Top-ups in other currencies: the one rounding there is (rule 10).

use entity::{Day, Money};
use rust_decimal::Decimal;

use super::rounding::{divide_half_to_even, micros_per_minor_unit};

/// The most decimals of a rate.
const MAX_RATE_DECIMALS: usize = 12;
/// The digits of the largest rate, 10^9.
const MAX_RATE_DIGITS: usize = 10;

/// Units of another currency for one unit of the programme's, as published for a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeRate {
    pub rate: Decimal,
    pub published_on: Day,
}

/// The base of a top-up: its amount in the programme's currency, half to even to that currency's minor unit.
/// `currency_rate` is `None` where the top-up is in the programme's currency. `None` where the rate is not above
/// zero or the base is too large for 64 bits.
pub fn base_of(amount: Money, currency_rate: Option<&ExchangeRate>, minor_units: u32) -> Option<Money> {
    let (mantissa, scale) = match currency_rate {
        Some(exchange) => (exchange.rate.mantissa(), exchange.rate.scale()),
        None => (1, 0),
    };
    if mantissa <= 0 {
        return None;
    }
    // amount / (mantissa / 10^scale), counted in minor units: one division of whole numbers, so nothing is lost.
    let step = micros_per_minor_unit(minor_units);
    let numerator = i128::from(amount.0).checked_mul(10_i128.checked_pow(scale)?)?;
    let denominator = mantissa.checked_mul(step)?;
    let minor = divide_half_to_even(numerator, denominator)?;
    i64::try_from(minor.checked_mul(step)?).ok().map(Money)
}

/// Whether a rate may still be used: published on the day of the top-up (in UTC) or up to `max_age_days` before it.
pub fn usable(published_on: Day, occurred_on: Day, max_age_days: u32) -> bool {
    let age = occurred_on.to_date().signed_duration_since(published_on.to_date()).num_days();
    (0..=i64::from(max_age_days)).contains(&age)
}

/// Reads a rate: a plain decimal above zero, at most 10^9, at most 12 decimals; trailing zeros go, so that equal
/// rates are equal texts. `None` for everything else.
pub fn parse_rate(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || text.ends_with('.') || !is_plain(whole) || !is_plain(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.len() > MAX_RATE_DIGITS || fraction.len() > MAX_RATE_DECIMALS {
        return None;
    }
    let scale = u32::try_from(fraction.len()).ok()?;
    let mantissa = format!("0{whole}{fraction}").parse::<i128>().ok()?;
    let rate = Decimal::try_from_i128_with_scale(mantissa, scale).ok()?;
    (rate > Decimal::ZERO && rate <= Decimal::from(1_000_000_000)).then_some(rate)
}
