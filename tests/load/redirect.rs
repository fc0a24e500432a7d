//! Redirects a second: with their visits committed by group, each by itself, and not at all; three servers in turn.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clap::{Args, ValueEnum};
use parrain::app::App;
use parrain::graphql::webhook_payload;
use parrain::http::{Listeners, Ready, redirects_that_record, serve};
use parrain::jobs;
use parrain::services::{link_cache, visit};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::databases::{LINKS, Server, open_with};
use crate::measure::{self, median, ratio};

#[derive(Args, Clone)]
pub struct RedirectOptions {
    /// `postgres://USER@HOST:PORT` without a database, or `sqlite://DIRECTORY`: databases are made and dropped there.
    #[arg(long)]
    database_url: String,
    /// How many times the three servers take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each turn.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Connections that are kept busy.
    #[arg(long, default_value_t = 128)]
    connections: u64,
    /// Partners, each with a link.
    #[arg(long, default_value_t = 1_000)]
    partners: u64,
}

/// What a server does with a visit before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Recording {
    Nothing,
    /// A transaction of its own.
    Alone,
    /// As the product does, with what counts visits beside it, but waiting for the commit however long it takes.
    Grouped,
}

const IN_TURN: [Recording; 3] = [Recording::Nothing, Recording::Alone, Recording::Grouped];

/// What wrk said of a turn.
#[derive(Clone, Copy, Debug)]
struct Turn {
    per_second: u64,
    p99_micros: u64,
}

pub async fn run(options: &RedirectOptions) -> Outcome<()> {
    let mut server = Server::at(&options.database_url).await?;
    println!("{}; {}", server.version().await?, measure::machine()?);
    println!("{} connections, {} s a turn, {} links", options.connections, options.seconds, options.partners);
    println!(
        " round  nothing/s  p99 ms    alone/s  p99 ms  grouped/s  p99 ms  grouped/nothing  grouped/alone"
    );
    let script = script(options.partners)?;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        let mut turns = Vec::new();
        for recording in IN_TURN {
            server.links(options.partners).await?;
            turns.push(turn(&server.url(LINKS), recording, options, &script)?);
        }
        println!("{number:>6} {}", line(&turns));
        rounds.push(turns);
    }
    let of = |index: usize, figure: fn(&Turn) -> u64| {
        median(rounds.iter().filter_map(|turns| turns.get(index)).map(figure).collect())
    };
    let medians: Vec<Turn> = (0..IN_TURN.len())
        .map(|index| Turn {
            per_second: of(index, |turn| turn.per_second),
            p99_micros: of(index, |turn| turn.p99_micros),
        })
        .collect();
    println!("median {}", line(&medians));
    std::fs::remove_file(script)?;
    server.drop(LINKS).await
}

fn line(turns: &[Turn]) -> String {
    let columns = turns.iter().map(|turn| {
        format!("{:>10} {:>4}.{:02}", turn.per_second, turn.p99_micros / 1_000, turn.p99_micros % 1_000 / 10)
    });
    let per_second: Vec<u64> = turns.iter().map(|turn| turn.per_second).collect();
    let ratios = match per_second[..] {
        [nothing, alone, grouped] => format!("{:>16} {:>14}", ratio(grouped, nothing), ratio(grouped, alone)),
        _ => String::new(),
    };
    format!("{} {ratios}", columns.collect::<Vec<_>>().join(" "))
}

/// Every request is another visitor over another link.
fn script(partners: u64) -> Outcome<PathBuf> {
    let path = std::env::temp_dir().join(format!("load_redirect_{}.lua", std::process::id()));
    let text = format!(
        "local n = 0\nlocal thread = 0\nfunction setup(t) thread = thread + 1; t:set('mine', thread) end\n\
         function request()\n  n = n + 1\n  local agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/' .. n\n\
         return wrk.format('GET', '/r/{{code}}' .. (n * 7919 % {partners}), {{ ['user-agent'] = agent, \
         ['x-forwarded-for'] = '10.' .. mine .. '.' .. (n % 250) .. '.1' }})\nend\n"
    );
    std::fs::write(&path, text.replace("{code}", CODE_PREFIX))?;
    Ok(path)
}

/// What the links' codes begin with; a number follows.
pub const CODE_PREFIX: &str = "link-";

/// A server that is killed when it is dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn turn(url: &str, recording: Recording, options: &RedirectOptions, script: &Path) -> Outcome<Turn> {
    let name = recording.to_possible_value().ok_or("a way to record without a name")?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve-redirects", "--database-url", url, "--recording", name.get_name()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    let serving = Serving(child);
    let output = Command::new("wrk")
        .args(["-t2", &format!("-c{}", options.connections), &format!("-d{}s", options.seconds), "--latency"])
        .arg("-s")
        .arg(script)
        .arg(format!("http://{}/", address.trim()))
        .output()?;
    drop(serving);
    read(&String::from_utf8(output.stdout)?)
}

fn read(said: &str) -> Outcome<Turn> {
    if let Some(bad) = said.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors")) {
        return Err(format!("wrk: {}", bad.trim()).into());
    }
    let per_second = measure::said_by_wrk(said, "Requests/sec:")?;
    let whole = per_second.split('.').next().unwrap_or_default();
    let p99_micros = measure::micros(measure::said_by_wrk(said, "99%")?)?;
    Ok(Turn { per_second: whole.parse()?, p99_micros })
}

/// Serves the redirect alone until it is killed; prints where.
pub async fn serve_redirects(url: &str, recording: Recording) -> Outcome<()> {
    let app = open_with(url, |config| {
        config.trusted_proxies = ["127.0.0.0/8"].iter().flat_map(|network| network.parse()).collect();
    })
    .await?;
    link_cache::preload(&app).await?;
    let listeners = Listeners {
        public: TcpListener::bind("127.0.0.1:0").await?,
        ops: TcpListener::bind("127.0.0.1:0").await?,
    };
    println!("{}", listeners.public.local_addr()?);
    let public = match recording {
        Recording::Nothing => redirects_that_record(app.clone(), |_, _| std::future::ready(())),
        Recording::Alone => redirects_that_record(app.clone(), |app: App, visit| async move {
            let _ = visit::record_all(&app, &[visit]).await;
        }),
        Recording::Grouped => redirects_that_record(app.clone(), |app: App, visit| async move {
            let _ = visit::arrive(&app, visit).await;
        }),
    };
    let (ready, stop) = (Ready::default(), CancellationToken::new());
    let never = std::future::pending();
    let serving = serve(listeners, public, axum::Router::new(), &app.config.limits, &ready, never);
    // What counts visits works beside, as it does in one process with the server.
    tokio::join!(serving, jobs::run(&app, webhook_payload::show(&app), &stop));
    Ok(())
}
