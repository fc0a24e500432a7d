//! Judges and counts the visits that have arrived, a moment after they came.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::goes_on_after;
use crate::app::App;
use crate::services::visit;

/// How long visits gather: it is also how late a partner sees them.
const PAUSE: Duration = Duration::from_millis(500);

/// Counts until `stop`, and what has come by then.
pub async fn run(app: &App, stop: &CancellationToken) {
    loop {
        let is_last = stop.is_cancelled();
        count_all(app).await;
        if is_last {
            return;
        }
        // Once more after the signal.
        goes_on_after(PAUSE, stop).await;
    }
}

/// While many wait it rests twice as long as it works: visitors who come now are not kept waiting for those who went on.
async fn count_all(app: &App) {
    loop {
        let began = Instant::now();
        match visit::count_arrived(app).await {
            Ok(true) => tokio::time::sleep(began.elapsed() * 2).await,
            Ok(false) => return,
            Err(error) => {
                tracing::error!(%error, "visits could not be counted; it is tried again");
                return;
            }
        }
    }
}
