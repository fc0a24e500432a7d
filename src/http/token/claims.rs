//! What a signed token says: until when it holds, for whom it is meant, and whom it names.

use entity::Moment;
use serde_json::{Map, Value};

use super::BadToken;
use crate::config::AuthConfig;
use crate::domain::account::check_account_id;
use crate::domain::caller::Caller;

/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 60;
const MAX_SUBJECT: usize = 255;

/// What `iss` and `aud` must say, where it is configured.
pub struct Expected {
    issuer: Option<String>,
    audience: Option<String>,
}

impl Expected {
    pub fn of(auth: &AuthConfig) -> Expected {
        Expected { issuer: auth.issuer.clone(), audience: auth.audience.clone() }
    }

    /// Time, issuer and audience, then whom the token names.
    ///
    /// # Errors
    /// `BadToken`.
    pub fn caller(&self, claims: &Map<String, Value>, now: Moment) -> Result<Caller, BadToken> {
        check_time(claims, now.0.div_euclid(1_000_000))?;
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
        named_caller(claims)
    }
}

/// Until when a token that is believed is believed.
pub fn ends_at(claims: &Map<String, Value>) -> Moment {
    let exp = claims.get("exp").and_then(Value::as_i64).unwrap_or(0);
    Moment(exp.saturating_add(LEEWAY).saturating_mul(1_000_000))
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
