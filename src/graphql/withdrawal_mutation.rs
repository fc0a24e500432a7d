//! Money out: what partners and staff do with withdrawals.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, SimpleObject};
use entity::withdrawal;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::request::app;
use super::scalar::Decimal;
use super::withdrawal::Withdrawal;
use crate::domain::caller::StaffScope;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::payout::PayoutDestination;
use crate::services::error::ServiceError;
use crate::services::withdrawal::{self as service, RequestWithdrawal};

#[derive(Debug, Default)]
pub struct WithdrawalMutation;

#[Object]
impl WithdrawalMutation {
    /// Reserves money to be paid out. It needs a contract in force and more available than the threshold.
    async fn request_withdrawal(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How much, and where to.")] input: RequestWithdrawalInput,
    ) -> Result<WithdrawalPayload> {
        let partner = authority::partner(context).await?;
        let only_known_destination = authority::caller(context).is_api_key();
        let requested = match input.read() {
            Ok(asked) => {
                let asked = RequestWithdrawal { only_known_destination, ..asked };
                service::request(app(context)?, partner.id, &asked).await
            }
            Err(invalid) => Err(Refusal::from(invalid).into()),
        };
        WithdrawalPayload::of(requested)
    }

    /// Takes a withdrawal back that is not decided on: the money is available again.
    async fn cancel_withdrawal(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which withdrawal.")] input: CancelWithdrawalInput,
    ) -> Result<WithdrawalPayload> {
        let partner = authority::partner(context).await?;
        WithdrawalPayload::of(service::cancel(app(context)?, partner.id, id_of(&input.id)).await)
    }

    /// Staff: agrees to a withdrawal.
    async fn approve_withdrawal(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which withdrawal.")] input: DecideWithdrawalInput,
    ) -> Result<WithdrawalPayload> {
        let actor = authority::actor(context, StaffScope::Finance)?;
        let (id, reason) = input.read();
        WithdrawalPayload::of(service::approve(app(context)?, &actor, id, reason).await)
    }

    /// Staff: says no to a withdrawal, with a reason: the money is available again.
    async fn reject_withdrawal(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which withdrawal, and why.")] input: DecideWithdrawalInput,
    ) -> Result<WithdrawalPayload> {
        let actor = authority::actor(context, StaffScope::Finance)?;
        let (id, reason) = input.read();
        WithdrawalPayload::of(service::reject(app(context)?, &actor, id, reason).await)
    }

    /// Staff: says that the bank has paid.
    async fn mark_withdrawal_paid(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which withdrawal, and the bank's reference.")] input: MarkWithdrawalPaidInput,
    ) -> Result<WithdrawalPayload> {
        let actor = authority::actor(context, StaffScope::Finance)?;
        let (id, reference) = (id_of(&input.id), &input.payment_reference);
        WithdrawalPayload::of(service::mark_paid(app(context)?, &actor, id, reference).await)
    }

    /// Staff: says that the bank has not paid, with a reason: the money is available again.
    async fn mark_withdrawal_failed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which withdrawal, and why.")] input: DecideWithdrawalInput,
    ) -> Result<WithdrawalPayload> {
        let actor = authority::actor(context, StaffScope::Finance)?;
        let (id, reason) = input.read();
        WithdrawalPayload::of(service::mark_failed(app(context)?, &actor, id, reason).await)
    }
}

/// What names no withdrawal is the id of none.
fn id_of(id: &ID) -> uuid::Uuid {
    Tag::Withdrawal.uuid(id).unwrap_or_default()
}

/// A withdrawal to be made.
#[derive(Clone, Debug, InputObject)]
pub struct RequestWithdrawalInput {
    /// All that is available, in whole cents, if left out.
    pub amount: Option<Decimal>,
    /// Where it is to be paid to.
    pub destination: PayoutDestinationInput,
    /// 1 to 128 printable characters: the same key and values give the same withdrawal.
    pub idempotency_key: String,
}

impl RequestWithdrawalInput {
    fn read(self) -> Result<RequestWithdrawal, Invalid> {
        Ok(RequestWithdrawal {
            amount: self.amount.map(|amount| amount.to_money("amount")).transpose()?,
            destination: self.destination.read()?,
            idempotency_key: self.idempotency_key,
            only_known_destination: false,
        })
    }
}

/// Where a withdrawal is paid to.
#[derive(Clone, OneofObject)]
pub enum PayoutDestinationInput {
    /// To a bank account.
    BankTransfer(BankTransferInput),
    /// To a PayPal account.
    Paypal(PaypalInput),
}

/// Never in a log.
impl std::fmt::Debug for PayoutDestinationInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PayoutDestinationInput")
    }
}

impl PayoutDestinationInput {
    fn read(self) -> Result<PayoutDestination, Invalid> {
        let read = match self {
            PayoutDestinationInput::BankTransfer(to) => {
                PayoutDestination::bank_transfer(&to.iban, &to.holder)
            }
            PayoutDestinationInput::Paypal(to) => PayoutDestination::paypal(&to.email),
        };
        read.map_err(|invalid| {
            let field = match invalid.field {
                "iban" => "destination.bankTransfer.iban",
                "holder" => "destination.bankTransfer.holder",
                _ => "destination.paypal.email",
            };
            Invalid { field, ..invalid }
        })
    }
}

/// A bank account.
#[derive(Clone, InputObject)]
pub struct BankTransferInput {
    /// Blanks in it do not matter.
    pub iban: String,
    /// The name on the account.
    pub holder: String,
}

/// A PayPal account.
#[derive(Clone, InputObject)]
pub struct PaypalInput {
    /// The address of the account.
    pub email: String,
}

/// A withdrawal to be taken back.
#[derive(Clone, Debug, InputObject)]
pub struct CancelWithdrawalInput {
    /// The withdrawal.
    pub id: ID,
}

/// A decision on a withdrawal.
#[derive(Clone, Debug, InputObject)]
pub struct DecideWithdrawalInput {
    /// The withdrawal.
    pub id: ID,
    /// Required to reject or to fail.
    pub reason: Option<String>,
}

impl DecideWithdrawalInput {
    fn read(&self) -> (uuid::Uuid, Option<&str>) {
        (id_of(&self.id), self.reason.as_deref())
    }
}

/// A withdrawal that is paid.
#[derive(Clone, Debug, InputObject)]
pub struct MarkWithdrawalPaidInput {
    /// The withdrawal.
    pub id: ID,
    /// The bank's reference, of at most 140 characters.
    pub payment_reference: String,
}

/// The withdrawal, or why nothing was done.
#[derive(SimpleObject)]
pub struct WithdrawalPayload {
    /// The withdrawal as it is now.
    pub withdrawal: Option<Withdrawal>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl WithdrawalPayload {
    fn of(answer: Result<withdrawal::Model, ServiceError>) -> Result<WithdrawalPayload> {
        let (withdrawal, user_errors) = outcome(answer, &["input"])?;
        Ok(WithdrawalPayload { withdrawal: withdrawal.map(Withdrawal), user_errors })
    }
}
