//! Keeps the gauges of what waits to be done.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::goes_on_after;
use crate::app::App;
use crate::services::backlog::{self, Backlog};

const PAUSE: Duration = Duration::from_secs(60);
const SECONDS_A_DAY: i64 = 24 * 60 * 60;

pub async fn run(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match backlog::count(app).await {
            Ok(backlog) => show(&backlog),
            Err(error) => tracing::error!(%error, "what waits could not be counted"),
        }
        if !goes_on_after(PAUSE, stop).await {
            return;
        }
    }
}

fn show(backlog: &Backlog) {
    set("settlement_overdue_seconds", backlog.settlement_overdue);
    set("parked_facts_waiting", backlog.parked_facts);
    set("held_lines", backlog.held_lines);
    if let Some(days) = backlog.exchange_rate_age {
        set("exchange_rate_age_seconds", days.saturating_mul(SECONDS_A_DAY));
    }
}

/// Gauges are floating-point numbers to the recorder; these are far below where they lose whole ones.
fn set(name: &'static str, value: i64) {
    metrics::gauge!(name).set(value as f64);
}
