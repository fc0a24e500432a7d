//! Withdrawals, by when they were requested.

use std::io::Write;

use entity::{Moment, Money};
use futures_util::TryStreamExt;
use sea_orm::StreamTrait;
use uuid::Uuid;

use super::{Export, ExportError};
use crate::db;

impl<W: Write> Export<'_, W> {
    pub(super) async fn withdrawals(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&[
            "id",
            "partner_code",
            "status",
            "amount",
            "currency",
            "requested_at",
            "decided_at",
            "paid_at",
            "reason",
            "payment_reference",
        ])?;
        let (from, until) = self.moments();
        let mut sql =
            "SELECT w.id, k.code, w.status, w.amount, w.requested_at, w.decided_at, w.paid_at, w.reason, \
                       w.payment_reference \
                       FROM withdrawal w JOIN link k ON k.partner_id = w.partner_id AND k.is_own \
                       WHERE w.requested_at >= $1 AND w.requested_at < $2"
                .to_owned();
        let mut values = vec![from.0.into(), until.0.into()];
        self.of_partner(&mut sql, &mut values, "w.partner_id");
        sql.push_str(" ORDER BY w.requested_at, w.id");
        let currency = &self.app.terms.currency;
        let mut rows = self.db.stream_raw(db::statement(self.db, sql, values)).await?;
        while let Some(row) = rows.try_next().await? {
            let sheet = &mut *self.sheet;
            sheet.value(row.try_get_by_index::<Uuid>(0)?)?;
            sheet.text(&row.try_get_by_index::<String>(1)?)?;
            sheet.text(&row.try_get_by_index::<String>(2)?)?;
            sheet.value(row.try_get_by_index::<Money>(3)?)?;
            sheet.text(currency)?;
            for column in 4..=6 {
                sheet.optional(row.try_get_by_index::<Option<Moment>>(column)?)?;
            }
            for column in 7..=8 {
                sheet.text(&row.try_get_by_index::<Option<String>>(column)?.unwrap_or_default())?;
            }
            sheet.end_row()?;
        }
        Ok(())
    }
}
