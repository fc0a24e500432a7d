//! Signatures of deliveries: HMAC-SHA256 over id, time and body (Standard Webhooks 1.0).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entity::Moment;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const PREFIX: &str = "whsec_";

/// What an endpoint's deliveries are signed with: 24 to 64 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret")
    }
}

impl SigningSecret {
    pub fn new(bytes: [u8; 32]) -> SigningSecret {
        SigningSecret(bytes.to_vec())
    }

    /// Reads `whsec_` and base64; none of fewer than 24 or more than 64 bytes.
    pub fn decode(text: &str) -> Option<SigningSecret> {
        let bytes = STANDARD.decode(text.trim().strip_prefix(PREFIX)?).ok()?;
        (24..=64).contains(&bytes.len()).then_some(SigningSecret(bytes))
    }

    /// As its owner gets it.
    pub fn encode(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        // A key longer than the hash's block would be hashed first; none is.
        let mut block = [0_u8; 64];
        block.iter_mut().zip(&self.0).for_each(|(to, from)| *to = *from);
        let mut mac: Hmac<Sha256> = Hmac::new(&block.into());
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header `webhook-timestamp`: whole seconds.
pub fn timestamp(at: Moment) -> i64 {
    at.0.div_euclid(1_000_000)
}

/// The header `webhook-signature`: one for each secret in force, the newest first.
pub fn sign(secrets: &[SigningSecret], id: &str, at: Moment, body: &[u8]) -> String {
    let signatures = secrets.iter().map(|secret| secret.sign(id, timestamp(at), body));
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_specification_is_signed_so() {
        let secret = SigningSecret::decode("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let at = Moment(1_649_367_553_000_000);
        let signed = sign(std::slice::from_ref(&secret), "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", at, body);
        assert_eq!(signed, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
        let other = SigningSecret::new([7; 32]);
        let both = sign(&[other, secret], "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", at, body);
        assert!(both.ends_with(&format!(" {signed}")) && both.split(' ').count() == 2);
    }

    #[test]
    fn a_secret_reads_as_it_was_written() {
        let secret = SigningSecret::new([3; 32]);
        assert_eq!(SigningSecret::decode(&secret.encode()), Some(secret));
        for text in ["", "whsec_", "whsec_AAAA", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_not base64"] {
            assert_eq!(SigningSecret::decode(text), None, "{text}");
        }
    }
}
