//! Where a withdrawal is paid to.

use std::fmt;

use iban::{Iban, IbanLike};
use serde::{Deserialize, Serialize};

use super::error::Invalid;
use super::text::check_text;

/// The longest name of an account's holder, in characters: what a SEPA transfer can carry.
pub const MAX_HOLDER: usize = 70;
/// The longest e-mail address, in characters.
pub const MAX_EMAIL: usize = 254;

/// A destination that was checked. It is kept encrypted and shown masked; `Debug` masks it too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutDestination {
    /// The IBAN in its electronic form: capitals, no blanks.
    BankTransfer {
        iban: String,
        holder: String,
    },
    Paypal {
        email: String,
    },
}

impl PayoutDestination {
    /// Checks an IBAN (length, country, check digits) and takes the blanks out of it.
    pub fn bank_transfer(iban: &str, holder: &str) -> Result<PayoutDestination, Invalid> {
        let plain: String = iban.split_whitespace().collect::<String>().to_ascii_uppercase();
        let iban: Iban = plain.parse().map_err(|_| Invalid::new("iban", "is not an IBAN"))?;
        check_text("holder", holder, MAX_HOLDER)?;
        Ok(PayoutDestination::BankTransfer {
            iban: iban.electronic_str().to_owned(),
            holder: holder.to_owned(),
        })
    }

    /// Checks that an address has the form of one; only a payment can tell whether it exists.
    pub fn paypal(email: &str) -> Result<PayoutDestination, Invalid> {
        check_text("email", email, MAX_EMAIL)?;
        if !is_email(email) {
            return Err(Invalid::new("email", "is not an e-mail address"));
        }
        Ok(PayoutDestination::Paypal { email: email.to_owned() })
    }

    /// The whole of it, for a payment: the IBAN and its holder, or the address.
    pub fn in_full(&self) -> String {
        match self {
            PayoutDestination::BankTransfer { iban, holder } => format!("{iban} {holder}"),
            PayoutDestination::Paypal { email } => email.clone(),
        }
    }

    /// What may be shown: `DE…3000`, or `j…@example.com`.
    pub fn masked(&self) -> String {
        match self {
            PayoutDestination::BankTransfer { iban, .. } => {
                let country: String = iban.chars().take(2).collect();
                let end: String = iban.chars().skip(iban.chars().count().saturating_sub(4)).collect();
                format!("{country}…{end}")
            }
            PayoutDestination::Paypal { email } => {
                let (name, domain) = email.rsplit_once('@').unwrap_or((email, ""));
                let first: String = name.chars().take(1).collect();
                format!("{first}…@{domain}")
            }
        }
    }
}

/// A text in which every IBAN is masked, with or without blanks: what people write of a payment is kept and shown.
pub fn without_ibans(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let begins_word =
            letter.is_ascii_alphabetic() && !masked.chars().next_back().is_some_and(char::is_alphanumeric);
        match begins_word.then(|| iban_at_start(rest)).flatten() {
            Some((iban, length)) => {
                masked.push_str(&PayoutDestination::BankTransfer { iban, holder: String::new() }.masked());
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                masked.push(letter);
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            }
        }
    }
    masked
}

/// The longest IBAN with which a text begins, and how many bytes it takes there.
fn iban_at_start(text: &str) -> Option<(String, usize)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '.');
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    let span = text.get(..end)?;
    // No IBAN is longer than 34 characters, each with a separator.
    let ends = span.char_indices().map(|(start, c)| start + c.len_utf8()).take(68);
    let ends: Vec<usize> = ends.filter(|end| *end >= 15).collect();
    ends.into_iter().rev().find_map(|end| {
        let within = !span.get(end..)?.starts_with(|c: char| c.is_ascii_alphanumeric());
        let plain: String = span.get(..end)?.chars().filter(char::is_ascii_alphanumeric).collect();
        let iban: Iban = plain.to_ascii_uppercase().parse().ok().filter(|_| within)?;
        let last = span.get(..end)?.trim_end_matches([' ', '-', '.']).len();
        Some((iban.electronic_str().to_owned(), last))
    })
}

impl fmt::Debug for PayoutDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// One `@` between a name and a domain of two labels or more, and nothing that would need quoting.
fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    let is_atom = |c: char| !c.is_whitespace() && !"\"(),:;<>@[\\]".contains(c);
    let is_name = !name.is_empty() && name.len() <= 64 && name.split('.').all(|atom| !atom.is_empty());
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    is_name && name.chars().all(is_atom) && domain.contains('.') && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iban_is_checked_and_kept_without_blanks() {
        let destination = PayoutDestination::bank_transfer("de89 3704 0044 0532 0130 00", "Jo Öz").unwrap();
        let PayoutDestination::BankTransfer { iban, holder } = &destination else {
            panic!("{destination:?}")
        };
        assert_eq!((iban.as_str(), holder.as_str()), ("DE89370400440532013000", "Jo Öz"));
        assert_eq!(destination.masked(), "DE…3000");
        assert_eq!(format!("{destination:?}"), "DE…3000", "a log never shows more");
    }

    #[test]
    fn what_is_no_iban_is_refused() {
        for iban in [
            "",
            "DE00370400440532013000",
            "DE8937040044053201300",
            "XX89370400440532013000",
            "DE89370400440532013000\0",
            "٣",
            &"D".repeat(10_000),
        ] {
            assert_eq!(
                PayoutDestination::bank_transfer(iban, "Jo").map_err(|e| e.field),
                Err("iban"),
                "{iban}"
            );
        }
        let holder = |holder| PayoutDestination::bank_transfer("DE89370400440532013000", holder).is_ok();
        assert!(!holder("") && !holder("Jo\nDoe") && !holder(&"x".repeat(71)));
    }

    #[test]
    fn an_address_has_a_name_and_a_domain_and_shows_its_first_letter() {
        for email in ["jo@example.com", "j.o+tag@sub.example.co", "ö@bücher.example"] {
            assert!(PayoutDestination::paypal(email).is_ok(), "{email}");
        }
        for email in [
            "",
            "jo",
            "jo@",
            "@example.com",
            "jo@example",
            "jo@@example.com",
            "j o@example.com",
            "jo@ex_ample.com",
            "jo@-x.com",
            "jo@x..com",
            ".jo@x.com",
            "jo@x.com,eve@y.com",
            "\"jo\"@x.com",
            "<jo@x.com>",
            "jo@x.com\0",
        ] {
            assert!(PayoutDestination::paypal(email).is_err(), "{email}");
        }
        assert_eq!(PayoutDestination::paypal("jo@example.com").unwrap().masked(), "j…@example.com");
    }

    #[test]
    fn an_iban_in_a_text_is_masked_however_it_is_spaced() {
        for (text, masked) in [
            ("DE89370400440532013000", "DE…3000"),
            ("de89 3704 0044 0532 0130 00 is closed", "DE…3000 is closed"),
            ("AC04: DE89-3704-0044-0532-0130-00.", "AC04: DE…3000."),
            ("(FR76 3000 6000 0112 3456 7890 189), again", "(FR…0189), again"),
            ("from DE89370400440532013000 to GB82WEST12345698765432", "from DE…3000 to GB…5432"),
            ("IBAN:DE89370400440532013000\nno", "IBAN:DE…3000\nno"),
            ("the order DE00370400440532013000 is none", "the order DE00370400440532013000 is none"),
            ("", ""),
            ("Ünïcödé 電話", "Ünïcödé 電話"),
        ] {
            assert_eq!(without_ibans(text), masked, "{text}");
        }
        let long = "A1 ".repeat(400);
        assert_eq!(without_ibans(&long), long);
    }

    #[test]
    fn a_destination_survives_being_stored() {
        let destination = PayoutDestination::paypal("jo@example.com").unwrap();
        let stored = serde_json::to_string(&destination).unwrap();
        assert_eq!(stored, r#"{"paypal":{"email":"jo@example.com"}}"#);
        assert_eq!(serde_json::from_str::<PayoutDestination>(&stored).unwrap(), destination);
    }
}
