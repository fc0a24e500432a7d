//! The printable statement: one page of HTML that needs nothing else, for a browser or for paper.

mod chart;
mod page;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY};
use axum::http::{HeaderValue, Request};
use axum::response::Response;

use super::edge::RequestId;
use super::error::Failure;
use super::media::Media;
use super::private::{self, Access};
use super::router::Http;
use crate::services::printed_statement::{self, PrintedStatement};

/// What a page costs of a caller's bucket.
const COST: u32 = 20;
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Answers `/statements/{id}`.
pub async fn statement<E>(State(http): State<Http<E>>, request: Request<Body>) -> Response {
    let id = RequestId::of(&request);
    // A body is not to be shared between threads, and none is read here.
    let request = request.map(|_| ());
    answer(&http, &request).await.unwrap_or_else(|failure| failure.respond(Media::Json, &id))
}

async fn answer<E>(http: &Http<E>, request: &Request<()>) -> Result<Response, Failure> {
    let access = private::access(http, request, COST).await?;
    let not_found = || private::not_found("statement");
    let id = request.uri().path().rsplit('/').next().unwrap_or_default();
    let id = id.parse().map_err(|_| not_found())?;
    let found = printed_statement::find(&http.app, id).await.map_err(|error| {
        tracing::error!(%error, "a statement could not be read");
        Failure::internal()
    })?;
    let printed = found.filter(|printed| may_see(&access, printed)).ok_or_else(not_found)?;
    let page = page::html(&http.app.terms, &printed).map_err(|error| {
        tracing::error!(%error, "a chart could not be drawn");
        Failure::internal()
    })?;
    let mut response = Response::new(Body::from(page));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (VARY, "Authorization, Origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// The partner sees his own, staff any.
fn may_see(access: &Access, printed: &PrintedStatement) -> bool {
    match access {
        Access::Signed => true,
        Access::Token(caller) => {
            // A key has the statement's fields by its scopes, and no page.
            let is_own = caller.account_id() == Some(printed.account_id.as_str());
            caller.is_staff() || (is_own && !caller.is_api_key())
        }
    }
}
