//! What an operation begins with is looked at before any of it runs.

use std::any::TypeId;
use std::collections::HashSet;

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Error, PathSegment, Pos, Positioned, Request, Response, ServerError};

use super::rules;
use crate::domain::caller::Caller;
use crate::graphql::error::Failure;
use crate::graphql::key_scope;

/// The answer to a request that asks for what is not its caller's; none where it may run.
pub fn denied(request: &mut Request) -> Option<Response> {
    let caller = request.data.get(&TypeId::of::<Caller>()).and_then(|caller| caller.downcast_ref::<Caller>());
    let caller = caller.cloned().unwrap_or(Caller::Anonymous);
    let name = request.operation_name.clone();
    // What cannot be parsed is refused where it would be run.
    let document = request.parsed_query().ok()?;
    let operation = operation_to_run(document, name.as_deref())?;
    let root = match operation.ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    if let Caller::ApiKey { scopes, .. } = &caller
        && let Some((at, path)) = key_scope::first_closed(document, operation, scopes)
    {
        return Some(answer(at, path, &caller));
    }
    let mut fields = Vec::new();
    root_fields(document, &operation.selection_set.node, &mut HashSet::new(), &mut fields);
    let is_denied = |field: &&Positioned<Field>| {
        let name = field.node.name.node.as_str();
        !name.starts_with("__") && rules::of(root, name).is_some_and(|rule| !rule.allows(&caller))
    };
    let denied = fields.into_iter().find(is_denied)?;
    Some(answer(denied.pos, vec![denied.node.response_key().node.to_string()], &caller))
}

fn operation_to_run<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    let mut operations = document.operations.iter();
    let found = match name {
        Some(name) => operations.find(|(known, _)| known.is_some_and(|known| known == name)),
        None => operations.next(),
    };
    found.map(|(_, operation)| &operation.node)
}

fn root_fields<'a>(
    document: &'a ExecutableDocument,
    selection: &'a SelectionSet,
    seen: &mut HashSet<&'a str>,
    fields: &mut Vec<&'a Positioned<Field>>,
) {
    for item in &selection.items {
        match &item.node {
            Selection::Field(field) => fields.push(field),
            Selection::InlineFragment(inline) => {
                root_fields(document, &inline.node.selection_set.node, seen, fields);
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = document.fragments.get(name)
                    && seen.insert(name)
                {
                    root_fields(document, &fragment.node.selection_set.node, seen, fields);
                }
            }
        }
    }
}

/// FORBIDDEN, or UNAUTHENTICATED where a token might help, with the path of the field.
fn answer(at: Pos, path: Vec<String>, caller: &Caller) -> Response {
    let failure = if caller.is_anonymous() { Failure::unauthenticated() } else { Failure::forbidden() };
    let error: ServerError = Error::from(failure).into_server_error(at);
    let path = path.into_iter().map(PathSegment::Field).collect();
    Response::from_errors(vec![ServerError { path, ..error }])
}
