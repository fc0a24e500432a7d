//! Currencies by ISO 4217, and the amounts that they can express (rules 9 and 12).

use entity::Money;
use iso_currency::Currency;

use super::error::Invalid;

/// The decimals that amounts of a currency have; `None` for what is no money (gold, test codes) or unknown.
/// Codes are three capitals, with regard to case.
pub fn minor_units_of(code: &str) -> Option<u32> {
    Currency::from_code(code)?.exponent().map(u32::from)
}

/// The decimals of the programme's own currency; `None` where it has more than two (rule 9).
pub fn programme_minor_units(code: &str) -> Option<u32> {
    minor_units_of(code).filter(|decimals| *decimals <= 2)
}

/// Checks the code of a currency that top-ups may be paid in.
pub fn check_currency(field: &'static str, code: &str) -> Result<u32, Invalid> {
    minor_units_of(code)
        .filter(|decimals| *decimals <= 6)
        .ok_or_else(|| Invalid::new(field, "is not a currency of ISO 4217"))
}

/// Checks an amount that is paid: above zero, at most 10^9 units, no more than `minor_units` decimals.
pub fn check_amount(field: &'static str, amount: Money, minor_units: u32) -> Result<(), Invalid> {
    check_size(field, amount)?;
    if !amount.is_whole_at(minor_units) {
        return Err(Invalid::new(field, format!("has more than {minor_units} decimals")));
    }
    Ok(())
}

/// Checks that an amount is above zero and at most 10^9 units, whatever its currency.
pub fn check_size(field: &'static str, amount: Money) -> Result<(), Invalid> {
    if !amount.is_positive() {
        return Err(Invalid::new(field, "is not above zero"));
    }
    if amount > Money::MAX_INPUT {
        return Err(Invalid::new(field, "is more than 1000000000"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_has_its_own_number_of_decimals() {
        for (code, decimals) in [
            ("EUR", Some(2)),
            ("JPY", Some(0)),
            ("KWD", Some(3)),
            ("CLF", Some(4)),
            ("XAU", None),
            ("XXX", None),
            ("eur", None),
            ("EURO", None),
            ("", None),
        ] {
            assert_eq!(minor_units_of(code), decimals, "{code}");
        }
        assert_eq!(programme_minor_units("KWD"), None);
    }

    #[test]
    fn an_amount_is_positive_and_fits_its_currency() {
        let check =
            |amount: &str, decimals| check_amount("amount", amount.parse().unwrap(), decimals).is_ok();
        assert!(check("0.01", 2) && check("1000000000", 0) && check("12.345", 3));
        assert!(!check("0", 2) && !check("-1", 2) && !check("0.001", 2) && !check("1.5", 0));
        assert!(check_amount("amount", Money(Money::MAX_INPUT.0 + 1), 6).is_err());
    }
}
