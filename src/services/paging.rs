//! Pages of lists by keyset: a page begins where another ended, never after so many rows.

pub mod batch;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Value};
use uuid::Uuid;

use crate::db::{self, Answer, Column, Columns, Query, Selected, Together, select_list};

/// What can be read from a row by the names of its columns.
pub use sea_orm::FromQueryResult as FromRow;

/// The place of an item in a list: the number it is ordered by, then its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub key: i64,
    pub id: Uuid,
}

impl Cursor {
    /// An opaque text.
    pub fn encode(self) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.key.to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None` for what [`Cursor::encode`] never made.
    pub fn decode(text: &str) -> Option<Cursor> {
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (key, id) = bytes.split_first_chunk::<8>()?;
        Some(Cursor { key: i64::from_be_bytes(*key), id: Uuid::from_slice(id).ok()? })
    }
}

/// Which part of a list is asked for: the first `size` items after and before the cursors, or the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    pub size: u32,
    pub is_backwards: bool,
    pub after: Option<Cursor>,
    pub before: Option<Cursor>,
}

/// A page in the list's order.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<(Cursor, T)>,
    pub has_previous: bool,
    pub has_next: bool,
}

impl<T> Page<T> {
    /// Of a list without items.
    pub fn empty() -> Page<T> {
        Page { items: Vec::new(), has_previous: false, has_next: false }
    }

    /// A page from the items that were read, one more than it holds if there are so many, in the order of reading.
    fn of(
        mut items: Vec<(Cursor, T)>,
        request: &PageRequest,
        beyond_after: bool,
        beyond_before: bool,
    ) -> Page<T> {
        let size = usize::try_from(request.size).unwrap_or(usize::MAX);
        let goes_on = items.len() > size;
        items.truncate(size);
        if request.is_backwards {
            items.reverse();
        }
        let (has_previous, has_next) = match request.is_backwards {
            true => (goes_on || beyond_after, beyond_before),
            false => (beyond_after, goes_on || beyond_before),
        };
        Page { items, has_previous, has_next }
    }

    /// The same page of what each item becomes.
    pub fn map<U>(self, make: impl Fn(T) -> U) -> Page<U> {
        let Page { items, has_previous, has_next } = self;
        let items = items.into_iter().map(|(cursor, item)| (cursor, make(item))).collect();
        Page { items, has_previous, has_next }
    }

    /// The same page of what each item becomes, if all of them do.
    pub fn try_map<U, E>(self, make: impl Fn(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let Page { items, has_previous, has_next } = self;
        let items = items.into_iter().map(|(cursor, item)| Ok((cursor, make(item)?)));
        Ok(Page { items: items.collect::<Result<_, E>>()?, has_previous, has_next })
    }
}

/// Where the columns of an item begin in its row: before them stand its key and its id.
pub const FIRST_COLUMN: usize = 2;

/// The columns of key and id.
const PLACE: [Column; FIRST_COLUMN] = [Column::BigInt, Column::Uuid];

fn place_of(row: &impl Columns) -> Result<Cursor, DbErr> {
    Ok(Cursor { key: row.column(0)?, id: row.column(1)? })
}

/// A page that was asked for together with other queries, by their numbers.
#[derive(Debug)]
pub struct AskedPage {
    request: PageRequest,
    is_descending: bool,
    items: usize,
    /// Whether there is something beyond the cursors.
    beyond: [Option<usize>; 2],
}

impl AskedPage {
    /// The page from what all queries answered; an item is read from its row, from the first of its columns on.
    pub fn read<T>(
        &self,
        found: &[Vec<Answer>],
        read: impl Fn(&Answer, usize) -> Result<T, DbErr>,
    ) -> Result<Page<T>, DbErr> {
        let rows = |number| found.get(number).map_or(&[][..], Vec::as_slice);
        let items = rows(self.items).iter().map(|row| Ok((place_of(row)?, read(row, FIRST_COLUMN)?)));
        let mut items = items.collect::<Result<Vec<_>, DbErr>>()?;
        order(&mut items, self.is_descending != self.request.is_backwards);
        let [after, before] = self.beyond.map(|number| number.is_some_and(|number| !rows(number).is_empty()));
        Ok(Page::of(items, &self.request, after, before))
    }
}

/// In the order of a list, for rows that came in none.
fn order<T>(items: &mut [(Cursor, T)], is_descending: bool) {
    items.sort_unstable_by_key(|(cursor, _)| (cursor.key, cursor.id));
    if is_descending {
        items.reverse();
    }
}

/// A list as SQL says it. Every list has an index that begins with what `condition` fixes and goes on with key and id.
#[derive(Clone, Debug)]
pub struct List {
    /// What a row answers: `l.*`.
    pub columns: &'static str,
    /// `line l`, with what is joined to it.
    pub from: String,
    /// What must hold, with `$1`, ... for `values`.
    pub condition: String,
    pub values: Vec<Value>,
    /// The whole number that the list is ordered by: `l.occurred_at`. Never null.
    pub key: &'static str,
    /// What orders items of one key: `l.id`.
    pub id: &'static str,
    /// Whether the list begins with the highest key.
    pub is_descending: bool,
}

impl List {
    /// Reads a page.
    pub async fn page<T: FromQueryResult>(
        &self,
        db: &impl ConnectionTrait,
        request: &PageRequest,
    ) -> Result<Page<T>, DbErr> {
        let (sql, values) = self.select(request);
        let rows = db::query(db, sql, values).await?;
        let items = rows.iter().map(|row| Ok((place_of(row)?, T::from_query_result(row, "")?)));
        let items = items.collect::<Result<Vec<_>, DbErr>>()?;
        // Beyond a cursor lies at least the item it was taken from, unless that is gone.
        let beyond_after = self.exists(db, request.after, "<=").await?;
        let beyond_before = self.exists(db, request.before, ">=").await?;
        Ok(Page::of(items, request, beyond_after, beyond_before))
    }

    /// Asks for a page together with other queries; its items are `selected`.
    pub fn ask(&self, together: &mut Together, request: PageRequest, selected: &Selected) -> AskedPage {
        let (sql, values) = self.select_columns(&select_list(selected), &request);
        let columns = PLACE.into_iter().chain(selected.iter().map(|(_, column)| *column)).collect();
        let items = together.add(Query { sql, values, columns });
        let beyond = [(request.after, "<="), (request.before, ">=")].map(|(cursor, sign)| {
            let (sql, values) = self.select_beyond(cursor?, sign);
            Some(together.add(Query { sql, values, columns: vec![Column::Int] }))
        });
        AskedPage { request, is_descending: self.is_descending, items, beyond }
    }

    /// Counts the whole list.
    pub async fn count(&self, db: &impl ConnectionTrait) -> Result<u64, DbErr> {
        let sql = format!("SELECT COUNT(*) FROM {} WHERE {}", self.from, self.condition);
        let row = db::query_one(db, sql, self.values.clone()).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The statement of a page: one more than it holds, from the end that it is read from.
    pub fn select(&self, request: &PageRequest) -> (String, Vec<Value>) {
        self.select_columns(self.columns, request)
    }

    fn select_columns(&self, columns: &str, request: &PageRequest) -> (String, Vec<Value>) {
        let List { from, condition, key, id, .. } = self;
        let mut sql = format!(
            "SELECT CAST({key} AS BIGINT) AS page_key, {id} AS page_id, {columns} FROM {from} WHERE {condition}"
        );
        let mut values = self.values.clone();
        for (cursor, sign) in [(request.after, ">"), (request.before, "<")] {
            if let Some(cursor) = cursor {
                sql.push_str(" AND ");
                sql.push_str(&self.compare(&mut values, cursor, sign));
            }
        }
        let direction = if self.is_descending == request.is_backwards { "ASC" } else { "DESC" };
        values.push(Value::from(i64::from(request.size) + 1));
        let limit = values.len();
        sql.push_str(&format!(" ORDER BY {key} {direction}, {id} {direction} LIMIT ${limit}"));
        (sql, values)
    }

    async fn exists(
        &self,
        db: &impl ConnectionTrait,
        cursor: Option<Cursor>,
        sign: &'static str,
    ) -> Result<bool, DbErr> {
        let Some(cursor) = cursor else { return Ok(false) };
        let (sql, values) = self.select_beyond(cursor, sign);
        Ok(db::query_one(db, sql, values).await?.is_some())
    }

    /// A row if an item lies on that side of the cursor, the cursor's own included.
    fn select_beyond(&self, cursor: Cursor, sign: &'static str) -> (String, Vec<Value>) {
        let mut values = self.values.clone();
        let compare = self.compare(&mut values, cursor, sign);
        let sql = format!("SELECT 1 FROM {} WHERE {} AND {compare} LIMIT 1", self.from, self.condition);
        (sql, values)
    }

    /// `sign` is in the list's order: `>` is after.
    fn compare(&self, values: &mut Vec<Value>, cursor: Cursor, sign: &'static str) -> String {
        let sign = match (self.is_descending, sign) {
            (true, ">") => "<",
            (true, "<") => ">",
            (true, "<=") => ">=",
            (true, ">=") => "<=",
            (_, sign) => sign,
        };
        values.push(cursor.key.into());
        values.push(cursor.id.into());
        let (key, id) = (values.len() - 1, values.len());
        format!("({}, {}) {sign} (${key}, ${id})", self.key, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_as_it_was_written() {
        for key in [0, 1, -1, i64::MAX, i64::MIN] {
            let cursor = Cursor { key, id: Uuid::from_u128(7) };
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
        let good = Cursor { key: 1, id: Uuid::nil() }.encode();
        for text in ["", "1", &good[1..], &format!("{good}AAAA"), "not base64!"] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }
}
