//! Makes the statistics of lines and registrations again from what is on record. Those of visits cannot be: visits are
//! deleted after their time, the counts stay.

use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::count::{Changes, Figures, NO_LINK};
use crate::db;
use crate::domain::calendar::Calendar;
use crate::domain::interval::quarter_begins;

/// Throws away what is kept and adds it up anew; the caller sees to it that nothing is recorded meanwhile.
pub async fn rebuild(calendar: &Calendar, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
    for sql in ["DELETE FROM statistic_day", "DELETE FROM statistic_quarter", FIRST_PURCHASES] {
        db::execute(tx, sql, vec![]).await?;
    }
    db::execute(tx, QUARTERS, vec![NO_LINK.into()]).await?;
    let mut after = Uuid::nil();
    while let Some(partner_id) = partner_after(tx, after).await? {
        days_of(calendar, tx, partner_id).await?;
        after = partner_id;
    }
    Ok(())
}

async fn partner_after(tx: &impl ConnectionTrait, after: Uuid) -> Result<Option<Uuid>, DbErr> {
    let sql = "SELECT id FROM partner WHERE id > $1 ORDER BY id LIMIT 1";
    db::query_one(tx, sql, vec![after.into()]).await?.map(|row| row.try_get_by_index(0)).transpose()
}

async fn days_of(calendar: &Calendar, tx: &impl ConnectionTrait, partner_id: Uuid) -> Result<(), DbErr> {
    let sql = "SELECT quarter, link_id, rate_period, registrations, paying_clients, top_ups, base \
               FROM statistic_quarter WHERE partner_id = $1";
    let mut days = Changes::new(calendar);
    for row in db::query(tx, sql, vec![partner_id.into()]).await? {
        let figures = Figures {
            registrations: row.try_get_by_index(3)?,
            paying_clients: row.try_get_by_index(4)?,
            top_ups: row.try_get_by_index(5)?,
            base: row.try_get_by_index(6)?,
        };
        let at = quarter_begins(row.try_get_by_index(0)?);
        days.add_to_day(partner_id, row.try_get_by_index(1)?, at, row.try_get_by_index(2)?, figures);
    }
    days.write(tx).await
}

const FIRST_PURCHASES: &str = "UPDATE referral_total SET first_purchase_at = (SELECT MIN(l.occurred_at) FROM line l \
    WHERE l.referral_id = referral_total.referral_id AND l.kind <> 'REFUND' AND l.state = 'EARNING')";

/// Nothing occurs before 2000 (rule 12), so that dividing rounds down.
const QUARTERS: &str = "INSERT INTO statistic_quarter (partner_id, quarter, link_id, rate_period, registrations, \
    paying_clients, top_ups, base) \
    SELECT f.partner_id, CAST(f.at / 900000000 AS INTEGER), COALESCE(r.link_id, $1), f.rate_period, \
        CAST(SUM(f.registrations) AS BIGINT), CAST(SUM(f.paying_clients) AS BIGINT), CAST(SUM(f.top_ups) AS BIGINT), \
        CAST(SUM(f.base) AS BIGINT) \
    FROM (SELECT l.partner_id, l.referral_id, l.occurred_at AS at, l.rate_period, 0 AS registrations, \
            0 AS paying_clients, CASE WHEN l.base > 0 THEN 1 ELSE 0 END AS top_ups, l.base \
            FROM line l WHERE l.state = 'EARNING' \
        UNION ALL SELECT t.partner_id, t.referral_id, t.first_purchase_at, 0, 0, 1, 0, 0 \
            FROM referral_total t WHERE t.first_purchase_at IS NOT NULL \
        UNION ALL SELECT r.partner_id, r.id, r.registered_at, 0, 1, 0, 0, 0 \
            FROM referral r WHERE r.brought_by <> 'STAFF') AS f \
    JOIN referral r ON r.id = f.referral_id \
    GROUP BY 1, 2, 3, 4";
