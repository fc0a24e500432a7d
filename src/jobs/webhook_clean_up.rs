//! Forgets deliveries that were over long ago.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::goes_on_after;
use crate::app::App;
use crate::services::webhook::delivery;

const PAUSE: Duration = Duration::from_secs(60 * 60);

pub async fn run(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match delivery::clean_up(app).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old webhook deliveries were forgotten"),
            Err(error) => {
                tracing::error!(%error, "old webhook deliveries could not be deleted; it is tried again")
            }
        }
        if !goes_on_after(PAUSE, stop).await {
            return;
        }
    }
}
