//! The contract: asked for, offered, accepted and ended.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::contract;

use super::authority;
use super::contract::Contract;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::request::app;
use crate::domain::caller::StaffScope;
use crate::domain::contract::ContractDocument;
use crate::services::contract as service;
use crate::services::error::ServiceError;

#[derive(Debug, Default)]
pub struct ContractMutation;

#[Object]
impl ContractMutation {
    /// Asks for the contract, by a ticket.
    async fn request_contract(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to say with it.")] input: RequestContractInput,
    ) -> Result<ContractPayload> {
        let partner = authority::partner(context).await?;
        ContractPayload::of(service::request(app(context)?, partner.id, input.message.as_deref()).await)
    }

    /// Accepts exactly the document that is offered.
    async fn accept_contract(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which document.")] input: AcceptContractInput,
    ) -> Result<ContractPayload> {
        let partner = authority::partner_himself(context).await?;
        ContractPayload::of(service::accept(app(context)?, partner.id, &input.document_digest).await)
    }

    /// Staff: offers a version of the contract, asked or unasked; what was accepted stays in force meanwhile.
    async fn offer_contract(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "To whom, and what.")] input: OfferContractInput,
    ) -> Result<ContractPayload> {
        let actor = authority::actor(context, StaffScope::Support)?;
        let OfferContractInput { partner_id, version, document_url: url, document_digest: digest, reason } =
            input;
        let document = ContractDocument { version, url, digest };
        let partner_id = Tag::Partner.uuid(&partner_id).unwrap_or_default();
        let offered = service::offer(app(context)?, &actor, partner_id, &document, reason.as_deref()).await;
        ContractPayload::of(offered)
    }

    /// Staff: ends the contract, or what has begun of it; a request then begins anew.
    async fn terminate_contract(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose, and why.")] input: TerminateContractInput,
    ) -> Result<ContractPayload> {
        let actor = authority::actor(context, StaffScope::Support)?;
        let partner_id = Tag::Partner.uuid(&input.partner_id).unwrap_or_default();
        ContractPayload::of(service::terminate(app(context)?, &actor, partner_id, &input.reason).await)
    }
}

/// A request for the contract.
#[derive(Clone, Debug, InputObject)]
pub struct RequestContractInput {
    /// What staff is to read with it.
    pub message: Option<String>,
}

/// A contract to be accepted.
#[derive(Clone, Debug, InputObject)]
pub struct AcceptContractInput {
    /// SHA-256 of the offered document, 64 lower-case hexadecimal digits.
    pub document_digest: String,
}

/// A contract to be offered.
#[derive(Clone, Debug, InputObject)]
pub struct OfferContractInput {
    /// The partner.
    pub partner_id: ID,
    /// What the version is called.
    pub version: String,
    /// Where the document is; https.
    pub document_url: String,
    /// SHA-256 of the document, 64 lower-case hexadecimal digits.
    pub document_digest: String,
    /// What the partner is to read with it.
    pub reason: Option<String>,
}

/// A contract to be ended.
#[derive(Clone, Debug, InputObject)]
pub struct TerminateContractInput {
    /// The partner.
    pub partner_id: ID,
    /// Why; the partner reads it.
    pub reason: String,
}

/// The contract, or why nothing was done.
#[derive(SimpleObject)]
pub struct ContractPayload {
    /// The contract as it is now.
    pub contract: Option<Contract>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl ContractPayload {
    fn of(answer: Result<contract::Model, ServiceError>) -> Result<ContractPayload> {
        let (contract, user_errors) = outcome(answer, &["input"])?;
        Ok(ContractPayload { contract: contract.map(|row| Contract(Some(row))), user_errors })
    }
}
