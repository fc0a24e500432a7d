//! Forgets salts, visitors and visits in their time (rule 5).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::goes_on_after;
use crate::app::App;
use crate::services::visit::{self, CleanedUp};

const PAUSE: Duration = Duration::from_secs(60 * 60);

pub async fn run(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match visit::clean_up(app).await {
            Ok(done) if done == CleanedUp::default() => {}
            Ok(CleanedUp { salts, visitors, visits }) => {
                tracing::info!(salts, visitors, visits, "what is kept of visits for a time was forgotten");
            }
            Err(error) => tracing::error!(%error, "old visits could not be deleted; it is tried again"),
        }
        if !goes_on_after(PAUSE, stop).await {
            return;
        }
    }
}
