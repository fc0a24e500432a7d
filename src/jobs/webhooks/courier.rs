//! Who goes out: one task an endpoint, a share of them for those that answer and a smaller one for those that do not.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::network::Network;
use crate::app::App;
use crate::services::error::ServiceError;
use crate::services::webhook::outbox;
use crate::services::webhook::payload::Show;
use crate::services::webhook::sending::{self, Answer, Due, Outcome, Outgoing};

/// How many endpoints that answer are sent to at once.
const SOUND_AT_ONCE: usize = 32;
/// How many endpoints whose last delivery failed are sent to at once: however many there are, the others go on.
const FAILING_AT_ONCE: usize = 16;
/// How many deliveries one endpoint gets before another's turn comes, if one may be waiting.
const A_TURN: usize = 32;

pub struct Courier {
    on_the_way: On,
    turns: JoinSet<Uuid>,
    /// The endpoints that have a turn.
    busy: HashSet<Uuid>,
    sound: Arc<Semaphore>,
    failing: Arc<Semaphore>,
}

/// What a turn needs.
#[derive(Clone)]
struct On {
    app: App,
    show: Show,
    network: Network,
    stop: CancellationToken,
}

impl Courier {
    pub fn new(app: App, show: Show, network: Network, stop: CancellationToken) -> Courier {
        Courier {
            on_the_way: On { app, show, network, stop },
            turns: JoinSet::new(),
            busy: HashSet::new(),
            sound: Arc::new(Semaphore::new(SOUND_AT_ONCE)),
            failing: Arc::new(Semaphore::new(FAILING_AT_ONCE)),
        }
    }

    /// Makes the deliveries of what happened, and begins a turn for each endpoint that has something due. Answers how
    /// many turns were begun.
    pub async fn begin_round(&mut self) -> Result<usize, ServiceError> {
        while let Some(ended) = self.turns.try_join_next() {
            self.note_end(ended);
        }
        let app = &self.on_the_way.app;
        outbox::fill(app).await?;
        let mut begun = 0;
        for due in sending::due(app).await? {
            if self.busy.contains(&due.endpoint_id) {
                continue;
            }
            let Some(permit) = self.permit(&due) else { continue };
            self.busy.insert(due.endpoint_id);
            self.turns.spawn(turn(self.on_the_way.clone(), due.endpoint_id, permit));
            begun += 1;
        }
        Ok(begun)
    }

    /// Waits until all turns that were begun have ended.
    pub async fn finish(&mut self) {
        while let Some(ended) = self.turns.join_next().await {
            self.note_end(ended);
        }
    }

    /// Rounds until nothing is due any more: for whoever moves the time by hand.
    pub async fn work_off(&mut self) -> Result<(), ServiceError> {
        while self.begin_round().await? > 0 {
            self.finish().await;
        }
        Ok(())
    }

    fn permit(&self, due: &Due) -> Option<OwnedSemaphorePermit> {
        let share = if due.is_failing { &self.failing } else { &self.sound };
        share.clone().try_acquire_owned().ok()
    }

    fn note_end(&mut self, ended: Result<Uuid, tokio::task::JoinError>) {
        match ended {
            Ok(endpoint_id) => {
                self.busy.remove(&endpoint_id);
            }
            Err(error) => {
                // Which one it was is not told; the leases keep two from sending to one endpoint.
                tracing::error!(%error, "a turn of an endpoint's broke off");
                self.busy.clear();
            }
        }
    }
}

async fn turn(on: On, endpoint_id: Uuid, permit: OwnedSemaphorePermit) -> Uuid {
    loop {
        match send_what_is_due(&on, endpoint_id).await {
            // While the share is not used up nobody waits for his turn. What was changed of the endpoint holds from here.
            Ok(true) if permit.semaphore().available_permits() > 0 => {}
            Ok(_) => break,
            Err(error) => {
                tracing::error!(%error, %endpoint_id, "an endpoint's deliveries cannot be sent; it is tried again");
                break;
            }
        }
    }
    drop(permit);
    endpoint_id
}

/// Sends one delivery after another, until nothing is due, one fails, or the turn is used up; answers whether it is.
async fn send_what_is_due(on: &On, endpoint_id: Uuid) -> Result<bool, ServiceError> {
    let Some(mut claim) = sending::claim(&on.app, endpoint_id).await? else { return Ok(false) };
    let mut sent = 0;
    while sent < A_TURN && !on.stop.is_cancelled() {
        let Some(outgoing) = sending::next(&on.app, &claim, &on.show).await? else { break };
        let answer = send(on, &outgoing).await;
        let outcome = sending::note(&on.app, &mut claim, &outgoing.delivery, &answer).await?;
        log(&outgoing, &answer, outcome);
        match outcome {
            Outcome::Delivered => sent += 1,
            Outcome::LeaseLost => return Ok(false),
            Outcome::Failed | Outcome::GivenUp | Outcome::Disabled => break,
        }
    }
    sending::release(&on.app, &claim).await?;
    Ok(sent == A_TURN)
}

async fn send(on: &On, outgoing: &Outgoing) -> Answer {
    let Some(body) = &outgoing.body else {
        return Answer::None { reason: "the object could not be shown".to_owned() };
    };
    if !sending::may_send(&on.app, outgoing) {
        return Answer::None { reason: "the address is not allowed".to_owned() };
    }
    on.network.send(&outgoing.url, &outgoing.headers, body.clone()).await
}

/// Neither the address nor the answer, which are the partner's.
fn log(outgoing: &Outgoing, answer: &Answer, outcome: Outcome) {
    let (status, reason) = match answer {
        Answer::Status { status, .. } => (Some(*status), ""),
        Answer::None { reason } => (None, reason.as_str()),
    };
    let word = match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Failed => "failed",
        Outcome::GivenUp => "given_up",
        Outcome::Disabled => "disabled",
        Outcome::LeaseLost => "lease_lost",
    };
    metrics::counter!("webhook_deliveries_total", "outcome" => word).increment(1);
    let (delivery, endpoint) = (outgoing.delivery.id, outgoing.delivery.endpoint_id);
    let attempt = outgoing.delivery.attempts + 1;
    match outcome {
        Outcome::Delivered => tracing::debug!(%delivery, %endpoint, attempt, status, "webhook delivered"),
        Outcome::Disabled => {
            tracing::warn!(%delivery, %endpoint, attempt, status, reason, "webhook endpoint disabled")
        }
        _ => {
            tracing::info!(%delivery, %endpoint, attempt, status, reason, outcome = word, "webhook not delivered")
        }
    }
}
