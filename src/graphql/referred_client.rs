//! A partner's clients as the interface shows them: masked.

use std::borrow::Cow;
use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use futures_util::future::try_join_all;

use super::commission::{Commission, lines};
use super::connection::{Connection, page_request};
use super::error::{Failure, Result};
use super::id::Tag;
use super::money::Money;
use super::referral_link::ReferralLink;
use super::request::{app, loaders};
use super::scalar::{DateTime, Decimal};
use crate::services;
use crate::services::commission::of_client;
use crate::services::error::ServiceError;
use crate::services::paging::PageRequest;
use crate::services::referred_client::{
    self as service, ClientName, ClientsAsked, ReferredClientFilter as Filter,
};

/// A client, with what was looked up of him: where he stands beside a line it is who he is, and the rest is looked up
/// when it is asked for.
pub struct ReferredClient {
    name: ClientName,
    known: Option<service::ReferredClient>,
}

impl From<service::ReferredClient> for ReferredClient {
    fn from(client: service::ReferredClient) -> ReferredClient {
        ReferredClient { name: client.name.clone(), known: Some(client) }
    }
}

/// A referral: one client with one partner; a reassignment ends it and begins another. The partner sees a masked
/// reference, never personal data.
#[Object]
impl ReferredClient {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::ReferredClient.id(self.name.id)
    }

    /// The provider's id of the account, masked.
    async fn reference(&self) -> &str {
        &self.name.reference
    }

    /// When the account was opened.
    async fn registered_at(&self, context: &Context<'_>) -> Result<DateTime> {
        Ok(DateTime(self.whole(context).await?.registered_at))
    }

    /// The link, or the code, that brought him; null where staff assigned him.
    async fn link(&self, context: &Context<'_>) -> Option<Result<ReferralLink>> {
        let find = async || {
            let link_id = self.whole(context).await?.link_id;
            let Some(link_id) = link_id else { return Ok(None) };
            Ok(loaders(context)?.links.get(link_id).await?.map(ReferralLink))
        };
        find().await.transpose()
    }

    /// Whether he made a purchase in the programme's window that ends now, not refunded in full.
    async fn is_active(&self, context: &Context<'_>) -> Result<bool> {
        let from = service::active_from(app(context)?);
        Ok(self.whole(context).await?.last_purchase_at.is_some_and(|at| at >= from))
    }

    /// His last purchase that earns and is not refunded in full.
    async fn last_top_up_at(&self, context: &Context<'_>) -> Option<Result<DateTime>> {
        let find = async || Ok(self.whole(context).await?.last_purchase_at.map(DateTime));
        find().await.transpose()
    }

    /// Top-ups that earn.
    async fn top_up_count(&self, context: &Context<'_>) -> Result<i64> {
        Ok(self.whole(context).await?.top_up_count)
    }

    /// Top-ups that earn less their refunds, in the programme's currency.
    async fn top_up_total(&self, context: &Context<'_>) -> Result<Money> {
        Ok(self.whole(context).await?.base.into())
    }

    /// What they have earned the partner, at the rates in force.
    async fn commission_total(&self, context: &Context<'_>) -> Result<Money> {
        let client = self.whole(context).await?;
        let commission = match client.commission {
            Some(known) => known,
            None => commission_of(context, &client).await?,
        };
        Ok(commission.into())
    }

    /// His lines of the commission history, newest first.
    async fn commissions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Commission>> {
        lines(context, of_client(self.name.id), page_request(first, after, last, before)?).await
    }
}

impl ReferredClient {
    /// One of whom no more is known yet than who he is.
    pub fn named(name: ClientName) -> ReferredClient {
        ReferredClient { name, known: None }
    }

    async fn whole(&self, context: &Context<'_>) -> Result<Cow<'_, service::ReferredClient>> {
        if let Some(known) = &self.known {
            return Ok(Cow::Borrowed(known));
        }
        let found = loaders(context)?.clients.get(self.name.id).await?;
        let missing = || ServiceError::Broken(format!("client {} has no totals", self.name.id));
        found.map(Cow::Owned).ok_or_else(|| missing().into())
    }
}

async fn commission_of(context: &Context<'_>, client: &service::ReferredClient) -> Result<entity::Money> {
    let rates = &loaders(context)?.rates;
    let of_period =
        async |(period, _)| Ok::<_, Failure>((period, rates.get((client.partner_id, period)).await?));
    let found = try_join_all(client.earned.open().map(of_period)).await?;
    let found: HashMap<_, _> = found.into_iter().collect();
    let commission = client.earned.commission(|period| Some(found.get(&period)?.as_ref()?.rate));
    let broken = || ServiceError::Broken(format!("the commission of client {} has no rate", client.name.id));
    commission.ok_or_else(|| broken().into())
}

/// Which clients are listed: those for whom all that is given holds.
#[derive(Clone, Debug, Default, InputObject)]
pub struct ReferredClientFilter {
    /// Active now, or not.
    pub is_active: Option<bool>,
    /// Brought by this link.
    pub link_id: Option<ID>,
    /// Registered then or later.
    pub registered_from: Option<DateTime>,
    /// Registered before then.
    pub registered_before: Option<DateTime>,
    /// With top-ups of at least this in the programme's currency.
    pub minimum_top_up_total: Option<Decimal>,
}

impl ReferredClientFilter {
    /// None where an id names nothing that could be found.
    pub fn read(self) -> Result<Option<Filter>> {
        let Some(link_id) = read_id(Tag::ReferralLink, self.link_id.as_ref()) else { return Ok(None) };
        let minimum = self.minimum_top_up_total.map(|minimum| minimum.to_money("minimumTopUpTotal"));
        Ok(Some(Filter {
            is_active: self.is_active,
            link_id,
            registered_from: self.registered_from.map(|at| at.0),
            registered_before: self.registered_before.map(|at| at.0),
            minimum_top_up_total: minimum.transpose()?,
        }))
    }
}

/// Which page of clients is asked for; none where an id names nothing that could be found.
pub fn clients_asked(
    request: PageRequest,
    filter: Option<ReferredClientFilter>,
    order_by: Option<ReferredClientOrder>,
) -> Result<Option<ClientsAsked>> {
    let filter = filter.unwrap_or_default().read()?;
    let order = order_by.map_or_else(Default::default, |order| order.field.into());
    let is_descending = order_by.is_none_or(|order| order.direction == OrderDirection::Desc);
    Ok(filter.map(|filter| ClientsAsked { request, filter, order, is_descending }))
}

/// An id in a filter: `Some(None)` where there is none, `None` where it is one that nothing can have.
pub fn read_id(tag: Tag, id: Option<&ID>) -> Option<Option<uuid::Uuid>> {
    match id {
        None => Some(None),
        Some(id) => tag.uuid(id).map(Some),
    }
}

/// How the list of clients is ordered.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct ReferredClientOrder {
    /// By what.
    pub field: ReferredClientOrderField,
    /// From which end.
    pub direction: OrderDirection,
}

/// By what clients are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "services::referred_client::ReferredClientOrder")]
pub enum ReferredClientOrderField {
    /// By when the account was opened.
    RegisteredAt,
    /// By the last purchase; whoever has none comes as the earliest.
    LastTopUpAt,
    /// By the sum of top-ups less refunds.
    TopUpTotal,
}

/// From which end a list begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// With the lowest or earliest.
    Asc,
    /// With the highest or latest.
    Desc,
}
