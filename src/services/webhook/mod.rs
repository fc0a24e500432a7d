//! Webhooks: endpoints and their secrets, the deliveries that the outbox becomes, and what sending them comes to.

pub mod delivery;
pub mod endpoint;
pub mod outbox;
pub mod payload;
pub mod sending;

use std::net::IpAddr;

use entity::EventType;
use uuid::Uuid;

use crate::app::App;
use crate::domain::webhook::address::is_public;

/// The endpoint of the provider's own systems, which the configuration names.
pub const PROVIDERS: Uuid = Uuid::from_u128(1);

/// What the provider's endpoint is told, of all partners.
pub const OF_THE_PROVIDER: [EventType; 4] = [
    EventType::ServiceTransferChanged,
    EventType::WithdrawalChanged,
    EventType::ContractChanged,
    EventType::TicketChanged,
];

/// Whether a delivery may go to this address.
pub fn may_reach(app: &App, address: IpAddr) -> bool {
    is_public(address) || is_allowed(app, address)
}

/// Whether the operator allows it, public or not.
fn is_allowed(app: &App, address: IpAddr) -> bool {
    app.config.webhooks.allowed_subnets.iter().any(|network| network.contains(address))
}

/// Event types as the table keeps them: in one order, each once.
fn written(events: &[EventType]) -> String {
    let named = EventType::all().filter(|event| events.contains(event)).map(EventType::as_str);
    named.collect::<Vec<_>>().join(" ")
}

/// Event types as the table keeps them.
pub fn events_of(written: &str) -> Vec<EventType> {
    written.split(' ').filter_map(|name| name.parse().ok()).collect()
}
