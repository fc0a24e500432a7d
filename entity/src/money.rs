//! Exact amounts and rates (rules 9 and 10). No floating point, no silent rounding.

use std::fmt;
use std::iter::Sum;
use std::ops::Neg;
use std::str::FromStr;

use rust_decimal::Decimal;
use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

/// Micro-units in one unit of a currency.
pub const MICROS_PER_UNIT: i64 = 1_000_000;

/// An exact amount in micro-units (10^-6) of a currency; the currency stands beside it (rule 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(DeriveValueType)]
#[serde(transparent)]
pub struct Money(pub i64);

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("is not a decimal number")]
    NotADecimal,
    #[error("has more than six decimals")]
    TooManyDecimals,
    #[error("is more than 1000000000")]
    TooLarge,
}

impl Money {
    pub const ZERO: Money = Money(0);
    /// The largest amount that is taken in: 10^9 units.
    pub const MAX_INPUT: Money = Money(1_000_000_000 * MICROS_PER_UNIT);

    /// Whole units, for tests and defaults.
    pub const fn from_units(units: i64) -> Money {
        Money(units * MICROS_PER_UNIT)
    }

    /// Adds; `None` where 64 bits do not hold the sum.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money)
    }

    /// Subtracts; `None` where 64 bits do not hold the difference.
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.0.checked_sub(other.0).map(Money)
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether the amount has no digit below `decimals` decimals.
    pub fn is_whole_at(self, decimals: u32) -> bool {
        decimals >= 6 || self.0 % 10_i64.pow(6 - decimals) == 0
    }

    /// Rounds towards zero to `decimals` decimals.
    pub fn truncate_to(self, decimals: u32) -> Money {
        if decimals >= 6 {
            return self;
        }
        let step = 10_i64.pow(6 - decimals);
        Money(self.0 / step * step)
    }

    /// The same amount as a decimal number with six decimals.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 6)
    }
}

/// Prints six decimals: `12.345600`. Digit by digit, since `write!` takes several times as long for what stands on a page a
/// hundred times.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nineteen digits, the point and the sign.
        let mut text = [b'0'; 21];
        let mut place = text.iter_mut().rev();
        let mut put = |byte: u8| {
            if let Some(place) = place.next() {
                *place = byte;
            }
        };
        let mut rest = self.0.unsigned_abs();
        let mut len = 0;
        while rest > 0 || len < 7 {
            if len == 6 {
                put(b'.');
            }
            put(b'0' + u8::try_from(rest % 10).unwrap_or(0));
            rest /= 10;
            len += 1;
        }
        len += 1;
        if self.0 < 0 {
            put(b'-');
            len += 1;
        }
        f.write_str(std::str::from_utf8(&text[text.len() - len..]).unwrap_or_default())
    }
}

/// Reads a plain decimal number (no exponent, no blanks, no plus), at most six decimals, at most 10^9 units.
impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let dangling_point = digits.ends_with('.');
        if whole.is_empty() || dangling_point || !plain(whole) || !plain(fraction) {
            return Err(MoneyError::NotADecimal);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 6 {
            return Err(MoneyError::TooManyDecimals);
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > 10 {
            return Err(MoneyError::TooLarge);
        }
        let units: i64 =
            if whole.is_empty() { 0 } else { whole.parse().map_err(|_| MoneyError::TooLarge)? };
        let micros: i64 = format!("{fraction:0<6}").parse().map_err(|_| MoneyError::NotADecimal)?;
        let amount = Money(units * MICROS_PER_UNIT + micros);
        if amount > Money::MAX_INPUT {
            return Err(MoneyError::TooLarge);
        }
        Ok(if negative { -amount } else { amount })
    }
}

impl Neg for Money {
    type Output = Money;

    fn neg(self) -> Money {
        Money(-self.0)
    }
}

/// A rate of commission in basis points (1/10,000), a whole number (rule 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(DeriveValueType)]
#[serde(transparent)]
pub struct RateBasisPoints(pub i32);

impl RateBasisPoints {
    /// base x rate, exact, since a base is a whole number of minor units (rule 9). `None` on overflow of 64 bits
    /// or where the product would not be a whole number of micro-units.
    pub fn of(self, base: Money) -> Option<Money> {
        let product = i128::from(base.0) * i128::from(self.0);
        if product % 10_000 != 0 {
            return None;
        }
        i64::try_from(product / 10_000).ok().map(Money)
    }

    /// As a percentage: 1250 is 12.5.
    pub fn to_percent(self) -> Decimal {
        Decimal::new(i64::from(self.0), 2).normalize()
    }

    /// Reads a percentage of at most two decimals between 0 and 100.
    pub fn from_percent(percent: Decimal) -> Option<RateBasisPoints> {
        let points = percent.checked_mul(Decimal::ONE_HUNDRED)?.normalize();
        let in_range = points >= Decimal::ZERO && points <= Decimal::from(10_000);
        if points.scale() != 0 || !in_range {
            return None;
        }
        i32::try_from(points.mantissa()).ok().map(RateBasisPoints)
    }
}

/// Prints the percentage without trailing zeros: `10`, `12.5`.
impl fmt::Display for RateBasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_percent().fmt(f)
    }
}

/// Adds up; 64 bits hold 9 x 10^12 units, far above what is taken in, and overflow panics in every profile.
impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, |total, amount| Money(total.0 + amount.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_reads_and_prints_exactly() {
        for (text, micros) in [
            ("0", 0),
            ("0.000001", 1),
            ("33.33", 33_330_000),
            ("-2.476", -2_476_000),
            ("1000000000", 1_000_000_000_000_000),
            ("12.3400000000", 12_340_000),
        ] {
            assert_eq!(text.parse(), Ok(Money(micros)), "{text}");
        }
        assert_eq!(Money(-2_476_000).to_string(), "-2.476000");
        assert_eq!(Money(4_999_500).to_string(), "4.999500");
        assert_eq!(Money(0).to_string(), "0.000000");
        assert_eq!(Money(-1).to_string(), "-0.000001");
        assert_eq!(Money(i64::MIN).to_string(), "-9223372036854.775808");
        assert_eq!(Money(i64::MAX).to_string(), "9223372036854.775807");
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in ["", "-", ".5", "5.", "1e3", "+1", " 1", "1,5", "0x10", "NaN", "１"] {
            assert_eq!(text.parse::<Money>(), Err(MoneyError::NotADecimal), "{text}");
        }
        assert_eq!("0.0000001".parse::<Money>(), Err(MoneyError::TooManyDecimals));
        assert_eq!("1000000000.01".parse::<Money>(), Err(MoneyError::TooLarge));
        assert_eq!("99999999999999999999".parse::<Money>(), Err(MoneyError::TooLarge));
    }

    #[test]
    fn base_times_rate_is_exact() {
        assert_eq!(RateBasisPoints(1000).of(Money::from_units(50)), Some(Money(5_000_000)));
        assert_eq!(RateBasisPoints(1500).of(Money(33_330_000)), Some(Money(4_999_500)));
        assert_eq!(RateBasisPoints(1500).of(Money(1)), None, "less than a micro-unit is never made up");
    }

    #[test]
    fn a_rate_prints_as_a_percentage_without_trailing_zeros() {
        for (points, text) in [(1000, "10"), (1250, "12.5"), (1234, "12.34"), (10_000, "100"), (0, "0")] {
            assert_eq!(RateBasisPoints(points).to_string(), text);
            assert_eq!(RateBasisPoints::from_percent(text.parse().unwrap()), Some(RateBasisPoints(points)));
        }
        assert_eq!(RateBasisPoints::from_percent("12.345".parse().unwrap()), None);
        assert_eq!(RateBasisPoints::from_percent("100.01".parse().unwrap()), None);
        assert_eq!(RateBasisPoints::from_percent("-1".parse().unwrap()), None);
    }
}
