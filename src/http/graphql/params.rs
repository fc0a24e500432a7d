//! The parameters of a request, from a JSON body or from a query string.

use serde_json::{Map, Value};

use super::super::error::Failure;
use crate::domain::watermark::Watermark;
use crate::graphql::limits;

#[derive(Debug, Default)]
pub struct Params {
    /// At least one of `query` and `persisted` is there.
    pub query: Option<String>,
    /// The SHA-256 of a document that was sent before.
    pub persisted: Option<[u8; 32]>,
    pub operation_name: Option<String>,
    pub variables: Map<String, Value>,
    /// After which event a subscription is to go on.
    pub last_event_id: Option<Watermark>,
}

impl Params {
    /// Reads a JSON object; a list of requests is none.
    pub fn from_body(body: &[u8]) -> Result<Params, Failure> {
        match read_json("The body", body)? {
            Value::Object(object) => Params::from_object(object),
            Value::Array(_) => {
                Err(Failure::malformed("Lists of requests are not taken; send one at a time."))
            }
            _ => Err(Failure::malformed("The body must be a JSON object.")),
        }
    }

    /// Reads `query`, `operationName`, and the JSON in `variables` and `extensions`, each given once at most.
    pub fn from_query(query: &str) -> Result<Params, Failure> {
        let mut object = Map::new();
        for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = match name.as_ref() {
                "query" | "operationName" => Value::String(text.into_owned()),
                "variables" | "extensions" if text.is_empty() => Value::Null,
                "variables" | "extensions" => read_json(&name, text.as_bytes())?,
                _ => continue,
            };
            if object.insert(name.clone().into_owned(), value).is_some() {
                return Err(Failure::malformed(format!("{name} is given twice.")));
            }
        }
        Params::from_object(object)
    }

    /// Takes the members of a JSON object that was read with care.
    pub fn from_object(mut object: Map<String, Value>) -> Result<Params, Failure> {
        let query = match object.remove("query") {
            Some(Value::String(query)) => Some(query),
            None | Some(Value::Null) => None,
            Some(_) => return Err(Failure::malformed("query must be a string.")),
        };
        // Some clients send an empty name for none.
        let operation_name = match object.remove("operationName") {
            Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
            None | Some(Value::Null) => None,
            Some(_) => return Err(Failure::malformed("operationName must be a string.")),
        };
        let variables = optional_object(&mut object, "variables")?;
        let extensions = optional_object(&mut object, "extensions")?;
        let persisted = persisted(&extensions)?;
        let last_event_id = match extensions.get("lastEventId") {
            Some(Value::String(id)) => Some(read_event_id(id)?),
            None | Some(Value::Null) => None,
            Some(_) => return Err(Failure::malformed("lastEventId must be a string.")),
        };
        if query.is_none() && persisted.is_none() {
            return Err(Failure::malformed("query is missing."));
        }
        Ok(Params { query, persisted, operation_name, variables, last_event_id })
    }
}

/// Reads the id of an event that was given out.
pub fn read_event_id(id: &str) -> Result<Watermark, Failure> {
    Watermark::decode(id)
        .ok_or_else(|| Failure::malformed("The last event's id is not one that was given out."))
}

fn read_json(name: &str, json: &[u8]) -> Result<Value, Failure> {
    limits::check_json(json)?;
    serde_json::from_slice(json).map_err(|_| Failure::malformed(format!("{name} is not valid JSON.")))
}

fn optional_object(object: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, Failure> {
    match object.remove(name) {
        Some(Value::Object(inner)) => Ok(inner),
        None | Some(Value::Null) => Ok(Map::new()),
        Some(_) => Err(Failure::malformed(format!("{name} must be an object."))),
    }
}

/// Apollo's `persistedQuery` extension, version 1.
fn persisted(extensions: &Map<String, Value>) -> Result<Option<[u8; 32]>, Failure> {
    let Some(persisted) = extensions.get("persistedQuery") else {
        return Ok(None);
    };
    if persisted.get("version").and_then(Value::as_u64) != Some(1) {
        return Err(Failure::malformed("persistedQuery must be of version 1."));
    }
    let hash = persisted.get("sha256Hash").and_then(Value::as_str).and_then(from_hex);
    hash.map(Some).ok_or_else(|| Failure::malformed("sha256Hash must be 64 hexadecimal digits."))
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
