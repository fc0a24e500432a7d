//! GraphQL over HTTP: a handler of our own, which runs nothing that it has not looked at.

mod documents;
mod params;

use std::net::IpAddr;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{Executor, Request as GraphqlRequest, Variables};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use futures_util::StreamExt;

use super::client_address::client_address;
use super::edge::RequestId;
use super::error::{self, Failure};
use super::media::{self, Media};
use super::router::Http;
use super::token;
use crate::domain::api_key::is_key;
use crate::domain::caller::Caller;
use crate::graphql::Origin;
use crate::graphql::code::Code;
use crate::graphql::rate_limit::RateLimit;
use crate::services::api_key;

pub use documents::Documents;
use params::Params;

/// Answers `/graphql`, whatever comes.
pub async fn handle<E: Executor>(State(http): State<Http<E>>, request: Request<Body>) -> Response {
    let id = RequestId::of(&request);
    let Some(media) = Media::accepted(request.headers()) else {
        let message = "Accept must allow application/json or application/graphql-response+json.";
        return Failure::with_status(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, message)
            .respond(Media::Json, &id);
    };
    match answer(&http, request, media, &id).await {
        Ok(response) => response,
        Err(failure) => failure.respond(media, &id),
    }
}

async fn answer<E: Executor>(
    http: &Http<E>,
    request: Request<Body>,
    media: Media,
    id: &RequestId,
) -> Result<Response, Failure> {
    let caller = caller_of(http, request.headers()).await?;
    let address = client_address(&request, &http.app.config.trusted_proxies);
    let by_get = request.method() != Method::POST;
    let params = if by_get {
        Params::from_query(request.uri().query().unwrap_or_default())?
    } else {
        Params::from_body(&read_body(http, request, &caller).await?)?
    };
    let found = http.documents.find(params.query.as_deref(), params.persisted).await?;
    let operation = operation_to_run(&found.document, params.operation_name.as_deref())?;
    if by_get && operation.ty != OperationType::Query {
        return Err(Failure::only_by_post());
    }
    let cost = http.prices.cost_of(&found.document, operation, &params.variables);
    let rate_limit = spend(http, &caller, address, cost)?;

    let is_known_caller = !caller.is_anonymous();
    let mut graphql = GraphqlRequest::new(params.query.unwrap_or_default())
        .variables(Variables::from_json(params.variables.into()))
        .data(caller)
        .data(rate_limit)
        .data(id.for_resolvers());
    if let Some(address) = address {
        graphql = graphql.data(Origin(address.to_string().into()));
    }
    graphql.operation_name = params.operation_name;
    graphql.set_parsed_query(ExecutableDocument::clone(&found.document));
    if !http.app.config.introspection {
        graphql = graphql.disable_introspection();
    }
    let executed =
        tokio::time::timeout(http.app.config.limits.request_timeout, http.executor.execute(graphql))
            .await
            .map_err(|_| {
                let message = "The request took too long and was given up.";
                Failure::new(Code::Timeout, message).with_rate_limit(rate_limit)
            })?;
    if is_known_caller && !error::was_refused(&executed) {
        http.documents.keep(found).await;
    }
    Ok(error::respond(executed, rate_limit, media, id))
}

/// Who asks: by an API key, which is looked up, or by a token, which says it itself.
async fn caller_of<E>(http: &Http<E>, headers: &HeaderMap) -> Result<Caller, Failure> {
    let key = token::bearer(headers).ok().flatten().filter(|token| is_key(token));
    if let Some(key) = key {
        let found = api_key::authenticate(&http.app, key).await.map_err(|error| {
            tracing::error!(%error, "an API key could not be looked up");
            Failure::internal()
        })?;
        return found.ok_or_else(|| {
            tracing::info!("an API key was not believed");
            Failure::unauthenticated()
        });
    }
    http.verifier.caller(headers, http.app.clock.now()).await.map_err(|reason| {
        tracing::info!(%reason, "a token was not believed");
        Failure::unauthenticated()
    })
}

/// Has the caller pay for a request before it runs. One that costs too much costs nothing: it is refused whatever is
/// in the bucket.
fn spend<E>(
    http: &Http<E>,
    caller: &Caller,
    address: Option<IpAddr>,
    cost: u32,
) -> Result<RateLimit, Failure> {
    let limit = http.app.config.limits.cost_per_request;
    let is_too_dear = cost > limit;
    let price = if is_too_dear { 0 } else { cost };
    let spent = http.buckets.spend(caller, address, price, http.app.clock.now());
    let rate_limit = spent.map_err(|throttled| {
        metrics::counter!("graphql_throttled_total", "role" => caller.role()).increment(1);
        Failure::throttled(&throttled)
    })?;
    if is_too_dear {
        let message = format!("The request costs {cost}; one may cost {limit}. Ask for shorter pages.");
        let rate_limit = RateLimit { cost, ..rate_limit };
        return Err(Failure::new(Code::QueryTooComplex, message).with_rate_limit(rate_limit));
    }
    Ok(rate_limit)
}

/// The operation that would run: a document may hold several, and a single one may have a name.
fn operation_to_run<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Failure> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().filter(|_| operations.len() == 1)
        }
    };
    operation.map(|operation| &operation.node).ok_or_else(|| {
        let message = match name {
            Some(_) => "operationName names none of the document's operations.",
            None => "operationName must say which of the document's operations to run.",
        };
        Failure::new(Code::BadUserInput, message)
    })
}

/// Reads a JSON body up to its limit, and no further.
async fn read_body<E>(http: &Http<E>, request: Request<Body>, caller: &Caller) -> Result<Vec<u8>, Failure> {
    if !media::sends_json(request.headers()) {
        let message = "The body must be application/json in UTF-8.";
        return Err(Failure::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadUserInput, message));
    }
    let limits = &http.app.config.limits;
    let limit = if caller.is_service() { limits.service_body_bytes } else { limits.body_bytes };
    let too_large = || {
        let message = format!("The body is larger than {limit} bytes.");
        Failure::with_status(StatusCode::PAYLOAD_TOO_LARGE, Code::BadUserInput, message)
    };
    let announced = axum::body::HttpBody::size_hint(request.body()).lower();
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(too_large());
    }
    let read = async {
        let mut bytes = Vec::new();
        let mut chunks = request.into_body().into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Failure::malformed("The body broke off."))?;
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    tokio::time::timeout(limits.body_timeout, read).await.unwrap_or_else(|_| {
        Err(Failure::with_status(
            StatusCode::REQUEST_TIMEOUT,
            Code::Timeout,
            "The body took too long to arrive.",
        ))
    })
}

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod payment;
#[cfg(test)]
mod tests;
