//! `import`: records what a file holds, in batches, with flat memory; the settlement task waits meanwhile (rule 19).

mod batch;
mod exchange_rates;
mod fields;
mod kinds;
mod pain002;
mod payment_status;
mod refused;

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use chrono::Duration;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use self::batch::{Batch, Table};
use self::kinds::{FileKind, Judged};
use self::refused::RefusedRows;
use super::Ended;
use super::actor::actor;
use super::error::CliError;
use super::open::Global;
use crate::app::App;
use crate::services::audit::{self, AuditEntry};
use crate::services::import_run;

/// How often the lease is renewed; it lasts a minute.
const RENEW_EVERY: Duration = Duration::seconds(15);

#[derive(Debug, clap::Subcommand)]
pub enum ImportCommand {
    /// account_id, code, joined_at
    Partners { file: PathBuf },
    /// client_id, partner_code, registered_at
    Clients { file: PathBuf },
    /// source, external_id, client_id, occurred_at, amount, currency, kind
    TopUps { file: PathBuf },
    /// source, external_id, top_up_external_id, client_id, occurred_at, amount
    Refunds { file: PathBuf },
    /// The European Central Bank's own history file
    ExchangeRates { file: PathBuf },
    /// end_to_end_id, status (PAID, FAILED), reference, reason; or the bank's own report, a pain.002
    PaymentStatus { file: PathBuf },
}

/// Imports a file.
pub async fn run(global: &Global, command: ImportCommand) -> Result<Ended, CliError> {
    match command {
        ImportCommand::Partners { file } => import::<kinds::Partners>(global, "partners", &file).await,
        ImportCommand::Clients { file } => import::<kinds::Clients>(global, "clients", &file).await,
        ImportCommand::TopUps { file } => import::<kinds::TopUps>(global, "top-ups", &file).await,
        ImportCommand::Refunds { file } => import::<kinds::Refunds>(global, "refunds", &file).await,
        ImportCommand::ExchangeRates { file } => {
            import::<exchange_rates::ExchangeRates>(global, "exchange-rates", &file).await
        }
        ImportCommand::PaymentStatus { file } if payment_status::is_xml(&file)? => {
            payment_status::import_report(global, &file).await
        }
        ImportCommand::PaymentStatus { file } => {
            import::<payment_status::PaymentStatuses>(global, payment_status::WHAT, &file).await
        }
    }
}

async fn import<K: FileKind>(global: &Global, what: &'static str, path: &Path) -> Result<Ended, CliError> {
    let wrong = |message: String| CliError::file(path, message);
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let size = file.metadata().map_or(0, |about| about.len());
    let mut refused = RefusedRows::beside(path).map_err(|error| wrong(error.to_string()))?;
    let app = if K::IS_OF_THE_BOOKS { global.open_keyed().await? } else { global.open_with_keys().await? };
    // What is in the books already is told nobody; what the bank answers is.
    let app = App { makes_events: !K::IS_OF_THE_BOOKS, ..app };
    let table = Table::open(file).map_err(wrong)?;
    let kind = K::open(&table.header, &app).map_err(wrong)?;
    refused.set_header(&table.header);
    if let Some(note) = kind.note() {
        eprintln!("{what}: {note}");
    }
    let run = if K::IS_OF_THE_BOOKS { Some(import_run::begin(&app, what).await?) } else { None };
    let (send, batches) = mpsc::channel(2);
    let reading = std::thread::spawn(move || table.read_all(&kind, &send));
    let mut import = Import { app, run, refused, counts: Counts::default(), progress: progress_bar(size) };
    let done = import.write_all::<K>(path, batches).await;
    // It ends with the channel, whose other side is gone.
    let read = reading.join().map_err(|_| CliError::file(path, "reading it broke off"));
    import.progress.finish_and_clear();
    let ended = match run {
        Some(run) => import_run::end(&import.app, run).await,
        None => Ok(()),
    };
    import.refused.flush()?;
    eprintln!("{what}: {}", import.counts.summary(&import.refused));
    put_on_record(&import.app, what, &import.counts).await?;
    done?;
    read?;
    ended?;
    import.app.db.close().await?;
    Ok(import.counts.ended())
}

/// Puts an import on record, with what came of it: also of one that broke off, for what it recorded stays.
async fn put_on_record(app: &App, what: &str, counts: &Counts) -> Result<(), CliError> {
    let Counts { recorded, replayed, parked, not_referred, refused } = counts;
    let after = json!({
        "what": what,
        "recorded": recorded,
        "replayed": replayed,
        "parked": parked,
        "notReferred": not_referred,
        "refused": refused,
    });
    let entry = AuditEntry {
        at: app.clock.now(),
        actor: &actor(),
        action: "import",
        subject_id: None,
        reason: None,
        before: json!(null),
        after,
    };
    Ok(audit::record_alone(app, &entry).await?)
}

/// An import under way.
struct Import {
    app: App,
    /// Of facts of the books.
    run: Option<Uuid>,
    refused: RefusedRows,
    counts: Counts,
    progress: ProgressBar,
}

impl Import {
    async fn write_all<K: FileKind>(
        &mut self,
        path: &Path,
        mut batches: mpsc::Receiver<Result<Batch<K::Fact>, String>>,
    ) -> Result<(), CliError> {
        let mut renewed = self.app.clock.now();
        while let Some(batch) = batches.recv().await {
            let batch = batch.map_err(|message| CliError::file(path, message))?;
            let judged = K::record(&self.app, &batch.facts).await?;
            self.count(&batch, judged)?;
            self.progress.set_position(batch.bytes_read);
            let now = self.app.clock.now();
            if let Some(run) = self.run
                && now > renewed.plus(RENEW_EVERY)
            {
                import_run::renew(&self.app, run).await?;
                renewed = now;
            }
        }
        Ok(())
    }

    /// Counts what became of the facts, and writes the refused rows out in the file's order.
    fn count<F>(&mut self, batch: &Batch<F>, judged: Vec<Judged>) -> Result<(), CliError> {
        let mut refused: Vec<(usize, &str)> =
            batch.unreadable.iter().map(|(row, reason)| (*row, reason.as_str())).collect();
        self.counts.refused += refused.len();
        for (row, judged) in batch.row_of.iter().zip(&judged) {
            self.counts.count(judged);
            if let Judged::Refused(reason) = judged {
                refused.push((*row, reason));
            }
        }
        refused.sort_by_key(|(row, _)| *row);
        for (row, reason) in &refused {
            self.refused.add(batch.rows.line(*row), reason, batch.rows.fields(*row))?;
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Counts {
    recorded: usize,
    replayed: usize,
    parked: usize,
    not_referred: usize,
    refused: usize,
}

impl Counts {
    fn count(&mut self, judged: &Judged) {
        match judged {
            Judged::Recorded => self.recorded += 1,
            Judged::Replayed => self.replayed += 1,
            Judged::Parked => self.parked += 1,
            Judged::NotReferred => self.not_referred += 1,
            Judged::Refused(_) => self.refused += 1,
        }
    }

    fn ended(&self) -> Ended {
        if self.refused == 0 { Ended::Done } else { Ended::SomeInputRefused }
    }

    fn summary(&self, refused: &RefusedRows) -> String {
        let Counts { recorded, replayed, parked, not_referred, refused: count } = self;
        let seen = match count {
            0 => String::new(),
            _ => format!(" (see {})", refused.path().display()),
        };
        format!(
            "{recorded} recorded, {replayed} replayed, {parked} parked, {not_referred} not referred, {count} refused{seen}"
        )
    }
}

/// Of the file's bytes, and on a terminal alone.
fn progress_bar(size: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {elapsed} (left: {eta})");
    ProgressBar::new(size).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
