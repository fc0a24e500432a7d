//! WebSockets in the graphql-transport-ws protocol.

mod conversation;
mod message;

use async_graphql::Executor;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::header::{ORIGIN, UPGRADE};
use axum::http::{Request, StatusCode};
use axum::response::Response;

use super::super::client_address::client_address;
use super::super::edge::RequestId;
use super::super::error::Failure;
use super::super::media::Media;
use super::super::router::Http;
use super::Stopping;
use super::session::Session;
use crate::config::Config;
use crate::graphql::code::Code;
use conversation::Conversation;

/// The one subprotocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// The longest result, in bytes. One waits to be sent at a time.
const MAX_RESULT: usize = 8 * 1024 * 1024;

/// Whether a request asks for a WebSocket.
pub fn is_wanted(request: &Request<Body>) -> bool {
    let upgrade = request.headers().get(UPGRADE).and_then(|upgrade| upgrade.to_str().ok());
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

/// Opens a WebSocket, or says why not.
pub async fn open<E: Executor>(http: Http<E>, request: Request<Body>) -> Response {
    let id = RequestId::of(&request);
    accept(http, request, &id).await.unwrap_or_else(|failure| failure.respond(Media::Json, &id))
}

async fn accept<E: Executor>(
    http: Http<E>,
    request: Request<Body>,
    id: &RequestId,
) -> Result<Response, Failure> {
    let config = http.app.config.clone();
    if !is_origin_allowed(&request, &config) {
        let message = "Pages of this origin may not open a WebSocket.";
        return Err(Failure::with_status(StatusCode::FORBIDDEN, Code::Forbidden, message));
    }
    let (stopping, address) = (Stopping::of(&request), client_address(&request, &config.trusted_proxies));
    // A program that can set the header need not say it again.
    let offered = Session::of(&http, request.headers()).await?;
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| Failure::malformed("This is no request for a WebSocket."))?;
    if !upgrade.requested_protocols().any(|protocol| protocol == PROTOCOL) {
        return Err(Failure::malformed(format!("The subprotocol must be {PROTOCOL}.")));
    }
    let waiting = http.live.waiting.clone().try_acquire_owned().map_err(|_| Failure::over_capacity())?;
    let conversation = Conversation::new(http, id.clone(), address, stopping, offered, waiting);
    Ok(upgrade
        .protocols([PROTOCOL])
        .max_message_size(config.limits.body_bytes)
        .max_frame_size(config.limits.body_bytes)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_RESULT)
        .on_upgrade(move |socket| conversation.hold(socket)))
}

/// Browsers open WebSockets to anywhere and say from where: the service's own pages and listed ones may. Programs say
/// nothing.
fn is_origin_allowed(request: &Request<Body>, config: &Config) -> bool {
    let Some(origin) = request.headers().get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    origin == config.public_url.origin().ascii_serialization()
        || config.cors.allowed_origins.iter().any(|allowed| allowed == origin)
}
