//! What each settlement did for each partner, by period and code.

use std::io::Write;

use entity::{Money, Period, RateBasisPoints};
use futures_util::TryStreamExt;
use sea_orm::{QueryResult, StreamTrait, Value};

use super::sheet::Sheet;
use super::{Export, ExportError};
use crate::db;

impl<W: Write> Export<'_, W> {
    pub(super) async fn statements(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&[
            "period_start",
            "period_end",
            "partner_code",
            "active_clients",
            "rate_percent",
            "top_ups",
            "base",
            "commission",
            "carried_in",
            "credited",
            "carried_out",
        ])?;
        // Period by period: sorting all of them at once would take memory for all of them.
        let (from, until) = self.days();
        let sql = "SELECT period FROM settlement WHERE period >= $1 AND period < $2 ORDER BY period";
        let periods = db::query(self.db, sql, vec![from.into(), until.into()]).await?;
        let mut sql = "SELECT s.period, k.code, s.active_clients, s.rate_basis_points, s.top_ups, s.base, s.commission, \
                       s.carried_in, s.credited, s.carried_out \
                       FROM statement s JOIN link k ON k.partner_id = s.partner_id AND k.is_own \
                       WHERE s.period = $1"
            .to_owned();
        sql.push_str(if self.partner_id.is_some() { " AND s.partner_id = $2" } else { " ORDER BY k.code" });
        for period in periods {
            let period: Period = period.try_get_by_index(0)?;
            let values = std::iter::once(period.0.into()).chain(self.partner_id.map(Value::from));
            let statement = db::statement(self.db, sql.as_str(), values.collect());
            let mut rows = self.db.stream_raw(statement).await?;
            while let Some(row) = rows.try_next().await? {
                statement_row(self.sheet, &row)?;
            }
        }
        Ok(())
    }
}

fn statement_row(sheet: &mut Sheet<impl Write>, row: &QueryResult) -> Result<(), ExportError> {
    let period: Period = row.try_get_by_index(0)?;
    sheet.value(period)?;
    sheet.value(period.end())?;
    sheet.text(&row.try_get_by_index::<String>(1)?)?;
    sheet.value(row.try_get_by_index::<i64>(2)?)?;
    sheet.value(row.try_get_by_index::<RateBasisPoints>(3)?)?;
    sheet.value(row.try_get_by_index::<i64>(4)?)?;
    for column in 5..=9 {
        sheet.value(row.try_get_by_index::<Money>(column)?)?;
    }
    Ok(sheet.end_row()?)
}
