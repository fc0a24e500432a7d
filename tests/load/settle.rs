//! Settling a period against the one statement that sums its lines.

use std::time::Instant;

use parrain::services::settlement::{self, Occasion};
use sea_orm::sqlx::{self, Connection, PgConnection};

use crate::databases::{self, LINES, SCRATCH, SETTLED, Server};
use crate::measure::{self, Measured, Part, in_a_process, median, ratio};
use crate::{Options, Outcome, import, reference};

pub async fn run(options: &Options) -> Outcome<()> {
    let mut server = Server::at(&options.database_url).await?;
    server.lines(options).await?;
    println!("{}; {}", server.version().await?, measure::machine()?);
    println!("one period of {} top-ups and their refunds", options.shape.top_ups);
    println!(
        "{:>5} {:>12} {:>11} {:>6} {:>9} {:>9}",
        "round", "reference ms", "service ms", "ratio", "peak MiB", "partners"
    );
    let (mut references, mut services, mut peak) = (vec![], vec![], 0);
    for round in 1..=options.rounds {
        server.copy(LINES, SCRATCH).await?;
        let reference = in_a_process(Part::SettleReference, &server.url(SCRATCH), options)?;
        let service = in_a_process(Part::SettleService, &server.url(SCRATCH), options)?;
        println!(
            "{round:>5} {:>12} {:>11} {:>6} {:>9} {:>9}",
            reference.micros / 1000,
            service.micros / 1000,
            ratio(service.micros, reference.micros),
            service.peak_kib / 1024,
            service.count,
        );
        references.push(reference.micros);
        services.push(service.micros);
        peak = peak.max(service.peak_kib);
    }
    let (reference, service) = (median(references), median(services));
    println!(
        "{:>5} {:>12} {:>11} {:>6} {:>9}",
        "all",
        reference / 1000,
        service / 1000,
        ratio(service, reference),
        peak / 1024
    );
    server.copy(SCRATCH, SETTLED).await?;
    server.drop(SCRATCH).await
}

/// One statement; it has run once before, so that what it reads is in memory.
pub async fn reference(url: &str, options: &Options) -> Outcome<Measured> {
    let app = databases::open(url).await?;
    let period = options.shape.first;
    let end = app.terms.calendar.ends_at(period);
    let from = end.minus(chrono::Duration::days(i64::from(app.terms.window_days)));
    let (mut started, mut rows) = (Instant::now(), 0);
    if url.starts_with("sqlite:") {
        let mut connection = import::connect_sqlite(url).await?;
        for _ in 0..2 {
            started = Instant::now();
            let query = sqlx::query(reference::SUM_A_PERIOD).bind(period.0).bind(from.0).bind(end.0);
            rows = query.fetch_all(&mut connection).await?.len();
        }
    } else {
        let mut connection = PgConnection::connect(url).await?;
        for _ in 0..2 {
            started = Instant::now();
            let query = sqlx::query(reference::SUM_A_PERIOD).bind(period.0).bind(from.0).bind(end.0);
            rows = query.fetch_all(&mut connection).await?.len();
        }
    }
    Measured::new(started.elapsed(), rows as u64, &[])
}

/// The settlement; a dry run has gone before, so that what it reads is in memory.
pub async fn service(url: &str, options: &Options) -> Outcome<Measured> {
    let app = databases::open(url).await?;
    let until = Some(options.shape.first.end());
    settlement::dry_run(&app, until).await?;
    let started = Instant::now();
    let settled = settlement::settle_due(&app, Occasion::ByHand { until }, |_| {}).await?;
    let took = started.elapsed();
    let partners: i64 = settled.iter().map(|settlement| settlement.partner_count).sum();
    if settled.len() != 1 || partners == 0 {
        return Err(format!("{} periods of {partners} partners were settled", settled.len()).into());
    }
    let measured = Measured::new(took, partners.unsigned_abs(), &measure::processes_of(&app).await?)?;
    app.db.close().await?;
    Ok(measured)
}
