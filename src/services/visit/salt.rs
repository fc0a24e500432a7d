//! The salt of the day, the same for all instances (rule 5).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entity::Day;
use sea_orm::DbErr;
use tokio::time::Instant;

use crate::app::App;
use crate::db;
use crate::domain::visit::SALT_BYTES;

type Salt = [u8; SALT_BYTES];

/// How long a visitor waits for the first look of a day; then he is told apart by his new token alone.
const WITHIN: Duration = Duration::from_millis(60);
/// How long the database is left alone after it did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// What this process knows.
#[derive(Debug, Default)]
struct Known {
    today: Option<(Day, Salt)>,
    failed_at: Option<Instant>,
}

/// The salt of the UTC day; `None` while the database does not answer.
pub(super) async fn of_today(app: &App) -> Option<Salt> {
    let day = app.clock.now().utc_day();
    let known = app.memory.of(Mutex::<Known>::default);
    {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.today {
            Some((of, salt)) if of == day => return Some(salt),
            _ if known.failed_at.is_some_and(|at| at.elapsed() < PAUSE) => return None,
            _ => {}
        }
    }
    let found = tokio::time::timeout(WITHIN, read_or_make(app, day)).await;
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match found {
        Ok(Ok(Some(salt))) => {
            known.today = Some((day, salt));
            return Some(salt);
        }
        Ok(Ok(None)) => tracing::error!("the day's salt cannot be read"),
        Ok(Err(error)) => tracing::error!(%error, "the day's salt cannot be read"),
        Err(_) => tracing::error!("reading the day's salt took too long"),
    }
    known.failed_at = Some(Instant::now());
    None
}

async fn read_or_make(app: &App, day: Day) -> Result<Option<Salt>, DbErr> {
    if let Some(salt) = read(app, day).await? {
        return Ok(Some(salt));
    }
    let tx = app.begin().await?;
    // Another instance may have been first: then its salt holds.
    let sql = "INSERT INTO visitor_salt (day, salt) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING";
    db::execute(&tx, sql, vec![day.0.into(), STANDARD.encode(rand::random::<Salt>()).into()]).await?;
    tx.commit().await?;
    read(app, day).await
}

async fn read(app: &App, day: Day) -> Result<Option<Salt>, DbErr> {
    let sql = "SELECT salt FROM visitor_salt WHERE day = $1";
    let row = db::query_one(app.db.reader(), sql, vec![day.0.into()]).await?;
    let text: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(text.and_then(|text| STANDARD.decode(text).ok()?.try_into().ok()))
}
