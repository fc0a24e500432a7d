//! What a dashboard shows of one partner: as few statements as the data has shapes, all issued at once.

use entity::link;
use futures_util::try_join;

use super::commission::{self, Commission, LinesAsked};
use super::error::ServiceError;
use super::owner::Owner;
use super::paging::Page;
use super::position::{self, Position};
use super::referral_link::LinksAsked;
use super::referred_client::{self, ClientsAsked, ReferredClient};
use crate::app::App;

/// Which pages are asked for beside the partner's own figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub links: Option<LinksAsked>,
    pub clients: Option<ClientsAsked>,
    pub lines: Option<LinesAsked>,
}

/// A partner's own figures, and the pages that were asked for.
#[derive(Clone, Debug)]
pub struct Dashboard {
    pub position: Position,
    pub links: Option<Page<link::Model>>,
    /// Each with all that his lines have earned.
    pub clients: Option<Page<ReferredClient>>,
    pub lines: Option<Page<Commission>>,
}

/// Five statements at most, none of which waits for another: each finds the partner by his account itself. None where
/// the account is no partner yet.
pub async fn of_account(
    app: &App,
    account_id: &str,
    asked: &Asked,
) -> Result<Option<Dashboard>, ServiceError> {
    let (db, owner) = (app.db.reader(), Owner::Account(account_id.to_owned()));
    let links = async {
        Ok(match &asked.links {
            Some(asked) => Some(asked.list(&owner).page(db, &asked.request).await?),
            None => None,
        })
    };
    let clients = async {
        Ok(match &asked.clients {
            Some(asked) => Some(referred_client::page_with_sums(app, &owner, asked).await?),
            None => None,
        })
    };
    let lines = async {
        Ok(match &asked.lines {
            Some(asked) => Some(commission::page_with_clients(db, &owner, asked).await?),
            None => None,
        })
    };
    let (position, links, clients, lines) =
        try_join!(position::of_account(app, account_id), links, clients, lines)?;
    let Some(position) = position else { return Ok(None) };
    let with_commission = |client| referred_client::with_commission(client, &position.rates);
    let clients = clients.map(|page| page.try_map(with_commission)).transpose()?;
    let lines = lines.map(|page| page.map(|(line, client)| Commission::of(line, client, &position)));
    Ok(Some(Dashboard { position, links, clients, lines }))
}
