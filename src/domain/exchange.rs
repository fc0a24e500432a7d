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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(rate: &str) -> ExchangeRate {
        ExchangeRate { rate: parse_rate(rate).unwrap(), published_on: Day(20261016) }
    }

    fn base(amount: &str, rate: &str, minor_units: u32) -> String {
        base_of(amount.parse().unwrap(), Some(&at(rate)), minor_units).unwrap().to_string()
    }

    #[test]
    fn a_base_is_rounded_half_to_even_to_the_minor_unit() {
        for (amount, rate, minor_units, expected) in [
            ("100.00", "1.1172", 2, "89.510000"),
            ("0.01", "2", 2, "0.000000"),
            ("0.03", "2", 2, "0.020000"),
            ("0.05", "2", 2, "0.020000"),
            ("0.07", "2", 2, "0.040000"),
            ("1", "2", 0, "0.000000"),
            ("3", "2", 0, "2.000000"),
            ("10000", "160.37", 2, "62.360000"),
            ("1000000000", "0.000001", 2, ""),
            ("1000000000", "1000000000", 2, "1.000000"),
            ("12.345", "0.307", 2, "40.210000"),
        ] {
            if expected.is_empty() {
                assert_eq!(base_of(amount.parse().unwrap(), Some(&at(rate)), minor_units), None, "too large");
            } else {
                assert_eq!(base(amount, rate, minor_units), expected, "{amount} at {rate}");
            }
        }
    }

    #[test]
    fn a_top_up_in_the_programmes_currency_is_its_own_base() {
        assert_eq!(base_of(Money(33_330_000), None, 2), Some(Money(33_330_000)));
    }

    #[test]
    fn a_rate_that_is_not_above_zero_gives_no_base() {
        for rate in [Decimal::ZERO, Decimal::NEGATIVE_ONE] {
            let exchange = ExchangeRate { rate, published_on: Day(20261016) };
            assert_eq!(base_of(Money::from_units(1), Some(&exchange), 2), None);
        }
    }

    #[test]
    fn a_rate_is_usable_on_its_day_and_for_ten_days_after() {
        for (published, occurred, is_usable) in [
            (20261016, 20261016, true),
            (20261016, 20261018, true),
            (20261016, 20261026, true),
            (20261016, 20261027, false),
            (20261016, 20261015, false),
            (20231230, 20240109, true),
            (20240225, 20240306, true),
        ] {
            assert_eq!(usable(Day(published), Day(occurred), 10), is_usable, "{published} {occurred}");
        }
    }

    #[test]
    fn a_rate_is_a_plain_decimal_above_zero() {
        for (text, rate) in [
            ("1.1172", "1.1172"),
            ("1.10", "1.1"),
            ("007", "7"),
            ("0.000000000001", "0.000000000001"),
            ("1000000000", "1000000000"),
            ("1.1000000000000000", "1.1"),
        ] {
            assert_eq!(parse_rate(text).map(|rate| rate.to_string()).as_deref(), Some(rate), "{text}");
        }
        for text in [
            "",
            "0",
            "0.0",
            "-1",
            "+1",
            "1e3",
            ".5",
            "5.",
            "1,1",
            " 1",
            "N/A",
            "1000000000.1",
            "1.0000000000001",
            "99999999999",
            "1.1.1",
            "١",
        ] {
            assert_eq!(parse_rate(text), None, "{text}");
        }
        assert_eq!(parse_rate(&"9".repeat(1 << 20)), None);
    }

    proptest! {
        #[test]
        fn a_base_is_never_off_by_more_than_half_a_minor_unit(
            amount in 1_i64..=Money::MAX_INPUT.0, mantissa in 1_i64..10_000_000_000, scale in 0_u32..=6, units in 0_u32..=2,
        ) {
            let exchange = ExchangeRate { rate: Decimal::new(mantissa, scale), published_on: Day(20261016) };
            let Some(base) = base_of(Money(amount), Some(&exchange), units) else { return Ok(()) };
            prop_assert!(base.is_whole_at(units));
            // base x rate - amount, times 10^scale, against half a minor unit x rate, likewise.
            let off = i128::from(base.0) * i128::from(mantissa) - i128::from(amount) * 10_i128.pow(scale);
            let unit = i128::from(mantissa) * micros_per_minor_unit(units);
            prop_assert!(2 * off.abs() <= unit);
            if 2 * off.abs() == unit {
                prop_assert_eq!(i128::from(base.0) / micros_per_minor_unit(units) % 2, 0, "a tie is even");
            }
        }

        #[test]
        fn halves_of_a_minor_unit_go_to_the_even_one(odd in 0_i64..1_000_000) {
            let base = base_of(Money((2 * odd + 1) * 10_000), Some(&at("2")), 2).unwrap();
            prop_assert_eq!(base.0 / 10_000 % 2, 0);
        }
    }
}
