//! A partner's balance as he sees it, now or at an earlier time.

use std::collections::BTreeSet;

use entity::{Moment, Money, Period};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::error::ServiceError;
use super::standing::RateBook;
use super::sums::commission_of;
use crate::app::App;
use crate::db;

/// All that is a partner's, wherever it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalanceView {
    pub available: Money,
    pub reserved: Money,
    /// Commission of periods that have no statement of his yet, at the rates in force (rule 18).
    pub pending: Money,
    /// Net of settled periods that was not credited.
    pub carried: Money,
    pub lifetime_credited: Money,
    pub lifetime_paid: Money,
}

/// The balance now, or by what was on record at `as_of`.
pub async fn view(app: &App, partner_id: Uuid, as_of: Option<Moment>) -> Result<BalanceView, ServiceError> {
    match as_of.filter(|at| *at < app.clock.now()) {
        None => now(app, partner_id).await,
        Some(at) => then(app, partner_id, at).await,
    }
}

/// Balance and pending sums by one statement: between two of them a settlement could move money from one to the other.
async fn now(app: &App, partner_id: Uuid) -> Result<BalanceView, ServiceError> {
    let sql = "SELECT s.rate_period, s.base, b.available, b.reserved, b.carried, b.lifetime_credited, \
               b.lifetime_paid FROM balance b LEFT JOIN (SELECT rate_period, CAST(SUM(base) AS BIGINT) AS base \
               FROM partner_sum WHERE partner_id = $1 AND settle_period > \
               COALESCE((SELECT MAX(period) FROM statement WHERE partner_id = $1), 0) GROUP BY rate_period) AS s \
               ON 1 = 1 WHERE b.partner_id = $1";
    let rows = db::query(app.db.reader(), sql, vec![partner_id.into()]).await?;
    let Some(row) = rows.first() else { return Ok(BalanceView::default()) };
    Ok(BalanceView {
        available: row.try_get_by_index(2)?,
        reserved: row.try_get_by_index(3)?,
        pending: pending(app, partner_id, &rows, None).await?,
        carried: row.try_get_by_index(4)?,
        lifetime_credited: row.try_get_by_index(5)?,
        lifetime_paid: row.try_get_by_index(6)?,
    })
}

/// What the ledger, the statements and the lines say of an earlier time; none of them ever changes.
async fn then(app: &App, partner_id: Uuid, at: Moment) -> Result<BalanceView, ServiceError> {
    let db = app.db.reader();
    let values = || vec![partner_id.into(), at.0.into()];
    let after = "FROM ledger_transfer WHERE partner_id = $1 AND at <= $2 ORDER BY number DESC LIMIT 1";
    let before = "FROM statement WHERE partner_id = $1 AND settled_at <= $2 ORDER BY period DESC LIMIT 1";
    let lifetime = |signed: &str| {
        format!(
            "COALESCE((SELECT CAST(SUM(CASE {signed} ELSE 0 END) AS BIGINT) FROM ledger_transfer \
             WHERE partner_id = $1 AND at <= $2), 0)"
        )
    };
    let credited = lifetime("kind WHEN 'COMMISSION' THEN amount");
    let paid = lifetime(
        "kind WHEN 'WITHDRAWAL_PAID' THEN amount WHEN 'SERVICE_TRANSFER' THEN amount \
         WHEN 'SERVICE_TRANSFER_RETURNED' THEN -amount",
    );
    let sql = format!(
        "SELECT (SELECT available_after {after}), (SELECT reserved_after {after}), (SELECT carried_out {before}), \
         (SELECT period {before}), {credited}, {paid}"
    );
    let Some(row) = db::query_one(db, sql, values()).await? else { return Ok(BalanceView::default()) };
    let settled: Option<Period> = row.try_get_by_index(3)?;
    let sql = "SELECT rate_period, CAST(SUM(base) AS BIGINT) FROM line WHERE partner_id = $1 AND recorded_at <= $2 \
               AND settle_period > $3 GROUP BY rate_period";
    let mut with_settled = values();
    with_settled.push(settled.unwrap_or(Period::BEGINNING).0.into());
    let sums = db::query(db, sql, with_settled).await?;
    let amount = |index| {
        Ok::<Money, sea_orm::DbErr>(row.try_get_by_index::<Option<Money>>(index)?.unwrap_or_default())
    };
    Ok(BalanceView {
        available: amount(0)?,
        reserved: amount(1)?,
        carried: amount(2)?,
        pending: pending(app, partner_id, &sums, Some(at)).await?,
        lifetime_credited: amount(4)?,
        lifetime_paid: amount(5)?,
    })
}

/// The commission of sums of bases by rate period, the first two columns of the rows.
async fn pending(
    app: &App,
    partner_id: Uuid,
    rows: &[QueryResult],
    as_of: Option<Moment>,
) -> Result<Money, ServiceError> {
    let mut sums: Vec<(Period, Money)> = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(rate_period) = row.try_get_by_index(0)? {
            sums.push((rate_period, row.try_get_by_index(1)?));
        }
    }
    if sums.is_empty() {
        return Ok(Money::ZERO);
    }
    let keys: BTreeSet<(Uuid, Period)> = sums.iter().map(|(period, _)| (partner_id, *period)).collect();
    let book = RateBook::load(app.db.reader(), &app.terms, &keys, as_of).await?;
    commission_of(sums, |period| book.rate(partner_id, period).rate)
        .ok_or_else(|| ServiceError::Broken(format!("pending of partner {partner_id} leaves 64 bits")))
}
