//! What happens to every request at the edge: its id, the capacity, panics, the access log.

mod trace_context;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderName, HeaderValue, Request};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument;
use tracing::field::Empty;

use super::error::Failure;
use super::media::Media;
use crate::clock::Clock;
use crate::graphql;
use trace_context::TraceContext;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The name of one request, in its answer, its errors and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As resolvers know it.
    pub fn for_resolvers(&self) -> graphql::RequestId {
        graphql::RequestId(self.0.clone())
    }

    /// The id that the edge gave; empty where a request did not come over it.
    pub fn of<B>(request: &Request<B>) -> RequestId {
        request.extensions().get().cloned().unwrap_or_else(|| RequestId(Arc::from("")))
    }

    /// The client's own if it is sane: 1 to 128 letters, digits and `._:-`.
    fn from_client<B>(request: &Request<B>) -> Option<RequestId> {
        let text = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        let is_sane = (1..=128).contains(&text.len()) && text.bytes().all(is_plain);
        is_sane.then(|| RequestId(Arc::from(text)))
    }
}

/// What the edge needs to know.
#[derive(Clone)]
pub struct Edge {
    clock: Clock,
    capacity: Arc<Semaphore>,
}

impl Edge {
    pub fn new(clock: Clock, max_requests: usize) -> Edge {
        Edge { clock, capacity: Arc::new(Semaphore::new(max_requests)) }
    }
}

/// Wraps every route. A request over capacity is turned away at once: it waits in no queue.
pub async fn pass(State(edge): State<Edge>, mut request: Request<Body>, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::from_client(&request)
        .unwrap_or_else(|| RequestId(Arc::from(edge.clock.new_id().simple().to_string())));
    request.extensions_mut().insert(id.clone());
    // Of the highest level, so that an error's line tells whose it is however little is logged.
    let span = tracing::error_span!("request", request_id = id.as_str(), trace_id = Empty, parent_id = Empty);
    if let Some(trace) = TraceContext::of(request.headers()) {
        span.record("trace_id", trace.trace_id()).record("parent_id", trace.parent_id());
    }
    let media = Media::accepted(request.headers()).unwrap_or(Media::Json);
    let method = request.method().clone();
    // The pattern, not the path: codes are nobody's business, and a metric must not grow with them.
    let route =
        request.extensions().get::<MatchedPath>().map_or("none".to_owned(), |path| path.as_str().to_owned());

    let mut response = match edge.capacity.try_acquire() {
        Err(_) => Failure::over_capacity().respond(media, &id),
        Ok(_permit) => {
            match AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await {
                Ok(response) => response,
                Err(_) => {
                    span.in_scope(|| tracing::error!("a handler panicked"));
                    Failure::internal().respond(media, &id)
                }
            }
        }
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    let labels = [("method", label(&method)), ("route", route.clone()), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", "route" => route.clone()).record(elapsed);
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(%method, route, status, milliseconds, "answered"));
    response
}

/// A method as a label; clients may make up their own.
fn label(method: &axum::http::Method) -> String {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests;
