//! Where a partner stands: who he is, his balance, what awaits settlement, his active clients and his rates.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use entity::{Day, Moment, Money, Period, RateBasisPoints, partner};
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::settlement::active_clients_of;
use super::standing::{RateBook, RateRecords, Standing};
use crate::app::App;
use crate::db::{Answer, Column, Columns, Query, Rows, Together};
use crate::domain::activity::window_from;
use crate::domain::balance::Balance;
use crate::domain::top_up::CLOCK_SKEW;

/// A partner with all the figures that are his own, read in one moment; of many partners the rates in the next.
#[derive(Clone, Debug)]
pub struct Position {
    pub partner: partner::Model,
    pub account_id: String,
    /// His own.
    pub code: String,
    pub available: Money,
    pub reserved: Money,
    /// What his last statement carried out.
    pub carried: Money,
    pub lifetime_credited: Money,
    pub lifetime_paid: Money,
    /// The period of his last statement.
    pub settled: Option<Period>,
    /// The earning lines of periods that have no statement of his yet.
    pub open_sums: Vec<OpenSum>,
    /// Clients with a standing purchase in the window that ends now.
    pub active_now: u32,
    /// Clients that will be active at the end of the oldest open period if nothing more happens.
    pub active_at_end: u32,
    pub rates: Arc<RateBook>,
}

/// Earning lines that are settled in one period at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSum {
    pub settle_period: Period,
    pub rate_period: Period,
    pub base: Money,
    pub top_ups: i64,
}

impl Position {
    /// The two balances that the ledger moves.
    pub fn balance(&self) -> Balance {
        Balance { available: self.available, reserved: self.reserved }
    }

    /// Rate and tier in the current period.
    pub fn standing(&self, app: &App) -> Standing {
        let period = app.terms.calendar.period_of(app.clock.now());
        self.rates.standing(self.partner.id, period)
    }

    /// The individual rate that is in force now.
    pub fn individual_rate(&self, app: &App) -> Option<RateBasisPoints> {
        let period = app.terms.calendar.period_of(app.clock.now());
        self.rates.individual(self.partner.id, period)
    }

    /// Whether what is settled in a period is on a statement of his: his last one parts the two, since whoever has
    /// lines in a period has a statement of it.
    pub fn is_settled(&self, period: Period) -> bool {
        self.settled.is_some_and(|settled| period <= settled)
    }
}

/// The partner behind an account, asked for together with other queries: he is their common table `me`.
pub struct AskedPosition {
    counted: Counted,
    number: usize,
}

impl AskedPosition {
    /// Begins queries with the partner, his own figures and all that his rates depend on.
    pub fn ask(app: &App, account_id: &str) -> (Together, AskedPosition) {
        let counted = Counted::at(app, app.clock.now());
        let mut values = counted.values();
        values.push(account_id.into());
        let mut together = Together::new(&COMMON, values);
        let sql = format!(
            "SELECT records.*, {ME} FROM records LEFT JOIN me ON records.kind = {PARTNER} \
             LEFT JOIN active ON records.kind = {PARTNER}"
        );
        let number = together.add(Query { sql, values: vec![], columns: RECORD_AND_ME.to_vec() });
        (together, AskedPosition { counted, number })
    }

    /// Reads what was asked for; none where the account is no partner yet.
    pub async fn read(self, app: &App, found: &[Vec<Answer>]) -> Result<Option<Position>, ServiceError> {
        let (mut read, mut open_sums, mut records) = (None, Vec::new(), RateRecords::default());
        for row in found.get(self.number).into_iter().flatten() {
            match row.column(0)? {
                PARTNER => read = Read::of(row, RECORD_COLUMNS)?,
                OPEN_SUM => open_sums.push(OpenSum {
                    settle_period: row.column(1)?,
                    rate_period: row.column(4)?,
                    base: row.column(3)?,
                    top_ups: row.column(7)?,
                }),
                _ => records.take(row)?,
            }
        }
        let Some(read) = read else { return Ok(None) };
        let rates = Arc::new(records.of(read.partner.id, &app.terms)?);
        let mut positions = self.counted.positions(app, vec![Read { open_sums, ..read }], &rates).await?;
        Ok(positions.pop())
    }
}

const PARTNER: i32 = -1;
const OPEN_SUM: i32 = -2;
const RECORD_COLUMNS: usize = 8;
/// Of the records, and of `me` beside the first of them.
const RECORD_AND_ME: [Column; RECORD_COLUMNS + COLUMNS] = {
    use Column::{BigInt, Bool, Int, Text, Uuid};
    [
        Int, Int, Text, BigInt, Int, Bool, Uuid, BigInt, // the records'
        Uuid, Uuid, Text, Text, BigInt, BigInt, Text, Text, // who he is
        BigInt, BigInt, BigInt, BigInt, BigInt, Int, // his figures
        BigInt, BigInt, BigInt, BigInt, // his active clients
    ]
};
static COMMON: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}, records (kind, period, text, number, rate, flag, id, count) AS ({} \
         UNION ALL SELECT {PARTNER}, NULL, NULL, NULL, NULL, FALSE, NULL, NULL \
         UNION ALL SELECT {OPEN_SUM}, s.settle_period, NULL, s.base, s.rate_period, FALSE, NULL, s.top_ups \
         FROM me JOIN partner_sum s ON s.partner_id = me.id AND s.settle_period > me.settled)",
        me("account a JOIN partner p ON p.account_id = a.id WHERE a.account_id = $8"),
        RateRecords::SQL
    )
});

/// Many partners by their ids.
pub async fn by_id(app: App, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Arc<Position>>, ServiceError> {
    let now = app.clock.now();
    let counted = Counted::at(&app, now);
    let sql = format!(
        "WITH {{rows}}, {} SELECT {ME}, s.settle_period, s.rate_period, s.base, s.top_ups FROM me \
         LEFT JOIN active ON active.partner_id = me.id \
         LEFT JOIN partner_sum s ON s.partner_id = me.id AND s.settle_period > me.settled",
        me("v JOIN partner p ON p.id = v.id JOIN account a ON a.id = p.account_id")
    );
    let rows = Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from));
    let read = read_all(&rows.query(app.db.reader(), &sql, counted.values()).await?)?;
    let current = app.terms.calendar.period_of(now);
    let keys: BTreeSet<(Uuid, Period)> = read
        .iter()
        .flat_map(|read| {
            let periods = read.open_sums.iter().map(|sum| sum.rate_period).chain([current]);
            periods.map(|period| (read.partner.id, period))
        })
        .collect();
    let rates = Arc::new(RateBook::load(app.db.reader(), &app.terms, &keys, None).await?);
    let positions = counted.positions(&app, read, &rates).await?;
    Ok(positions.into_iter().map(|position| (position.partner.id, Arc::new(position))).collect())
}

/// The two windows in which clients are counted: the one that ends now, and the one at the end of a period.
struct Counted {
    period: Period,
    windows: [Moment; 2],
}

impl Counted {
    fn at(app: &App, now: Moment) -> Counted {
        let terms = &app.terms;
        // Facts may be a little ahead of the clock: they too are settled in this period, or in one before.
        let period = terms.calendar.period_of(now.plus(CLOCK_SKEW));
        let windows = [now, terms.calendar.ends_at(period)].map(|end| window_from(end, terms.window_days));
        Counted { period, windows }
    }

    /// The count at the end of a period is right for the one in which everything is settled that can have occurred by
    /// now. While a period that has ended waits for its settlement, some of that is settled later: then the lines' own
    /// sums are asked.
    async fn positions(
        &self,
        app: &App,
        read: Vec<Read>,
        rates: &Arc<RateBook>,
    ) -> Result<Vec<Position>, ServiceError> {
        let mut positions: Vec<Position> =
            read.into_iter().map(|read| read.position(rates.clone())).collect();
        if let Some(open) = rates.books().oldest_open().filter(|open| *open != self.period) {
            let ids = positions.iter().map(|position| position.partner.id).collect();
            let counts = active_clients_of(app, app.db.reader(), open, &ids).await?;
            for position in &mut positions {
                position.active_at_end = counts.get(&position.partner.id).copied().unwrap_or(0);
            }
        }
        Ok(positions)
    }

    /// Of each window its first whole day, the moment it begins and the moment its first whole day begins; then the last
    /// day there can be.
    fn values(&self) -> Vec<Value> {
        let of_window = |from: Moment| {
            let next_day = from.utc_day().to_date().succ_opt().unwrap_or_default();
            let begins = Moment::from_utc(next_day.and_time(chrono::NaiveTime::MIN).and_utc());
            [Day::from_date(next_day).0.into(), from.0.into(), begins.0.into()]
        };
        self.windows.into_iter().flat_map(of_window).chain([LAST_DAY.into()]).collect()
    }
}

/// The last day there can be. PostgreSQL plans a statement anew each time for as long as knowing its values seems to
/// make it cheaper, which took longer than the statement itself: days from one on seem many to it, between two few.
const LAST_DAY: i32 = i32::MAX;

/// The columns of `me` and `active`, for [`Read::of`].
const ME: &str = "me.*, COALESCE(active.now, 0), COALESCE(active.at_end, 0)";

/// Those asked for, with their balances, as a common table: what is joined to it is of the same moment, and no
/// settlement can move money from one to the other in between. Their active clients are counted by whole days, which
/// both windows share, and of the days in which a window begins by the clients themselves.
fn me(whose: &str) -> String {
    let of_first_day = |from: u8, begins: u8| {
        format!(
            "(SELECT COUNT(*) FROM referral_total t WHERE t.partner_id = p.id \
             AND COALESCE(t.last_purchase_at, 0) >= ${from} AND COALESCE(t.last_purchase_at, 0) < ${begins})"
        )
    };
    let (now, at_end) = (of_first_day(2, 3), of_first_day(5, 6));
    let (from, condition) = whose.split_once(" WHERE ").unwrap_or((whose, "1 = 1"));
    format!(
        "me AS MATERIALIZED (SELECT p.id, p.account_id, p.status, p.status_reason, p.joined_at, p.recorded_at, \
         a.account_id AS account, l.code, b.available, b.reserved, b.carried, b.lifetime_credited, b.lifetime_paid, \
         COALESCE((SELECT MAX(s.period) FROM statement s WHERE s.partner_id = p.id), 0) AS settled, \
         {now} AS first_day_now, {at_end} AS first_day_at_end \
         FROM {from} JOIN link l ON l.partner_id = p.id AND l.is_own JOIN balance b ON b.partner_id = p.id \
         WHERE {condition}), \
         active AS (SELECT d.partner_id, CAST(SUM(d.clients) AS BIGINT) AS now, \
         CAST(SUM(CASE WHEN d.day >= $4 THEN d.clients ELSE 0 END) AS BIGINT) AS at_end \
         FROM me CROSS JOIN active_day d WHERE d.partner_id = me.id AND d.day BETWEEN $1 AND $7 GROUP BY d.partner_id)"
    )
}

/// How many columns [`ME`] has.
const COLUMNS: usize = 18;

/// A position without its rates.
struct Read {
    partner: partner::Model,
    account_id: String,
    code: String,
    amounts: [Money; 5],
    settled: Period,
    active: [u32; 2],
    open_sums: Vec<OpenSum>,
}

/// A row a sum, or one row where there is none; those of one partner follow one another in no certain way.
fn read_all(rows: &[QueryResult]) -> Result<Vec<Read>, DbErr> {
    let mut all: Vec<Read> = Vec::new();
    for row in rows {
        let id: Uuid = row.try_get_by_index(0)?;
        let index = match all.iter().rposition(|read| read.partner.id == id) {
            Some(known) => known,
            None => {
                all.extend(Read::of(row, 0)?);
                all.len() - 1
            }
        };
        if let Some(settle_period) = row.try_get_by_index(COLUMNS)? {
            let (rate_period, base) =
                (row.try_get_by_index(COLUMNS + 1)?, row.try_get_by_index(COLUMNS + 2)?);
            let top_ups = row.try_get_by_index(COLUMNS + 3)?;
            all[index].open_sums.push(OpenSum { settle_period, rate_period, base, top_ups });
        }
    }
    Ok(all)
}

impl Read {
    /// From a column on; none where no partner stands there.
    fn of(row: &impl Columns, first: usize) -> Result<Option<Read>, DbErr> {
        let Some(id) = row.column(first)? else { return Ok(None) };
        let mut amounts = [Money::ZERO; 5];
        for (index, amount) in amounts.iter_mut().enumerate() {
            *amount = row.column(first + 8 + index)?;
        }
        let count = |first_day: usize, whole_days: usize| {
            let (of_first, of_whole): (i64, i64) =
                (row.column(first + first_day)?, row.column(first + whole_days)?);
            Ok::<u32, DbErr>(u32::try_from(of_first + of_whole).unwrap_or(u32::MAX))
        };
        Ok(Some(Read {
            partner: partner::Model {
                id,
                account_id: row.column(first + 1)?,
                status: row.column(first + 2)?,
                status_reason: row.column(first + 3)?,
                joined_at: row.column(first + 4)?,
                recorded_at: row.column(first + 5)?,
            },
            account_id: row.column(first + 6)?,
            code: row.column(first + 7)?,
            amounts,
            settled: row.column(first + 13)?,
            active: [count(14, 16)?, count(15, 17)?],
            open_sums: Vec::new(),
        }))
    }

    fn position(self, rates: Arc<RateBook>) -> Position {
        let [available, reserved, carried, lifetime_credited, lifetime_paid] = self.amounts;
        let [active_now, active_at_end] = self.active;
        Position {
            partner: self.partner,
            account_id: self.account_id,
            code: self.code,
            available,
            reserved,
            carried,
            lifetime_credited,
            lifetime_paid,
            settled: Some(self.settled).filter(|settled| *settled > Period::BEGINNING),
            open_sums: self.open_sums,
            active_now,
            active_at_end,
            rates,
        }
    }
}
