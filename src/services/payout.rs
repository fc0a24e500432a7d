//! Payout destinations at rest, and who pays them: encrypted under a key that is found again by its id, bound to their row.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::error::ServiceError;
use crate::config::NamedKey;

/// Long enough to be drawn at random for as long as a key lives.
const NONCE_BYTES: usize = 24;

/// A value as the table keeps it: the nonce, then what XChaCha20-Poly1305 makes of its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub key_id: String,
    pub bytes: Vec<u8>,
}

/// Seals under the first key; what is sealed opens for this row alone.
pub fn seal<T: Serialize>(keys: &[NamedKey], row_id: Uuid, value: &T) -> Result<Sealed, ServiceError> {
    let key = keys.first().ok_or_else(|| ServiceError::Misconfigured("there is no key".to_owned()))?;
    let plain = serde_json::to_vec(value).map_err(|error| ServiceError::Broken(error.to_string()))?;
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let payload = Payload { msg: &plain, aad: row_id.as_bytes() };
    let sealed = cipher(key)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| ServiceError::Broken("a value could not be encrypted".to_owned()))?;
    Ok(Sealed { key_id: key.id.clone(), bytes: [nonce.as_slice(), &sealed].concat() })
}

/// Opens what was sealed under any key that is still configured.
pub fn open<T: DeserializeOwned>(
    keys: &[NamedKey],
    row_id: Uuid,
    sealed: &Sealed,
) -> Result<T, ServiceError> {
    let broken = |why: &str| ServiceError::Broken(format!("what is sealed in {row_id} {why}"));
    let key = keys.iter().find(|key| key.id == sealed.key_id);
    let key = key.ok_or_else(|| broken("is encrypted under a key that is not configured"))?;
    let (nonce, bytes) =
        sealed.bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| broken("is cut short"))?;
    let payload = Payload { msg: bytes, aad: row_id.as_bytes() };
    let plain = cipher(key)
        .decrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| broken("was changed, or belongs to another"))?;
    serde_json::from_slice(&plain).map_err(|_| broken("cannot be read"))
}

fn cipher(key: &NamedKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key.bytes()).into())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::config::{AuthConfig, Config};
    use crate::domain::payout::PayoutDestination;

    fn keys(secret: &str) -> Vec<NamedKey> {
        let auth = AuthConfig { hs256_secret: Some(SecretString::from(secret)), ..AuthConfig::default() };
        Config { auth, ..Config::default() }.keys().unwrap().encryption
    }

    #[test]
    fn a_destination_opens_under_its_key_and_for_its_withdrawal_alone() {
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mine = keys("a secret of at least 32 bytes in all");
        let destination = PayoutDestination::paypal("jo@example.com").unwrap();
        let sealed = seal(&mine, id, &destination).unwrap();
        let open = open::<PayoutDestination>;
        assert_eq!(open(&mine, id, &sealed).unwrap(), destination);
        assert_ne!(seal(&mine, id, &destination).unwrap(), sealed, "a nonce of its own each time");
        assert!(open(&mine, other, &sealed).is_err());
        assert!(open(&keys("another secret of at least 32 bytes"), id, &sealed).is_err());
        for index in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[index] ^= 1;
            assert!(open(&mine, id, &changed).is_err(), "{index}");
        }
        let cut = Sealed { bytes: sealed.bytes[..20].to_vec(), ..sealed.clone() };
        assert!(open(&mine, id, &cut).is_err());
        let renamed = Sealed { key_id: "gone".to_owned(), ..sealed };
        assert!(open(&mine, id, &renamed).is_err());
    }
}
