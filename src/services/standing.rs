//! A partner's standing and rate in a period, as they are on record (rules 17 and 18).

mod of_account;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{Moment, Period, RateBasisPoints, SettlementStatus};
use futures_util::try_join;
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use uuid::Uuid;

use super::error::ServiceError;
use super::programme::{IndividualRates, TierTables, rate_of};
use crate::app::{App, Terms};
use crate::db::{self, Column, Rows};
use crate::domain::rate::RateInForce;
use crate::domain::tier::{Tier, Tiers};

pub use of_account::RateRecords;

/// How far the books have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// The period closed last, and whether its statements are all written.
    pub last: Option<(Period, SettlementStatus)>,
    /// The minimum of active clients that the period closed last is settled by.
    pub last_minimum: u32,
    /// The period of the earliest line.
    pub first: Option<Period>,
}

impl Books {
    /// As they are, or as they were.
    pub async fn load(db: &impl ConnectionTrait, as_of: Option<Moment>) -> Result<Books, DbErr> {
        let sql = "SELECT s.period, s.status, p.first_period, s.minimum_active_clients FROM (SELECT 1 AS one) AS o \
                   LEFT JOIN (SELECT period, status, minimum_active_clients FROM settlement WHERE closed_at <= $1 \
                   ORDER BY period DESC LIMIT 1) AS s ON 1 = 1 LEFT JOIN programme AS p ON 1 = 1";
        let as_of = as_of.unwrap_or(Moment::END);
        let Some(row) = db::query_one(db, sql, vec![as_of.0.into()]).await? else {
            return Ok(Books::default());
        };
        let period: Option<Period> = row.try_get_by_index(0)?;
        let status: Option<SettlementStatus> = row.try_get_by_index(1)?;
        let minimum: Option<i32> = row.try_get_by_index(3)?;
        Ok(Books {
            last: period.zip(status),
            last_minimum: minimum.map_or(0, i32::unsigned_abs),
            first: row.try_get_by_index(2)?,
        })
    }

    /// The oldest period that is not closed; none before a first line exists.
    pub fn oldest_open(self) -> Option<Period> {
        self.last.map(|(closed, _)| closed.next()).or(self.first)
    }

    /// The period whose standing is shown and used for a period: its own once the period before is closed, the last
    /// there is until then (rule 18). Where nothing was closed, none that was fixed later was known.
    pub fn standing_period(self, period: Period) -> Period {
        self.last.map_or(Period::BEGINNING, |(closed, _)| period.min(closed.next()))
    }
}

/// A standing as a row says it; no row: no active clients and the first tier.
#[derive(Clone, Debug)]
struct Row {
    active_clients: u32,
    tier: String,
    rate: RateBasisPoints,
    was_suspended: bool,
}

/// The rates of some partners in some periods, as they are or as they were known at a time.
#[derive(Debug)]
pub struct RateBook {
    books: Books,
    tables: TierTables,
    individual: IndividualRates,
    standings: HashMap<(Uuid, Period), Row>,
}

impl RateBook {
    /// Loads what the rates of these partners in these periods depend on.
    pub async fn load(
        db: &impl ConnectionTrait,
        terms: &Terms,
        keys: &BTreeSet<(Uuid, Period)>,
        as_of: Option<Moment>,
    ) -> Result<RateBook, ServiceError> {
        let partners: BTreeSet<Uuid> = keys.iter().map(|(partner_id, _)| *partner_id).collect();
        let known = as_of.unwrap_or(Moment::END);
        let books = async { Ok::<_, ServiceError>(Books::load(db, as_of).await?) };
        let individual =
            async { Ok::<_, ServiceError>(IndividualRates::load_as_of(db, &partners, known).await?) };
        let (books, tables, individual) =
            try_join!(books, TierTables::load_as_of(db, terms, known), individual)?;
        let rows = keys.iter().map(|(partner_id, period)| (*partner_id, books.standing_period(*period)));
        let standings = standings(db, &rows.collect()).await?;
        Ok(RateBook { books, tables, individual, standings })
    }

    /// Whether a period's standings are fixed (rule 17).
    pub fn is_fixed(&self, period: Period) -> bool {
        self.books.standing_period(period) == period
    }

    /// How far the books have come.
    pub fn books(&self) -> Books {
        self.books
    }

    /// The table of tiers in force in a period.
    pub fn table(&self, period: Period) -> &Tiers {
        self.tables.in_force(period)
    }

    /// The individual rate of a partner in a period, if he has one.
    pub fn individual(&self, partner_id: Uuid, period: Period) -> Option<RateBasisPoints> {
        self.individual.in_force(partner_id, period)
    }

    /// What was fixed at the end of a closed period: active clients, and whether the partner was suspended.
    pub fn at_the_end(&self, partner_id: Uuid, closed: Period) -> (u32, bool) {
        let row = self.standings.get(&(partner_id, closed.next()));
        row.map_or((0, false), |row| (row.active_clients, row.was_suspended))
    }

    /// Loads what a partner's rates up to a period depend on, and the first period of the books.
    pub async fn of_partner(
        db: &impl ConnectionTrait,
        terms: &Terms,
        partner_id: Uuid,
        last: Period,
    ) -> Result<(Option<Period>, RateBook), ServiceError> {
        let partners = BTreeSet::from([partner_id]);
        let books = async { Ok::<_, ServiceError>(Books::load(db, None).await?) };
        let individual = async { Ok::<_, ServiceError>(IndividualRates::load(db, &partners).await?) };
        let standings = async { Ok::<_, ServiceError>(standings_until(db, partner_id, last).await?) };
        let (books, tables, individual, standings) =
            try_join!(books, TierTables::load(db, terms), individual, standings)?;
        Ok((books.first, RateBook { books, tables, individual, standings }))
    }

    fn row(&self, partner_id: Uuid, period: Period) -> Option<&Row> {
        self.standings.get(&(partner_id, self.books.standing_period(period)))
    }

    /// The rate in force, and where it comes from.
    pub fn rate(&self, partner_id: Uuid, period: Period) -> RateInForce {
        let standing = self.row(partner_id, period).map(|row| row.rate);
        rate_of(&self.tables, self.individual.in_force(partner_id, period), standing, period)
    }

    /// The standing that is on record for a period.
    pub fn standing(&self, partner_id: Uuid, period: Period) -> Standing {
        let row = self.row(partner_id, period);
        // A standing was fixed by the table of its own period; without one the first tier of this period's holds.
        let table = self.tables.in_force(row.map_or(period, |_| self.books.standing_period(period)));
        let active_clients = row.map_or(0, |row| row.active_clients);
        let tier = row.map_or_else(|| table.first().clone(), |row| named(table, &row.tier, row.rate));
        let next_tier = table.next_after(&tier).cloned();
        let clients_to_next_tier =
            next_tier.as_ref().map(|next| next.minimum_active_clients.saturating_sub(active_clients));
        let rate = self.rate(partner_id, period);
        Standing { period, active_clients, tier, rate, next_tier, clients_to_next_tier }
    }
}

/// The tier of a table by the name that a standing or statement kept; with its rate, should the table not have it.
pub fn named(table: &Tiers, name: &str, rate: RateBasisPoints) -> Tier {
    let found = table.iter().find(|tier| tier.name == name).cloned();
    found.unwrap_or_else(|| Tier { name: name.to_owned(), minimum_active_clients: 0, rate })
}

async fn standings(
    db: &impl ConnectionTrait,
    keys: &BTreeSet<(Uuid, Period)>,
) -> Result<HashMap<(Uuid, Period), Row>, DbErr> {
    let mut rows = Rows::new(&[("partner_id", Column::Uuid), ("period", Column::Int)]);
    keys.iter().for_each(|(partner_id, period)| rows.push([(*partner_id).into(), period.0.into()]));
    let sql = "WITH {rows} SELECT s.partner_id, s.period, s.active_clients, s.tier, s.rate_basis_points, \
               s.was_suspended FROM v JOIN standing s ON s.partner_id = v.partner_id AND s.period = v.period";
    rows.query(db, sql, vec![]).await?.iter().map(read_standing).collect()
}

async fn standings_until(
    db: &impl ConnectionTrait,
    partner_id: Uuid,
    last: Period,
) -> Result<HashMap<(Uuid, Period), Row>, DbErr> {
    let sql = "SELECT partner_id, period, active_clients, tier, rate_basis_points, was_suspended FROM standing \
               WHERE partner_id = $1 AND period <= $2";
    db::query(db, sql, vec![partner_id.into(), last.0.into()]).await?.iter().map(read_standing).collect()
}

fn read_standing(row: &QueryResult) -> Result<((Uuid, Period), Row), DbErr> {
    let active: i64 = row.try_get_by_index(2)?;
    let standing = Row {
        active_clients: u32::try_from(active).unwrap_or(u32::MAX),
        tier: row.try_get_by_index(3)?,
        rate: row.try_get_by_index(4)?,
        was_suspended: row.try_get_by_index(5)?,
    };
    Ok(((row.try_get_by_index(0)?, row.try_get_by_index(1)?), standing))
}

/// A partner's tier and rate in one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub period: Period,
    /// When the period began.
    pub active_clients: u32,
    pub tier: Tier,
    pub rate: RateInForce,
    pub next_tier: Option<Tier>,
    /// Still missing to the next tier.
    pub clients_to_next_tier: Option<u32>,
}

/// The standings of partners in the periods that hold these times, by what was known then.
pub async fn at(
    app: App,
    keys: Vec<(Uuid, Moment)>,
) -> Result<HashMap<(Uuid, Moment), Standing>, ServiceError> {
    let mut partners: BTreeMap<Moment, BTreeSet<Uuid>> = BTreeMap::new();
    keys.into_iter().for_each(|(id, at)| {
        partners.entry(at).or_default().insert(id);
    });
    let mut found = HashMap::new();
    for (at, ids) in partners {
        let period = app.terms.calendar.period_of(at);
        let as_of = Some(at).filter(|at| *at < app.clock.now());
        let keys = ids.iter().map(|id| (*id, period)).collect();
        let book = RateBook::load(app.db.reader(), &app.terms, &keys, as_of).await?;
        found.extend(ids.into_iter().map(|id| ((id, at), book.standing(id, period))));
    }
    Ok(found)
}

/// How far the books have come.
pub async fn books(app: &App) -> Result<Books, ServiceError> {
    Ok(Books::load(app.db.reader(), None).await?)
}

/// All tables of tiers.
pub async fn tables(app: &App) -> Result<TierTables, ServiceError> {
    TierTables::load(app.db.reader(), &app.terms).await
}

/// The rates of partners in periods, by both.
pub async fn rates(
    app: App,
    keys: Vec<(Uuid, Period)>,
) -> Result<HashMap<(Uuid, Period), RateInForce>, ServiceError> {
    let wanted = keys.iter().copied().collect();
    let book = RateBook::load(app.db.reader(), &app.terms, &wanted, None).await?;
    Ok(keys.into_iter().map(|key| (key, book.rate(key.0, key.1))).collect())
}
