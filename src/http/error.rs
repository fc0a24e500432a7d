//! How what goes wrong looks to a client: a status, and errors with a code and the request's id.

use std::collections::BTreeMap;

use async_graphql::{PathSegment, Pos, Response as Executed, ServerError, Value};
use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::buckets::Throttled;
use super::edge::RequestId;
use super::media::Media;
use crate::graphql::code::Code;
use crate::graphql::limits::Refused;
use crate::graphql::rate_limit::RateLimit;

/// What a client reads where the fault is this side's; the log has the rest under the request's id.
const INTERNAL: &str = "Something went wrong on this side. The request id finds it in the log.";

/// The extension that says what a request costs.
pub const COST: &str = "cost";

/// A request that is not run.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    message: String,
    locations: Vec<Pos>,
    /// Where the form of the answer does not decide it.
    status: Option<StatusCode>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
    /// What the request would have cost, where that is known.
    rate_limit: Option<RateLimit>,
}

impl Failure {
    /// A GraphQL request that is refused: the form of the answer decides the status.
    pub fn new(code: Code, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: message.into(),
            locations: Vec::new(),
            status: None,
            header: None,
            rate_limit: None,
        }
    }

    /// Something that is no GraphQL request.
    pub fn with_status(status: StatusCode, code: Code, message: impl Into<String>) -> Failure {
        Failure { status: Some(status), ..Failure::new(code, message) }
    }

    pub fn malformed(message: impl Into<String>) -> Failure {
        Failure::with_status(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
    }

    pub fn unauthenticated() -> Failure {
        let header = (WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
        Failure {
            header: Some(Box::new(header)),
            ..Failure::new(Code::Unauthenticated, "The token is not valid.")
        }
    }

    pub fn only_by_post() -> Failure {
        let message = "GET runs queries alone; send mutations by POST.";
        let failure = Failure::with_status(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, message);
        Failure { header: Some(Box::new((ALLOW, HeaderValue::from_static("POST")))), ..failure }
    }

    pub fn only_by_events() -> Failure {
        let message = "A subscription needs Accept: text/event-stream, or a WebSocket.";
        Failure::with_status(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, message)
    }

    pub fn over_capacity() -> Failure {
        let message = "The service is at its limit; try again.";
        let failure = Failure::with_status(StatusCode::SERVICE_UNAVAILABLE, Code::Throttled, message);
        Failure { header: Some(Box::new((RETRY_AFTER, HeaderValue::from_static("1")))), ..failure }
    }

    pub fn too_many_subscriptions(limit: usize) -> Failure {
        let message = format!("{limit} subscriptions of one caller may be open at once.");
        Failure {
            header: Some(Box::new((RETRY_AFTER, HeaderValue::from_static("10")))),
            ..Failure::new(Code::Throttled, message)
        }
    }

    pub fn throttled(throttled: &Throttled) -> Failure {
        let RateLimit { cost, remaining, .. } = throttled.rate_limit;
        let seconds = throttled.retry_after;
        let message = format!("The request costs {cost} and {remaining} is left; try again in {seconds} s.");
        Failure {
            header: Some(Box::new((RETRY_AFTER, HeaderValue::from(seconds)))),
            rate_limit: Some(throttled.rate_limit),
            ..Failure::new(Code::Throttled, message)
        }
    }

    pub fn internal() -> Failure {
        Failure::new(Code::Internal, INTERNAL)
    }

    pub fn at(self, locations: Vec<Pos>) -> Failure {
        Failure { locations, ..self }
    }

    pub fn with_rate_limit(self, rate_limit: RateLimit) -> Failure {
        Failure { rate_limit: Some(rate_limit), ..self }
    }

    /// Whether it is about what an operation says, and not about who asks, or how.
    pub fn is_of_the_operation(&self) -> bool {
        let is_else = matches!(self.code, Code::Unauthenticated | Code::Throttled | Code::Internal);
        self.status.is_none() && !is_else
    }

    /// As the result of an operation that was begun over a connection that goes on.
    pub fn result(self, id: &RequestId) -> Box<RawValue> {
        written(&ResponseBody { errors: vec![self.body(id)], data: None, extensions: &BTreeMap::new() })
    }

    fn body(&self, id: &RequestId) -> ErrorBody {
        ErrorBody {
            message: self.message.clone(),
            locations: self.locations.clone(),
            path: Vec::new(),
            extensions: extensions(self.code, id),
        }
    }

    pub fn respond(self, media: Media, id: &RequestId) -> Response {
        let error = self.body(id);
        let status = self.status.unwrap_or_else(|| status_without_data(self.code, media));
        let cost = self.rate_limit.map(|rate_limit| (COST.to_owned(), rate_limit.extension()));
        let body = ResponseBody { errors: vec![error], data: None, extensions: &cost.into_iter().collect() };
        let mut response = json(status, media, &body);
        if let Some((name, value)) = self.header.map(|header| *header) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        Failure::new(refused.code, refused.message)
    }
}

#[derive(Serialize)]
struct ResponseBody<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorBody>,
    /// Absent where nothing was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

#[derive(Serialize)]
struct ErrorBody {
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Pos>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<PathSegment>,
    extensions: serde_json::Map<String, serde_json::Value>,
}

fn extensions(code: Code, id: &RequestId) -> serde_json::Map<String, serde_json::Value> {
    [("code", code.as_str()), ("requestId", id.as_str())]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// The status of an answer without data. Under `application/json` a well-formed request that GraphQL itself refuses
/// is a 200 by the specification; what concerns the caller or the server is not.
const fn status_without_data(code: Code, media: Media) -> StatusCode {
    match (code, media) {
        (Code::Unauthenticated, _) => StatusCode::UNAUTHORIZED,
        (Code::Forbidden, _) => StatusCode::FORBIDDEN,
        (Code::Throttled, _) => StatusCode::TOO_MANY_REQUESTS,
        (Code::Timeout, _) => StatusCode::GATEWAY_TIMEOUT,
        (Code::Internal, _) => StatusCode::INTERNAL_SERVER_ERROR,
        (Code::QueryTooComplex, _) | (_, Media::GraphqlResponse) => StatusCode::BAD_REQUEST,
        (
            Code::BadUserInput | Code::ParseFailed | Code::ValidationFailed | Code::PersistedQueryNotFound,
            Media::Json,
        ) => StatusCode::OK,
    }
}

/// Whether validation refused the request, so that nothing was run: an error of a field that ran has a path.
pub fn was_refused(executed: &Executed) -> bool {
    executed.data == Value::Null
        && !executed.errors.is_empty()
        && executed.errors.iter().all(|e| e.path.is_empty())
}

/// Whether it is certain that the schema found the request valid: nothing comes of one that it or the guard refused.
pub fn was_valid(executed: &Executed) -> bool {
    executed.data != Value::Null
}

/// The answer to a request that was handed to the schema.
pub fn respond(mut executed: Executed, rate_limit: RateLimit, media: Media, id: &RequestId) -> Response {
    executed.extensions.insert(COST.to_owned(), rate_limit.extension());
    let refused = was_refused(&executed);
    let mut worst = None;
    let errors = executed
        .errors
        .into_iter()
        .map(|error| {
            let code = code_of(&error);
            worst.get_or_insert(code);
            error_body(error, code, id)
        })
        .collect();
    let status = match worst {
        Some(code) if refused => status_without_data(code, media),
        _ => StatusCode::OK,
    };
    let data = (!refused).then_some(&executed.data);
    let body = ResponseBody { errors, data, extensions: &executed.extensions };
    let mut response = json(status, media, &body);
    response.headers_mut().extend(executed.http_headers);
    response
}

/// A result, as JSON, of an operation that goes on over its connection; one that was refused has no data.
pub fn result(
    mut executed: Executed,
    refused: bool,
    more: Option<(String, Value)>,
    id: &RequestId,
) -> Box<RawValue> {
    executed.extensions.extend(more);
    let body = |error: ServerError| {
        let code = code_of(&error);
        error_body(error, code, id)
    };
    let errors = executed.errors.into_iter().map(body).collect();
    let data = (!refused).then_some(&executed.data);
    written(&ResponseBody { errors, data, extensions: &executed.extensions })
}

/// As JSON whose fields stand in the order in which they were asked for.
fn written(body: &ResponseBody<'_>) -> Box<RawValue> {
    to_raw_value(body).unwrap_or_else(|error| {
        tracing::error!(%error, "a result could not be written as JSON");
        RawValue::NULL.to_owned()
    })
}

/// The code that the resolver gave, else what the schema's own messages mean. A resolver's error without a code was
/// not meant for clients.
fn code_of(error: &ServerError) -> Code {
    let given = match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => Code::from_text(code),
        _ => None,
    };
    let message = error.message.as_str();
    let begins_with = |beginnings: &[&str]| beginnings.iter().any(|beginning| message.starts_with(beginning));
    given.unwrap_or_else(|| {
        if error.path.is_empty() {
            return if begins_with(&["Invalid value for argument"]) {
                Code::BadUserInput
            } else {
                Code::ValidationFailed
            };
        }
        let is_argument =
            error.source.is_none() && begins_with(&["Failed to parse \"", "Expected input type \""]);
        if is_argument { Code::BadUserInput } else { Code::Internal }
    })
}

fn error_body(error: ServerError, code: Code, id: &RequestId) -> ErrorBody {
    let mut body = ErrorBody {
        message: error.message,
        locations: error.locations,
        path: error.path,
        extensions: serde_json::Map::new(),
    };
    if code == Code::Internal {
        let path = serde_json::to_string(&body.path).unwrap_or_default();
        tracing::error!(path, error = body.message, "a field failed");
        body.message = INTERNAL.to_owned();
    } else if let Some(Ok(serde_json::Value::Object(given))) = error.extensions.map(serde_json::to_value) {
        body.extensions = given;
    }
    body.extensions.extend(extensions(code, id));
    body
}

fn json(status: StatusCode, media: Media, body: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        Vec::new()
    });
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Authorization, Origin"));
    response
}
