//! Who asks for which partners: the viewer for himself, staff for any.

use async_graphql::{Context, Enum, InputObject, Object};
use entity::{PartnerStatus as Status, partner};

use super::super::ahead::{Ahead, asked_below};
use super::super::authority;
use super::super::connection::{Connection, page_request};
use super::super::error::{Failure, Result};
use super::super::referred_client::OrderDirection;
use super::super::request::{app, loaders};
use super::{Partner, PartnerStatus};
use crate::services::{self, dashboard, listing};

#[derive(Debug, Default)]
pub struct PartnerQuery;

#[Object]
impl PartnerQuery {
    /// The partner behind the token, created on first use; null for staff and service tokens.
    async fn viewer(&self, context: &Context<'_>) -> Result<Option<Result<Partner>>> {
        match authority::known(context)?.account_id() {
            Some(account_id) => Ok(Some(viewer(context, account_id).await)),
            None => Ok(None),
        }
    }

    /// Staff: a partner by account or by the code of any of his links; exactly one of the two is given.
    async fn partner(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The provider's own id of the account.")] account_id: Option<String>,
        #[graphql(desc = "A referral code, without regard to case.")] code: Option<String>,
    ) -> Result<Option<Result<Partner>>> {
        authority::staff(context)?;
        let app = app(context)?;
        let found = match (account_id, code) {
            (Some(account_id), None) => listing::partner_of_account(app, &account_id).await,
            (None, Some(code)) => listing::partner_of_code(app, &code).await,
            _ => return Err(Failure::bad_input("exactly one of accountId and code is required")),
        };
        Ok(found.map(|found| found.map(Partner::from)).map_err(Failure::from).transpose())
    }

    /// Staff: all partners, newest first unless another order is asked for.
    async fn partners(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(desc = "Those alone for which this holds.")] filter: Option<PartnerFilter>,
        #[graphql(desc = "How they are ordered.")] order_by: Option<PartnerOrder>,
    ) -> Result<Connection<Partner>> {
        authority::staff(context)?;
        let request = page_request(first, after, last, before)?;
        let order = order_by.map_or_else(Default::default, |order| order.field.into());
        let is_descending = order_by.is_none_or(|order| order.direction == OrderDirection::Desc);
        let list = listing::partners(&filter.unwrap_or_default().into(), order, is_descending);
        Connection::load(context, list, request, <Partner as From<partner::Model>>::from).await
    }
}

/// The partner behind an account, with all that is selected below him where a dashboard is.
async fn viewer(context: &Context<'_>, account_id: &str) -> Result<Partner> {
    let app = app(context)?;
    if let Some(asked) = asked_below(context.field())
        && let Some(found) = dashboard::of_account(app, account_id, &asked).await?
    {
        loaders(context)?.know(&found.position);
        return Ok(Partner(found.position.partner.clone(), Box::new(Ahead::of(app, asked, found))));
    }
    Ok(Partner::from(services::partner::of_account(app, account_id).await?))
}

/// Which partners are listed: those for whom all that is given holds.
#[derive(Clone, Debug, Default, InputObject)]
pub struct PartnerFilter {
    /// In account id or code.
    pub search: Option<String>,
    /// In this status.
    pub status: Option<PartnerStatus>,
    /// By name, of the last standing.
    pub tier: Option<String>,
}

impl From<PartnerFilter> for listing::PartnerFilter {
    fn from(filter: PartnerFilter) -> listing::PartnerFilter {
        let PartnerFilter { search, status, tier } = filter;
        listing::PartnerFilter { search, status: status.map(Status::from), tier }
    }
}

/// How the list of partners is ordered.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct PartnerOrder {
    /// By what.
    pub field: PartnerOrderField,
    /// From which end.
    pub direction: OrderDirection,
}

/// By what partners are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "listing::PartnerOrder")]
pub enum PartnerOrderField {
    /// By when they first asked for their link.
    JoinedAt,
    /// By the available balance.
    Available,
    /// By the active clients of the last standing.
    ActiveClients,
    /// By all that settlements have credited.
    LifetimeCredited,
}
