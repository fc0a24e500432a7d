//! The guard before execution: what a document may cost is known before anything walks it without a memo.

mod measure;
mod scan;

use async_graphql::parser::types::ExecutableDocument;

use super::code::Code;

pub use scan::{check_json, check_text};

/// Bytes of a document.
pub const MAX_DOCUMENT_BYTES: usize = 16 * 1024;
/// Brackets and braces within one another, in a document and in JSON: the parsers recurse.
pub const MAX_NESTING: u32 = 60;
/// Tokens of a document.
pub const MAX_TOKENS: u32 = 2_000;
/// Operations of a document.
pub const MAX_OPERATIONS: u32 = 20;
/// Fields, spreads and inline fragments after expansion.
pub const MAX_NODES: u32 = 2_000;
/// Fields within one another.
pub const MAX_DEPTH: u32 = 12;
pub const MAX_ALIASES: u32 = 30;
/// Fields of the root.
pub const MAX_ROOT_FIELDS: u32 = 10;
pub const MAX_DIRECTIVES: u32 = 50;
/// Introspection's own caps; the standard query is 15 deep and has 300 nodes.
pub const MAX_INTROSPECTION_NODES: u32 = 1_000;
pub const MAX_INTROSPECTION_DEPTH: u32 = 20;
/// Lists of introspection within one another: each multiplies the answer by the size of the schema.
pub const MAX_INTROSPECTION_LISTS: u32 = 2;

/// A request that is not run, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    pub code: Code,
    pub message: String,
}

impl Refused {
    fn too_complex(what: &str, limit: impl std::fmt::Display) -> Refused {
        Refused { code: Code::QueryTooComplex, message: format!("The request has more than {limit} {what}.") }
    }
}

/// Measures a parsed document against every limit, in one pass with one memo over its fragments.
///
/// # Errors
/// `QUERY_TOO_COMPLEX`, or `GRAPHQL_VALIDATION_FAILED` where fragments spread themselves.
pub fn check_document(document: &ExecutableDocument) -> Result<(), Refused> {
    let total = measure::Measures::new(document).total()?;
    let limits = [
        (total.nodes, MAX_NODES, "fields"),
        (total.depth, MAX_DEPTH, "levels of fields"),
        (total.aliases, MAX_ALIASES, "aliases"),
        (total.root_fields, MAX_ROOT_FIELDS, "root fields"),
        (total.directives, MAX_DIRECTIVES, "directives"),
        (total.introspection.nodes, MAX_INTROSPECTION_NODES, "fields of introspection"),
        (total.introspection.depth, MAX_INTROSPECTION_DEPTH, "levels of introspection"),
        (total.introspection.lists, MAX_INTROSPECTION_LISTS, "lists of introspection within one another"),
    ];
    match limits.into_iter().find(|(measured, limit, _)| measured > limit) {
        Some((_, limit, what)) => Err(Refused::too_complex(what, limit)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
