//! The counts of visits against the visits themselves, as far back as those are kept.

use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;

use super::{Check, Chunk, Finding};
use crate::clock;
use crate::db;
use crate::domain::interval::{quarter_begins, quarter_of};
use crate::domain::top_up::CLOCK_SKEW;

/// The columns of the counts, as the statement answers them.
const COUNTED: [&str; 7] =
    ["counted", "prefetch", "bot", "contextual_advertising", "forced", "partner_suspended", "duplicate"];

/// The quarter of an hour from which on every visit is there; none where no visit is left. Visits are deleted in the order
/// of their ids, and none occurred after it was written by more than a clock may be ahead.
pub(super) async fn kept_since(snapshot: &DatabaseTransaction) -> Result<Option<i32>, DbErr> {
    let row = db::query_one(snapshot, "SELECT id FROM visit ORDER BY id LIMIT 1", vec![]).await?;
    let oldest: Option<Uuid> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    let written_at = oldest.and_then(clock::time_of_id);
    Ok(written_at.map(|at| quarter_of(at.plus(CLOCK_SKEW)) + 1))
}

impl<F: FnMut(Finding)> Check<'_, F> {
    pub(super) async fn visits(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
        since: Option<i32>,
    ) -> Result<(), DbErr> {
        for row in db::query(snapshot, MORE_VISITORS_THAN_VISITS, chunk.values()).await? {
            let subject =
                subject(row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            self.report(subject, "more unique visitors than counted visits");
        }
        let Some(since) = since else { return Ok(()) };
        let mut values = chunk.values();
        values.extend([quarter_begins(since).0.into(), since.into()]);
        for row in db::query(snapshot, DIFFERENCES, values).await? {
            let subject =
                subject(row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            for (column, name) in (3..).zip(COUNTED) {
                let missing: i64 = row.try_get_by_index(column)?;
                if missing != 0 {
                    self.report(subject.clone(), format!("{name} is {missing} short of the visits"));
                }
            }
        }
        Ok(())
    }
}

fn subject(partner: Uuid, quarter: i32, link: Uuid) -> String {
    format!("visit_quarter of {partner} from {} on, link {link}", quarter_begins(quarter))
}

/// Who came first on his day is not kept with the visits; but no other than a counted one is.
const MORE_VISITORS_THAN_VISITS: &str = "SELECT partner_id, quarter, link_id FROM visit_quarter \
    WHERE partner_id BETWEEN $1 AND $2 AND unique_visitors > counted";

/// A prefetch is kept as a visit and is in no count.
const DIFFERENCES: &str = "SELECT d.partner_id, d.quarter, d.link_id, CAST(SUM(d.counted) AS BIGINT), \
        CAST(SUM(d.prefetch) AS BIGINT), CAST(SUM(d.bot) AS BIGINT), CAST(SUM(d.contextual_advertising) AS BIGINT), \
        CAST(SUM(d.forced) AS BIGINT), CAST(SUM(d.partner_suspended) AS BIGINT), CAST(SUM(d.duplicate) AS BIGINT) \
    FROM (SELECT k.partner_id, CAST(s.at / 900000000 AS INTEGER) AS quarter, s.link_id, \
            CASE s.verdict WHEN 'COUNTED' THEN 1 ELSE 0 END AS counted, 0 AS prefetch, \
            CASE s.verdict WHEN 'BOT' THEN 1 ELSE 0 END AS bot, \
            CASE s.verdict WHEN 'CONTEXTUAL_ADVERTISING' THEN 1 ELSE 0 END AS contextual_advertising, \
            CASE s.verdict WHEN 'FORCED' THEN 1 ELSE 0 END AS forced, \
            CASE s.verdict WHEN 'PARTNER_SUSPENDED' THEN 1 ELSE 0 END AS partner_suspended, \
            CASE s.verdict WHEN 'DUPLICATE' THEN 1 ELSE 0 END AS duplicate \
            FROM link k JOIN visit s ON s.link_id = k.id WHERE k.partner_id BETWEEN $1 AND $2 AND s.at >= $3 \
        UNION ALL SELECT partner_id, quarter, link_id, -counted, -prefetch, -bot, -contextual_advertising, -forced, \
            -partner_suspended, -duplicate FROM visit_quarter \
            WHERE partner_id BETWEEN $1 AND $2 AND quarter >= $4) AS d \
    GROUP BY d.partner_id, d.quarter, d.link_id \
    HAVING SUM(d.counted) <> 0 OR SUM(d.prefetch) <> 0 OR SUM(d.bot) <> 0 OR SUM(d.contextual_advertising) <> 0 \
        OR SUM(d.forced) <> 0 OR SUM(d.partner_suspended) <> 0 OR SUM(d.duplicate) <> 0";
