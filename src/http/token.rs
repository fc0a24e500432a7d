//! From the `Authorization` header to the caller: JSON Web Tokens of the provider's identity provider.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use chrono::Duration;
use entity::Moment;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::config::{Config, ConfigError};
use crate::domain::account::check_account_id;
use crate::domain::caller::Caller;

/// The longest token, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 60;
const MAX_SUBJECT: usize = 255;

/// A token that is not believed. Clients are told that and no more; the reason is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadToken(&'static str);

/// What signatures are checked with: a shared secret or public keys, never both.
enum Keys {
    Secret(DecodingKey),
}

/// Checks tokens as configured.
pub struct Verifier {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
}

impl Verifier {
    /// Takes what `[auth]` says.
    ///
    /// # Errors
    /// `NoAuth` where there is no secret; `Refused` where tokens are to be checked against a JWKS.
    pub fn new(config: &Config) -> Result<Verifier, ConfigError> {
        if config.auth.uses_jwks() {
            return Err(ConfigError::refused(
                "auth",
                "asks for a JWKS, which this version does not read yet",
            ));
        }
        let secret = config.auth.hs256_secret.as_ref().ok_or(ConfigError::NoAuth)?;
        Ok(Verifier {
            keys: Keys::Secret(DecodingKey::from_secret(secret.expose_secret().as_bytes())),
            issuer: config.auth.issuer.clone(),
            audience: config.auth.audience.clone(),
        })
    }

    /// Who stands behind a request: nobody without the header, else whom the token names.
    ///
    /// # Errors
    /// `BadToken` for whatever is there and not believed, even where no token were needed.
    pub fn caller(&self, headers: &HeaderMap, now: Moment) -> Result<Caller, BadToken> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Ok(Caller::Anonymous);
        };
        if values.next().is_some() {
            return Err(BadToken("there are two Authorization headers"));
        }
        let value = value.to_str().map_err(|_| BadToken("the header is no text"))?;
        let (scheme, token) = value.split_once(' ').ok_or(BadToken("the header holds no token"))?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(BadToken("the scheme is not Bearer"));
        }
        self.verify(token.trim_start_matches(' '), now)
    }

    /// Reads a token: signature, then time, issuer and audience, then whom it names.
    ///
    /// # Errors
    /// `BadToken`.
    pub fn verify(&self, token: &str, now: Moment) -> Result<Caller, BadToken> {
        if token.len() > MAX_TOKEN {
            return Err(BadToken("it is longer than 8 KiB"));
        }
        let claims = self.signed_claims(token)?;
        check_time(&claims, now.0.div_euclid(1_000_000))?;
        if self
            .issuer
            .as_deref()
            .is_some_and(|issuer| claims.get("iss").and_then(Value::as_str) != Some(issuer))
        {
            return Err(BadToken("iss is not the configured issuer"));
        }
        if self.audience.as_deref().is_some_and(|audience| !names_audience(claims.get("aud"), audience)) {
            return Err(BadToken("aud does not name this service"));
        }
        named_caller(&claims)
    }

    /// The claims, once the signature holds. The library would compare times with the system's clock: it is asked
    /// for the signature alone.
    fn signed_claims(&self, token: &str) -> Result<Map<String, Value>, BadToken> {
        let (key, algorithms) = match &self.keys {
            Keys::Secret(key) => (key, vec![Algorithm::HS256]),
        };
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken("it is no JWT"))?;
        if header.crit.is_some() {
            return Err(BadToken("crit asks for what is not understood"));
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.algorithms = algorithms;
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        jsonwebtoken::decode::<Map<String, Value>>(token, key, &validation)
            .map(|token| token.claims)
            .map_err(|_| BadToken("the signature does not hold"))
    }
}

/// `exp` must be there, `nbf` may be; both are whole numbers of seconds.
fn check_time(claims: &Map<String, Value>, now: i64) -> Result<(), BadToken> {
    let seconds = |name: &str| claims.get(name).map(|value| value.as_i64());
    match seconds("exp") {
        Some(Some(exp)) if exp.saturating_add(LEEWAY) > now => {}
        Some(Some(_)) => return Err(BadToken("it has expired")),
        Some(None) => return Err(BadToken("exp is no whole number")),
        None => return Err(BadToken("exp is missing")),
    }
    match seconds("nbf") {
        None => Ok(()),
        Some(Some(nbf)) if nbf <= now.saturating_add(LEEWAY) => Ok(()),
        Some(Some(_)) => Err(BadToken("it is not valid yet")),
        Some(None) => Err(BadToken("nbf is no whole number")),
    }
}

fn names_audience(claim: Option<&Value>, audience: &str) -> bool {
    match claim {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    }
}

fn named_caller(claims: &Map<String, Value>) -> Result<Caller, BadToken> {
    let subject = claims.get("sub").and_then(Value::as_str).ok_or(BadToken("sub is missing"))?;
    let role = match claims.get("role") {
        None => "partner",
        Some(role) => role.as_str().ok_or(BadToken("role is no text"))?,
    };
    if role == "partner" {
        check_account_id("sub", subject).map_err(|_| BadToken("sub is no account id"))?;
        return Ok(Caller::Partner { account_id: subject.to_owned() });
    }
    let is_printable = subject.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if subject.is_empty() || subject.len() > MAX_SUBJECT || !is_printable {
        return Err(BadToken("sub is no name"));
    }
    let subject = subject.to_owned();
    match role {
        "staff" => Ok(Caller::Staff { subject, scopes: scopes(claims)? }),
        "service" => Ok(Caller::Service { subject, scopes: scopes(claims)? }),
        _ => Err(BadToken("role is none of partner, staff and service")),
    }
}

/// The scopes of a token, separated by blanks; a word of somebody else's gives nothing. Without the claim the token
/// is not narrowed.
fn scopes<T: std::str::FromStr>(claims: &Map<String, Value>) -> Result<Option<Vec<T>>, BadToken> {
    let Some(scope) = claims.get("scope") else {
        return Ok(None);
    };
    let scope = scope.as_str().ok_or(BadToken("scope is no text"))?;
    Ok(Some(scope.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()))
}

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
/// `Config` where there is no secret, `NotBelieved` where the subject is none that this service takes.
pub fn mint(
    config: &Config,
    role: Role,
    subject: &str,
    expires_in: Duration,
    now: Moment,
) -> Result<String, MintError> {
    let verifier = Verifier::new(config)?;
    let secret = config.auth.hs256_secret.as_ref().ok_or(ConfigError::NoAuth)?;
    let seconds = |at: Moment| at.0.div_euclid(1_000_000);
    let mut claims = json!({
        "sub": subject,
        "role": role.as_str(),
        "iat": seconds(now),
        "exp": seconds(now.plus(expires_in)),
    });
    if let Some(issuer) = &config.auth.issuer {
        claims["iss"] = json!(issuer);
    }
    if let Some(audience) = &config.auth.audience {
        claims["aud"] = json!(audience);
    }
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?;
    verifier.verify(&token, now)?;
    Ok(token)
}

#[cfg(test)]
mod tests;
