//! Deliveries to webhook endpoints as the interface shows them. What was answered to them is shown to nobody.

use async_graphql::{Enum, ID, Object};
use entity::{DeliveryStatus as Status, webhook_delivery};

use super::event_type::EventType;
use super::id::Tag;
use super::scalar::DateTime;

pub struct WebhookDelivery(pub webhook_delivery::Model);

/// One event for one endpoint. It is sent at least once, always under the same `webhook-id`.
#[Object]
impl WebhookDelivery {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::WebhookDelivery.id(self.0.id)
    }

    /// What happened; of a test the first event of its endpoint.
    async fn event(&self) -> EventType {
        self.0.event_type.into()
    }

    /// How often it was sent.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When it was sent last.
    async fn last_attempt_at(&self) -> Option<DateTime> {
        self.0.last_attempt_at.map(DateTime)
    }

    /// The HTTP status that was answered last; null without an answer.
    async fn response_status(&self) -> Option<i32> {
        self.0.response_status
    }

    /// How far it is.
    async fn status(&self) -> DeliveryStatus {
        self.0.status.into()
    }

    /// When it is sent next; null where it is over.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.next_attempt_at.map(DateTime)
    }
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum DeliveryStatus {
    /// It waits to be sent, or to be sent again.
    Pending,
    /// The endpoint answered 2xx.
    Delivered,
    /// It was tried ten times over three days, or its endpoint is gone; `redeliverWebhook` sends it again.
    Failed,
}
