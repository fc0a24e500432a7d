//! Runs a part in a process of its own and reads what it measured; medians and ratios of what came back.

use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;
use parrain::app::App;
use serde::{Deserialize, Serialize};

use crate::{Options, Outcome, import, settle, verify};

/// What is measured in one process.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Part {
    ImportReference,
    ImportService,
    ImportRefunds,
    SettleReference,
    SettleService,
    VerifyService,
}

/// What a part measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub micros: u64,
    /// Of rows, partners or whatever the part counts.
    pub count: u64,
    /// The most memory that was resident at any time, in KiB.
    pub peak_kib: u64,
    /// User and system time of the process, the making of its data included, in ms.
    pub cpu_ms: u64,
    /// The same of the database's own processes that served it; 0 where they are elsewhere or within.
    pub database_cpu_ms: u64,
}

impl Measured {
    pub fn new(took: Duration, count: u64, database_processes: &[i32]) -> Outcome<Measured> {
        Ok(Measured {
            micros: u64::try_from(took.as_micros())?,
            count,
            peak_kib: peak_kib("self").ok_or("no VmHWM")?,
            cpu_ms: cpu_ms("self").ok_or("no stat")?,
            database_cpu_ms: database_processes.iter().filter_map(|pid| cpu_ms(&pid.to_string())).sum(),
        })
    }

    /// CPU time of process and database for each thing counted, in microseconds.
    pub fn cpu_micros_each(&self) -> u64 {
        (self.cpu_ms + self.database_cpu_ms) * 1_000 / self.count.max(1)
    }

    pub fn per_second(&self) -> u64 {
        self.count * 1_000_000 / self.micros.max(1)
    }
}

/// The most memory that a process has held.
pub fn peak_kib(process: &str) -> Option<u64> {
    status_kib(process, "VmHWM:")
}

/// The memory that a process holds now.
pub fn resident_kib(process: &str) -> Option<u64> {
    status_kib(process, "VmRSS:")
}

fn status_kib(process: &str, label: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix(label))?;
    kib.split_whitespace().next()?.parse().ok()
}

/// User and system time that a process has used.
pub fn cpu_ms(process: &str) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // utime and stime, in ticks of 10 ms, are the 14th and 15th fields; the second may hold blanks.
    let (_, after) = stat.rsplit_once(')')?;
    let ticks: Vec<u64> = after.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
    Some(ticks.iter().sum::<u64>() * 10)
}

/// The processes of PostgreSQL that serve this database, this one's among them.
pub const PROCESSES: &str = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid > 0";

/// Those that serve the service.
pub async fn processes_of(app: &App) -> Outcome<Vec<i32>> {
    if app.db.backend() != sea_orm::DbBackend::Postgres {
        return Ok(Vec::new());
    }
    let rows = parrain::db::query(app.db.reader(), PROCESSES, vec![]).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

/// Runs a part in this process, and prints what it measured for the one that asked.
pub async fn run_part(part: Part, options: &Options) -> Outcome<()> {
    let url = &options.database_url;
    let measured = match part {
        Part::ImportReference => import::reference(url, options).await?,
        Part::ImportService => import::service(url, options).await?,
        Part::ImportRefunds => import::refunds(url, options).await?,
        Part::SettleReference => settle::reference(url, options).await?,
        Part::SettleService => settle::service(url, options).await?,
        Part::VerifyService => verify::service(url).await?,
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Runs a part over a database in a process of its own.
pub fn in_a_process(part: Part, url: &str, options: &Options) -> Outcome<Measured> {
    let name = part.to_possible_value().ok_or("a part without a name")?;
    let Options { batch, shape, .. } = options;
    let output = Command::new(std::env::current_exe()?)
        .args(["part", name.get_name(), "--database-url", url])
        .args(["--batch", &batch.to_string()])
        .args(["--partners", &shape.partners.to_string(), "--clients", &shape.clients.to_string()])
        .args(["--top-ups", &shape.top_ups.to_string(), "--periods", &shape.periods.to_string()])
        .args(["--seed", &shape.seed.to_string()])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", name.get_name(), output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

pub fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// `a / b` to two decimals.
pub fn ratio(a: u64, b: u64) -> String {
    let hundredths = a * 100 / b.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

pub fn machine() -> Outcome<String> {
    let cores = std::thread::available_parallelism()?;
    let cpus = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    Ok(format!("{cores} cores, {}", model.trim_start_matches([' ', '\t', ':'])))
}

/// What wrk says behind a label.
pub fn said_by_wrk<'a>(said: &'a str, label: &str) -> Outcome<&'a str> {
    let found = said.lines().find_map(|line| line.trim().strip_prefix(label));
    found.map(str::trim).ok_or_else(|| format!("wrk said nothing of {label}").into())
}

/// `1.23ms`, `456.00us` or `1.02s`, without floating point.
pub fn micros(text: &str) -> Outcome<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let part = format!("{part:0<2}");
    let hundredths = whole.parse::<u64>()? * 100 + part.get(..2).unwrap_or_default().parse::<u64>()?;
    match text.strip_prefix(digits) {
        Some("us") => Ok(hundredths / 100),
        Some("ms") => Ok(hundredths * 10),
        Some("s") => Ok(hundredths * 10_000),
        _ => Err(format!("no time: {text}").into()),
    }
}
