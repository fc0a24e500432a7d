//! What the tables say, a line of text a row.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use entity::{Day, service_transfer, statement, withdrawal};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};
use uuid::Uuid;

use super::books::Books;
use super::expected::expected;
use crate::harness::TestDatabase;
use crate::reference::{self, World};

impl Books {
    /// Every row of every table, as text. The name of an account that is not reported means nothing yet: it is left out.
    pub async fn everything(&self) -> BTreeMap<String, Vec<String>> {
        let mut everything = BTreeMap::new();
        for table in &self.tables {
            let meaningful = if table == "account" { " WHERE registered_at IS NOT NULL" } else { "" };
            let sql = match self.connection.get_database_backend() {
                DbBackend::Postgres => format!("SELECT t::text FROM \"{table}\" t{meaningful} ORDER BY 1"),
                _ => {
                    let columns =
                        query(&self.connection, &format!("SELECT name FROM pragma_table_info('{table}')"))
                            .await;
                    let quoted = columns
                        .iter()
                        .map(|row| format!("quote({})", row.try_get_by_index::<String>(0).unwrap()));
                    format!(
                        "SELECT {} FROM {table}{meaningful} ORDER BY 1",
                        quoted.collect::<Vec<_>>().join(" || ',' || ")
                    )
                }
            };
            let rows = query(&self.connection, &sql).await;
            let rows = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
            everything.insert(table.clone(), rows);
        }
        everything
    }

    /// In what the tables say otherwise than the reference; nothing where they agree.
    pub async fn differs_from(&self, world: &World, now: i64) -> Option<String> {
        let said: BTreeMap<String, Vec<String>> = [
            ("lines", self.lines().await),
            ("parked facts", self.parked(now).await),
            ("balances", self.balances().await),
            ("ledger", self.ledger().await),
            ("standings", self.standings().await),
            ("statements", self.statements().await),
            ("withdrawals", self.money_out().await),
            ("referrals", self.referrals().await),
        ]
        .map(|(name, rows)| (name.to_owned(), rows))
        .into();
        difference(&expected(world, now, &self.partner_ids().await), &said)
    }

    async fn partner_ids(&self) -> BTreeMap<String, Uuid> {
        let sql = "SELECT a.account_id, p.id FROM partner p JOIN account a ON a.id = p.account_id";
        let rows = query(&self.connection, sql).await;
        rows.iter().map(|row| (text(row, 0), row.try_get_by_index(1).unwrap())).collect()
    }

    async fn lines(&self) -> Vec<String> {
        let sql = "SELECT l.kind, l.external_id, t.external_id, c.account_id, p.account_id, l.occurred_at, l.recorded_at, \
                   l.amount, l.currency, l.top_up_kind, l.base, l.rate_period, l.settle_period, l.state, l.reason FROM line l \
                   LEFT JOIN line t ON t.id = l.reverses JOIN referral r ON r.id = l.referral_id \
                   JOIN account c ON c.id = r.account_id JOIN partner q ON q.id = l.partner_id \
                   JOIN account p ON p.id = q.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            format!(
                "{} {} of {:?}: {} with {}, occurred {} recorded {}, {} {} {} base {} rate of {} settled {:?} {} {:?}",
                text(row, 0), text(row, 1), maybe(row, 2), text(row, 3), text(row, 4), number(row, 5), number(row, 6),
                number(row, 7), text(row, 8), text(row, 9), number(row, 10), day(small(row, 11)),
                row.try_get_by_index::<Option<i32>>(12).unwrap().map(day), text(row, 13), maybe(row, 14),
            )
        }))
    }

    async fn parked(&self, now: i64) -> Vec<String> {
        let sql = "SELECT f.kind, f.external_id, a.account_id, f.status, f.arrived_at FROM parked_fact f \
                   JOIN account a ON a.id = f.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            let is_over = text(row, 3) == "WAITING" && number(row, 4) + 45 * reference::DAY <= now;
            let status = if is_over { "EXPIRED".to_owned() } else { text(row, 3) };
            format!(
                "{} {} of {} arrived {} {status}",
                text(row, 0),
                text(row, 1),
                text(row, 2),
                number(row, 4)
            )
        }))
    }

    async fn balances(&self) -> Vec<String> {
        let sql = "SELECT a.account_id, b.available, b.reserved, b.carried, b.lifetime_credited, b.lifetime_paid FROM balance b \
                   JOIN partner p ON p.id = b.partner_id JOIN account a ON a.id = p.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            format!(
                "{}: available {} reserved {} carried {} credited {} paid {}",
                text(row, 0),
                number(row, 1),
                number(row, 2),
                number(row, 3),
                number(row, 4),
                number(row, 5),
            )
        }))
    }

    async fn ledger(&self) -> Vec<String> {
        let sql = "SELECT a.account_id, t.number, t.kind, t.amount, t.available_after, t.reserved_after FROM ledger_transfer t \
                   JOIN partner p ON p.id = t.partner_id JOIN account a ON a.id = p.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            format!(
                "{} {}: {} {} then {} and {}",
                text(row, 0),
                number(row, 1),
                text(row, 2),
                number(row, 3),
                number(row, 4),
                number(row, 5),
            )
        }))
    }

    async fn standings(&self) -> Vec<String> {
        let sql = "SELECT s.period, a.account_id, s.active_clients, s.tier, s.rate_basis_points, s.was_suspended \
                   FROM standing s JOIN partner p ON p.id = s.partner_id JOIN account a ON a.id = p.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            let suspended: bool = row.try_get_by_index(5).unwrap();
            let period = day(small(row, 0));
            format!(
                "{period} {}: {} active {} {} {suspended}",
                text(row, 1),
                number(row, 2),
                text(row, 3),
                small(row, 4)
            )
        }))
    }

    async fn statements(&self) -> Vec<String> {
        let accounts: BTreeMap<Uuid, String> =
            self.partner_ids().await.into_iter().map(|(account, id)| (id, account)).collect();
        let statements: Vec<statement::Model> =
            TestDatabase::models(&self.connection, "SELECT * FROM statement").await;
        sorted(statements.iter().map(|row| {
            format!(
                "{} {}: {} active {} {} {} top-ups {} {} in {} credited {} out {} {:?} closing {} {}",
                row.period,
                accounts[&row.partner_id],
                row.active_clients,
                row.tier,
                row.rate_basis_points.0,
                row.top_ups,
                row.base.0,
                row.commission.0,
                row.carried_in.0,
                row.credited.0,
                row.carried_out.0,
                row.carry_reason.map(<&str>::from),
                row.closing_balance.0,
                row.digest,
            )
        }))
    }

    async fn money_out(&self) -> Vec<String> {
        let requested: Vec<withdrawal::Model> =
            TestDatabase::models(&self.connection, "SELECT * FROM withdrawal").await;
        let moved: Vec<service_transfer::Model> =
            TestDatabase::models(&self.connection, "SELECT * FROM service_transfer").await;
        let place = |ids: &[Uuid], id: Uuid| ids.iter().position(|known| *known == id);
        let requested = requested.iter().map(|row| {
            let place = place(&self.withdrawals, row.id);
            format!("withdrawal {place:?}: {} {}", row.amount.0, <&str>::from(row.status))
        });
        let moved = moved.iter().map(|row| {
            let place = place(&self.transfers, row.id);
            format!("service transfer {place:?}: {} {}", row.amount.0, <&str>::from(row.status))
        });
        sorted(requested.chain(moved))
    }

    async fn referrals(&self) -> Vec<String> {
        let sql = "SELECT c.account_id, p.account_id, r.since, r.until, r.hold_reason FROM referral r \
                   JOIN account c ON c.id = r.account_id JOIN partner q ON q.id = r.partner_id \
                   JOIN account p ON p.id = q.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            let until: Option<i64> = row.try_get_by_index(3).unwrap();
            format!(
                "{} with {} from {} to {until:?} {:?}",
                text(row, 0),
                text(row, 1),
                number(row, 2),
                maybe(row, 4)
            )
        }))
    }
}

/// The first thing in which two sets of rows differ.
pub fn difference(
    should: &BTreeMap<String, Vec<String>>,
    is: &BTreeMap<String, Vec<String>>,
) -> Option<String> {
    let (name, should) = should.iter().find(|(name, rows)| is.get(*name) != Some(*rows))?;
    let is = is.get(name)?;
    let missing: Vec<_> = should.iter().filter(|row| !is.contains(row)).collect();
    let added: Vec<_> = is.iter().filter(|row| !should.contains(row)).collect();
    Some(format!("{name}: without {missing:#?}, with {added:#?}"))
}

pub async fn query(connection: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await.expect(sql)
}

pub fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

fn text(row: &QueryResult, place: usize) -> String {
    row.try_get_by_index(place).unwrap()
}

fn maybe(row: &QueryResult, place: usize) -> Option<String> {
    row.try_get_by_index(place).unwrap()
}

fn number(row: &QueryResult, place: usize) -> i64 {
    row.try_get_by_index(place).unwrap()
}

fn small(row: &QueryResult, place: usize) -> i32 {
    row.try_get_by_index(place).unwrap()
}

fn day(period: i32) -> NaiveDate {
    Day(period).to_date()
}
