//! `export`: the books as CSV on standard output.

use std::io::{self, BufWriter};

use chrono::NaiveDate;

use super::error::CliError;
use super::open::Global;
use crate::services::export::{self, Book, ExportError, Selection};

#[derive(Debug, clap::Subcommand)]
pub enum ExportCommand {
    /// What each settlement did for each partner, by period
    Statements(Rows),
    /// The commission history
    Commissions(Rows),
    /// Each partner's balance as it is now
    Balances {
        /// One partner, by a code of his
        #[arg(long, value_name = "CODE")]
        partner: Option<String>,
    },
    /// Withdrawals, by when they were requested
    Withdrawals(Rows),
    /// Every movement of money
    Ledger(Rows),
}

/// Which rows.
#[derive(Debug, clap::Args)]
pub struct Rows {
    /// One partner, by a code of his
    #[arg(long, value_name = "CODE")]
    partner: Option<String>,
    /// From this day on
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Before this day
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
}

/// Prints a book.
pub async fn run(global: &Global, command: &ExportCommand) -> Result<(), CliError> {
    let (book, selection) = match command {
        ExportCommand::Statements(rows) => (Book::Statements, rows.selection()),
        ExportCommand::Commissions(rows) => (Book::Commissions, rows.selection()),
        ExportCommand::Withdrawals(rows) => (Book::Withdrawals, rows.selection()),
        ExportCommand::Ledger(rows) => (Book::Ledger, rows.selection()),
        ExportCommand::Balances { partner } => {
            (Book::Balances, Selection { partner_code: partner.clone(), ..Selection::default() })
        }
    };
    let app = global.open_books().await?;
    let out = BufWriter::new(io::stdout().lock());
    export::export(&app, book, &selection, out).await.map_err(|error| match error {
        ExportError::Write(error) => CliError::Output(error),
        other => CliError::Export(other),
    })?;
    Ok(app.db.close().await?)
}

impl Rows {
    fn selection(&self) -> Selection {
        Selection { partner_code: self.partner.clone(), from: self.from, until: self.until }
    }
}
