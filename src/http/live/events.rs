//! Server-sent events: the graphql-sse protocol, one connection an operation.

use std::convert::Infallible;
use std::time::Duration;

use async_graphql::Executor;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use futures_util::stream;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};

use super::super::edge::RequestId;
use super::super::error::Failure;
use super::super::graphql::read_event_id;
use super::super::router::Http;
use super::operation::Operation;
use super::session::Session;
use super::{LAST_EVENT_ID, Stopping};
use crate::domain::watermark::Watermark;

/// How often something is sent, so that both sides notice when the other is gone.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Proxies that gather what they pass on are asked not to.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// The last event of an operation that has come to its end. It is not sent where the service stops or the token ends:
/// a client then connects again.
const COMPLETE: &str = "event: complete\ndata:\n\n";
const COMMENT: &str = ":\n\n";

/// Answers with the results of an operation as they come.
pub fn stream<E: Executor>(
    http: Http<E>,
    operation: Operation<E>,
    session: Session,
    stopping: Stopping,
) -> Response {
    let has_begun = !operation.is_subscription();
    let beat_at = Instant::now() + HEARTBEAT;
    let open = Open { http, operation, session, stopping, has_begun, beat_at, is_over: false };
    let chunks = stream::unfold(open, |mut open| async move {
        let chunk = open.next().await?;
        Some((Ok::<_, Infallible>(chunk), open))
    });
    respond(Body::from_stream(chunks))
}

/// Answers with an operation that is not run: browsers show no other answer to a program that asked for events.
pub fn refuse(failure: Failure, id: &RequestId) -> Response {
    respond(Body::from(event(None, &failure.result(id)) + COMPLETE))
}

fn respond(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Authorization, Origin"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// JSON has no line of its own in it.
fn event(id: Option<&str>, body: &RawValue) -> String {
    let id = id.map_or(String::new(), |id| format!("id: {id}\n"));
    format!("{id}event: next\ndata: {body}\n\n")
}

/// A connection over which results go.
struct Open<E> {
    http: Http<E>,
    operation: Operation<E>,
    session: Session,
    stopping: Stopping,
    /// Whether it was said from where on a subscription goes.
    has_begun: bool,
    beat_at: Instant,
    is_over: bool,
}

impl<E: Executor> Open<E> {
    /// What is to be sent next; none at the end. Nothing is made before it can be sent.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let began = self.operation.began();
        let text = tokio::select! {
            biased;
            () = self.stopping.wait() => return None,
            () = self.session.ended(&self.http) => return None,
            from = began, if !self.has_begun => {
                self.has_begun = true;
                // Whoever loses the connection before the first event knows where to go on.
                from.map_or(COMMENT.to_owned(), |from| format!("id: {}\n\n", from.encode()))
            }
            outcome = self.operation.next() => match outcome {
                Some(outcome) => {
                    self.has_begun = true;
                    event(outcome.event_id.as_deref(), &outcome.body)
                }
                None => {
                    self.is_over = true;
                    COMPLETE.to_owned()
                }
            },
            () = sleep_until(self.beat_at) => COMMENT.to_owned(),
        };
        self.beat_at = Instant::now() + HEARTBEAT;
        Some(Bytes::from(text))
    }
}

/// What a client says in the header about the event it has last.
///
/// # Errors
/// Where it is none that was given out.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<Watermark>, Failure> {
    let Some(id) = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) else { return Ok(None) };
    read_event_id(id.to_str().unwrap_or_default()).map(Some)
}
