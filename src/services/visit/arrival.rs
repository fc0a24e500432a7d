//! Visits over the redirect: on record before the visitor goes on, and judged and counted right behind him.
//!
//! Whether a visitor was here before, and how many visits a link has, stand in rows that many visits touch: looked up and
//! written for thousands of visits together they cost each of them less.

use std::sync::Arc;

use entity::VisitVerdict;
use sea_orm::{DbBackend, DbErr, QueryResult};
use uuid::Uuid;

use super::{NewVisit, Visitor, write};
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::services::error::{ServiceError, retrying};
use crate::services::group_commit::GroupCommit;

/// Visits that one transaction judges: on SQLite few enough that nobody who writes waits for it long.
fn together(backend: DbBackend) -> i64 {
    if backend == DbBackend::Postgres { 5_000 } else { 1_000 }
}

/// Visits in wait for their commit; what the database did not take is counted as lost.
type Group = GroupCommit<NewVisit, ()>;

/// Writes down that a visitor came, together with whoever else comes, and answers after the commit.
///
/// # Errors
/// `NoAnswer`, where too many wait; then the visit is lost and counted.
pub async fn arrive(app: &App, visit: NewVisit) -> Result<(), ServiceError> {
    // One lane: the more come together, the less each costs.
    let group: Arc<Group> = app.memory.of(|| GroupCommit::new(1));
    let writer = app.clone();
    let written = group.write(0, visit, 1, move |visits: Vec<NewVisit>| {
        let app = writer.clone();
        async move { write_or_count(&app, &visits).await }
    });
    let written = written.await;
    if written.is_err() {
        write::count_lost(1);
    }
    written
}

async fn write_or_count(app: &App, visits: &[NewVisit]) -> Vec<Result<(), ServiceError>> {
    if let Err(error) = retrying(async || Ok(insert(app, visits).await?)).await {
        tracing::error!(%error, count = visits.len(), "visits could not be recorded");
        write::count_lost(visits.len());
    }
    visits.iter().map(|_| Ok(())).collect()
}

async fn insert(app: &App, visits: &[NewVisit]) -> Result<(), DbErr> {
    let mut rows = Rows::new(COLUMNS);
    for visit in visits {
        rows.push([
            app.clock.new_id().into(),
            visit.link_id.into(),
            visit.partner_id.into(),
            visit.at.0.into(),
            visit.screened.map(VisitVerdict::as_str).into(),
            visit.visitor.id.into(),
            visit.visitor.next_id.into(),
            visit.visitor.first_came_at.map(|at| at.0).into(),
            visit.referrer.as_deref().into(),
        ]);
    }
    app.db.insert_alone(rows, INSERT).await
}

const COLUMNS: &[(&str, Column)] = &[
    ("id", Column::Uuid),
    ("link_id", Column::Uuid),
    ("partner_id", Column::Uuid),
    ("at", Column::BigInt),
    ("screened", Column::TextOrNull),
    ("visitor", Column::Uuid),
    ("next_visitor", Column::UuidOrNull),
    ("first_came_at", Column::BigIntOrNull),
    ("referrer", Column::TextOrNull),
];

const INSERT: &str = "WITH {rows} INSERT INTO arrived_visit (id, link_id, partner_id, at, screened, visitor, \
    next_visitor, first_came_at, referrer) SELECT id, link_id, partner_id, at, screened, visitor, next_visitor, \
    first_came_at, referrer FROM v";

/// Judges and counts visits that have arrived, oldest first, many in one transaction; answers whether more wait.
/// Of two instances at it the second takes what the first leaves.
pub async fn count_arrived(app: &App) -> Result<bool, ServiceError> {
    let waiting = "SELECT 1 FROM arrived_visit LIMIT 1";
    if db::query_one(app.db.reader(), waiting, vec![]).await?.is_none() {
        return Ok(false);
    }
    let backend = app.db.backend();
    let most = together(backend);
    retrying(async || {
        let tx = app.begin().await?;
        let skips = if backend == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "DELETE FROM arrived_visit WHERE id IN (SELECT id FROM arrived_visit ORDER BY id LIMIT $1 {skips}) \
             RETURNING id, link_id, partner_id, at, screened, visitor, next_visitor, first_came_at, referrer"
        );
        let taken = db::query(&tx, sql, vec![most.into()]).await?;
        let mut visits = taken.iter().map(arrived).collect::<Result<Vec<(Uuid, NewVisit)>, DbErr>>()?;
        visits.sort_unstable_by_key(|(id, _)| *id);
        let visits: Vec<NewVisit> = visits.into_iter().map(|(_, visit)| visit).collect();
        write::record_in(app, &tx, &visits).await?;
        tx.commit().await?;
        Ok(i64::try_from(visits.len()).unwrap_or(i64::MAX) >= most)
    })
    .await
}

fn arrived(row: &QueryResult) -> Result<(Uuid, NewVisit), DbErr> {
    let visitor = Visitor {
        id: row.try_get_by_index(5)?,
        next_id: row.try_get_by_index(6)?,
        first_came_at: row.try_get_by_index(7)?,
    };
    let visit = NewVisit {
        link_id: row.try_get_by_index(1)?,
        partner_id: row.try_get_by_index(2)?,
        at: row.try_get_by_index(3)?,
        screened: row.try_get_by_index(4)?,
        visitor,
        referrer: row.try_get_by_index(8)?,
    };
    Ok((row.try_get_by_index(0)?, visit))
}
