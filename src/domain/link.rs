//! Referral codes (rule 1). Where a link leads is in `target`.

use super::error::Invalid;
pub use super::target::{SiteRules, TargetRefusal, check_target, redirect_to};

/// How many links a partner may have.
pub const MAX_LINKS: u32 = 1_000;
/// The length of a drawn code.
const DRAWN_CHARS: usize = 8;
/// Letters and digits that nobody takes for one another: no 0 and o, no 1, i and l.
const DRAWN_FROM: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Checks a code: 3 to 32 characters of `A-Za-z0-9_-`.
pub fn check_code(field: &'static str, code: &str) -> Result<(), Invalid> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !(3..=32).contains(&code.len()) || !code.bytes().all(is_allowed) {
        return Err(Invalid::new(field, "is not 3 to 32 characters of A-Z a-z 0-9 _ -"));
    }
    Ok(())
}

/// What makes a code unique: it is read without regard to case.
pub fn code_key(code: &str) -> String {
    code.to_ascii_lowercase()
}

/// Draws a code of eight unambiguous characters, about 40 bits. `random` gives 32 random bits a call.
pub fn draw_code(random: &mut impl FnMut() -> u32) -> String {
    (0..DRAWN_CHARS)
        .map(|_| {
            let index = (u64::from(random()) * DRAWN_FROM.len() as u64) >> 32;
            char::from(DRAWN_FROM[usize::try_from(index).unwrap_or(0)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_3_to_32_of_its_characters() {
        for code in ["abc", "A-1_z", &"x".repeat(32)] {
            assert_eq!(check_code("code", code), Ok(()), "{code}");
        }
        for code in ["", "ab", "a b", "a/b", "äbc", "a.b", "abc\0", &"x".repeat(33)] {
            assert!(check_code("code", code).is_err(), "{code:?}");
        }
    }

    #[test]
    fn codes_are_one_without_regard_to_case() {
        assert_eq!(code_key("Sip-Partner_1"), code_key("sIP-pARTNER_1"));
    }

    #[test]
    fn a_drawn_code_is_a_code_at_both_ends_of_the_dice() {
        let mut state = 0_u32;
        let mut dice = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state
        };
        assert_eq!(draw_code(&mut || 0), "aaaaaaaa");
        assert_eq!(draw_code(&mut || u32::MAX), "99999999");
        let code = draw_code(&mut dice);
        assert_eq!(check_code("code", &code), Ok(()));
        assert_ne!(code, draw_code(&mut dice));
    }
}
