//! What stays open: subscriptions over server-sent events and over WebSockets.

mod events;
mod operation;
mod seats;
mod session;
mod socket;

use std::sync::Arc;

use axum::http::{HeaderName, Request};
use tokio::sync::{Semaphore, watch};

use crate::config::LimitsConfig;
use seats::Seats;

pub use events::{last_event_id, refuse, stream};
pub use operation::{Asker, Operation};
pub use session::Session;
pub use socket::{is_wanted, open};

/// The header in which a client says after which event it goes on.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// WebSockets that have not said yet who they are.
const MAX_WAITING: usize = 128;

/// What is open in this process.
pub struct Live {
    pub(super) subscriptions: Arc<Seats>,
    sockets: Arc<Seats>,
    /// Whoever has not said who he is takes no place of those who have.
    waiting: Arc<Semaphore>,
}

impl Live {
    pub fn new(limits: &LimitsConfig) -> Live {
        let (most, each) = (limits.max_subscriptions, limits.max_subscriptions_per_caller);
        Live {
            subscriptions: Seats::new("live_subscriptions", most, each),
            sockets: Seats::new("live_sockets", most, each),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }
}

/// Tells what stays open that the service stops. Whoever holds it is waited for, for a moment.
#[derive(Clone)]
pub struct Stopping(Option<watch::Receiver<bool>>);

impl Stopping {
    pub fn new(stopped: watch::Receiver<bool>) -> Stopping {
        Stopping(Some(stopped))
    }

    /// What came with a request; without one the service never stops.
    pub fn of<B>(request: &Request<B>) -> Stopping {
        request.extensions().get().cloned().unwrap_or(Stopping(None))
    }

    /// Waits until the service stops.
    pub async fn wait(&mut self) {
        match &mut self.0 {
            // A sender that is gone has stopped as well.
            Some(stopped) => drop(stopped.wait_for(|stopped| *stopped).await),
            None => std::future::pending().await,
        }
    }
}
