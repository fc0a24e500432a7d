//! Idempotency keys: a mutation that moves money happens once (rule 28).

use hmac::Mac;

use super::digest::hex;
use super::error::Invalid;
use super::keyed::hmac_sha256;
use super::text::check_text;

/// The longest key, in characters.
pub const MAX_KEY: usize = 128;

/// Checks a key: 1 to 128 printable characters.
pub fn check_key(key: &str) -> Result<(), Invalid> {
    check_text("idempotencyKey", key, MAX_KEY)
}

/// What is kept of the values that a key was used with: an HMAC, since they can be personal. Each text goes in with
/// its length before it, so that no two lists of values are the same bytes.
pub fn fingerprint(secret: &[u8; 32], mutation: &str, values: &[&str]) -> String {
    let mut mac = hmac_sha256(secret);
    for text in std::iter::once(&mutation).chain(values) {
        mac.update(&(text.len() as u64).to_be_bytes());
        mac.update(text.as_bytes());
    }
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_1_to_128_printable_characters() {
        for key in ["k", "Auftrag №7", &"ü".repeat(128)] {
            assert_eq!(check_key(key), Ok(()), "{key}");
        }
        for key in ["", " ", "a\0", "a\tb", "a\u{202e}b", &"k".repeat(129)] {
            assert!(check_key(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn other_values_never_have_the_same_fingerprint() {
        let secret = [7; 32];
        let all = [
            fingerprint(&secret, "requestWithdrawal", &["a", "bc"]),
            fingerprint(&secret, "requestWithdrawal", &["ab", "c"]),
            fingerprint(&secret, "requestWithdrawal", &["abc"]),
            fingerprint(&secret, "requestWithdrawal", &["abc", ""]),
            fingerprint(&secret, "requestWithdrawala", &["bc"]),
            fingerprint(&secret, "adjustBalance", &["a", "bc"]),
            fingerprint(&[8; 32], "requestWithdrawal", &["a", "bc"]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 64);
            assert!(!all[..index].contains(one), "{index}");
        }
        assert_eq!(all[0], fingerprint(&secret, "requestWithdrawal", &["a", "bc"]));
    }
}
