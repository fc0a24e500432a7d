//! A partner's events as they are committed, for whoever follows him now.
//!
//! One task reads the new events of all partners that are followed in this process, in one statement each time somebody
//! is woken, and hands them out. A follower goes by numbers: what he is handed that does not begin where he is he reads
//! himself. So whoever comes late, was away or is slow misses nothing, is told nothing twice and holds up nobody.

mod reader;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

use super::error::ServiceError;
use super::occurrence::{self, Occurrence};
use crate::app::App;

/// How many events are read at once of one partner.
const PAGE: usize = 100;
/// How many batches wait for a slow follower; then he reads for himself.
const BATCHES: usize = 16;
/// How long to wait before the database is asked again after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// New events of one partner: all that have a number above `after`, up to the last of them.
#[derive(Clone, Debug)]
struct Batch {
    after: i64,
    occurrences: Arc<[Occurrence]>,
}

/// Who is followed in this process.
#[derive(Debug, Default)]
struct Hub {
    state: Mutex<State>,
    /// Somebody is to be read whom no notice was about.
    asked: Notify,
}

#[derive(Debug, Default)]
struct State {
    partners: HashMap<Uuid, Followed>,
    /// Whose events are to be read.
    due: HashSet<Uuid>,
    reads: bool,
}

#[derive(Debug)]
struct Followed {
    batches: broadcast::Sender<Batch>,
    /// How far he is read; none until his first follower has caught up.
    number: Option<i64>,
}

impl Hub {
    fn of(app: &App) -> Arc<Hub> {
        app.memory.of(Hub::default)
    }

    /// Whoever panicked under it left it whole: it is changed in single steps.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One follower of one partner.
#[derive(Debug)]
pub struct Following {
    app: App,
    hub: Arc<Hub>,
    partner_id: Uuid,
    /// The last event that he has.
    number: i64,
    batches: broadcast::Receiver<Batch>,
    /// Whether there may be events that he will not be handed.
    is_behind: bool,
}

/// Follows a partner from a number on; from now on without one.
pub async fn follow(app: &App, partner_id: Uuid, from: Option<i64>) -> Result<Following, ServiceError> {
    let hub = Hub::of(app);
    let (batches, starts) = {
        let mut state = hub.lock();
        let followed = state
            .partners
            .entry(partner_id)
            .or_insert_with(|| Followed { batches: broadcast::channel(BATCHES).0, number: None });
        let batches = followed.batches.subscribe();
        (batches, !std::mem::replace(&mut state.reads, true))
    };
    if starts {
        tokio::spawn(reader::run(app.clone(), hub.clone()));
    }
    // Read after one is being handed what comes: nothing lies between the two.
    let number = match from {
        Some(number) => number,
        None => occurrence::last_number(app, partner_id).await?,
    };
    Ok(Following { app: app.clone(), hub, partner_id, number, batches, is_behind: true })
}

impl Following {
    /// The number of the last event that was handed out, or from which one follows.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// Waits for the next events, at least one, in the order in which they were committed. May be given up at any time
    /// without losing any. Where the database does not answer it goes on waiting.
    pub async fn next(&mut self) -> Vec<Occurrence> {
        loop {
            let found = if self.is_behind { self.catch_up().await } else { self.be_handed().await };
            if let Some(last) = found.last() {
                self.number = last.number;
                return found;
            }
        }
    }

    async fn catch_up(&mut self) -> Vec<Occurrence> {
        match occurrence::after(&self.app, self.partner_id, self.number, PAGE).await {
            Ok(found) => {
                if found.len() < PAGE {
                    self.is_behind = false;
                    self.have_read_from(found.last().map_or(self.number, |last| last.number));
                }
                found
            }
            Err(error) => {
                tracing::warn!(%error, "a follower's events cannot be read; trying again");
                tokio::time::sleep(AFTER_FAILURE).await;
                Vec::new()
            }
        }
    }

    /// Where nobody has read this partner for all yet, it begins here.
    fn have_read_from(&self, number: i64) {
        let mut state = self.hub.lock();
        if let Some(followed) = state.partners.get_mut(&self.partner_id)
            && followed.number.is_none()
        {
            followed.number = Some(number);
            state.due.insert(self.partner_id);
            self.hub.asked.notify_one();
        }
    }

    async fn be_handed(&mut self) -> Vec<Occurrence> {
        match self.batches.recv().await {
            Ok(batch) if batch.after <= self.number => {
                batch.occurrences.iter().filter(|found| found.number > self.number).copied().collect()
            }
            // Something lies in between, or was dropped because this one was too slow.
            Ok(_) | Err(_) => {
                self.is_behind = true;
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests;
