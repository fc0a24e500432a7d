//! Exchange rates: recorded once, found by date (rule 10).

use std::collections::BTreeMap;
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use entity::{Day, Moment, Money};
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait, DbErr, Value};

use super::error::{ServiceError, retrying};
use crate::app::{App, Terms};
use crate::db::{Column, Rows};
use crate::domain::error::{Invalid, Refusal};
use crate::domain::exchange::{self, ExchangeRate};

/// A rate as it is published: units of the currency for one of the programme's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedRate {
    pub currency: String,
    pub published_on: Day,
    pub rate: Decimal,
}

/// What became of a rate that was sent.
#[derive(Debug)]
pub enum RateOutcome {
    Recorded,
    Replayed,
    Refused(Refusal),
}

/// Records rates, once each: the same value again is a replay, another one a conflict (rule 10).
pub async fn record(app: &App, rates: &[PublishedRate]) -> Result<Vec<RateOutcome>, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let outcomes = record_in(app, &tx, rates).await?;
        tx.commit().await?;
        Ok(outcomes)
    })
    .await
}

async fn record_in(
    app: &App,
    tx: &impl ConnectionTrait,
    rates: &[PublishedRate],
) -> Result<Vec<RateOutcome>, ServiceError> {
    let mut known = find(tx, rates.iter().map(|rate| (rate.currency.as_str(), rate.published_on))).await?;
    let today = app.clock.now().utc_day();
    let mut rows = Rows::new(&[
        ("currency", Column::Text),
        ("published_on", Column::Int),
        ("rate", Column::Text),
        ("recorded_at", Column::BigInt),
    ]);
    let now = app.clock.now();
    let outcomes = rates.iter().map(|rate| {
        if let Some(refusal) = refusal(rate, &app.terms, today) {
            return RateOutcome::Refused(refusal);
        }
        let key = (rate.currency.clone(), rate.published_on);
        match known.get(&key) {
            Some(on_record) if *on_record == rate.rate.normalize() => RateOutcome::Replayed,
            Some(_) => RateOutcome::Refused(Refusal::Conflict { what: "a rate" }),
            None => {
                rows.push([
                    rate.currency.as_str().into(),
                    rate.published_on.0.into(),
                    rate.rate.normalize().to_string().into(),
                    now.0.into(),
                ]);
                known.insert(key, rate.rate.normalize());
                RateOutcome::Recorded
            }
        }
    });
    let outcomes = outcomes.collect();
    let insert = "WITH {rows} INSERT INTO exchange_rate (currency, published_on, rate, recorded_at) \
                  SELECT currency, published_on, rate, recorded_at FROM v";
    rows.execute(tx, insert, vec![]).await?;
    Ok(outcomes)
}

fn refusal(rate: &PublishedRate, terms: &Terms, today: Day) -> Option<Refusal> {
    let invalid = |field, reason: &str| Some(Refusal::Invalid(Invalid { field, reason: reason.to_owned() }));
    if iso_currency::Currency::from_code(&rate.currency).is_none() {
        return invalid("currencyCode", "is no ISO 4217 code");
    }
    if rate.currency == terms.currency {
        return invalid("currencyCode", "is the programme's own currency");
    }
    // A zone ahead of UTC has its tomorrow while UTC has today.
    if rate.published_on.to_date() > today.to_date().succ_opt().unwrap_or(today.to_date()) {
        return invalid("publishedOn", "is in the future");
    }
    if exchange::parse_rate(&rate.rate.to_string()).is_none() {
        return invalid("rate", "is not a positive decimal number of at most 12 decimals");
    }
    None
}

async fn find(
    db: &impl ConnectionTrait,
    keys: impl Iterator<Item = (&str, Day)>,
) -> Result<HashMap<(String, Day), Decimal>, DbErr> {
    let mut rows = Rows::new(&[("currency", Column::Text), ("published_on", Column::Int)]);
    keys.for_each(|(currency, day)| rows.push([currency.into(), day.0.into()]));
    let sql = "WITH {rows} SELECT e.currency, e.published_on, e.rate FROM v JOIN exchange_rate e \
               ON e.currency = v.currency AND e.published_on = v.published_on";
    let found = rows.query(db, sql, vec![]).await?;
    found
        .iter()
        .map(|row| {
            let rate: String = row.try_get_by_index(2)?;
            let key = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            Ok((key, rate.parse().unwrap_or_default()))
        })
        .collect()
}

/// The rates that the facts of a batch may need, by currency and day.
#[derive(Debug, Default)]
pub struct RateBook {
    rates: HashMap<String, BTreeMap<Day, Decimal>>,
}

impl RateBook {
    /// Loads the rates published in the days that count for facts of these currencies and times.
    pub async fn load<'a>(
        db: &impl ConnectionTrait,
        terms: &Terms,
        facts: impl Iterator<Item = (&'a str, Moment)> + Clone,
    ) -> Result<RateBook, DbErr> {
        let foreign = facts.filter(|(currency, _)| *currency != terms.currency);
        let Some(earliest) = foreign.clone().map(|(_, at)| at).min() else { return Ok(RateBook::default()) };
        let latest = foreign.clone().map(|(_, at)| at).max().unwrap_or(earliest);
        let currencies: BTreeSet<&str> = foreign.map(|(currency, _)| currency).collect();
        let from =
            earliest.minus(chrono::Duration::days(i64::from(terms.exchange_rate_max_age_days))).utc_day();
        let sql = "WITH {rows} SELECT e.currency, e.published_on, e.rate FROM v JOIN exchange_rate e \
                   ON e.currency = v.currency AND e.published_on BETWEEN $1 AND $2";
        let rows = Rows::of(&[("currency", Column::Text)], currencies.into_iter().map(Value::from));
        let mut book = RateBook::default();
        for row in rows.query(db, sql, vec![from.0.into(), latest.utc_day().0.into()]).await? {
            let rate: String = row.try_get_by_index(2)?;
            let by_day = book.rates.entry(row.try_get_by_index(0)?).or_default();
            by_day.insert(row.try_get_by_index(1)?, rate.parse().unwrap_or_default());
        }
        Ok(book)
    }

    /// The base of an amount and the rate it was made with (rule 10); refused where no rate is near enough.
    pub fn base_of(
        &self,
        terms: &Terms,
        amount: Money,
        currency: &str,
        occurred_at: Moment,
    ) -> Result<(Money, Option<ExchangeRate>), Refusal> {
        let too_large = || {
            Refusal::Invalid(Invalid { field: "amount", reason: "is too large to be converted".to_owned() })
        };
        if currency == terms.currency {
            return exchange::base_of(amount, None, terms.minor_units)
                .map(|base| (base, None))
                .ok_or_else(too_large);
        }
        let day = occurred_at.utc_day();
        let published = self
            .rates
            .get(currency)
            .and_then(|by_day| by_day.range((Bound::Unbounded, Bound::Included(day))).next_back());
        match published {
            Some((on, rate)) if exchange::usable(*on, day, terms.exchange_rate_max_age_days) => {
                let rate = ExchangeRate { rate: *rate, published_on: *on };
                let base = exchange::base_of(amount, Some(&rate), terms.minor_units).ok_or_else(too_large)?;
                Ok((base, Some(rate)))
            }
            _ => Err(Refusal::ExchangeRateMissing { currency: currency.to_owned(), day }),
        }
    }
}
