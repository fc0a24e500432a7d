//! The provider: hands to the services what its systems tell.

use std::collections::HashMap;

use super::clients::{ClientPlan, Way};
use super::diary::Report;
use super::people::People;
use super::visits;
use super::world::World;
use crate::app::App;
use crate::domain::link::code_key;
use crate::domain::visitor_token::{self, VisitorToken};
use crate::services::error::ServiceError;
use crate::services::exchange_rate::{self, RateOutcome};
use crate::services::partner::{self, JoinOutcome, Joining};
use crate::services::referral_link::LinkTarget;
use crate::services::registration::{self, CodePolicy, Registration, RegistrationOutcome};
use crate::services::top_up::{self, FactOutcome};
use crate::services::{referral_link, refund, visit};

/// Who opens his links in frames on other people's sites.
const SPOILT_PARTNER: usize = 3;

/// What was put on record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub partners: u64,
    /// Accounts that belong to a partner.
    pub clients: u64,
    /// Accounts that belong to nobody.
    pub direct: u64,
    pub top_ups: u64,
    pub refunds: u64,
    pub parked: u64,
    pub refused: u64,
}

/// Tells the service what happens.
#[derive(Debug)]
pub struct Provider<'a> {
    app: &'a App,
    world: &'a World,
    /// Links by the code in lower case.
    links: HashMap<String, LinkTarget>,
    pub tally: Tally,
}

impl<'a> Provider<'a> {
    pub fn new(app: &'a App, world: &'a World) -> Provider<'a> {
        Provider { app, world, links: HashMap::new(), tally: Tally::default() }
    }

    /// Records what is told together: rates before what needs them, accounts before what they pay.
    pub async fn record(&mut self, report: Report, people: &mut People) -> Result<(), ServiceError> {
        if !report.rates.is_empty() {
            let outcomes = exchange_rate::record(self.app, &report.rates).await?;
            self.tally.refused += count(&outcomes, |outcome| matches!(outcome, RateOutcome::Refused(_)));
        }
        self.join(&report.partners, people).await?;
        self.register(&report.clients).await?;
        if !report.top_ups.is_empty() {
            let outcomes = top_up::record(self.app, &report.top_ups).await?;
            self.tally.top_ups += count(&outcomes, |outcome| matches!(outcome, FactOutcome::Recorded(_)));
            self.count_others(&outcomes);
        }
        if !report.refunds.is_empty() {
            let outcomes = refund::record(self.app, &report.refunds).await?;
            self.tally.refunds += count(&outcomes, |outcome| matches!(outcome, FactOutcome::Recorded(_)));
            self.count_others(&outcomes);
        }
        Ok(())
    }

    fn count_others(&mut self, outcomes: &[FactOutcome]) {
        self.tally.parked += count(outcomes, |outcome| matches!(outcome, FactOutcome::Parked));
        self.tally.refused += count(outcomes, |outcome| matches!(outcome, FactOutcome::Refused(_)));
    }

    async fn join(&mut self, numbers: &[usize], people: &mut People) -> Result<(), ServiceError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let plans = numbers.iter().filter_map(|number| self.world.partners.get(*number));
        let joining: Vec<Joining> = plans
            .map(|plan| Joining {
                account_id: plan.account_id.clone(),
                code: plan.code.clone(),
                joined_at: plan.joined_at,
            })
            .collect();
        let outcomes = partner::join(self.app, &joining).await?;
        for (number, outcome) in numbers.iter().zip(outcomes) {
            match outcome {
                JoinOutcome::Joined(id) => {
                    people.welcome(*number, id);
                    self.tally.partners += 1;
                }
                JoinOutcome::Replayed(id) => people.welcome(*number, id),
                JoinOutcome::Refused(_) => self.tally.refused += 1,
            }
        }
        Ok(())
    }

    async fn register(&mut self, clients: &[ClientPlan]) -> Result<(), ServiceError> {
        if clients.is_empty() {
            return Ok(());
        }
        self.visit(clients).await?;
        let mut registrations = Vec::with_capacity(clients.len());
        for client in clients {
            registrations.push(self.registration(client).await?);
        }
        for outcome in registration::register(self.app, &registrations, CodePolicy::Typed).await? {
            match outcome {
                RegistrationOutcome::Attributed => self.tally.clients += 1,
                RegistrationOutcome::Direct(_) => self.tally.direct += 1,
                RegistrationOutcome::Replayed => {}
                RegistrationOutcome::Refused(_) => self.tally.refused += 1,
            }
        }
        Ok(())
    }

    /// Visits have no names by which they would be known again: what is lived a second time has been visited already.
    async fn visit(&mut self, clients: &[ClientPlan]) -> Result<(), ServiceError> {
        let mut visits = Vec::new();
        for client in clients {
            let Way::Link { partner, link, visitor_id, visited_at } = &client.way else { continue };
            let Some(link) = self.link(*partner, *link).await? else { continue };
            let mut chance = self.world.chance(&format!("visits of {}", client.account_id));
            let is_spoilt = *partner == SPOILT_PARTNER;
            visits.extend(visits::around(&mut chance, &link, *visitor_id, *visited_at, is_spoilt));
        }
        visit::record_all(self.app, &visits).await?;
        Ok(())
    }

    async fn registration(&mut self, client: &ClientPlan) -> Result<Registration, ServiceError> {
        let mut registration = Registration {
            client_id: client.account_id.clone(),
            registered_at: client.registered_at,
            payment_instrument_hash: client.payment_instrument.clone(),
            ..Registration::default()
        };
        match &client.way {
            Way::Alone => {}
            Way::Code(code) => registration.code = Some(code.clone()),
            Way::Link { partner, link, visitor_id, visited_at } => {
                registration.visitor_token = self.link(*partner, *link).await?.map(|link| {
                    let link_id = link.link_id;
                    let token = VisitorToken { visitor_id: *visitor_id, link_id, visited_at: *visited_at };
                    visitor_token::sign(&self.app.keys.visitor, &token)
                });
            }
        }
        Ok(registration)
    }

    /// A partner's link.
    async fn link(&mut self, partner: usize, link: usize) -> Result<Option<LinkTarget>, ServiceError> {
        let Some(code) = self.world.partners.get(partner).and_then(|plan| plan.link_code(link)) else {
            return Ok(None);
        };
        let key = code_key(&code);
        if let Some(known) = self.links.get(&key) {
            return Ok(Some(known.clone()));
        }
        let Some(found) = referral_link::find_for_redirect(self.app, &code).await? else { return Ok(None) };
        self.links.insert(key, found.clone());
        Ok(Some(found))
    }
}

fn count<T>(outcomes: &[T], is_meant: impl Fn(&T) -> bool) -> u64 {
    outcomes.iter().filter(|outcome| is_meant(outcome)).count() as u64
}
