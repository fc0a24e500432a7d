//! The references: multi-row inserts into a bare copy of `line`, and the one statement that sums a period.

use entity::{Moment, Money};
use parrain::domain::calendar::Calendar;
use parrain::domain::exchange::{self, ExchangeRate};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::Outcome;
use crate::data::Shape;

/// How many rows a statement, and a transaction, has.
pub const ROWS: usize = 500;

/// The columns of `line`, as vectors.
#[derive(Default)]
pub struct Columns {
    id: Vec<Uuid>,
    external_id: Vec<String>,
    partner_id: Vec<Uuid>,
    referral_id: Vec<Uuid>,
    occurred_at: Vec<i64>,
    recorded_at: Vec<i64>,
    amount: Vec<i64>,
    currency: Vec<String>,
    exchange_rate: Vec<Option<String>>,
    rate_published_on: Vec<Option<i32>>,
    base: Vec<i64>,
    period: Vec<i32>,
    checksum: Vec<i64>,
}

/// Makes the rows that the service would write, but for ids of another time.
pub struct Source {
    shape: Shape,
    calendar: Calendar,
    rates: Vec<(String, ExchangeRate)>,
}

impl Source {
    pub fn new(shape: Shape) -> Source {
        let rates = shape
            .rates()
            .into_iter()
            .map(|rate| (rate.currency, ExchangeRate { rate: rate.rate, published_on: rate.published_on }));
        let zone = parrain::config::Config::default().programme.time_zone;
        Source { shape, calendar: Calendar::new(zone), rates: rates.collect() }
    }

    pub fn rows(&self, first: u64, last: u64) -> Outcome<Columns> {
        let mut rows = Columns::default();
        for index in first..last {
            let fact = self.shape.top_up(index);
            let client = self.shape.client_of(index);
            let day = fact.occurred_at.utc_day();
            let rate = self.rates.iter().rev();
            let rate =
                rate.clone().find(|(currency, rate)| *currency == fact.currency && rate.published_on <= day);
            let rate = rate.map(|(_, rate)| rate);
            let base: Money = exchange::base_of(fact.amount, rate, 2).ok_or("a base too large")?;
            rows.id.push(rising_id(3, index));
            rows.external_id.push(fact.external_id);
            rows.partner_id.push(rising_id(1, self.shape.partner_of(client)));
            rows.referral_id.push(rising_id(2, client));
            rows.occurred_at.push(fact.occurred_at.0);
            rows.recorded_at.push(now(index).0);
            rows.amount.push(fact.amount.0);
            rows.currency.push(fact.currency);
            rows.exchange_rate.push(rate.map(|rate| rate.rate.to_string()));
            rows.rate_published_on.push(rate.map(|rate| rate.published_on.0));
            rows.base.push(base.0);
            rows.period.push(self.calendar.period_of(fact.occurred_at).0);
            rows.checksum.push(i64::from_be_bytes(rising_id(9, index).as_bytes()[8..16].try_into()?));
        }
        Ok(rows)
    }
}

fn now(index: u64) -> Moment {
    Moment(1_790_000_000_000_000 + i64::try_from(index).unwrap_or(0) * 10)
}

/// A UUID v7 that rises with the index and ends in what looks random, as the service's do.
fn rising_id(what: u64, index: u64) -> Uuid {
    let millis = 1_790_000_000_000 + what * 1_000_000_000 + index / 20;
    let noise = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ what.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&u16::try_from(index % 20 * 200).unwrap_or(0).to_be_bytes());
    bytes[2..].copy_from_slice(&noise.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// The bare copy on PostgreSQL: columns and indexes, neither CHECKs nor foreign keys.
pub async fn make_on_postgres(connection: &mut PgConnection) -> Outcome<()> {
    let sql = "CREATE TABLE load_reference (LIKE line INCLUDING INDEXES)";
    sqlx::raw_sql(sql).execute(connection).await?;
    Ok(())
}

pub async fn insert_on_postgres(connection: &mut PgConnection, rows: Columns) -> Outcome<()> {
    let mut tx = connection.begin().await?;
    sqlx::query(INSERT_ON_POSTGRES)
        .bind(rows.id)
        .bind(rows.external_id)
        .bind(rows.partner_id)
        .bind(rows.referral_id)
        .bind(rows.occurred_at)
        .bind(rows.recorded_at)
        .bind(rows.amount)
        .bind(rows.currency)
        .bind(rows.exchange_rate)
        .bind(rows.rate_published_on)
        .bind(rows.base)
        .bind(rows.period)
        .bind(rows.checksum)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// What is the same in all rows is said in the statement: fewer arrays make the reference faster, never slower.
const INSERT_ON_POSTGRES: &str = "INSERT INTO load_reference (id, kind, source, external_id, partner_id, referral_id, \
    top_up_kind, occurred_at, recorded_at, amount, currency, exchange_rate, rate_published_on, base, rate_period, \
    settle_period, state, checksum) SELECT id, 'TOP_UP', 'shop', external_id, partner_id, referral_id, 'PURCHASE', \
    occurred_at, recorded_at, amount, currency, exchange_rate, rate_published_on, base, period, period, 'EARNING', \
    checksum FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[], \
    $8::text[], $9::text[], $10::int[], $11::bigint[], $12::int[], $13::bigint[]) AS u (id, external_id, partner_id, \
    referral_id, occurred_at, recorded_at, amount, currency, exchange_rate, rate_published_on, base, period, checksum)";

/// The bare copy on SQLite: the table and indexes as they are, without CHECKs and foreign keys.
pub async fn make_on_sqlite(connection: &mut SqliteConnection) -> Outcome<()> {
    let sql = "SELECT sql FROM sqlite_master WHERE tbl_name = 'line' AND sql IS NOT NULL ORDER BY type DESC";
    let statements: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *connection).await?;
    for statement in statements {
        let kept: Vec<String> = statement
            .lines()
            .filter(|line| !["CHECK", "FOREIGN KEY"].iter().any(|sign| line.trim_start().starts_with(sign)))
            .map(without_rules)
            .collect();
        let bare = kept
            .join("\n")
            .replace("UNIQUE (kind, source, external_id),", "UNIQUE (kind, source, external_id)");
        let bare = bare
            .replace("CREATE TABLE line", "CREATE TABLE load_reference")
            .replace("INDEX line_", "INDEX load_reference_")
            .replace(" ON line ", " ON load_reference ");
        sqlx::raw_sql(AssertSqlSafe(bare)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// A column's line without what only checks it.
fn without_rules(line: &str) -> String {
    let end = [" CHECK", " REFERENCES"].iter().filter_map(|sign| line.find(sign)).min();
    end.map_or_else(|| line.to_owned(), |end| format!("{},", &line[..end]))
}

pub async fn insert_on_sqlite(connection: &mut SqliteConnection, rows: Columns) -> Outcome<()> {
    let count = rows.id.len();
    let list = vec!["(?,'TOP_UP','shop',?,?,?,'PURCHASE',?,?,?,?,?,?,?,?,?,'EARNING',?)"; count].join(",");
    let sql = format!(
        "INSERT INTO load_reference (id, kind, source, external_id, partner_id, referral_id, top_up_kind, occurred_at, \
         recorded_at, amount, currency, exchange_rate, rate_published_on, base, rate_period, settle_period, state, \
         checksum) VALUES {list}"
    );
    let mut tx = connection.begin().await?;
    let mut query = sqlx::query(AssertSqlSafe(sql));
    let mut texts = rows.external_id.into_iter().zip(rows.currency).zip(rows.exchange_rate);
    for index in 0..count {
        let Some(((external_id, currency), exchange_rate)) = texts.next() else { break };
        query = query
            .bind(rows.id[index])
            .bind(external_id)
            .bind(rows.partner_id[index])
            .bind(rows.referral_id[index])
            .bind(rows.occurred_at[index])
            .bind(rows.recorded_at[index])
            .bind(rows.amount[index])
            .bind(currency)
            .bind(exchange_rate)
            .bind(rows.rate_published_on[index])
            .bind(rows.base[index])
            .bind(rows.period[index])
            .bind(rows.period[index])
            .bind(rows.checksum[index]);
    }
    query.execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Sums base and counts lines by partner and rate period over the lines of a period ($1), and counts the distinct active
/// clients of the window (from $2 to $3). It asks less than rule 16 does: what was refunded in full still counts.
pub const SUM_A_PERIOD: &str = "SELECT s.partner_id, s.rate_period, s.base, s.lines, a.clients FROM \
    (SELECT partner_id, rate_period, CAST(SUM(base) AS BIGINT) AS base, COUNT(*) AS lines FROM line \
     WHERE settle_period = $1 GROUP BY partner_id, rate_period) AS s \
    LEFT JOIN (SELECT partner_id, COUNT(DISTINCT referral_id) AS clients FROM line \
     WHERE occurred_at >= $2 AND occurred_at < $3 AND state = 'EARNING' AND kind = 'TOP_UP' GROUP BY partner_id) AS a \
    ON a.partner_id = s.partner_id";
