//! The office, and partners at their desks: who does what on a day.

use entity::{Day, Moment, contract};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::agreements::{self, AgreementAct};
use super::clients::is_weekend;
use super::diary::Told;
use super::money_out::{self, MoneyAct};
use super::people::People;
use super::staff::{self, StaffAct};
use super::world::World;
use crate::app::App;
use crate::services::audit::{Actor, ActorRole};
use crate::services::error::ServiceError;

/// What somebody does at a moment.
#[derive(Debug)]
pub enum Act {
    Money(MoneyAct),
    Agreement(AgreementAct),
    Staff(StaffAct),
}

/// A day of the world.
#[derive(Clone, Copy, Debug)]
pub struct Today {
    pub day: Day,
    pub midnight: Moment,
}

impl Today {
    /// Whether the office is open; partners are always there.
    pub fn is_working_day(&self) -> bool {
        !is_weekend(self.midnight.plus(chrono::Duration::hours(12)))
    }

    /// How many days ago something was.
    pub fn days_since(&self, app: &App, at: Moment) -> i64 {
        (self.day.to_date() - app.terms.calendar.day_of(at).to_date()).num_days()
    }
}

#[derive(Debug)]
pub struct Office<'a> {
    pub app: &'a App,
    pub world: &'a World,
    /// Sees to partners.
    pub support: Actor,
    /// Sees to money.
    pub finance: Actor,
    planned: Told<StaffAct>,
    from: Moment,
    until: Moment,
}

impl<'a> Office<'a> {
    /// An office that works between two moments.
    pub fn new(app: &'a App, world: &'a World, from: Moment, until: Moment) -> Office<'a> {
        let actor = |subject: &str| Actor {
            subject: subject.to_owned(),
            role: ActorRole::Staff,
            request_id: None,
            origin: None,
        };
        let mut planned = Told::in_order(staff::plan(world, until));
        planned.until(from);
        Office {
            app,
            world,
            support: actor("anna.support"),
            finance: actor("milan.finance"),
            planned,
            from,
            until,
        }
    }

    /// Does what is due on a day, in the order of its hours; answers how much that was.
    pub async fn work(&mut self, people: &People, day: Day, midnight: Moment) -> Result<u64, ServiceError> {
        let today = Today { day, midnight };
        let contracts = contract::Entity::find().all(self.app.db.reader()).await?;
        let mut acts = Vec::new();
        let due = money_out::due(self, people, &today, &contracts).await?;
        acts.extend(due.into_iter().map(|(at, act)| (at, Act::Money(act))));
        let due = agreements::due(self, people, &today, &contracts);
        acts.extend(due.into_iter().map(|(at, act)| (at, Act::Agreement(act))));
        let end_of_day = midnight.plus(chrono::Duration::hours(22));
        let due = self.planned.until(end_of_day.min(self.until));
        acts.extend(due.into_iter().map(|(at, act)| (at.max(midnight), Act::Staff(act))));
        acts.retain(|(at, _)| self.from < *at && *at <= self.until);
        acts.sort_by_key(|(at, _)| *at);
        let mut done = 0;
        for (at, act) in acts {
            self.app.clock.set(at.max(self.app.clock.now()));
            match self.perform(people, &contracts, act).await {
                Ok(()) => done += 1,
                // Whoever asks in vain tries again another day.
                Err(ServiceError::Refused(refusal)) => tracing::debug!(%refusal, "refused"),
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    async fn perform(
        &self,
        people: &People,
        contracts: &[contract::Model],
        act: Act,
    ) -> Result<(), ServiceError> {
        match act {
            Act::Money(act) => money_out::perform(self, act).await,
            Act::Agreement(act) => agreements::perform(self, act).await,
            Act::Staff(act) => staff::perform(self, people, contracts, act).await,
        }
    }

    /// The stream of draws of what becomes of something.
    pub fn fate(&self, what: &str) -> super::chance::Chance {
        self.world.chance(what)
    }

    /// A moment within office hours.
    pub fn office_hour(&self, today: &Today, what: &str) -> Moment {
        self.fate(&format!("hour {} {what}", today.day)).office_hour(today.midnight)
    }

    /// A number that stands for an id in payment references.
    pub fn reference(id: Uuid) -> String {
        format!("PRN-{:012X}", id.as_u128() & 0xFFFF_FFFF_FFFF)
    }
}
