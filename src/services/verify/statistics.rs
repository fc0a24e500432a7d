//! The kept statistics against the lines and registrations, and days against quarters of an hour.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use sea_orm::{DatabaseTransaction, DbErr, StreamTrait};
use uuid::Uuid;

use super::{Check, Chunk, Finding};
use crate::db;
use crate::domain::interval::quarter_begins;
use crate::services::error::ServiceError;

/// By partner, day, link and rate period.
type Sums = BTreeMap<(Uuid, i32, Uuid, i32), Vec<i64>>;

/// A pair of tables, their columns after partner and slot: the rest of the key, then the figures.
struct Kept {
    days: &'static str,
    quarters: &'static str,
    rate_period: &'static str,
    figures: &'static [&'static str],
}

const KEPT: [Kept; 2] = [
    Kept {
        days: "statistic_day",
        quarters: "statistic_quarter",
        rate_period: "rate_period",
        figures: &["registrations", "paying_clients", "top_ups", "base"],
    },
    Kept {
        days: "visit_day",
        quarters: "visit_quarter",
        rate_period: "0",
        figures: &[
            "counted",
            "prefetch",
            "bot",
            "contextual_advertising",
            "forced",
            "partner_suspended",
            "duplicate",
            "unique_visitors",
        ],
    },
];

impl<F: FnMut(Finding)> Check<'_, F> {
    pub(super) async fn statistics(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
    ) -> Result<(), ServiceError> {
        self.first_purchases(snapshot, chunk).await?;
        self.quarters(snapshot, chunk).await?;
        for kept in &KEPT {
            self.days(snapshot, chunk, kept).await?;
        }
        Ok(())
    }

    async fn first_purchases(&mut self, snapshot: &DatabaseTransaction, chunk: Chunk) -> Result<(), DbErr> {
        for row in db::query(snapshot, FIRST_PURCHASES, chunk.values()).await? {
            let referral: Uuid = row.try_get_by_index(0)?;
            self.report(format!("referral_total of {referral}"), "first purchase is not that of the lines");
        }
        Ok(())
    }

    /// The database adds up facts and takes off what is kept: what is left is off.
    async fn quarters(&mut self, snapshot: &DatabaseTransaction, chunk: Chunk) -> Result<(), DbErr> {
        let mut values = chunk.values();
        values.push(Uuid::nil().into());
        for row in db::query(snapshot, QUARTERS, values).await? {
            let (partner, quarter): (Uuid, i32) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let (link, period): (Uuid, i32) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
            let missing =
                (4..8).map(|column| row.try_get_by_index(column)).collect::<Result<Vec<i64>, _>>()?;
            let subject = format!(
                "statistic_quarter of {partner} from {} on, link {link}, rate period {period}",
                quarter_begins(quarter)
            );
            self.report(
                subject,
                format!("registrations, paying clients, top-ups and base are {missing:?} short of the facts"),
            );
        }
        Ok(())
    }

    /// Each day is the sum of its quarters.
    async fn days(&mut self, snapshot: &DatabaseTransaction, chunk: Chunk, kept: &Kept) -> Result<(), DbErr> {
        let mut off = Sums::new();
        for (table, slot, sign) in [(kept.quarters, "quarter", 1), (kept.days, "day", -1)] {
            let sql = format!(
                "SELECT partner_id, {slot}, link_id, {}, {} FROM {table} WHERE partner_id BETWEEN $1 AND $2",
                kept.rate_period,
                kept.figures.join(", ")
            );
            let mut rows = snapshot.stream_raw(db::statement(snapshot, sql, chunk.values())).await?;
            while let Some(row) = rows.try_next().await? {
                let slot: i32 = row.try_get_by_index(1)?;
                let day = match sign {
                    1 => self.app.terms.calendar.day_of(quarter_begins(slot)).0,
                    _ => slot,
                };
                let key = (row.try_get_by_index(0)?, day, row.try_get_by_index(2)?, row.try_get_by_index(3)?);
                let sums = off.entry(key).or_insert_with(|| vec![0; kept.figures.len()]);
                for (column, sum) in (4..).zip(sums) {
                    *sum += sign * row.try_get_by_index::<i64>(column)?;
                }
            }
        }
        for ((partner, day, link, period), sums) in off {
            for (name, sum) in kept.figures.iter().zip(sums).filter(|(_, sum)| *sum != 0) {
                let subject =
                    format!("{} of {partner} on {day}, link {link}, rate period {period}", kept.days);
                self.report(subject, format!("{name} is {sum} short of its quarters"));
            }
        }
        Ok(())
    }
}

const FIRST_PURCHASES: &str = "SELECT t.referral_id FROM referral r JOIN referral_total t ON t.referral_id = r.id \
    WHERE r.partner_id BETWEEN $1 AND $2 AND COALESCE(t.first_purchase_at, 0) <> COALESCE((SELECT MIN(l.occurred_at) \
    FROM line l WHERE l.referral_id = t.referral_id AND l.kind <> 'REFUND' AND l.state = 'EARNING'), 0)";

const QUARTERS: &str = "SELECT d.partner_id, d.quarter, d.link_id, d.rate_period, \
        CAST(SUM(d.registrations) AS BIGINT), CAST(SUM(d.paying) AS BIGINT), CAST(SUM(d.top_ups) AS BIGINT), \
        CAST(SUM(d.base) AS BIGINT) FROM (\
    SELECT l.partner_id, CAST(l.occurred_at / 900000000 AS INTEGER) AS quarter, COALESCE(r.link_id, $3) AS link_id, \
        l.rate_period, CAST(0 AS BIGINT) AS registrations, CAST(0 AS BIGINT) AS paying, \
        CAST(CASE WHEN l.base > 0 THEN 1 ELSE 0 END AS BIGINT) AS top_ups, l.base \
        FROM line l JOIN referral r ON r.id = l.referral_id \
        WHERE l.partner_id BETWEEN $1 AND $2 AND l.state = 'EARNING' \
    UNION ALL SELECT r.partner_id, CAST(r.registered_at / 900000000 AS INTEGER), r.link_id, 0, 1, 0, 0, 0 \
        FROM referral r WHERE r.partner_id BETWEEN $1 AND $2 AND r.brought_by <> 'STAFF' \
    UNION ALL SELECT r.partner_id, CAST(f.first_at / 900000000 AS INTEGER), COALESCE(r.link_id, $3), 0, 0, 1, 0, 0 \
        FROM (SELECT l.referral_id, MIN(l.occurred_at) AS first_at FROM line l \
            WHERE l.partner_id BETWEEN $1 AND $2 AND l.kind = 'TOP_UP' AND l.state = 'EARNING' \
            GROUP BY l.referral_id) AS f JOIN referral r ON r.id = f.referral_id \
    UNION ALL SELECT partner_id, quarter, link_id, rate_period, -registrations, -paying_clients, -top_ups, -base \
        FROM statistic_quarter WHERE partner_id BETWEEN $1 AND $2) AS d \
    GROUP BY d.partner_id, d.quarter, d.link_id, d.rate_period \
    HAVING SUM(d.registrations) <> 0 OR SUM(d.paying) <> 0 OR SUM(d.top_ups) <> 0 OR SUM(d.base) <> 0";
