//! Logs and metrics: how they leave the process.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, TelemetryConfig};

/// Seconds; the requests' own limit is ten.
const LATENCY_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// How long measured times are kept one by one.
const FOLD_EVERY: Duration = Duration::from_secs(1);

/// Why logs or metrics cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("telemetry.level: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    #[error("cannot set up the log: {0}")]
    Log(Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot set up the metrics: {0}")]
    Metrics(#[from] BuildError),
}

/// Sends logs to standard error: text on a terminal, JSON elsewhere, or as configured. `RUST_LOG` comes before the
/// configured level. Call it once, from `main`.
///
/// # Errors
/// `Level` where the level cannot be read, `Log` where logs are set up already.
pub fn init_log(config: &TelemetryConfig) -> Result<(), TelemetryError> {
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(spoken) if !spoken.is_empty() => EnvFilter::try_new(spoken)?,
        _ => EnvFilter::try_new(&config.level)?,
    };
    let terminal = io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(terminal);
    let json = match config.format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    if json {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        builder.compact().try_init()
    }
    .map_err(TelemetryError::Log)
}

/// Makes the recorder of the whole process; the handle renders `/metrics`. Call it once, from `main`.
///
/// # Errors
/// `Metrics` where a recorder is installed already.
pub fn install() -> Result<PrometheusHandle, TelemetryError> {
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS)?;
    Ok(builder.install_recorder()?)
}

/// Counts measured times into their buckets, for as long as the process serves: until then each is kept by itself, and
/// where nobody asks for `/metrics` nothing else would ever do it.
pub async fn fold(metrics: PrometheusHandle) -> Infallible {
    loop {
        tokio::time::sleep(FOLD_EVERY).await;
        metrics.run_upkeep();
    }
}
