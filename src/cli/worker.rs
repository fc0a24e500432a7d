//! `worker`: the background tasks alone; and the signal to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::error::CliError;
use super::open::{Global, open_migrated, without_secrets};
use crate::config::Overrides;
use crate::{jobs, telemetry};

#[derive(Debug, clap::Args)]
pub struct WorkerArgs {
    /// Apply pending migrations on PostgreSQL too
    #[arg(long)]
    migrate: bool,
}

/// Runs the background tasks until the signal to stop.
pub async fn run(global: &Global, args: &WorkerArgs) -> Result<(), CliError> {
    let config = global.load(Overrides::default())?;
    telemetry::init_log(&config.telemetry)?;
    let app = open_migrated(without_secrets(config), args.migrate).await?;
    let stop = stop_on_signal()?;
    tracing::info!("background tasks run");
    jobs::run(&app, &stop).await;
    Ok(app.db.close().await?)
}

/// A token that SIGTERM or SIGINT cancels.
///
/// # Errors
/// Where signals cannot be listened for.
pub fn stop_on_signal() -> Result<CancellationToken, CliError> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stopping.cancel();
    });
    Ok(stop)
}
