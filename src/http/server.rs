//! Serves the routers over HTTP/1 and HTTP/2 with bounds on everything a client may drag out.

mod connection;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::health::Ready;
use crate::config::LimitsConfig;
use connection::Connection;

/// How many clients at once are told that the service is full; whoever comes beyond is cut off.
const MAX_TURNED_AWAY: usize = 64;
/// How long WebSockets may take to say good-bye.
const SOCKETS_GRACE: Duration = Duration::from_secs(3);
/// Connections of the port of whoever runs the service.
const MAX_OPS_CONNECTIONS: usize = 64;
/// How long to wait where the process has no more files to open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The two ports, bound already.
pub struct Listeners {
    pub public: TcpListener,
    pub ops: TcpListener,
}

impl Listeners {
    /// Binds both ports.
    ///
    /// # Errors
    /// `Bind`, which names the address.
    pub async fn bind(config: &crate::config::Config) -> Result<Listeners, ServeError> {
        let bind = async |address: std::net::SocketAddr| {
            TcpListener::bind(address).await.map_err(|error| ServeError::Bind { address, error })
        };
        Ok(Listeners { public: bind(config.listen).await?, ops: bind(config.ops_listen).await? })
    }
}

/// Why the service cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {error}")]
    Bind { address: std::net::SocketAddr, error: io::Error },
}

/// Serves until `shutdown` resolves: then it is unready at once, takes no new connection, lets requests in flight end
/// for as long as `limits.shutdown_grace`, and returns. Health answers to the end.
pub async fn serve(
    listeners: Listeners,
    public: Router,
    ops: Router,
    limits: &LimitsConfig,
    ready: &Ready,
    shutdown: impl Future<Output = ()>,
) {
    let connection = Arc::new(Connection::new(limits));
    let (stop_public, public_stopped) = watch::channel(false);
    let (stop_ops, ops_stopped) = watch::channel(false);
    let accept = |listener, router, max, stopped| {
        let (connection, grace) = (connection.clone(), limits.shutdown_grace);
        tokio::spawn(accept(listener, router, connection, max, stopped, grace))
    };
    let public = accept(listeners.public, public, limits.max_connections, public_stopped);
    let ops = accept(listeners.ops, ops, MAX_OPS_CONNECTIONS, ops_stopped);

    shutdown.await;
    ready.stop();
    tracing::info!("stopping: requests in flight may end");
    stop_public.send_replace(true);
    join(public).await;
    // WebSockets have left their connections; each holds the receiver that tells it to end.
    if tokio::time::timeout(SOCKETS_GRACE, stop_public.closed()).await.is_err() {
        tracing::warn!("WebSockets were still open when the time was over");
    }
    stop_ops.send_replace(true);
    join(ops).await;
}

async fn join(task: tokio::task::JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "a listener ended before its time");
    }
}

/// Takes connections until `stopped` says so, then waits for those in hand.
async fn accept(
    listener: TcpListener,
    router: Router,
    connection: Arc<Connection>,
    max_connections: usize,
    mut stopped: watch::Receiver<bool>,
    grace: Duration,
) {
    let mut open = JoinSet::new();
    let turned_away = Arc::new(Semaphore::new(MAX_TURNED_AWAY));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        match accepted {
            Ok((stream, _)) if open.len() < max_connections => {
                open.spawn(connection.clone().serve(stream, router.clone(), stopped.clone()));
            }
            Ok((stream, _)) => turn_away(stream, &turned_away),
            Err(error) => {
                // The connection broke off, or there are no more files to open: neither is a reason to end.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all_ended = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, all_ended).await.is_err() {
        tracing::warn!("requests were still in flight when the time was over");
    }
}

/// Says at once that the service is full, without reading what is asked.
fn turn_away(stream: TcpStream, turned_away: &Arc<Semaphore>) {
    metrics::counter!("http_connections_turned_away_total").increment(1);
    if let Ok(permit) = turned_away.clone().try_acquire_owned() {
        tokio::spawn(async move {
            connection::say_full(stream).await;
            drop(permit);
        });
    }
}

#[cfg(test)]
mod tests;
