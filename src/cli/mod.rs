//! The command line: what is asked, and the exit status that answers.

mod actor;
mod books;
mod demo;
mod erase;
mod error;
mod export;
mod import;
mod migrate;
mod open;
pub mod serve;
mod settle;
mod token;
mod verify;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Overrides, TelemetryConfig};
use crate::{graphql, telemetry};
use error::CliError;
use open::Global;

/// The backend of a partner programme: referral links, commissions, settlements and payouts over GraphQL.
#[derive(Debug, Parser)]
#[command(name = "parrain", version, after_help = "Without a command it serves.")]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// `serve` if left out
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API, the redirect and the background tasks
    Serve(serve::ServeArgs),
    /// Serve a database of two lifelike years, with tokens to look at it
    Demo(demo::DemoArgs),
    /// Run the background tasks alone, in as many instances as wanted
    Worker(serve::WorkerArgs),
    /// The database's schema
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Settle every period that ends on or before a date; prints a row a period
    Settle(settle::SettleArgs),
    /// Record what a CSV file holds; refused rows go with their reason to FILE.refused.csv
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Print the books as CSV
    #[command(subcommand)]
    Export(export::ExportCommand),
    /// Copy the SQLite database to a new file while it serves
    Backup(books::BackupArgs),
    /// Copy everything into an empty database: SQLite to PostgreSQL or back
    Copy(books::CopyArgs),
    /// Recompute the books from the recorded facts; prints what is off, and exits 1 if anything is
    Verify,
    /// Remove what is personal of an account, client or partner; the books stay as they are
    Erase(erase::EraseArgs),
    /// Make a token under the configured secret
    Token(token::TokenArgs),
    /// Print the GraphQL schema
    Schema,
    /// Print the configuration in force, secrets masked
    Config,
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Done,
    /// Exit status 3.
    SomeInputRefused,
}

/// Parses the command line, runs the command, and answers the exit status: 0 done, 1 failed, 2 wrong usage, 3 done but
/// some input was refused.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("parrain: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::SomeInputRefused) => ExitCode::from(3),
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("parrain: {}", error.line());
            ExitCode::from(error.exit_status())
        }
    }
}

async fn dispatch(cli: Cli) -> Result<Ended, CliError> {
    let global = cli.global;
    let command = cli.command.unwrap_or(Command::Serve(serve::ServeArgs::default()));
    if !matches!(command, Command::Serve(_) | Command::Worker(_)) {
        log_warnings()?;
    }
    match command {
        Command::Serve(args) => serve::run(&global, &args).await.map(|()| Ended::Done),
        Command::Demo(args) => demo::run(&global, &args).await.map(|()| Ended::Done),
        Command::Worker(args) => serve::work(&global, &args).await.map(|()| Ended::Done),
        Command::Migrate(command) => migrate::run(&global, &command).await.map(|()| Ended::Done),
        Command::Settle(args) => settle::run(&global, &args).await.map(|()| Ended::Done),
        Command::Import(command) => import::run(&global, command).await,
        Command::Export(command) => export::run(&global, &command).await.map(|()| Ended::Done),
        Command::Backup(args) => books::backup(&global, &args).await.map(|()| Ended::Done),
        Command::Copy(args) => books::copy(&global, &args).await.map(|()| Ended::Done),
        Command::Verify => verify::run(&global).await.map(|()| Ended::Done),
        Command::Erase(args) => erase::run(&global, &args).await.map(|()| Ended::Done),
        Command::Token(args) => token::run(&global, &args).map(|()| Ended::Done),
        Command::Schema => {
            print!("{}", graphql::sdl());
            Ok(Ended::Done)
        }
        Command::Config => {
            print!("{}", global.load(Overrides::default())?.masked_toml());
            Ok(Ended::Done)
        }
    }
}

/// A command that ends says what it did itself; the log adds what is wrong.
fn log_warnings() -> Result<(), CliError> {
    Ok(telemetry::init_log(&TelemetryConfig { level: "warn".to_owned(), ..TelemetryConfig::default() })?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
