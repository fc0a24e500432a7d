//! The messages of the protocol, and why a socket is closed.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::graphql::limits;

/// The longest id of an operation.
const MAX_ID: usize = 128;

/// What a client says.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Init(Map<String, Value>),
    Ping(Option<Value>),
    Pong,
    Subscribe { id: String, payload: Map<String, Value> },
    Complete { id: String },
}

/// Why a socket is closed, as the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub code: u16,
    pub reason: &'static str,
}

impl End {
    pub const GOING_AWAY: End = End { code: 1001, reason: "the service stops" };
    pub const SILENT: End = End { code: 1001, reason: "nothing was heard for too long" };
    pub const TOO_LARGE: End = End { code: 1009, reason: "the message is too large" };
    pub const BROKEN: End = End { code: 1002, reason: "this is no WebSocket frame" };
    pub const FULL: End = End { code: 1013, reason: "too many sockets are open" };
    pub const NO_TEXT: End = End { code: 4400, reason: "messages are text" };
    pub const UNAUTHORIZED: End = End { code: 4401, reason: "Unauthorized" };
    pub const FORBIDDEN: End = End { code: 4403, reason: "Forbidden" };
    pub const INIT_TIMEOUT: End = End { code: 4408, reason: "Connection initialisation timeout" };
    pub const SUBSCRIBER_EXISTS: End = End { code: 4409, reason: "Subscriber for this id already exists" };
    pub const TOO_MANY_INITS: End = End { code: 4429, reason: "Too many initialisation requests" };

    const fn bad(reason: &'static str) -> End {
        End { code: 4400, reason }
    }
}

impl Heard {
    /// Reads a message.
    ///
    /// # Errors
    /// 4400 for what the protocol does not know.
    pub fn read(text: &str) -> Result<Heard, End> {
        limits::check_json(text.as_bytes()).map_err(|_| End::bad("the message is nested too deeply"))?;
        let value = serde_json::from_str(text).map_err(|_| End::bad("the message is not valid JSON"))?;
        let Value::Object(mut message) = value else { return Err(End::bad("the message is no object")) };
        let kind = message.remove("type");
        let kind = kind.as_ref().and_then(Value::as_str).ok_or(End::bad("the message has no type"))?;
        match kind {
            "connection_init" => Ok(Heard::Init(object(message.remove("payload"))?.unwrap_or_default())),
            "ping" => Ok(Heard::Ping(object(message.remove("payload"))?.map(Value::Object))),
            "pong" => object(message.remove("payload")).map(|_| Heard::Pong),
            "subscribe" => {
                let payload = object(message.remove("payload"))?.ok_or(End::bad("payload is missing"))?;
                Ok(Heard::Subscribe { id: id(&mut message)?, payload })
            }
            "complete" => Ok(Heard::Complete { id: id(&mut message)? }),
            _ => Err(End::bad("the type of the message is not known")),
        }
    }
}

fn object(value: Option<Value>) -> Result<Option<Map<String, Value>>, End> {
    match value {
        Some(Value::Object(object)) => Ok(Some(object)),
        None | Some(Value::Null) => Ok(None),
        Some(_) => Err(End::bad("payload is no object")),
    }
}

fn id(message: &mut Map<String, Value>) -> Result<String, End> {
    match message.remove("id") {
        Some(Value::String(id)) if (1..=MAX_ID).contains(&id.len()) => Ok(id),
        _ => Err(End::bad("id is no text of 1 to 128 bytes")),
    }
}

pub fn ack() -> Value {
    json!({ "type": "connection_ack" })
}

pub fn pong(payload: Option<Value>) -> Value {
    let mut pong = json!({ "type": "pong" });
    if let Some(payload) = payload {
        pong["payload"] = payload;
    }
    pong
}

pub fn next(id: &str, result: &RawValue) -> String {
    of_operation(id, "next", Some(result))
}

/// Of an operation that was not run: its errors.
pub fn error(id: &str, result: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Refused<'a> {
        #[serde(borrow)]
        errors: &'a RawValue,
    }
    let errors = serde_json::from_str(result.get()).map(|refused: Refused<'_>| refused.errors);
    of_operation(id, "error", Some(errors.unwrap_or(RawValue::NULL)))
}

pub fn complete(id: &str) -> String {
    of_operation(id, "complete", None)
}

/// What is in a result stands as it was written: its fields are in the order of the query.
fn of_operation(id: &str, kind: &str, payload: Option<&RawValue>) -> String {
    let payload = payload.map_or(String::new(), |payload| format!(",\"payload\":{payload}"));
    format!("{{\"id\":{},\"type\":\"{kind}\"{payload}}}", Value::from(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_said_as_it_was_written() {
        let result: Box<RawValue> = serde_json::from_str(r#"{"data":{"b":1,"a":"\u00e9"}}"#).unwrap();
        assert_eq!(
            next("\"1\"", &result),
            r#"{"id":"\"1\"","type":"next","payload":{"data":{"b":1,"a":"\u00e9"}}}"#
        );
        let refused: Box<RawValue> = serde_json::from_str(r#"{"errors":[{"message":"no"}]}"#).unwrap();
        assert_eq!(error("x", &refused), r#"{"id":"x","type":"error","payload":[{"message":"no"}]}"#);
        assert_eq!(complete("x"), r#"{"id":"x","type":"complete"}"#);
    }

    #[test]
    fn messages_are_read_and_all_else_is_4400() {
        assert_eq!(Heard::read(r#"{"type":"connection_init"}"#), Ok(Heard::Init(Map::new())));
        assert_eq!(Heard::read(r#"{"type":"ping","payload":null}"#), Ok(Heard::Ping(None)));
        assert_eq!(
            Heard::read(r#"{"type":"complete","id":"1"}"#),
            Ok(Heard::Complete { id: "1".to_owned() })
        );
        let subscribe = Heard::read(r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }"}}"#);
        assert!(matches!(subscribe, Ok(Heard::Subscribe { .. })));
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let long = format!(r#"{{"type":"complete","id":"{}"}}"#, "x".repeat(129));
        for bad in [
            "",
            "null",
            "[]",
            "{",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"start","id":"1"}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"subscribe","payload":{"query":"{ a }"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":1,"payload":{}}"#,
            r#"{"type":"subscribe","id":"","payload":{}}"#,
            r#"{"type":"complete"}"#,
            &deep,
            &long,
        ] {
            assert_eq!(Heard::read(bad).map_err(|end| end.code), Err(4400), "{bad}");
        }
    }
}
