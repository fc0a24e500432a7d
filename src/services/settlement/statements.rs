//! Writes the statements of a closed period, a batch of partners a transaction, under a lease with an epoch (rule 21).

use std::collections::HashMap;

use entity::{Moment, Money, Period, settlement};
use futures_util::TryStreamExt;
use sea_orm::{DatabaseTransaction, DbErr, StreamTrait};
use uuid::Uuid;

use super::draw_up::{self, Drawn, Overlay};
use super::{Lease, crash_point, lease_end};
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::domain::digest::SettlementDigest;
use crate::domain::transfer;
use crate::services::change::Numbers;
use crate::services::error::{ServiceError, retrying};
use crate::services::ledger::{self, Postings};
use crate::services::programme::TierTables;
use crate::services::{lock, notice};

/// How many partners a transaction settles: each batch renews the lease, and holds their balances for a moment only.
const BATCH: usize = 500;

/// Takes over a settlement whose worker has been silent too long; none where there is nothing to take over.
pub async fn take_over(app: &App, period: Period) -> Result<Option<Lease>, ServiceError> {
    let tx = app.begin().await?;
    let now = app.clock.now();
    let holder = app.clock.new_id().to_string();
    let sql = "UPDATE settlement SET holder = $1, epoch = epoch + 1, lease_until = $2 \
               WHERE period = $3 AND status = 'RUNNING' AND lease_until < $4 \
               RETURNING epoch, settled_through, minimum_active_clients";
    let values = vec![holder.as_str().into(), lease_end(now).0.into(), period.0.into(), now.0.into()];
    let row = db::query_one(&tx, sql, values).await?;
    let lease = row.map(|row| {
        let minimum: i32 = row.try_get_by_index(2)?;
        Ok::<_, DbErr>(Lease {
            period,
            holder,
            epoch: row.try_get_by_index(0)?,
            settled_through: row.try_get_by_index(1)?,
            minimum_active_clients: minimum.unsigned_abs(),
        })
    });
    let lease = lease.transpose()?;
    tx.commit().await?;
    if let Some(lease) = &lease {
        tracing::info!(%period, epoch = lease.epoch, "going on with a settlement that was left");
    }
    Ok(lease)
}

/// Writes what is missing and completes the settlement.
pub async fn write_all(app: &App, mut lease: Lease) -> Result<settlement::Model, ServiceError> {
    loop {
        let written = retrying(async || write_batch(app, &lease).await).await?;
        match written {
            Some(last) => lease.settled_through = Some(last),
            None => break,
        }
        crash_point::pass("settlement.statements_written");
    }
    retrying(async || complete(app, &lease).await).await?;
    crash_point::pass("settlement.completed");
    super::find(app.db.reader(), lease.period)
        .await?
        .ok_or_else(|| ServiceError::Broken(format!("the settlement of {} is gone", lease.period)))
}

/// Settles the next partners; answers the last of them, or none where all are settled.
async fn write_batch(app: &App, lease: &Lease) -> Result<Option<Uuid>, ServiceError> {
    let period = lease.period;
    let tx = app.begin().await?;
    renew(app, &tx, lease).await?;
    let after = lease.settled_through.unwrap_or(Uuid::nil());
    let partners = draw_up::partners_after(&tx, period, after, BATCH as i64).await?;
    let Some(last) = partners.last().copied() else {
        tx.commit().await?;
        return Ok(None);
    };
    let locked = partners.iter().copied().collect();
    // Against other changes of theirs, whose numbers follow one another, and against withdrawals of the same moment.
    lock::partners(&tx, &locked).await?;
    let balances = ledger::lock_balances(&tx, &locked).await?;
    let tables = TierTables::load(&tx, &app.terms).await?;
    let minimum = lease.minimum_active_clients;
    let drawn =
        draw_up::draw_up_for(&tx, &tables, period, minimum, &partners, &balances, &Overlay::default())
            .await?;
    let now = app.clock.now();
    let mut postings = Postings::new(now, balances);
    let mut ids = HashMap::with_capacity(drawn.len());
    for statement in &drawn {
        let id = app.clock.new_id();
        if let Some(credit) = transfer::commission_credit(id, statement.figures.credited) {
            postings.post(app, statement.partner_id, credit)?;
        }
        postings.carry(statement.partner_id, statement.figures.carried_out);
        let available =
            postings.balance(statement.partner_id).map_or(Money::ZERO, |held| held.balance.available);
        ids.insert(statement.partner_id, (id, available));
    }
    let numbers = Numbers::draw(app, &tx, partners).await?;
    insert(&tx, period, &drawn, &ids, now, numbers).await?;
    postings.write(&tx).await?;
    count(&tx, period, &drawn, last).await?;
    notice::settlement_went_on(app, &tx).await?;
    crash_point::pass("settlement.statements_before_commit");
    tx.commit().await?;
    Ok(Some(last))
}

/// Renews the lease, and locks the settlement's row with it; refused where another worker has taken over.
async fn renew(app: &App, tx: &DatabaseTransaction, lease: &Lease) -> Result<(), ServiceError> {
    let sql = "UPDATE settlement SET lease_until = $1 \
               WHERE period = $2 AND status = 'RUNNING' AND holder = $3 AND epoch = $4";
    let values = vec![
        lease_end(app.clock.now()).0.into(),
        lease.period.0.into(),
        lease.holder.as_str().into(),
        lease.epoch.into(),
    ];
    let renewed = db::execute(tx, sql, values).await?.rows_affected();
    if renewed == 1 { Ok(()) } else { Err(ServiceError::LeaseLost) }
}

async fn insert(
    tx: &DatabaseTransaction,
    period: Period,
    drawn: &[Drawn],
    ids: &HashMap<Uuid, (Uuid, Money)>,
    now: Moment,
    mut numbers: Numbers,
) -> Result<(), DbErr> {
    let mut rows = Rows::new(COLUMNS);
    for statement in drawn {
        let (id, closing_balance) = ids[&statement.partner_id];
        let figures = &statement.figures;
        rows.push([
            id.into(),
            statement.partner_id.into(),
            i64::from(statement.active_clients).into(),
            statement.tier.as_str().into(),
            statement.rate.0.into(),
            figures.top_ups.into(),
            figures.base.0.into(),
            figures.commission.0.into(),
            figures.carried_in.0.into(),
            figures.credited.0.into(),
            figures.carried_out.0.into(),
            figures.carry_reason.map(<&str>::from).into(),
            closing_balance.0.into(),
            statement.digest.as_str().into(),
            numbers.take().into(),
        ]);
    }
    rows.execute(tx, INSERT, vec![period.0.into(), now.0.into()]).await.map(|_| ())
}

const COLUMNS: &[(&str, Column)] = &[
    ("id", Column::Uuid),
    ("partner_id", Column::Uuid),
    ("active_clients", Column::BigInt),
    ("tier", Column::Text),
    ("rate_basis_points", Column::Int),
    ("top_ups", Column::BigInt),
    ("base", Column::BigInt),
    ("commission", Column::BigInt),
    ("carried_in", Column::BigInt),
    ("credited", Column::BigInt),
    ("carried_out", Column::BigInt),
    ("carry_reason", Column::TextOrNull),
    ("closing_balance", Column::BigInt),
    ("digest", Column::Text),
    ("change", Column::BigIntOrNull),
];

const INSERT: &str = "WITH {rows} INSERT INTO statement (id, partner_id, period, active_clients, tier, \
    rate_basis_points, top_ups, base, commission, carried_in, credited, carried_out, carry_reason, closing_balance, \
    settled_at, digest, change) SELECT id, partner_id, $1, active_clients, tier, rate_basis_points, top_ups, base, commission, \
    carried_in, credited, carried_out, carry_reason, closing_balance, $2, digest, change FROM v";

/// Adds a batch to the settlement's totals, and remembers how far it came.
async fn count(
    tx: &DatabaseTransaction,
    period: Period,
    drawn: &[Drawn],
    last: Uuid,
) -> Result<(), ServiceError> {
    let total = |amount: fn(&Drawn) -> Money| -> Money { drawn.iter().map(amount).sum() };
    let sql = "UPDATE settlement SET partner_count = partner_count + $1, top_up_count = top_up_count + $2, \
               base = base + $3, commission = commission + $4, credited = credited + $5, \
               carried_out = carried_out + $6, settled_through = $7 WHERE period = $8";
    let values = vec![
        i64::try_from(drawn.len()).unwrap_or(i64::MAX).into(),
        drawn.iter().map(|statement| statement.figures.top_ups).sum::<i64>().into(),
        total(|statement| statement.figures.base).0.into(),
        total(|statement| statement.figures.commission).0.into(),
        total(|statement| statement.figures.credited).0.into(),
        total(|statement| statement.figures.carried_out).0.into(),
        last.into(),
        period.0.into(),
    ];
    db::execute(tx, sql, values).await?;
    Ok(())
}

async fn complete(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let tx = app.begin().await?;
    renew(app, &tx, lease).await?;
    let digest = digest_of(&tx, lease.period).await?;
    let sql = "UPDATE settlement SET status = 'COMPLETED', completed_at = $1, digest = $2 WHERE period = $3";
    let values = vec![app.clock.now().0.into(), digest.as_str().into(), lease.period.0.into()];
    db::execute(&tx, sql, values).await?;
    notice::settlement_went_on(app, &tx).await?;
    crash_point::pass("settlement.complete_before_commit");
    tx.commit().await?;
    tracing::info!(period = %lease.period, digest, "period settled");
    Ok(())
}

/// The digest over the statements of a period, in the order of partner ids (rule 21).
pub async fn digest_of(tx: &DatabaseTransaction, period: Period) -> Result<String, DbErr> {
    let sql = "SELECT digest FROM statement WHERE period = $1 ORDER BY partner_id";
    let mut rows = tx.stream_raw(db::statement(tx, sql, vec![period.0.into()])).await?;
    let mut digest = SettlementDigest::new();
    while let Some(row) = rows.try_next().await? {
        digest.add(&row.try_get_by_index::<String>(0)?);
    }
    Ok(digest.finish())
}
