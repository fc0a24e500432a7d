//! Public keys in hand, and when they are fetched again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Duration;
use entity::Moment;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use jsonwebtoken::{Algorithm, DecodingKey};

use super::BadToken;
use super::fetch::{FetchError, Place};
use super::jwks::KeySet;
use crate::config::{AuthConfig, ConfigError};

/// Between two attempts to fetch the keys, whatever becomes of the first.
const BETWEEN_ATTEMPTS: Duration = Duration::minutes(1);
/// After which keys are fetched again while they go on being used, so that a key that was withdrawn is not believed
/// for long.
const STALE_AFTER: Duration = Duration::minutes(10);
/// For how long keys are used after they were fetched for the last time.
const USABLE_FOR: Duration = Duration::days(1);

/// The public keys of the identity provider. A token with a key that is not known has them fetched, at most once a
/// minute, and once for all that wait for it.
pub struct KeySource {
    place: Place,
    algorithms: Vec<Algorithm>,
    state: Mutex<State>,
}

/// A fetch under way, which goes on whether or not somebody waits for it.
type Flight = Shared<BoxFuture<'static, ()>>;

#[derive(Default)]
struct State {
    keys: KeySet,
    fetched_at: Option<Moment>,
    tried_at: Option<Moment>,
    flight: Option<Flight>,
}

impl KeySource {
    /// What `[auth]` says about public keys; `None` where it says nothing.
    ///
    /// # Errors
    /// `Refused`, which names the key of the configuration.
    pub fn configured(auth: &AuthConfig) -> Result<Option<KeySource>, ConfigError> {
        if !auth.uses_jwks() {
            return Ok(None);
        }
        let algorithms = algorithms(auth)?;
        let (place, keys) = match (&auth.jwks_url, &auth.jwks_file) {
            (Some(url), None) => (Place::at(url)?, KeySet::default()),
            (None, Some(path)) => {
                let refused = |error: FetchError| ConfigError::refused("auth.jwks_file", error.to_string());
                let json = std::fs::read(path).map_err(|error| refused(error.into()))?;
                let keys = KeySet::read(&json, &algorithms).map_err(|error| refused(error.into()))?;
                if keys.is_empty() {
                    return Err(ConfigError::refused("auth.jwks_file", "holds no key that can be used"));
                }
                (Place::File(path.clone()), keys)
            }
            _ => return Err(ConfigError::refused("auth", "has both jwks_url and jwks_file")),
        };
        Ok(Some(KeySource { place, algorithms, state: Mutex::new(State { keys, ..State::default() }) }))
    }

    /// The key that a token names for an algorithm.
    ///
    /// # Errors
    /// `BadToken` where there is none, or the keys could not be had for a day.
    pub async fn key(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Moment,
    ) -> Result<Arc<DecodingKey>, BadToken> {
        if !self.algorithms.contains(&algorithm) {
            return Err(BadToken("its algorithm is not allowed"));
        }
        if let Some(key) = self.find(id, algorithm, now) {
            if self.state().is_older_than(STALE_AFTER, now) {
                // It goes on by itself; this request need not wait.
                drop(self.refresh(now));
            }
            return Ok(key);
        }
        if let Some(flight) = self.refresh(now) {
            flight.await;
        }
        self.find(id, algorithm, now).ok_or(BadToken("its key is not known"))
    }

    fn find(&self, id: Option<&str>, algorithm: Algorithm, now: Moment) -> Option<Arc<DecodingKey>> {
        let mut state = self.state();
        if state.is_older_than(USABLE_FOR, now) {
            return None;
        }
        state.keys.find(id, algorithm)
    }

    /// The fetch under way, or a new one; `None` where the last is not a minute ago. The fetch is a task of its own:
    /// a client that goes away must not take it along and leave the others without.
    fn refresh(self: &Arc<Self>, now: Moment) -> Option<Flight> {
        let mut state = self.state();
        if let Some(flight) = state.flight.as_ref().filter(|flight| flight.peek().is_none()) {
            return Some(flight.clone());
        }
        if state.tried_at.is_some_and(|at| at <= now && now < at.plus(BETWEEN_ATTEMPTS)) {
            return None;
        }
        state.tried_at = Some(now);
        let this = self.clone();
        let fetch = tokio::spawn(async move { this.fetch(now).await });
        let flight = fetch.map(|_| ()).boxed().shared();
        state.flight = Some(flight.clone());
        Some(flight)
    }

    /// Waits for the fetch under way.
    #[cfg(test)]
    pub async fn landed(&self) {
        let flight = self.state().flight.clone();
        if let Some(flight) = flight {
            flight.await;
        }
    }

    /// Takes what is there now, even if no key of it fits: a key that is gone was withdrawn. What cannot be had or
    /// read changes nothing.
    async fn fetch(&self, now: Moment) {
        let read = async { Ok::<_, FetchError>(KeySet::read(&self.place.fetch().await?, &self.algorithms)?) };
        match read.await {
            Ok(keys) => {
                tracing::info!(?keys, "the keys for tokens were fetched");
                let mut state = self.state();
                state.keys = keys;
                state.fetched_at = Some(now);
            }
            Err(error) => {
                tracing::error!(%error, "the keys for tokens could not be fetched; those in hand go on for a day");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked within left whole values: each is set in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Keys that came with the configuration are of no age until time is first told.
    fn is_older_than(&mut self, age: Duration, now: Moment) -> bool {
        now > self.fetched_at.get_or_insert(now).plus(age)
    }
}

fn algorithms(auth: &AuthConfig) -> Result<Vec<Algorithm>, ConfigError> {
    let refused =
        || ConfigError::refused("auth.algorithms", "must hold at least one of RS256, ES256 and EdDSA");
    let algorithms = auth.algorithms.iter().map(|name| match name.as_str() {
        "RS256" => Ok(Algorithm::RS256),
        "ES256" => Ok(Algorithm::ES256),
        "EdDSA" => Ok(Algorithm::EdDSA),
        _ => Err(refused()),
    });
    let algorithms = algorithms.collect::<Result<Vec<_>, _>>()?;
    if algorithms.is_empty() { Err(refused()) } else { Ok(algorithms) }
}
