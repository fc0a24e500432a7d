//! The world lives: day after day the provider tells what happened, periods are settled, the office works.

use chrono::{Datelike, Duration};
use entity::{Day, Moment};

use super::diary::News;
use super::office::Office;
use super::people::People;
use super::provider::{Provider, Tally};
use super::world::World;
use crate::app::App;
use crate::services::error::ServiceError;
use crate::services::parked_fact;
use crate::services::settlement::{self, Occasion};

/// How long after midnight the provider tells of the day.
const TOLD_AFTER: Duration = Duration::minutes(4);

/// What a life came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lived {
    pub told: Tally,
    pub settlements: u64,
    /// What was done at the office and by partners.
    pub acts: u64,
}

/// Lives from one moment to another, both on the app's clock, which must be a fixed one and is moved along. `on_day` is
/// told of each day that is over. What was lived before is not done again: facts are known by their names.
///
/// # Errors
/// `E` is whatever `on_day` fails with, or a service.
pub async fn live<E: From<ServiceError>>(
    app: &App,
    world: &World,
    from: Moment,
    until: Moment,
    mut on_day: impl FnMut(Moment) -> Result<(), E>,
) -> Result<Lived, E> {
    let calendar = &app.terms.calendar;
    let mut people = People::find(app, world).await?;
    let mut provider = Provider::new(app, world);
    let mut office = Office::new(app, world, from, until);
    let mut news = News::of(world, until);
    news.until(from);
    let mut lived = Lived::default();
    let settled_after = app.terms.settlement_grace + Duration::minutes(3);
    let mut day = calendar.day_of(from);
    while day <= calendar.day_of(until) {
        let midnight = calendar.local_midnight(day.to_date());
        let is_lived = |at: Moment| from < at && at <= until;
        let told_at = midnight.plus(TOLD_AFTER);
        if is_lived(told_at) {
            app.clock.set(told_at);
            provider.record(news.until(told_at), &mut people).await?;
        }
        let settles_at = midnight.plus(settled_after);
        if is_lived(settles_at) && matches!(day.to_date().day(), 1 | 15) {
            app.clock.set(settles_at);
            lived.settlements += settle(app).await?;
            parked_fact::expire(app).await.map_err(E::from)?;
        }
        lived.acts += office.work(&people, day, midnight).await?;
        on_day(midnight)?;
        day = Day::from_date(day.to_date() + chrono::Days::new(1));
    }
    app.clock.set(until);
    provider.record(news.until(until), &mut people).await?;
    lived.settlements += settle(app).await?;
    lived.told = provider.tally;
    on_day(until)?;
    Ok(lived)
}

async fn settle(app: &App) -> Result<u64, ServiceError> {
    Ok(settlement::settle_due(app, Occasion::Background, |_| {}).await?.len() as u64)
}
