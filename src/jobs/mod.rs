//! The background loops. A loop sleeps and logs; its step is a service's, answers what it did, and is safe in any number
//! of instances at once.

mod arrivals;
mod backlog;
mod parked_facts;
mod settlement;
mod visits;
mod webhook_clean_up;

pub mod webhooks;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::services::webhook::payload::Show;

/// How long a step that is under way may go on after the signal to stop. What it leaves is whole, and is gone on with.
const GRACE: Duration = Duration::from_secs(10);

/// Runs all loops until `stop`. `show` shows an object as the interface does.
pub async fn run(app: &App, show: Show, stop: &CancellationToken) {
    tokio::join!(
        until_stopped(stop, settlement::run(app, stop)),
        until_stopped(stop, parked_facts::run(app, stop)),
        until_stopped(stop, arrivals::run(app, stop)),
        until_stopped(stop, visits::run(app, stop)),
        until_stopped(stop, backlog::run(app, stop)),
        until_stopped(stop, webhooks::run(app, show, stop)),
        until_stopped(stop, webhook_clean_up::run(app, stop)),
    );
}

/// Keeps the gauges alone, where the work is left to others: whoever watches this instance is told what waits all the same.
pub async fn watch(app: &App, stop: &CancellationToken) {
    until_stopped(stop, backlog::run(app, stop)).await;
}

/// Lets a loop come to its end after the signal, or ends it: a transaction that is open is then taken back.
async fn until_stopped(stop: &CancellationToken, run: impl Future<Output = ()>) {
    let too_long = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = run => {}
        () = too_long => tracing::warn!("a background step was ended in the middle; it will be taken up again"),
    }
}

/// Sleeps; answers whether the loop goes on.
async fn goes_on_after(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => true,
        () = stop.cancelled() => false,
    }
}
