//! The two databases behind one face: pools, locks, and many rows in one statement.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sea_query::ArrayType;
use sea_orm::sqlx::{postgres::PgPoolOptions, sqlite::SqliteConnectOptions};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    ExecResult, QueryResult, Statement, TransactionOptions, TransactionTrait, Value,
};
use uuid::Uuid;

/// A pool of readers and, on SQLite, the one writer; on PostgreSQL both are the same pool.
#[derive(Clone, Debug)]
pub struct Db {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    statements: Arc<AtomicU64>,
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
        options
            .sqlx_logging(false)
            .max_connections(size.connections)
            .acquire_timeout(size.acquire_timeout)
            .test_before_acquire(false)
            .test_before_acquire_if_idle_for(Duration::from_secs(10));
        if url.starts_with("sqlite:") {
            options.map_sqlx_sqlite_opts(sqlite_settings);
            let mut writing = options.clone();
            writing.max_connections(1);
            let writer = Database::connect(writing).await?;
            let reader = Database::connect(options).await?;
            return Ok(Db::counting(reader, Some(writer)));
        }
        options.map_sqlx_postgres_pool_opts(|pool: PgPoolOptions| pool.min_connections(1));
        let reader = Database::connect(options).await?;
        Ok(Db::counting(reader, None))
    }

    fn counting(mut reader: DatabaseConnection, mut writer: Option<DatabaseConnection>) -> Db {
        let statements = Arc::new(AtomicU64::new(0));
        for connection in [Some(&mut reader), writer.as_mut()].into_iter().flatten() {
            let (statements, counter) = (statements.clone(), metrics::counter!("db_statements_total"));
            connection.set_metric_callback(move |_| {
                statements.fetch_add(1, Ordering::Relaxed);
                counter.increment(1);
            });
        }
        Db { writer: writer.unwrap_or_else(|| reader.clone()), reader, statements }
    }

    /// How many statements have been run: what a request costs is told by the difference.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// For statements that only read; each sees what is committed.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
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
        if self.backend() == DbBackend::Sqlite {
            self.reader.close().await?;
        }
        self.writer.close().await
    }
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

/// The type of a column of [`Rows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Uuid,
    Text,
    Int,
    BigInt,
    Bool,
    UuidOrNull,
    TextOrNull,
    IntOrNull,
    BigIntOrNull,
}

impl Column {
    /// The array's element type, its name in SQL, and the element that stands for NULL: an array of sea-orm holds none.
    fn on_postgres(self) -> (ArrayType, &'static str, Option<(Value, &'static str)>) {
        match self {
            Column::Uuid => (ArrayType::Uuid, "uuid", None),
            Column::Text => (ArrayType::String, "text", None),
            Column::Int => (ArrayType::Int, "int", None),
            Column::BigInt => (ArrayType::BigInt, "bigint", None),
            Column::Bool => (ArrayType::Bool, "bool", None),
            Column::UuidOrNull => {
                let nil = "'00000000-0000-0000-0000-000000000000'::uuid";
                (ArrayType::Uuid, "uuid", Some((Value::from(Uuid::nil()), nil)))
            }
            Column::TextOrNull => (ArrayType::String, "text", Some((Value::from(""), "''"))),
            Column::IntOrNull => (ArrayType::Int, "int", Some((Value::from(i32::MIN), "-2147483648"))),
            Column::BigIntOrNull => {
                (ArrayType::BigInt, "bigint", Some((Value::from(i64::MIN), "-9223372036854775808")))
            }
        }
    }
}

/// Many rows for one statement: arrays on PostgreSQL, so that the statement is always the same one, and lists of a few
/// fixed lengths on SQLite. In the SQL `{rows}` stands for a table `v` of these columns, as in
/// `WITH {rows} INSERT INTO t (a, b) SELECT a, b FROM v WHERE true ON CONFLICT ...`.
#[derive(Debug)]
pub struct Rows {
    columns: &'static [(&'static str, Column)],
    values: Vec<Value>,
}

/// How many rows a statement takes on SQLite: few lengths, so that few statements are prepared.
const SQLITE_LENGTHS: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];
/// How many rows a statement takes on PostgreSQL.
const POSTGRES_LENGTH: usize = 5_000;

impl Rows {
    pub fn new(columns: &'static [(&'static str, Column)]) -> Rows {
        Rows { columns, values: Vec::new() }
    }

    /// One column of values that all have the same type.
    pub fn of(
        columns: &'static [(&'static str, Column); 1],
        values: impl IntoIterator<Item = Value>,
    ) -> Rows {
        Rows { columns, values: values.into_iter().collect() }
    }

    /// Adds a row: one value a column, in their order.
    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.values.extend(row);
    }

    pub fn len(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Runs the statement as often as the rows need; answers how many rows it touched in all. `values` are `$1`, ...
    pub async fn execute<C: ConnectionTrait>(
        self,
        db: &C,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<u64, DbErr> {
        let mut touched = 0;
        for statement in self.into_statements(db.get_database_backend(), sql, &values) {
            touched += db.execute_raw(statement).await?.rows_affected();
        }
        Ok(touched)
    }

    /// Runs the statement as often as the rows need; answers all the rows it gives.
    pub async fn query<C: ConnectionTrait>(
        self,
        db: &C,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let mut found = Vec::new();
        for statement in self.into_statements(db.get_database_backend(), sql, &values) {
            found.extend(db.query_all_raw(statement).await?);
        }
        Ok(found)
    }

    fn into_statements(self, backend: DbBackend, sql: &str, first: &[Value]) -> Vec<Statement> {
        let mut left = self.len();
        let mut values = self.values.into_iter();
        let mut statements = Vec::new();
        while left > 0 {
            let length = match backend {
                DbBackend::Postgres => left.min(POSTGRES_LENGTH),
                _ => SQLITE_LENGTHS.into_iter().find(|length| *length <= left).unwrap_or(1),
            };
            left -= length;
            let (sql, bound) = match backend {
                DbBackend::Postgres => unnest(self.columns, length, &mut values, sql, first),
                _ => value_list(self.columns, length, &mut values, sql, first),
            };
            statements.push(Statement::from_sql_and_values(backend, sql, bound));
        }
        statements
    }
}

/// Runs statements of rows, each of which changes a table of its own: on PostgreSQL in one round trip.
pub async fn execute_together<C: ConnectionTrait>(
    db: &C,
    parts: impl IntoIterator<Item = (Rows, String)>,
) -> Result<(), DbErr> {
    let (mut together, mut bound) = (Vec::new(), Vec::new());
    for (rows, sql) in parts {
        if db.get_database_backend() != DbBackend::Postgres || rows.len() > POSTGRES_LENGTH {
            rows.execute(db, &sql, vec![]).await?;
        } else if !rows.is_empty() {
            let length = rows.len();
            let (sql, values) = unnest(rows.columns, length, &mut rows.values.into_iter(), &sql, &bound);
            together.push(format!("s{} AS ({sql})", together.len()));
            bound = values;
        }
    }
    if together.is_empty() {
        return Ok(());
    }
    execute(db, &format!("WITH {} SELECT 1", together.join(", ")), bound).await.map(|_| ())
}

fn column_names(columns: &[(&'static str, Column)]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// `v (a, b) AS (SELECT a, NULLIF(b, '') FROM unnest($1::uuid[], $2::text[]) AS u (a, b))`
fn unnest(
    columns: &[(&'static str, Column)],
    length: usize,
    values: &mut impl Iterator<Item = Value>,
    sql: &str,
    first: &[Value],
) -> (String, Vec<Value>) {
    let types: Vec<_> = columns.iter().map(|(_, column)| column.on_postgres()).collect();
    let mut arrays: Vec<Vec<Value>> = columns.iter().map(|_| Vec::with_capacity(length)).collect();
    for _ in 0..length {
        for (array, (.., null)) in arrays.iter_mut().zip(&types) {
            array.extend(values.next().map(|value| match null {
                Some((stand_in, _)) if is_null(&value) => stand_in.clone(),
                _ => value,
            }));
        }
    }
    let mut bound = first.to_vec();
    let (mut selected, mut unnested) = (Vec::new(), Vec::new());
    for (((name, _), (array_type, type_name, null)), array) in columns.iter().zip(types).zip(arrays) {
        selected.push(match null {
            None => (*name).to_owned(),
            Some((_, literal)) => format!("NULLIF({name}, {literal})"),
        });
        bound.push(Value::Array(array_type, Some(Box::new(array))));
        unnested.push(format!("${}::{type_name}[]", bound.len()));
    }
    let names = column_names(columns);
    let (selected, unnested) = (selected.join(", "), unnested.join(", "));
    let table = format!("v ({names}) AS (SELECT {selected} FROM unnest({unnested}) AS u ({names}))");
    (sql.replace("{rows}", &table), bound)
}

/// Whether a value of a nullable column is NULL.
fn is_null(value: &Value) -> bool {
    matches!(value, Value::Uuid(None) | Value::String(None) | Value::Int(None) | Value::BigInt(None))
}

/// `v (a, b) AS (VALUES (?, ?), (?, ?))`. No parameter has a number, the others' `$1` neither: SQLite finds a numbered
/// one in a list of names, so that binding thousands of them would take the square of their number.
fn value_list(
    columns: &[(&'static str, Column)],
    length: usize,
    values: &mut impl Iterator<Item = Value>,
    sql: &str,
    first: &[Value],
) -> (String, Vec<Value>) {
    let mut bound = Vec::with_capacity(length * columns.len() + first.len());
    let (before, after) = sql.split_once("{rows}").unwrap_or((sql, ""));
    let mut text = without_numbers(before, first, &mut bound);
    let _ = write!(text, "v ({}) AS (VALUES ", column_names(columns));
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    text.push_str(&vec![row.as_str(); length].join(", "));
    bound.extend(values.by_ref().take(length * columns.len()));
    text.push(')');
    text.push_str(&without_numbers(after, first, &mut bound));
    (text, bound)
}

/// Writes `?` for each `$1`, `$2`, ... and binds its value where it stands.
fn without_numbers(sql: &str, values: &[Value], bound: &mut Vec<Value>) -> String {
    let mut parts = sql.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let index = part[..digits].parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        bound.extend(index.and_then(|index| values.get(index)).cloned());
        text.push('?');
        text.push_str(&part[digits..]);
    }
    text
}
