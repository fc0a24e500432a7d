//! A partner's own hand on his webhook endpoints.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::webhook_endpoint;
use uuid::Uuid;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::event_type::EventType;
use super::id::Tag;
use super::request::app;
use super::webhook_endpoint::{WebhookEndpoint, WebhookStatus};
use crate::domain::error::{Invalid, Refusal};
use crate::services::error::ServiceError;
use crate::services::webhook::endpoint::{self, EndpointChange};
use crate::services::webhook::{delivery, events_of};

#[derive(Debug, Default)]
pub struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Makes an endpoint that is told of what happens from now on; a partner may have 10. An API key chooses among the
    /// events that its scopes let it read.
    async fn create_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The endpoint to be made.")] input: CreateWebhookEndpointInput,
    ) -> Result<WebhookEndpointPayload> {
        let partner = authority::partner(context).await?;
        let made = match chosen(context, "events", input.events) {
            Ok(events) => endpoint::create(app(context)?, partner.id, &input.url, &events).await,
            Err(refusal) => Err(refusal.into()),
        };
        WebhookEndpointPayload::of(made.map(|(endpoint, secret)| (endpoint, Some(secret))))
    }

    /// Changes an endpoint; what is left out stays. ACTIVE takes up one that was disabled.
    async fn update_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be changed.")] input: UpdateWebhookEndpointInput,
    ) -> Result<WebhookEndpointPayload> {
        let partner = authority::partner(context).await?;
        let id = Tag::WebhookEndpoint.uuid(&input.id).unwrap_or(Uuid::nil());
        let before =
            endpoint::find(app(context)?, id).await?.filter(|row| row.partner_id == Some(partner.id));
        // Whoever turns an endpoint elsewhere must be allowed what it is told.
        let told = before.map(|row| events_of(&row.events)).unwrap_or_default();
        let told = chosen(context, "id", told.into_iter().map(EventType::from).collect());
        let events = input.events.map(|events| chosen(context, "events", events)).transpose();
        let changed = match told.and(events) {
            Ok(events) => {
                let change = EndpointChange { url: input.url, events, status: input.status.map(Into::into) };
                endpoint::update(app(context)?, partner.id, id, &change).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        WebhookEndpointPayload::of(changed.map(|endpoint| (endpoint, None)))
    }

    /// Ends an endpoint for ever; what waits to be sent to it is given up.
    async fn delete_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which endpoint.")] input: DeleteWebhookEndpointInput,
    ) -> Result<WebhookEndpointPayload> {
        let partner = authority::partner(context).await?;
        let id = Tag::WebhookEndpoint.uuid(&input.id).unwrap_or(Uuid::nil());
        let deleted = endpoint::delete(app(context)?, partner.id, id).await;
        WebhookEndpointPayload::of(deleted.map(|endpoint| (endpoint, None)))
    }

    /// Gives an endpoint another secret; for 24 hours deliveries are signed with the one before as well.
    async fn rotate_webhook_secret(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which endpoint.")] input: RotateWebhookSecretInput,
    ) -> Result<WebhookEndpointPayload> {
        let partner = authority::partner(context).await?;
        let id = Tag::WebhookEndpoint.uuid(&input.id).unwrap_or(Uuid::nil());
        let rotated = endpoint::rotate(app(context)?, partner.id, id).await;
        WebhookEndpointPayload::of(rotated.map(|(endpoint, secret)| (endpoint, Some(secret))))
    }

    /// Sends a test of the type TEST about the partner himself, signed and listed as any delivery; five may wait.
    async fn send_test_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which endpoint.")] input: SendTestWebhookInput,
    ) -> Result<WebhookEndpointPayload> {
        let partner = authority::partner(context).await?;
        let id = Tag::WebhookEndpoint.uuid(&input.id).unwrap_or(Uuid::nil());
        let sent = delivery::send_test(app(context)?, partner.id, id).await;
        WebhookEndpointPayload::of(sent.map(|endpoint| (endpoint, None)))
    }

    /// Sends a delivery again at once, under the same id, whatever came of it before.
    async fn redeliver_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which delivery.")] input: RedeliverWebhookInput,
    ) -> Result<WebhookEndpointPayload> {
        let partner = authority::partner(context).await?;
        let id = Tag::WebhookDelivery.uuid(&input.delivery_id).unwrap_or(Uuid::nil());
        let sent = delivery::redeliver(app(context)?, partner.id, id).await;
        WebhookEndpointPayload::of(sent.map(|endpoint| (endpoint, None)))
    }
}

/// The events that were chosen, of which the caller may be told.
///
/// # Errors
/// INVALID for an API key whose scopes do not let it read one of them.
fn chosen(
    context: &Context<'_>,
    field: &'static str,
    events: Vec<EventType>,
) -> Result<Vec<entity::EventType>, Refusal> {
    let events: Vec<entity::EventType> = events.into_iter().map(Into::into).collect();
    let may = |event: &entity::EventType| authority::may_be_told_of(context, *event);
    if events.iter().all(may) {
        return Ok(events);
    }
    Err(Invalid::new(field, "has an event that the scopes of the API key do not let it read").into())
}

/// An endpoint to be made.
#[derive(Clone, Debug, InputObject)]
pub struct CreateWebhookEndpointInput {
    /// An https address of a public host.
    pub url: String,
    /// What it is told of: at least one.
    pub events: Vec<EventType>,
}

/// What is to be changed of an endpoint.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateWebhookEndpointInput {
    /// Which endpoint.
    pub id: ID,
    /// An https address of a public host; what is left out stays.
    pub url: Option<String>,
    /// What it is told of: at least one.
    pub events: Option<Vec<EventType>>,
    /// ACTIVE or DISABLED.
    pub status: Option<WebhookStatus>,
}

/// An endpoint to be deleted.
#[derive(Clone, Debug, InputObject)]
pub struct DeleteWebhookEndpointInput {
    /// Which endpoint.
    pub id: ID,
}

/// An endpoint to be given another secret.
#[derive(Clone, Debug, InputObject)]
pub struct RotateWebhookSecretInput {
    /// Which endpoint.
    pub id: ID,
}

/// An endpoint to be tried.
#[derive(Clone, Debug, InputObject)]
pub struct SendTestWebhookInput {
    /// Which endpoint.
    pub id: ID,
}

/// A delivery to be sent again.
#[derive(Clone, Debug, InputObject)]
pub struct RedeliverWebhookInput {
    /// Which delivery.
    pub delivery_id: ID,
}

/// The endpoint, or why there is none.
#[derive(SimpleObject)]
pub struct WebhookEndpointPayload {
    /// The endpoint as it is now.
    pub webhook_endpoint: Option<WebhookEndpoint>,
    /// What deliveries are signed with: shown when it is made and when it is rotated, and never again.
    pub secret: Option<String>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl WebhookEndpointPayload {
    fn of(
        answer: Result<(webhook_endpoint::Model, Option<String>), ServiceError>,
    ) -> Result<WebhookEndpointPayload> {
        let (made, user_errors) = outcome(answer, &["input"])?;
        let (endpoint, secret) = made.unzip();
        Ok(WebhookEndpointPayload {
            webhook_endpoint: endpoint.map(WebhookEndpoint),
            secret: secret.flatten(),
            user_errors,
        })
    }
}
