//! Which address leads where.

use std::sync::Arc;

use async_graphql::Executor;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method, Request};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{CorsLayer, Vary};

use super::buckets::Buckets;
use super::edge::{self, Edge, X_REQUEST_ID};
use super::export;
use super::graphql::{self, Documents};
use super::health::{self, Health, Ready};
use super::live::{LAST_EVENT_ID, Live};
use super::print;
use super::redirect;
use super::token::Verifier;
use crate::app::App;
use crate::config::ConfigError;
use crate::graphql::cost::Prices;
use crate::services::visit::NewVisit;

/// What the public routes share.
#[derive(Clone)]
pub struct Http<E> {
    pub(super) app: App,
    pub(super) executor: E,
    pub(super) verifier: Arc<Verifier>,
    pub(super) documents: Documents,
    pub(super) prices: Arc<Prices>,
    pub(super) buckets: Arc<Buckets>,
    /// Exports that read the database at this moment.
    pub(super) exports: Arc<Semaphore>,
    pub(super) live: Arc<Live>,
    /// The schema as text, printed once.
    sdl: Arc<str>,
}

impl<E: Executor> Http<E> {
    /// Takes what `[auth]` and `[limits]` say, and the prices from the schema's text.
    ///
    /// # Errors
    /// `NoAuth` where there is nothing to check tokens with; `Refused` where a key set or the limits cannot be used.
    pub fn new(app: App, executor: E, sdl: String) -> Result<Http<E>, ConfigError> {
        let prices = Prices::read(&sdl).map_err(|error| ConfigError::refused("schema", error.to_string()))?;
        Ok(Http {
            prices: Arc::new(prices),
            buckets: Arc::new(Buckets::new(&app.config.limits)?),
            exports: Arc::new(Semaphore::new(export::MAX_AT_ONCE)),
            live: Arc::new(Live::new(&app.config.limits)),
            verifier: Arc::new(Verifier::new(&app.config)?),
            documents: Documents::new(app.config.limits.document_cache_bytes),
            sdl: sdl.into(),
            executor,
            app,
        })
    }
}

/// The public port.
pub fn public_router<E: Executor>(http: Http<E>) -> Router {
    let config = http.app.config.clone();
    let edge = Edge::new(http.app.clock.clone(), config.limits.max_requests);
    let mut api = Router::new()
        .route("/graphql", get(graphql::handle::<E>).post(graphql::handle::<E>))
        .route("/schema.graphql", get(sdl::<E>))
        .route("/export/{file}", get(export::own::<E>))
        .route("/statements/{id}", get(print::statement::<E>));
    if config.graphiql {
        api = api.route("/graphiql", get(graphiql));
    }
    let redirects = redirects(http.app.clone(), redirect::record_in_time);
    api.layer(cors(&config.cors.allowed_origins))
        .layer(CompressionLayer::new())
        .with_state(http)
        .merge(redirects)
        .layer(axum::middleware::from_fn_with_state(edge, edge::pass))
}

/// The redirect alone, with what is done with a visit before the visitor goes on.
fn redirects<R, F>(app: App, record: R) -> Router
where
    R: Fn(App, NewVisit) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let follow = get(move |request: Request<Body>| {
        let (app, record) = (app.clone(), record.clone());
        async move { redirect::follow(&app, request, record).await }
    });
    Router::new()
        .route("/r/{code}", follow.clone())
        .route("/r/{code}/", follow.clone())
        .route("/r/{code}/{*path}", follow.clone())
        .route("/r/", follow)
}

/// The public port with the redirect alone and another way to record: for benchmarks, which tell what recording costs.
pub fn redirects_that_record<R, F>(app: App, record: R) -> Router
where
    R: Fn(App, NewVisit) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let edge = Edge::new(app.clock.clone(), app.config.limits.max_requests);
    redirects(app, record).layer(axum::middleware::from_fn_with_state(edge, edge::pass))
}

/// The port of whoever runs the service.
pub fn ops_router(app: App, ready: Ready, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .with_state(Health { app, ready, metrics })
}

/// Pages of the listed origins may call. The API reads no cookies, so none are allowed to come along.
fn cors(allowed_origins: &[String]) -> CorsLayer {
    let origins = allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, X_REQUEST_ID, LAST_EVENT_ID])
        .expose_headers([X_REQUEST_ID, RETRY_AFTER])
        .max_age(std::time::Duration::from_secs(600))
        // The handler says itself what its answers vary by.
        .vary(Vary::list(Vec::<HeaderName>::new()))
}

async fn sdl<E: Executor>(State(http): State<Http<E>>) -> impl IntoResponse {
    let headers =
        [(CONTENT_TYPE, "application/graphql; charset=utf-8"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, http.sdl.to_string())
}

/// The explorer; the token goes into its headers editor.
async fn graphiql() -> impl IntoResponse {
    const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline' https://unpkg.com; style-src 'unsafe-inline' \
        https://unpkg.com; font-src data: https://unpkg.com; img-src data:; connect-src 'self'; base-uri 'none'; \
        frame-ancestors 'none'";
    ([(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store")], Html(include_str!("graphiql.html")))
}

#[cfg(test)]
mod tests;
