//! Makes tokens under the configured secret, for whoever runs the service.

use chrono::Duration;
use entity::Moment;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::claims::Expected;
use super::{BadToken, check_length};
use crate::config::{Config, ConfigError};

/// The role that `mint` puts into a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Partner,
    Staff,
    Service,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Partner => "partner",
            Role::Staff => "staff",
            Role::Service => "service",
        }
    }
}

/// Why no token is made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("such a token would not be believed: {0}")]
    NotBelieved(#[from] BadToken),
    #[error("cannot sign: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// Makes a token under the configured secret.
///
/// # Errors
/// `Config` where there is no secret to sign with, `NotBelieved` where the subject is none that this service takes.
pub fn mint(
    config: &Config,
    role: Role,
    subject: &str,
    expires_in: Duration,
    now: Moment,
) -> Result<String, MintError> {
    let secret = config.auth.hs256_secret.as_ref().ok_or(ConfigError::NoAuth)?;
    let seconds = |at: Moment| at.0.div_euclid(1_000_000);
    let mut claims: Map<String, Value> = Map::new();
    claims.insert("sub".to_owned(), subject.into());
    claims.insert("role".to_owned(), role.as_str().into());
    claims.insert("iat".to_owned(), seconds(now).into());
    claims.insert("exp".to_owned(), seconds(now.plus(expires_in)).into());
    for (name, value) in [("iss", &config.auth.issuer), ("aud", &config.auth.audience)] {
        if let Some(value) = value {
            claims.insert(name.to_owned(), value.as_str().into());
        }
    }
    Expected::of(&config.auth).caller(&claims, now)?;
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?;
    check_length(&token)?;
    Ok(token)
}
