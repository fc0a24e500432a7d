//! Closes a period: one transaction that fixes the counts, gates and next standings of all partners (rule 21).

use std::collections::{BTreeMap, BTreeSet};

use entity::{Moment, Period, RateBasisPoints};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{Lease, crash_point, lease_end};
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::domain::activity::window_from;
use crate::domain::tier::{Tiers, tier_for};
use crate::services::error::ServiceError;
use crate::services::event::{self, Event};
use crate::services::lock::{self, Progress};
use crate::services::notice;
use crate::services::programme::TierTables;

/// A standing as it is fixed at the end of the period before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStanding {
    pub active_clients: u32,
    pub tier: String,
    pub rate: entity::RateBasisPoints,
    pub was_suspended: bool,
}

/// Closes the period and hands out the lease on its statements; none where another worker was first.
pub async fn close(app: &App, period: Period) -> Result<Option<Lease>, ServiceError> {
    crash_point::pass("settlement.before_close");
    let tx = app.begin().await?;
    lock::period_exclusive(&tx).await?;
    if Progress::load(&tx).await?.oldest_open() != Some(period) || super::running(&tx).await?.is_some() {
        tx.rollback().await?;
        return Ok(None);
    }
    // Whatever is recorded from now on waits for this lock and finds the period closed.
    let closed_at = app.clock.now();
    let lease = Lease {
        period,
        holder: app.clock.new_id().to_string(),
        epoch: 1,
        settled_through: None,
        minimum_active_clients: app.terms.minimum_active_clients,
    };
    let partners_total = partners_total(&tx, period).await?;
    insert_settlement(app, &tx, &lease, closed_at, partners_total).await?;
    let tables = TierTables::load(&tx, &app.terms).await?;
    let standings = next_standings(app, &tx, period, tables.in_force(period.next())).await?;
    insert_standings(&tx, period.next(), &standings).await?;
    tell_of_tiers(app, &tx, &tables, period, &standings, closed_at).await?;
    notice::settlement_went_on(app, &tx).await?;
    crash_point::pass("settlement.close_before_commit");
    tx.commit().await?;
    tracing::info!(%period, partners = partners_total, "period closed");
    crash_point::pass("settlement.closed");
    Ok(Some(lease))
}

async fn insert_settlement(
    app: &App,
    tx: &DatabaseTransaction,
    lease: &Lease,
    closed_at: Moment,
    partners_total: i64,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO settlement (id, period, status, closed_at, minimum_active_clients, window_days, \
               partner_count, top_up_count, base, commission, credited, carried_out, partners_total, holder, epoch, \
               lease_until) VALUES ($1, $2, 'RUNNING', $3, $4, $5, 0, 0, 0, 0, 0, 0, $6, $7, $8, $9)";
    let values = vec![
        app.clock.new_id().into(),
        lease.period.0.into(),
        closed_at.0.into(),
        i32::try_from(lease.minimum_active_clients).unwrap_or(i32::MAX).into(),
        i32::try_from(app.terms.window_days).unwrap_or(i32::MAX).into(),
        partners_total.into(),
        lease.holder.as_str().into(),
        lease.epoch.into(),
        lease_end(closed_at).0.into(),
    ];
    db::execute(tx, sql, values).await.map(|_| ())
}

async fn partners_total(db: &impl ConnectionTrait, period: Period) -> Result<i64, DbErr> {
    let sql = "SELECT COUNT(*) FROM (SELECT partner_id FROM partner_sum WHERE settle_period = $1 \
               UNION SELECT partner_id FROM balance WHERE carried <> 0) AS p";
    let row = db::query_one(db, sql, vec![period.0.into()]).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0))
}

/// The standings of the period that follows: whoever has active clients at the boundary, or is suspended.
pub async fn next_standings(
    app: &App,
    db: &impl ConnectionTrait,
    period: Period,
    tiers: &Tiers,
) -> Result<BTreeMap<Uuid, NewStanding>, DbErr> {
    let counts = active_clients(app, db, period).await?;
    let suspended = suspended(db).await?;
    let partners: BTreeSet<Uuid> = counts.keys().chain(&suspended).copied().collect();
    let standings = partners.into_iter().map(|partner_id| {
        let active_clients = counts.get(&partner_id).copied().unwrap_or(0);
        let tier = tier_for(tiers, active_clients);
        let was_suspended = suspended.contains(&partner_id);
        let tier_name = tier.name.clone();
        (partner_id, NewStanding { active_clients, tier: tier_name, rate: tier.rate, was_suspended })
    });
    Ok(standings.collect())
}

/// Tells the partners whose tier or rate is another one in the period that follows. A partner without a standing has
/// the first tier of the table in force.
async fn tell_of_tiers(
    app: &App,
    tx: &DatabaseTransaction,
    tables: &TierTables,
    period: Period,
    standings: &BTreeMap<Uuid, NewStanding>,
    now: Moment,
) -> Result<(), DbErr> {
    let sql = "SELECT partner_id, tier, rate_basis_points FROM standing WHERE period = $1";
    let mut before: BTreeMap<Uuid, (String, RateBasisPoints)> = BTreeMap::new();
    for row in db::query(tx, sql, vec![period.0.into()]).await? {
        before.insert(row.try_get_by_index(0)?, (row.try_get_by_index(1)?, row.try_get_by_index(2)?));
    }
    let (old, new) = (tables.in_force(period).first(), tables.in_force(period.next()).first());
    let changed = before.keys().chain(standings.keys()).copied().filter(|partner_id| {
        let was = before.get(partner_id).map_or((&old.name, old.rate), |(tier, rate)| (tier, *rate));
        let is = standings.get(partner_id).map_or((&new.name, new.rate), |next| (&next.tier, next.rate));
        was != is
    });
    let changed: BTreeSet<Uuid> = changed.collect();
    // The changes of a partner are numbered under the lock of his row.
    lock::partners(tx, &changed).await?;
    let events: Vec<Event> = changed.into_iter().map(Event::tier_changed).collect();
    event::record(app, tx, &events, now).await
}

/// What makes a client active at the end of period $2 (rule 16): a group of his lines that is settled in it or before,
/// taken back after it or never, with its last occurrence in the window that begins at $3, in period $1. What occurred
/// in the window is settled in that period at the earliest.
const ACTIVE: &str =
    "s.settle_period BETWEEN $1 AND $2 AND s.taken_back_period > $2 AND s.last_purchase_at >= $3";

fn active_values(app: &App, period: Period) -> Vec<Value> {
    let calendar = &app.terms.calendar;
    let from = window_from(calendar.ends_at(period), app.terms.window_days);
    vec![calendar.period_of(from).0.into(), period.0.into(), from.0.into()]
}

/// Active clients of each partner at the boundary at the end of a period, by what the periods of the window hold.
pub async fn active_clients(
    app: &App,
    db: &impl ConnectionTrait,
    period: Period,
) -> Result<BTreeMap<Uuid, u32>, DbErr> {
    let sql = format!(
        "SELECT partner_id, COUNT(*) FROM (SELECT DISTINCT s.partner_id, s.referral_id FROM referral_sum s \
         WHERE {ACTIVE}) AS active GROUP BY partner_id"
    );
    counts(&db::query(db, sql, active_values(app, period)).await?)
}

/// The same of some partners, by their clients.
pub async fn active_clients_of(
    app: &App,
    db: &impl ConnectionTrait,
    period: Period,
    partners: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, u32>, DbErr> {
    let sql = format!(
        "WITH {{rows}} SELECT partner_id, COUNT(*) FROM (SELECT DISTINCT r.partner_id, s.referral_id FROM v \
         JOIN referral r ON r.partner_id = v.id JOIN referral_sum s ON s.referral_id = r.id WHERE {ACTIVE}) AS active \
         GROUP BY partner_id"
    );
    let rows = Rows::of(&[("id", Column::Uuid)], partners.iter().map(|id| Value::from(*id)));
    counts(&rows.query(db, &sql, active_values(app, period)).await?)
}

fn counts(rows: &[QueryResult]) -> Result<BTreeMap<Uuid, u32>, DbErr> {
    let counts = rows.iter().map(|row| {
        let count: i64 = row.try_get_by_index(1)?;
        Ok((row.try_get_by_index(0)?, u32::try_from(count).unwrap_or(u32::MAX)))
    });
    counts.collect()
}

async fn suspended(db: &impl ConnectionTrait) -> Result<BTreeSet<Uuid>, DbErr> {
    let rows = db::query(db, "SELECT partner_id FROM suspension WHERE until IS NULL", vec![]).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

async fn insert_standings(
    tx: &DatabaseTransaction,
    period: Period,
    standings: &BTreeMap<Uuid, NewStanding>,
) -> Result<(), DbErr> {
    let mut rows = Rows::new(&[
        ("partner_id", Column::Uuid),
        ("active_clients", Column::BigInt),
        ("tier", Column::Text),
        ("rate_basis_points", Column::Int),
        ("was_suspended", Column::Bool),
    ]);
    for (partner_id, standing) in standings {
        rows.push([
            (*partner_id).into(),
            i64::from(standing.active_clients).into(),
            standing.tier.as_str().into(),
            standing.rate.0.into(),
            standing.was_suspended.into(),
        ]);
    }
    let sql = "WITH {rows} INSERT INTO standing (partner_id, period, active_clients, tier, rate_basis_points, \
               was_suspended) SELECT partner_id, $1, active_clients, tier, rate_basis_points, was_suspended FROM v";
    rows.execute(tx, sql, vec![period.0.into()]).await.map(|_| ())
}
