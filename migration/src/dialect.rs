//! What little the two databases spell differently, so that a step is written once.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

const BY_PERIOD_ON_POSTGRES: &str =
    "USING brin (settle_period) WITH (pages_per_range = 32, autosummarize = on)";

/// Runs a text of statements. `{text}` is a text compared byte by byte, `{bytes}` a byte string, and `{clustered}`
/// ends a table whose rows lie in the order of their primary key where the database offers that. `{by_period}` is the key
/// of an index that finds the rows of some periods, of all partners, in a table that grows with the periods: on
/// PostgreSQL one entry for many pages, which costs a row next to nothing. UUID and BIGINT are read by SQLite as it
/// likes: a UUID is kept as its 16 bytes.
pub async fn run(manager: &SchemaManager<'_>, statements: &str) -> Result<(), DbErr> {
    let (text, bytes, clustered, by_period) = match manager.get_database_backend() {
        DbBackend::Postgres => ("TEXT COLLATE \"C\"", "BYTEA", "", BY_PERIOD_ON_POSTGRES),
        _ => ("TEXT", "BLOB", " WITHOUT ROWID", "(settle_period, partner_id)"),
    };
    let statements = statements
        .replace("{text}", text)
        .replace("{bytes}", bytes)
        .replace("{clustered}", clustered)
        .replace("{by_period}", by_period);
    manager.get_connection().execute_unprepared(&statements).await?;
    Ok(())
}

/// Makes what gives rising numbers to many transactions at once: a sequence; on SQLite, where one writes at a time, a
/// table of one row. It counts from 1.
pub async fn sequence(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DbBackend::Postgres => format!("CREATE SEQUENCE {name}"),
        _ => format!("CREATE TABLE {name} (last_value BIGINT NOT NULL); INSERT INTO {name} VALUES (0)"),
    };
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

/// Makes the database refuse the ways round [`append_only`]: emptying the table on PostgreSQL, and on SQLite an INSERT OR
/// REPLACE, which deletes without a trigger's being asked.
pub async fn never_replaced(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DbBackend::Postgres => format!(
            "CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table}
               FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();"
        ),
        _ => format!(
            "CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
               WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
               BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
        ),
    };
    manager.get_connection().execute_unprepared(&statements).await?;
    Ok(())
}
