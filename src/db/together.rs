//! Several queries in one statement: rows of unlike shapes, each marked with the query that it answers.
//!
//! Every statement costs a round trip, and handing its connection back to the pool costs another, since the pool asks
//! PostgreSQL whether the connection is well: for short queries that is more than the queries themselves. The columns of
//! all queries are laid into as few columns as their types allow.

use std::fmt::Write as _;
use std::sync::Arc;

use sea_orm::sea_query::ValueType;
use sea_orm::sqlx::{Decode, Postgres, Row as _, ValueRef};
use sea_orm::{DbErr, QueryResult, TryGetable, Value};
use tokio_postgres::types::FromSql;

use super::{Column, Db, query};

/// A row's values by the numbers of their columns.
pub trait Columns {
    fn column<T: TryGetable + ValueType>(&self, number: usize) -> Result<T, DbErr>;
}

impl Columns for QueryResult {
    fn column<T: TryGetable + ValueType>(&self, number: usize) -> Result<T, DbErr> {
        self.try_get_by_index(number)
    }
}

/// What a query selects: expressions in SQL with their types.
pub type Selected = [(&'static str, Column)];

/// The expressions as they stand after SELECT.
pub fn select_list(selected: &Selected) -> String {
    selected.iter().map(|(expression, _)| *expression).collect::<Vec<_>>().join(", ")
}

/// One of the queries.
#[derive(Debug)]
pub struct Query {
    /// With `$1`, ... for `values`.
    pub sql: String,
    pub values: Vec<Value>,
    /// The types of its columns, in their order.
    pub columns: Vec<Column>,
}

/// Queries that are asked together.
#[derive(Debug)]
pub struct Together {
    common: String,
    values: Vec<Value>,
    queries: Vec<Query>,
}

/// A row of one of the queries, with its columns as that query has them.
#[derive(Debug)]
pub struct Answer {
    row: Row,
    places: Arc<[Place]>,
}

/// Where a column of a query stands among those that all queries share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    column: Column,
    index: usize,
}

impl Columns for Answer {
    fn column<T: TryGetable + ValueType>(&self, number: usize) -> Result<T, DbErr> {
        let place = self.places.get(number);
        let Place { column, index } =
            *place.ok_or_else(|| DbErr::Type(format!("a query has no column {number}")))?;
        let row = &self.row;
        let value = match column {
            Column::Uuid | Column::UuidOrNull => Value::Uuid(row.cell(index)?),
            Column::Text | Column::TextOrNull => Value::String(row.cell(index)?),
            Column::Int | Column::IntOrNull => Value::Int(row.cell(index)?),
            Column::BigInt | Column::BigIntOrNull => Value::BigInt(row.cell(index)?),
            Column::Bool => Value::Bool(row.cell(index)?),
        };
        <T as ValueType>::try_from(value).map_err(|_| {
            DbErr::Type(format!("column {number} of a query is not a {}", <T as ValueType>::type_name()))
        })
    }
}

/// A row of the one statement, by what brought it.
#[derive(Debug)]
enum Row {
    Pooled(QueryResult),
    Pipelined(tokio_postgres::Row),
}

impl Row {
    fn cell<T>(&self, index: usize) -> Result<Option<T>, DbErr>
    where
        T: TryGetable + for<'r> Decode<'r, Postgres> + for<'r> FromSql<'r>,
    {
        let unreadable = |error: &dyn std::fmt::Display| DbErr::Type(format!("column {index}: {error}"));
        let row = match self {
            Row::Pipelined(row) => return row.try_get(index).map_err(|error| unreadable(&error)),
            Row::Pooled(row) => row,
        };
        let Some(row) = row.try_as_pg_row() else { return row.try_get_by_index(index) };
        // The statement itself names the type: comparing it with the column's would take longer than reading the value.
        let value = row.try_get_raw(index).map_err(|error| unreadable(&error))?;
        if value.is_null() {
            return Ok(None);
        }
        T::decode(value).map(Some).map_err(|error| unreadable(&error))
    }
}

/// Which of the queries a row answers stands before their columns.
const FIRST_PLACE: usize = 1;

impl Together {
    /// Begins with common tables that all queries may read: `a AS (...), b AS (...)`, with `$1`, ... for `values`.
    pub fn new(common: &str, values: Vec<Value>) -> Together {
        Together { common: common.to_owned(), values, queries: Vec::new() }
    }

    /// Adds a query; answers its number.
    pub fn add(&mut self, query: Query) -> usize {
        self.queries.push(query);
        self.queries.len() - 1
    }

    /// Asks all of them; the rows of each query stand under its number, in no certain order.
    pub async fn run(self, db: &Db) -> Result<Vec<Vec<Answer>>, DbErr> {
        let mut found: Vec<Vec<Answer>> = self.queries.iter().map(|_| Vec::new()).collect();
        let layout = Layout::of(&self.queries);
        let (sql, values) = self.laid_out(&layout);
        let rows: Vec<Row> = match db.pipelined(&sql, &values).await {
            Some(rows) => rows.into_iter().map(Row::Pipelined).collect(),
            None => query(db.reader(), sql, values).await?.into_iter().map(Row::Pooled).collect(),
        };
        for row in rows {
            let number: Option<i32> = row.cell(0)?;
            let number = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX);
            if let (Some(rows), Some(places)) = (found.get_mut(number), layout.places.get(number)) {
                rows.push(Answer { row, places: places.clone() });
            }
        }
        Ok(found)
    }

    /// The one statement, with its values.
    pub fn into_statement(self) -> (String, Vec<Value>) {
        let layout = Layout::of(&self.queries);
        self.laid_out(&layout)
    }

    fn laid_out(self, layout: &Layout) -> (String, Vec<Value>) {
        let (mut sql, mut values) = (format!("WITH {}", self.common), self.values);
        let mut selects = String::new();
        for (number, (query, places)) in self.queries.into_iter().zip(&layout.places).enumerate() {
            let names: Vec<String> = (0..query.columns.len()).map(|column| format!("c{column}")).collect();
            let names = names.join(", ");
            let _ = write!(sql, ", q{number} ({names}) AS ({})", renumbered(&query.sql, values.len()));
            values.extend(query.values);
            let union = if number == 0 { "" } else { " UNION ALL " };
            let _ = write!(selects, "{union}SELECT {number}");
            for (place, shared) in layout.shared.iter().enumerate() {
                let _ = match places.iter().position(|of_column| of_column.index == place + FIRST_PLACE) {
                    Some(column) => write!(selects, ", c{column}"),
                    // The first query says what types the columns have.
                    None if number == 0 => write!(selects, ", CAST(NULL AS {})", shared.type_name()),
                    None => write!(selects, ", NULL"),
                };
            }
            let _ = write!(selects, " FROM q{number}");
        }
        (format!("{sql} {selects}"), values)
    }
}

/// Which columns the queries share, and where the columns of each stand among them.
#[derive(Debug)]
struct Layout {
    /// As many of each type as the query has that needs the most of them.
    shared: Vec<Column>,
    places: Vec<Arc<[Place]>>,
}

impl Layout {
    fn of(queries: &[Query]) -> Layout {
        let mut shared: Vec<Column> = Vec::new();
        for query in queries {
            for column in &query.columns {
                let needed = query.columns.iter().filter(|other| *other == column).count();
                let there = shared.iter().filter(|other| *other == column).count();
                shared.extend(std::iter::repeat_n(*column, needed.saturating_sub(there)));
            }
        }
        let places = queries.iter().map(|query| places(&query.columns, &shared).into()).collect();
        Layout { shared, places }
    }
}

/// Where the columns of a query stand: each at the first place of its type that is still free.
fn places(columns: &[Column], shared: &[Column]) -> Vec<Place> {
    let mut taken = vec![false; shared.len()];
    let place = |column: &Column| {
        let free = (0..shared.len()).find(|place| !taken[*place] && shared[*place] == *column);
        let place = free.unwrap_or(shared.len());
        if let Some(taken) = taken.get_mut(place) {
            *taken = true;
        }
        Place { column: *column, index: place + FIRST_PLACE }
    };
    columns.iter().map(place).collect()
}

/// The same with `$1` called `$1 + by`, and so on.
fn renumbered(sql: &str, by: usize) -> String {
    let mut parts = sql.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let number = part[..digits].parse::<usize>().map_or(0, |number| number + by);
        let _ = write!(text, "${number}{}", &part[digits..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(sql: &str, values: Vec<Value>, columns: &[Column]) -> Query {
        Query { sql: sql.to_owned(), values, columns: columns.to_vec() }
    }

    #[test]
    fn queries_share_columns_by_type_and_keep_their_own_parameters() {
        let mut together = Together::new("me AS (SELECT $1 AS id)", vec!["me".into()]);
        together.add(query("SELECT a, b FROM x WHERE c = $1", vec![1.into()], &[Column::Int, Column::Text]));
        together.add(query(
            "SELECT d, e FROM y LIMIT $2 OFFSET $1",
            vec![2.into(), 3.into()],
            &[Column::Text; 2],
        ));
        let layout = Layout::of(&together.queries);
        assert_eq!(layout.shared, [Column::Int, Column::Text, Column::Text]);
        let indices: Vec<_> = layout.places[1].iter().map(|place| place.index).collect();
        assert_eq!(indices, [2, 3], "an int stands before them");
        let (sql, values) = together.into_statement();
        assert_eq!(
            sql,
            "WITH me AS (SELECT $1 AS id), q0 (c0, c1) AS (SELECT a, b FROM x WHERE c = $2), \
             q1 (c0, c1) AS (SELECT d, e FROM y LIMIT $4 OFFSET $3) \
             SELECT 0, c0, c1, CAST(NULL AS text) FROM q0 UNION ALL SELECT 1, NULL, c0, c1 FROM q1"
        );
        assert_eq!(values, vec!["me".into(), 1.into(), 2.into(), 3.into()]);
    }
}
