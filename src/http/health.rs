//! Health and metrics, for whoever runs the service; not for the public.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::App;

/// How long the database may take to answer before it counts as gone.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether this instance wants requests. Clones share it.
#[derive(Clone, Debug)]
pub struct Ready(Arc<AtomicBool>);

impl Default for Ready {
    fn default() -> Ready {
        Ready(Arc::new(AtomicBool::new(true)))
    }
}

impl Ready {
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// From now on `/readyz` turns requests away; there is no way back.
    pub fn stop(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// What the probes look at.
#[derive(Clone)]
pub struct Health {
    pub app: App,
    pub ready: Ready,
    pub metrics: PrometheusHandle,
}

/// The process runs, whatever the database does.
pub async fn livez() -> &'static str {
    "live\n"
}

/// 200 while requests are wanted and the database answers.
pub async fn readyz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if !health.ready.is_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match tokio::time::timeout(PING_TIMEOUT, health.app.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}

pub async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.metrics.render())
}
