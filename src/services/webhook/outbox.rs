//! From the outbox to deliveries: for each endpoint that is ACTIVE one of each event it wants, in order.

use entity::{EventType, Moment, SubjectKind};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{OF_THE_PROVIDER, PROVIDERS, events_of, written};
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::services::error::{ServiceError, retrying};
use crate::services::occurrence::{self, Occurrence};

/// How many of a partner's changes one transaction looks at.
const PAGE: usize = 500;

/// An endpoint whose partner has changes that it was not told of.
struct Behind {
    id: Uuid,
    partner_id: Uuid,
    told_until: i64,
    wants: Vec<EventType>,
}

const BEHIND: &str = "SELECT e.id, e.partner_id, e.told_until, e.events FROM webhook_endpoint e \
    WHERE e.status = 'ACTIVE' AND e.partner_id IS NOT NULL AND (\
        EXISTS (SELECT 1 FROM line c WHERE c.partner_id = e.partner_id AND c.change > e.told_until) \
        OR EXISTS (SELECT 1 FROM referral c WHERE c.partner_id = e.partner_id AND c.change > e.told_until) \
        OR EXISTS (SELECT 1 FROM statement c WHERE c.partner_id = e.partner_id AND c.change > e.told_until) \
        OR EXISTS (SELECT 1 FROM event c WHERE c.partner_id = e.partner_id AND c.number > e.told_until)\
    ) ORDER BY e.id";

/// Makes the deliveries of all that happened since; answers how many. Any number of instances may do so at once.
pub async fn fill(app: &App) -> Result<usize, ServiceError> {
    let rows = db::query(app.db.reader(), BEHIND, vec![]).await?;
    let read = |row: &QueryResult| {
        let events: String = row.try_get_by_index(3)?;
        let (id, partner_id) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        Ok(Behind { id, partner_id, told_until: row.try_get_by_index(2)?, wants: events_of(&events) })
    };
    let mut made = 0;
    for mut behind in rows.iter().map(read).collect::<Result<Vec<_>, DbErr>>()? {
        loop {
            let changes = occurrence::after(app, behind.partner_id, behind.told_until, PAGE).await?;
            let Some(last) = changes.last().map(|change| change.number) else { break };
            let Some(written) = advance(app, &behind, last, &changes).await? else { break };
            made += written;
            behind.told_until = last;
        }
    }
    Ok(made)
}

/// Moves an endpoint on and makes its deliveries, both or neither; none where another instance was first.
async fn advance(
    app: &App,
    behind: &Behind,
    last: i64,
    changes: &[Occurrence],
) -> Result<Option<usize>, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let sql = "UPDATE webhook_endpoint SET told_until = $1 WHERE id = $2 AND told_until = $3 AND status = 'ACTIVE'";
        let values = vec![last.into(), behind.id.into(), behind.told_until.into()];
        if db::execute(&tx, sql, values).await?.rows_affected() == 0 {
            return Ok(None);
        }
        let told = changes.iter().filter_map(|change| {
            let event_type = change.event_type.filter(|event_type| behind.wants.contains(event_type))?;
            Some(Told { partner_id: behind.partner_id, number: change.number, event_type, change })
        });
        let told: Vec<Told<'_>> = told.collect();
        insert(app, &tx, behind.id, &told).await?;
        tx.commit().await?;
        Ok(Some(told.len()))
    })
    .await
}

struct Told<'a> {
    partner_id: Uuid,
    number: i64,
    event_type: EventType,
    change: &'a Occurrence,
}

/// Makes the delivery of an event of the outbox to the provider's own systems, in the transaction of what happened.
/// Nothing where none is configured.
pub async fn tell_provider(
    app: &App,
    tx: &impl ConnectionTrait,
    partner_id: Uuid,
    number: i64,
    event_type: EventType,
    subject: (SubjectKind, Uuid),
    at: Moment,
) -> Result<(), DbErr> {
    if app.config.webhooks.endpoint.is_none() || !OF_THE_PROVIDER.contains(&event_type) {
        return Ok(());
    }
    let sql = "INSERT INTO webhook_endpoint (id, events, status, created_at, told_until, not_before, lease_epoch, lease_until) \
               VALUES ($1, $2, 'ACTIVE', $3, 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING";
    let values = vec![PROVIDERS.into(), written(&OF_THE_PROVIDER).into(), at.0.into()];
    db::execute(tx, sql, values).await?;
    let change = Occurrence { number, event_type: Some(event_type), at, subject };
    insert(app, tx, PROVIDERS, &[Told { partner_id, number, event_type, change: &change }]).await
}

async fn insert(
    app: &App,
    tx: &impl ConnectionTrait,
    endpoint_id: Uuid,
    told: &[Told<'_>],
) -> Result<(), DbErr> {
    if told.is_empty() {
        return Ok(());
    }
    let now = app.clock.now();
    let mut rows = Rows::new(COLUMNS);
    for told in told {
        rows.push([
            app.clock.new_id().into(),
            endpoint_id.into(),
            told.partner_id.into(),
            told.number.into(),
            Value::from(told.event_type.as_str()),
            Value::from(told.change.subject.0.as_str()),
            told.change.subject.1.into(),
            told.change.at.0.into(),
            now.0.into(),
        ]);
    }
    rows.execute(tx, INSERT, vec![]).await.map(|_| ())
}

const COLUMNS: &[(&str, Column)] = &[
    ("id", Column::Uuid),
    ("endpoint_id", Column::Uuid),
    ("partner_id", Column::Uuid),
    ("number", Column::BigInt),
    ("event_type", Column::Text),
    ("subject_kind", Column::Text),
    ("subject_id", Column::Uuid),
    ("occurred_at", Column::BigInt),
    ("created_at", Column::BigInt),
];

const INSERT: &str = "WITH {rows} INSERT INTO webhook_delivery (id, endpoint_id, partner_id, number, event_type, \
        subject_kind, subject_id, occurred_at, created_at, status, attempts, failures, next_attempt_at) \
    SELECT id, endpoint_id, partner_id, number, event_type, subject_kind, subject_id, occurred_at, created_at, \
        'PENDING', 0, 0, created_at FROM v";
