//! Conversations of partners with staff, planned from the beginning.

use chrono::Duration;
use entity::{Moment, ticket};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::names::THREADS;
use super::office::Office;
use super::people::People;
use super::staff::{StaffAct, established};
use super::world::{Size, World};
use crate::services::error::ServiceError;

/// One conversation: opened, gone on with, closed.
pub fn one(world: &World, number: usize, at: Moment) -> Vec<(Moment, StaffAct)> {
    let mut chance = world.chance(&format!("conversation {number}"));
    let thread = &THREADS[number % THREADS.len()];
    // The partner to show asks now and then; the rest is anybody's who was there.
    let sizes = [(Size::Big, 20), (Size::Medium, 35), (Size::Small, 45)];
    let nth = usize::try_from(chance.between(0, 30)).unwrap_or(0);
    let partner =
        if number % 5 == 3 { Some(0) } else { established(world, chance.weighted(&sizes), nth, at) };
    let Some(partner) = partner else { return Vec::new() };
    let opened_at = at.plus(Duration::seconds(chance.between(0, 30_000)));
    let mut acts = vec![(opened_at, StaffAct::OpenTicket { partner, thread })];
    let mut said_at = opened_at;
    for (author, days, text) in thread.messages.iter().skip(1) {
        said_at = said_at.plus(Duration::days(*days) + Duration::minutes(chance.between(7, 300)));
        acts.push((said_at, StaffAct::Say { partner, opened_at, author: *author, text }));
    }
    if let Some(days) = thread.closed_after_days {
        acts.push((said_at.plus(Duration::days(days)), StaffAct::CloseTicket { partner, opened_at }));
    }
    acts
}

/// A ticket of the world is known by whose it is and when it was opened.
pub async fn find(
    office: &Office<'_>,
    people: &People,
    partner: usize,
    opened_at: Moment,
) -> Result<Option<(Uuid, Uuid)>, ServiceError> {
    let Some(partner_id) = people.id(partner) else { return Ok(None) };
    let of_partner = ticket::Entity::find().filter(ticket::Column::PartnerId.eq(partner_id));
    let found = of_partner.filter(ticket::Column::OpenedAt.eq(opened_at)).one(office.app.db.reader()).await?;
    Ok(found.map(|ticket| (partner_id, ticket.id)))
}
