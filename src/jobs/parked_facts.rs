//! Lets facts expire that have waited as long as they may (rule 12).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::goes_on_after;
use crate::app::App;
use crate::services::parked_fact;

const PAUSE: Duration = Duration::from_secs(60 * 60);

pub async fn run(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match parked_fact::expire(app).await {
            Ok(0) => {}
            Ok(expired) => {
                metrics::counter!("parked_facts_expired_total").increment(expired);
                tracing::warn!(expired, "parked facts have waited for 45 days in vain");
            }
            Err(error) => tracing::error!(%error, "parked facts could not expire; it is tried again"),
        }
        if !goes_on_after(PAUSE, stop).await {
            return;
        }
    }
}
