//! The table of tiers: changed by staff from the next settlement on, and never forgotten (rule 17).

use entity::Period;
use serde_json::{Value as Json, json};

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::individual_rate::later_periods;
use super::lock::{self, Progress};
use super::programme::{self, NewTable, TierTables};
use crate::app::App;
use crate::domain::error::Refusal;
use crate::domain::reason;
use crate::domain::tier::{MINIMUM_RATE, Tier, Tiers};

/// Sets the table of tiers. It decides the standings that the next settlement fixes, which are those of the period
/// after the oldest open one; before a first line exists it holds from the beginning.
pub async fn set(app: &App, actor: &Actor, tiers: &[Tier], reason: &str) -> Result<Tiers, ServiceError> {
    let reason = reason::required(Some(reason))?;
    let tiers = Tiers::new(tiers.to_vec(), MINIMUM_RATE).map_err(Refusal::from)?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against a period that closes, a line that fixes the first table, and another table.
        lock::period_exclusive(&tx).await?;
        let oldest_open = Progress::load(&tx).await?.oldest_open();
        let from = oldest_open.map_or(Period::BEGINNING, Period::next);
        // While nothing is closed the oldest open period can move back: what is set last holds in all that follow.
        let sql = "SELECT DISTINCT from_period FROM tier_table WHERE from_period > $1";
        let periods = later_periods(&tx, sql, vec![from.0.into()], from).await?;
        let tables = TierTables::load(&tx, &app.terms).await?;
        if periods.iter().all(|period| tables.in_force(*period) == &tiers) {
            return Err(Refusal::AlreadyDone.into());
        }
        let now = app.clock.now();
        for from in periods {
            let table = NewTable { from, tiers: &tiers, by: &actor.subject, reason };
            programme::insert_table(app, &tx, &table, now).await?;
        }
        let entry = AuditEntry {
            at: now,
            actor,
            action: "setTiers",
            subject_id: None,
            reason: Some(reason),
            before: audited(tables.in_force(from)),
            after: audited(&tiers),
        };
        audit::record(app, &tx, &entry).await?;
        tx.commit().await?;
        Ok(tiers.clone())
    })
    .await
}

fn audited(tiers: &Tiers) -> Json {
    let tier = |tier: &Tier| {
        json!({
            "name": tier.name,
            "minimumActiveClients": tier.minimum_active_clients,
            "ratePercent": tier.rate.to_string(),
        })
    };
    json!({ "tiers": tiers.iter().map(tier).collect::<Vec<_>>() })
}
