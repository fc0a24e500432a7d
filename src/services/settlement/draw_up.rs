//! Draws up statements from what is on record: the code that settles, previews and answers forecasts alike.

use std::collections::{BTreeSet, HashMap};

use entity::{Money, Period, RateBasisPoints};
use sea_orm::{ConnectionTrait, DbErr, Value};
use uuid::Uuid;

use super::close::NewStanding;
use crate::app::Terms;
use crate::db::{self, Column, Rows};
use crate::domain::digest::{StatementDigest, statement_digest};
use crate::domain::settlement::{RateSum, StatementFacts, StatementFigures, draw_up};
use crate::domain::tier::Tier;
use crate::services::error::ServiceError;
use crate::services::ledger::{self, LockedBalance};
use crate::services::programme::{IndividualRates, TierTables, rate_of};

/// A statement that is drawn up and not written yet.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub partner_id: Uuid,
    pub active_clients: u32,
    pub tier: String,
    pub rate: RateBasisPoints,
    pub figures: StatementFigures,
    pub digest: String,
}

/// What a dry run has settled in memory: it stands for what a settlement would have written.
#[derive(Debug, Default)]
pub struct Overlay {
    pub standings: HashMap<(Uuid, Period), NewStanding>,
    pub carried: HashMap<Uuid, Money>,
    pub digests: HashMap<Uuid, String>,
    /// Periods closed in memory: their standings are in `standings` alone.
    pub closed: BTreeSet<Period>,
}

/// The partners that have a statement for a period, in the order of their ids, after `after`.
pub async fn partners_after(
    db: &impl ConnectionTrait,
    period: Period,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>, DbErr> {
    let sql = "SELECT partner_id FROM (SELECT DISTINCT partner_id FROM partner_sum WHERE settle_period = $1 \
               AND partner_id > $2 ORDER BY partner_id LIMIT $3) AS a \
               UNION SELECT partner_id FROM (SELECT partner_id FROM balance WHERE carried <> 0 \
               AND partner_id > $2 ORDER BY partner_id LIMIT $3) AS b ORDER BY partner_id LIMIT $3";
    let rows = db::query(db, sql, vec![period.0.into(), after.into(), limit.into()]).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// The partners that have lines in a period.
pub async fn with_lines(db: &impl ConnectionTrait, period: Period) -> Result<BTreeSet<Uuid>, DbErr> {
    let sql = "SELECT DISTINCT partner_id FROM partner_sum WHERE settle_period = $1";
    db::query(db, sql, vec![period.0.into()]).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// What the statements of some partners are drawn up from.
struct Records {
    sums: HashMap<Uuid, Vec<(Period, Money, i64)>>,
    standings: HashMap<(Uuid, Period), NewStanding>,
    individual: IndividualRates,
    digests: HashMap<Uuid, String>,
}

/// Draws up the statements of these partners for a closed period, in the order given.
pub async fn draw_up_for(
    db: &impl ConnectionTrait,
    tables: &TierTables,
    period: Period,
    minimum_active_clients: u32,
    partners: &[Uuid],
    balances: &HashMap<Uuid, LockedBalance>,
    overlay: &Overlay,
) -> Result<Vec<Drawn>, ServiceError> {
    let ids: BTreeSet<Uuid> = partners.iter().copied().collect();
    let records = load(db, period, &ids).await?;
    let standing = |partner_id: Uuid, period: Period| {
        let key = (partner_id, period);
        if overlay.closed.contains(&period.previous()) {
            return overlay.standings.get(&key);
        }
        records.standings.get(&key)
    };
    let rate = |partner_id: Uuid, period: Period| {
        let tier_rate = standing(partner_id, period).map(|standing| standing.rate);
        rate_of(tables, records.individual.in_force(partner_id, period), tier_rate, period).rate
    };
    let mut drawn = Vec::with_capacity(partners.len());
    for &partner_id in partners {
        let carried = balances.get(&partner_id).map_or(Money::ZERO, |balance| balance.carried);
        let sums = records.sums.get(&partner_id).into_iter().flatten();
        let at_the_end = standing(partner_id, period.next());
        let facts = StatementFacts {
            active_clients: at_the_end.map_or(0, |standing| standing.active_clients),
            minimum_active_clients,
            is_suspended: at_the_end.is_some_and(|standing| standing.was_suspended),
            carried_in: overlay.carried.get(&partner_id).copied().unwrap_or(carried),
            sums: sums
                .map(|(rate_period, base, top_ups)| RateSum {
                    base: *base,
                    top_ups: *top_ups,
                    rate: rate(partner_id, *rate_period),
                })
                .collect(),
        };
        let figures = draw_up(&facts).ok_or_else(|| {
            ServiceError::Broken(format!("the statement of partner {partner_id} for {period} leaves 64 bits"))
        })?;
        let rate = rate(partner_id, period);
        let previous = overlay.digests.get(&partner_id).or_else(|| records.digests.get(&partner_id));
        let previous = previous.map(String::as_str);
        let active_clients = facts.active_clients;
        let digest = statement_digest(&StatementDigest::of(
            partner_id,
            period,
            active_clients,
            rate,
            &figures,
            previous,
        ));
        let first: &Tier = tables.in_force(period).first();
        let tier = standing(partner_id, period).map_or(&first.name, |standing| &standing.tier).clone();
        drawn.push(Drawn { partner_id, active_clients, tier, rate, figures, digest });
    }
    Ok(drawn)
}

async fn load(db: &impl ConnectionTrait, period: Period, ids: &BTreeSet<Uuid>) -> Result<Records, DbErr> {
    let sums = sums(db, period, ids).await?;
    let earliest = sums.values().flatten().map(|(rate_period, ..)| *rate_period).min().unwrap_or(period);
    Ok(Records {
        standings: standings(db, ids, earliest.min(period), period.next()).await?,
        individual: IndividualRates::load(db, ids).await?,
        digests: last_digests(db, period, ids).await?,
        sums,
    })
}

fn rows_of(ids: &BTreeSet<Uuid>) -> Rows {
    Rows::of(&[("id", Column::Uuid)], ids.iter().map(|id| Value::from(*id)))
}

async fn sums(
    db: &impl ConnectionTrait,
    period: Period,
    ids: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Vec<(Period, Money, i64)>>, DbErr> {
    let sql = "WITH {rows} SELECT s.partner_id, s.rate_period, s.base, s.top_ups FROM v \
               JOIN partner_sum s ON s.partner_id = v.id AND s.settle_period = $1 ORDER BY s.partner_id, s.rate_period";
    let mut sums: HashMap<Uuid, Vec<_>> = HashMap::new();
    for row in rows_of(ids).query(db, sql, vec![period.0.into()]).await? {
        let sum = (row.try_get_by_index(1)?, row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        sums.entry(row.try_get_by_index(0)?).or_default().push(sum);
    }
    Ok(sums)
}

/// The standings of partners in a range of periods.
pub async fn standings(
    db: &impl ConnectionTrait,
    ids: &BTreeSet<Uuid>,
    from: Period,
    through: Period,
) -> Result<HashMap<(Uuid, Period), NewStanding>, DbErr> {
    let sql = "WITH {rows} SELECT s.partner_id, s.period, s.active_clients, s.tier, s.rate_basis_points, \
               s.was_suspended FROM v JOIN standing s ON s.partner_id = v.id AND s.period BETWEEN $1 AND $2";
    let rows = rows_of(ids).query(db, sql, vec![from.0.into(), through.0.into()]).await?;
    rows.iter()
        .map(|row| {
            let active: i64 = row.try_get_by_index(2)?;
            let standing = NewStanding {
                active_clients: u32::try_from(active).unwrap_or(u32::MAX),
                tier: row.try_get_by_index(3)?,
                rate: row.try_get_by_index(4)?,
                was_suspended: row.try_get_by_index(5)?,
            };
            Ok(((row.try_get_by_index(0)?, row.try_get_by_index(1)?), standing))
        })
        .collect()
}

/// The digest of each partner's last statement before a period.
async fn last_digests(
    db: &impl ConnectionTrait,
    period: Period,
    ids: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, String>, DbErr> {
    let sql = "WITH {rows} SELECT s.partner_id, s.digest FROM v JOIN statement s ON s.partner_id = v.id \
               AND s.period = (SELECT MAX(x.period) FROM statement x WHERE x.partner_id = v.id AND x.period < $1)";
    let rows = rows_of(ids).query(db, sql, vec![period.0.into()]).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// The tables and balances that a drawing up needs, without a lock.
pub async fn unlocked(
    db: &impl ConnectionTrait,
    terms: &Terms,
    partners: &[Uuid],
) -> Result<(TierTables, HashMap<Uuid, LockedBalance>), ServiceError> {
    let tables = TierTables::load(db, terms).await?;
    let balances = ledger::balances(db, &partners.iter().copied().collect()).await?;
    Ok((tables, balances))
}
