//! What a request costs, known before it runs: its document with its variables, priced by the schema's own types.

mod prices;

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql_value::{ConstValue, Value as InputValue};
use serde_json::{Map, Value};

use crate::domain::interval::{DaySpan, Interval, MAX_INTERVALS};
use prices::Count;
pub use prices::{BadSchema, Prices};

/// The longest page; a longer one is refused where it is resolved, and is priced as this.
const MAX_PAGE: u32 = 100;
/// What a list whose length nobody asked for counts as, for the pages below each of its items.
const LIST_LENGTH: u32 = 10;

/// What a selection costs. Pages are kept apart: a list around them multiplies them. Counts saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    objects: u32,
    pages: u32,
}

impl Cost {
    fn total(self) -> u32 {
        self.objects.saturating_add(self.pages)
    }

    fn beside(self, other: Cost) -> Cost {
        Cost {
            objects: self.objects.saturating_add(other.objects),
            pages: self.pages.saturating_add(other.pages),
        }
    }

    fn or(self, other: Cost) -> Cost {
        Cost { objects: self.objects.max(other.objects), pages: self.pages.max(other.pages) }
    }
}

impl Prices {
    /// The price of running an operation of a document that passed the guard, in one pass with one memo over its
    /// fragments. What the schema does not know costs nothing: validation refuses it.
    pub fn cost_of(
        &self,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        variables: &Map<String, Value>,
    ) -> u32 {
        let root = self.root(operation.ty);
        let mut walk = Walk { prices: self, document, operation, variables, fragments: HashMap::new() };
        walk.selection_set(&operation.selection_set.node, root).total()
    }

    /// The type of the fields that an operation begins with.
    pub fn root(&self, operation: OperationType) -> &str {
        match operation {
            OperationType::Query => &self.query,
            OperationType::Mutation => &self.mutation,
            OperationType::Subscription => &self.subscription,
        }
    }
}

struct Walk<'a> {
    prices: &'a Prices,
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Map<String, Value>,
    /// The cost of each fragment once it is known; `None` on the way to it.
    fragments: HashMap<&'a str, Option<Cost>>,
}

impl<'a> Walk<'a> {
    /// An object is of one type: of what is asked of different types, the dearest counts.
    fn selection_set(&mut self, selections: &'a SelectionSet, parent: &'a str) -> Cost {
        let mut always = Cost::default();
        let mut of_type: HashMap<&str, Cost> = HashMap::new();
        for selection in &selections.items {
            if self.is_left_out(selection.node.directives()) {
                continue;
            }
            let (on, cost) = match &selection.node {
                Selection::Field(field) => (parent, self.field(&field.node, parent)),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    (on, self.selection_set(&fragment.node.selection_set.node, on))
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            };
            if on == parent || self.prices.is_abstract(on) {
                always = always.beside(cost);
            } else {
                let sum = of_type.entry(on).or_default();
                *sum = sum.beside(cost);
            }
        }
        always.beside(of_type.into_values().fold(Cost::default(), Cost::or))
    }

    fn fragment(&mut self, name: &str) -> (&'a str, Cost) {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return ("", Cost::default());
        };
        let on = fragment.node.type_condition.node.on.node.as_str();
        if let Some(known) = self.fragments.get(name.as_str()) {
            return (on, known.unwrap_or_default());
        }
        self.fragments.insert(name, None);
        let cost = self.selection_set(&fragment.node.selection_set.node, on);
        self.fragments.insert(name, Some(cost));
        (on, cost)
    }

    fn field(&mut self, field: &'a Field, parent: &str) -> Cost {
        let prices = self.prices;
        let Some(price) = prices.field(parent, &field.name.node) else {
            return Cost::default();
        };
        let below = self.selection_set(&field.selection_set.node, &price.of);
        match price.count {
            Count::One => Cost { objects: below.objects.saturating_add(price.own), ..below },
            Count::List => Cost {
                objects: below.objects.saturating_add(price.own),
                pages: below.pages.saturating_mul(LIST_LENGTH),
            },
            // A page is looked for even where nothing of its items is asked.
            Count::Page { default } => Cost {
                objects: price.own,
                pages: self.page(field, default).saturating_mul(below.total()).max(1),
            },
            Count::PageOfItems { default } => {
                let each = below.total().saturating_add(price.own);
                Cost { objects: 0, pages: self.page(field, default).saturating_mul(each).max(1) }
            }
            Count::Ids => {
                let each = below.total().saturating_add(price.own);
                Cost { objects: 0, pages: self.ids(field).saturating_mul(each) }
            }
            // All of them are added up, whatever is asked of them.
            Count::Intervals => {
                let objects = below.objects.saturating_add(price.own).saturating_add(self.intervals(field));
                Cost { objects, ..below }
            }
        }
    }

    /// How long the page is: with neither `first` nor `last` the longest, which is refused where it is resolved.
    fn page(&self, field: &'a Field, default: Option<u32>) -> u32 {
        let asked = ["first", "last"].into_iter().filter_map(|name| match self.argument(field, name)? {
            Known::Number(number) => Some(number.map_or(MAX_PAGE, clamp)),
            _ => None,
        });
        asked.max().or(default).unwrap_or(MAX_PAGE)
    }

    /// How many intervals a span has: the most there are of one that cannot be read or asked for, which is refused where
    /// it is resolved.
    fn intervals(&self, field: &'a Field) -> u32 {
        let word = |name: &str| match self.argument(field, name)? {
            Known::Word(word) => Some(word),
            _ => None,
        };
        let read = || {
            let (from, to) = (word("from")?.parse().ok()?, word("to")?.parse().ok()?);
            let interval: Interval = word("interval")?.parse().ok()?;
            Some(DaySpan::new(from, to).ok()?.divided(interval).len())
        };
        u32::try_from(read().unwrap_or(MAX_INTERVALS)).unwrap_or(u32::MAX)
    }

    fn ids(&self, field: &'a Field) -> u32 {
        match self.argument(field, "ids") {
            Some(Known::List(ids)) => u32::try_from(ids).unwrap_or(u32::MAX),
            // One value stands for a list of it.
            _ => 1,
        }
    }

    /// `@skip` and `@include`, as far as they can be read.
    fn is_left_out(&self, directives: &'a [Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let condition = directive.node.get_argument("if").map(|value| self.resolve(&value.node));
            let condition = match condition {
                Some(Some(Known::Boolean(condition))) => condition,
                _ => return false,
            };
            match directive.node.name.node.as_str() {
                "skip" => condition,
                "include" => !condition,
                _ => false,
            }
        })
    }

    fn argument(&self, field: &'a Field, name: &str) -> Option<Known<'a>> {
        self.resolve(&field.get_argument(name)?.node)
    }

    /// A value with its variable put in, as the executor would; `None` for a variable that is not there.
    fn resolve(&self, value: &'a InputValue) -> Option<Known<'a>> {
        Some(match value {
            InputValue::Variable(name) => match self.variables.get(name.as_str()) {
                Some(given) => given.into(),
                None => {
                    let mut defined = self.operation.variable_definitions.iter();
                    let named = defined.find(|variable| variable.node.name.node == *name)?;
                    named.node.default_value()?.into()
                }
            },
            InputValue::Number(number) => Known::Number(number.as_i64()),
            InputValue::Boolean(boolean) => Known::Boolean(*boolean),
            InputValue::List(items) => Known::List(items.len()),
            InputValue::String(text) => Known::Word(text),
            InputValue::Enum(name) => Known::Word(name.as_str()),
            _ => Known::Other,
        })
    }
}

/// What a price may depend on of a value, which may be a megabyte of JSON.
enum Known<'a> {
    /// `None` for one that is out of bounds or not whole.
    Number(Option<i64>),
    Boolean(bool),
    List(usize),
    /// A string, or a value of an enum.
    Word(&'a str),
    Other,
}

impl<'a> From<&'a Value> for Known<'a> {
    fn from(value: &'a Value) -> Known<'a> {
        match value {
            Value::Number(number) => Known::Number(number.as_i64()),
            Value::Bool(boolean) => Known::Boolean(*boolean),
            Value::Array(items) => Known::List(items.len()),
            Value::String(text) => Known::Word(text),
            Value::Null | Value::Object(_) => Known::Other,
        }
    }
}

impl<'a> From<&'a ConstValue> for Known<'a> {
    fn from(value: &'a ConstValue) -> Known<'a> {
        match value {
            ConstValue::Number(number) => Known::Number(number.as_i64()),
            ConstValue::Boolean(boolean) => Known::Boolean(*boolean),
            ConstValue::List(items) => Known::List(items.len()),
            ConstValue::String(text) => Known::Word(text),
            ConstValue::Enum(name) => Known::Word(name.as_str()),
            _ => Known::Other,
        }
    }
}

fn clamp(page: i64) -> u32 {
    u32::try_from(page.max(1)).map_or(MAX_PAGE, |page| page.min(MAX_PAGE))
}

#[cfg(test)]
mod tests;
