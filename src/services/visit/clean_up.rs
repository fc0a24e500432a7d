//! Forgets what is kept of visits for a time only: salts, visitors and the visits themselves (rule 5). The counts stay.

use chrono::Duration;
use entity::Day;
use uuid::{NoContext, Timestamp, Uuid};

use crate::app::App;
use crate::db;
use crate::services::error::ServiceError;

/// After which a salt, and what was made with it, goes.
const SALT_DAYS: i64 = 2;
/// Rows that one transaction deletes.
const BATCH: i64 = 5_000;

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanedUp {
    pub salts: u64,
    pub visitors: u64,
    pub visits: u64,
}

/// Deletes salts and visitors of two days ago and before, and visits after their configured time.
pub async fn clean_up(app: &App) -> Result<CleanedUp, ServiceError> {
    let now = app.clock.now();
    let old = now.minus(Duration::days(SALT_DAYS));
    let tx = app.begin().await?;
    // A salt is two days old when its own day began two days ago.
    let day: Day = old.utc_day();
    let sql = "DELETE FROM visitor_salt WHERE day <= $1";
    let salts = db::execute(&tx, sql, vec![day.0.into()]).await?.rows_affected();
    let sql = "DELETE FROM recent_visitor WHERE counted_at <= $1";
    let visitors = db::execute(&tx, sql, vec![old.0.into()]).await?.rows_affected();
    tx.commit().await?;
    let kept = Duration::days(i64::from(app.config.site.visit_retention_days));
    let first_kept = first_id_at(now.minus(kept).0);
    let mut visits = 0;
    loop {
        let tx = app.begin().await?;
        let sql = "DELETE FROM visit WHERE id IN (SELECT id FROM visit WHERE id < $1 ORDER BY id LIMIT $2)";
        let deleted = db::execute(&tx, sql, vec![first_kept.into(), BATCH.into()]).await?.rows_affected();
        tx.commit().await?;
        visits += deleted;
        if deleted == 0 {
            return Ok(CleanedUp { salts, visitors, visits });
        }
    }
}

/// Every id made at this moment or later is greater: ids begin with their millisecond.
fn first_id_at(micros: i64) -> Uuid {
    let millis = u64::try_from(micros / 1_000).unwrap_or(0);
    let nanos = u32::try_from(millis % 1_000 * 1_000_000).unwrap_or(0);
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, millis / 1_000, nanos)).as_u128();
    // The random part taken away.
    Uuid::from_u128(id >> 80 << 80)
}
