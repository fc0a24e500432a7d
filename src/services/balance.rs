//! A partner's balance as he sees it, now or at an earlier time.

use std::collections::{BTreeMap, HashMap};

use entity::{Moment, Money, Period};
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::position::Position;
use super::standing::RateBook;
use super::sums::commission_of;
use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::top_up::CLOCK_SKEW;

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

/// The balances of partners at earlier times, by what was on record then.
pub async fn then(
    app: App,
    keys: Vec<(Uuid, Moment)>,
) -> Result<HashMap<(Uuid, Moment), BalanceView>, ServiceError> {
    let mut partners: BTreeMap<Moment, Vec<Uuid>> = BTreeMap::new();
    keys.into_iter().for_each(|(id, at)| partners.entry(at).or_default().push(id));
    let mut found = HashMap::new();
    for (at, ids) in partners {
        let mut pending = pending_at(&app, at, &ids).await?;
        for (id, on_record) in on_record_at(&app, at, &ids).await? {
            let pending = pending.remove(&id).unwrap_or_default();
            found.insert((id, at), BalanceView { pending, ..on_record });
        }
    }
    Ok(found)
}

/// What the ledger and the statements say of a time; neither ever changes.
async fn on_record_at(app: &App, at: Moment, ids: &[Uuid]) -> Result<Vec<(Uuid, BalanceView)>, DbErr> {
    let after =
        "FROM ledger_transfer t WHERE t.partner_id = v.id AND t.at <= $1 ORDER BY t.number DESC LIMIT 1";
    let before =
        "FROM statement s WHERE s.partner_id = v.id AND s.settled_at <= $1 ORDER BY s.period DESC LIMIT 1";
    let lifetime = |signed: &str| {
        format!(
            "(SELECT CAST(SUM(CASE {signed} ELSE 0 END) AS BIGINT) FROM ledger_transfer t \
             WHERE t.partner_id = v.id AND t.at <= $1)"
        )
    };
    let credited = lifetime("t.kind WHEN 'COMMISSION' THEN t.amount");
    let paid = lifetime(
        "t.kind WHEN 'WITHDRAWAL_PAID' THEN t.amount WHEN 'SERVICE_TRANSFER' THEN t.amount \
         WHEN 'SERVICE_TRANSFER_RETURNED' THEN -t.amount",
    );
    let sql = format!(
        "WITH {{rows}} SELECT v.id, (SELECT t.available_after {after}), (SELECT t.reserved_after {after}), \
         (SELECT s.carried_out {before}), {credited}, {paid} FROM v"
    );
    let rows = rows_of(ids).query(app.db.reader(), &sql, vec![at.0.into()]).await?;
    let read = |row: &QueryResult| {
        let amount =
            |index| Ok::<Money, DbErr>(row.try_get_by_index::<Option<Money>>(index)?.unwrap_or_default());
        let balance = BalanceView {
            available: amount(1)?,
            reserved: amount(2)?,
            pending: Money::ZERO,
            carried: amount(3)?,
            lifetime_credited: amount(4)?,
            lifetime_paid: amount(5)?,
        };
        Ok((row.try_get_by_index(0)?, balance))
    };
    rows.iter().map(read).collect()
}

/// The commission of the lines that were on record at a time and on no statement.
async fn pending_at(app: &App, at: Moment, ids: &[Uuid]) -> Result<HashMap<Uuid, Money>, ServiceError> {
    // What was on record then is settled in the period of that moment at the latest.
    let sql = "WITH {rows} SELECT v.id, l.rate_period, CAST(SUM(l.base) AS BIGINT) FROM v \
               JOIN line l ON l.partner_id = v.id AND l.recorded_at <= $1 AND COALESCE(l.released_at, 0) <= $1 \
               AND l.settle_period <= $2 \
               AND l.settle_period > COALESCE((SELECT MAX(s.period) FROM statement s \
               WHERE s.partner_id = v.id AND s.settled_at <= $1), 0) GROUP BY v.id, l.rate_period";
    let last = app.terms.calendar.period_of(at.plus(CLOCK_SKEW));
    let rows = rows_of(ids).query(app.db.reader(), sql, vec![at.0.into(), last.0.into()]).await?;
    let mut sums: HashMap<Uuid, Vec<(Period, Money)>> = HashMap::new();
    for row in &rows {
        let sum = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        sums.entry(row.try_get_by_index(0)?).or_default().push(sum);
    }
    if sums.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = sums.iter().flat_map(|(id, sums)| sums.iter().map(|(period, _)| (*id, *period))).collect();
    let book = RateBook::load(app.db.reader(), &app.terms, &keys, Some(at)).await?;
    let pending = sums.into_iter().map(|(id, sums)| {
        let pending = commission_of(sums, |period| book.rate(id, period).rate);
        Ok((id, pending.ok_or_else(|| leaves_64_bits(id))?))
    });
    pending.collect()
}

fn rows_of(ids: &[Uuid]) -> Rows {
    Rows::of(&[("id", Column::Uuid)], ids.iter().map(|id| Value::from(*id)))
}

fn leaves_64_bits(partner_id: Uuid) -> ServiceError {
    ServiceError::Broken(format!("pending of partner {partner_id} leaves 64 bits"))
}
