//! A partner's balance as he sees it, now or at an earlier time.

use std::collections::BTreeSet;

use entity::{Moment, Money, Period};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::error::ServiceError;
use super::position::Position;
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

/// The balance as it is.
pub fn now(position: &Position) -> Result<BalanceView, ServiceError> {
    let id = position.partner.id;
    let sums = position.open_sums.iter().map(|sum| (sum.rate_period, sum.base));
    let pending = commission_of(sums, |period| position.rates.rate(id, period).rate);
    Ok(BalanceView {
        available: position.available,
        reserved: position.reserved,
        pending: pending.ok_or_else(|| leaves_64_bits(id))?,
        carried: position.carried,
        lifetime_credited: position.lifetime_credited,
        lifetime_paid: position.lifetime_paid,
    })
}

/// What the ledger, the statements and the lines say of an earlier time; none of them ever changes.
pub async fn then(app: &App, partner_id: Uuid, at: Moment) -> Result<BalanceView, ServiceError> {
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
        pending: pending(app, partner_id, &sums, at).await?,
        lifetime_credited: amount(4)?,
        lifetime_paid: amount(5)?,
    })
}

/// The commission of sums of bases by rate period, the first two columns of the rows.
async fn pending(
    app: &App,
    partner_id: Uuid,
    rows: &[QueryResult],
    at: Moment,
) -> Result<Money, ServiceError> {
    let mut sums: Vec<(Period, Money)> = Vec::with_capacity(rows.len());
    for row in rows {
        sums.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    }
    if sums.is_empty() {
        return Ok(Money::ZERO);
    }
    let keys: BTreeSet<(Uuid, Period)> = sums.iter().map(|(period, _)| (partner_id, *period)).collect();
    let book = RateBook::load(app.db.reader(), &app.terms, &keys, Some(at)).await?;
    commission_of(sums, |period| book.rate(partner_id, period).rate).ok_or_else(|| leaves_64_bits(partner_id))
}

fn leaves_64_bits(partner_id: Uuid) -> ServiceError {
    ServiceError::Broken(format!("pending of partner {partner_id} leaves 64 bits"))
}
