//! Webhook endpoints as the interface shows them.

use async_graphql::{Context, Enum, ID, Object};
use entity::{WebhookStatus as Status, webhook_endpoint};

use super::connection::{Connection, page_request};
use super::error::Result;
use super::event_type::EventType;
use super::id::Tag;
use super::scalar::DateTime;
use super::webhook_delivery::WebhookDelivery;
use crate::services::webhook::{delivery, events_of};

pub struct WebhookEndpoint(pub webhook_endpoint::Model);

/// An address that is told of a partner's events, by the rules of Standard Webhooks 1.0. One that has failed for five
/// days with no success in between, or that answers 410, is DISABLED.
#[Object]
impl WebhookEndpoint {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::WebhookEndpoint.id(self.0.id)
    }

    /// Where deliveries go.
    async fn url(&self) -> &str {
        self.0.url.as_deref().unwrap_or_default()
    }

    /// What it is told of.
    async fn events(&self) -> Vec<EventType> {
        events_of(&self.0.events).into_iter().map(EventType::from).collect()
    }

    /// Whether it is told anything.
    async fn status(&self) -> WebhookStatus {
        self.0.status.into()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// What was sent to it or waits to be, newest first; what is over is kept for thirty days.
    async fn deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<WebhookDelivery>> {
        let (list, request) = (delivery::of_endpoint(self.0.id), page_request(first, after, last, before)?);
        Connection::load(context, list, request, WebhookDelivery).await
    }
}

/// Whether an endpoint is told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum WebhookStatus {
    /// It is told of what happens.
    Active,
    /// It is told nothing; what happens meanwhile is not sent later.
    Disabled,
    /// It is gone for ever.
    Deleted,
}
