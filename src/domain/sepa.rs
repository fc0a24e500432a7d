//! What a SEPA credit transfer can carry: its ids, its letters, its lengths, the countries that it reaches.

use entity::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::Invalid;
use super::payout::PayoutDestination;

/// The longest name of a payer or payee, in characters.
pub const MAX_NAME: usize = 70;
/// The longest text for the payee, in characters.
pub const MAX_REMITTANCE: usize = 140;
/// The one currency of the scheme.
pub const CURRENCY: &str = "EUR";
/// The most that one transfer can carry: 999,999,999.99.
const MAX_AMOUNT: Money = Money(999_999_999_990_000);
/// What stands where a name has no letter that could be written.
const NOT_PROVIDED: &str = "NOTPROVIDED";

/// The countries of the scheme, by the first two letters of their IBANs.
const COUNTRIES: [&str; 42] = [
    "AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI", "GR",
    "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL",
    "PT", "RO", "RS", "SE", "SI", "SK", "SM", "VA",
];

/// The id under which a withdrawal is paid, the same for ever: its own, without hyphens, for 35 characters are all that
/// a transfer carries.
pub fn end_to_end_id(withdrawal_id: Uuid) -> String {
    withdrawal_id.simple().to_string()
}

/// The withdrawal that an end-to-end id names, as the bank gives it back.
pub fn withdrawal_of(end_to_end_id: &str) -> Option<Uuid> {
    let id = end_to_end_id.trim();
    if id.len() == 32 { Uuid::try_parse(id).ok() } else { None }
}

/// Who pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debtor {
    pub name: String,
    /// In its electronic form.
    pub iban: String,
    pub bic: Option<String>,
}

impl Debtor {
    /// Checks who pays. A field is called as in the configuration's `[sepa]`.
    pub fn new(name: &str, iban: &str, bic: Option<&str>) -> Result<Debtor, Invalid> {
        if name.trim().is_empty() {
            return Err(Invalid::new("debtor_name", "is empty"));
        }
        // The holder of an account is named by the transfer, not by the account.
        let checked = PayoutDestination::bank_transfer(iban, "-");
        let Ok(PayoutDestination::BankTransfer { iban, .. }) = checked else {
            return Err(Invalid::new("debtor_iban", "is not an IBAN"));
        };
        let bic = bic.map(|bic| bic.trim().to_ascii_uppercase());
        if bic.as_deref().is_some_and(|bic| !is_bic(bic)) {
            return Err(Invalid::new("debtor_bic", "is not a BIC"));
        }
        Ok(Debtor { name: latin(name, MAX_NAME), iban, bic })
    }
}

/// Four letters or digits of the institution, the country, a place, and perhaps a branch (ISO 9362).
fn is_bic(text: &str) -> bool {
    let is_alphanumeric = |part: &[u8]| part.iter().all(u8::is_ascii_alphanumeric);
    match text.as_bytes() {
        [_, _, _, _, country @ .., _, _] if country.len() == 2 => {
            is_alphanumeric(text.as_bytes()) && country.iter().all(u8::is_ascii_uppercase)
        }
        [head @ .., _, _, _] if head.len() == 8 => is_alphanumeric(text.as_bytes()) && is_bic(&text[..8]),
        _ => false,
    }
}

/// Why a withdrawal cannot be paid by a SEPA credit transfer, although it is to a bank account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unreachable {
    OutsideSepa,
    TooMuch,
}

/// Whether a transfer reaches an account with an amount.
pub fn check_reach(iban: &str, amount: Money) -> Result<(), Unreachable> {
    let country = iban.get(..2).unwrap_or_default();
    if !COUNTRIES.contains(&country) {
        return Err(Unreachable::OutsideSepa);
    }
    if amount > MAX_AMOUNT { Err(Unreachable::TooMuch) } else { Ok(()) }
}

/// An amount in euros and cents, as a transfer writes it: `110.05`.
pub fn euros(amount: Money) -> String {
    let cents = amount.0 / 10_000;
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// A text in the letters that every bank of the scheme takes (`a-z A-Z 0-9 / - ? : ( ) . , ' +` and blanks), of at
/// most `max_chars`. What has no such letter is spelled by those that sound like it; no slash begins or ends it or
/// follows another.
pub fn latin(text: &str, max_chars: usize) -> String {
    let mut written = String::new();
    for letter in any_ascii::any_ascii(text).chars() {
        let letter = match letter {
            '&' => '+',
            '_' => '-',
            letter if letter.is_ascii_alphanumeric() || "/-?:().,'+".contains(letter) => letter,
            _ => ' ',
        };
        let follows = |what: char| written.is_empty() || written.ends_with(what);
        if (letter == ' ' || letter == '/') && follows(letter) {
            continue;
        }
        written.push(letter);
    }
    let written: String = written.chars().take(max_chars).collect();
    let written = written.trim_matches([' ', '/']);
    if written.is_empty() { NOT_PROVIDED.to_owned() } else { written.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_to_end_id_names_its_withdrawal_and_fits_into_a_transfer() {
        let id = Uuid::from_u128(0x0192_f0c0_1234_7abc_8def_0123_4567_89ab);
        assert_eq!(end_to_end_id(id), "0192f0c012347abc8def0123456789ab");
        assert!(end_to_end_id(id).len() <= 35);
        for given_back in ["0192f0c012347abc8def0123456789ab", " 0192F0C012347ABC8DEF0123456789AB "] {
            assert_eq!(withdrawal_of(given_back), Some(id));
        }
        for other in
            ["", "NOTPROVIDED", "0192f0c0-1234-7abc-8def-0123456789ab", "0192f0c012347abc8def0123456789ag"]
        {
            assert_eq!(withdrawal_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_text_is_written_in_the_letters_of_the_scheme() {
        for (text, written) in [
            ("Jo Öz", "Jo Oz"),
            ("Müller & Söhne GmbH", "Muller + Sohne GmbH"),
            ("Łukasz Żółć", "Lukasz Zolc"),
            ("O'Neill, (Jr.)", "O'Neill, (Jr.)"),
            ("a_b*c<d>\"e\"", "a-b c d e"),
            ("//a//b/", "a/b"),
            ("電話", "DianHua"),
            ("\u{1F600}", "grinning"),
            ("<>", "NOTPROVIDED"),
        ] {
            let latin = latin(text, MAX_NAME);
            if text != "\u{1F600}" {
                assert_eq!(latin, written, "{text}");
            }
            assert!(latin.chars().all(|c| c.is_ascii_alphanumeric() || "/-?:().,'+ ".contains(c)), "{latin}");
        }
        assert_eq!(latin(&"ß".repeat(70), MAX_NAME).len(), 70, "two letters for one, and still no longer");
        assert_eq!(latin(&format!("{} x", "a".repeat(69)), 70), "a".repeat(69));
    }

    #[test]
    fn a_transfer_reaches_the_accounts_of_the_scheme_with_less_than_a_milliard() {
        assert_eq!(check_reach("DE89370400440532013000", Money::from_units(100)), Ok(()));
        assert_eq!(
            check_reach("BR1800360305000010009795493C1", Money::from_units(1)),
            Err(Unreachable::OutsideSepa)
        );
        assert_eq!(check_reach("FR76", MAX_AMOUNT), Ok(()));
        assert_eq!(check_reach("FR76", Money::from_units(1_000_000_000)), Err(Unreachable::TooMuch));
    }

    #[test]
    fn an_amount_has_euros_and_cents() {
        for (amount, written) in [(100_010_000, "100.01"), (50_000, "0.05"), (1_000_000, "1.00")] {
            assert_eq!(euros(Money(amount)), written);
        }
    }

    #[test]
    fn who_pays_is_checked() {
        let debtor = |name, iban, bic| Debtor::new(name, iban, bic).map_err(|invalid| invalid.field);
        let iban = "FR76 3000 6000 0112 3456 7890 189";
        let made = debtor("Exämple SAS", iban, Some("agrifrpp")).unwrap();
        assert_eq!((made.name.as_str(), made.iban.as_str()), ("Example SAS", "FR7630006000011234567890189"));
        assert_eq!(made.bic.as_deref(), Some("AGRIFRPP"));
        assert!(debtor("A", iban, Some("AGRIFRPPXXX")).is_ok() && debtor("A", iban, None).is_ok());
        assert_eq!(debtor(" ", iban, None), Err("debtor_name"));
        assert_eq!(debtor("A", "FR76", None), Err("debtor_iban"));
        for bic in ["", "AGRI", "AGRIFRPPX", "AGRI12PP", "AGRIFRPPXXXX", "AGRIFR€"] {
            assert_eq!(debtor("A", iban, Some(bic)), Err("debtor_bic"), "{bic}");
        }
    }
}
