//! Commission for calls: what partners and the provider's billing do with transfers to the service balance.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::service_transfer;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::request::app;
use super::scalar::Decimal;
use super::service_transfer::ServiceTransfer;
use crate::domain::caller::ServiceScope;
use crate::domain::error::{Invalid, Refusal};
use crate::services::error::ServiceError;
use crate::services::service_transfer::{self as service, RequestServiceTransfer};

#[derive(Debug, Default)]
pub struct ServiceTransferMutation;

#[Object]
impl ServiceTransferMutation {
    /// Moves money to the partner's service balance, to be spent on calls; it needs no contract.
    async fn transfer_to_service_balance(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How much.")] input: TransferToServiceBalanceInput,
    ) -> Result<ServiceTransferPayload> {
        let partner = authority::partner(context).await?;
        let requested = match input.read() {
            Ok(asked) => service::request(app(context)?, partner.id, &asked).await,
            Err(invalid) => Err(Refusal::from(invalid).into()),
        };
        ServiceTransferPayload::of(requested)
    }

    /// Service: the provider's billing has booked a transfer.
    async fn complete_service_transfer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which transfer.")] input: CompleteServiceTransferInput,
    ) -> Result<ServiceTransferPayload> {
        authority::service(context, ServiceScope::Transfers)?;
        ServiceTransferPayload::of(service::complete(app(context)?, id_of(&input.id)).await)
    }

    /// Service: the provider's billing cannot book a transfer: the money is available again.
    async fn fail_service_transfer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which transfer, and why.")] input: FailServiceTransferInput,
    ) -> Result<ServiceTransferPayload> {
        authority::service(context, ServiceScope::Transfers)?;
        ServiceTransferPayload::of(service::fail(app(context)?, id_of(&input.id), &input.reason).await)
    }
}

/// What names no transfer is the id of none.
fn id_of(id: &ID) -> uuid::Uuid {
    Tag::ServiceTransfer.uuid(id).unwrap_or_default()
}

/// A transfer to be made.
#[derive(Clone, Debug, InputObject)]
pub struct TransferToServiceBalanceInput {
    /// Any amount in whole cents up to what is available.
    pub amount: Decimal,
    /// 1 to 128 printable characters: the same key and values give the same transfer.
    pub idempotency_key: String,
}

impl TransferToServiceBalanceInput {
    fn read(self) -> Result<RequestServiceTransfer, Invalid> {
        let amount = self.amount.to_money("amount")?;
        Ok(RequestServiceTransfer { amount, idempotency_key: self.idempotency_key })
    }
}

/// A transfer that is booked.
#[derive(Clone, Debug, InputObject)]
pub struct CompleteServiceTransferInput {
    /// The transfer.
    pub id: ID,
}

/// A transfer that cannot be booked.
#[derive(Clone, Debug, InputObject)]
pub struct FailServiceTransferInput {
    /// The transfer.
    pub id: ID,
    /// Why; the partner reads it.
    pub reason: String,
}

/// The transfer, or why nothing was done.
#[derive(SimpleObject)]
pub struct ServiceTransferPayload {
    /// The transfer as it is now.
    pub service_transfer: Option<ServiceTransfer>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl ServiceTransferPayload {
    fn of(answer: Result<service_transfer::Model, ServiceError>) -> Result<ServiceTransferPayload> {
        let (transfer, user_errors) = outcome(answer, &["input"])?;
        Ok(ServiceTransferPayload { service_transfer: transfer.map(ServiceTransfer), user_errors })
    }
}
