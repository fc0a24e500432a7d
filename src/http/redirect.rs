//! The redirect: a click on a partner's link becomes a page of the provider's site (rules 1 to 4).

mod visit;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, COOKIE, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::Response;

use super::client_address::client_address;
use crate::app::App;
use crate::domain::link::{check_code, redirect_to};
use crate::domain::visitor_token::{COOKIE_DAYS, VisitorToken, sign, verify};
use crate::services::link_cache;
use crate::services::referral_link::LinkTarget;
use crate::services::visit::{self as service, Judged, NewVisit};

/// The visitor token's cookie.
const COOKIE_NAME: &str = "parrain_visitor";
/// How long a visitor waits until his visit is on record; then he goes on, and it is recorded behind him or counted as
/// lost. With the time that a known link may take to read he is on his way within 250 ms.
const RECORD_WITHIN: Duration = Duration::from_millis(100);

/// Answers 302, whatever comes: a human is never shown an error for a bad code, nor for a database that is down.
/// `record` is what is done with the visit before that.
pub async fn follow<F>(app: &App, request: Request<Body>, record: impl Fn(App, NewVisit) -> F) -> Response
where
    F: Future<Output = ()>,
{
    let (code, extra_path) = code_and_path(request.uri().path());
    let link = look_up(app, code).await;
    let query = request.uri().query();
    let existing = visitor_of(app, request.headers());
    let token = match &link {
        Some(link) => {
            let facts = visit::facts_of(&request, link.is_suspended);
            let address = client_address(&request, &app.config.trusted_proxies);
            let judged = service::judge(app, link, &facts, existing, address, app.clock.now()).await;
            let Judged { visit, token } = judged;
            record(app.clone(), visit).await;
            token
        }
        None => None,
    };

    // A visit that does not count gives nothing and takes nothing away.
    let carried = token.or(existing).filter(|_| app.config.site.append_visitor_token);
    let carried = carried.map(|token| sign(&app.keys.visitor, &token));
    let (target, extra_path) = match &link {
        Some(link) => (link.target.as_str(), extra_path),
        None => (app.terms.site.front_page.as_str(), None),
    };
    let location = redirect_to(&app.terms.site, target, extra_path, query, carried.as_deref());
    let cookie = token.map(|token| cookie(app, &sign(&app.keys.visitor, &token)));
    answer(location.as_str(), cookie.as_deref())
}

/// Waits for the commit, but not for long.
pub async fn record_in_time(app: App, visit: NewVisit) {
    match tokio::time::timeout(RECORD_WITHIN, service::arrive(&app, visit)).await {
        Ok(Ok(())) => {}
        // Said and counted where it failed.
        Ok(Err(error)) => tracing::debug!(%error, "a visit was not recorded"),
        Err(_) => metrics::counter!("visits_not_waited_for_total").increment(1),
    }
}

/// `/r/CODE/below/it` is the code and `below/it`, still percent-encoded.
fn code_and_path(path: &str) -> (&str, Option<&str>) {
    let rest = path.strip_prefix("/r").unwrap_or(path).trim_start_matches('/');
    match rest.split_once('/') {
        Some((code, "")) => (code, None),
        Some((code, below)) => (code, Some(below)),
        None => (rest, None),
    }
}

async fn look_up(app: &App, code: &str) -> Option<Arc<LinkTarget>> {
    check_code("code", code).ok()?;
    match link_cache::find(app, code).await {
        Ok(link) => link,
        Err(error) => {
            tracing::error!(%error, "a link could not be looked up");
            None
        }
    }
}

/// The token in the visitor's cookie, where it is one of ours. A browser may send several cookies of one name.
fn visitor_of(app: &App, headers: &HeaderMap) -> Option<VisitorToken> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE_NAME)
        .find_map(|(_, token)| verify(&app.keys.visitor, token))
}

fn cookie(app: &App, token: &str) -> String {
    let seconds = u64::from(COOKIE_DAYS) * 24 * 60 * 60;
    let domain = match &app.config.site.cookie_domain {
        Some(domain) => format!("; Domain={domain}"),
        None => String::new(),
    };
    format!("{COOKIE_NAME}={token}; Max-Age={seconds}; Path=/{domain}; Secure; HttpOnly; SameSite=Lax")
}

fn answer(location: &str, cookie: Option<&str>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    // An address printed by `url` holds visible ASCII alone.
    headers.extend(HeaderValue::from_str(location).map(|location| (LOCATION, location)));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
    headers.extend(
        cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()).map(|cookie| (SET_COOKIE, cookie)),
    );
    response
}

#[cfg(test)]
mod tests;
