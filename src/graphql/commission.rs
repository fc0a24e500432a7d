//! The commission history as the interface shows it.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use entity::{LineState, RateBasisPoints, line};
use futures_util::future::BoxFuture;

use super::authority;
use super::connection::{Connection, page_request};
use super::error::Result;
use super::explanation::{Explanation, explain};
use super::id::Tag;
use super::in_place::InPlace;
use super::money::{ExchangeRate, Money};
use super::period::Period;
use super::referred_client::{ReferredClient, read_id};
use super::request::{app, loaders};
use super::scalar::{CurrencyCode, Date, DateTime, Decimal};
use super::statement::Statement;
use crate::services::commission::{self as service, CommissionFilter as Filter};
use crate::services::error::ServiceError;
use crate::services::paging::{List, PageRequest};
use crate::{domain, services};

/// A line, with what was looked up along with it.
pub struct Commission(pub line::Model, Option<Known>);

struct Known {
    rate: RateBasisPoints,
    is_settled: bool,
    client: Arc<ReferredClient>,
}

impl From<line::Model> for Commission {
    fn from(line: line::Model) -> Commission {
        Commission(line, None)
    }
}

impl From<service::Commission> for Commission {
    fn from(found: service::Commission) -> Commission {
        let service::Commission { line, rate, is_settled, client } = found;
        Commission(line, Some(Known { rate, is_settled, client: Arc::new(ReferredClient::named(client)) }))
    }
}

/// One line of the commission history: a top-up of a referred client, or a refund that takes part of it back.
#[Object]
impl Commission {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::Commission.id(self.0.id)
    }

    /// A top-up or a refund.
    async fn kind(&self) -> CommissionKind {
        self.0.kind.into()
    }

    /// How far it is on its way to the balance.
    async fn status(&self, context: &Context<'_>) -> Result<CommissionStatus> {
        Ok(match self.0.state {
            LineState::Held => CommissionStatus::Held,
            LineState::Rejected => CommissionStatus::Rejected,
            LineState::NotEarning => CommissionStatus::NotEarning,
            LineState::Earning if self.is_settled(context).await? => CommissionStatus::Settled,
            LineState::Earning => CommissionStatus::Pending,
        })
    }

    /// Why it is held, rejected or earns nothing.
    async fn reason(&self) -> Option<CommissionReason> {
        self.0.reason.map(CommissionReason::from)
    }

    /// What staff said when it rejected the top-up; of a refund, the top-up that it takes back.
    async fn review_reason(&self, context: &Context<'_>) -> Option<Result<String>> {
        if self.0.state != entity::LineState::Rejected || authority::caller(context).is_service() {
            return None;
        }
        let top_up = self.0.reverses.unwrap_or(self.0.id);
        let find = async || loaders(context)?.review_reasons.get(top_up).await;
        find().await.transpose()
    }

    /// The client whose top-up it is. The provider's own systems do not see him here.
    async fn client(&self, context: &Context<'_>) -> Option<Result<InPlace<Arc<ReferredClient>>>> {
        if authority::caller(context).is_service() {
            return None;
        }
        if let Some(known) = &self.1 {
            return Some(Ok(InPlace(known.client.clone())));
        }
        let find = async || Ok(loaders(context)?.clients.get(self.0.referral_id).await?);
        find()
            .await
            .transpose()
            .map(|found| found.map(|client| InPlace(Arc::new(ReferredClient::from(client)))))
    }

    /// When it happened.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.0.occurred_at)
    }

    /// When it was written here.
    async fn recorded_at(&self) -> DateTime {
        DateTime(self.0.recorded_at)
    }

    /// As the client paid it, or was paid back.
    async fn top_up(&self) -> Money {
        Money::in_currency(self.0.amount, self.0.currency.clone())
    }

    /// By which it became the base; null where it is in the programme's currency.
    async fn exchange_rate(&self, context: &Context<'_>) -> Option<Result<ExchangeRate>> {
        let (rate, published_on) = (self.0.exchange_rate.clone()?, self.0.rate_published_on?);
        Some(app(context).map(|app| ExchangeRate {
            from: CurrencyCode(app.terms.currency.clone()),
            to: CurrencyCode(self.0.currency.clone()),
            rate: Decimal::from(rate),
            published_on: Date::from(published_on),
        }))
    }

    /// In the programme's currency; negative for a refund.
    async fn base(&self) -> Money {
        self.0.base.into()
    }

    /// 0 where the line is rejected or does not earn.
    async fn rate_percent(&self, context: &Context<'_>) -> Result<Decimal> {
        Ok(self.rate(context).await?.into())
    }

    /// base x ratePercent, exact.
    async fn amount(&self, context: &Context<'_>) -> Result<Money> {
        let amount = self.rate(context).await?.of(self.0.base);
        let broken = || ServiceError::Broken(format!("the commission of line {} is not exact", self.0.id));
        Ok(amount.ok_or_else(broken)?.into())
    }

    /// The period in which it is, or will be, settled.
    async fn period(&self) -> Option<Period> {
        self.0.settle_period.map(Period)
    }

    /// The statement that settled it. The provider's own systems do not see it here.
    async fn statement(&self, context: &Context<'_>) -> Option<Result<Statement>> {
        if authority::caller(context).is_service() {
            return None;
        }
        self.settled_by(context).await.map(|found| found.map(Statement)).transpose()
    }

    /// The top-up that a refund takes back.
    async fn reverses(&self, context: &Context<'_>) -> Option<Result<Commission>> {
        let top_up = self.0.reverses?;
        let find = async || Ok(loaders(context)?.lines.get(top_up).await?.map(Commission::from));
        find().await.transpose()
    }

    /// Why it is what it is, step by step. The provider's own systems see neither client nor statement.
    async fn explanation(&self, context: &Context<'_>) -> Result<Explanation> {
        explain(context, &self.0).await
    }
}

impl Commission {
    async fn settled_by(&self, context: &Context<'_>) -> Result<Option<entity::statement::Model>> {
        match self.0.settle_period {
            Some(period) => loaders(context)?.statements_of.get((self.0.partner_id, period)).await,
            None => Ok(None),
        }
    }

    async fn is_settled(&self, context: &Context<'_>) -> Result<bool> {
        match &self.1 {
            Some(known) => Ok(known.is_settled),
            None => Ok(self.settled_by(context).await?.is_some()),
        }
    }

    async fn rate(&self, context: &Context<'_>) -> Result<RateBasisPoints> {
        if matches!(self.0.state, LineState::Rejected | LineState::NotEarning) {
            return Ok(RateBasisPoints(0));
        }
        if let Some(known) = &self.1 {
            return Ok(known.rate);
        }
        let rate = loaders(context)?.rates.get((self.0.partner_id, self.0.rate_period)).await?;
        Ok(rate.map_or(domain::tier::MINIMUM_RATE, |in_force| in_force.rate))
    }
}

/// A page of lines.
pub fn lines<'a>(
    context: &'a Context<'_>,
    list: List,
    request: PageRequest,
) -> BoxFuture<'a, Result<Connection<Commission>>> {
    Connection::load(context, list, request, <Commission as From<line::Model>>::from)
}

#[derive(Debug, Default)]
pub struct CommissionQuery;

#[Object]
impl CommissionQuery {
    /// Staff: commission lines held for review, oldest first.
    async fn held_commissions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(desc = "Of this partner alone.")] partner_id: Option<ID>,
    ) -> Result<Connection<Commission>> {
        authority::staff(context)?;
        let request = page_request(first, after, last, before)?;
        match read_id(Tag::Partner, partner_id.as_ref()) {
            Some(partner_id) => lines(context, service::held(partner_id), request).await,
            None => Ok(Connection::empty()),
        }
    }
}

/// Which lines are listed: those for which all that is given holds.
#[derive(Clone, Debug, Default, InputObject)]
pub struct CommissionFilter {
    /// Top-ups, or refunds.
    pub kind: Option<CommissionKind>,
    /// In this status.
    pub status: Option<CommissionStatus>,
    /// Settled, or to be settled, in the period that starts then.
    pub period_start: Option<Date>,
    /// Of this client.
    pub referred_client_id: Option<ID>,
    /// Of the clients whom this link brought.
    pub link_id: Option<ID>,
    /// Occurred then or later.
    pub occurred_from: Option<DateTime>,
    /// Occurred before then.
    pub occurred_before: Option<DateTime>,
}

impl CommissionFilter {
    /// None where an id or a date names nothing that could be found.
    pub fn read(self) -> Option<Filter> {
        let settle_period = match self.period_start {
            None => None,
            Some(Date(start)) => {
                Some(entity::Period::holding(start)).filter(|period| period.start() == start).map(Some)?
            }
        };
        Some(Filter {
            kind: self.kind.map(entity::LineKind::from),
            status: self.status.map(service::CommissionStatus::from),
            settle_period,
            referral_id: read_id(Tag::ReferredClient, self.referred_client_id.as_ref())?,
            link_id: read_id(Tag::ReferralLink, self.link_id.as_ref())?,
            occurred_from: self.occurred_from.map(|at| at.0),
            occurred_before: self.occurred_before.map(|at| at.0),
        })
    }
}

/// What a line of the commission history is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::LineKind")]
pub enum CommissionKind {
    /// A client paid in.
    TopUp,
    /// Part of a top-up, or all of it, was taken back.
    Refund,
}

/// How far a line is on its way to the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "services::commission::CommissionStatus")]
pub enum CommissionStatus {
    /// It earns, and its period is not settled yet.
    Pending,
    /// Staff has to look at it first.
    Held,
    /// A statement has counted it.
    Settled,
    /// Staff has rejected it.
    Rejected,
    /// It earns nothing.
    NotEarning,
}

/// Why a line is held, rejected or earns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::LineReason")]
pub enum CommissionReason {
    /// The client is the partner himself.
    SelfReferral,
    /// The client pays with the partner's own payment instrument, or from his device.
    SharedPaymentInstrument,
    /// Bonus credit, a transfer or commission: only purchases earn.
    NotAPurchase,
    /// It was recorded while the partner was suspended.
    PartnerSuspended,
    /// Staff is looking at the client.
    UnderReview,
    /// Staff has looked at it and said no.
    RejectedByStaff,
}
