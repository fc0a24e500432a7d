//! The contract as the interface shows it.

use async_graphql::{Context, Enum, Object, SimpleObject};
use entity::contract;

use super::error::Result;
use super::request::loaders;
use super::scalar::DateTime;
use super::ticket::Ticket;

/// No row where nothing has begun.
#[derive(Default)]
pub struct Contract(pub Option<contract::Model>);

impl Contract {
    /// The accepted document's value, or the offered one's while none is accepted.
    fn of_document<'a>(
        &'a self,
        accepted: fn(&'a contract::Model) -> Option<&'a str>,
        offered: fn(&'a contract::Model) -> Option<&'a str>,
    ) -> Option<&'a str> {
        self.0.as_ref().and_then(|row| accepted(row).or_else(|| offered(row)))
    }
}

/// The client-acquisition contract that a partner needs before money is paid out.
#[Object]
impl Contract {
    /// How far it is.
    async fn status(&self) -> ContractStatus {
        self.0.as_ref().map_or(ContractStatus::None, |row| row.status.into())
    }

    /// Version of the accepted document, or of the offered one while none is accepted.
    async fn version(&self) -> Option<&str> {
        self.of_document(|row| row.accepted_version.as_deref(), |row| row.offer_version.as_deref())
    }

    /// Where that document is.
    async fn document_url(&self) -> Option<&str> {
        self.of_document(|row| row.accepted_url.as_deref(), |row| row.offer_url.as_deref())
    }

    /// SHA-256 of that document.
    async fn document_digest(&self) -> Option<&str> {
        self.of_document(|row| row.accepted_digest.as_deref(), |row| row.offer_digest.as_deref())
    }

    /// A newer version to accept; the accepted one stays in force meanwhile.
    async fn offer(&self) -> Option<ContractOffer> {
        let row = self.0.as_ref()?;
        Some(ContractOffer {
            version: row.offer_version.clone()?,
            document_url: row.offer_url.clone()?,
            document_digest: row.offer_digest.clone()?,
            offered_at: DateTime(row.offered_at?),
        })
    }

    /// When the partner asked for it.
    async fn requested_at(&self) -> Option<DateTime> {
        self.0.as_ref()?.requested_at.map(DateTime)
    }

    /// When the partner accepted it.
    async fn accepted_at(&self) -> Option<DateTime> {
        self.0.as_ref()?.accepted_at.map(DateTime)
    }

    /// The ticket by which it was asked for.
    async fn ticket(&self, context: &Context<'_>) -> Option<Result<Ticket>> {
        let ticket_id = self.0.as_ref()?.ticket_id?;
        let find = async || Ok(loaders(context)?.tickets.get(ticket_id).await?.map(Ticket));
        find().await.transpose()
    }
}

/// A version of the contract that waits to be accepted.
#[derive(Clone, Debug, SimpleObject)]
pub struct ContractOffer {
    /// Its version.
    pub version: String,
    /// Where the document is.
    pub document_url: String,
    /// SHA-256 of the document, by which exactly this one is accepted.
    pub document_digest: String,
    /// When it was offered.
    pub offered_at: DateTime,
}

/// How far a contract is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::ContractStatus")]
pub enum ContractStatus {
    /// Nothing has begun.
    None,
    /// The partner has asked for it.
    Requested,
    /// A version waits to be accepted.
    Offered,
    /// Accepted and in force.
    Active,
    /// Ended.
    Terminated,
}
