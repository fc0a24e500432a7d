//! Turns events into deliveries and sends them: a task for each endpoint, so that none waits for another.

mod courier;
mod network;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use courier::Courier;
pub use network::{Network, Resolve};

use super::goes_on_after;
use crate::app::App;
use crate::services::webhook::payload::Show;
use crate::services::webhook::sending;

/// How often it is asked whether anything is due.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the gauge is set, in rounds.
const ROUNDS_A_GAUGE: u32 = 15;

pub async fn run(app: &App, show: Show, stop: &CancellationToken) {
    let network = match Network::new(app) {
        Ok(network) => network,
        Err(error) => {
            tracing::error!(%error, "no webhook can be sent");
            return;
        }
    };
    let mut courier = Courier::new(app.clone(), show, network, stop.clone());
    for round in 0_u32.. {
        if stop.is_cancelled() {
            break;
        }
        if let Err(error) = courier.begin_round().await {
            tracing::error!(%error, "webhooks could not be looked after; it is tried again");
        }
        if round % ROUNDS_A_GAUGE == 0 {
            show_oldest(app).await;
        }
        if !wait(stop).await {
            break;
        }
    }
    courier.finish().await;
}

/// Waits until there may be something to do; answers whether the loop goes on.
async fn wait(stop: &CancellationToken) -> bool {
    goes_on_after(PAUSE, stop).await
}

async fn show_oldest(app: &App) {
    match sending::oldest_waiting(app).await {
        Ok(seconds) => metrics::gauge!("webhook_oldest_pending_seconds").set(seconds as f64),
        Err(error) => tracing::error!(%error, "what waits to be sent could not be counted"),
    }
}
