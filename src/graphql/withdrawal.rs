//! Withdrawals as the interface shows them.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::{DestinationKind, withdrawal};

use super::authority;
use super::connection::{Connection, page_request};
use super::error::Result;
use super::id::Tag;
use super::money::Money;
use super::referred_client::read_id;
use super::request::app;
use super::scalar::DateTime;
use crate::domain;
use crate::domain::caller::StaffScope;
use crate::domain::sepa::end_to_end_id;
use crate::services::listing::{self, WithdrawalFilter as Filter};
use crate::services::paging::{List, PageRequest};
use crate::services::payout;

pub struct Withdrawal(pub withdrawal::Model);

/// Money that a partner has asked to be paid out.
#[Object]
impl Withdrawal {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::Withdrawal.id(self.0.id)
    }

    /// What is paid out.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// How far it is.
    async fn status(&self) -> WithdrawalStatus {
        self.0.status.into()
    }

    /// Masked: the country and the last four characters of the IBAN, or the first letter and the domain of an address.
    async fn destination(&self) -> &str {
        &self.0.destination_masked
    }

    /// Whole: for staff, while APPROVED; every read is audited.
    async fn destination_in_full(&self, context: &Context<'_>) -> Option<Result<String>> {
        let actor = authority::actor(context, StaffScope::Finance).ok()?;
        let read = async || {
            let destination = payout::read_destination(app(context)?, &actor, self.0.id).await?;
            Ok(destination.map(|destination| destination.in_full()))
        };
        read().await.transpose()
    }

    /// When it was asked for.
    async fn requested_at(&self) -> DateTime {
        DateTime(self.0.requested_at)
    }

    /// When it was approved, rejected or cancelled.
    async fn decided_at(&self) -> Option<DateTime> {
        self.0.decided_at.map(DateTime)
    }

    /// When the bank had paid it.
    async fn paid_at(&self) -> Option<DateTime> {
        self.0.paid_at.map(DateTime)
    }

    /// Why it was rejected or failed.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The id under which a bank transfer is made, the same for ever: the bank gives it back with its answer, and shows it to
    /// the payee. None where it is no bank transfer.
    async fn end_to_end_id(&self) -> Option<String> {
        let is_transfer = self.0.destination_kind == DestinationKind::BankTransfer;
        is_transfer.then(|| end_to_end_id(self.0.id))
    }

    /// Staff: the payment file that it is in, as the command line calls it.
    async fn payment_batch_id(&self, context: &Context<'_>) -> Option<String> {
        authority::staff(context).ok()?;
        self.0.payment_batch_id.map(|id| id.to_string())
    }

    /// The bank's reference.
    async fn payment_reference(&self) -> Option<&str> {
        self.0.payment_reference.as_deref()
    }
}

/// A page of withdrawals, newest first.
pub async fn withdrawals(
    context: &Context<'_>,
    list: List,
    request: PageRequest,
) -> Result<Connection<Withdrawal>> {
    Connection::load(context, list, request, Withdrawal).await
}

#[derive(Debug, Default)]
pub struct WithdrawalQuery;

#[Object]
impl WithdrawalQuery {
    /// Staff: the withdrawals of all partners, newest first.
    async fn withdrawals(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(desc = "Those alone for which this holds.")] filter: Option<WithdrawalFilter>,
    ) -> Result<Connection<Withdrawal>> {
        authority::staff(context)?;
        let request = page_request(first, after, last, before)?;
        match filter.unwrap_or_default().read() {
            Some(filter) => withdrawals(context, listing::withdrawals(&filter), request).await,
            None => Ok(Connection::empty()),
        }
    }
}

/// Which withdrawals are listed: those for which all that is given holds.
#[derive(Clone, Debug, Default, InputObject)]
pub struct WithdrawalFilter {
    /// In this status.
    pub status: Option<WithdrawalStatus>,
    /// Of this partner.
    pub partner_id: Option<ID>,
    /// Asked for then or later.
    pub requested_from: Option<DateTime>,
    /// Asked for before then.
    pub requested_before: Option<DateTime>,
}

impl WithdrawalFilter {
    /// None where an id names nothing that could be found.
    fn read(self) -> Option<Filter> {
        Some(Filter {
            status: self.status.map(entity::WithdrawalStatus::from),
            partner_id: read_id(Tag::Partner, self.partner_id.as_ref())?,
            requested_from: self.requested_from.map(|at| at.0),
            requested_before: self.requested_before.map(|at| at.0),
        })
    }
}

/// How far a withdrawal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::WithdrawalStatus")]
pub enum WithdrawalStatus {
    /// Asked for: its amount is reserved.
    Requested,
    /// Staff has agreed; the bank has to pay.
    Approved,
    /// Paid out.
    Paid,
    /// Staff has said no: its amount is available again.
    Rejected,
    /// The partner has taken it back: its amount is available again.
    Cancelled,
    /// The payment failed: its amount is available again.
    Failed,
}

/// Whether a partner could withdraw now.
#[derive(Clone, Debug, SimpleObject)]
pub struct WithdrawalEligibility {
    /// Whether nothing stands in the way.
    pub eligible: bool,
    /// All that stands in the way.
    pub obstacles: Vec<WithdrawalObstacle>,
}

/// What keeps a partner from withdrawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::withdrawal::WithdrawalObstacle")]
pub enum WithdrawalObstacle {
    /// There is no accepted contract in force.
    NoContract,
    /// The available balance does not exceed the programme's threshold.
    BalanceNotAboveThreshold,
    /// The partner is suspended.
    PartnerSuspended,
}
