//! Settles periods: closes the oldest open one for all partners at once, then writes their statements (rules 19 to 21).

mod by_hand;
mod close;
mod draw_up;
mod preview;
mod progress;
mod statements;

use chrono::NaiveDate;
use entity::{Moment, Period, SettlementStatus, settlement};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::crash_point;
use super::earned;
use super::error::ServiceError;
use super::lock::Progress;
use crate::app::App;
use crate::domain::settlement::due_period;

pub use by_hand::{put_on_record, settle};
pub(super) use close::active_clients_of;
pub use preview::{SettlementPreview, dry_run, preview};
pub use progress::{Watching, watch};

/// How long a worker may be silent before another takes over, in seconds. Losing it costs nothing: a late write is
/// refused by its epoch.
const LEASE_SECONDS: i64 = 5;
/// How long to wait before looking again at a settlement that another worker is writing.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(200);

/// What asks for a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The background task: once the grace has passed.
    Background,
    /// Somebody: every period that ends on or before this day, today if there is none, without the grace.
    ByHand { until: Option<NaiveDate> },
}

/// What a step of the settlement task came to.
#[derive(Clone, Debug)]
pub enum StepOutcome {
    NothingDue,
    /// Another worker holds the lease.
    HeldByAnother(Period),
    Settled(settlement::Model),
}

/// The period to be settled now: the one that is being settled, else the oldest open one if it is due.
pub async fn due(app: &App, occasion: Occasion) -> Result<Option<Period>, ServiceError> {
    let progress = Progress::load(app.db.reader()).await?;
    if let Some(running) = running(app.db.reader()).await? {
        return Ok(Some(running.period));
    }
    Ok(due_after(app, progress.oldest_open(), occasion))
}

fn due_after(app: &App, oldest_open: Option<Period>, occasion: Occasion) -> Option<Period> {
    let terms = &app.terms;
    let now = app.clock.now();
    match occasion {
        Occasion::Background => due_period(oldest_open, &terms.calendar, now, terms.settlement_grace),
        Occasion::ByHand { until } => {
            let until = until.unwrap_or_else(|| terms.calendar.day_of(now).to_date());
            due_period(oldest_open, &terms.calendar, now, chrono::Duration::zero())
                .filter(|period| period.end() <= until)
        }
    }
}

/// Settles one period if one is due, or goes on with one that was left.
pub async fn step(app: &App, occasion: Occasion) -> Result<StepOutcome, ServiceError> {
    let Some(period) = due(app, occasion).await? else {
        earned::close_several(app).await?;
        return Ok(StepOutcome::NothingDue);
    };
    let lease = match statements::take_over(app, period).await? {
        Some(lease) => lease,
        None => match running(app.db.reader()).await? {
            Some(running) => return Ok(StepOutcome::HeldByAnother(running.period)),
            None => match close::close(app, period).await? {
                Some(lease) => lease,
                None => return Ok(StepOutcome::HeldByAnother(period)),
            },
        },
    };
    match statements::write_all(app, lease).await {
        Ok(settlement) => Ok(StepOutcome::Settled(settlement)),
        Err(ServiceError::LeaseLost) => Ok(StepOutcome::HeldByAnother(period)),
        Err(error) => Err(error),
    }
}

/// Settles every period that is due, in order, and waits for those that another worker is writing. `on_settled` is told
/// of each as it is done.
pub async fn settle_due(
    app: &App,
    occasion: Occasion,
    mut on_settled: impl FnMut(&settlement::Model),
) -> Result<Vec<settlement::Model>, ServiceError> {
    let mut settled: Vec<settlement::Model> = Vec::new();
    loop {
        let done = match step(app, occasion).await? {
            StepOutcome::NothingDue => return Ok(settled),
            StepOutcome::Settled(settlement) => settlement,
            StepOutcome::HeldByAnother(period) => {
                tokio::time::sleep(LOOK_AGAIN).await;
                match find(app.db.reader(), period).await? {
                    Some(other) if other.status == SettlementStatus::Completed => other,
                    _ => continue,
                }
            }
        };
        if settled.iter().all(|known| known.period != done.period) {
            on_settled(&done);
            settled.push(done);
        }
    }
}

/// The settlement of a period.
pub async fn find(db: &impl ConnectionTrait, period: Period) -> Result<Option<settlement::Model>, DbErr> {
    settlement::Entity::find().filter(settlement::Column::Period.eq(period)).one(db).await
}

/// The settlement whose statements are being written; there is at most one.
pub async fn running(db: &impl ConnectionTrait) -> Result<Option<settlement::Model>, DbErr> {
    settlement::Entity::find()
        .filter(settlement::Column::Status.eq(SettlementStatus::Running))
        .order_by_asc(settlement::Column::Period)
        .one(db)
        .await
}

/// The right to write a settlement's statements, until another worker takes it over with a higher epoch.
#[derive(Clone, Debug)]
struct Lease {
    period: Period,
    holder: String,
    epoch: i64,
    /// The last partner whose statement is written.
    settled_through: Option<Uuid>,
    /// The terms that the closing fixed.
    minimum_active_clients: u32,
}

fn lease_end(now: Moment) -> Moment {
    now.plus(chrono::Duration::seconds(LEASE_SECONDS))
}
