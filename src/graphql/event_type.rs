//! What happened, as programs are told it.

use async_graphql::Enum;

/// What happened. Clients must tolerate new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum)]
#[graphql(remote = "entity::EventType")]
pub enum EventType {
    /// A client was registered for the partner, or reassigned to him: the client.
    ClientRegistered,
    /// A top-up of a client of his was recorded, or released or rejected after a review: the commission.
    CommissionRecorded,
    /// A refund took back part of a top-up, or was released or rejected with it: the commission.
    CommissionReversed,
    /// A settlement wrote his statement: the statement.
    StatementSettled,
    /// His tier or his rate is another one: the partner.
    TierChanged,
    /// A withdrawal was asked for, or is in another state: the withdrawal.
    WithdrawalChanged,
    /// A service transfer was asked for, or is in another state: the service transfer.
    ServiceTransferChanged,
    /// His contract is in another state, or a new version is offered: the partner.
    ContractChanged,
    /// A ticket was opened, answered or closed: the ticket.
    TicketChanged,
}
