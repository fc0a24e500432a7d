//! Databases of the benchmarks' own, made, copied and dropped; their names begin with `load_`.

use std::path::{Path, PathBuf};

use migration::MigratorTrait;
use parrain::app::App;
use parrain::clock::Clock;
use parrain::config::Config;
use parrain::services::{exchange_rate, partner, refund, registration, top_up};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, PgConnection};

use crate::data::Shape;
use crate::{Options, Outcome};

/// Partners, clients and rates, no lines.
pub const MEMBERS: &str = "load_members";
/// All of it, nothing settled.
pub const LINES: &str = "load_lines";
/// All of it, settled.
pub const SETTLED: &str = "load_settled";
/// All of it up to now, what is over settled, with what the dashboard's references read.
pub const DASHBOARD: &str = "load_dashboard";
/// What one measured part works on.
pub const SCRATCH: &str = "load_scratch";
/// A partner with few lines and one with many.
pub const FIGURES: &str = "load_figures";

/// Partners and their links alone.
pub const LINKS: &str = "load_links";

const ALL: [&str; 7] = [MEMBERS, LINES, SETTLED, DASHBOARD, SCRATCH, FIGURES, LINKS];
/// The service refuses to start without one; nothing is signed here.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
const REGISTRATION_BATCH: u64 = 4_000;

/// Where databases are made.
pub enum Server {
    Postgres { url: String, admin: Box<PgConnection> },
    Sqlite { directory: PathBuf },
}

impl Server {
    pub async fn at(url: &str) -> Outcome<Server> {
        if let Some(directory) = url.strip_prefix("sqlite://") {
            let directory = PathBuf::from(directory);
            std::fs::create_dir_all(&directory)?;
            return Ok(Server::Sqlite { directory });
        }
        let url = url.trim_end_matches('/').to_owned();
        let admin = Box::new(PgConnection::connect(&format!("{url}/postgres")).await?);
        Ok(Server::Postgres { url, admin })
    }

    pub fn url(&self, name: &str) -> String {
        match self {
            Server::Postgres { url, .. } => format!("{url}/{name}"),
            Server::Sqlite { directory } => format!("sqlite://{}", file(directory, name).display()),
        }
    }

    /// What the database calls itself.
    pub async fn version(&mut self) -> Outcome<String> {
        match self {
            Server::Postgres { admin, .. } => {
                let version: String =
                    sqlx::query_scalar("SHOW server_version").fetch_one(&mut **admin).await?;
                Ok(format!("PostgreSQL {version}"))
            }
            Server::Sqlite { .. } => {
                let mut memory = sqlx::SqliteConnection::connect("sqlite::memory:").await?;
                let version: String =
                    sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut memory).await?;
                Ok(format!("SQLite {version}"))
            }
        }
    }

    pub async fn exists(&mut self, name: &str) -> Outcome<bool> {
        match self {
            Server::Postgres { admin, .. } => {
                let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
                    .bind(name)
                    .fetch_optional(&mut **admin)
                    .await?;
                Ok(found.is_some())
            }
            Server::Sqlite { directory } => Ok(file(directory, name).exists()),
        }
    }

    async fn administer(&mut self, sql: String) -> Outcome<()> {
        if let Server::Postgres { admin, .. } = self {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **admin).await?;
        }
        Ok(())
    }

    pub async fn drop(&mut self, name: &str) -> Outcome<()> {
        self.administer(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        if let Server::Sqlite { directory } = self {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(directory.join(format!("{name}.db{end}")));
            }
        }
        Ok(())
    }

    async fn create(&mut self, name: &str) -> Outcome<()> {
        self.drop(name).await?;
        self.administer(format!("CREATE DATABASE {name}")).await
    }

    /// A copy, with all of it on disk, so that what follows pays for its own writes alone.
    pub async fn copy(&mut self, from: &str, to: &str) -> Outcome<()> {
        self.drop(to).await?;
        self.administer(format!("CREATE DATABASE {to} TEMPLATE {from} STRATEGY FILE_COPY")).await?;
        if let Server::Sqlite { directory } = self {
            let (from, to) = (file(directory, from), file(directory, to));
            std::fs::copy(&from, &to)?;
            std::fs::File::open(&to)?.sync_all()?;
        }
        self.administer("CHECKPOINT".to_owned()).await
    }

    pub async fn clean(mut self) -> Outcome<()> {
        for name in ALL {
            self.drop(name).await?;
        }
        Ok(())
    }

    /// Statistics and visibility as they are on a database that has been up for a while.
    pub async fn settle_down(&mut self, name: &str) -> Outcome<()> {
        if let Server::Postgres { url, .. } = self {
            let mut connection = PgConnection::connect(&format!("{url}/{name}")).await?;
            sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await?;
            connection.close().await?;
        }
        self.administer("CHECKPOINT".to_owned()).await
    }

    /// Makes a database with the schema alone; false where there is one.
    pub async fn begin(&mut self, name: &str) -> Outcome<bool> {
        if self.exists(name).await? {
            return Ok(false);
        }
        self.create(name).await?;
        let app = open(&self.url(name)).await?;
        let tx = app.begin().await?;
        migration::Migrator::up(&tx, None).await?;
        tx.commit().await?;
        app.db.close().await?;
        Ok(true)
    }

    /// Makes the database of partners, clients and rates where there is none.
    pub async fn members(&mut self, shape: Shape) -> Outcome<()> {
        if self.exists(MEMBERS).await? {
            return Ok(());
        }
        eprintln!("making {MEMBERS}: {} partners, {} clients", shape.partners, shape.clients);
        self.create(MEMBERS).await?;
        let app = open(&self.url(MEMBERS)).await?;
        let tx = app.begin().await?;
        migration::Migrator::up(&tx, None).await?;
        tx.commit().await?;
        let partners: Vec<_> = (0..shape.partners).map(Shape::joining).collect();
        partner::join(&app, &partners).await?;
        exchange_rate::record(&app, &shape.rates()).await?;
        for first in (0..shape.clients).step_by(usize::try_from(REGISTRATION_BATCH)?) {
            let last = (first + REGISTRATION_BATCH).min(shape.clients);
            let clients: Vec<_> = (first..last).map(|client| shape.registration(client)).collect();
            registration::register(&app, &clients, registration::CodePolicy::Recorded).await?;
        }
        app.db.close().await?;
        self.settle_down(MEMBERS).await
    }

    /// Makes the database of partners and their links anew.
    pub async fn links(&mut self, partners: u64) -> Outcome<()> {
        self.create(LINKS).await?;
        let app = open(&self.url(LINKS)).await?;
        let tx = app.begin().await?;
        migration::Migrator::up(&tx, None).await?;
        tx.commit().await?;
        let code = |partner: u64| Some(format!("{}{partner}", crate::redirect::CODE_PREFIX));
        let partners: Vec<_> = (0..partners)
            .map(|partner| partner::Joining { code: code(partner), ..Shape::joining(partner) })
            .collect();
        partner::join(&app, &partners).await?;
        app.db.close().await?;
        self.settle_down(LINKS).await
    }

    /// Makes the database with all lines where there is none.
    pub async fn lines(&mut self, options: &Options) -> Outcome<()> {
        if self.exists(LINES).await? {
            return Ok(());
        }
        self.members(options.shape).await?;
        eprintln!("making {LINES}: {} top-ups and their refunds", options.shape.top_ups);
        self.copy(MEMBERS, LINES).await?;
        let app = open(&self.url(LINES)).await?;
        record(&app, options, options.shape).await?;
        app.db.close().await?;
        self.settle_down(LINES).await
    }
}

/// Records all top-ups and refunds.
pub async fn record(app: &App, options: &Options, shape: Shape) -> Outcome<()> {
    let batch = u64::try_from(options.batch)?;
    for first in (0..shape.top_ups).step_by(options.batch) {
        let last = (first + batch).min(shape.top_ups);
        let facts: Vec<_> = (first..last).map(|index| shape.top_up(index)).collect();
        top_up::record(app, &facts).await?;
    }
    let refunds: Vec<_> = shape.refunds().collect();
    for batch in refunds.chunks(options.batch) {
        refund::record(app, batch).await?;
    }
    Ok(())
}

fn file(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.db"))
}

/// The service over a database.
pub async fn open(url: &str) -> Outcome<App> {
    open_with(url, |_| ()).await
}

/// The same with another configuration.
pub async fn open_with(url: &str, adjust: impl FnOnce(&mut Config)) -> Outcome<App> {
    let mut config = Config::default();
    config.database.url = url.into();
    config.auth.hs256_secret = Some(SECRET.into());
    adjust(&mut config);
    Ok(App::open(config, Clock::system()).await?)
}
