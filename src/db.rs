//! The two databases behind one face: pools, transactions, statements; many rows in one statement in `rows`, many
//! queries in `together`, statements that do not wait for one another in `pipeline`.

mod pipeline;
mod rows;
mod together;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sqlx::{postgres::PgPoolOptions, sqlite::SqliteConnectOptions};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    ExecResult, QueryResult, Statement, TransactionOptions, TransactionTrait, Value,
};

use pipeline::Pipelines;
use rows::POSTGRES_LENGTH;
pub use rows::{Column, Rows, execute_together};
pub use together::{Answer, Columns, Query, Selected, Together, select_list};

/// A pool of readers and, on SQLite, the one writer; on PostgreSQL both are the same pool.
#[derive(Clone, Debug)]
pub struct Db {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    pipelines: Option<Arc<Pipelines>>,
    statements: Statements,
}

/// How many statements have been run: of this database, and of the process.
#[derive(Clone, Debug)]
struct Statements {
    run: Arc<AtomicU64>,
    counter: metrics::Counter,
}

impl Statements {
    fn count(&self) {
        self.run.fetch_add(1, Ordering::Relaxed);
        self.counter.increment(1);
    }
}

/// How many connections a process opens, and how long it waits.
#[derive(Clone, Copy, Debug)]
pub struct PoolSize {
    pub connections: u32,
    pub acquire_timeout: Duration,
}

impl Default for PoolSize {
    fn default() -> Self {
        PoolSize { connections: 8, acquire_timeout: Duration::from_secs(5) }
    }
}

impl Db {
    /// Connects to `sqlite://FILE` (made if it is not there) or `postgres://...`.
    pub async fn connect(url: &str, size: PoolSize) -> Result<Db, DbErr> {
        let mut options = ConnectOptions::new(url);
        let pipelines = Pipelines::of(url, &size);
        let pipelined = pipelines.as_ref().map_or(0, Pipelines::connections);
        options
            .sqlx_logging(false)
            .max_connections(size.connections - pipelined)
            .acquire_timeout(size.acquire_timeout)
            .test_before_acquire(false)
            .test_before_acquire_if_idle_for(Duration::from_secs(10));
        if url.starts_with("sqlite:") {
            options.map_sqlx_sqlite_opts(sqlite_settings);
            let mut writing = options.clone();
            writing.max_connections(1);
            let writer = open_file(writing).await?;
            let reader = open_file(options).await?;
            return Ok(Db::counting(reader, Some(writer), None));
        }
        options.map_sqlx_postgres_pool_opts(|pool: PgPoolOptions| pool.min_connections(1));
        let reader = Database::connect(options).await?;
        Ok(Db::counting(reader, None, pipelines))
    }

    fn counting(
        mut reader: DatabaseConnection,
        mut writer: Option<DatabaseConnection>,
        pipelines: Option<Pipelines>,
    ) -> Db {
        let statements =
            Statements { run: Arc::default(), counter: metrics::counter!("db_statements_total") };
        for connection in [Some(&mut reader), writer.as_mut()].into_iter().flatten() {
            let statements = statements.clone();
            connection.set_metric_callback(move |_| statements.count());
        }
        let pipelines = pipelines.map(Arc::new);
        Db { writer: writer.unwrap_or_else(|| reader.clone()), reader, pipelines, statements }
    }

    /// How many statements have been run: what a request costs is told by the difference.
    pub fn statements(&self) -> u64 {
        self.statements.run.load(Ordering::Relaxed)
    }

    /// For statements that only read; each sees what is committed.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// The rows of a statement over a connection that others are using too, where there is one.
    async fn pipelined(&self, sql: &str, values: &[Value]) -> Option<Vec<tokio_postgres::Row>> {
        let rows = self.pipelines.as_ref()?.query(sql, values).await?;
        self.statements.count();
        Some(rows)
    }

    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    /// How many writing transactions at once do any good: SQLite has one writer.
    pub fn writers(&self) -> usize {
        if self.backend() == DbBackend::Postgres { 2 } else { 1 }
    }

    /// Inserts rows in a transaction of their own: on PostgreSQL one statement, which is one by itself, as long as the
    /// rows fit in one.
    pub(crate) async fn insert_alone(&self, rows: Rows, sql: &str) -> Result<(), DbErr> {
        if self.backend() == DbBackend::Postgres && rows.len() <= POSTGRES_LENGTH {
            return rows.execute(&self.writer, sql, vec![]).await.map(|_| ());
        }
        let tx = self.begin_writing().await?;
        rows.execute(&tx, sql, vec![]).await?;
        tx.commit().await
    }

    /// Opens a writing transaction. On SQLite it is IMMEDIATE: whoever writes waits here and not in the middle.
    pub(crate) async fn begin_writing(&self) -> Result<DatabaseTransaction, DbErr> {
        self.writer
            .begin_with_options(TransactionOptions {
                sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            })
            .await
    }

    /// Opens a snapshot that holds up no writer: all its statements see one moment.
    pub async fn begin_snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = match self.backend() {
            DbBackend::Postgres => TransactionOptions {
                isolation_level: Some(sea_orm::IsolationLevel::RepeatableRead),
                access_mode: Some(sea_orm::AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
            _ => TransactionOptions {
                sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Deferred),
                ..TransactionOptions::default()
            },
        };
        self.reader.begin_with_options(options).await
    }

    /// Sees to it that what was deleted is not in the files any more: SQLite leaves it in free space and in its log until
    /// both are written anew. PostgreSQL's VACUUM does so in its own time.
    pub async fn scrub(&self) -> Result<(), DbErr> {
        if self.backend() != DbBackend::Sqlite {
            return Ok(());
        }
        self.writer.execute_unprepared("VACUUM").await?;
        // A reader in the middle of a statement keeps the log from being cut: then it is tried again.
        for _ in 0..50 {
            let row = query_one(&self.writer, "PRAGMA wal_checkpoint(TRUNCATE)", vec![]).await?;
            let is_busy: i32 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
            if is_busy == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Closes the pools; on SQLite this also folds the write-ahead log into the file.
    pub async fn close(self) -> Result<(), DbErr> {
        if let Some(pipelines) = &self.pipelines {
            pipelines.close();
        }
        if self.backend() == DbBackend::Sqlite {
            self.reader.close().await?;
        }
        self.writer.close().await
    }
}

/// Whoever opens a new file makes its log, and has the file to himself meanwhile: SQLite lets others wait everywhere but
/// there.
async fn open_file(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    for _ in 0..100 {
        match Database::connect(options.clone()).await {
            Err(error) if error.to_string().contains("database is locked") => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            opened => return opened,
        }
    }
    Database::connect(options).await
}

fn sqlite_settings(options: SqliteConnectOptions) -> SqliteConnectOptions {
    use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(60))
        .pragma("cache_size", "-32768")
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(512)
}

/// Whether a failure is one of two transactions that got in each other's way: the whole transaction may be tried again.
pub fn is_conflict(error: &DbErr) -> bool {
    let text = error.to_string();
    // 40001 and 40P01 on PostgreSQL; another process's write on SQLite.
    [
        "could not serialize",
        "deadlock detected",
        "database is locked",
        "UNIQUE constraint",
        "unique constraint",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// A statement with `$1`, `$2`, ... for both databases.
pub fn statement<C: ConnectionTrait>(db: &C, sql: impl Into<String>, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

/// Runs a statement that answers rows.
pub async fn query<C: ConnectionTrait>(
    db: &C,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    db.query_all_raw(statement(db, sql, values)).await
}

/// Runs a statement that answers one row or none.
pub async fn query_one<C: ConnectionTrait>(
    db: &C,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Option<QueryResult>, DbErr> {
    db.query_one_raw(statement(db, sql, values)).await
}

/// Runs a statement that answers nothing but how many rows it touched.
pub async fn execute<C: ConnectionTrait>(
    db: &C,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<ExecResult, DbErr> {
    db.execute_raw(statement(db, sql, values)).await
}
