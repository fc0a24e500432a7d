//! A partner's events as the feed, webhooks and subscriptions read them: lines, referrals and statements, which are
//! events of their own, and the outbox.

use entity::{EventType, Moment, SubjectKind};
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::app::App;
use crate::db;

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

/// A limit as the databases take it.
pub(super) fn bound(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}
