//! The schema's version: brought up by one instance at a time, and refused where it is newer than this program.

use std::collections::BTreeSet;

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::statistics;
use crate::app::App;
use crate::db::{self, Db};
use crate::domain::calendar::Calendar;

/// Any number that no other program in the database uses for an advisory lock.
const SCHEMA_LOCK: i64 = 7_242_741_011;

/// The step that made the tables of statistics.
const STATISTICS: &str = "m20260101_000006_statistics";

/// Why the schema is not the one that this program knows.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the database is newer than this program: it has the step {step}, which is not known here")]
    Newer { step: String },
    #[error("{steps} of the schema's steps are not applied yet: run `parrain migrate up`")]
    Pending { steps: usize },
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// One step of the schema's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: String,
    pub is_applied: bool,
}

/// The steps that this program knows, in their order.
///
/// # Errors
/// `Newer` where the database has one that is not among them.
pub async fn steps(db: &impl ConnectionTrait) -> Result<Vec<Step>, SchemaError> {
    let mut applied = applied(db).await?;
    let steps = Migrator::get_migration_files().iter().map(|step| step.name().to_owned()).collect::<Vec<_>>();
    let steps = steps.into_iter().map(|name| Step { is_applied: applied.remove(&name), name }).collect();
    match applied.pop_last() {
        Some(step) => Err(SchemaError::Newer { step }),
        None => Ok(steps),
    }
}

/// Applies what is pending and answers the names of those steps. Of several instances that do it at once, one does and
/// the others find nothing left to do.
///
/// # Errors
/// `Newer` as for [`steps`]; nothing is changed where a step fails.
pub async fn migrate(db: &Db) -> Result<Vec<String>, SchemaError> {
    apply(db, None).await
}

/// As [`migrate`], and fills what a step added from what is on record.
///
/// # Errors
/// As [`migrate`].
pub async fn bring_up(app: &App) -> Result<Vec<String>, SchemaError> {
    apply(&app.db, Some(&app.terms.calendar)).await
}

async fn apply(db: &Db, calendar: Option<&Calendar>) -> Result<Vec<String>, SchemaError> {
    if pending(&steps(db.reader()).await?).is_empty() {
        return Ok(Vec::new());
    }
    let tx = db.begin_writing().await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        db::execute(&tx, "SELECT pg_advisory_xact_lock($1)", vec![SCHEMA_LOCK.into()]).await?;
    }
    let pending = pending(&steps(&tx).await?);
    Migrator::up(&tx, None).await?;
    if let Some(calendar) = calendar.filter(|_| pending.iter().any(|step| step == STATISTICS)) {
        statistics::rebuild(calendar, &tx).await?;
    }
    tx.commit().await?;
    Ok(pending)
}

/// Sees to it that the schema is the one that this program knows.
///
/// # Errors
/// `Newer` and `Pending`.
pub async fn require_current(db: &Db) -> Result<(), SchemaError> {
    match pending(&steps(db.reader()).await?).len() {
        0 => Ok(()),
        steps => Err(SchemaError::Pending { steps }),
    }
}

fn pending(steps: &[Step]) -> Vec<String> {
    steps.iter().filter(|step| !step.is_applied).map(|step| step.name.clone()).collect()
}

/// The steps on record; a database without the table has none.
async fn applied(db: &impl ConnectionTrait) -> Result<BTreeSet<String>, DbErr> {
    let table = match db.get_database_backend() {
        DbBackend::Postgres => "SELECT 1 WHERE to_regclass('seaql_migrations') IS NOT NULL",
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
    };
    if db::query_one(db, table, vec![]).await?.is_none() {
        return Ok(BTreeSet::new());
    }
    let rows = db::query(db, "SELECT version FROM seaql_migrations", vec![]).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::testing::empty_database;

    #[tokio::test]
    async fn three_instances_that_migrate_at_once_migrate_once() {
        let (_folder, url) = empty_database();
        let one = async || {
            let db = Db::connect(&url, crate::db::PoolSize::default()).await.unwrap();
            migrate(&db).await.unwrap().len()
        };
        let (a, b, c) = tokio::join!(one(), one(), one());
        assert_eq!(a + b + c, Migrator::migrations().len(), "{a} {b} {c}");
        let db = Db::connect(&url, crate::db::PoolSize::default()).await.unwrap();
        require_current(&db).await.unwrap();
    }

    #[tokio::test]
    async fn a_database_newer_than_the_program_is_refused() {
        let (_folder, url) = empty_database();
        let db = Db::connect(&url, crate::db::PoolSize::default()).await.unwrap();
        assert!(matches!(require_current(&db).await, Err(SchemaError::Pending { .. })));
        migrate(&db).await.unwrap();
        let tx = db.begin_writing().await.unwrap();
        let sql = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_later', 0)";
        db::execute(&tx, sql, vec![]).await.unwrap();
        tx.commit().await.unwrap();
        let refused = migrate(&db).await.unwrap_err();
        assert!(refused.to_string().contains("m29990101_000001_later"), "{refused}");
        assert!(matches!(require_current(&db).await, Err(SchemaError::Newer { .. })));
    }
}
