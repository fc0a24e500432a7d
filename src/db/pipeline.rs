//! Statements of many callers over few connections to PostgreSQL: each is sent without waiting for what was sent before
//! it (pipelining), which the pool cannot do. Both sides wake up and write less often for it.

use std::collections::HashMap;
use std::error::Error;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use sea_orm::Value;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::time::Instant;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use super::PoolSize;

/// Of how many connections that a process may open one is for pipelining: on two it does as much as eight in a pool.
const ONE_OF: u32 = 4;
/// How many statements a connection keeps prepared before it begins anew.
const MAX_PREPARED: usize = 128;
/// What `pg_stat_activity` calls these connections, unless the URL says otherwise.
const APPLICATION_NAME: &str = "parrain pipeline";
/// After how long without a word the other side is asked whether it is there.
const IDLE: Duration = Duration::from_secs(10);
/// How long after a failure to connect it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Connections that callers share, each opened when it is first wanted. Whoever comes while one is not open, or meets a
/// failure on it, takes the pool: so does a reader lose nothing by a connection that breaks.
#[derive(Debug)]
pub struct Pipelines {
    config: Arc<Config>,
    lanes: Vec<Arc<Lane>>,
    next: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lane {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unused,
    Opening,
    Open(Arc<Pipeline>),
    Failed {
        at: Instant,
    },
    Closed,
}

struct Pipeline {
    client: Client,
    prepared: Mutex<HashMap<Box<str>, Statement>>,
}

impl Pipelines {
    /// None where a connection has to be encrypted, or may be and leaves the machine: the pool sees to that as the URL
    /// says. None either where so few connections may be opened that the pool needs them all.
    pub fn of(url: &str, size: &PoolSize) -> Option<Pipelines> {
        let config = Arc::new(config(url, size)?);
        let lanes: Vec<_> = (0..size.connections / ONE_OF).map(|_| Arc::default()).collect();
        (!lanes.is_empty()).then_some(Pipelines { config, lanes, next: AtomicUsize::new(0) })
    }

    /// How many of a process's connections they take.
    pub fn connections(&self) -> u32 {
        u32::try_from(self.lanes.len()).unwrap_or(u32::MAX)
    }

    /// The rows of a statement that only reads; none where it has to be asked of the pool.
    pub async fn query(&self, sql: &str, values: &[Value]) -> Option<Vec<Row>> {
        let lane = self.lanes.get(self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len())?;
        let pipeline = lane.pipeline(&self.config)?;
        match pipeline.query(sql, values).await {
            Ok(rows) => Some(rows),
            Err(error) => {
                tracing::debug!(%error, "a pipelined statement failed and is asked of the pool");
                None
            }
        }
    }

    /// Closes all of them for good.
    pub fn close(&self) {
        for lane in &self.lanes {
            *lane.state() = State::Closed;
        }
    }
}

impl Lane {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection if it is open; otherwise it is opened, where that did not just fail, and meanwhile there is none.
    fn pipeline(self: &Arc<Self>, config: &Arc<Config>) -> Option<Arc<Pipeline>> {
        let mut state = self.state();
        match &*state {
            State::Open(pipeline) if !pipeline.client.is_closed() => return Some(pipeline.clone()),
            State::Failed { at } if at.elapsed() < RETRY_AFTER => return None,
            State::Opening | State::Closed => return None,
            State::Unused | State::Open(_) | State::Failed { .. } => *state = State::Opening,
        }
        let (lane, config) = (self.clone(), config.clone());
        tokio::spawn(async move {
            let opened = Pipeline::open(&config).await;
            let mut state = lane.state();
            if matches!(*state, State::Opening) {
                *state = opened.map_or_else(
                    |error| {
                        tracing::info!(%error, "no connection for pipelining: the pool answers instead");
                        State::Failed { at: Instant::now() }
                    },
                    |pipeline| State::Open(Arc::new(pipeline)),
                );
            }
        });
        None
    }
}

impl Pipeline {
    async fn open(config: &Config) -> Result<Pipeline, tokio_postgres::Error> {
        let (client, connection) = config.connect(NoTls).await?;
        // It ends with its client, or when the server ends it, which whoever waits on it is told.
        tokio::spawn(async move { connection.await.ok() });
        Ok(Pipeline { client, prepared: Mutex::default() })
    }

    async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.prepare(sql, values).await?;
        let params: Vec<Param<'_>> = values.iter().map(Param).collect();
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
        self.client.query(&statement, &params).await
    }

    async fn prepare(&self, sql: &str, values: &[Value]) -> Result<Statement, tokio_postgres::Error> {
        let prepared = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = prepared().get(sql) {
            return Ok(statement.clone());
        }
        let types: Vec<Type> = values.iter().map(type_of).collect();
        let statement = self.client.prepare_typed(sql, &types).await?;
        let mut prepared = prepared();
        if prepared.len() >= MAX_PREPARED {
            prepared.clear();
        }
        prepared.insert(sql.into(), statement.clone());
        Ok(statement)
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").finish_non_exhaustive()
    }
}

fn config(url: &str, size: &PoolSize) -> Option<Config> {
    let options = PgConnectOptions::from_str(url).ok()?;
    let stays_here = options.get_socket().is_some() || is_of_this_machine(options.get_host());
    let is_plain = match options.get_ssl_mode() {
        PgSslMode::Disable => true,
        PgSslMode::Allow | PgSslMode::Prefer => stays_here,
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => false,
    };
    // What stands in the URL and only the pool understands is refused here.
    let mut config = Config::from_str(url).ok().filter(|_| is_plain)?;
    // What the URL leaves open is as for the pool.
    if config.get_hosts().is_empty() {
        config.host(options.get_host());
    }
    if config.get_ports().is_empty() {
        config.port(options.get_port());
    }
    if config.get_user().is_none() {
        config.user(options.get_username());
    }
    if let (None, Some(name)) = (config.get_dbname(), options.get_database()) {
        config.dbname(name);
    }
    config.connect_timeout(size.acquire_timeout);
    // Whoever has gone without a word is found out, and does not hold up all that is sent to him.
    config.keepalives_idle(IDLE).tcp_user_timeout(size.acquire_timeout);
    if config.get_application_name().is_none() {
        config.application_name(APPLICATION_NAME);
    }
    Some(config)
}

fn is_of_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.starts_with('/')
        || host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A value as PostgreSQL reads it, of the type that the pool would declare for it.
#[derive(Debug)]
struct Param<'a>(&'a Value);

fn type_of(value: &Value) -> Type {
    match value {
        Value::Bool(_) => Type::BOOL,
        Value::Int(_) => Type::INT4,
        Value::BigInt(_) => Type::INT8,
        Value::String(_) => Type::TEXT,
        Value::Uuid(_) => Type::UUID,
        _ => Type::UNKNOWN,
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, as_type: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Bool(value) => value.to_sql(as_type, out),
            Value::Int(value) => value.to_sql(as_type, out),
            Value::BigInt(value) => value.to_sql(as_type, out),
            Value::String(value) => value.to_sql(as_type, out),
            Value::Uuid(value) => value.to_sql(as_type, out),
            other => Err(format!("a statement has a value of no type that is pipelined: {other:?}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_need_not_be_encrypted_is_pipelined() {
        let count = |url: &str, connections: u32| {
            let pipelines = Pipelines::of(url, &PoolSize { connections, ..PoolSize::default() });
            pipelines.map_or(0, |pipelines| pipelines.connections())
        };
        for (url, connections, pipelines) in [
            ("postgres://a:b@127.0.0.1:5432/parrain", 8, 2),
            ("postgres://a:b@localhost/parrain", 32, 8),
            ("postgres://a@[::1]/parrain", 4, 1),
            ("postgres://a@%2Frun%2Fpostgresql/parrain", 8, 2),
            ("postgres:///parrain?host=/run/postgresql", 8, 2),
            ("postgres://a@127.0.0.1/parrain", 3, 0),
            ("postgres://a@db.example/parrain?sslmode=disable", 8, 2),
            ("postgres://a@db.example/parrain", 8, 0),
            ("postgres://a@10.0.0.7/parrain?sslmode=prefer", 8, 0),
            ("postgres://a@localhost/parrain?sslmode=require", 8, 0),
            ("postgres://a@localhost/parrain?sslmode=verify-full", 8, 0),
            ("postgres://a@localhost/parrain?sslrootcert=/ca.pem", 8, 0),
            ("sqlite://parrain.db", 8, 0),
        ] {
            assert_eq!(count(url, connections), pipelines, "{url}");
        }
    }
}
