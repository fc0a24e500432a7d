//! Transfers to the service balance as the interface shows them.

use async_graphql::{Enum, ID, Object};
use entity::service_transfer;

use super::id::Tag;
use super::money::Money;
use super::scalar::DateTime;

pub struct ServiceTransfer(pub service_transfer::Model);

/// Money that a partner moves to his service balance, to be spent on calls.
#[Object]
impl ServiceTransfer {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::ServiceTransfer.id(self.0.id)
    }

    /// What is moved.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// How far it is.
    async fn status(&self) -> ServiceTransferStatus {
        self.0.status.into()
    }

    /// When it was asked for.
    async fn requested_at(&self) -> DateTime {
        DateTime(self.0.requested_at)
    }

    /// When the provider's billing had booked it, or given it back.
    async fn completed_at(&self) -> Option<DateTime> {
        self.0.completed_at.map(DateTime)
    }

    /// Why it failed.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

/// How far a transfer to the service balance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::ServiceTransferStatus")]
pub enum ServiceTransferStatus {
    /// Asked for: the provider's billing is told.
    Requested,
    /// Booked to the service balance.
    Completed,
    /// It failed: its amount is available again.
    Failed,
}
