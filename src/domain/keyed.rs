//! HMAC-SHA256 under a key of 32 bytes.

use hmac::{Hmac, KeyInit};
use sha2::Sha256;

/// Begins an HMAC. A key shorter than the hash's block of 64 bytes is filled up with zeros, as RFC 2104 says.
pub(super) fn hmac_sha256(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0_u8; 64];
    block[..32].copy_from_slice(key);
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    use hmac::Mac;

    use super::super::digest::hex;
    use super::*;

    #[test]
    fn a_filled_up_key_is_the_same_key() {
        // Computed with `printf abc | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707..07`.
        let mut mac = hmac_sha256(&[7; 32]);
        mac.update(b"abc");
        assert_eq!(
            hex(&mac.finalize().into_bytes()),
            "127da4ced6a839b8f6118bc244684d2663e70cb5ff0adeefca89d7e74d5a0525"
        );
    }
}
