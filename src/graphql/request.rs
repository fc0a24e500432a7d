//! What comes with a request: the app, who asks, its id, and the loaders that batch its look-ups.

use std::sync::{Arc, PoisonError, RwLock};

use async_graphql::Context;

use super::error::{Failure, Result};
use super::loader::Loaders;
use crate::app::App;
use crate::services::error::ServiceError;

/// By which a request is found in the log and in the audit records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);

/// The address that a request came from, as the audit records name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(pub Arc<str>);

pub fn app<'a>(context: &Context<'a>) -> Result<&'a App> {
    context.data().map_err(|_| missing())
}

/// The loaders of a request. A mutation makes what they hold stale: the next one begins with new ones.
pub struct RequestLoaders(RwLock<Arc<Loaders>>);

impl RequestLoaders {
    pub fn new(app: &App) -> RequestLoaders {
        RequestLoaders(RwLock::new(Arc::new(Loaders::new(app))))
    }
}

pub fn loaders(context: &Context<'_>) -> Result<Arc<Loaders>> {
    let RequestLoaders(loaders) = context.data().map_err(|_| missing())?;
    Ok(loaders.read().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Begins with new loaders where a mutation begins: one that ran before it in its document may have changed anything.
pub fn forget(context: &Context<'_>) -> Result<()> {
    if context.path_node.is_some_and(|node| node.parent.is_some()) {
        return Ok(());
    }
    begin_anew(context)
}

/// Begins with new loaders: what was looked up before may have changed.
pub fn begin_anew(context: &Context<'_>) -> Result<()> {
    let RequestLoaders(loaders) = context.data().map_err(|_| missing())?;
    *loaders.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Loaders::new(app(context)?));
    Ok(())
}

/// The request's id; none where it did not come over HTTP.
pub fn request_id<'a>(context: &Context<'a>) -> Option<&'a str> {
    context.data_opt::<RequestId>().map(|id| &*id.0)
}

/// Where the request came from; none where it came over no connection.
pub fn origin<'a>(context: &Context<'a>) -> Option<&'a str> {
    context.data_opt::<Origin>().map(|origin| &*origin.0)
}

fn missing() -> Failure {
    ServiceError::Broken("a request came without what a resolver needs".to_owned()).into()
}
