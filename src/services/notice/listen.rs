//! The one task of a process that hears of commits.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{DbBackend, DbErr};
use secrecy::ExposeSecret;

use super::{CHANNEL, Followers, News};
use crate::app::App;
use crate::db;

/// How long to wait before the database is looked for again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3)];
/// After so long a silence the connection is tried, and it is seen whether anybody follows still.
const SILENCE: Duration = Duration::from_secs(10);
/// How long the database may take to answer that.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often SQLite is looked at for other processes' writes.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How soon after a draw it is looked at, and then after twice as long each time: that transaction is about to end.
const AFTER_DRAW: Duration = Duration::from_millis(2);

/// Listens as long as anybody follows.
pub(super) async fn listen(app: App, followers: Arc<Followers>) {
    if app.db.backend() == DbBackend::Postgres {
        listen_to_postgres(&app, &followers).await;
    } else {
        look_at_sqlite(&app, &followers).await;
    }
}

async fn listen_to_postgres(app: &App, followers: &Followers) {
    let mut failures = 0;
    while followers.goes_on() {
        match hear(app, followers, &mut failures).await {
            Ok(()) => return,
            Err(error) => {
                if failures == 0 {
                    tracing::warn!(%error, "notices of commits do not arrive; connecting again");
                }
                tokio::time::sleep(PAUSES[failures.min(PAUSES.len() - 1)]).await;
                failures += 1;
            }
        }
    }
}

/// Hears notices on a connection of its own until it breaks, or nobody follows.
async fn hear(app: &App, followers: &Followers, failures: &mut usize) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect(app.config.database.url.expose_secret()).await?;
    listener.listen(CHANNEL).await?;
    *failures = 0;
    followers.tell(&News::of_anything());
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notice))) => followers.tell(&News::read(notice.payload())),
            // It was away and is there again: nobody knows what was told meanwhile.
            Ok(Ok(None)) => followers.tell(&News::of_anything()),
            Ok(Err(error)) => return Err(error),
            Err(_silent) if !followers.goes_on() => return Ok(()),
            Err(_silent) => {
                let sign_of_life = sqlx::query("SELECT 1").execute(&mut listener);
                tokio::time::timeout(PATIENCE, sign_of_life)
                    .await
                    .map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))??;
            }
        }
    }
}

async fn look_at_sqlite(app: &App, followers: &Followers) {
    let (mut known, mut pause, mut has_failed) = (None, LOOK_AGAIN, false);
    while followers.goes_on() {
        match last_number(app).await {
            Ok(last) => {
                if known != Some(last) {
                    followers.tell(&News::of_anything());
                }
                (known, has_failed) = (Some(last), false);
            }
            Err(error) => {
                if !has_failed {
                    tracing::warn!(%error, "the number of the last change cannot be read");
                }
                (known, has_failed) = (None, true);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LOOK_AGAIN),
            () = followers.drawn.notified() => pause = AFTER_DRAW,
        }
    }
}

/// The number drawn last by a transaction that is committed.
async fn last_number(app: &App) -> Result<Option<i64>, DbErr> {
    let row = db::query_one(app.db.reader(), "SELECT last_value FROM change_number", vec![]).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}
