//! What webhooks say of an object: the interface's own answer to a kept document, asked as whoever is told.

use std::sync::Arc;

use async_graphql::{Executor, Request, Variables};
use entity::SubjectKind;
use futures_util::FutureExt;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::Api;
use super::change::tag_of;
use crate::app::App;
use crate::domain::caller::Caller;
use crate::services::error::ServiceError;
use crate::services::webhook::payload::Show;

/// Version 1 of what is said. A field may be added to it; whatever else changes is another version.
const DOCUMENT: &str = include_str!("webhook_payload.v1.graphql");

/// Shows objects by the kept document.
pub fn show(app: &App) -> Show {
    let api = Api::new(app.clone());
    Arc::new(move |caller, subject| object(api.clone(), caller, subject).boxed())
}

async fn object(api: Api, caller: Caller, (kind, id): (SubjectKind, Uuid)) -> Result<Json, ServiceError> {
    let variables = Variables::from_json(json!({ "id": tag_of(kind).id(id).0 }));
    let response = api.execute(Request::new(DOCUMENT).variables(variables).data(caller)).await;
    if let Some(error) = response.errors.first() {
        return Err(ServiceError::Broken(format!("a webhook's object cannot be shown: {}", error.message)));
    }
    let mut data = response.data.into_json().map_err(|error| ServiceError::Broken(error.to_string()))?;
    Ok(data["node"].take())
}
