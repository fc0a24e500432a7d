//! `export`: the books as CSV on standard output, and payment files.

mod payment_file;

use std::io::{self, BufWriter};

use chrono::NaiveDate;
use clap::ValueEnum;
use uuid::Uuid;

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
    /// Withdrawals, by when they were requested; or a payment file of those that are approved
    Withdrawals {
        #[command(flatten)]
        rows: Rows,
        /// csv: what is on record; pain001: a SEPA credit transfer file of the approved bank transfers in no file yet
        #[arg(long, value_name = "FORMAT", default_value = "csv")]
        format: Format,
        /// The same payment file again
        #[arg(long, value_name = "ID")]
        batch: Option<Uuid>,
    },
    /// Every movement of money
    Ledger(Rows),
    /// Every change by staff or from the command line
    Audit(Rows),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Csv,
    Pain001,
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
    if let ExportCommand::Withdrawals { rows, format, batch } = command {
        match (format, batch) {
            (Format::Pain001, _) if rows.is_narrowed() => {
                return Err(usage(
                    "a payment file holds whatever is to be paid: leave --partner, --from and --until out",
                ));
            }
            (Format::Pain001, batch) => return payment_file::run(global, *batch).await,
            (Format::Csv, Some(_)) => return Err(usage("--batch needs --format pain001")),
            (Format::Csv, None) => {}
        }
    }
    let (book, selection) = match command {
        ExportCommand::Statements(rows) => (Book::Statements, rows.selection()),
        ExportCommand::Commissions(rows) => (Book::Commissions, rows.selection()),
        ExportCommand::Withdrawals { rows, .. } => (Book::Withdrawals, rows.selection()),
        ExportCommand::Ledger(rows) => (Book::Ledger, rows.selection()),
        ExportCommand::Audit(rows) => (Book::Audit, rows.selection()),
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

fn usage(message: &str) -> CliError {
    CliError::Usage(message.to_owned())
}

impl Rows {
    fn is_narrowed(&self) -> bool {
        self.partner.is_some() || self.from.is_some() || self.until.is_some()
    }

    fn selection(&self) -> Selection {
        Selection { partner_code: self.partner.clone(), from: self.from, until: self.until, partner_id: None }
    }
}
