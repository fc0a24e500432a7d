//! A partner's events as the feed, webhooks and subscriptions read them: lines, referrals and statements, which are
//! events of their own, and the outbox.

use entity::{EventType, Moment, SubjectKind};
use sea_orm::{DbBackend, DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::app::App;
use crate::db::{self, Column, Rows};

/// Something that happened to one object of a partner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Its place among the partner's changes: a later one was committed later.
    pub number: i64,
    /// None: of the feed alone.
    pub event_type: Option<EventType>,
    pub at: Moment,
    pub subject: (SubjectKind, Uuid),
}

/// One statement, so that all is read at one moment.
pub(super) const AFTER: &str = "SELECT number, event_type, at, kind, id FROM (\
    SELECT * FROM (SELECT change AS number, \
            CASE kind WHEN 'TOP_UP' THEN 'COMMISSION_RECORDED' ELSE 'COMMISSION_REVERSED' END AS event_type, \
            recorded_at AS at, 'LINE' AS kind, id FROM line \
        WHERE partner_id = $1 AND change > $2 ORDER BY change LIMIT $3) AS l \
    UNION ALL SELECT * FROM (SELECT change AS number, 'CLIENT_REGISTERED' AS event_type, \
            recorded_at AS at, 'CLIENT' AS kind, id FROM referral \
        WHERE partner_id = $1 AND change > $2 ORDER BY change LIMIT $3) AS r \
    UNION ALL SELECT * FROM (SELECT change AS number, 'STATEMENT_SETTLED' AS event_type, \
            settled_at AS at, 'STATEMENT' AS kind, id FROM statement \
        WHERE partner_id = $1 AND change > $2 ORDER BY change LIMIT $3) AS s \
    UNION ALL SELECT * FROM (SELECT number, event_type, at, subject_kind AS kind, subject_id AS id FROM event \
        WHERE partner_id = $1 AND number > $2 ORDER BY number LIMIT $3) AS e\
    ) AS c ORDER BY number LIMIT $3";

/// What happened for a partner after a number, oldest first, at most `limit` of it.
pub async fn after(app: &App, partner_id: Uuid, number: i64, limit: usize) -> Result<Vec<Occurrence>, DbErr> {
    let values = vec![partner_id.into(), number.into(), bound(limit)];
    db::query(app.db.reader(), AFTER, values).await?.iter().map(read).collect()
}

pub(super) fn read(row: &QueryResult) -> Result<Occurrence, DbErr> {
    Ok(Occurrence {
        number: row.try_get_by_index(0)?,
        event_type: row.try_get_by_index(1)?,
        at: row.try_get_by_index(2)?,
        subject: (row.try_get_by_index(3)?, row.try_get_by_index(4)?),
    })
}

/// What happened for each of these partners after a number of his, oldest first for each: at least `limit` of one
/// partner's where there are so many. Numbers of two partners say nothing of each other.
pub async fn after_of_many(
    app: &App,
    partners: &[(Uuid, i64)],
    limit: usize,
) -> Result<Vec<(Uuid, Occurrence)>, DbErr> {
    let mut rows = Rows::new(&[("partner_id", Column::Uuid), ("number", Column::BigInt)]);
    for (partner_id, number) in partners {
        rows.push([(*partner_id).into(), (*number).into()]);
    }
    let sql = match app.db.backend() {
        // Each partner's by the index, however few rows the planner expects.
        DbBackend::Postgres => {
            let of_one = AFTER.replace("$1", "v.partner_id").replace("$2", "v.number").replace("$3", "$1");
            format!(
                "WITH {{rows}} SELECT o.*, v.partner_id FROM v CROSS JOIN LATERAL ({of_one}) AS o ORDER BY o.number"
            )
        }
        _ => format!("WITH {{rows}} {AFTER_ON_SQLITE}"),
    };
    let found = rows.query(app.db.reader(), &sql, vec![bound(limit)]).await?;
    found.iter().map(|row| Ok((row.try_get_by_index(5)?, read(row)?))).collect()
}

/// SQLite joins in the order that is written, and knows no LATERAL. What the limit cuts off comes with the next read.
const AFTER_ON_SQLITE: &str = "SELECT change AS number, \
        CASE kind WHEN 'TOP_UP' THEN 'COMMISSION_RECORDED' ELSE 'COMMISSION_REVERSED' END AS event_type, \
        recorded_at AS at, 'LINE' AS kind, id, v.partner_id FROM v CROSS JOIN line l \
        WHERE l.partner_id = v.partner_id AND l.change > v.number \
    UNION ALL SELECT change, 'CLIENT_REGISTERED', recorded_at, 'CLIENT', id, v.partner_id FROM v CROSS JOIN referral r \
        WHERE r.partner_id = v.partner_id AND r.change > v.number \
    UNION ALL SELECT change, 'STATEMENT_SETTLED', settled_at, 'STATEMENT', id, v.partner_id FROM v CROSS JOIN statement s \
        WHERE s.partner_id = v.partner_id AND s.change > v.number \
    UNION ALL SELECT e.number, event_type, at, subject_kind, subject_id, v.partner_id FROM v CROSS JOIN event e \
        WHERE e.partner_id = v.partner_id AND e.number > v.number \
    ORDER BY number LIMIT $1";

/// The number of the last change of a partner that is committed; 0 where there is none.
pub async fn last_number(app: &App, partner_id: Uuid) -> Result<i64, DbErr> {
    let row = db::query_one(app.db.reader(), LAST, vec![partner_id.into()]).await?;
    let last: Option<i64> = row.map_or(Ok(None), |row| row.try_get_by_index(0))?;
    Ok(last.unwrap_or(0))
}

const LAST: &str = "SELECT MAX(number) FROM (\
    SELECT * FROM (SELECT change AS number FROM line \
        WHERE partner_id = $1 AND change > 0 ORDER BY change DESC LIMIT 1) AS l \
    UNION ALL SELECT * FROM (SELECT change AS number FROM referral \
        WHERE partner_id = $1 AND change > 0 ORDER BY change DESC LIMIT 1) AS r \
    UNION ALL SELECT * FROM (SELECT change AS number FROM statement \
        WHERE partner_id = $1 AND change > 0 ORDER BY change DESC LIMIT 1) AS s \
    UNION ALL SELECT * FROM (SELECT number FROM event \
        WHERE partner_id = $1 AND number > 0 ORDER BY number DESC LIMIT 1) AS e\
    ) AS c";

/// A limit as the databases take it.
pub(super) fn bound(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}
