//! Look-ahead: what is selected below a field that answers a partner, so that one service is asked once for all of it.
//!
//! What was looked up is handed out to whoever asks for exactly that: a field selected twice with other arguments, under
//! whatever alias, is resolved as if nobody had looked ahead.

use std::sync::Arc;

use async_graphql::{InputType, SelectionField};

use super::commission::{Commission, CommissionFilter};
use super::connection::{Connection, page_request};
use super::referral_link::ReferralLink;
use super::referred_client::{ReferredClient, ReferredClientFilter, ReferredClientOrder, clients_asked};
use crate::app::App;
use crate::services::commission::{self, LinesAsked};
use crate::services::dashboard::{Asked, Dashboard};
use crate::services::owner::Owner;
use crate::services::paging::PageRequest;
use crate::services::position::Position;
use crate::services::referral_link::LinksAsked;
use crate::services::referred_client::{self, ClientsAsked};

/// What is known of a partner before his fields are resolved.
#[derive(Default)]
pub struct Ahead {
    pub position: Option<Arc<Position>>,
    links: Option<(LinksAsked, Arc<Connection<ReferralLink>>)>,
    clients: Option<(ClientsAsked, Arc<Connection<ReferredClient>>)>,
    lines: Option<(LinesAsked, Arc<Connection<Commission>>)>,
}

impl Ahead {
    /// What a service found, with what it was asked.
    pub fn of(app: &App, asked: Asked, found: Dashboard) -> Ahead {
        let owner = Owner::Partner(found.position.partner.id);
        let links = |(asked, page): (LinksAsked, _)| {
            let found = Connection::of_list(page, asked.list(owner), ReferralLink);
            (asked, Arc::new(found))
        };
        let clients = |(asked, page): (ClientsAsked, _)| {
            let list = referred_client::of_partner(app, owner, &asked);
            (asked, Arc::new(Connection::of_list(page, list, ReferredClient::from)))
        };
        let lines = |(asked, page): (LinesAsked, _)| {
            let list = commission::of_partner(owner, &asked.filter);
            (asked, Arc::new(Connection::of_list(page, list, Commission::from)))
        };
        Ahead {
            links: asked.links.zip(found.links).map(links),
            clients: asked.clients.zip(found.clients).map(clients),
            lines: asked.lines.zip(found.lines).map(lines),
            position: Some(Arc::new(found.position)),
        }
    }

    pub fn links(&self, asked: &LinksAsked) -> Option<Arc<Connection<ReferralLink>>> {
        handed_out(self.links.as_ref(), asked)
    }

    pub fn clients(&self, asked: &ClientsAsked) -> Option<Arc<Connection<ReferredClient>>> {
        handed_out(self.clients.as_ref(), asked)
    }

    pub fn lines(&self, asked: &LinesAsked) -> Option<Arc<Connection<Commission>>> {
        handed_out(self.lines.as_ref(), asked)
    }
}

fn handed_out<A: PartialEq, T>(known: Option<&(A, Arc<T>)>, asked: &A) -> Option<Arc<T>> {
    known.filter(|(of, _)| of == asked).map(|(_, found)| found.clone())
}

/// What a dashboard is asked for by the fields below this one; none where it is not one.
pub fn asked_below(partner: SelectionField<'_>) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut is_dashboard = false;
    for field in partner.selection_set() {
        match field.name() {
            "standing" | "balance" | "forecast" => {
                is_dashboard |= field.arguments().is_ok_and(|all| all.is_empty())
            }
            "links" => asked.links = asked.links.or_else(|| links_asked(field)),
            "referredClients" => asked.clients = asked.clients.or_else(|| clients_asked_by(field)),
            "commissions" => asked.lines = asked.lines.or_else(|| lines_asked(field)),
            _ => {}
        }
    }
    is_dashboard |= asked.clients.is_some() || asked.lines.is_some();
    is_dashboard.then_some(asked)
}

fn links_asked(field: SelectionField<'_>) -> Option<LinksAsked> {
    let include_archived = argument(&field, "includeArchived")?.unwrap_or(false);
    Some(LinksAsked { request: page_asked(&field)?, include_archived })
}

fn clients_asked_by(field: SelectionField<'_>) -> Option<ClientsAsked> {
    let filter: Option<ReferredClientFilter> = argument(&field, "filter")?;
    let order: Option<ReferredClientOrder> = argument(&field, "orderBy")?;
    clients_asked(page_asked(&field)?, filter, order).ok()?
}

fn lines_asked(field: SelectionField<'_>) -> Option<LinesAsked> {
    let filter: Option<CommissionFilter> = argument(&field, "filter")?;
    Some(LinesAsked { request: page_asked(&field)?, filter: filter.unwrap_or_default().read()? })
}

/// None for what the field's own resolver will refuse.
fn page_asked(field: &SelectionField<'_>) -> Option<PageRequest> {
    let number = |name| argument::<i32>(field, name);
    let cursor = |name| argument::<String>(field, name);
    page_request(number("first")?, cursor("after")?, number("last")?, cursor("before")?).ok()
}

/// An argument as its resolver will read it; none where it cannot be read.
fn argument<T: InputType>(field: &SelectionField<'_>, name: &str) -> Option<Option<T>> {
    let arguments = field.arguments().ok()?;
    let given = arguments.into_iter().find(|(given, _)| given == name).map(|(_, value)| value);
    Option::<T>::parse(given).ok()
}
