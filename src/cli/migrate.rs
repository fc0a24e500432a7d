//! `migrate up` and `migrate status`: the schema.

use std::io::Write as _;

use super::error::CliError;
use super::open::{Global, without_secrets};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Overrides;
use crate::services::schema_version;

#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub enum MigrateCommand {
    /// Apply what is pending; of several instances at once, one does it
    Up,
    /// Print each step and whether it is applied
    Status,
}

/// Runs `migrate`.
pub async fn run(global: &Global, command: &MigrateCommand) -> Result<(), CliError> {
    let app = App::open(without_secrets(global.load(Overrides::default())?), Clock::system()).await?;
    match command {
        MigrateCommand::Up => {
            let applied = schema_version::bring_up(&app).await?;
            for step in &applied {
                eprintln!("applied {step}");
            }
            if applied.is_empty() {
                eprintln!("nothing is pending");
            }
        }
        MigrateCommand::Status => {
            let mut out = std::io::stdout().lock();
            writeln!(out, "step,status")?;
            for step in schema_version::steps(app.db.reader()).await? {
                writeln!(out, "{},{}", step.name, if step.is_applied { "applied" } else { "pending" })?;
            }
        }
    }
    Ok(app.db.close().await?)
}
