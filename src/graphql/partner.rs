//! The partner: what a dashboard shows.

#![expect(clippy::too_many_arguments, reason = "a list has the arguments that the schema gives it")]

mod query;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use entity::{PartnerStatus as Status, partner};

use super::ahead::Ahead;
use super::api_key::ApiKey;
use super::authority;
use super::balance::Balance;
use super::change::{ChangeFeed, changes};
use super::commission::{Commission, CommissionFilter, lines};
use super::connection::{Connection, page_request};
use super::contract::Contract;
use super::error::{Failure, Result};
use super::explanation::{Explanation, SourceRef, why_not};
use super::export::{self, ExportKind};
use super::forecast::Forecast;
use super::id::Tag;
use super::individual_rate::IndividualRate;
use super::ledger::LedgerEntry;
use super::referral_link::ReferralLink;
use super::referred_client::{ReferredClient, ReferredClientFilter, ReferredClientOrder, clients_asked};
use super::request::{app, loaders};
use super::scalar::{Date, DateTime, Decimal};
use super::service_transfer::ServiceTransfer;
use super::site::Site;
use super::standing::Standing;
use super::statement::Statement;
use super::statistics::{self, Statistics, StatisticsFilter, StatisticsInterval};
use super::ticket::{Ticket, tickets};
use super::visit_quality::VisitQuality;
use super::webhook_endpoint::WebhookEndpoint;
use super::withdrawal::{Withdrawal, WithdrawalEligibility, WithdrawalObstacle, withdrawals};
use crate::domain::withdrawal::obstacles;
use crate::services::commission::LinesAsked;
use crate::services::error::ServiceError;
use crate::services::position::Position;
use crate::services::referral_link::LinksAsked;
use crate::services::{balance, commission, forecast, listing, referred_client, site, statement};

pub use query::PartnerQuery;

/// A partner, with what was looked up along with him.
pub struct Partner(pub partner::Model, Box<Ahead>);

impl From<partner::Model> for Partner {
    fn from(partner: partner::Model) -> Partner {
        Partner(partner, Box::default())
    }
}

/// An account seen as a source of clients.
#[Object]
impl Partner {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::Partner.id(self.0.id)
    }

    /// The provider's own id of this account.
    async fn account_id(&self, context: &Context<'_>) -> Result<String> {
        if let Some(position) = &self.1.position {
            return Ok(position.account_id.clone());
        }
        let account = loaders(context)?.accounts.get(self.0.account_id).await?;
        Ok(account.ok_or_else(|| self.lacks("an account"))?.account_id)
    }

    /// The referral code, in every link of this partner.
    async fn code(&self, context: &Context<'_>) -> Result<String> {
        if let Some(position) = &self.1.position {
            return Ok(position.code.clone());
        }
        loaders(context)?.codes.get(self.0.id).await?.ok_or_else(|| self.lacks("a link of his own"))
    }

    /// Whether his links count.
    async fn status(&self) -> PartnerStatus {
        self.0.status.into()
    }

    /// Why he is suspended.
    async fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    /// When he first asked for his link.
    async fn joined_at(&self) -> DateTime {
        DateTime(self.0.joined_at)
    }

    /// The rate that staff has set for him; it holds where it does not lie below the first tier's.
    async fn individual_rate_percent(&self, context: &Context<'_>) -> Option<Result<Decimal>> {
        let find = async || {
            let rate = self.position(context).await?.individual_rate(app(context)?);
            Ok(rate.map(Decimal::from))
        };
        find().await.transpose()
    }

    /// The rates that staff has set for him, the latest period's first. Of two for one period the first holds.
    async fn individual_rates(&self, context: &Context<'_>) -> Result<Vec<IndividualRate>> {
        let rates = loaders(context)?.individual_rates.get(self.0.id).await?.unwrap_or_default();
        Ok(rates.into_iter().map(IndividualRate).collect())
    }

    /// Rate and tier in the current period, or in the period that holds `at`.
    async fn standing(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "By what was known then; now if left out.")] at: Option<DateTime>,
    ) -> Result<Standing> {
        Ok(Standing(match at {
            Some(at) => {
                let found = loaders(context)?.standings_at.get((self.0.id, at.0)).await?;
                found.ok_or_else(|| self.lacks("a standing"))?
            }
            None => self.position(context).await?.standing(app(context)?),
        }))
    }

    /// Where the partner is heading, on today's figures.
    async fn forecast(&self, context: &Context<'_>) -> Result<Forecast> {
        Ok(Forecast(forecast::forecast(app(context)?, &*self.position(context).await?)?))
    }

    /// Balances now, or as they were at `asOf`.
    async fn balance(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "By what was on record then; now if left out.")] as_of: Option<DateTime>,
    ) -> Result<Balance> {
        let app = app(context)?;
        Ok(Balance(match as_of.filter(|at| at.0 < app.clock.now()) {
            Some(at) => loaders(context)?.balances_at.get((self.0.id, at.0)).await?.unwrap_or_default(),
            None => balance::now(&*self.position(context).await?)?,
        }))
    }

    /// The contract that he needs before money is paid out.
    async fn contract(&self, context: &Context<'_>) -> Result<Contract> {
        Ok(Contract(loaders(context)?.contracts.get(self.0.id).await?))
    }

    /// Whether he could withdraw now, and what keeps him from it.
    async fn withdrawal_eligibility(&self, context: &Context<'_>) -> Result<WithdrawalEligibility> {
        let position = self.position(context).await?;
        let contract = loaders(context)?.contracts.get(self.0.id).await?;
        let has_contract = contract.is_some_and(|row| row.status == entity::ContractStatus::Active);
        let is_suspended = self.0.status == Status::Suspended;
        let terms = app(context)?.terms.withdrawal();
        let obstacles = obstacles(&position.balance(), has_contract, is_suspended, &terms);
        let obstacles: Vec<WithdrawalObstacle> = obstacles.into_iter().map(Into::into).collect();
        Ok(WithdrawalEligibility { eligible: obstacles.is_empty(), obstacles })
    }

    /// His links, oldest first: his own comes before all others.
    async fn links(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(desc = "Whether archived ones are listed too.", default = false)] include_archived: bool,
    ) -> Result<Arc<Connection<ReferralLink>>> {
        let asked = LinksAsked { request: page_request(first, after, last, before)?, include_archived };
        if let Some(known) = self.1.links(&asked) {
            return Ok(known);
        }
        let list = asked.list(self.0.id.into());
        Ok(Arc::new(Connection::load(context, list, asked.request, ReferralLink).await?))
    }

    /// His clients, newest first unless another order is asked for.
    async fn referred_clients(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(desc = "Those alone for which this holds.")] filter: Option<ReferredClientFilter>,
        #[graphql(desc = "How they are ordered.")] order_by: Option<ReferredClientOrder>,
    ) -> Result<Arc<Connection<ReferredClient>>> {
        let request = page_request(first, after, last, before)?;
        let Some(asked) = clients_asked(request, filter, order_by)? else {
            return Ok(Connection::empty().into());
        };
        if let Some(known) = self.1.clients(&asked) {
            return Ok(known);
        }
        let list = referred_client::of_partner(app(context)?, self.0.id.into(), &asked);
        let node = |client: referred_client::ReferredClient| client.into();
        Ok(Arc::new(Connection::load(context, list, asked.request, node).await?))
    }

    /// His commission history, newest first.
    async fn commissions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(desc = "Those alone for which this holds.")] filter: Option<CommissionFilter>,
    ) -> Result<Arc<Connection<Commission>>> {
        let request = page_request(first, after, last, before)?;
        let Some(filter) = filter.unwrap_or_default().read() else { return Ok(Connection::empty().into()) };
        let asked = LinesAsked { request, filter };
        if let Some(known) = self.1.lines(&asked) {
            return Ok(known);
        }
        let list = commission::of_partner(self.0.id.into(), &asked.filter);
        lines(context, list, asked.request).await.map(Arc::new)
    }

    /// His statements, newest first.
    async fn statements(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Statement>> {
        let (list, request) = (statement::of_partner(self.0.id), page_request(first, after, last, before)?);
        Connection::load(context, list, request, Statement).await
    }

    /// His withdrawals, newest first.
    async fn withdrawals(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Withdrawal>> {
        let filter = listing::WithdrawalFilter { partner_id: Some(self.0.id), ..Default::default() };
        let request = page_request(first, after, last, before)?;
        withdrawals(context, listing::withdrawals(&filter), request).await
    }

    /// His transfers to the service balance, newest first.
    async fn service_transfers(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<ServiceTransfer>> {
        let request = page_request(first, after, last, before)?;
        let list = listing::service_transfers(self.0.id);
        Connection::load(context, list, request, ServiceTransfer).await
    }

    /// The sites that he says are his, oldest first.
    async fn sites(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Site>> {
        let (list, request) = (site::of_partner(self.0.id), page_request(first, after, last, before)?);
        Connection::load(context, list, request, Site).await
    }

    /// Staff: what his visits of the last thirty days were taken for, and whether that is suspicious; null for others.
    async fn visit_quality(&self, context: &Context<'_>) -> Option<Result<VisitQuality>> {
        authority::staff(context).ok()?;
        let find = async || Ok(loaders(context)?.visit_qualities.get(self.0.id).await?.unwrap_or_default());
        Some(find().await.map(VisitQuality))
    }

    /// Every movement of the partner's money, newest first, each with the balance after it.
    async fn ledger(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<LedgerEntry>> {
        let (list, request) =
            (listing::ledger_transfers(self.0.id), page_request(first, after, last, before)?);
        Connection::load(context, list, request, LedgerEntry).await
    }

    /// What came of his links and clients on days from one to before another, at most three years. Each interval costs 1.
    async fn statistics(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first day, in the time zone.")] from: Date,
        #[graphql(desc = "The day after the last.")] to: Date,
        #[graphql(desc = "Into what the days are divided.")] interval: StatisticsInterval,
        #[graphql(desc = "By its name in the IANA database; the programme's if left out.")] time_zone: Option<
            String,
        >,
        #[graphql(desc = "Those alone for which this holds.")] filter: Option<StatisticsFilter>,
    ) -> Result<Statistics> {
        let request = statistics::read((from, to), interval, time_zone.as_deref(), filter)?;
        Box::pin(Statistics::of(context, self.0.id, request)).await
    }

    /// The address of one of his histories as a CSV file: it works without a token for five minutes.
    async fn export_url(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which history.")] kind: ExportKind,
        #[graphql(desc = "The first day; from the beginning if left out.")] from: Option<Date>,
        #[graphql(desc = "The day after the last; to the end if left out.")] until: Option<Date>,
    ) -> Result<String> {
        export::export_url(context, self.0.id, kind, from, until)
    }

    /// His tickets, newest first.
    async fn tickets(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Ticket>> {
        let filter = listing::TicketFilter { partner_id: Some(self.0.id), ..Default::default() };
        let request = page_request(first, after, last, before)?;
        tickets(context, listing::tickets(&filter), request).await
    }

    /// His API keys, newest first, those that have ended as well.
    async fn api_keys(&self, context: &Context<'_>) -> Result<Vec<ApiKey>> {
        let keys = loaders(context)?.api_keys_of.get(self.0.id).await?.unwrap_or_default();
        Ok(keys.into_iter().map(ApiKey).collect())
    }

    /// Where his programs are told of his events, oldest first, without those that were deleted.
    async fn webhook_endpoints(&self, context: &Context<'_>) -> Result<Vec<WebhookEndpoint>> {
        let found = loaders(context)?.webhook_endpoints_of.get(self.0.id).await?.unwrap_or_default();
        Ok(found.into_iter().map(WebhookEndpoint).collect())
    }

    /// Why this top-up, or this client, earned what it did, or nothing; ids are the provider's own. With both the top-up
    /// is explained, with neither the answer is null, as it is for what is not one's own.
    async fn why_not(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A top-up.")] top_up: Option<SourceRef>,
        #[graphql(desc = "The provider's id of a client's account.")] client_id: Option<String>,
    ) -> Option<Result<Explanation>> {
        Box::pin(why_not(context, &self.0, top_up, client_id)).await.transpose()
    }

    /// All that changed since `watermark`, oldest first, each object once a page and as it is now: page on until complete
    /// is true. Without a watermark it begins with what was imported, which is told nobody, and goes on with every event
    /// since. A statement settles its lines, and a rate prices the pending ones: those are not listed again.
    async fn changes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "That of the page before; from the beginning if left out.")] watermark: Option<
            String,
        >,
        #[graphql(desc = "At most so many, 1 to 100.", default = 100)] first: i32,
    ) -> Result<ChangeFeed> {
        changes(context, &self.0, watermark, first).await
    }
}

impl Partner {
    async fn position(&self, context: &Context<'_>) -> Result<Arc<Position>> {
        match &self.1.position {
            Some(known) => Ok(known.clone()),
            None => {
                let found = loaders(context)?.positions.get(self.0.id).await?;
                found.ok_or_else(|| self.lacks("a balance and a link of his own"))
            }
        }
    }

    fn lacks(&self, what: &str) -> Failure {
        ServiceError::Broken(format!("partner {} has not {what}", self.0.id)).into()
    }
}

/// Whether a partner's links count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::PartnerStatus")]
pub enum PartnerStatus {
    /// They do.
    Active,
    /// They lead to the site but count for nobody, and what is recorded meanwhile earns nothing.
    Suspended,
}
