//! How single values are written in the configuration, and how secrets are not.

use secrecy::{ExposeSecret, SecretString};
use serde::Serializer;
use url::Url;

/// What stands for a secret wherever the configuration is shown.
pub const MASK: &str = "***";

/// An address that stands in the source; a wrong one would be seen by the first test.
pub fn url(text: &'static str) -> Url {
    #[expect(clippy::expect_used, reason = "called with constants alone, each read by the tests")]
    text.parse().expect("a constant address")
}

pub fn masked<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_str(MASK),
        None => serializer.serialize_none(),
    }
}

pub fn masked_secret<S: Serializer>(_: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(MASK)
}

/// Shows where the database is without the password, be it in the authority or among the parameters.
pub fn masked_database_url<S: Serializer>(url: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&mask_database_url(url.expose_secret()))
}

/// As [`masked_database_url`]. What cannot be read as an address is masked whole.
pub fn mask_database_url(text: &str) -> String {
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Ok(mut url) = Url::parse(text) else {
        return MASK.to_owned();
    };
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return MASK.to_owned();
    }
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut query = url.query_pairs_mut();
        query.clear();
        for (name, value) in &pairs {
            let secret = name.to_ascii_lowercase().contains("password");
            query.append_pair(name, if secret { MASK } else { value });
        }
        drop(query);
    }
    url.into()
}

/// What parses from a text and prints as one.
pub mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr,
        T::Err: Display,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| D::Error::custom(format!("{text:?}: {error}")))
    }
}

/// As [`text`], for a key that may be left out.
pub mod optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Deserializer;
    use serde::ser::Serializer;

    pub fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr,
        T::Err: Display,
        D: Deserializer<'de>,
    {
        super::text::deserialize(deserializer).map(Some)
    }
}

/// A span of time as text: `90s`, `30m`, `1h`, `1h30m`, `2d`, `500ms`.
pub mod duration {
    use std::time::Duration;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&print(*duration))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no span of time such as \"90s\" or \"1h\"")))
    }

    /// The largest unit in which it is a whole number.
    pub fn print(duration: Duration) -> String {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let whole = UNITS.iter().find(|(_, size)| millis >= *size && millis.is_multiple_of(*size));
        match whole {
            Some((unit, size)) => format!("{}{unit}", millis / size),
            None => "0s".to_owned(),
        }
    }

    /// Whole numbers, each with its unit.
    pub fn parse(text: &str) -> Option<Duration> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return None;
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number: u64 = rest[..digits].parse().ok()?;
            rest = &rest[digits..];
            let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
            let (_, size) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters])?;
            rest = rest[letters..].trim_start();
            total = total.checked_add(number.checked_mul(*size)?)?;
        }
        Some(Duration::from_millis(total))
    }
}

/// An ISO 4217 code of at most two decimals (rule 9).
pub mod currency {
    use iso_currency::Currency;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(currency.code())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        let code = String::deserialize(deserializer)?;
        let currency = Currency::from_code(&code)
            .ok_or_else(|| D::Error::custom(format!("{code:?} is no ISO 4217 currency code")))?;
        match currency.exponent() {
            Some(0..=2) => Ok(currency),
            _ => Err(D::Error::custom(format!("{code:?} has not at most two decimals"))),
        }
    }
}

/// An exact amount: a string or a whole number.
pub mod money {
    use entity::Money;
    use serde::de::{Deserializer, Error};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(amount: &Money, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&amount.to_decimal().normalize())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        let text = deserializer.deserialize_any(super::ExactNumber)?;
        text.parse().map_err(|error| D::Error::custom(format!("{text:?} {error}")))
    }
}

/// A percentage of at most two decimals: a string or a whole number.
pub mod percent {
    use entity::RateBasisPoints;
    use rust_decimal::Decimal;
    use serde::de::{Deserializer, Error};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(rate: &RateBasisPoints, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(rate)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RateBasisPoints, D::Error> {
        let text = deserializer.deserialize_any(super::ExactNumber)?;
        Decimal::from_str_exact(&text).ok().and_then(RateBasisPoints::from_percent).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is no percentage from 0 to 100 with at most two decimals"))
        })
    }
}

/// Reads a string or a whole number; a TOML float has lost its digits before it gets here.
struct ExactNumber;

impl serde::de::Visitor<'_> for ExactNumber {
    type Value = String;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a whole number, or a decimal number in quotes such as \"12.5\"")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }
}
