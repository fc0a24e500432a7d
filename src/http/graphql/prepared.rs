//! What comes before an operation runs, over whatever connection: it is looked up, looked at and paid for.

use std::net::IpAddr;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{Request as GraphqlRequest, Variables};

use super::super::error::Failure;
use super::super::live::Asker;
use super::super::router::Http;
use super::documents::{Asked, Found};
use super::params::Params;
use crate::domain::caller::Caller;
use crate::graphql::code::Code;
use crate::graphql::rate_limit::RateLimit;
use crate::graphql::{Origin, Valid, live};

/// An operation that may run.
pub struct Prepared {
    pub request: GraphqlRequest,
    pub operation: OperationType,
    pub cost: u32,
    pub rate_limit: RateLimit,
    /// Its document, to be kept once the schema has found it valid.
    pub found: Option<Found>,
    /// A query that is not known to be valid yet.
    pub asked: Option<Asked>,
}

/// Finds the document, checks which operation would run and has it paid for. `check` says whether such an operation may
/// come this way.
///
/// # Errors
/// What the guard, the parser or `check` refuses; QUERY_TOO_COMPLEX, THROTTLED.
pub async fn prepare<E>(
    http: &Http<E>,
    asker: &Asker,
    params: Params,
    check: impl Fn(OperationType) -> Result<(), Failure>,
) -> Result<Prepared, Failure> {
    let found = http.documents.find(params.query.as_deref(), params.persisted).await?;
    let operation = operation_to_run(&found.document, params.operation_name.as_deref())?;
    check(operation.ty)?;
    live::check_root(operation)?;
    let mut asked = match operation.ty {
        OperationType::Query => found.asked(params.operation_name.as_deref(), &params.variables),
        // Each brings other variables.
        OperationType::Mutation | OperationType::Subscription => None,
    };
    let known = match &asked {
        Some(asked) => http.documents.cost_of_valid(asked).await,
        None => None,
    };
    let cost = known.unwrap_or_else(|| http.prices.cost_of(&found.document, operation, &params.variables));
    let rate_limit = spend(http, &asker.caller, asker.address, cost)?;
    let mut request = GraphqlRequest::new(params.query.unwrap_or_default())
        .variables(Variables::from_json(params.variables.into()))
        .data(asker.caller.clone())
        .data(rate_limit)
        .data(asker.id.for_resolvers());
    if let Some(address) = asker.address {
        request = request.data(Origin(address.to_string().into()));
    }
    request.operation_name = params.operation_name;
    request.set_parsed_query(ExecutableDocument::clone(&found.document));
    if known.is_some() {
        (request, asked) = (request.data(Valid), None);
    }
    if !http.app.config.introspection {
        request = request.disable_introspection();
    }
    Ok(Prepared { request, operation: operation.ty, cost, rate_limit, found: Some(found), asked })
}

/// Has the caller pay for a request before it runs. One that costs too much costs nothing: it is refused whatever is
/// in the bucket.
fn spend<E>(
    http: &Http<E>,
    caller: &Caller,
    address: Option<IpAddr>,
    cost: u32,
) -> Result<RateLimit, Failure> {
    let limit = http.app.config.limits.cost_per_request;
    let is_too_dear = cost > limit;
    let price = if is_too_dear { 0 } else { cost };
    let spent = http.buckets.spend(caller, address, price, http.app.clock.now());
    let rate_limit = spent.map_err(|throttled| {
        metrics::counter!("graphql_throttled_total", "role" => caller.role()).increment(1);
        Failure::throttled(&throttled)
    })?;
    if is_too_dear {
        let message = format!("The request costs {cost}; one may cost {limit}. Ask for shorter pages.");
        let rate_limit = RateLimit { cost, ..rate_limit };
        return Err(Failure::new(Code::QueryTooComplex, message).with_rate_limit(rate_limit));
    }
    Ok(rate_limit)
}

/// The operation that would run: a document may hold several, and a single one may have a name.
fn operation_to_run<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Failure> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().filter(|_| operations.len() == 1)
        }
    };
    operation.map(|operation| &operation.node).ok_or_else(|| {
        let message = match name {
            Some(_) => "operationName names none of the document's operations.",
            None => "operationName must say which of the document's operations to run.",
        };
        Failure::new(Code::BadUserInput, message)
    })
}
