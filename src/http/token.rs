//! From the `Authorization` header to the caller: JSON Web Tokens of the provider's identity provider.

mod claims;
mod fetch;
mod jwks;
mod key_source;
mod mint;

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use entity::Moment;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use crate::config::{Config, ConfigError};
use crate::domain::caller::Caller;
use claims::{Expected, ends_at};
use key_source::KeySource;

pub use mint::{MintError, Role, mint};

/// The longest token, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// A token that is not believed. Clients are told that and no more; the reason is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadToken(&'static str);

/// What signatures are checked with: a shared secret or public keys, never both.
enum Keys {
    Secret(Arc<DecodingKey>),
    Public(Arc<KeySource>),
}

/// Checks tokens as configured.
pub struct Verifier {
    keys: Keys,
    expected: Expected,
}

impl Verifier {
    /// Takes what `[auth]` says; a key set in a file is read at once, one at an address when the first token comes.
    ///
    /// # Errors
    /// `NoAuth` where there is neither a secret nor a key set; `Refused` where there is more than one of them, or
    /// the key set is none.
    pub fn new(config: &Config) -> Result<Verifier, ConfigError> {
        let auth = &config.auth;
        let keys = match (&auth.hs256_secret, KeySource::configured(auth)?) {
            (None, Some(source)) => Keys::Public(Arc::new(source)),
            (Some(secret), None) => {
                Keys::Secret(Arc::new(DecodingKey::from_secret(secret.expose_secret().as_bytes())))
            }
            (Some(_), Some(_)) => {
                let message = "has a secret and public keys: both are never accepted";
                return Err(ConfigError::refused("auth", message));
            }
            (None, None) => return Err(ConfigError::NoAuth),
        };
        Ok(Verifier { keys, expected: Expected::of(auth) })
    }

    /// Who stands behind a request: nobody without the header, else whom the token names.
    ///
    /// # Errors
    /// `BadToken` for whatever is there and not believed, even where no token were needed.
    pub async fn caller(&self, headers: &HeaderMap, now: Moment) -> Result<Caller, BadToken> {
        match bearer(headers)? {
            None => Ok(Caller::Anonymous),
            Some(token) => self.verify(token, now).await,
        }
    }

    /// Reads a token: signature, then time, issuer and audience, then whom it names.
    ///
    /// # Errors
    /// `BadToken`.
    pub async fn verify(&self, token: &str, now: Moment) -> Result<Caller, BadToken> {
        self.verify_until(token, now).await.map(|(caller, _)| caller)
    }

    /// The same, and until when the token is believed.
    ///
    /// # Errors
    /// `BadToken`.
    pub async fn verify_until(&self, token: &str, now: Moment) -> Result<(Caller, Moment), BadToken> {
        check_length(token)?;
        let claims = self.signed_claims(token, now).await?;
        Ok((self.expected.caller(&claims, now)?, ends_at(&claims)))
    }

    /// The claims, once the signature holds. A key is held to the one algorithm it is for: what the header asks for
    /// chooses among the keys, never how one of them is used.
    async fn signed_claims(&self, token: &str, now: Moment) -> Result<Map<String, Value>, BadToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken("it is no JWT"))?;
        if header.crit.is_some() {
            return Err(BadToken("crit asks for what is not understood"));
        }
        let (key, algorithm) = match &self.keys {
            Keys::Secret(key) => (key.clone(), Algorithm::HS256),
            Keys::Public(source) => (source.key(header.kid.as_deref(), header.alg, now).await?, header.alg),
        };
        jsonwebtoken::decode::<Map<String, Value>>(token, &key, &signature_alone(algorithm))
            .map(|token| token.claims)
            .map_err(|_| BadToken("the signature does not hold"))
    }
}

/// The token of the `Authorization` header; none without the header.
///
/// # Errors
/// `BadToken` where the header is there and holds none.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, BadToken> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(BadToken("there are two Authorization headers"));
    }
    let value = value.to_str().map_err(|_| BadToken("the header is no text"))?;
    let (scheme, token) = value.split_once(' ').ok_or(BadToken("the header holds no token"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(BadToken("the scheme is not Bearer"));
    }
    Ok(Some(token.trim_start_matches(' ')))
}

/// The library would compare times with the system's clock: it is asked for the signature alone.
fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn check_length(token: &str) -> Result<(), BadToken> {
    if token.len() > MAX_TOKEN {
        return Err(BadToken("it is longer than 8 KiB"));
    }
    Ok(())
}

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;
