//! What partners' visits were taken for of late, for staff (abuse rules).

use std::collections::HashMap;

use chrono::Duration;
use sea_orm::DbErr;
use uuid::Uuid;

use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::visit::VisitQuality;
use crate::services::error::ServiceError;

/// How far back it is looked.
const DAYS: i64 = 30;

/// The figures of partners, from the kept counts; a partner without visits is not in the answer.
pub async fn qualities(
    app: App,
    partner_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, VisitQuality>, ServiceError> {
    let since = app.terms.calendar.day_of(app.clock.now().minus(Duration::days(DAYS)));
    let sql = "WITH {rows} SELECT d.partner_id, CAST(SUM(d.counted + d.bot + d.contextual_advertising + d.forced \
               + d.partner_suspended + d.duplicate) AS BIGINT), CAST(SUM(d.forced) AS BIGINT), \
               CAST(SUM(d.bot) AS BIGINT) FROM v JOIN visit_day d ON d.partner_id = v.id AND d.day >= $1 \
               GROUP BY d.partner_id";
    let rows = Rows::of(&[("id", Column::Uuid)], partner_ids.into_iter().map(Into::into));
    let found = rows.query(app.db.reader(), sql, vec![since.0.into()]).await?;
    let qualities = found.iter().map(|row| {
        let number =
            |index| row.try_get_by_index::<i64>(index).map(|number| u64::try_from(number).unwrap_or(0));
        let quality = VisitQuality { visits: number(1)?, forced: number(2)?, bots: number(3)? };
        Ok((row.try_get_by_index(0)?, quality))
    });
    Ok(qualities.collect::<Result<_, DbErr>>()?)
}
