//! The scalars of the interface: exact decimals, moments, days, currencies.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use entity::{Day, Moment, Money, RateBasisPoints};

use crate::domain::error::Invalid;

/// The longest decimal number that is read.
const MAX_DECIMAL_CHARS: usize = 64;

/// A decimal number as its text. What it must be beyond that depends on the field, which says so in a userError.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal(String);

/// A decimal number as a JSON string, exact: "12.345600". Input takes strings only.
#[Scalar(name = "Decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) if is_plain_decimal(&text) => Ok(Decimal(text)),
            Value::String(_) => Err(InputValueError::custom("it is not a decimal number")),
            _ => Err(InputValueError::custom("a decimal number is sent as a string")),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn is_plain_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= MAX_DECIMAL_CHARS && plain(whole) && plain(fraction)
}

impl Decimal {
    /// An amount; refused with more than six decimals or above 10^9 units.
    pub fn to_money(&self, field: &'static str) -> Result<Money, Invalid> {
        self.0.parse().map_err(|error: entity::MoneyError| Invalid::new(field, error.to_string()))
    }

    /// A percentage of at most two decimals between 0 and 100.
    pub fn to_rate(&self, field: &'static str) -> Result<RateBasisPoints, Invalid> {
        let percent = self.0.parse().ok().and_then(RateBasisPoints::from_percent);
        percent.ok_or_else(|| Invalid::new(field, "is not a percentage of at most two decimals"))
    }

    /// Any decimal number of at most 28 digits.
    pub fn to_number(&self, field: &'static str) -> Result<rust_decimal::Decimal, Invalid> {
        rust_decimal::Decimal::from_str_exact(&self.0)
            .map_err(|_| Invalid::new(field, "has more digits than can be kept"))
    }
}

/// Six decimals.
impl From<Money> for Decimal {
    fn from(amount: Money) -> Decimal {
        Decimal(amount.to_string())
    }
}

/// A percentage without trailing zeros.
impl From<RateBasisPoints> for Decimal {
    fn from(rate: RateBasisPoints) -> Decimal {
        Decimal(rate.to_string())
    }
}

/// A number as it is kept.
impl From<String> for Decimal {
    fn from(text: String) -> Decimal {
        Decimal(text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Moment);

/// RFC 3339 in UTC: "2026-11-15T00:00:00Z". Read to the microsecond; another offset is converted.
#[Scalar(name = "DateTime", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let at = chrono::DateTime::parse_from_rfc3339(text)
            .map_err(|_| InputValueError::custom("it is not a time of RFC 3339"))?;
        Ok(DateTime(Moment::from_utc(at.to_utc())))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub chrono::NaiveDate);

/// A calendar date in the programme's time zone: "2026-11-15".
#[Scalar(name = "Date")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let is_plain = text.len() == 10 && text.is_ascii();
        let date = text.parse().ok().filter(|_| is_plain);
        date.map(Date).ok_or_else(|| InputValueError::custom("it is not a date like 2026-11-15"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<Day> for Date {
    fn from(day: Day) -> Date {
        Date(day.to_date())
    }
}

/// Whether there is such a currency is for the field to say, in a userError.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyCode(pub String);

/// An ISO 4217 code: "EUR".
#[Scalar(name = "CurrencyCode")]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(code) => Ok(CurrencyCode(code)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_read_from_plain_strings_alone() {
        for text in ["0", "-1.50", "00012.3400000000", "1234567890123456789012345678901234567890.1"] {
            assert!(Decimal::parse(text.into()).is_ok(), "{text}");
        }
        let long = "1".repeat(MAX_DECIMAL_CHARS + 1);
        for text in ["", "-", ".5", "5.", "1e3", "+1", " 1", "1,5", "NaN", "0x1", "１", long.as_str()] {
            assert!(Decimal::parse(text.into()).is_err(), "{text}");
        }
        assert!(Decimal::parse(Value::from(1)).is_err(), "a number may have lost digits on its way");
    }

    #[test]
    fn what_a_decimal_cannot_be_names_its_field() {
        let decimal = |text: &str| Decimal(text.to_owned());
        assert_eq!(decimal("12.5").to_money("amount"), Ok(Money(12_500_000)));
        assert_eq!(
            decimal("0.0000001").to_money("amount"),
            Err(Invalid::new("amount", "has more than six decimals"))
        );
        assert_eq!(decimal("12.5").to_rate("ratePercent"), Ok(RateBasisPoints(1_250)));
        assert!(decimal("12.345").to_rate("ratePercent").is_err());
        assert!(decimal(&"9".repeat(60)).to_number("rate").is_err());
    }

    #[test]
    fn a_moment_is_kept_to_the_microsecond_and_a_date_is_plain() {
        let at = DateTime::parse("2026-11-15T01:00:00.1234567+01:00".into()).unwrap();
        assert_eq!(at.to_value(), Value::from("2026-11-15T00:00:00.123456Z"));
        for text in ["2026-11-15", "2026-11-15T00:00:00", "tomorrow", "2026-13-01T00:00:00Z"] {
            assert!(DateTime::parse(text.into()).is_err(), "{text}");
        }
        assert_eq!(Date::parse("2026-11-15".into()).unwrap().to_value(), Value::from("2026-11-15"));
        for text in ["2026-02-30", "+2026-1-1", "2026-1-01", "15.11.2026"] {
            assert!(Date::parse(text.into()).is_err(), "{text}");
        }
    }
}
