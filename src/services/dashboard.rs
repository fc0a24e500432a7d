//! What a dashboard shows of one partner, by one statement.

use entity::link;

use super::commission::{Commission, LinesAsked};
use super::error::ServiceError;
use super::owner::Owner;
use super::paging::{AskedPage, Page};
use super::position::{AskedPosition, Position};
use super::referral_link::LinksAsked;
use super::referred_client::{ClientsAsked, ReferredClient};
use crate::app::App;
use crate::db::{Answer, Together};

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

/// A dashboard that is asked for.
pub struct AskedDashboard {
    position: AskedPosition,
    links: Option<AskedPage>,
    clients: Option<AskedPage>,
    lines: Option<AskedPage>,
}

impl AskedDashboard {
    /// The queries that answer it.
    pub fn ask(app: &App, account_id: &str, asked: &Asked) -> (Together, AskedDashboard) {
        let (mut together, position) = AskedPosition::ask(app, account_id);
        let asked = AskedDashboard {
            position,
            links: asked.links.map(|asked| asked.ask(&mut together, Owner::Me)),
            clients: asked.clients.as_ref().map(|asked| asked.ask(app, &mut together, Owner::Me)),
            lines: asked.lines.as_ref().map(|asked| asked.ask(&mut together, Owner::Me)),
        };
        (together, asked)
    }

    async fn read(self, app: &App, found: &[Vec<Answer>]) -> Result<Option<Dashboard>, ServiceError> {
        let Some(position) = self.position.read(app, found).await? else { return Ok(None) };
        let links = self.links.map(|asked| LinksAsked::read(&asked, found)).transpose()?;
        let clients = self.clients.map(|asked| ClientsAsked::read(&asked, found)).transpose()?;
        let with_commission = |client: ReferredClient| client.with_commission(&position.rates);
        let clients = clients.map(|page| page.try_map(with_commission)).transpose()?;
        let lines = self.lines.map(|asked| LinesAsked::read(&asked, found)).transpose()?;
        let lines = lines.map(|page| page.map(|(line, client)| Commission::of(line, client, &position)));
        Ok(Some(Dashboard { position, links, clients, lines }))
    }
}

/// One statement, whatever is asked for; another while a period that has ended waits for its settlement. None where the
/// account is no partner yet.
pub async fn of_account(
    app: &App,
    account_id: &str,
    asked: &Asked,
) -> Result<Option<Dashboard>, ServiceError> {
    let (together, asked) = AskedDashboard::ask(app, account_id, asked);
    let found = together.run(&app.db).await?;
    asked.read(app, &found).await
}
