//! Individual rates: what staff sets for one partner instead of his tier's (rule 17).

use std::collections::{BTreeSet, HashMap};

use entity::{Period, RateBasisPoints, individual_rate, partner};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::event::{self, Event};
use super::listing::grouped;
use super::lock::{self, Progress};
use super::partner as partners;
use super::programme::IndividualRates;
use crate::app::App;
use crate::db;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::reason;
use crate::domain::tier::MINIMUM_RATE;

const WHOLE: RateBasisPoints = RateBasisPoints(10_000);

/// Sets a partner's rate from the oldest open period on, from the beginning before a first line exists; nothing
/// takes it away. Whatever was set before stays on record.
pub async fn set(
    app: &App,
    actor: &Actor,
    partner_id: Uuid,
    rate: Option<RateBasisPoints>,
    reason: &str,
) -> Result<partner::Model, ServiceError> {
    let reason = reason::required(Some(reason))?;
    check_rate(rate)?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against a period that closes meanwhile, and against another rate of the same partner.
        lock::period_shared(&tx).await?;
        lock::partner(&tx, partner_id).await?;
        let partner = partners::find(&tx, partner_id).await?.ok_or(Refusal::NotFound { what: "partner" })?;
        let from = Progress::load(&tx).await?.oldest_open().unwrap_or(Period::BEGINNING);
        let periods = periods_from(&tx, partner_id, from).await?;
        let rates = IndividualRates::load(&tx, &BTreeSet::from([partner_id])).await?;
        if periods.iter().all(|period| rates.in_force(partner_id, *period) == rate) {
            return Err(Refusal::AlreadyDone.into());
        }
        let now = app.clock.now();
        let sql = "INSERT INTO individual_rate (id, partner_id, from_period, rate_basis_points, set_at, set_by, \
                   reason) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        for period in periods {
            let values = vec![
                app.clock.new_id().into(),
                partner_id.into(),
                period.0.into(),
                rate.map(|rate| rate.0).into(),
                now.0.into(),
                actor.subject.as_str().into(),
                reason.into(),
            ];
            db::execute(&tx, sql, values).await?;
        }
        let before = rates.in_force(partner_id, from);
        let entry = AuditEntry {
            at: now,
            actor,
            action: "setIndividualRate",
            subject_id: Some(partner_id),
            reason: Some(reason),
            before: json!({ "ratePercent": before.map(|rate| rate.to_string()) }),
            after: json!({ "ratePercent": rate.map(|rate| rate.to_string()), "from": from.0 }),
        };
        audit::record(app, &tx, &entry).await?;
        event::record(app, &tx, &[Event::tier_changed(partner_id)], now).await?;
        tx.commit().await?;
        Ok(partner)
    })
    .await
}

/// The rates that were set for partners, the latest period's first; of two for one period the one that holds comes first.
pub async fn of_partners(
    app: App,
    partner_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<individual_rate::Model>>, ServiceError> {
    let sql = "WITH {rows} SELECT i.* FROM v JOIN individual_rate i ON i.partner_id = v.id \
               ORDER BY i.from_period DESC, i.id DESC";
    grouped(&app, sql, partner_ids, |rate: &individual_rate::Model| rate.partner_id).await
}

fn check_rate(rate: Option<RateBasisPoints>) -> Result<(), Refusal> {
    let refused = |reason: String| Err(Invalid::new("ratePercent", reason).into());
    match rate {
        Some(rate) if rate < MINIMUM_RATE => {
            refused(format!("lies below the programme's minimum, {MINIMUM_RATE}"))
        }
        Some(rate) if rate > WHOLE => refused("lies above 100".to_owned()),
        _ => Ok(()),
    }
}

/// The period from which a rate is to hold, and every later one under which another is kept: while nothing is closed
/// the oldest open period can move back, and what is set last holds in all that follow.
async fn periods_from(
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    from: Period,
) -> Result<BTreeSet<Period>, DbErr> {
    let sql = "SELECT from_period FROM individual_rate WHERE partner_id = $1 AND from_period > $2";
    later_periods(tx, sql, vec![partner_id.into(), from.0.into()], from).await
}

/// `from`, and the periods that a statement answers.
pub(super) async fn later_periods(
    tx: &impl ConnectionTrait,
    sql: &str,
    values: Vec<sea_orm::Value>,
    from: Period,
) -> Result<BTreeSet<Period>, DbErr> {
    let mut periods = BTreeSet::from([from]);
    for row in db::query(tx, sql, values).await? {
        periods.insert(row.try_get_by_index(0)?);
    }
    Ok(periods)
}
