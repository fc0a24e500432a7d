//! Who the world's partners are in the database.

use std::collections::HashMap;

use uuid::Uuid;

use super::world::{Lot, World};
use crate::app::App;
use crate::services::error::ServiceError;
use crate::services::partner;

/// The partners that have joined, by their number in the world and by id.
#[derive(Debug, Default)]
pub struct People {
    ids: HashMap<usize, Uuid>,
    numbers: HashMap<Uuid, usize>,
}

impl People {
    /// Finds those that have joined already.
    pub async fn find(app: &App, world: &World) -> Result<People, ServiceError> {
        let mut people = People::default();
        for (number, plan) in world.partners.iter().enumerate() {
            if let Some(partner) = partner::find_by_account(app.db.reader(), &plan.account_id).await? {
                people.welcome(number, partner.id);
            }
        }
        Ok(people)
    }

    pub fn welcome(&mut self, number: usize, id: Uuid) {
        self.ids.insert(number, id);
        self.numbers.insert(id, number);
    }

    pub fn id(&self, number: usize) -> Option<Uuid> {
        self.ids.get(&number).copied()
    }

    pub fn number(&self, id: Uuid) -> Option<usize> {
        self.numbers.get(&id).copied()
    }

    /// All that have joined: number and id.
    pub fn all(&self) -> impl Iterator<Item = (usize, Uuid)> {
        self.ids.iter().map(|(number, id)| (*number, *id))
    }

    /// What happens to a partner.
    pub fn lot(&self, world: &World, id: Uuid) -> Lot {
        let plan = self.number(id).and_then(|number| world.partners.get(number));
        plan.map_or(Lot::Ordinary, |plan| plan.lot)
    }

    /// What a partner's streams of draws are named by; the world knows those that it made.
    pub fn name(&self, world: &World, id: Uuid) -> String {
        let plan = self.number(id).and_then(|number| world.partners.get(number));
        plan.map_or_else(|| id.to_string(), |plan| plan.account_id.clone())
    }
}
