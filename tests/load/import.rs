//! Top-ups a second through the service against multi-row inserts of the same rows.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use parrain::services::top_up::FactOutcome;
use parrain::services::{refund, top_up};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, ConnectOptions, Connection, PgConnection, SqliteConnection};

use crate::databases::{self, MEMBERS, SCRATCH, Server};
use crate::measure::{self, Measured, Part, in_a_process, median, ratio};
use crate::reference::{self, ROWS, Source};
use crate::{Options, Outcome, files};

pub async fn run(options: &Options) -> Outcome<()> {
    let mut server = Server::at(&options.database_url).await?;
    server.members(options.shape).await?;
    let shape = options.shape;
    println!("{}; {}", server.version().await?, measure::machine()?);
    println!(
        "{} top-ups of {} clients of {} partners over {} periods, {} a transaction",
        shape.top_ups, shape.clients, shape.partners, shape.periods, options.batch
    );
    let file = std::env::temp_dir().join("load_top_ups.csv");
    files::write_top_ups(shape, &file)?;
    println!("{HEADER}");
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        let round = run_round(&mut server, options, &file).await?;
        println!("{number:>6} {}", round.line());
        rounds.push(round);
    }
    std::fs::remove_file(&file)?;
    let of = |part: fn(&Round) -> &Measured| {
        let median_of =
            |figure: fn(&Measured) -> u64| median(rounds.iter().map(|round| figure(part(round))).collect());
        Measured {
            micros: median_of(|part| part.micros),
            count: median_of(|part| part.count),
            peak_kib: rounds.iter().map(|round| part(round).peak_kib).max().unwrap_or(0),
            cpu_ms: median_of(|part| part.cpu_ms),
            database_cpu_ms: median_of(|part| part.database_cpu_ms),
        }
    };
    let all = Round {
        reference: of(|round| &round.reference),
        service: of(|round| &round.service),
        command: of(|round| &round.command),
        refunds: of(|round| &round.refunds),
    };
    println!("median {}", all.line());
    Ok(())
}

const HEADER: &str =
    "       reference        service                             parrain import              refunds
 round     rows/s  us     rows/s  us  ratio  peak MiB     rows/s  ratio  peak MiB     rows/s";

/// What one round measured.
struct Round {
    reference: Measured,
    service: Measured,
    command: Measured,
    refunds: Measured,
}

impl Round {
    /// Rows a second, and the CPU time of a row in process and database together.
    fn line(&self) -> String {
        let Round { reference, service, command, refunds } = self;
        let per_second = reference.per_second();
        format!(
            "{per_second:>10} {:>3} {:>10} {:>3} {:>6} {:>9} {:>10} {:>6} {:>9} {:>10}",
            reference.cpu_micros_each(),
            service.per_second(),
            service.cpu_micros_each(),
            ratio(service.per_second(), per_second),
            service.peak_kib / 1024,
            command.per_second(),
            ratio(command.per_second(), per_second),
            command.peak_kib / 1024,
            refunds.per_second(),
        )
    }
}

async fn run_round(server: &mut Server, options: &Options, file: &Path) -> Outcome<Round> {
    let url = server.url(SCRATCH);
    server.copy(MEMBERS, SCRATCH).await?;
    let reference = in_a_process(Part::ImportReference, &url, options)?;
    server.copy(MEMBERS, SCRATCH).await?;
    let service = in_a_process(Part::ImportService, &url, options)?;
    let refunds = in_a_process(Part::ImportRefunds, &url, options)?;
    server.copy(MEMBERS, SCRATCH).await?;
    let command = command_line(&url, file, options)?;
    server.drop(SCRATCH).await?;
    Ok(Round { reference, service, command, refunds })
}

/// `parrain import top-ups`, from its start to its end.
fn command_line(url: &str, file: &Path, options: &Options) -> Outcome<Measured> {
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parrain"))
        .args(["import", "top-ups", "--database-url", url])
        .arg(file)
        .env("PARRAIN_AUTH__HS256_SECRET", databases::SECRET)
        .stderr(Stdio::null())
        .spawn()?;
    let process = command.id().to_string();
    let (mut peak_kib, mut cpu_ms) = (0, 0);
    let status = loop {
        peak_kib = measure::peak_kib(&process).unwrap_or(peak_kib);
        cpu_ms = measure::cpu_ms(&process).unwrap_or(cpu_ms);
        if let Some(status) = command.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let micros = u64::try_from(started.elapsed().as_micros())?;
    if !status.success() {
        return Err(format!("parrain import ended with {status}").into());
    }
    Ok(Measured { micros, count: options.shape.top_ups, peak_kib, cpu_ms, database_cpu_ms: 0 })
}

/// Multi-row inserts into a bare copy of the table, a transaction each.
pub async fn reference(url: &str, options: &Options) -> Outcome<Measured> {
    let source = Source::new(options.shape);
    let mut took = Duration::ZERO;
    let mut postgres = None;
    let mut sqlite = None;
    if url.starts_with("sqlite:") {
        let mut connection = connect_sqlite(url).await?;
        reference::make_on_sqlite(&mut connection).await?;
        sqlite = Some(connection);
    } else {
        let mut connection = PgConnection::connect(url).await?;
        reference::make_on_postgres(&mut connection).await?;
        postgres = Some(connection);
    }
    for first in (0..options.shape.top_ups).step_by(ROWS) {
        let rows = source.rows(first, (first + ROWS as u64).min(options.shape.top_ups))?;
        let started = Instant::now();
        match (&mut postgres, &mut sqlite) {
            (Some(connection), _) => reference::insert_on_postgres(connection, rows).await?,
            (_, Some(connection)) => reference::insert_on_sqlite(connection, rows).await?,
            (None, None) => {}
        }
        took += started.elapsed();
    }
    let processes = match &mut postgres {
        Some(connection) => sqlx::query_scalar(measure::PROCESSES).fetch_all(connection).await?,
        None => Vec::new(),
    };
    Measured::new(took, options.shape.top_ups, &processes)
}

/// With the settings of the service.
pub async fn connect_sqlite(url: &str) -> Outcome<SqliteConnection> {
    let options: SqliteConnectOptions = url.parse()?;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-32768")
        .pragma("temp_store", "MEMORY");
    Ok(options.connect().await?)
}

/// Records all top-ups; making them is not measured.
pub async fn service(url: &str, options: &Options) -> Outcome<Measured> {
    let app = databases::open(url).await?;
    let mut took = Duration::ZERO;
    for first in (0..options.shape.top_ups).step_by(options.batch) {
        let last = (first + u64::try_from(options.batch)?).min(options.shape.top_ups);
        let facts: Vec<_> = (first..last).map(|index| options.shape.top_up(index)).collect();
        let started = Instant::now();
        let outcomes = top_up::record(&app, &facts).await?;
        took += started.elapsed();
        all_recorded(&outcomes)?;
    }
    let measured = Measured::new(took, options.shape.top_ups, &measure::processes_of(&app).await?)?;
    app.db.close().await?;
    Ok(measured)
}

/// Records the refunds of what is there.
pub async fn refunds(url: &str, options: &Options) -> Outcome<Measured> {
    let app = databases::open(url).await?;
    let facts: Vec<_> = options.shape.refunds().collect();
    let mut took = Duration::ZERO;
    for batch in facts.chunks(options.batch) {
        let started = Instant::now();
        let outcomes = refund::record(&app, batch).await?;
        took += started.elapsed();
        all_recorded(&outcomes)?;
    }
    let measured = Measured::new(took, facts.len() as u64, &measure::processes_of(&app).await?)?;
    app.db.close().await?;
    Ok(measured)
}

/// A figure of facts that were refused would say nothing.
fn all_recorded(outcomes: &[FactOutcome]) -> Outcome<()> {
    match outcomes.iter().find(|outcome| !matches!(outcome, FactOutcome::Recorded(_))) {
        Some(other) => Err(format!("a fact was not recorded: {other:?}").into()),
        None => Ok(()),
    }
}
