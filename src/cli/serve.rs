//! `serve` and `worker`: what runs until the signal to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::error::CliError;
use super::open::{Global, open_migrated, without_secrets};
use crate::app::App;
use crate::config::{Config, Overrides};
use crate::graphql::{self, Api, webhook_payload};
use crate::http::{self, Http, Listeners, Ready, ops_router, public_router};
use crate::services::{link_cache, visit};
use crate::{jobs, telemetry};

#[derive(Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// Where the API and the redirect listen
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where health and metrics listen
    #[arg(long, value_name = "ADDRESS")]
    ops_listen: Option<String>,
    /// Answer /graphiql, the explorer
    #[arg(long)]
    graphiql: bool,
    /// Apply pending migrations on PostgreSQL too
    #[arg(long)]
    migrate: bool,
    /// Leave the background tasks to others
    #[arg(long)]
    no_worker: bool,
}

#[derive(Debug, clap::Args)]
pub struct WorkerArgs {
    /// Apply pending migrations on PostgreSQL too
    #[arg(long)]
    migrate: bool,
}

/// Opens the database and serves it.
pub(super) async fn run(global: &Global, args: &ServeArgs) -> Result<(), CliError> {
    let mut config = global.load(Overrides {
        listen: args.listen.clone(),
        ops_listen: args.ops_listen.clone(),
        graphiql: args.graphiql.then_some(true),
        ..Overrides::default()
    })?;
    telemetry::init_log(&config.telemetry)?;
    ensure_auth(&mut config)?;
    let app = open_migrated(config, args.migrate).await?;
    serve(app, !args.no_worker).await
}

/// Sees to it that there are keys, and says where they come from if they were not configured.
pub(super) fn ensure_auth(config: &mut Config) -> Result<(), CliError> {
    let had_auth = config.auth.hs256_secret.is_some() || config.auth.uses_jwks();
    if let Some(path) = config.ensure_auth()? {
        let what = if had_auth { "no [keys] are" } else { "no [auth] is" };
        eprintln!("parrain: {what} configured: the secret in {} is used", path.display());
    }
    Ok(())
}

/// Serves until SIGTERM or SIGINT, with the background tasks if asked for. The log is set up.
///
/// # Errors
/// Where an address cannot be listened on, or there is nothing to check tokens with.
pub async fn serve(app: App, with_tasks: bool) -> Result<(), CliError> {
    let metrics = telemetry::install()?;
    let stop = stop_on_signal()?;
    let links = link_cache::preload(&app).await?;
    tracing::debug!(links, "links are in memory");
    visit::count_lost(0);
    let ready = Ready::default();
    let public = public_router(Http::new(app.clone(), Api::new(app.clone()), graphql::sdl())?);
    let folding = tokio::spawn(telemetry::fold(metrics.clone()));
    let ops = ops_router(app.clone(), ready.clone(), metrics);
    let listeners = Listeners::bind(&app.config).await?;
    let (listen, ops_listen) = (listeners.public.local_addr()?, listeners.ops.local_addr()?);
    tracing::info!(%listen, %ops_listen, "serving");
    let tasks = async {
        if with_tasks {
            jobs::run(&app, webhook_payload::show(&app), &stop).await;
        } else {
            jobs::watch(&app, &stop).await;
        }
    };
    let serving = http::serve(listeners, public, ops, &app.config.limits, &ready, stop.cancelled());
    tokio::join!(serving, tasks);
    folding.abort();
    Ok(app.db.close().await?)
}

/// Runs the background tasks alone, until the signal to stop.
pub(super) async fn work(global: &Global, args: &WorkerArgs) -> Result<(), CliError> {
    let mut config = global.load(Overrides::default())?;
    telemetry::init_log(&config.telemetry)?;
    // Webhooks are signed with what is encrypted under the keys that `serve` uses.
    if config.keys().is_err() && config.database.is_sqlite() {
        ensure_auth(&mut config)?;
    }
    let app = open_migrated(without_secrets(config), args.migrate).await?;
    let stop = stop_on_signal()?;
    tracing::info!("background tasks run");
    jobs::run(&app, webhook_payload::show(&app), &stop).await;
    Ok(app.db.close().await?)
}

/// A token that SIGTERM or SIGINT cancels.
fn stop_on_signal() -> Result<CancellationToken, CliError> {
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
