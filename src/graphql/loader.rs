//! Look-ups batched within one request: what a hundred children ask for is one statement.

mod batched;

use std::sync::Arc;

use entity::{
    Moment, Period, account, api_key, audit_record, contract, individual_rate, ledger_transfer, line, link,
    parked_fact, partner, service_transfer, settlement, site, statement, ticket, webhook_endpoint,
    withdrawal,
};
use tokio::sync::OnceCell;
use uuid::Uuid;

use batched::Batched;

use super::error::{Failure, Result};
use crate::app::App;
use crate::domain::explanation::Explanation;
use crate::domain::rate::RateInForce;
use crate::domain::visit::VisitQuality;
use crate::services;
use crate::services::balance::{self, BalanceView};
use crate::services::change::{self, ChangesKey, Feed};
use crate::services::explanation::{self, LineKey};
use crate::services::listing::{self, Subject};
use crate::services::paging::batch::{self, ListKey, PageOfRows};
use crate::services::position::{self, Position};
use crate::services::programme::TierTables;
use crate::services::referred_client::ReferredClient;
use crate::services::standing::{self, Books, Standing};
use crate::services::statistics::{self, LinkKey, Point};
use crate::services::{commission, referral_link, referred_client, review, statement as statements, visit};

/// The loaders of one request, and what is looked up once in it.
pub struct Loaders {
    app: Arc<App>,
    own_partner: OnceCell<Option<Uuid>>,
    books: OnceCell<Books>,
    tables: OnceCell<TierTables>,
    /// Pages of lists that are alike but for what they belong to.
    pub pages: Batched<ListKey, PageOfRows>,
    pub counts: Batched<ListKey, u64>,
    pub partners: Batched<Uuid, partner::Model>,
    pub accounts: Batched<Uuid, account::Model>,
    pub positions: Batched<Uuid, Arc<Position>>,
    /// By partner and time.
    pub standings_at: Batched<(Uuid, Moment), Standing>,
    /// By partner and time, in the past.
    pub balances_at: Batched<(Uuid, Moment), BalanceView>,
    /// The own code of a partner.
    pub codes: Batched<Uuid, String>,
    pub links: Batched<Uuid, link::Model>,
    pub visits: Batched<Uuid, entity::visit::Model>,
    pub sites: Batched<Uuid, site::Model>,
    pub clients: Batched<Uuid, ReferredClient>,
    pub lines: Batched<Uuid, line::Model>,
    pub explanations: Batched<LineKey, Explanation>,
    /// What staff said of a top-up that it rejected.
    pub review_reasons: Batched<Uuid, String>,
    pub statements: Batched<Uuid, statement::Model>,
    /// By partner and period.
    pub statements_of: Batched<(Uuid, Period), statement::Model>,
    /// The closing balance of the statement before the one of a partner and period.
    pub opening_balances: Batched<(Uuid, Period), entity::Money>,
    /// The digest of the statement before the one of a partner and period.
    pub previous_digests: Batched<(Uuid, Period), String>,
    /// By partner and period.
    pub rates: Batched<(Uuid, Period), RateInForce>,
    pub withdrawals: Batched<Uuid, withdrawal::Model>,
    pub service_transfers: Batched<Uuid, service_transfer::Model>,
    pub ledger_transfers: Batched<Uuid, ledger_transfer::Model>,
    pub settlements: Batched<Uuid, settlement::Model>,
    pub parked_facts: Batched<Uuid, parked_fact::Model>,
    pub audit_records: Batched<Uuid, audit_record::Model>,
    /// The kinds of objects whose ids have none.
    pub subjects: Batched<Uuid, Subject>,
    /// By partner.
    pub contracts: Batched<Uuid, contract::Model>,
    pub tickets: Batched<Uuid, ticket::Model>,
    pub link_statistics: Batched<LinkKey, Point>,
    /// What a partner's visits were taken for of late.
    pub visit_qualities: Batched<Uuid, VisitQuality>,
    pub api_keys: Batched<Uuid, api_key::Model>,
    /// By partner, newest first.
    pub api_keys_of: Batched<Uuid, Vec<api_key::Model>>,
    /// By partner, oldest first.
    pub webhook_endpoints_of: Batched<Uuid, Vec<webhook_endpoint::Model>>,
    /// By partner, the latest period's first.
    pub individual_rates: Batched<Uuid, Vec<individual_rate::Model>>,
    pub changes: Batched<ChangesKey, Feed>,
    /// The messages of a ticket, oldest first.
    pub messages: Batched<Uuid, Vec<entity::ticket_message::Model>>,
}

impl Loaders {
    pub fn new(app: &App) -> Loaders {
        // Shared: an app is a dozen handles, and a request has dozens of loaders.
        let app = &Arc::new(app.clone());
        Loaders {
            own_partner: OnceCell::new(),
            books: OnceCell::new(),
            tables: OnceCell::new(),
            pages: Batched::new(app, |app, keys| Box::pin(batch::pages(app, keys))),
            counts: Batched::new(app, |app, keys| Box::pin(batch::counts(app, keys))),
            partners: Batched::new(app, |app, ids| Box::pin(listing::partners_by_id(app, ids))),
            accounts: Batched::new(app, |app, ids| Box::pin(listing::accounts_by_id(app, ids))),
            positions: Batched::new(app, |app, ids| Box::pin(position::by_id(app, ids))),
            standings_at: Batched::new(app, |app, keys| Box::pin(standing::at(app, keys))),
            balances_at: Batched::new(app, |app, keys| Box::pin(balance::then(app, keys))),
            codes: Batched::new(app, |app, ids| Box::pin(referral_link::own_codes(app, ids))),
            links: Batched::new(app, |app, ids| Box::pin(referral_link::by_id(app, ids))),
            visits: Batched::new(app, |app, ids| Box::pin(listing::visits_by_id(app, ids))),
            sites: Batched::new(app, |app, ids| Box::pin(listing::sites_by_id(app, ids))),
            clients: Batched::new(app, |app, ids| Box::pin(referred_client::by_id(app, ids))),
            lines: Batched::new(app, |app, ids| Box::pin(commission::by_id(app, ids))),
            explanations: Batched::new(app, |app, keys| Box::pin(explanation::of_lines(app, keys))),
            review_reasons: Batched::new(app, |app, ids| Box::pin(review::reasons(app, ids))),
            statements: Batched::new(app, |app, ids| Box::pin(statements::by_id(app, ids))),
            statements_of: Batched::new(app, |app, keys| Box::pin(statements::by_period(app, keys))),
            opening_balances: Batched::new(app, |app, keys| {
                Box::pin(statements::opening_balances(app, keys))
            }),
            previous_digests: Batched::new(app, |app, keys| {
                Box::pin(statements::previous_digests(app, keys))
            }),
            rates: Batched::new(app, |app, keys| Box::pin(standing::rates(app, keys))),
            withdrawals: Batched::new(app, |app, ids| Box::pin(listing::withdrawals_by_id(app, ids))),
            service_transfers: Batched::new(app, |app, ids| {
                Box::pin(listing::service_transfers_by_id(app, ids))
            }),
            ledger_transfers: Batched::new(app, |app, ids| {
                Box::pin(listing::ledger_transfers_by_id(app, ids))
            }),
            settlements: Batched::new(app, |app, ids| Box::pin(listing::settlements_by_id(app, ids))),
            parked_facts: Batched::new(app, |app, ids| Box::pin(listing::parked_facts_by_id(app, ids))),
            audit_records: Batched::new(app, |app, ids| Box::pin(listing::audit_records_by_id(app, ids))),
            subjects: Batched::new(app, |app, ids| Box::pin(listing::subjects(app, ids))),
            contracts: Batched::new(app, |app, ids| Box::pin(listing::contracts(app, ids))),
            tickets: Batched::new(app, |app, ids| Box::pin(listing::tickets_by_id(app, ids))),
            link_statistics: Batched::new(app, |app, keys| Box::pin(statistics::of_links(app, keys))),
            visit_qualities: Batched::new(app, |app, ids| Box::pin(visit::qualities(app, ids))),
            api_keys: Batched::new(app, |app, ids| Box::pin(listing::api_keys_by_id(app, ids))),
            api_keys_of: Batched::new(app, |app, ids| Box::pin(services::api_key::of_partners(app, ids))),
            webhook_endpoints_of: Batched::new(app, |app, ids| {
                Box::pin(services::webhook::endpoint::of_partners(app, ids))
            }),
            individual_rates: Batched::new(app, |app, ids| {
                Box::pin(services::individual_rate::of_partners(app, ids))
            }),
            changes: Batched::new(app, |app, keys| Box::pin(change::feeds(app, keys))),
            messages: Batched::new(app, |app, ids| Box::pin(listing::ticket_messages(app, ids))),
            app: app.clone(),
        }
    }

    /// The partner of an account, if it is one; asked once a request.
    pub async fn own_partner(&self, account_id: &str) -> Result<Option<Uuid>> {
        let find = async || {
            let partner = listing::partner_of_account(&self.app, account_id).await?;
            Ok::<_, Failure>(partner.map(|partner| partner.id))
        };
        self.own_partner.get_or_try_init(find).await.copied()
    }

    /// Takes over what was looked up otherwise.
    pub fn know(&self, position: &Position) {
        // What a request has looked up already stays as it is.
        let _ = self.books.set(position.rates.books());
        let _ = self.own_partner.set(Some(position.partner.id));
    }

    /// How far the books have come; asked once a request.
    pub async fn books(&self) -> Result<Books> {
        let load = async || Ok::<_, Failure>(standing::books(&self.app).await?);
        self.books.get_or_try_init(load).await.copied()
    }

    /// The tables of tiers; asked once a request.
    pub async fn tables(&self) -> Result<&TierTables> {
        let load = async || Ok::<_, Failure>(standing::tables(&self.app).await?);
        self.tables.get_or_try_init(load).await
    }
}
