//! Live events as programs follow them: over server-sent events and WebSockets, by hand.

mod browser;
mod ends;
mod following;
mod messages;
mod settlement;
mod socket;
mod stream;
mod streams;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::Server;

/// Everything that one program asks of an event.
pub const EVENTS: &str = "subscription { partnerEvents { type at subject { __typename id } } }";

const OPEN_TICKET: &str = "mutation($input: OpenTicketInput!) { openTicket(input: $input) { ticket { id }
    userErrors { code } } }";

/// Opens a ticket; answers its id.
pub async fn open_ticket(server: &Server, token: &str, subject: &str) -> String {
    let input = json!({ "input": { "kind": "QUESTION", "subject": subject, "text": "Why?" } });
    let opened = server.graphql(token, OPEN_TICKET, input).await;
    opened["openTicket"]["ticket"]["id"].as_str().unwrap_or_else(|| panic!("{opened}")).to_owned()
}

/// Makes an API key; answers its id and the key.
pub async fn create_key(server: &Server, token: &str, scopes: &[&str]) -> (String, String) {
    let query =
        "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { id } secret } }";
    let input = json!({ "input": { "label": "Live", "scopes": scopes } });
    let made = server.graphql(token, query, input).await["createApiKey"].take();
    (made["apiKey"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

/// A partner's token that is believed for so many seconds more: it has expired by its own word a while ago.
pub fn token_for(subject: &str, seconds: i64) -> String {
    const LEEWAY: i64 = 60;
    let now = parrain::clock::Clock::system().now().0 / 1_000_000;
    let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let claims = json!({ "sub": subject, "role": "partner", "exp": now + seconds - LEEWAY });
    let signed = format!("{}.{}", encode(json!({ "alg": "HS256", "typ": "JWT" })), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(crate::harness::SECRET.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The ids of the subjects.
pub fn subjects(events: &[Value]) -> Vec<String> {
    let id = |event: &Value| event["data"]["partnerEvents"]["subject"]["id"].as_str().map(str::to_owned);
    events.iter().map(|event| id(event).unwrap_or_else(|| panic!("{event}"))).collect()
}

/// The code of the first error of a result.
pub fn code(result: &Value) -> &str {
    result["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}
