//! Who is behind what stays open, and until when he may be.

use std::time::Duration;

use axum::http::HeaderMap;
use entity::Moment;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::error::Failure;
use super::super::router::Http;
use super::super::token;
use crate::domain::api_key::is_key;
use crate::domain::caller::Caller;
use crate::services::api_key;

/// How often it is looked up whether a key still holds: a revocation holds within 5 s.
const LOOK_UP_KEY: Duration = Duration::from_secs(3);
/// The longest wait for a token's end: the clock may be set meanwhile.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(30);

/// Who asks, and what ends his right to.
pub struct Session {
    pub caller: Caller,
    until: Until,
}

enum Until {
    Ever,
    /// A token's end.
    Moment(Moment),
    /// A key's revocation or end.
    Key {
        key: SecretString,
        look_up_at: Instant,
    },
}

impl Session {
    /// By the `Authorization` header; anonymous without one.
    ///
    /// # Errors
    /// UNAUTHENTICATED.
    pub async fn of<E>(http: &Http<E>, headers: &HeaderMap) -> Result<Session, Failure> {
        match token::bearer(headers) {
            Ok(None) => Ok(Session::anonymous()),
            Ok(Some(token)) => Session::by(http, token).await,
            Err(reason) => {
                tracing::info!(%reason, "a token was not believed");
                Err(Failure::unauthenticated())
            }
        }
    }

    pub fn anonymous() -> Session {
        Session { caller: Caller::Anonymous, until: Until::Ever }
    }

    /// By an API key, which is looked up, or by a token, which says it itself.
    ///
    /// # Errors
    /// UNAUTHENTICATED.
    pub async fn by<E>(http: &Http<E>, token: &str) -> Result<Session, Failure> {
        if is_key(token) {
            let found = api_key::authenticate(&http.app, token).await.map_err(|error| {
                tracing::error!(%error, "an API key could not be looked up");
                Failure::internal()
            })?;
            let caller = found.ok_or_else(|| {
                tracing::info!("an API key was not believed");
                Failure::unauthenticated()
            })?;
            let (key, look_up_at) = (SecretString::from(token), Instant::now() + LOOK_UP_KEY);
            return Ok(Session { caller, until: Until::Key { key, look_up_at } });
        }
        let verified = http.verifier.verify_until(token, http.app.clock.now()).await;
        let (caller, end) = verified.map_err(|reason| {
            tracing::info!(%reason, "a token was not believed");
            Failure::unauthenticated()
        })?;
        Ok(Session { caller, until: Until::Moment(end) })
    }

    /// Waits until the caller may go on no longer. While the database does not answer, what is open stays open.
    pub async fn ended<E>(&mut self, http: &Http<E>) {
        match &mut self.until {
            Until::Ever => std::future::pending().await,
            Until::Moment(end) => loop {
                let left = end.0.saturating_sub(http.app.clock.now().0);
                match u64::try_from(left) {
                    Ok(left) if left > 0 => sleep(Duration::from_micros(left).min(LOOK_AT_CLOCK)).await,
                    _ => return,
                }
            },
            Until::Key { key, look_up_at } => loop {
                sleep_until(*look_up_at).await;
                match api_key::authenticate(&http.app, key.expose_secret()).await {
                    Ok(None) => return,
                    Ok(Some(_)) => {}
                    Err(error) => tracing::warn!(%error, "an API key could not be looked up again"),
                }
                // Not before it is looked up: whoever gives up meanwhile begins with that.
                *look_up_at = Instant::now() + LOOK_UP_KEY;
            },
        }
    }
}
