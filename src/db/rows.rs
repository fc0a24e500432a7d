//! Many rows in one statement, on either database.

use std::fmt::Write as _;

use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::execute;

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
    /// As SQL calls it.
    pub(super) fn type_name(self) -> &'static str {
        self.on_postgres().1
    }

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
pub(super) const POSTGRES_LENGTH: usize = 5_000;

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
