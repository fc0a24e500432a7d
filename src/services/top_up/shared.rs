//! Records many top-ups in several transactions at once, each with partners of its own.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::future::try_join_all;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};
use uuid::Uuid;

use super::{FactOutcome, record};
use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::top_up::TopUpFact;
use crate::services::error::ServiceError;

/// A partner's row is locked while his lines are written: two transactions get on side by side only if they have no
/// partner in common.
const SHARES: usize = 2;

/// Records a batch, and on PostgreSQL in a transaction a share; the outcomes are in the order of the facts. Where one
/// share fails another may be on record: sent again, it is replayed.
pub async fn record_shared(app: &App, facts: &[TopUpFact]) -> Result<Vec<FactOutcome>, ServiceError> {
    // SQLite has one writer; and of facts under one key the first must come first.
    if app.db.backend() != DbBackend::Postgres || has_a_key_twice(facts) {
        return record(app, facts).await;
    }
    let partner_of = partners(app.db.reader(), facts).await?;
    let mut shares: [Vec<usize>; SHARES] = Default::default();
    for (index, fact) in facts.iter().enumerate() {
        let partner_id = partner_of.get(&fact.client_id);
        let share = partner_id.map_or(0, |id| usize::from(id.as_bytes()[15]) % SHARES);
        shares[share].push(index);
    }
    let recording = shares.iter().map(async |share| {
        let share: Vec<TopUpFact> = share.iter().map(|index| facts[*index].clone()).collect();
        record(app, &share).await
    });
    let recorded = try_join_all(recording).await?;
    let mut outcomes: Vec<(usize, FactOutcome)> =
        shares.into_iter().flatten().zip(recorded.into_iter().flatten()).collect();
    outcomes.sort_unstable_by_key(|(index, _)| *index);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

fn has_a_key_twice(facts: &[TopUpFact]) -> bool {
    let mut seen = HashSet::with_capacity(facts.len());
    facts.iter().any(|fact| !seen.insert((&fact.source, &fact.external_id)))
}

/// A partner of each client who has one: only the sharing hangs on it, so it need not be the one whose the fact is.
async fn partners(db: &impl ConnectionTrait, facts: &[TopUpFact]) -> Result<HashMap<String, Uuid>, DbErr> {
    let account_ids: BTreeSet<&str> = facts.iter().map(|fact| fact.client_id.as_str()).collect();
    let sql = "WITH {rows} SELECT a.account_id, r.partner_id FROM v JOIN account a ON a.account_id = v.account_id \
               JOIN referral r ON r.account_id = a.id";
    let rows = Rows::of(&[("account_id", Column::Text)], account_ids.into_iter().map(Value::from));
    let rows = rows.query(db, sql, vec![]).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}
