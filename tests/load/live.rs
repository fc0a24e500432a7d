//! Events from their commit to who follows: many subscribers in one process, a steady load in another.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use entity::Moment;
use parrain::clock::Clock;
use parrain::graphql::{Api, sdl};
use parrain::http::token::{Role, mint};
use parrain::http::{Http, Listeners, Ready, public_router, serve};
use parrain::services::gathered_top_ups;
use parrain::services::registration::{self, CodePolicy, Registration};
use reqwest::Client;
use serde_json::{Value, json};

use crate::Outcome;
use crate::databases::{LINKS, Server, open, open_with};
use crate::measure;
use crate::redirect::CODE_PREFIX;

#[derive(Args, Clone)]
pub struct LiveOptions {
    /// `postgres://USER@HOST:PORT` without a database, or `sqlite://DIRECTORY`: databases are made and dropped there.
    #[arg(long)]
    database_url: String,
    /// Partners, each with a subscriber.
    #[arg(long, default_value_t = 200)]
    subscribers: u64,
    /// Top-ups a second, of all partners in turn.
    #[arg(long, default_value_t = 500)]
    changes: u64,
    /// How long.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

const QUERY: &str =
    "subscription { partnerEvents { type at subject { id ... on Commission { amount { amount } } } } }";
/// How often top-ups are sent; each time all that are due.
const TICK: Duration = Duration::from_millis(10);

pub async fn run(options: &LiveOptions) -> Outcome<()> {
    let mut server = Server::at(&options.database_url).await?;
    println!("{}; {}", server.version().await?, measure::machine()?);
    println!(
        "{} subscribers, {} changes a second, {} s",
        options.subscribers, options.changes, options.seconds
    );
    server.links(options.subscribers).await?;
    let url = server.url(LINKS);
    let app = open(&url).await?;
    let clients: Vec<_> = (0..options.subscribers)
        .map(|partner| Registration {
            client_id: client_of(partner),
            registered_at: app.clock.now().minus(chrono::Duration::hours(1)),
            code: Some(format!("{CODE_PREFIX}{partner}")),
            ..Registration::default()
        })
        .collect();
    registration::register(&app, &clients, CodePolicy::Recorded).await?;

    let (serving, address) = serving(&url)?;
    let http = Client::builder().pool_max_idle_per_host(0).build()?;
    let mut followers = Vec::new();
    for partner in 0..options.subscribers {
        let account = format!("p{partner:06}");
        let token = mint(&app.config, Role::Partner, &account, chrono::Duration::hours(1), app.clock.now())?;
        followers.push(Follower::subscribe(&http, &address, &token).await?);
    }
    let before = measure::resident_kib(&serving.0.id().to_string());
    let following: Vec<_> = followers.into_iter().map(|follower| tokio::spawn(follower.follow())).collect();

    let sent = send(&app, options).await?;
    // Whatever is on its way.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = measure::resident_kib(&serving.0.id().to_string());
    let cpu = measure::cpu_ms(&serving.0.id().to_string());
    drop(serving);
    let mut micros = Vec::new();
    for follower in following {
        micros.extend(follower.await?);
    }
    micros.sort_unstable();
    let at = |thousandths: usize| {
        micros.get(micros.len().saturating_sub(1) * thousandths / 1_000).copied().unwrap_or(0)
    };
    println!("sent {sent}, told {}", micros.len());
    println!(
        "from commit to client, ms: p50 {} p99 {} most {}",
        at(500) / 1_000,
        at(990) / 1_000,
        at(1_000) / 1_000
    );
    println!(
        "server: KiB {} then {}, CPU ms {}",
        before.unwrap_or_default(),
        after.unwrap_or_default(),
        cpu.unwrap_or_default()
    );
    app.db.close().await?;
    server.drop(LINKS).await
}

fn client_of(partner: u64) -> String {
    format!("live-{partner}")
}

/// Records what is due, in another process than the one that serves. Answers how many.
async fn send(app: &parrain::app::App, options: &LiveOptions) -> Outcome<u64> {
    let total = options.changes * options.seconds;
    let began = Instant::now();
    let mut sent = 0;
    while sent < total {
        let due = total.min(u64::try_from(began.elapsed().as_millis())? * options.changes / 1_000);
        if due > sent {
            let facts = (sent..due).map(|number| parrain::domain::top_up::TopUpFact {
                source: "live".to_owned(),
                external_id: number.to_string(),
                client_id: client_of(number % options.subscribers),
                occurred_at: app.clock.now(),
                amount: entity::Money::from_units(10),
                currency: "EUR".to_owned(),
                kind: entity::TopUpKind::Purchase,
                payment_instrument_hash: None,
            });
            // Each for itself, as many tills would send them.
            let recorded = facts.map(|fact| gathered_top_ups::record(app, vec![fact]));
            for outcome in futures_util::future::join_all(recorded).await {
                outcome?;
            }
            sent = due;
        }
        tokio::time::sleep(TICK).await;
    }
    Ok(sent)
}

/// Whoever follows one partner.
struct Follower {
    response: reqwest::Response,
    unread: Vec<u8>,
}

impl Follower {
    async fn subscribe(http: &Client, address: &str, token: &str) -> Outcome<Follower> {
        let request = http
            .post(format!("http://{address}/graphql"))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .header("accept", "text/event-stream")
            .body(json!({ "query": QUERY }).to_string());
        let mut response = request.send().await?.error_for_status()?;
        let unread = response.chunk().await?.ok_or("no beginning")?.to_vec();
        Ok(Follower { response, unread })
    }

    /// How long after its recording each event arrived, in microseconds: `at` is taken just before the commit.
    async fn follow(mut self) -> Vec<i64> {
        let clock = Clock::system();
        let mut took = Vec::new();
        while let Ok(Some(chunk)) = self.response.chunk().await {
            let now = clock.now();
            self.unread.extend_from_slice(&chunk);
            while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let message: Vec<u8> = self.unread.drain(..end + 2).collect();
                took.extend(at_of(&message).map(|at| now.0 - at.0));
            }
        }
        took
    }
}

fn at_of(message: &[u8]) -> Option<Moment> {
    let text = std::str::from_utf8(message).ok()?;
    let data: Value =
        serde_json::from_str(text.lines().find_map(|line| line.strip_prefix("data: "))?).ok()?;
    let at = data["data"]["partnerEvents"]["at"].as_str()?;
    Some(Moment::from_utc(at.parse().ok()?))
}

/// A server that is killed when it is dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serving(url: &str) -> Outcome<(Serving, String)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve-live", "--database-url", url])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    Ok((Serving(child), address.trim().to_owned()))
}

/// Serves the interface until it is killed; prints where.
pub async fn serve_live(url: &str) -> Outcome<()> {
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let app = open_with(url, |config| (config.listen, config.ops_listen) = (any, any)).await?;
    let listeners = Listeners::bind(&app.config).await?;
    println!("{}", listeners.public.local_addr()?);
    let public = public_router(Http::new(app.clone(), Api::new(app.clone()), sdl())?);
    let never = std::future::pending();
    serve(listeners, public, axum::Router::new(), &app.config.limits, &Ready::default(), never).await;
    Ok(())
}
