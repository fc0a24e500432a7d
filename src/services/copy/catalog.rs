//! Which tables there are, with their columns, in an order in which every row finds what it refers to.
//!
//! The schema is one text for both databases, so it is asked of one in memory that has just been migrated: a table that
//! a later step adds is copied without being named here.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::CopyError;
use crate::db;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Uuid,
    Text,
    Int,
    BigInt,
    Bool,
    Bytes,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// The tables it refers to.
    parents: Vec<String>,
    /// The column by which its rows refer to one another.
    refers_to_itself_by: Option<String>,
}

impl Table {
    /// Quoted: a word that one of the databases keeps for itself may be a column's name.
    pub fn column_names(&self) -> String {
        let names = self.columns.iter().map(|column| format!("\"{}\"", column.name));
        names.collect::<Vec<_>>().join(", ")
    }

    /// The conditions under which the rows are taken one after another: those that others refer to come first. A refund
    /// refers to a top-up and nothing to a refund, so two passes are enough.
    pub fn passes(&self) -> Vec<String> {
        match &self.refers_to_itself_by {
            Some(column) => {
                ["IS NULL", "IS NOT NULL"].map(|which| format!(" WHERE {column} {which}")).to_vec()
            }
            None => vec![String::new()],
        }
    }
}

/// All tables but the one of the migrations themselves, and the one that stands for a sequence.
pub async fn read() -> Result<Vec<Table>, CopyError> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    let memory = Database::connect(options).await?;
    Migrator::up(&memory, None).await?;
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
               AND name NOT IN ('seaql_migrations', 'change_number') ORDER BY name";
    let mut tables = Vec::new();
    for row in db::query(&memory, sql, vec![]).await? {
        tables.push(table(&memory, row.try_get_by_index(0)?).await?);
    }
    memory.close().await?;
    in_order(tables)
}

async fn table(memory: &DatabaseConnection, name: String) -> Result<Table, CopyError> {
    let sql = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid";
    let mut columns = Vec::new();
    for row in db::query(memory, sql, vec![name.as_str().into()]).await? {
        let (column, declared): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let kind = kind(&declared)
            .ok_or_else(|| CopyError::Catalog(format!("{name}.{column} has the unknown type {declared}")))?;
        columns.push(Column { name: column, kind });
    }
    let sql = "SELECT \"table\", \"from\" FROM pragma_foreign_key_list($1)";
    let keys = db::query(memory, sql, vec![name.as_str().into()]).await?;
    let keys = keys.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
    let keys = keys.collect::<Result<Vec<(String, String)>, DbErr>>()?;
    let (own, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(|(parent, _)| *parent == name);
    Ok(Table {
        parents: others.into_iter().map(|(parent, _)| parent).collect(),
        refers_to_itself_by: own.into_iter().next().map(|(_, column)| column),
        name,
        columns,
    })
}

fn kind(declared: &str) -> Option<Kind> {
    Some(match declared {
        "UUID" => Kind::Uuid,
        "TEXT" => Kind::Text,
        "INTEGER" => Kind::Int,
        "BIGINT" => Kind::BigInt,
        "BOOLEAN" => Kind::Bool,
        "BLOB" => Kind::Bytes,
        _ => return None,
    })
}

/// Parents before children.
fn in_order(mut waiting: Vec<Table>) -> Result<Vec<Table>, CopyError> {
    let mut ordered: Vec<Table> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_ready = |table: &Table| {
            table.parents.iter().all(|parent| ordered.iter().any(|done| done.name == *parent))
        };
        let (ready, rest): (Vec<Table>, Vec<Table>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            return Err(CopyError::Catalog("tables refer to each other in a circle".to_owned()));
        }
        ordered.extend(ready);
        waiting = rest;
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_table_comes_after_those_it_refers_to() {
        let tables = read().await.unwrap();
        let place = |name: &str| tables.iter().position(|table| table.name == name);
        for table in &tables {
            for parent in &table.parents {
                assert!(place(parent) < place(&table.name), "{parent} before {}", table.name);
            }
        }
        assert!(place("line").is_some() && place("seaql_migrations").is_none());
    }
}
