//! What little the two databases spell differently, so that a step is written once.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Runs a text of statements. `{text}` is a text compared byte by byte, `{bytes}` a byte string, and `{clustered}`
/// ends a table whose rows lie in the order of their primary key where the database offers that. UUID and BIGINT are
/// read by SQLite as it likes: a UUID is kept as its 16 bytes.
pub async fn run(manager: &SchemaManager<'_>, statements: &str) -> Result<(), DbErr> {
    let (text, bytes, clustered) = match manager.get_database_backend() {
        DbBackend::Postgres => ("TEXT COLLATE \"C\"", "BYTEA", ""),
        _ => ("TEXT", "BLOB", " WITHOUT ROWID"),
    };
    let statements =
        statements.replace("{text}", text).replace("{bytes}", bytes).replace("{clustered}", clustered);
    manager.get_connection().execute_unprepared(&statements).await?;
    Ok(())
}

/// Makes the database itself refuse to change or delete what is only ever added.
pub async fn append_only(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DbBackend::Postgres => format!(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
             CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
               FOR EACH ROW EXECUTE FUNCTION refuse_change();"
        ),
        _ => format!(
            "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
               BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
             CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
               BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
        ),
    };
    manager.get_connection().execute_unprepared(&statements).await?;
    Ok(())
}
