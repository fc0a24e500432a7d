//! Every movement of money, by code and number.

use std::io::Write;

use entity::{LedgerAccount, Moment, Money};
use futures_util::TryStreamExt;
use sea_orm::{QueryResult, StreamTrait};
use uuid::Uuid;

use super::sheet::Sheet;
use super::{Export, ExportError};
use crate::db;

impl<W: Write> Export<'_, W> {
    /// The amount is signed: what the movement adds to the available balance.
    pub(super) async fn ledger(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&[
            "partner_code",
            "number",
            "at",
            "kind",
            "amount",
            "available_after",
            "reserved_after",
            "source_id",
        ])?;
        let (from, until) = self.moments();
        let sql = "SELECT number, at, kind, from_account, to_account, amount, available_after, reserved_after, source_id \
                   FROM ledger_transfer WHERE partner_id = $1 AND at >= $2 AND at < $3 ORDER BY number";
        for (code, partner_id) in self.partners().await? {
            let values = vec![partner_id.into(), from.0.into(), until.0.into()];
            let mut rows = self.db.stream_raw(db::statement(self.db, sql, values)).await?;
            while let Some(row) = rows.try_next().await? {
                ledger_row(self.sheet, &code, &row)?;
            }
        }
        Ok(())
    }
}

fn ledger_row(sheet: &mut Sheet<impl Write>, code: &str, row: &QueryResult) -> Result<(), ExportError> {
    let amount: Money = row.try_get_by_index(5)?;
    let (from, to) = (row.try_get_by_index(3)?, row.try_get_by_index(4)?);
    let signed = match (from, to) {
        (LedgerAccount::Available, _) => -amount,
        (_, LedgerAccount::Available) => amount,
        _ => Money::ZERO,
    };
    sheet.text(code)?;
    sheet.value(row.try_get_by_index::<i64>(0)?)?;
    sheet.value(row.try_get_by_index::<Moment>(1)?)?;
    sheet.text(&row.try_get_by_index::<String>(2)?)?;
    sheet.value(signed)?;
    sheet.value(row.try_get_by_index::<Money>(6)?)?;
    sheet.value(row.try_get_by_index::<Money>(7)?)?;
    sheet.value(row.try_get_by_index::<Uuid>(8)?)?;
    Ok(sheet.end_row()?)
}
