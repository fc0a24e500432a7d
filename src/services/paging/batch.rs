//! The same page of many lists by one statement: what a hundred parents ask for alike, each of its own.
//!
//! Lists are alike where they differ in nothing but `$1`, the id of what they belong to.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::{Cursor, List, Page, PageRequest, order, place_of};
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::services::error::ServiceError;

/// The rows of a page, to be read by whoever asked for it.
pub type PageOfRows = Arc<Page<QueryResult>>;

/// A page of a list, or its count, that may be looked up together with those of lists that are alike.
#[derive(Clone, Debug)]
pub struct ListKey {
    list: List,
    /// None asks for the count.
    request: Option<PageRequest>,
    shape: String,
    parent: Uuid,
}

impl ListKey {
    /// None for a list that belongs to nothing.
    pub fn new(list: &List, request: Option<PageRequest>) -> Option<ListKey> {
        Some(ListKey { parent: list.parent()?, shape: list.shape(), list: list.clone(), request })
    }

    fn same(&self) -> (&str, Option<PageRequest>, Uuid) {
        (&self.shape, self.request, self.parent)
    }
}

impl PartialEq for ListKey {
    fn eq(&self, other: &ListKey) -> bool {
        self.same() == other.same()
    }
}

impl Eq for ListKey {}

impl Hash for ListKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.same().hash(state);
    }
}

/// Lists that are alike, with what is asked of each.
fn alike(keys: &[ListKey]) -> Vec<Vec<&ListKey>> {
    let mut groups: HashMap<(&str, Option<PageRequest>), Vec<&ListKey>> = HashMap::new();
    for key in keys {
        groups.entry((&key.shape, key.request)).or_default().push(key);
    }
    groups.into_values().collect()
}

/// The pages that are asked for, by as many statements as there are kinds of lists.
pub async fn pages(app: App, keys: Vec<ListKey>) -> Result<HashMap<ListKey, PageOfRows>, ServiceError> {
    let mut found = HashMap::with_capacity(keys.len());
    for group in alike(&keys) {
        let Some((first, request)) = group.first().and_then(|first| Some((first, first.request?))) else {
            continue;
        };
        let parents: Vec<Uuid> = group.iter().map(|key| key.parent).collect();
        let mut pages = first.list.pages_of(app.db.reader(), &parents, &request).await?;
        for key in group {
            if let Some(page) = pages.remove(&key.parent) {
                found.insert(key.clone(), Arc::new(page));
            }
        }
    }
    Ok(found)
}

/// The counts that are asked for.
pub async fn counts(app: App, keys: Vec<ListKey>) -> Result<HashMap<ListKey, u64>, ServiceError> {
    let mut found = HashMap::with_capacity(keys.len());
    for group in alike(&keys) {
        let parents: Vec<Uuid> = group.iter().map(|key| key.parent).collect();
        let Some(first) = group.first() else { continue };
        let counts = first.list.counts_of(app.db.reader(), &parents).await?;
        let of = |key: &&ListKey| Some(((*key).clone(), *counts.get(&key.parent)?));
        found.extend(group.iter().filter_map(of));
    }
    Ok(found)
}

/// How many SELECTs SQLite is given in one statement.
const SQLITE_SELECTS: usize = 100;

impl List {
    /// What the list belongs to, where `$1` is an id.
    pub fn parent(&self) -> Option<Uuid> {
        match self.values.first() {
            Some(Value::Uuid(id)) => *id,
            _ => None,
        }
    }

    /// The same text for lists that are alike.
    pub fn shape(&self) -> String {
        let List { columns, from, condition, values, key, id, is_descending } = self;
        format!("{columns} {from} {condition} {:?} {key} {id} {is_descending}", values.get(1..))
    }

    /// The rows of a page of each of the lists that are like this one, by what they belong to.
    pub async fn pages_of(
        &self,
        db: &impl ConnectionTrait,
        parents: &[Uuid],
        request: &PageRequest,
    ) -> Result<HashMap<Uuid, Page<QueryResult>>, DbErr> {
        let (sql, values) = self.select(request);
        if let [parent] = parents {
            let page = self.page_rows(db, request, db::query(db, sql, values).await?).await?;
            return Ok(HashMap::from([(*parent, page)]));
        }
        let mut pages = for_each_parent(db, parents, &sql, &values).await?;
        let beyond = (
            self.beyond(db, parents, request.after, "<=").await?,
            self.beyond(db, parents, request.before, ">=").await?,
        );
        let page = |parent: &Uuid| {
            let mut items = placed(pages.remove(parent).unwrap_or_default())?;
            order(&mut items, self.is_descending != request.is_backwards);
            let (after, before) = (beyond.0.contains_key(parent), beyond.1.contains_key(parent));
            Ok((*parent, Page::of(items, request, after, before)))
        };
        parents.iter().map(page).collect()
    }

    async fn page_rows(
        &self,
        db: &impl ConnectionTrait,
        request: &PageRequest,
        rows: Vec<QueryResult>,
    ) -> Result<Page<QueryResult>, DbErr> {
        let beyond_after = self.exists(db, request.after, "<=").await?;
        let beyond_before = self.exists(db, request.before, ">=").await?;
        Ok(Page::of(placed(rows)?, request, beyond_after, beyond_before))
    }

    /// How many items each of the lists has that are like this one.
    pub async fn counts_of(
        &self,
        db: &impl ConnectionTrait,
        parents: &[Uuid],
    ) -> Result<HashMap<Uuid, u64>, DbErr> {
        let sql = format!("(SELECT COUNT(*) FROM {} WHERE {})", self.from, self.condition);
        let sql = format!("WITH {{rows}} SELECT v.parent, {} FROM v", with_parent(&sql, "v.parent"));
        let values = self.values.get(1..).unwrap_or_default().to_vec();
        let rows = rows_of(parents).query(db, &sql, values).await?;
        let counts = rows.iter().map(|row| {
            let count: i64 = row.try_get_by_index(1)?;
            Ok((row.try_get_by_index(0)?, u64::try_from(count).unwrap_or(0)))
        });
        counts.collect()
    }

    /// The parents whose lists have an item on the far side of a cursor.
    async fn beyond(
        &self,
        db: &impl ConnectionTrait,
        parents: &[Uuid],
        cursor: Option<Cursor>,
        sign: &'static str,
    ) -> Result<HashMap<Uuid, ()>, DbErr> {
        let Some(cursor) = cursor else { return Ok(HashMap::new()) };
        let mut values = self.values.clone();
        let compare = self.compare(&mut values, cursor, sign);
        let sql = format!("SELECT 1 FROM {} WHERE {} AND {compare}", self.from, self.condition);
        let sql =
            format!("WITH {{rows}} SELECT v.parent FROM v WHERE EXISTS ({})", with_parent(&sql, "v.parent"));
        let rows = rows_of(parents).query(db, &sql, values.split_off(1)).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, ()))).collect()
    }
}

fn placed(rows: Vec<QueryResult>) -> Result<Vec<(Cursor, QueryResult)>, DbErr> {
    rows.into_iter().map(|row| Ok((place_of(&row)?, row))).collect()
}

fn rows_of(parents: &[Uuid]) -> Rows {
    Rows::of(&[("parent", Column::Uuid)], parents.iter().map(|id| Value::from(*id)))
}

/// What a SELECT answers for each of some parents, whose id is its `$1`; those for whom it has nothing are not there.
/// The rows of one parent come in any order.
pub async fn for_each_parent(
    db: &impl ConnectionTrait,
    parents: &[Uuid],
    sql: &str,
    values: &[Value],
) -> Result<HashMap<Uuid, Vec<QueryResult>>, DbErr> {
    let rows = match db.get_database_backend() {
        DbBackend::Postgres => lateral(db, parents, sql, values).await?,
        _ => one_after_another(db, parents, sql, values).await?,
    };
    let mut found: HashMap<Uuid, Vec<QueryResult>> = HashMap::new();
    for row in rows {
        found.entry(row.try_get("", "page_parent")?).or_default().push(row);
    }
    Ok(found)
}

async fn lateral(
    db: &impl ConnectionTrait,
    parents: &[Uuid],
    sql: &str,
    values: &[Value],
) -> Result<Vec<QueryResult>, DbErr> {
    let page = with_parent(sql, "v.parent");
    let sql =
        format!("WITH {{rows}} SELECT x.*, v.parent AS page_parent FROM v CROSS JOIN LATERAL ({page}) AS x");
    rows_of(parents).query(db, &sql, values.get(1..).unwrap_or_default().to_vec()).await
}

/// SQLite has no LATERAL: a SELECT a parent, joined by UNION ALL.
async fn one_after_another(
    db: &impl ConnectionTrait,
    parents: &[Uuid],
    sql: &str,
    values: &[Value],
) -> Result<Vec<QueryResult>, DbErr> {
    let mut rows = Vec::new();
    for parents in parents.chunks(SQLITE_SELECTS) {
        let mut bound = values.get(1..).unwrap_or_default().to_vec();
        let selects = parents.iter().map(|parent| {
            bound.push((*parent).into());
            let number = format!("${}", bound.len());
            format!("SELECT x.*, {number} AS page_parent FROM ({}) AS x", with_parent(sql, &number))
        });
        let sql = selects.collect::<Vec<_>>().join(" UNION ALL ");
        rows.extend(db.query_all_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, bound)).await?);
    }
    Ok(rows)
}

/// Writes the parent for `$1`, and `$1`, `$2`, ... for the values after it.
fn with_parent(sql: &str, parent: &str) -> String {
    let mut parts = sql.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        match part[..digits].parse::<usize>() {
            Ok(number) if number > 1 => text.push_str(&format!("${}", number - 1)),
            _ => text.push_str(parent),
        }
        text.push_str(&part[digits..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_stands_where_its_value_was_and_the_rest_move_up() {
        let sql = "a = $1 AND b = $2 AND c IN ($10, $1) LIMIT $3";
        assert_eq!(with_parent(sql, "v.parent"), "a = v.parent AND b = $1 AND c IN ($9, v.parent) LIMIT $2");
    }
}
