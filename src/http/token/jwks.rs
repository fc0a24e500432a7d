//! A set of public keys (RFC 7517), of which those are taken that fit.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// The longest key set, in bytes; those of the large identity providers have less than 20,000.
pub const MAX_BYTES: usize = 256 * 1024;
/// The most keys of a set.
const MAX_KEYS: usize = 100;
/// Under the first an RSA key can be broken, over the second checking with it costs too much.
const RSA_BITS: RangeInclusive<usize> = 2_048..=8_192;
/// Bytes of a coordinate of P-256, and of an Ed25519 key.
const POINT_BYTES: usize = 32;

/// A key set that is not taken at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeySet {
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLong,
    #[error("it is no JSON object with a list of keys")]
    NoKeySet,
    #[error("it has more than {MAX_KEYS} keys")]
    TooManyKeys,
}

/// The keys that tokens may be signed with.
#[derive(Default)]
pub struct KeySet(Vec<PublicKey>);

struct PublicKey {
    id: Option<String>,
    /// The one algorithm that this key is used with.
    algorithm: Algorithm,
    key: Arc<DecodingKey>,
}

/// Keys may be told by their ids; the rest is nobody's business.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (&key.id, key.algorithm))).finish()
    }
}

impl KeySet {
    /// Reads a set. A key that does not fit is left out and named in the log: an identity provider may publish keys
    /// of other purposes beside those for tokens.
    ///
    /// # Errors
    /// `BadKeySet` where the whole is none.
    pub fn read(json: &[u8], allowed: &[Algorithm]) -> Result<KeySet, BadKeySet> {
        if json.len() > MAX_BYTES {
            return Err(BadKeySet::TooLong);
        }
        let set: Value = serde_json::from_slice(json).map_err(|_| BadKeySet::NoKeySet)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(BadKeySet::NoKeySet)?;
        if keys.len() > MAX_KEYS {
            return Err(BadKeySet::TooManyKeys);
        }
        let mut taken = KeySet::default();
        for (position, value) in keys.iter().enumerate() {
            match read_key(value, allowed).and_then(|key| taken.add(key)) {
                Ok(()) => {}
                Err(reason) => {
                    let kid = value.get("kid").and_then(Value::as_str);
                    tracing::info!(position, kid, reason, "a key of the key set is not used");
                }
            }
        }
        Ok(taken)
    }

    fn add(&mut self, key: PublicKey) -> Result<(), &'static str> {
        if self.0.iter().any(|other| other.id == key.id && other.algorithm == key.algorithm) {
            return Err("an earlier key has its kid");
        }
        self.0.push(key);
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of this id for this algorithm. A token without `kid` is checked with the only key that fits, if there
    /// is no other: none is guessed.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<DecodingKey>> {
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let found = fitting.next()?;
        fitting.next().is_none().then(|| found.key.clone())
    }
}

fn read_key(value: &Value, allowed: &[Algorithm]) -> Result<PublicKey, &'static str> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if value.get("use").is_some_and(|purpose| purpose != "sig") {
        return Err("its use is not sig");
    }
    let verifies = |operations: &Value| {
        operations
            .as_array()
            .is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
    };
    if value.get("key_ops").is_some_and(|operations| !verifies(operations)) {
        return Err("its key_ops do not hold verify");
    }
    if value.get("d").is_some() || value.get("k").is_some() {
        return Err("it is a secret, and was shown to the world");
    }
    let id = match value.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(_) => return Err("its kid is no text"),
    };
    let (algorithm, names, key): (_, &[&str], _) = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => (Algorithm::RS256, &["RS256"], rsa(value)?),
        (Some("EC"), Some("P-256")) => (Algorithm::ES256, &["ES256"], p256(value)?),
        (Some("OKP"), Some("Ed25519")) => (Algorithm::EdDSA, &["EdDSA", "Ed25519"], ed25519(value)?),
        _ => return Err("it is none of RSA, P-256 and Ed25519"),
    };
    if value.get("alg").is_some_and(|name| name.as_str().is_none_or(|name| !names.contains(&name))) {
        return Err("its alg does not fit");
    }
    if !allowed.contains(&algorithm) {
        return Err("auth.algorithms does not allow its algorithm");
    }
    Ok(PublicKey { id, algorithm, key: Arc::new(key) })
}

fn bytes(value: &Value, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(value.get(name)?.as_str()?).ok()
}

fn rsa(value: &Value) -> Result<DecodingKey, &'static str> {
    let (Some(modulus), Some(exponent)) = (bytes(value, "n"), bytes(value, "e")) else {
        return Err("its n or e cannot be read");
    };
    let modulus = without_leading_zeros(&modulus);
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err("its modulus has under 2048 or over 8192 bits");
    }
    let exponent = without_leading_zeros(&exponent);
    let is_odd = exponent.last().is_some_and(|last| last % 2 == 1);
    if !is_odd || exponent == [1] || exponent.len() > 4 {
        return Err("its exponent is not odd, or out of bounds");
    }
    Ok(DecodingKey::from_rsa_raw_components(modulus, exponent))
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn p256(value: &Value) -> Result<DecodingKey, &'static str> {
    let coordinate = |name| {
        let fits = bytes(value, name).is_some_and(|bytes| bytes.len() == POINT_BYTES);
        value.get(name).and_then(Value::as_str).filter(|_| fits)
    };
    let (Some(x), Some(y)) = (coordinate("x"), coordinate("y")) else {
        return Err("its x or y is no coordinate of P-256");
    };
    DecodingKey::from_ec_components(x, y).map_err(|_| "it is no point of P-256")
}

fn ed25519(value: &Value) -> Result<DecodingKey, &'static str> {
    let fits = bytes(value, "x").is_some_and(|bytes| bytes.len() == POINT_BYTES);
    let x = value.get("x").and_then(Value::as_str).filter(|_| fits).ok_or("its x has not 32 bytes")?;
    DecodingKey::from_ed_components(x).map_err(|_| "its x cannot be read")
}
