//! What a parsed document amounts to once its fragments are expanded, without expanding them.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::super::code::Code;
use super::Refused;

/// What a selection amounts to. Counts saturate: a bomb of 2^31 nodes is as refused as one of 2,001.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measure {
    pub nodes: u32,
    pub depth: u32,
    pub aliases: u32,
    /// Fields on the outermost level, those of fragments spread there included.
    pub root_fields: u32,
    pub directives: u32,
    pub introspection: Introspection,
    /// Introspection's lists within one another, wherever such names stand.
    lists: u32,
}

/// The part below `__schema` and `__type`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Introspection {
    pub nodes: u32,
    pub depth: u32,
    pub lists: u32,
}

impl Measure {
    /// Two selections side by side.
    fn beside(self, other: Measure) -> Measure {
        Measure {
            nodes: self.nodes.saturating_add(other.nodes),
            depth: self.depth.max(other.depth),
            aliases: self.aliases.saturating_add(other.aliases),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            directives: self.directives.saturating_add(other.directives),
            introspection: Introspection {
                nodes: self.introspection.nodes.saturating_add(other.introspection.nodes),
                depth: self.introspection.depth.max(other.introspection.depth),
                lists: self.introspection.lists.max(other.introspection.lists),
            },
            lists: self.lists.max(other.lists),
        }
    }

    /// A field around this selection.
    fn within_field(self, name: &str) -> Measure {
        let nodes = self.nodes.saturating_add(1);
        let depth = self.depth.saturating_add(1);
        if matches!(name, "__schema" | "__type") {
            let introspection = Introspection { nodes, depth, lists: self.lists };
            return Measure { nodes: 0, depth: 0, root_fields: 1, lists: 0, introspection, ..self };
        }
        let is_list = matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
        Measure { nodes, depth, root_fields: 1, lists: self.lists.saturating_add(u32::from(is_list)), ..self }
    }
}

enum Memo {
    /// On the way to its own measure: who meets it again has found a cycle.
    Entered,
    Known(Measure),
}

/// The measures of a document's fragments, each taken once.
pub struct Measures<'a> {
    document: &'a ExecutableDocument,
    fragments: HashMap<&'a str, Memo>,
}

impl<'a> Measures<'a> {
    pub fn new(document: &'a ExecutableDocument) -> Self {
        Measures { document, fragments: HashMap::with_capacity(document.fragments.len()) }
    }

    /// All operations beside one another, and every fragment, reached or not: validation walks them too.
    pub fn total(mut self) -> Result<Measure, Refused> {
        let document = self.document;
        let mut total = Measure::default();
        let mut variable_directives = 0;
        for (_, operation) in document.operations.iter() {
            let operation = &operation.node;
            let of_variables =
                operation.variable_definitions.iter().map(|variable| variable.node.directives.len());
            variable_directives += operation.directives.len() + of_variables.sum::<usize>();
            let measure = self.selection_set(&operation.selection_set.node)?;
            // One operation runs, but validation walks all.
            let root_fields = total.root_fields.max(measure.root_fields);
            total = Measure { root_fields, ..total.beside(measure) };
        }
        total.directives = total.directives.saturating_add(count(variable_directives));
        for name in document.fragments.keys() {
            let fragment = self.fragment(name)?;
            total.nodes = total.nodes.max(fragment.nodes);
            total.aliases = total.aliases.max(fragment.aliases);
            total.directives = total.directives.max(fragment.directives);
        }
        Ok(total)
    }

    fn selection_set(&mut self, selections: &'a SelectionSet) -> Result<Measure, Refused> {
        let mut total = Measure::default();
        for selection in &selections.items {
            let measure = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let inner = self.selection_set(&field.selection_set.node)?;
                    let mut measure = inner.within_field(&field.name.node);
                    measure.aliases = measure.aliases.saturating_add(u32::from(field.alias.is_some()));
                    measure
                }
                Selection::InlineFragment(fragment) => {
                    self.selection_set(&fragment.node.selection_set.node)?.spread()
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?.spread(),
            };
            total = total.beside(measure);
            total.directives = total.directives.saturating_add(count(selection.node.directives().len()));
        }
        Ok(total)
    }

    /// A fragment that is not there amounts to nothing; validation names it.
    fn fragment(&mut self, name: &str) -> Result<Measure, Refused> {
        match self.fragments.get(name) {
            Some(Memo::Known(measure)) => return Ok(*measure),
            Some(Memo::Entered) => {
                let message = "A fragment spreads itself.".to_owned();
                return Err(Refused { code: Code::ValidationFailed, message });
            }
            None => {}
        }
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Measure::default());
        };
        self.fragments.insert(name, Memo::Entered);
        let mut measure = self.selection_set(&fragment.node.selection_set.node)?;
        measure.directives = measure.directives.saturating_add(count(fragment.node.directives.len()));
        self.fragments.insert(name, Memo::Known(measure));
        Ok(measure)
    }
}

impl Measure {
    /// A spread around this selection: a node that is no level.
    fn spread(self) -> Measure {
        Measure { nodes: self.nodes.saturating_add(1), ..self }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
