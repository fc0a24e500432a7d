//! Prints the books as CSV, row by row from one snapshot: memory does not grow with what is printed.

mod commissions;
mod sheet;

use std::io::Write;

use chrono::NaiveDate;
use entity::{LedgerAccount, Moment, Money, Period};
use futures_util::TryStreamExt;
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, StreamTrait, Value};
use uuid::Uuid;

use self::sheet::Sheet;
use super::error::ServiceError;
use super::lock::Progress;
use super::programme::{IndividualRates, TierTables, rate_of};
use crate::app::App;
use crate::db;
use crate::domain::link::code_key;

/// Why nothing, or not all, was printed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("no partner has the code {0:?}")]
    NoSuchPartner(String),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

impl From<DbErr> for ExportError {
    fn from(error: DbErr) -> Self {
        ExportError::Service(error.into())
    }
}

/// What can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Book {
    Statements,
    Commissions,
    Balances,
    Withdrawals,
    Ledger,
}

/// Which rows: of one partner, named by a code of his, and from a local day on to before another. Statements go by the
/// first day of their period, everything else by when it occurred; balances are as they are.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub partner_code: Option<String>,
    pub from: Option<NaiveDate>,
    pub until: Option<NaiveDate>,
}

/// Prints a book.
///
/// # Errors
/// `NoSuchPartner`, `Service` for the database, `Write` for `out`.
pub async fn export(app: &App, book: Book, selection: &Selection, out: impl Write) -> Result<(), ExportError> {
    let snapshot = app.db.begin_snapshot().await?;
    let mut sheet = Sheet::new(out);
    let mut export = Export {
        partner_id: match &selection.partner_code {
            Some(code) => Some(partner_of(&snapshot, code).await?),
            None => None,
        },
        app,
        db: &snapshot,
        selection,
        sheet: &mut sheet,
    };
    match book {
        Book::Statements => export.statements().await?,
        Book::Commissions => export.commissions().await?,
        Book::Balances => export.balances().await?,
        Book::Withdrawals => export.withdrawals().await?,
        Book::Ledger => export.ledger().await?,
    }
    sheet.finish()?;
    Ok(snapshot.rollback().await?)
}

async fn partner_of(db: &DatabaseTransaction, code: &str) -> Result<Uuid, ExportError> {
    let sql = "SELECT partner_id FROM link WHERE code_key = $1";
    let row = db::query_one(db, sql, vec![code_key(code).into()]).await?;
    let row = row.ok_or_else(|| ExportError::NoSuchPartner(code.to_owned()))?;
    Ok(row.try_get_by_index(0)?)
}

/// An export under way.
struct Export<'a, W: Write> {
    app: &'a App,
    db: &'a DatabaseTransaction,
    selection: &'a Selection,
    partner_id: Option<Uuid>,
    sheet: &'a mut Sheet<W>,
}

impl<W: Write> Export<'_, W> {
    async fn statements(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&[
            "period_start",
            "period_end",
            "partner_code",
            "active_clients",
            "rate_percent",
            "top_ups",
            "base",
            "commission",
            "carried_in",
            "credited",
            "carried_out",
        ])?;
        // Period by period: sorting all of them at once would take memory for all of them.
        let (from, until) = self.days();
        let sql = "SELECT period FROM settlement WHERE period >= $1 AND period < $2 ORDER BY period";
        let periods = db::query(self.db, sql, vec![from.into(), until.into()]).await?;
        let mut sql = "SELECT s.period, k.code, s.active_clients, s.rate_basis_points, s.top_ups, s.base, s.commission, \
                       s.carried_in, s.credited, s.carried_out \
                       FROM statement s JOIN link k ON k.partner_id = s.partner_id AND k.is_own \
                       WHERE s.period = $1"
            .to_owned();
        sql.push_str(if self.partner_id.is_some() { " AND s.partner_id = $2" } else { " ORDER BY k.code" });
        for period in periods {
            let period: Period = period.try_get_by_index(0)?;
            let values = std::iter::once(period.0.into()).chain(self.partner_id.map(Value::from));
            let statement = db::statement(self.db, sql.as_str(), values.collect());
            let mut rows = self.db.stream_raw(statement).await?;
            while let Some(row) = rows.try_next().await? {
                statement_row(self.sheet, &row)?;
            }
        }
        Ok(())
    }

    /// Pending is what has no statement yet, at the rates in force (rule 18).
    async fn balances(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&["partner_code", "available", "reserved", "pending", "carried"])?;
        let rates = Rates::load(self.app, self.db).await?;
        let mut sql = "SELECT k.code, b.partner_id, b.available, b.reserved, b.carried, s.rate_period, s.base, \
                       t.rate_basis_points \
                       FROM link k JOIN balance b ON b.partner_id = k.partner_id \
                       LEFT JOIN partner_sum s ON s.partner_id = k.partner_id AND s.settle_period >= $1 \
                         AND NOT EXISTS (SELECT 1 FROM statement d WHERE d.partner_id = s.partner_id \
                                         AND d.period = s.settle_period) \
                       LEFT JOIN standing t ON t.partner_id = k.partner_id \
                         AND t.period = CASE WHEN s.rate_period > $2 THEN $2 ELSE s.rate_period END \
                       WHERE k.is_own"
            .to_owned();
        let closed = rates.progress.closed.unwrap_or(Period::BEGINNING);
        let mut values = vec![closed.0.into(), rates.last_standing().0.into()];
        self.of_partner(&mut sql, &mut values, "k.partner_id");
        sql.push_str(" ORDER BY k.code");
        let mut rows = self.db.stream_raw(db::statement(self.db, sql, values)).await?;
        let mut current: Option<PartnerBalance> = None;
        while let Some(row) = rows.try_next().await? {
            let partner_id: Uuid = row.try_get_by_index(1)?;
            if current.as_ref().is_none_or(|current| current.partner_id != partner_id) {
                let next = PartnerBalance::read(&row)?;
                if let Some(done) = current.replace(next) {
                    done.print(self.sheet)?;
                }
            }
            let pending: Option<Period> = row.try_get_by_index(5)?;
            if let (Some(current), Some(rate_period)) = (&mut current, pending) {
                let (_, commission) =
                    rates.commission(partner_id, rate_period, row.try_get_by_index(7)?, row.try_get_by_index(6)?)?;
                current.pending = current.pending.checked_add(commission).ok_or_else(too_large)?;
            }
        }
        current.map_or(Ok(()), |last| last.print(self.sheet))
    }

    async fn withdrawals(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&[
            "id",
            "partner_code",
            "status",
            "amount",
            "currency",
            "requested_at",
            "decided_at",
            "paid_at",
            "reason",
            "payment_reference",
        ])?;
        let (from, until) = self.moments();
        let mut sql = "SELECT w.id, k.code, w.status, w.amount, w.requested_at, w.decided_at, w.paid_at, w.reason, \
                       w.payment_reference \
                       FROM withdrawal w JOIN link k ON k.partner_id = w.partner_id AND k.is_own \
                       WHERE w.requested_at >= $1 AND w.requested_at < $2"
            .to_owned();
        let mut values = vec![from.0.into(), until.0.into()];
        self.of_partner(&mut sql, &mut values, "w.partner_id");
        sql.push_str(" ORDER BY w.requested_at, w.id");
        let currency = &self.app.terms.currency;
        let mut rows = self.db.stream_raw(db::statement(self.db, sql, values)).await?;
        while let Some(row) = rows.try_next().await? {
            let sheet = &mut *self.sheet;
            sheet.value(row.try_get_by_index::<Uuid>(0)?)?;
            sheet.text(&row.try_get_by_index::<String>(1)?)?;
            sheet.text(&row.try_get_by_index::<String>(2)?)?;
            sheet.value(row.try_get_by_index::<Money>(3)?)?;
            sheet.text(currency)?;
            for column in 4..=6 {
                sheet.optional(row.try_get_by_index::<Option<Moment>>(column)?)?;
            }
            for column in 7..=8 {
                sheet.text(&row.try_get_by_index::<Option<String>>(column)?.unwrap_or_default())?;
            }
            sheet.end_row()?;
        }
        Ok(())
    }

    /// The amount is signed: what the movement adds to the available balance.
    async fn ledger(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&[
            "partner_code",
            "number",
            "at",
            "kind",
            "amount",
            "available_after",
            "reserved_after",
            "source_id",
        ])?;
        let (from, until) = self.moments();
        let sql = "SELECT number, at, kind, from_account, to_account, amount, available_after, reserved_after, source_id \
                   FROM ledger_transfer WHERE partner_id = $1 AND at >= $2 AND at < $3 ORDER BY number";
        for (code, partner_id) in self.partners().await? {
            let values = vec![partner_id.into(), from.0.into(), until.0.into()];
            let mut rows = self.db.stream_raw(db::statement(self.db, sql, values)).await?;
            while let Some(row) = rows.try_next().await? {
                ledger_row(self.sheet, &code, &row)?;
            }
        }
        Ok(())
    }

    /// The partners asked for in the order of their codes, byte by byte.
    async fn partners(&self) -> Result<Vec<(String, Uuid)>, ExportError> {
        let (mut sql, mut values) =
            ("SELECT k.code, k.partner_id FROM link k WHERE k.is_own".to_owned(), Vec::new());
        self.of_partner(&mut sql, &mut values, "k.partner_id");
        sql.push_str(" ORDER BY k.code");
        let rows = db::query(self.db, sql, values).await?;
        let partners = rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
        Ok(partners.collect::<Result<_, DbErr>>()?)
    }

    /// Narrows a statement to the partner asked for.
    fn of_partner(&self, sql: &mut String, values: &mut Vec<Value>, column: &str) {
        if let Some(partner_id) = self.partner_id {
            values.push(partner_id.into());
            sql.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }

    /// The days asked for as the tables keep them.
    fn days(&self) -> (i32, i32) {
        let day = |date: NaiveDate| entity::Day::from_date(date).0;
        (self.selection.from.map_or(0, day), self.selection.until.map_or(i32::MAX, day))
    }

    /// The moments at which the days asked for begin.
    fn moments(&self) -> (Moment, Moment) {
        let midnight = |date: NaiveDate| self.app.terms.calendar.local_midnight(date);
        let from = self.selection.from.map_or(Moment(i64::MIN), midnight);
        (from, self.selection.until.map_or(Moment(i64::MAX), midnight))
    }
}

fn statement_row(sheet: &mut Sheet<impl Write>, row: &QueryResult) -> Result<(), ExportError> {
    let period: Period = row.try_get_by_index(0)?;
    sheet.value(period)?;
    sheet.value(period.end())?;
    sheet.text(&row.try_get_by_index::<String>(1)?)?;
    sheet.value(row.try_get_by_index::<i64>(2)?)?;
    sheet.value(row.try_get_by_index::<entity::RateBasisPoints>(3)?)?;
    sheet.value(row.try_get_by_index::<i64>(4)?)?;
    for column in 5..=9 {
        sheet.value(row.try_get_by_index::<Money>(column)?)?;
    }
    Ok(sheet.end_row()?)
}

fn ledger_row(sheet: &mut Sheet<impl Write>, code: &str, row: &QueryResult) -> Result<(), ExportError> {
    let amount: Money = row.try_get_by_index(5)?;
    let (from, to) = (row.try_get_by_index(3)?, row.try_get_by_index(4)?);
    let signed = match (from, to) {
        (LedgerAccount::Available, _) => -amount,
        (_, LedgerAccount::Available) => amount,
        _ => Money::ZERO,
    };
    sheet.text(code)?;
    sheet.value(row.try_get_by_index::<i64>(0)?)?;
    sheet.value(row.try_get_by_index::<Moment>(1)?)?;
    sheet.text(&row.try_get_by_index::<String>(2)?)?;
    sheet.value(signed)?;
    sheet.value(row.try_get_by_index::<Money>(6)?)?;
    sheet.value(row.try_get_by_index::<Money>(7)?)?;
    sheet.value(row.try_get_by_index::<Uuid>(8)?)?;
    Ok(sheet.end_row()?)
}

struct PartnerBalance {
    code: String,
    partner_id: Uuid,
    available: Money,
    reserved: Money,
    carried: Money,
    pending: Money,
}

impl PartnerBalance {
    fn read(row: &QueryResult) -> Result<PartnerBalance, DbErr> {
        Ok(PartnerBalance {
            code: row.try_get_by_index(0)?,
            partner_id: row.try_get_by_index(1)?,
            available: row.try_get_by_index(2)?,
            reserved: row.try_get_by_index(3)?,
            carried: row.try_get_by_index(4)?,
            pending: Money::ZERO,
        })
    }

    fn print(&self, sheet: &mut Sheet<impl Write>) -> Result<(), ExportError> {
        sheet.text(&self.code)?;
        for amount in [self.available, self.reserved, self.pending, self.carried] {
            sheet.value(amount)?;
        }
        Ok(sheet.end_row()?)
    }
}

/// What a line's rate follows from, besides the standing that its row brings along.
struct Rates {
    progress: Progress,
    tables: TierTables,
    individual: IndividualRates,
}

impl Rates {
    async fn load(app: &App, db: &DatabaseTransaction) -> Result<Rates, ExportError> {
        let rows = db::query(db, "SELECT DISTINCT partner_id FROM individual_rate", vec![]).await?;
        let with_rates = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        Ok(Rates {
            progress: Progress::load(db).await?,
            tables: TierTables::load(db, &app.terms).await?,
            individual: IndividualRates::load(db, &with_rates).await?,
        })
    }

    /// The last period whose standings are fixed; later ones go by it until they have their own (rule 18).
    fn last_standing(&self) -> Period {
        self.progress.closed.map_or(Period::NEVER, Period::next)
    }

    /// The rate in force for a partner in a period, and what it makes of a base.
    fn commission(
        &self,
        partner_id: Uuid,
        rate_period: Period,
        standing: Option<entity::RateBasisPoints>,
        base: Money,
    ) -> Result<(entity::RateBasisPoints, Money), ExportError> {
        let individual = self.individual.in_force(partner_id, rate_period);
        let rate = rate_of(&self.tables, individual, standing, rate_period).rate;
        Ok((rate, rate.of(base).ok_or_else(too_large)?))
    }
}

fn too_large() -> ExportError {
    ExportError::Service(ServiceError::Broken("an amount leaves 64 bits".to_owned()))
}
