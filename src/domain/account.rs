//! Account ids: the provider's own names of its accounts.

use super::error::Invalid;

/// The longest account id, in characters.
pub const MAX_ACCOUNT_ID: usize = 64;

/// Checks the provider's id of an account: 1 to 64 characters of `A-Za-z0-9._:-`.
pub fn check_account_id(field: &'static str, value: &str) -> Result<(), Invalid> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if value.is_empty() || value.len() > MAX_ACCOUNT_ID || !value.bytes().all(is_allowed) {
        return Err(Invalid::new(field, "is not 1 to 64 characters of A-Z a-z 0-9 . _ : -"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_has_1_to_64_of_its_characters() {
        for id in ["1", "acct:42", "A.b_c-9", &"x".repeat(64)] {
            assert_eq!(check_account_id("clientId", id), Ok(()), "{id}");
        }
        for id in ["", "a b", "a/b", "é", "a\0", "a@b", "١", &"x".repeat(65)] {
            assert!(check_account_id("clientId", id).is_err(), "{id:?}");
        }
    }
}
