//! `demo`: a world of its own to look at, served with the explorer.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use chrono::{Datelike, Duration};
use entity::Moment;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::error::CliError;
use super::open::Global;
use super::serve;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{AuthConfig, Config, KeysConfig, Overrides, ProgrammeConfig, SettlementMode, SiteConfig};
use crate::demo::{self, Directory, Lived, World};
use crate::domain::api_key::Scope;
use crate::http::token::{Role, mint};
use crate::services::api_key::{self, NewApiKey};
use crate::services::{partner, schema_version};

/// How long the printed tokens hold.
const TOKEN_HOURS: i64 = 24;
/// A query that shows a partner what he has.
const QUERY: &str = "{ viewer { code standing { tier { name } ratePercent activeClients clientsToNextTier } \
    balance { available { amount currencyCode } reserved { amount } pending { amount } } \
    statements(first: 3) { edges { node { period { start } topUpCount credited { amount } printUrl } } } \
    ledgerFile: exportUrl(kind: LEDGER) } }";

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Where the demo's database is made, or was made before
    #[arg(long, value_name = "DIRECTORY", default_value = "parrain-demo")]
    directory: PathBuf,
    /// Another number makes another world
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Where the API and the redirect listen
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where health and metrics listen
    #[arg(long, value_name = "ADDRESS")]
    ops_listen: Option<String>,
    /// Make the database or bring it up to now, and end
    #[arg(long)]
    no_serve: bool,
}

/// Makes the demo's database or brings it up to now, prints tokens, and serves until the signal to stop.
pub(super) async fn run(global: &Global, args: &DemoArgs) -> Result<(), CliError> {
    if global.database_url.is_some() {
        return Err(CliError::Usage("demo has a database of its own: name its --directory".to_owned()));
    }
    let mut config = global.load(Overrides {
        listen: args.listen.clone(),
        ops_listen: args.ops_listen.clone(),
        graphiql: Some(true),
        ..Overrides::default()
    })?;
    if !args.no_serve {
        find_ports(&mut config)?;
    }
    let now = Clock::system().now();
    let mut directory = open(&args.directory, args.seed, now)?;
    let world = directory.world();
    make_its_own(&mut config, &directory)?;
    let app = App::open(config, Clock::fixed(directory.lived_until())).await?;
    schema_version::bring_up(&app).await?;
    if let Some(lived) = live(&app, &world, &mut directory, now).await? {
        eprintln!("{}", summary(&lived));
    }
    let app = App { clock: Clock::system(), ..app };
    if args.no_serve {
        return Ok(app.db.close().await?);
    }
    let key = first_key(&app, &world).await?;
    welcome(&app, &world, now, key.as_deref())?;
    serve::serve(app, true).await
}

fn open(path: &Path, seed: u64, now: Moment) -> Result<Directory, CliError> {
    Directory::open(path, seed, now).map_err(|error| CliError::Failed(error.to_string()))
}

/// Fails before the long work does if an address is taken; a port left to chance is chosen here, to be printed.
fn find_ports(config: &mut Config) -> Result<(), CliError> {
    for address in [&mut config.listen, &mut config.ops_listen] {
        let listener = TcpListener::bind(*address)
            .map_err(|error| CliError::Failed(format!("cannot listen on {address}: {error}")))?;
        *address = listener.local_addr()?;
    }
    Ok(())
}

/// What the world was made for stands; limits and telemetry are as configured.
fn make_its_own(config: &mut Config, directory: &Directory) -> Result<(), CliError> {
    config.database.url = directory.database_url().into();
    config.programme =
        ProgrammeConfig { settlement: SettlementMode::Automatic, ..ProgrammeConfig::default() };
    config.site = SiteConfig::default();
    config.auth = AuthConfig::default();
    config.keys = KeysConfig::default();
    config.sepa = demo::payer();
    config.graphiql = true;
    let address = format!("http://{}/", reachable(config.listen));
    config.public_url = address.parse().map_err(|_| CliError::Failed(format!("{address} is no address")))?;
    config.ensure_auth()?;
    Ok(())
}

/// The address under which this machine reaches what listens everywhere.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut address = listen;
    if listen.ip().is_unspecified() {
        address.set_ip(if listen.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}

/// Brings the world up to now; nothing where it is there already, or where nothing has happened since.
async fn live(
    app: &App,
    world: &World,
    directory: &mut Directory,
    now: Moment,
) -> Result<Option<Lived>, CliError> {
    let from = directory.lived_until();
    if from >= now {
        return Ok(None);
    }
    let whole_days = |span: i64| u64::try_from(span / 86_400_000_000).unwrap_or(0);
    let bar = ProgressBar::new(whole_days(now.0 - from.0));
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} %")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    if directory.is_new() && bar.is_hidden() {
        eprintln!("making two years of data ...");
    }
    let lived = demo::live(app, world, from, now, |day| {
        bar.set_position(whole_days(day.0 - from.0));
        bar.set_message(day.utc_day().to_string());
        // What lies between two notes is lived again after a break, to no effect.
        if matches!(day.to_utc().day(), 1 | 15) || day == now {
            directory.has_lived(day).map_err(|error| CliError::Failed(error.to_string()))?;
        }
        Ok::<_, CliError>(())
    })
    .await?;
    bar.finish_and_clear();
    Ok(Some(lived).filter(|lived| *lived != Lived::default()))
}

fn summary(lived: &Lived) -> String {
    let told = &lived.told;
    format!(
        "{} partners joined, {} clients came over them and {} without; {} top-ups, {} refunds, {} settlements",
        told.partners, told.clients, told.direct, told.top_ups, told.refunds, lived.settlements
    )
}

/// The partner whose dashboard is shown.
fn shown_partner(world: &World) -> &str {
    world.partners.first().map_or("acct-1", |plan| plan.account_id.as_str())
}

/// A key that reads the books of the partner to show; none where he has one, since a key is shown once.
async fn first_key(app: &App, world: &World) -> Result<Option<String>, CliError> {
    let partner = partner::of_account(app, shown_partner(world)).await?;
    if !api_key::of_partners(app.clone(), vec![partner.id]).await?.is_empty() {
        return Ok(None);
    }
    let scopes = vec![Scope::ReadCommissions, Scope::ReadClients, Scope::ReadBalance];
    let new = NewApiKey { label: "Accounting".to_owned(), scopes, expires_at: None };
    Ok(Some(api_key::create(app, partner.id, &new).await?.1))
}

/// Prints what an operator needs: addresses, tokens, a query.
fn welcome(app: &App, world: &World, now: Moment, key: Option<&str>) -> Result<(), CliError> {
    let config = &app.config;
    let token = |role, subject: &str| {
        mint(config, role, subject, Duration::hours(TOKEN_HOURS), now)
            .map_err(|error| CliError::Failed(error.to_string()))
    };
    let partner = token(Role::Partner, shown_partner(world))?;
    let address = format!("http://{}", reachable(config.listen));
    let ops = reachable(config.ops_listen);
    let body = json!({ "query": QUERY });
    let mut out = std::io::stdout().lock();
    writeln!(out, "API       {address}/graphql")?;
    writeln!(out, "Explorer  {address}/graphiql")?;
    writeln!(out, "Schema    {address}/schema.graphql")?;
    writeln!(out, "Health    http://{ops}/readyz")?;
    writeln!(out)?;
    writeln!(out, "Tokens, for {TOKEN_HOURS} hours")?;
    writeln!(out, "partner   {partner}")?;
    writeln!(out, "staff     {}", token(Role::Staff, "demo.staff")?)?;
    writeln!(out, "service   {}", token(Role::Service, "demo.billing")?)?;
    if let Some(key) = key {
        writeln!(out, "API key   {key} (the partner's, reads his books; shown this once)")?;
    }
    writeln!(out)?;
    writeln!(out, "In the explorer, put this into the headers:")?;
    writeln!(out, "{}", json!({ "Authorization": format!("Bearer {partner}") }))?;
    writeln!(out)?;
    writeln!(out, "and ask:")?;
    writeln!(out, "{QUERY}")?;
    writeln!(out)?;
    writeln!(out, "Or from a shell:")?;
    writeln!(
        out,
        "curl -s {address}/graphql -H 'Content-Type: application/json' -H 'Authorization: Bearer {partner}' -d '{body}'"
    )?;
    writeln!(out)?;
    writeln!(out, "Ctrl-C ends it.")?;
    Ok(out.flush()?)
}
