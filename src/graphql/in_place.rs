//! Objects whose fields are resolved where they stand.
//!
//! async-graphql puts each field of an object into an allocation of its own and then polls them all; where a page of
//! objects is already at hand, that is most of what answering costs. Here one allocation serves the fields of an object
//! in turn, and only a field that has to wait keeps it: those that wait go on side by side, so loaders batch as ever.

use std::borrow::Cow;
use std::pin::Pin;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_container;
use async_graphql::{ContextSelectionSet, Name, ObjectType, OutputType, Positioned, ServerResult, Value};
use futures_util::future::{poll_immediate, try_join_all};

/// An object that is resolved in place; in the schema it is the object itself.
#[derive(Clone, Debug)]
pub struct InPlace<T>(pub T);

impl<T: ObjectType> OutputType for InPlace<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let mut selected = Selected::new(context);
        if selected.collect::<T>(&context.item.node).is_none() {
            return Box::pin(resolve_container(context, &self.0)).await;
        }
        let Selected { fields, mut found, .. } = selected;
        let mut waiting = Vec::new();
        let mut place = None;
        for (index, field) in fields.into_iter().enumerate() {
            let mut resolving = put(&mut place, resolve_field(context, &self.0, field));
            match poll_immediate(resolving.as_mut()).await {
                Some(resolved) => {
                    found[index] = resolved?;
                    place = Some(resolving);
                }
                None => waiting.push((index, resolving)),
            }
        }
        let (indices, waiting): (Vec<usize>, Vec<_>) = waiting.into_iter().unzip();
        for (index, value) in indices.into_iter().zip(try_join_all(waiting).await?) {
            found[index] = value;
        }
        Ok(Value::Object(found))
    }
}

/// Puts the next field where the one before was, or where none was yet.
fn put<F: Future>(place: &mut Option<Pin<Box<F>>>, next: F) -> Pin<Box<F>> {
    match place.take() {
        None => Box::pin(next),
        Some(mut place) => {
            place.set(next);
            place
        }
    }
}

async fn resolve_field<T: ObjectType>(
    context: &ContextSelectionSet<'_>,
    object: &T,
    field: &Positioned<Field>,
) -> ServerResult<Value> {
    if field.node.name.node == "__typename" {
        return Ok(Value::String(T::type_name().into_owned()));
    }
    Ok(object.resolve_field(&context.with_field(field)).await?.unwrap_or_default())
}

/// What is selected of an object, with the fragments that apply to it laid open.
struct Selected<'c, 'a> {
    context: &'c ContextSelectionSet<'a>,
    fields: Vec<&'a Positioned<Field>>,
    /// A place for what each field comes to, in the same order.
    found: IndexMap<Name, Value>,
}

impl<'c, 'a> Selected<'c, 'a> {
    fn new(context: &'c ContextSelectionSet<'a>) -> Selected<'c, 'a> {
        let len = context.item.node.items.len();
        Selected { context, fields: Vec::with_capacity(len), found: IndexMap::with_capacity(len) }
    }

    /// None where only async-graphql knows what is meant: a key that stands twice, whose selections it merges, and a
    /// directive on a field.
    fn collect<T: OutputType>(&mut self, set: &'a SelectionSet) -> Option<()> {
        for selection in &set.items {
            let (condition, below) = match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.clone();
                    if !field.node.directives.is_empty() || self.found.insert(key, Value::Null).is_some() {
                        return None;
                    }
                    self.fields.push(field);
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.node.type_condition.as_ref(), &fragment.node.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.context.query_env.fragments.get(&spread.node.fragment_name.node)?;
                    (Some(&fragment.node.type_condition), &fragment.node.selection_set)
                }
            };
            if condition.is_none_or(|condition| self.is_a::<T>(&condition.node.on.node)) {
                self.collect::<T>(&below.node)?;
            }
        }
        Some(())
    }

    /// Whether a fragment on this type applies.
    fn is_a<T: OutputType>(&self, condition: &Name) -> bool {
        let (name, registry) = (T::type_name(), &self.context.schema_env.registry);
        *condition == *name
            || registry
                .implements
                .get(&*name)
                .is_some_and(|interfaces| interfaces.contains(condition.as_str()))
    }
}

#[cfg(test)]
mod tests;
