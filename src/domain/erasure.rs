//! What stays of an account that was erased: a name that says nothing, and that what is sent again finds.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

use super::keyed::hmac_sha256;

/// No account id begins so: nobody can send a pseudonym in place of an id.
const MARK: char = '#';
/// What stands where a personal text was taken away.
pub const ERASED: &str = "erased";

/// What is kept of an account id: an HMAC, always the same under the same key.
pub fn pseudonym(key: &[u8; 32], account_id: &str) -> String {
    let mut mac = hmac_sha256(key);
    mac.update(b"parrain erased account\n");
    mac.update(account_id.as_bytes());
    format!("{MARK}{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Whether what stands for an account is a pseudonym.
pub fn is_pseudonym(account_id: &str) -> bool {
    account_id.starts_with(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::check_account_id;

    #[test]
    fn a_pseudonym_is_the_same_again_and_no_account_id() {
        let name = pseudonym(&[1; 32], "acct-1");
        assert_eq!(pseudonym(&[1; 32], "acct-1"), name);
        assert!(pseudonym(&[2; 32], "acct-1") != name && pseudonym(&[1; 32], "acct-2") != name);
        assert!(is_pseudonym(&name) && check_account_id("clientId", &name).is_err());
        assert!(!name.contains("acct") && !is_pseudonym("acct-1"));
    }
}
