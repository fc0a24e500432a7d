//! The programme's own record: what its first line fixes, the tiers by period, the rates in force (rules 17 and 19).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{Moment, Period, RateBasisPoints};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::ServiceError;
use super::line::Recording;
use crate::app::{App, Terms};
use crate::db::{self, Column, Rows};
use crate::domain::rate::{RateInForce, rate_in_force};
use crate::domain::tier::{MINIMUM_RATE, Tier, Tiers};

/// Fixes currency, time zone and first table of tiers with the first line, and moves the first period back while
/// nothing is closed. `earliest` is the period of the earliest line about to be written.
pub async fn fix_terms(
    recording: &Recording<'_>,
    tx: &DatabaseTransaction,
    earliest: Period,
) -> Result<(), ServiceError> {
    if recording.progress.closed.is_some() || recording.progress.first.is_some_and(|first| first <= earliest)
    {
        return Ok(());
    }
    let terms = &recording.app.terms;
    let sql = "INSERT INTO programme (id, currency, time_zone, first_period, created_at) \
               VALUES (1, $1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
    let zone = terms.calendar.zone().name();
    let values = vec![terms.currency.as_str().into(), zone.into(), earliest.0.into(), recording.now.0.into()];
    if db::execute(tx, sql, values).await?.rows_affected() == 0 {
        return move_first_period(tx, earliest).await;
    }
    let reason = "The configuration's table, fixed with the first line.";
    let table = NewTable { from: Period::BEGINNING, tiers: &terms.first_tiers, by: "configuration", reason };
    insert_first_table(recording.app, tx, &table, recording.now).await
}

/// Only while nothing is closed: afterwards the first settlement says where the books begin.
async fn move_first_period(tx: &DatabaseTransaction, earliest: Period) -> Result<(), ServiceError> {
    let sql = "UPDATE programme SET first_period = $1 WHERE first_period > $1 \
               AND NOT EXISTS (SELECT 1 FROM settlement)";
    db::execute(tx, sql, vec![earliest.0.into()]).await?;
    Ok(())
}

/// A table of tiers to be kept.
#[derive(Debug)]
pub struct NewTable<'a> {
    pub from: Period,
    pub tiers: &'a Tiers,
    pub by: &'a str,
    pub reason: &'a str,
}

/// Keeps a table of tiers.
pub async fn insert_table(
    app: &App,
    tx: &impl ConnectionTrait,
    table: &NewTable<'_>,
    now: Moment,
) -> Result<(), ServiceError> {
    let sql = "INSERT INTO tier_table (id, from_period, tiers, set_at, set_by, reason) VALUES ($1, $2, $3, $4, $5, $6)";
    let values = vec![
        app.clock.new_id().into(),
        table.from.0.into(),
        write_tiers(table.tiers)?.into(),
        now.0.into(),
        table.by.into(),
        table.reason.into(),
    ];
    db::execute(tx, sql, values).await?;
    Ok(())
}

/// The configuration's table is the first only while no other was set.
async fn insert_first_table(
    app: &App,
    tx: &DatabaseTransaction,
    table: &NewTable<'_>,
    now: Moment,
) -> Result<(), ServiceError> {
    let is_set = db::query_one(tx, "SELECT 1 FROM tier_table LIMIT 1", vec![]).await?.is_some();
    if is_set { Ok(()) } else { insert_table(app, tx, table, now).await }
}

/// A tier as the table keeps it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredTier {
    name: String,
    minimum_active_clients: u32,
    rate_basis_points: RateBasisPoints,
}

fn write_tiers(tiers: &Tiers) -> Result<String, ServiceError> {
    let stored: Vec<StoredTier> = tiers
        .iter()
        .map(|tier| StoredTier {
            name: tier.name.clone(),
            minimum_active_clients: tier.minimum_active_clients,
            rate_basis_points: tier.rate,
        })
        .collect();
    serde_json::to_string(&stored).map_err(|error| ServiceError::Broken(error.to_string()))
}

fn read_tiers(text: &str) -> Result<Tiers, ServiceError> {
    let broken = |error: String| ServiceError::Broken(format!("a table of tiers: {error}"));
    let stored: Vec<StoredTier> = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    let tiers = stored
        .into_iter()
        .map(|tier| Tier {
            name: tier.name,
            minimum_active_clients: tier.minimum_active_clients,
            rate: tier.rate_basis_points,
        })
        .collect();
    Tiers::new(tiers, MINIMUM_RATE).map_err(|error| broken(error.to_string()))
}

/// All tables of tiers, each by the period from which it holds.
#[derive(Clone, Debug)]
pub struct TierTables {
    first: Tiers,
    from: BTreeMap<Period, Tiers>,
}

impl TierTables {
    /// Loads the tables on record; the configuration's is the first while there is none.
    pub async fn load(db: &impl ConnectionTrait, terms: &Terms) -> Result<TierTables, ServiceError> {
        TierTables::load_as_of(db, terms, Moment::END).await
    }

    /// Loads the tables that were set by then.
    pub async fn load_as_of(
        db: &impl ConnectionTrait,
        terms: &Terms,
        as_of: Moment,
    ) -> Result<TierTables, ServiceError> {
        let sql = "SELECT from_period, tiers FROM tier_table WHERE set_at <= $1 ORDER BY from_period, id";
        let rows = db::query(db, sql, vec![as_of.0.into()]).await?;
        let tables = rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
        TierTables::of(terms, tables.collect::<Result<Vec<_>, DbErr>>()?)
    }

    /// The tables as they are kept, in the order in which they were set: of two for one period the last holds.
    pub fn of(
        terms: &Terms,
        tables: impl IntoIterator<Item = (Period, String)>,
    ) -> Result<TierTables, ServiceError> {
        let tables = tables.into_iter().map(|(period, tiers)| Ok((period, read_tiers(&tiers)?)));
        let from = tables.collect::<Result<_, ServiceError>>()?;
        Ok(TierTables { first: terms.first_tiers.clone(), from })
    }

    /// The tables that hold from later than a period on, each from its first.
    pub fn after(&self, period: Period) -> impl Iterator<Item = (Period, &Tiers)> {
        self.from.range(period.next()..).map(|(from, tiers)| (*from, tiers))
    }

    /// The table in force in a period.
    pub fn in_force(&self, period: Period) -> &Tiers {
        self.from.range(..=period).next_back().map_or(&self.first, |(_, tiers)| tiers)
    }
}

/// The individual rates of some partners, by the period from which they hold; a null takes the rate away.
#[derive(Debug, Default)]
pub struct IndividualRates(HashMap<Uuid, BTreeMap<Period, Option<RateBasisPoints>>>);

impl IndividualRates {
    /// Loads what is on record for these partners.
    pub async fn load(
        db: &impl ConnectionTrait,
        partners: &BTreeSet<Uuid>,
    ) -> Result<IndividualRates, DbErr> {
        IndividualRates::load_as_of(db, partners, Moment::END).await
    }

    /// Loads what was set for these partners by then.
    pub async fn load_as_of(
        db: &impl ConnectionTrait,
        partners: &BTreeSet<Uuid>,
        as_of: Moment,
    ) -> Result<IndividualRates, DbErr> {
        let sql = "WITH {rows} SELECT i.partner_id, i.from_period, i.rate_basis_points, i.id FROM v \
                   JOIN individual_rate i ON i.partner_id = v.id AND i.set_at <= $1 \
                   ORDER BY i.partner_id, i.from_period, i.id";
        let rows = Rows::of(&[("id", Column::Uuid)], partners.iter().map(|id| Value::from(*id)));
        let mut rates = IndividualRates::default();
        for row in rows.query(db, sql, vec![as_of.0.into()]).await? {
            let by_period = rates.0.entry(row.try_get_by_index(0)?).or_default();
            by_period.insert(row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        }
        Ok(rates)
    }

    /// The rates of one partner, in the order in which they were set.
    pub fn of_partner(
        partner_id: Uuid,
        rates: impl IntoIterator<Item = (Period, Option<RateBasisPoints>)>,
    ) -> IndividualRates {
        IndividualRates(HashMap::from([(partner_id, rates.into_iter().collect())]))
    }

    pub fn in_force(&self, partner_id: Uuid, period: Period) -> Option<RateBasisPoints> {
        self.0.get(&partner_id)?.range(..=period).next_back().and_then(|(_, rate)| *rate)
    }
}

/// The rate of a partner in a period (rule 17): individual, else of his standing, else the first tier's.
pub fn rate_of(
    tables: &TierTables,
    individual: Option<RateBasisPoints>,
    standing: Option<RateBasisPoints>,
    period: Period,
) -> RateInForce {
    rate_in_force(individual, standing, tables.in_force(period).first().rate)
}

/// Refuses a configuration that says otherwise than what the first line fixed.
pub async fn check_fixed_terms(app: &App) -> Result<(), ServiceError> {
    let sql = "SELECT currency, time_zone FROM programme";
    let Some(row) = db::query_one(app.db.reader(), sql, vec![]).await? else { return Ok(()) };
    let (currency, zone): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let configured = app.terms.calendar.zone().name();
    if currency != app.terms.currency {
        let message =
            format!("programme.currency is {}, but the books are kept in {currency}", app.terms.currency);
        return Err(ServiceError::Misconfigured(message));
    }
    if zone != configured {
        let message = format!("programme.time_zone is {configured}, but the books are kept in {zone}");
        return Err(ServiceError::Misconfigured(message));
    }
    Ok(())
}
