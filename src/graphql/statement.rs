//! Statements as the interface shows them.

use async_graphql::{Context, Enum, ID, Object};
use entity::statement;

use super::commission::{Commission, lines};
use super::connection::{Connection, page_request};
use super::error::Result;
use super::id::Tag;
use super::money::Money;
use super::period::Period;
use super::request::{app, loaders};
use super::scalar::{DateTime, Decimal};
use super::tier::Tier;
use crate::services::commission::of_statement;
use crate::services::printed_statement::signed_address;
use crate::services::standing::named;
use crate::services::statement as service;

pub struct Statement(pub statement::Model);

/// What one settlement did for one partner. Never changes once written.
#[Object]
impl Statement {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::Statement.id(self.0.id)
    }

    /// The period that was settled.
    async fn period(&self) -> Period {
        Period(self.0.period)
    }

    /// Active clients at the period's end: they decide whether commission is credited.
    async fn active_clients(&self) -> i64 {
        self.0.active_clients
    }

    /// The partner's tier in the period.
    async fn tier(&self, context: &Context<'_>) -> Result<Tier> {
        let loaders = loaders(context)?;
        let table = loaders.tables().await?.in_force(self.0.period);
        Ok(Tier(named(table, &self.0.tier, self.0.rate_basis_points)))
    }

    /// The partner's rate in the period; lines that occurred earlier have the rates of theirs.
    async fn rate_percent(&self) -> Decimal {
        self.0.rate_basis_points.into()
    }

    /// Lines with a positive base.
    async fn top_up_count(&self) -> i64 {
        self.0.top_ups
    }

    /// The sum of bases, refunds taken off.
    async fn base(&self) -> Money {
        self.0.base.into()
    }

    /// The sum of base x rate.
    async fn commission(&self) -> Money {
        self.0.commission.into()
    }

    /// Carried out of the statement before.
    async fn carried_in(&self) -> Money {
        self.0.carried_in.into()
    }

    /// Added to the available balance.
    async fn credited(&self) -> Money {
        self.0.credited.into()
    }

    /// Carried into the next statement.
    async fn carried_out(&self) -> Money {
        self.0.carried_out.into()
    }

    /// Why it was carried and not credited.
    async fn carry_reason(&self) -> Option<CarryReason> {
        self.0.carry_reason.map(CarryReason::from)
    }

    /// The closing balance of the statement before, 0 at first.
    async fn opening_balance(&self, context: &Context<'_>) -> Result<Money> {
        let before = loaders(context)?.opening_balances.get((self.0.partner_id, self.0.period)).await?;
        Ok(before.unwrap_or_default().into())
    }

    /// Available right after this credit; the ledger between the two accounts for the difference.
    async fn closing_balance(&self) -> Money {
        self.0.closing_balance.into()
    }

    /// When it was written.
    async fn settled_at(&self) -> DateTime {
        DateTime(self.0.settled_at)
    }

    /// The lines that it counts, newest first.
    async fn commissions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Commission>> {
        let list = of_statement(self.0.partner_id, self.0.period);
        lines(context, list, page_request(first, after, last, before)?).await
    }

    /// SHA-256 over the statement's canonical JSON, which holds the previous statement's digest.
    async fn digest(&self) -> &str {
        &self.0.digest
    }

    /// The canonical JSON itself (RFC 8785): to be compared with the figures, and hashed with any tool.
    async fn digested_json(&self, context: &Context<'_>) -> Result<String> {
        let previous = loaders(context)?.previous_digests.get((self.0.partner_id, self.0.period)).await?;
        Ok(service::digested_json(&self.0, previous.as_deref()))
    }

    /// The printable page: an address that works without a token for five minutes. Its path alone works with one.
    async fn print_url(&self, context: &Context<'_>) -> Result<String> {
        Ok(signed_address(app(context)?, self.0.id))
    }
}

/// Why a net was carried and not credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::CarryReason")]
pub enum CarryReason {
    /// Fewer active clients at the period's end than the programme asks for.
    TooFewActiveClients,
    /// Refunds took back more than was earned.
    NegativeNet,
    /// The partner was suspended when the period was closed.
    PartnerSuspended,
}
