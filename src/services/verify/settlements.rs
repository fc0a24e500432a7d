//! Settlements against their statements, and what is parked against itself.

use entity::{Money, Period, SettlementStatus, parked_fact};
use futures_util::TryStreamExt;
use sea_orm::{DatabaseTransaction, FromQueryResult, StreamTrait};

use super::{Check, Finding, or_none};
use crate::db;
use crate::domain::digest::SettlementDigest;
use crate::domain::exchange::{self, ExchangeRate};
use crate::services::error::ServiceError;

/// What the statements of a period add up to.
#[derive(Default)]
struct Totals {
    partners: i64,
    top_ups: i64,
    base: i64,
    commission: i64,
    credited: i64,
    carried_out: i64,
}

impl<F: FnMut(Finding)> Check<'_, F> {
    /// Totals, digests, and that no period was left out.
    pub(super) async fn settlements(&mut self, snapshot: &DatabaseTransaction) -> Result<(), ServiceError> {
        let settlements: Vec<_> = self.settlements.values().cloned().collect();
        let mut due: Option<Period> = None;
        for settlement in &settlements {
            let subject = format!("settlement of {}", settlement.period);
            if let Some(due) = due {
                self.compare(&subject, "period", settlement.period, due);
            }
            due = Some(settlement.period.next());
            let (totals, digest) = totals_of(snapshot, settlement.period).await?;
            self.compare(&subject, "partners", settlement.partner_count, totals.partners);
            self.compare(&subject, "top-ups", settlement.top_up_count, totals.top_ups);
            self.compare(&subject, "base", settlement.base, Money(totals.base));
            self.compare(&subject, "commission", settlement.commission, Money(totals.commission));
            self.compare(&subject, "credited", settlement.credited, Money(totals.credited));
            self.compare(&subject, "carried out", settlement.carried_out, Money(totals.carried_out));
            if settlement.status == SettlementStatus::Completed {
                self.compare(&subject, "digest", or_none(settlement.digest.clone()), digest);
                self.compare(&subject, "partners in all", settlement.partners_total, totals.partners);
            }
        }
        Ok(())
    }

    /// What waits has its base fixed: it must still follow from its amount.
    pub(super) async fn parked(&mut self, snapshot: &DatabaseTransaction) -> Result<(), ServiceError> {
        let sql = "SELECT * FROM parked_fact WHERE kind = 'TOP_UP'";
        let mut rows = snapshot.stream_raw(db::statement(snapshot, sql, vec![])).await?;
        while let Some(row) = rows.try_next().await? {
            let fact = parked_fact::Model::from_query_result(&row, "")?;
            let rate = fact.exchange_rate.as_deref().zip(fact.rate_published_on);
            let rate = rate.map(|(rate, published_on)| ExchangeRate {
                rate: rate.parse().unwrap_or_default(),
                published_on,
            });
            let base = exchange::base_of(fact.amount, rate.as_ref(), self.app.terms.minor_units);
            self.compare(&format!("parked_fact {}", fact.id), "base", or_none(fact.base), or_none(base));
        }
        Ok(())
    }
}

async fn totals_of(snapshot: &DatabaseTransaction, period: Period) -> Result<(Totals, String), ServiceError> {
    let sql = "SELECT top_ups, base, commission, credited, carried_out, digest FROM statement \
               WHERE period = $1 ORDER BY partner_id";
    let mut rows = snapshot.stream_raw(db::statement(snapshot, sql, vec![period.0.into()])).await?;
    let mut totals = Totals::default();
    let mut digest = SettlementDigest::new();
    while let Some(row) = rows.try_next().await? {
        totals.partners += 1;
        totals.top_ups += row.try_get_by_index::<i64>(0)?;
        totals.base += row.try_get_by_index::<i64>(1)?;
        totals.commission += row.try_get_by_index::<i64>(2)?;
        totals.credited += row.try_get_by_index::<i64>(3)?;
        totals.carried_out += row.try_get_by_index::<i64>(4)?;
        digest.add(&row.try_get_by_index::<String>(5)?);
    }
    Ok((totals, digest.finish()))
}
