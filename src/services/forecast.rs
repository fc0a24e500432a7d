//! Where a partner is heading on today's figures: what the next settlement would do, by the code that does it.

use std::collections::BTreeSet;

use entity::{Day, Moment, Money, PartnerStatus, Period, partner};
use sea_orm::DbErr;
use uuid::Uuid;

use super::error::ServiceError;
use super::ledger;
use super::lock::Progress;
use super::programme::TierTables;
use super::settlement::{NewStanding, Overlay, active_clients, draw_up_for, running};
use crate::app::{App, Terms};
use crate::db;
use crate::domain::activity::window_from;
use crate::domain::tier::{Tier, tier_for};

/// What comes if nothing more happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    pub active_clients_now: u32,
    /// The tier of the period after the oldest open one.
    pub tier: Tier,
    pub clients_to_next_tier: Option<u32>,
    /// What the next settlement will credit.
    pub next_credit: Money,
    pub next_settlement_at: Moment,
}

/// When a period is settled by itself; `oldest_open` is none before a first line exists.
pub fn next_settlement_at(terms: &Terms, oldest_open: Option<Period>, now: Moment) -> Moment {
    let period = oldest_open.unwrap_or_else(|| terms.calendar.period_of(now));
    terms.calendar.ends_at(period).plus(terms.settlement_grace)
}

/// Draws up the partner's next statement in memory, on a snapshot.
pub async fn forecast(app: &App, partner: &partner::Model) -> Result<Forecast, ServiceError> {
    let now = app.clock.now();
    let snapshot = app.db.begin_snapshot().await?;
    let db = &snapshot;
    let oldest_open = Progress::load(db).await?.oldest_open();
    let period = oldest_open.unwrap_or_else(|| app.terms.calendar.period_of(now));
    let tables = TierTables::load(db, &app.terms).await?;
    let balances = ledger::balances(db, &BTreeSet::from([partner.id])).await?;
    let mut overlay = Overlay::default();
    let ids = [partner.id];
    if let Some(running) = running(db).await?
        && running.settled_through.is_none_or(|through| through < partner.id)
    {
        // His statement of the period that is being settled comes first: it decides what is carried on.
        let minimum = running.minimum_active_clients.unsigned_abs();
        let drawn = draw_up_for(db, &tables, running.period, minimum, &ids, &balances, &overlay).await?;
        overlay.carried.extend(drawn.iter().map(|drawn| (partner.id, drawn.figures.carried_out)));
    }
    let count = active_clients(app, db, period, Some(partner.id)).await?.remove(&partner.id).unwrap_or(0);
    let tiers = tables.in_force(period.next());
    let tier = tier_for(tiers, count).clone();
    let standing = NewStanding {
        active_clients: count,
        tier: tier.name.clone(),
        rate: tier.rate,
        was_suspended: partner.status == PartnerStatus::Suspended,
    };
    overlay.closed.insert(period);
    overlay.standings.insert((partner.id, period.next()), standing);
    let minimum = app.terms.minimum_active_clients;
    let drawn = draw_up_for(db, &tables, period, minimum, &ids, &balances, &overlay).await?;
    let active_clients_now = active_now(app, db, partner.id, now).await?;
    snapshot.rollback().await?;
    Ok(Forecast {
        active_clients_now,
        clients_to_next_tier: tiers
            .next_after(&tier)
            .map(|next| next.minimum_active_clients.saturating_sub(count)),
        tier,
        next_credit: drawn.first().map_or(Money::ZERO, |drawn| drawn.figures.credited),
        next_settlement_at: next_settlement_at(&app.terms, oldest_open, now),
    })
}

/// Clients whose last standing purchase lies in the window: whole days by their counts, and of the day in which the
/// window begins the clients themselves.
async fn active_now(
    app: &App,
    db: &impl sea_orm::ConnectionTrait,
    partner_id: Uuid,
    now: Moment,
) -> Result<u32, DbErr> {
    let from = window_from(now, app.terms.window_days);
    let first_day = from.utc_day();
    let next_day = Day::from_date(first_day.to_date().succ_opt().unwrap_or(first_day.to_date()));
    let next_day_begins = Moment::from_utc(next_day.to_date().and_time(chrono::NaiveTime::MIN).and_utc());
    let sql = "SELECT COALESCE((SELECT CAST(SUM(clients) AS BIGINT) FROM active_day \
               WHERE partner_id = $1 AND day >= $2), 0) + (SELECT COUNT(*) FROM referral_total \
               WHERE partner_id = $1 AND last_purchase_at >= $3 AND last_purchase_at < $4)";
    let values = vec![partner_id.into(), next_day.0.into(), from.0.into(), next_day_begins.0.into()];
    let row = db::query_one(db, sql, values).await?;
    let active: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    Ok(u32::try_from(active).unwrap_or(u32::MAX))
}
