//! The audit log, oldest first.

use std::io::Write;

use entity::Moment;
use futures_util::TryStreamExt;
use sea_orm::StreamTrait;
use uuid::Uuid;

use super::{Export, ExportError};
use crate::db;

const COLUMNS: [&str; 11] = [
    "id",
    "at",
    "actor",
    "role",
    "origin",
    "action",
    "subject_id",
    "reason",
    "before",
    "after",
    "request_id",
];
/// Where a subject is found that belongs to a partner.
const OF_PARTNER: [&str; 5] = ["withdrawal", "service_transfer", "line", "referral", "ticket"];

impl<W: Write> Export<'_, W> {
    pub(super) async fn audit(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&COLUMNS)?;
        let (from, until) = self.moments();
        let columns = COLUMNS.map(|column| format!("a.{column}")).join(", ");
        let mut sql = format!("SELECT {columns} FROM audit_record a WHERE a.at >= $1 AND a.at < $2");
        let mut values = vec![from.0.into(), until.0.into()];
        if let Some(partner_id) = self.partner_id {
            values.push(partner_id.into());
            let own = |table| {
                format!("EXISTS (SELECT 1 FROM {table} o WHERE o.id = a.subject_id AND o.partner_id = $3)")
            };
            sql.push_str(&format!(" AND (a.subject_id = $3 OR {})", OF_PARTNER.map(own).join(" OR ")));
        }
        sql.push_str(" ORDER BY a.at, a.id");
        let mut rows = self.db.stream_raw(db::statement(self.db, sql, values)).await?;
        while let Some(row) = rows.try_next().await? {
            let sheet = &mut *self.sheet;
            sheet.value(row.try_get_by_index::<Uuid>(0)?)?;
            sheet.value(row.try_get_by_index::<Moment>(1)?)?;
            for column in 2..COLUMNS.len() {
                match column {
                    6 => sheet.optional(row.try_get_by_index::<Option<Uuid>>(column)?)?,
                    _ => sheet.text(&row.try_get_by_index::<Option<String>>(column)?.unwrap_or_default())?,
                }
            }
            sheet.end_row()?;
        }
        Ok(())
    }
}
