//! Benchmarks: import, settlement, verify and the dashboard against what can be done at best, interleaved in one run.
//!
//! `cargo bench --bench load -- COMMAND --database-url URL`; README.md beside this file says what was measured.

mod by_hand;
mod dashboard;
mod data;
mod databases;
mod figures;
mod files;
mod import;
mod live;
mod measure;
mod redirect;
mod reference;
mod settle;
mod verify;

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use data::Shape;
use databases::Server;
use measure::Part;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(name = "load")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Top-ups a second through the service, against multi-row inserts of the same rows.
    Import(Options),
    /// Settling one period, against one statement that sums its lines.
    Settle(Options),
    /// Verifying the settled books.
    Verify(Options),
    /// A partner's dashboard under wrk, against a handler by hand, PostGraphile and mercurius.
    Dashboard(dashboard::Dashboard),
    /// A partner's statistics and pages with 1,000 lines and with all `--top-ups`.
    Figures(Options),
    /// Redirects a second, with their visits recorded and without.
    Redirect(redirect::RedirectOptions),
    /// Serves the redirect alone.
    #[command(hide = true)]
    ServeRedirects {
        #[arg(long)]
        database_url: String,
        #[arg(long)]
        recording: redirect::Recording,
    },
    /// Events from their commit to 200 subscribers, at 500 changes a second.
    Live(live::LiveOptions),
    /// Serves the interface alone.
    #[command(hide = true)]
    ServeLive {
        #[arg(long)]
        database_url: String,
    },
    /// Writes the data as files for `parrain import`.
    Files {
        #[command(flatten)]
        shape: Shape,
        #[arg(long)]
        directory: PathBuf,
    },
    /// Drops the databases that the benchmarks have left.
    Clean {
        #[arg(long)]
        database_url: String,
    },
    /// The handler by hand.
    #[command(hide = true)]
    ServeByHand {
        #[arg(long)]
        database_url: String,
        #[arg(long)]
        listen: String,
    },
    /// One measured part, in a process of its own so that its memory is its own.
    #[command(hide = true)]
    Part {
        #[arg(value_enum)]
        part: Part,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Args, Clone)]
pub struct Options {
    /// `postgres://USER@HOST:PORT` without a database, or `sqlite://DIRECTORY`: databases are made and dropped there.
    #[arg(long)]
    database_url: String,
    /// How many times reference and service are run in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many facts the service records in one transaction.
    #[arg(long, default_value_t = 4_000)]
    batch: usize,
    #[command(flatten)]
    shape: Shape,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    match Cli::parse().command {
        // `cargo test --benches` comes by without a command.
        None => println!(
            "import, settle, verify, dashboard, figures, redirect, live, files or clean; see tests/load/README.md"
        ),
        Some(Command::Import(options)) => import::run(&options).await?,
        Some(Command::Settle(options)) => settle::run(&options).await?,
        Some(Command::Verify(options)) => verify::run(&options).await?,
        Some(Command::Dashboard(dashboard)) => dashboard::run(&dashboard).await?,
        Some(Command::ServeByHand { database_url, listen }) => by_hand::serve(&database_url, &listen).await?,
        Some(Command::Figures(options)) => figures::run(&options).await?,
        Some(Command::Redirect(options)) => redirect::run(&options).await?,
        Some(Command::ServeRedirects { database_url, recording }) => {
            redirect::serve_redirects(&database_url, recording).await?;
        }
        Some(Command::Live(options)) => live::run(&options).await?,
        Some(Command::ServeLive { database_url }) => live::serve_live(&database_url).await?,
        Some(Command::Files { shape, directory }) => files::write(shape, &directory)?,
        Some(Command::Clean { database_url }) => Server::at(&database_url).await?.clean().await?,
        Some(Command::Part { part, options }) => measure::run_part(part, &options).await?,
    }
    Ok(())
}
