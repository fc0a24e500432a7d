//! Each partner's balance as it is, with what is pending.

use std::io::Write;

use entity::{Money, Period};
use futures_util::TryStreamExt;
use sea_orm::{DbErr, QueryResult, StreamTrait};
use uuid::Uuid;

use super::rates::Rates;
use super::sheet::Sheet;
use super::{Export, ExportError, too_large};
use crate::db;

impl<W: Write> Export<'_, W> {
    /// Pending is what has no statement yet, at the rates in force (rule 18).
    pub(super) async fn balances(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&["partner_code", "available", "reserved", "pending", "carried"])?;
        let rates = Rates::load(self.app, self.db).await?;
        let mut sql =
            "SELECT k.code, b.partner_id, b.available, b.reserved, b.carried, s.rate_period, s.base, \
                       t.rate_basis_points \
                       FROM link k JOIN balance b ON b.partner_id = k.partner_id \
                       LEFT JOIN partner_sum s ON s.partner_id = k.partner_id AND s.settle_period >= $1 \
                         AND NOT EXISTS (SELECT 1 FROM statement d WHERE d.partner_id = s.partner_id \
                                         AND d.period = s.settle_period) \
                       LEFT JOIN standing t ON t.partner_id = k.partner_id \
                         AND t.period = CASE WHEN s.rate_period > $2 THEN $2 ELSE s.rate_period END \
                       WHERE k.is_own"
                .to_owned();
        let closed = rates.progress.closed.unwrap_or(Period::BEGINNING);
        let mut values = vec![closed.0.into(), rates.last_standing().0.into()];
        self.of_partner(&mut sql, &mut values, "k.partner_id");
        sql.push_str(" ORDER BY k.code");
        let mut rows = self.db.stream_raw(db::statement(self.db, sql, values)).await?;
        let mut current: Option<PartnerBalance> = None;
        while let Some(row) = rows.try_next().await? {
            let partner_id: Uuid = row.try_get_by_index(1)?;
            if current.as_ref().is_none_or(|current| current.partner_id != partner_id) {
                let next = PartnerBalance::read(&row)?;
                if let Some(done) = current.replace(next) {
                    done.print(self.sheet)?;
                }
            }
            let pending: Option<Period> = row.try_get_by_index(5)?;
            if let (Some(current), Some(rate_period)) = (&mut current, pending) {
                let (_, commission) = rates.commission(
                    partner_id,
                    rate_period,
                    row.try_get_by_index(7)?,
                    row.try_get_by_index(6)?,
                )?;
                current.pending = current.pending.checked_add(commission).ok_or_else(too_large)?;
            }
        }
        current.map_or(Ok(()), |last| last.print(self.sheet))
    }
}

struct PartnerBalance {
    code: String,
    partner_id: Uuid,
    available: Money,
    reserved: Money,
    carried: Money,
    pending: Money,
}

impl PartnerBalance {
    fn read(row: &QueryResult) -> Result<PartnerBalance, DbErr> {
        Ok(PartnerBalance {
            code: row.try_get_by_index(0)?,
            partner_id: row.try_get_by_index(1)?,
            available: row.try_get_by_index(2)?,
            reserved: row.try_get_by_index(3)?,
            carried: row.try_get_by_index(4)?,
            pending: Money::ZERO,
        })
    }

    fn print(&self, sheet: &mut Sheet<impl Write>) -> Result<(), ExportError> {
        sheet.text(&self.code)?;
        for amount in [self.available, self.reserved, self.pending, self.carried] {
            sheet.value(amount)?;
        }
        Ok(sheet.end_row()?)
    }
}
