//! Lists by the Relay specification: edges and cursors, both ways, a page of 1 to 100.

use async_graphql::{Context, Object, ObjectType, SimpleObject, TypeName};
use futures_util::future::BoxFuture;

use super::error::{Failure, Result};
use super::in_place::InPlace;
use super::request::{app, loaders};
use crate::services::listing;
use crate::services::paging::batch::ListKey;
use crate::services::paging::{Cursor, FromRow, List, Page, PageRequest};

/// The longest page.
pub const MAX_PAGE: i32 = 100;

/// Reads the arguments of a connection.
///
/// # Errors
/// BAD_USER_INPUT unless exactly one of first and last is given, from 1 to 100, and every cursor is one of ours.
pub fn page_request(
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<PageRequest> {
    let (size, is_backwards) = match (first, last) {
        (Some(first), None) => (first, false),
        (None, Some(last)) => (last, true),
        (None, None) => return Err(Failure::bad_input("one of first and last is required")),
        (Some(_), Some(_)) => return Err(Failure::bad_input("only one of first and last can be given")),
    };
    let size = u32::try_from(size).ok().filter(|_| (1..=MAX_PAGE).contains(&size));
    let size = size.ok_or_else(|| Failure::bad_input(format!("a page has 1 to {MAX_PAGE} items")))?;
    Ok(PageRequest { size, is_backwards, after: cursor(after)?, before: cursor(before)? })
}

fn cursor(text: Option<String>) -> Result<Option<Cursor>> {
    let Some(text) = text else { return Ok(None) };
    match Cursor::decode(&text) {
        Some(cursor) => Ok(Some(cursor)),
        None => Err(Failure::bad_input("a cursor must be one that a page gave out")),
    }
}

/// A page of a list.
pub struct Connection<T> {
    edges: Vec<Edge<T>>,
    has_previous: bool,
    has_next: bool,
    /// What `totalCount` counts; nothing where there is nothing to find.
    list: Option<List>,
}

/// An item of a page with its place in the list.
pub struct Edge<T> {
    cursor: Cursor,
    node: T,
}

impl<T> Connection<T> {
    /// A page of a list; where many objects ask for the same page of a list of theirs, all by one statement.
    pub fn load<'a, M: FromRow + Send>(
        context: &'a Context<'_>,
        list: List,
        request: PageRequest,
        node: impl Fn(M) -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<Connection<T>>>
    where
        T: Send + 'a,
    {
        Box::pin(async move {
            let page = match ListKey::new(&list, Some(request)) {
                None => listing::page(app(context)?, &list, &request).await?,
                Some(key) => {
                    let rows = loaders(context)?.pages.get(key).await?;
                    rows.map_or_else(|| Ok(Page::empty()), |rows| listing::read_page(&rows))?
                }
            };
            Ok(Connection::of_list(page, list, node))
        })
    }

    /// A page of a list as its service found it.
    pub fn of_list<M>(page: Page<M>, list: List, node: impl Fn(M) -> T) -> Connection<T> {
        let edges = page.items.into_iter().map(|(cursor, item)| Edge { cursor, node: node(item) });
        Connection {
            edges: edges.collect(),
            has_previous: page.has_previous,
            has_next: page.has_next,
            list: Some(list),
        }
    }

    /// The page of a list that is known to be empty: its filter names what cannot be found.
    pub fn empty() -> Connection<T> {
        Connection { edges: Vec::new(), has_previous: false, has_next: false, list: None }
    }
}

impl<T: ObjectType> TypeName for Connection<T> {
    fn type_name() -> std::borrow::Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

impl<T: ObjectType> TypeName for Edge<T> {
    fn type_name() -> std::borrow::Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: ObjectType> Connection<T> {
    /// The items of the page in the list's order, each with its cursor.
    async fn edges(&self) -> Vec<InPlace<&Edge<T>>> {
        self.edges.iter().map(InPlace).collect()
    }

    /// What lies around the page.
    async fn page_info(&self) -> InPlace<PageInfo> {
        InPlace(PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.edges.first().map(|edge| edge.cursor.encode()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.encode()),
        })
    }

    /// How many items the whole list has, counted when this is asked.
    async fn total_count(&self, context: &Context<'_>) -> Result<i32> {
        let count = match &self.list {
            None => 0,
            Some(list) => match ListKey::new(list, None) {
                None => Box::pin(listing::count(app(context)?, list)).await?,
                Some(key) => loaders(context)?.counts.get(key).await?.unwrap_or(0),
            },
        };
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// An item of a page.
#[Object(name_type)]
impl<T: ObjectType> Edge<T> {
    /// The item.
    async fn node(&self) -> InPlace<&T> {
        InPlace(&self.node)
    }

    /// The item's place in the list, for `after` and `before`.
    async fn cursor(&self) -> String {
        self.cursor.encode()
    }
}

/// What lies around a page.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether the list has items after this page.
    pub has_next_page: bool,
    /// Whether the list has items before this page.
    pub has_previous_page: bool,
    /// The cursor of the page's first item.
    pub start_cursor: Option<String>,
    /// The cursor of the page's last item.
    pub end_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::code::Code;

    #[test]
    fn exactly_one_of_first_and_last_is_taken_from_1_to_100() {
        let page = |first, last| page_request(first, None, last, None);
        assert!(page(Some(1), None).is_ok_and(|page| page.size == 1 && !page.is_backwards));
        assert!(page(None, Some(100)).is_ok_and(|page| page.size == 100 && page.is_backwards));
        for (first, last) in
            [(None, None), (Some(1), Some(1)), (Some(0), None), (Some(101), None), (None, Some(-1))]
        {
            assert_eq!(page(first, last).unwrap_err().code(), Code::BadUserInput, "{first:?} {last:?}");
        }
    }

    #[test]
    fn a_cursor_that_was_not_given_out_is_bad_input() {
        for cursor in ["", "x", "null", "AAAA"] {
            let page = page_request(Some(1), Some(cursor.to_owned()), None, None);
            assert_eq!(page.unwrap_err().code(), Code::BadUserInput, "{cursor}");
        }
    }
}
