//! One connection: what it may do in silence, and for how long.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::config::LimitsConfig;
use crate::http::live::Stopping;

/// The whole answer to a client for whom there is no room.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// How long such a client may take to read it.
const FULL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an answer may make no headway because the client does not read.
const STALLED: Duration = Duration::from_secs(30);
/// How long a connection that was asked to end may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How connections are served.
pub struct Connection {
    builder: Builder<TokioExecutor>,
    idle_timeout: Duration,
}

impl Connection {
    pub fn new(limits: &LimitsConfig) -> Connection {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_headers(64)
            .max_buf_size(64 * 1024);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(64)
            .max_header_list_size(32 * 1024)
            .keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(limits.header_timeout);
        Connection { builder, idle_timeout: limits.idle_timeout }
    }

    /// Serves until the client goes, is silent for too long, or `stopped` says so and nothing is in flight. hyper's own timer starts with the first byte of HTTP/1: silence before it, and between requests, is
    /// seen here.
    pub async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        router: Router,
        mut stopped: watch::Receiver<bool>,
    ) {
        let peer = stream.peer_addr().ok();
        // Small answers leave at once; the kernel may refuse without harm.
        let _ = stream.set_nodelay(true);
        let activity = Arc::new(Activity::new());
        let service = {
            let (activity, stopping) = (activity.clone(), Stopping::new(stopped.clone()));
            service_fn(move |mut request: Request<Incoming>| {
                let stage = Stage::handling(activity.clone());
                if let Some(peer) = peer {
                    request.extensions_mut().insert(ConnectInfo(peer));
                }
                request.extensions_mut().insert(stopping.clone());
                let answer = router.clone().oneshot(request.map(Body::new));
                async move {
                    let response = answer.await.unwrap_or_else(|never: Infallible| match never {});
                    let stage = stage.written();
                    Ok::<_, Infallible>(response.map(|body| Watched { body, stage }))
                }
            })
        };
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let is_silent = tokio::select! {
            outcome = connection.as_mut() => return log(outcome),
            _ = stopped.wait_for(|stopped| *stopped) => false,
            () = activity.silence(self.idle_timeout) => true,
        };
        connection.as_mut().graceful_shutdown();
        if is_silent {
            if let Ok(outcome) = tokio::time::timeout(LAST_WORDS, connection).await {
                log(outcome);
            }
            return;
        }
        tokio::select! {
            outcome = connection => log(outcome),
            () = activity.silence(self.idle_timeout) => {}
        }
    }
}

fn log<E: std::fmt::Display>(outcome: Result<(), E>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Tells a client that there is no room, and waits for a moment so that it can read that.
pub async fn say_full(mut stream: TcpStream) {
    let say = async {
        stream.write_all(FULL).await?;
        stream.shutdown().await?;
        // Closing with something unread would take the answer back.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // Whoever does not wait for the answer does not want it.
    let _ = tokio::time::timeout(FULL_TIMEOUT, say).await;
}

/// What happens on a connection, for telling silence from work.
struct Activity(Mutex<Counts>);

struct Counts {
    /// Requests that are being answered.
    handling: usize,
    /// Answers that are being written.
    writing: usize,
    last: Instant,
}

impl Activity {
    fn new() -> Activity {
        Activity(Mutex::new(Counts { handling: 0, writing: 0, last: Instant::now() }))
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut counts);
        counts.last = Instant::now();
    }

    /// Resolves once nothing is at work and nothing has happened for `idle`, or an answer has stalled.
    async fn silence(&self, idle: Duration) {
        loop {
            let until = {
                let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                match (counts.handling, counts.writing) {
                    (0, 0) => counts.last + idle,
                    (0, _) => counts.last + STALLED,
                    _ => Instant::now() + idle,
                }
            };
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// Where a request is; dropped where the client goes before its end.
struct Stage {
    activity: Arc<Activity>,
    is_written: bool,
}

impl Stage {
    fn handling(activity: Arc<Activity>) -> Stage {
        activity.change(|counts| counts.handling += 1);
        Stage { activity, is_written: false }
    }

    fn written(mut self) -> Stage {
        self.is_written = true;
        self.activity.change(|counts| {
            counts.handling -= 1;
            counts.writing += 1;
        });
        self
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let is_written = self.is_written;
        self.activity.change(|counts| {
            if is_written {
                counts.writing -= 1;
            } else {
                counts.handling -= 1;
            }
        });
    }
}

/// An answer's body that tells of its headway.
struct Watched {
    body: Body,
    stage: Stage,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if polled.is_ready() {
            this.stage.activity.change(|_| ());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
