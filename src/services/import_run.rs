//! Imports under way: a lease each renews, so that the settlement task waits for them (rule 19).

use chrono::Duration;
use entity::Moment;
use uuid::Uuid;

use super::error::ServiceError;
use crate::app::App;
use crate::db;

/// How long an import may be silent before it counts as ended.
const LEASE: Duration = Duration::seconds(60);
/// How long the settlement task waits after the last import ended: another file may follow.
const PAUSE: Duration = Duration::hours(1);

/// Notes that an import has begun; `what` is the kind of file.
///
/// # Errors
/// `Database` alone, as for all of this module.
pub async fn begin(app: &App, what: &str) -> Result<Uuid, ServiceError> {
    let (id, now) = (app.clock.new_id(), app.clock.now());
    let tx = app.begin().await?;
    let sql = "INSERT INTO import_run (id, what, started_at, lease_until) VALUES ($1, $2, $3, $4)";
    let values = vec![id.into(), what.into(), now.0.into(), now.plus(LEASE).0.into()];
    db::execute(&tx, sql, values).await?;
    tx.commit().await?;
    Ok(id)
}

/// Renews the lease of an import that goes on.
pub async fn renew(app: &App, id: Uuid) -> Result<(), ServiceError> {
    let until = app.clock.now().plus(LEASE);
    write(app, "UPDATE import_run SET lease_until = $1 WHERE id = $2", vec![until.0.into(), id.into()]).await
}

/// Notes that an import has ended, well or not.
pub async fn end(app: &App, id: Uuid) -> Result<(), ServiceError> {
    let now = app.clock.now();
    write(app, "UPDATE import_run SET ended_at = $1 WHERE id = $2", vec![now.0.into(), id.into()]).await
}

/// Whether the settlement task has to wait: an import runs, or one ended within the hour. One that was killed ended when
/// its lease did.
pub async fn is_waiting(app: &App) -> Result<bool, ServiceError> {
    let sql = "SELECT 1 FROM import_run WHERE COALESCE(ended_at, lease_until) > $1 LIMIT 1";
    let row = db::query_one(app.db.reader(), sql, vec![pause_began(app).0.into()]).await?;
    Ok(row.is_some())
}

/// Lifts the hour after the last import, since somebody settles by hand; what still runs goes on being waited for.
pub async fn forget_ended(app: &App) -> Result<(), ServiceError> {
    let sql = "DELETE FROM import_run WHERE ended_at IS NOT NULL OR lease_until <= $1";
    write(app, sql, vec![app.clock.now().0.into()]).await
}

fn pause_began(app: &App) -> Moment {
    app.clock.now().minus(PAUSE)
}

async fn write(app: &App, sql: &str, values: Vec<sea_orm::Value>) -> Result<(), ServiceError> {
    let tx = app.begin().await?;
    db::execute(&tx, sql, values).await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::testing::{app_in, empty_database};

    #[tokio::test]
    async fn the_settlement_task_waits_for_an_import_and_an_hour_after_it() {
        let (_folder, url) = empty_database();
        let app = app_in(&url).await;
        assert!(!is_waiting(&app).await.unwrap());
        let run = begin(&app, "top-ups").await.unwrap();
        app.clock.advance(Duration::hours(2));
        renew(&app, run).await.unwrap();
        assert!(is_waiting(&app).await.unwrap(), "it runs still");
        end(&app, run).await.unwrap();
        app.clock.advance(Duration::minutes(59));
        assert!(is_waiting(&app).await.unwrap(), "it ended within the hour");
        app.clock.advance(Duration::minutes(2));
        assert!(!is_waiting(&app).await.unwrap(), "the hour is over");
    }

    #[tokio::test]
    async fn an_import_that_was_killed_is_waited_for_no_longer_than_one_that_ended() {
        let (_folder, url) = empty_database();
        let app = app_in(&url).await;
        begin(&app, "top-ups").await.unwrap();
        app.clock.advance(LEASE + PAUSE);
        assert!(!is_waiting(&app).await.unwrap());
    }

    #[tokio::test]
    async fn settling_by_hand_lifts_the_hour_but_not_a_running_import() {
        let (_folder, url) = empty_database();
        let app = app_in(&url).await;
        let ended = begin(&app, "clients").await.unwrap();
        end(&app, ended).await.unwrap();
        forget_ended(&app).await.unwrap();
        assert!(!is_waiting(&app).await.unwrap());
        begin(&app, "top-ups").await.unwrap();
        app.clock.advance(Duration::seconds(30));
        forget_ended(&app).await.unwrap();
        assert!(is_waiting(&app).await.unwrap());
    }
}
