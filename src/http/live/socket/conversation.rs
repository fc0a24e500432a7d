//! One WebSocket from its opening to its end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::StreamExt;
use futures_util::stream::{self, AbortHandle, Abortable, BoxStream, SelectAll};
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::super::edge::RequestId;
use super::super::super::error::Failure;
use super::super::super::graphql::{Params, prepare};
use super::super::super::router::Http;
use super::super::Stopping;
use super::super::operation::{Asker, Operation};
use super::super::seats::Seat;
use super::super::session::Session;
use super::message::{self, End, Heard};
use crate::graphql::code::Code;

/// How often a client is asked for a sign of life.
const PING: Duration = Duration::from_secs(12);
/// After so long a silence it is taken to be gone.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a message may wait because the client does not read.
const STALLED: Duration = Duration::from_secs(20);
/// How long the end may take.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Operations of one socket that run at once.
const MAX_OPERATIONS: usize = 20;

/// What is to be sent of one operation, and whether that is the last of it.
type Said = (String, String, bool);

pub struct Conversation<E> {
    http: Http<E>,
    id: RequestId,
    address: Option<IpAddr>,
    stopping: Stopping,
    /// Who it is by the request's header, until the client says so itself.
    offered: Session,
    /// The place of one who has not said who he is.
    waiting: Option<OwnedSemaphorePermit>,
    known: Option<(Session, Seat)>,
    running: HashMap<String, AbortHandle>,
    results: SelectAll<BoxStream<'static, Said>>,
    /// When something was heard last.
    heard_at: Instant,
    ping_at: Instant,
}

/// What comes next.
enum Step {
    Heard(Option<Result<Message, axum::Error>>),
    Say(Said),
    Ping,
    End(End),
}

impl<E: Executor> Conversation<E> {
    pub fn new(
        http: Http<E>,
        id: RequestId,
        address: Option<IpAddr>,
        stopping: Stopping,
        offered: Session,
        waiting: OwnedSemaphorePermit,
    ) -> Conversation<E> {
        let now = Instant::now();
        Conversation {
            http,
            id,
            address,
            stopping,
            offered,
            waiting: Some(waiting),
            known: None,
            running: HashMap::new(),
            results: SelectAll::new(),
            heard_at: now,
            ping_at: now + PING,
        }
    }

    /// Speaks until one side has enough.
    pub async fn hold(mut self, mut socket: WebSocket) {
        let end = loop {
            let step = self.step(&mut socket).await;
            if let Err(end) = self.take(&mut socket, step).await {
                break end;
            }
        };
        let say = async {
            if let Some(End { code, reason }) = end {
                tracing::info!(request_id = self.id.as_str(), code, reason, "a WebSocket is closed");
                let frame = CloseFrame { code, reason: reason.into() };
                socket.send(Message::Close(Some(frame))).await?;
            }
            // Closing with something unread would take it back. Reading also answers a client that said good-bye.
            while let Some(Ok(_)) = socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        // Whoever does not wait for it does not want it.
        let _ = timeout(LAST_WORDS, say).await;
    }

    async fn step(&mut self, socket: &mut WebSocket) -> Step {
        let (silent_at, silence) = match self.known {
            Some(_) => (self.heard_at + SILENCE, End::SILENT),
            // To say who one is takes no longer than the head of a request.
            None => (self.heard_at + self.http.app.config.limits.header_timeout, End::INIT_TIMEOUT),
        };
        let (http, known) = (&self.http, &mut self.known);
        let ended = async {
            match known {
                Some((session, _)) => session.ended(http).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stopping.wait() => Step::End(End::GOING_AWAY),
            () = ended => Step::End(End::FORBIDDEN),
            () = sleep_until(silent_at) => Step::End(silence),
            () = sleep_until(self.ping_at) => Step::Ping,
            heard = socket.recv() => Step::Heard(heard),
            Some(said) = self.results.next(), if !self.results.is_empty() => Step::Say(said),
        }
    }

    /// Does what comes next. An error is the end: with nobody left to be told why, or with what to tell.
    async fn take(&mut self, socket: &mut WebSocket, step: Step) -> Result<(), Option<End>> {
        match step {
            Step::End(end) => Err(Some(end)),
            Step::Ping => {
                self.ping_at = Instant::now() + PING;
                say(socket, Message::Ping(Vec::new().into())).await
            }
            Step::Say((id, said, is_last)) => {
                if is_last {
                    self.running.remove(&id);
                }
                say(socket, text(said)).await
            }
            Step::Heard(None | Some(Ok(Message::Close(_)))) => Err(None),
            Step::Heard(Some(Err(error))) => Err(why(&error)),
            Step::Heard(Some(Ok(message))) => {
                // The time to say who one is does not begin again.
                if self.known.is_some() {
                    self.heard_at = Instant::now();
                }
                match message {
                    Message::Text(message) => self.hear(socket, &message).await,
                    Message::Binary(_) => Err(Some(End::NO_TEXT)),
                    _ => Ok(()),
                }
            }
        }
    }

    async fn hear(&mut self, socket: &mut WebSocket, message: &str) -> Result<(), Option<End>> {
        match Heard::read(message).map_err(Some)? {
            Heard::Ping(payload) => say(socket, text(message::pong(payload))).await,
            Heard::Pong => Ok(()),
            Heard::Init(payload) => {
                self.init(&payload).await.map_err(Some)?;
                say(socket, text(message::ack())).await
            }
            Heard::Complete { id } => {
                if let Some(running) = self.running.remove(&id) {
                    running.abort();
                }
                Ok(())
            }
            Heard::Subscribe { id, payload } => {
                let Some((session, _)) = &self.known else { return Err(Some(End::UNAUTHORIZED)) };
                if self.running.contains_key(&id) {
                    return Err(Some(End::SUBSCRIBER_EXISTS));
                }
                let asker =
                    Asker { caller: session.caller.clone(), address: self.address, id: self.id.clone() };
                match self.prepare(asker, payload).await {
                    Ok(operation) => {
                        self.run(id, operation);
                        Ok(())
                    }
                    Err(failure) => say(socket, text(message::error(&id, &failure.result(&self.id)))).await,
                }
            }
        }
    }

    /// Lets the client in by the token in its payload, else by that of the request's header.
    async fn init(&mut self, payload: &Map<String, Value>) -> Result<(), End> {
        if self.known.is_some() {
            return Err(End::TOO_MANY_INITS);
        }
        let given = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let session = match given {
            Some((_, value)) => {
                let bearer = value.as_str().and_then(|value| value.split_once(' '));
                let token = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
                let (_, token) = token.ok_or(End::FORBIDDEN)?;
                Session::by(&self.http, token.trim()).await.map_err(|_| End::FORBIDDEN)?
            }
            None => std::mem::replace(&mut self.offered, Session::anonymous()),
        };
        if session.caller.is_anonymous() {
            return Err(End::FORBIDDEN);
        }
        let seat = self.http.live.sockets.take(&session.caller).map_err(|_| End::FULL)?;
        self.known = Some((session, seat));
        self.waiting = None;
        self.heard_at = Instant::now();
        Ok(())
    }

    async fn prepare(&mut self, asker: Asker, payload: Map<String, Value>) -> Result<Operation<E>, Failure> {
        if self.running.len() >= MAX_OPERATIONS {
            let message = format!("{MAX_OPERATIONS} operations of one socket may run at once.");
            return Err(Failure::new(Code::Throttled, message));
        }
        let params = Params::from_object(payload)?;
        let from = params.last_event_id;
        let check = |operation| match operation {
            OperationType::Mutation => {
                Err(Failure::new(Code::BadUserInput, "Mutations are sent by POST, not over a WebSocket."))
            }
            OperationType::Query | OperationType::Subscription => Ok(()),
        };
        let prepared = prepare(&self.http, &asker, params, check).await?;
        Operation::begin(&self.http, asker, prepared, from)
    }

    fn run(&mut self, id: String, operation: Operation<E>) {
        let (handle, registration) = AbortHandle::new_pair();
        self.running.insert(id.clone(), handle);
        let results = stream::unfold(Some((id, operation)), |running| async move {
            let (id, mut operation) = running?;
            Some(match operation.next().await {
                Some(outcome) if outcome.was_refused => {
                    ((id.clone(), message::error(&id, &outcome.body), true), None)
                }
                Some(outcome) => {
                    ((id.clone(), message::next(&id, &outcome.body), false), Some((id, operation)))
                }
                None => ((id.clone(), message::complete(&id), true), None),
            })
        });
        self.results.push(Abortable::new(results.boxed(), registration).boxed());
    }
}

fn text(message: impl ToString) -> Message {
    Message::Text(message.to_string().into())
}

/// Sends a message, and nothing further before it is on its way.
async fn say(socket: &mut WebSocket, message: Message) -> Result<(), Option<End>> {
    match timeout(STALLED, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        // The client is gone, or as good as gone.
        Ok(Err(_)) | Err(_) => Err(None),
    }
}

/// What a client is told whose frames cannot be read; nothing where it is gone.
fn why(error: &axum::Error) -> Option<End> {
    let said = error.to_string();
    if said.contains("too long") || said.contains("too big") {
        return Some(End::TOO_LARGE);
    }
    if said.contains("UTF-8") || said.contains("utf-8") {
        return Some(End::NO_TEXT);
    }
    said.contains("protocol error").then_some(End::BROKEN)
}
