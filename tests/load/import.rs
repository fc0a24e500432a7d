//! Top-ups a second through the service against multi-row inserts of the same rows.

use std::time::{Duration, Instant};

use parrain::services::top_up::FactOutcome;
use parrain::services::{refund, top_up};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection};

use crate::databases::{self, MEMBERS, SCRATCH, Server};
use crate::measure::{self, Measured, Part, in_a_process, median, ratio};
use crate::reference::{self, ROWS, Source};
use crate::{Options, Outcome};

pub async fn run(options: &Options) -> Outcome<()> {
    let mut server = Server::at(&options.database_url).await?;
    server.members(options.shape).await?;
    let shape = options.shape;
    println!("{}; {}", server.version().await?, measure::machine()?);
    println!(
        "{} top-ups of {} clients of {} partners over {} periods, {} a transaction",
        shape.top_ups, shape.clients, shape.partners, shape.periods, options.batch
    );
    println!(
        "{:>5} {:>16} {:>14} {:>6} {:>9} {:>9} {:>15}",
        "round", "reference rows/s", "service rows/s", "ratio", "peak MiB", "CPU ms", "refunds rows/s"
    );
    let (mut references, mut services, mut refunds, mut peak) = (vec![], vec![], vec![], 0);
    for round in 1..=options.rounds {
        server.copy(MEMBERS, SCRATCH).await?;
        let reference = in_a_process(Part::ImportReference, &server.url(SCRATCH), options)?;
        server.copy(MEMBERS, SCRATCH).await?;
        let service = in_a_process(Part::ImportService, &server.url(SCRATCH), options)?;
        let refunded = in_a_process(Part::ImportRefunds, &server.url(SCRATCH), options)?;
        server.drop(SCRATCH).await?;
        println!(
            "{round:>5} {:>16} {:>14} {:>6} {:>9} {:>9} {:>15}",
            reference.per_second(),
            service.per_second(),
            ratio(service.per_second(), reference.per_second()),
            service.peak_kib / 1024,
            service.cpu_ms,
            refunded.per_second(),
        );
        references.push(reference.per_second());
        services.push(service.per_second());
        refunds.push(refunded.per_second());
        peak = peak.max(service.peak_kib);
    }
    let (reference, service) = (median(references), median(services));
    println!(
        "{:>5} {reference:>16} {service:>14} {:>6} {:>9} {:>9} {:>15}",
        "all",
        ratio(service, reference),
        peak / 1024,
        "",
        median(refunds)
    );
    Ok(())
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
    Measured::new(took, options.shape.top_ups)
}

/// With the settings of the service.
pub async fn connect_sqlite(url: &str) -> Outcome<SqliteConnection> {
    let options: SqliteConnectOptions = url.parse()?;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-65536")
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
    let measured = Measured::new(took, options.shape.top_ups)?;
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
    let measured = Measured::new(took, facts.len() as u64)?;
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
