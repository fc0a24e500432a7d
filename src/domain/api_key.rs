//! API keys: what one looks like, and what it may do. `prn_`, 32 letters and digits, and 6 of their CRC32, so that a key
//! that was cut off or mistyped is told apart from one that is unknown, and a scanner finds a leaked one.

use std::str::FromStr;

use super::word::{self, UnknownWord};

/// What every key begins with.
pub const PREFIX: &str = "prn_";
/// How many keys in force a partner may have.
pub const MAX_KEYS: u32 = 20;
/// The longest label, in characters.
pub const MAX_LABEL: usize = 100;

const SECRET_CHARS: usize = 32;
const CHECK_CHARS: usize = 6;
/// How much of a key is kept to be shown: the prefix and eight characters.
const SHOWN_CHARS: usize = PREFIX.len() + 8;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Draws a key: 190 bits. `random` gives 32 random bits a call.
pub fn draw(random: &mut impl FnMut() -> u32) -> String {
    let secret: String = (0..SECRET_CHARS).map(|_| draw_char(random)).collect();
    format!("{PREFIX}{secret}{}", checksum(&secret))
}

/// Each character as likely as any other.
fn draw_char(random: &mut impl FnMut() -> u32) -> char {
    let even = u32::MAX - u32::MAX % 62;
    loop {
        let drawn = random();
        if drawn < even {
            return digit(drawn % 62);
        }
    }
}

fn digit(value: u32) -> char {
    usize::try_from(value).ok().and_then(|index| BASE62.get(index)).map_or('0', |byte| char::from(*byte))
}

/// The CRC32 of the secret in base 62, six digits.
fn checksum(secret: &str) -> String {
    let mut left = crc32fast::hash(secret.as_bytes());
    let mut digits = ['0'; CHECK_CHARS];
    for place in digits.iter_mut().rev() {
        *place = digit(left % 62);
        left /= 62;
    }
    digits.iter().collect()
}

/// Whether a token is meant as a key.
pub fn is_key(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// Whether a key is whole.
pub fn is_well_formed(key: &str) -> bool {
    let Some(rest) = key.strip_prefix(PREFIX) else { return false };
    let is_plain =
        rest.len() == SECRET_CHARS + CHECK_CHARS && rest.bytes().all(|byte| BASE62.contains(&byte));
    is_plain && checksum(&rest[..SECRET_CHARS]) == rest[SECRET_CHARS..]
}

/// The part of a key by which its owner knows it again.
pub fn shown(key: &str) -> &str {
    key.get(..SHOWN_CHARS).unwrap_or(key)
}

/// What a key may do; nothing without a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    ReadLinks,
    WriteLinks,
    ReadClients,
    ReadCommissions,
    ReadStatistics,
    ReadBalance,
    ReadWithdrawals,
    WriteWithdrawals,
    ReadTickets,
    WriteTickets,
    ReadWebhooks,
    WriteWebhooks,
}

impl Scope {
    pub const ALL: [Scope; 12] = [
        Scope::ReadLinks,
        Scope::WriteLinks,
        Scope::ReadClients,
        Scope::ReadCommissions,
        Scope::ReadStatistics,
        Scope::ReadBalance,
        Scope::ReadWithdrawals,
        Scope::WriteWithdrawals,
        Scope::ReadTickets,
        Scope::WriteTickets,
        Scope::ReadWebhooks,
        Scope::WriteWebhooks,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::ReadLinks => "READ_LINKS",
            Scope::WriteLinks => "WRITE_LINKS",
            Scope::ReadClients => "READ_CLIENTS",
            Scope::ReadCommissions => "READ_COMMISSIONS",
            Scope::ReadStatistics => "READ_STATISTICS",
            Scope::ReadBalance => "READ_BALANCE",
            Scope::ReadWithdrawals => "READ_WITHDRAWALS",
            Scope::WriteWithdrawals => "WRITE_WITHDRAWALS",
            Scope::ReadTickets => "READ_TICKETS",
            Scope::WriteTickets => "WRITE_TICKETS",
            Scope::ReadWebhooks => "READ_WEBHOOKS",
            Scope::WriteWebhooks => "WRITE_WEBHOOKS",
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        word::find(&Self::ALL, Self::as_str, word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dice() -> impl FnMut() -> u32 {
        let mut state = 1_u32;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state
        }
    }

    #[test]
    fn a_key_is_told_from_one_that_was_mistyped() {
        let mut dice = dice();
        let key = draw(&mut dice);
        assert_eq!(key.len(), 42);
        assert!(is_well_formed(&key));
        assert_ne!(key, draw(&mut dice));
        assert_eq!(shown(&key), &key[..12]);
        for place in 4..key.len() {
            let other = if &key[place..=place] == "0" { "1" } else { "0" };
            let mistyped = format!("{}{other}{}", &key[..place], &key[place + 1..]);
            assert!(!is_well_formed(&mistyped), "{mistyped}");
        }
        for wrong in ["", "prn_", &key[..41], &format!("{key}0"), &key.replace("prn_", "xxx_")] {
            assert!(!is_well_formed(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_checksum_is_the_crc32_that_everybody_has() {
        // The check value that every description of CRC32 gives: 0xCBF43926.
        assert_eq!(crc32fast::hash(b"123456789"), 3_421_780_262);
        let digits = checksum("123456789");
        let value = digits.bytes().fold(0_u64, |value, byte| {
            value * 62 + BASE62.iter().position(|digit| *digit == byte).unwrap() as u64
        });
        assert_eq!((digits.len(), value), (6, 3_421_780_262));
    }

    #[test]
    fn scopes_read_as_they_are_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
    }
}
