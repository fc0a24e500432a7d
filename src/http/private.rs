//! Who may open a page or a file of one partner's: he himself with his token, staff, or whoever holds its signed address.

use axum::http::{Request, StatusCode};

use super::client_address::client_address;
use super::error::Failure;
use super::router::Http;
use crate::domain::caller::Caller;
use crate::domain::signed_address::{AddressKeys, BadAddress};
use crate::graphql::code::Code;

/// Whom a request speaks for.
#[derive(Debug)]
pub enum Access {
    /// Whoever has the address, to what it names.
    Signed,
    Token(Caller),
}

/// Checks the signature of the address, else the token; takes what the request costs from the caller's bucket.
///
/// # Errors
/// UNAUTHENTICATED with neither, FORBIDDEN for an address that is not good (any more), THROTTLED.
pub async fn access<E>(http: &Http<E>, request: &Request<()>, cost: u32) -> Result<Access, Failure> {
    let now = http.app.clock.now();
    let address = request.uri().path_and_query().map_or("", |address| address.as_str());
    let access = if AddressKeys::is_signed(address) {
        http.app.keys.address.verify(address, now).map_err(|bad: BadAddress| {
            Failure::with_status(StatusCode::FORBIDDEN, Code::Forbidden, format!("Refused: {bad}."))
        })?;
        Access::Signed
    } else {
        let caller = http.verifier.caller(request.headers(), now).await.map_err(|reason| {
            tracing::info!(%reason, "a token was not believed");
            Failure::unauthenticated()
        })?;
        if caller.is_anonymous() {
            return Err(Failure::unauthenticated());
        }
        Access::Token(caller)
    };
    let anonymous = Caller::Anonymous;
    let payer = match &access {
        Access::Signed => &anonymous,
        Access::Token(caller) => caller,
    };
    let client = client_address(request, &http.app.config.trusted_proxies);
    http.buckets.spend(payer, client, cost, now).map_err(|throttled| Failure::throttled(&throttled))?;
    Ok(access)
}

/// What is not there, or not the caller's.
pub fn not_found(what: &str) -> Failure {
    Failure::with_status(StatusCode::NOT_FOUND, Code::BadUserInput, format!("There is no such {what}."))
}

/// The value of a query's parameter; nothing is decoded, since none of ours needs it.
pub fn parameter<'a>(request: &'a Request<()>, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query().unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}
