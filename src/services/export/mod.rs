//! Prints the books as CSV, row by row from one snapshot: memory does not grow with what is printed.

mod audit;
mod balances;
mod commissions;
mod ledger;
mod rates;
mod sheet;
mod statements;
mod withdrawals;

use std::io::Write;

use chrono::NaiveDate;
use entity::{Day, Moment};
use sea_orm::{DatabaseTransaction, DbErr, Value};
use uuid::Uuid;

use self::sheet::Sheet;
use super::error::ServiceError;
use super::printed_statement;
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
    Audit,
}

impl Book {
    /// Its name in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Book::Statements => "statements",
            Book::Commissions => "commissions",
            Book::Balances => "balances",
            Book::Withdrawals => "withdrawals",
            Book::Ledger => "ledger",
            Book::Audit => "audit",
        }
    }
}

/// Which rows: of one partner, named by a code of his, and from a local day on to before another. Statements go by the
/// first day of their period, everything else by when it occurred; balances are as they are.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub partner_code: Option<String>,
    /// The same, by his id.
    pub partner_id: Option<Uuid>,
    pub from: Option<NaiveDate>,
    pub until: Option<NaiveDate>,
}

/// Prints a book.
///
/// # Errors
/// `NoSuchPartner`, `Service` for the database, `Write` for `out`.
pub async fn export(
    app: &App,
    book: Book,
    selection: &Selection,
    out: impl Write,
) -> Result<(), ExportError> {
    let snapshot = app.db.begin_snapshot().await?;
    let mut sheet = Sheet::new(out);
    let mut export = Export {
        partner_id: match &selection.partner_code {
            Some(code) => Some(partner_of(&snapshot, code).await?),
            None => selection.partner_id,
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
        Book::Audit => export.audit().await?,
    }
    sheet.finish()?;
    Ok(snapshot.rollback().await?)
}

/// The address of a partner's own export, good for five minutes.
pub fn signed_address(
    app: &App,
    partner_id: Uuid,
    book: Book,
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
) -> String {
    let mut address = format!("/export/{}.csv?partner={partner_id}", book.as_str());
    for (name, day) in [("from", from), ("until", until)] {
        day.into_iter().for_each(|day| address.push_str(&format!("&{name}={day}")));
    }
    printed_statement::address(app, &address)
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
        let day = |date: NaiveDate| Day::from_date(date).0;
        (self.selection.from.map_or(0, day), self.selection.until.map_or(i32::MAX, day))
    }

    /// The moments at which the days asked for begin.
    fn moments(&self) -> (Moment, Moment) {
        let midnight = |date: NaiveDate| self.app.terms.calendar.local_midnight(date);
        let from = self.selection.from.map_or(Moment(i64::MIN), midnight);
        (from, self.selection.until.map_or(Moment(i64::MAX), midnight))
    }
}

fn too_large() -> ExportError {
    ExportError::Service(ServiceError::Broken("an amount leaves 64 bits".to_owned()))
}
