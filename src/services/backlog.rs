//! What waits to be done, in figures for whoever watches the service.

use entity::{Day, LineState, ParkedStatus};
use sea_orm::Value;

use super::error::ServiceError;
use super::lock::Progress;
use crate::app::App;
use crate::db;

/// The figures at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Seconds since a period should have been settled by itself; 0 where none is due.
    pub settlement_overdue: i64,
    /// Days since the last exchange rate was published; none without one.
    pub exchange_rate_age: Option<i64>,
    /// Facts that wait for what they belong to (rule 12).
    pub parked_facts: i64,
    /// Lines that wait for a review (rule 22).
    pub held_lines: i64,
}

/// Counts what waits.
///
/// # Errors
/// `Database` alone.
pub async fn count(app: &App) -> Result<Backlog, ServiceError> {
    let (db, terms, now) = (app.db.reader(), &app.terms, app.clock.now());
    let count = async |sql: &str, word: &'static str| -> Result<i64, ServiceError> {
        let row = db::query_one(db, sql, vec![Value::from(word)]).await?;
        Ok(row.map_or(Ok(0), |row| row.try_get_by_index(0))?)
    };
    let oldest_open = Progress::load(db).await?.oldest_open();
    let due_at = oldest_open.map(|period| terms.calendar.ends_at(period).plus(terms.settlement_grace));
    let rate = db::query_one(db, "SELECT MAX(published_on) FROM exchange_rate", vec![]).await?;
    let rate: Option<Day> = rate.map_or(Ok(None), |row| row.try_get_by_index(0))?;
    Ok(Backlog {
        settlement_overdue: due_at.map_or(0, |due_at| (now.0.saturating_sub(due_at.0) / 1_000_000).max(0)),
        exchange_rate_age: rate.map(|day| (now.utc_day().to_date() - day.to_date()).num_days()),
        parked_facts: count(
            "SELECT COUNT(*) FROM parked_fact WHERE status = $1",
            ParkedStatus::Waiting.as_str(),
        )
        .await?,
        held_lines: count("SELECT COUNT(*) FROM line WHERE state = $1", LineState::Held.as_str()).await?,
    })
}
