//! Settlements as the interface shows them, and the one that is asked for by hand.

use std::time::Duration;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::settlement;

use super::authority;
use super::connection::{Connection, page_request};
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::money::Money;
use super::period::Period;
use super::request::app;
use super::scalar::{Date, DateTime};
use crate::domain::caller::StaffScope;
use crate::services;
use crate::services::listing;

pub struct Settlement(pub settlement::Model);

/// The closing of one period for all partners.
#[Object]
impl Settlement {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::Settlement.id(self.0.id)
    }

    /// The period that it closed.
    async fn period(&self) -> Period {
        Period(self.0.period)
    }

    /// Whether all statements are written.
    async fn status(&self) -> SettlementStatus {
        self.0.status.into()
    }

    /// When the period was closed.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.closed_at)
    }

    /// When the last statement was written.
    async fn completed_at(&self) -> Option<DateTime> {
        self.0.completed_at.map(DateTime)
    }

    /// Statements written.
    async fn partner_count(&self) -> i64 {
        self.0.partner_count
    }

    /// Lines with a positive base.
    async fn top_up_count(&self) -> i64 {
        self.0.top_up_count
    }

    /// The sum of bases, refunds taken off.
    async fn base(&self) -> Money {
        self.0.base.into()
    }

    /// The sum of base x rate.
    async fn commission(&self) -> Money {
        self.0.commission.into()
    }

    /// Added to available balances.
    async fn credited(&self) -> Money {
        self.0.credited.into()
    }

    /// Carried into the next period.
    async fn carried_out(&self) -> Money {
        self.0.carried_out.into()
    }

    /// SHA-256 over the digests of its statements.
    async fn digest(&self) -> Option<&str> {
        self.0.digest.as_deref()
    }
}

pub struct SettlementPreview(pub services::settlement::SettlementPreview);

/// What settling a period would do.
#[Object]
impl SettlementPreview {
    /// The period that would be closed.
    async fn period(&self) -> Period {
        Period(self.0.period)
    }

    /// Statements that would be written.
    async fn partner_count(&self) -> i64 {
        self.0.partner_count
    }

    /// The sum of base x rate.
    async fn commission(&self) -> Money {
        self.0.commission.into()
    }

    /// What would be added to available balances.
    async fn credited(&self) -> Money {
        self.0.credited.into()
    }

    /// What would be carried into the next period.
    async fn carried_out(&self) -> Money {
        self.0.carried_out.into()
    }

    /// The digest that the settlement would have.
    async fn digest(&self) -> &str {
        &self.0.digest
    }
}

#[derive(Debug, Default)]
pub struct SettlementQuery;

#[Object]
impl SettlementQuery {
    /// Staff: the settlements, newest first.
    async fn settlements(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Settlement>> {
        authority::staff(context)?;
        let (list, request) = (listing::settlements(), page_request(first, after, last, before)?);
        Connection::load(context, list, request, Settlement).await
    }

    /// Staff: what settling the oldest open period would do, by the very code that does it; writes nothing and holds up
    /// nobody. Null before a first line exists.
    async fn settlement_preview(&self, context: &Context<'_>) -> Result<Option<Result<SettlementPreview>>> {
        authority::staff(context)?;
        let preview = services::settlement::preview(app(context)?).await;
        Ok(preview.map(|found| found.map(SettlementPreview)).map_err(Into::into).transpose())
    }
}

/// How long `settle` waits for what it began.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Debug, Default)]
pub struct SettlementMutation;

#[Object]
impl SettlementMutation {
    /// Staff: settles every period that ends on or before a date, without the grace. Answers after 8 s at the latest,
    /// with what is done and what is RUNNING and goes on.
    async fn settle(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Until when.")] input: SettleInput,
    ) -> Result<SettlePayload> {
        let actor = authority::actor(context, StaffScope::Finance)?;
        let (app, until) = (app(context)?, input.until.map(|date| date.0));
        if input.dry_run {
            let previews = services::settlement::dry_run(app, until).await?;
            let previews = previews.into_iter().map(SettlementPreview).collect();
            return Ok(SettlePayload { settlements: Vec::new(), previews, user_errors: Vec::new() });
        }
        let answer = services::settlement::settle(app, &actor, until, PATIENCE).await;
        let (settled, user_errors) = outcome(answer, &["input"])?;
        let settlements = settled.unwrap_or_default().into_iter().map(Settlement).collect();
        Ok(SettlePayload { settlements, previews: Vec::new(), user_errors })
    }
}

/// What is to be settled.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct SettleInput {
    /// Settle every period that ends on or before this date; today if left out.
    pub until: Option<Date>,
    /// Only say what would be done, and write nothing.
    #[graphql(default = false)]
    pub dry_run: bool,
}

/// What was settled, or would be.
#[derive(SimpleObject)]
pub struct SettlePayload {
    /// What is done, oldest first, and what is still running.
    pub settlements: Vec<Settlement>,
    /// What a dry run found.
    pub previews: Vec<SettlementPreview>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

/// How far a settlement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::SettlementStatus")]
pub enum SettlementStatus {
    /// The period is closed and statements are being written.
    Running,
    /// All statements are written.
    Completed,
}
