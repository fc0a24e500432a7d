//! What is printed of a statement: its figures, the bases behind them by their rates, and the periods before it.

use std::collections::BTreeSet;

use entity::{Money, Period, RateBasisPoints, statement};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::error::ServiceError;
use super::standing::RateBook;
use crate::app::App;
use crate::db;

/// How many periods the chart shows.
const PERIODS: usize = 12;

/// What lines of one rate period come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLine {
    pub period: Period,
    pub rate: RateBasisPoints,
    pub top_ups: i64,
    pub base: Money,
    pub commission: Money,
}

/// What a settlement did in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodFigures {
    pub period: Period,
    pub commission: Money,
    pub credited: Money,
}

/// A statement with all that its page shows.
#[derive(Clone, Debug)]
pub struct PrintedStatement {
    pub statement: statement::Model,
    /// The provider's own id of the partner's account: for telling whose it is, not for print.
    pub account_id: String,
    pub partner_code: String,
    pub opening_balance: Money,
    pub previous_digest: Option<String>,
    pub by_rate_period: Vec<RateLine>,
    /// Twelve periods up to the statement's, oldest first; zeros where there is no statement.
    pub last_periods: Vec<PeriodFigures>,
}

/// A statement by its id.
pub async fn find(app: &App, id: Uuid) -> Result<Option<PrintedStatement>, ServiceError> {
    let db = app.db.reader();
    let Some(statement) = statement::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    let partner_id = statement.partner_id;
    let sql = "SELECT a.account_id, k.code FROM partner p JOIN account a ON a.id = p.account_id \
               JOIN link k ON k.partner_id = p.id AND k.is_own WHERE p.id = $1";
    let Some(row) = db::query_one(db, sql, vec![partner_id.into()]).await? else { return Ok(None) };
    let before = before(app, &statement).await?;
    Ok(Some(PrintedStatement {
        account_id: row.try_get_by_index(0)?,
        partner_code: row.try_get_by_index(1)?,
        opening_balance: before.first().map_or(Money::ZERO, |before| before.closing_balance),
        previous_digest: before.first().map(|before| before.digest.clone()),
        by_rate_period: by_rate_period(app, &statement).await?,
        last_periods: last_periods(&statement, &before),
        statement,
    }))
}

/// The partner's statements before this one, newest first.
async fn before(app: &App, statement: &statement::Model) -> Result<Vec<statement::Model>, ServiceError> {
    use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
    Ok(statement::Entity::find()
        .filter(statement::Column::PartnerId.eq(statement.partner_id))
        .filter(statement::Column::Period.lt(statement.period))
        .order_by_desc(statement::Column::Period)
        .limit(PERIODS as u64)
        .all(app.db.reader())
        .await?)
}

async fn by_rate_period(app: &App, statement: &statement::Model) -> Result<Vec<RateLine>, ServiceError> {
    let partner_id = statement.partner_id;
    let sql = "SELECT rate_period, top_ups, base FROM partner_sum WHERE partner_id = $1 AND settle_period = $2 \
               ORDER BY rate_period";
    let rows = db::query(app.db.reader(), sql, vec![partner_id.into(), statement.period.0.into()]).await?;
    let mut sums: Vec<(Period, i64, Money)> = Vec::with_capacity(rows.len());
    for row in rows {
        sums.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?));
    }
    let keys: BTreeSet<(Uuid, Period)> = sums.iter().map(|(period, ..)| (partner_id, *period)).collect();
    let book = RateBook::load(app.db.reader(), &app.terms, &keys, None).await?;
    let lines = sums.into_iter().map(|(period, top_ups, base)| {
        let rate = book.rate(partner_id, period).rate;
        let commission = rate.of(base).ok_or_else(|| {
            ServiceError::Broken(format!("the commission of statement {} is not exact", statement.id))
        })?;
        Ok(RateLine { period, rate, top_ups, base, commission })
    });
    lines.collect()
}

fn last_periods(statement: &statement::Model, before: &[statement::Model]) -> Vec<PeriodFigures> {
    let mut period = statement.period;
    let mut figures = Vec::with_capacity(PERIODS);
    for _ in 0..PERIODS {
        let of_period = std::iter::once(statement).chain(before).find(|row| row.period == period);
        figures.push(PeriodFigures {
            period,
            commission: of_period.map_or(Money::ZERO, |row| row.commission),
            credited: of_period.map_or(Money::ZERO, |row| row.credited),
        });
        period = period.previous();
    }
    figures.reverse();
    figures
}

/// The address of a statement's page, good for five minutes.
pub fn signed_address(app: &App, statement_id: Uuid) -> String {
    address(app, &format!("/statements/{statement_id}"))
}

/// A path signed for five minutes, under the service's public address.
pub fn address(app: &App, path_and_query: &str) -> String {
    let signed = app.keys.address.sign(path_and_query, app.clock.now());
    format!("{}{signed}", app.config.public_url.as_str().trim_end_matches('/'))
}
