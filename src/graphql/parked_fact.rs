//! Parked facts as the interface shows them.

use async_graphql::{Context, Enum, ID, Object};
use entity::parked_fact;

use super::authority;
use super::commission::CommissionKind;
use super::connection::{Connection, page_request};
use super::error::{Failure, Result};
use super::id::Tag;
use super::request::loaders;
use super::scalar::DateTime;
use crate::services::error::ServiceError;
use crate::services::listing;

pub struct ParkedFact(pub parked_fact::Model);

/// A top-up or a refund that waits for what it belongs to: its account to be reported, its top-up to be recorded.
#[Object]
impl ParkedFact {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::ParkedFact.id(self.0.id)
    }

    /// A top-up or a refund.
    async fn kind(&self) -> CommissionKind {
        self.0.kind.into()
    }

    /// The system that sent it.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// Its id there.
    async fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// The provider's own id of the account.
    async fn client_id(&self, context: &Context<'_>) -> Result<String> {
        let account = loaders(context)?.accounts.get(self.0.account_id).await?;
        let missing = || ServiceError::Broken(format!("parked fact {} has no account", self.0.id));
        Ok(account.ok_or_else(|| Failure::from(missing()))?.account_id)
    }

    /// When it came; after 45 days it expires.
    async fn arrived_at(&self) -> DateTime {
        DateTime(self.0.arrived_at)
    }

    /// What became of it.
    async fn status(&self) -> ParkedStatus {
        self.0.status.into()
    }

    /// Why it was refused.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

#[derive(Debug, Default)]
pub struct ParkedFactQuery;

#[Object]
impl ParkedFactQuery {
    /// Staff: facts waiting for what they belong to, expired and refused ones included; oldest first.
    async fn parked_facts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<ParkedFact>> {
        authority::staff(context)?;
        let (list, request) = (listing::parked_facts(), page_request(first, after, last, before)?);
        Connection::load(context, list, request, ParkedFact).await
    }
}

/// What became of a parked fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::ParkedStatus")]
pub enum ParkedStatus {
    /// It waits.
    Waiting,
    /// What it waited for came, and it did not fit.
    Refused,
    /// It waited 45 days; sent again it is a new fact.
    Expired,
}
