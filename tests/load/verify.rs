//! Verifying the settled books.

use std::time::Instant;

use parrain::services::verify;

use crate::databases::{self, SETTLED, Server};
use crate::measure::{self, Measured, Part, in_a_process};
use crate::{Options, Outcome};

pub async fn run(options: &Options) -> Outcome<()> {
    let mut server = Server::at(&options.database_url).await?;
    println!("{}; {}", server.version().await?, measure::machine()?);
    println!("{:>5} {:>9} {:>7} {:>9}", "round", "lines", "ms", "peak MiB");
    for round in 1..=options.rounds {
        let measured = in_a_process(Part::VerifyService, &server.url(SETTLED), options)?;
        println!(
            "{round:>5} {:>9} {:>7} {:>9}",
            measured.count,
            measured.micros / 1000,
            measured.peak_kib / 1024
        );
    }
    Ok(())
}

pub async fn service(url: &str) -> Outcome<Measured> {
    let app = databases::open(url).await?;
    let started = Instant::now();
    let mut first = None;
    let summary = verify::verify(&app, |finding| first = first.take().or(Some(finding))).await?;
    let took = started.elapsed();
    if let Some(finding) = first {
        return Err(format!("{} findings, the first: {finding}", summary.findings).into());
    }
    let measured = Measured::new(took, summary.lines, &measure::processes_of(&app).await?)?;
    app.db.close().await?;
    Ok(measured)
}
