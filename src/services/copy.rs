//! Copies everything into an empty database, and a SQLite database to a file while it serves.

mod catalog;

use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement, StreamTrait, Value,
};
use uuid::Uuid;

use self::catalog::{Kind, Table};
use super::change;
use super::schema_version::{self, SchemaError};
use crate::app::App;
use crate::db::{self, Db};

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the database to copy to is not empty: {table} has rows")]
    NotEmpty { table: String },
    #[error("there is a file {0} already: nothing is overwritten")]
    FileExists(PathBuf),
    #[error("this is PostgreSQL: make a backup with pg_dump")]
    NotSqlite,
    #[error("{0}")]
    Catalog(String),
    #[error("cannot write {path}: {error}")]
    Write { path: PathBuf, error: std::io::Error },
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// How many values a statement binds at most: both databases take more.
const VALUES: usize = 16_000;
/// How many rows a statement inserts at most.
const ROWS: usize = 500;

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    pub table: String,
    pub rows: u64,
}

/// Copies every table in one transaction from one snapshot, row by row. The target gets its schema here.
///
/// # Errors
/// `NotEmpty` where a table of the target has rows; nothing is copied where anything fails.
pub async fn copy(from: &Db, to: &Db) -> Result<Vec<Copied>, CopyError> {
    schema_version::require_current(from).await?;
    schema_version::migrate(to).await?;
    let tables = catalog::read().await?;
    let source = from.begin_snapshot().await?;
    let target = to.begin_writing().await?;
    for table in &tables {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", table.name);
        if db::query_one(&target, sql, vec![]).await?.is_some() {
            return Err(CopyError::NotEmpty { table: table.name.clone() });
        }
    }
    let mut copied = Vec::with_capacity(tables.len());
    for table in &tables {
        let mut rows = 0;
        for condition in table.passes() {
            rows += copy_rows(&source, &target, table, &condition).await?;
        }
        copied.push(Copied { table: table.name.clone(), rows });
    }
    change::continue_from(&source, &target).await?;
    target.commit().await?;
    source.rollback().await?;
    if to.backend() == DbBackend::Postgres {
        // The planner knows nothing of tables that were filled just now.
        to.reader().execute_unprepared("ANALYZE").await?;
    }
    Ok(copied)
}

async fn copy_rows(
    source: &DatabaseTransaction,
    target: &DatabaseTransaction,
    table: &Table,
    condition: &str,
) -> Result<u64, CopyError> {
    let select = format!("SELECT {} FROM {}{condition}", table.column_names(), table.name);
    let length = (VALUES / table.columns.len()).clamp(1, ROWS);
    let full = insert(table, length);
    let (mut values, mut waiting, mut copied) = (Vec::with_capacity(length * table.columns.len()), 0, 0);
    let mut rows = source
        .stream_raw(Statement::from_string(ConnectionTrait::get_database_backend(source), select))
        .await?;
    while let Some(row) = rows.try_next().await? {
        for (index, column) in table.columns.iter().enumerate() {
            values.push(value(&row, index, column.kind)?);
        }
        waiting += 1;
        copied += 1;
        if waiting == length {
            db::execute(target, full.as_str(), std::mem::take(&mut values)).await?;
            waiting = 0;
        }
    }
    if waiting > 0 {
        db::execute(target, insert(table, waiting), values).await?;
    }
    Ok(copied)
}

/// `INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)`
fn insert(table: &Table, rows: usize) -> String {
    let width = table.columns.len();
    let row = |row: usize| {
        let parameters = (1..=width).map(|column| format!("${}", row * width + column));
        format!("({})", parameters.collect::<Vec<_>>().join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("INSERT INTO {} ({}) VALUES {}", table.name, table.column_names(), rows.join(", "))
}

fn value(row: &QueryResult, index: usize, kind: Kind) -> Result<Value, DbErr> {
    Ok(match kind {
        Kind::Uuid => row.try_get_by_index::<Option<Uuid>>(index)?.into(),
        Kind::Text => row.try_get_by_index::<Option<String>>(index)?.into(),
        Kind::Int => row.try_get_by_index::<Option<i32>>(index)?.into(),
        Kind::BigInt => row.try_get_by_index::<Option<i64>>(index)?.into(),
        Kind::Bool => row.try_get_by_index::<Option<bool>>(index)?.into(),
        Kind::Bytes => row.try_get_by_index::<Option<Vec<u8>>>(index)?.into(),
    })
}

/// Writes a consistent copy of the SQLite database to a new file; readers and writers go on meanwhile.
///
/// # Errors
/// `NotSqlite`, and `FileExists` rather than overwriting.
pub async fn backup(app: &App, file: &Path) -> Result<(), CopyError> {
    if app.db.backend() != DbBackend::Sqlite {
        return Err(CopyError::NotSqlite);
    }
    let wrong = |error| CopyError::Write { path: file.to_owned(), error };
    if file.try_exists().map_err(wrong)? {
        return Err(CopyError::FileExists(file.to_owned()));
    }
    // Written under another name first: a file of this name is always whole.
    let mut draft = file.as_os_str().to_owned();
    draft.push(".partial");
    let draft = PathBuf::from(draft);
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(wrong(error)),
        _ => {}
    }
    let name = draft.to_string_lossy().into_owned();
    db::execute(app.db.reader(), "VACUUM INTO $1", vec![name.into()]).await?;
    std::fs::File::open(&draft).and_then(|written| written.sync_all()).map_err(wrong)?;
    // A hard link fails where the name has been taken meanwhile.
    std::fs::hard_link(&draft, file).map_err(wrong)?;
    std::fs::remove_file(&draft).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::PoolSize;
    use crate::services::testing::{app_in, empty_database, record_top_up};

    async fn small_books(url: &str) -> App {
        let app = app_in(url).await;
        record_top_up(&app, "1").await;
        app
    }

    async fn everything(db: &Db) -> Vec<String> {
        let mut all = Vec::new();
        for table in catalog::read().await.unwrap() {
            let sql = format!("SELECT {} FROM {} ORDER BY 1, 2", table.column_names(), table.name);
            for row in db::query(db.reader(), sql, vec![]).await.unwrap() {
                let kinds = table.columns.iter().enumerate();
                let cells: Vec<Value> =
                    kinds.map(|(index, column)| value(&row, index, column.kind).unwrap()).collect();
                all.push(format!("{} {cells:?}", table.name));
            }
        }
        all
    }

    #[tokio::test]
    async fn a_copy_holds_everything_and_only_an_empty_database_is_copied_to() {
        let ((_a, from), (_b, to)) = (empty_database(), empty_database());
        let source = small_books(&from).await;
        let target = Db::connect(&to, PoolSize::default()).await.unwrap();
        let copied = copy(&source.db, &target).await.unwrap();
        let rows = |table: &str| copied.iter().find(|copied| copied.table == table).unwrap().rows;
        assert_eq!((rows("partner"), rows("account"), rows("line"), rows("balance")), (1, 2, 1, 1));
        assert_eq!(everything(&target).await, everything(&source.db).await);
        let again = copy(&source.db, &target).await.unwrap_err();
        assert!(matches!(again, CopyError::NotEmpty { .. }), "{again}");
    }

    #[tokio::test]
    async fn a_backup_is_whole_and_overwrites_nothing() {
        let (folder, url) = empty_database();
        let app = small_books(&url).await;
        let file = folder.0.join("backup.db");
        backup(&app, &file).await.unwrap();
        let copy = Db::connect(&format!("sqlite://{}", file.display()), PoolSize::default()).await.unwrap();
        assert_eq!(everything(&copy).await, everything(&app.db).await);
        assert!(matches!(backup(&app, &file).await, Err(CopyError::FileExists(_))));
    }
}
