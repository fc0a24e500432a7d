//! GraphQL over HTTP: a handler of our own, which runs nothing that it has not looked at.

mod documents;
mod params;
mod prepared;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use futures_util::StreamExt;

use super::client_address::client_address;
use super::edge::RequestId;
use super::error::{self, Failure};
use super::live::{self, Asker, Operation, Session, Stopping};
use super::media::{self, Media};
use super::router::Http;
use crate::domain::caller::Caller;
use crate::graphql::code::Code;

pub use documents::Documents;
pub use params::{Params, read_event_id};
pub use prepared::{Prepared, prepare};

/// Answers `/graphql`, whatever comes.
pub async fn handle<E: Executor>(State(http): State<Http<E>>, request: Request<Body>) -> Response {
    if live::is_wanted(&request) {
        return live::open(http, request).await;
    }
    let id = RequestId::of(&request);
    let forms =
        Forms { media: Media::accepted(request.headers()), events: media::takes_events(request.headers()) };
    if forms.media.is_none() && !forms.events {
        let message =
            "Accept must allow application/json, application/graphql-response+json or text/event-stream.";
        return Failure::with_status(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, message)
            .respond(Media::Json, &id);
    }
    match answer(&http, request, forms, &id).await {
        Ok(response) => response,
        Err(failure) if forms.media.is_none() && failure.is_of_the_operation() => live::refuse(failure, &id),
        Err(failure) => failure.respond(forms.media.unwrap_or(Media::Json), &id),
    }
}

/// The forms of an answer that a client takes.
#[derive(Clone, Copy)]
struct Forms {
    media: Option<Media>,
    /// A stream of events: for a subscription, and for anything where nothing else will do.
    events: bool,
}

async fn answer<E: Executor>(
    http: &Http<E>,
    request: Request<Body>,
    forms: Forms,
    id: &RequestId,
) -> Result<Response, Failure> {
    let session = Session::of(http, request.headers()).await?;
    let address = client_address(&request, &http.app.config.trusted_proxies);
    let asker = Asker { caller: session.caller.clone(), address, id: id.clone() };
    let (stopping, from_header) = (Stopping::of(&request), live::last_event_id(request.headers())?);
    let by_get = request.method() != Method::POST;
    let params = if by_get {
        Params::from_query(request.uri().query().unwrap_or_default())?
    } else {
        Params::from_body(&read_body(http, request, &session.caller).await?)?
    };
    let from = from_header.or(params.last_event_id);
    let check = |operation| match operation {
        OperationType::Query => Ok(()),
        OperationType::Mutation if by_get => Err(Failure::only_by_post()),
        OperationType::Mutation => Ok(()),
        OperationType::Subscription if forms.events => Ok(()),
        OperationType::Subscription => Err(Failure::only_by_events()),
    };
    let prepared = prepare(http, &asker, params, check).await?;
    match forms.media {
        Some(media) if prepared.operation != OperationType::Subscription => {
            run(http, &asker, prepared, media).await
        }
        _ => {
            let operation = Operation::begin(http, asker, prepared, from)?;
            Ok(live::stream(http.clone(), operation, session, stopping))
        }
    }
}

/// Runs an operation that has one result.
async fn run<E: Executor>(
    http: &Http<E>,
    asker: &Asker,
    prepared: Prepared,
    media: Media,
) -> Result<Response, Failure> {
    let rate_limit = prepared.rate_limit;
    let limit = http.app.config.limits.request_timeout;
    let executed =
        tokio::time::timeout(limit, http.executor.execute(prepared.request)).await.map_err(|_| {
            let message = "The request took too long and was given up.";
            Failure::new(Code::Timeout, message).with_rate_limit(rate_limit)
        })?;
    if let Some(found) = prepared.found
        && !asker.caller.is_anonymous()
        && error::was_valid(&executed)
    {
        http.documents.keep(found, prepared.asked, prepared.cost).await;
    }
    Ok(error::respond(executed, rate_limit, media, &asker.id))
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
