//! How much clients may ask for, and how long they may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::values;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// How long a GraphQL request may run.
    #[serde(with = "values::duration")]
    pub request_timeout: Duration,
    /// How long the head of a request may take to arrive.
    #[serde(with = "values::duration")]
    pub header_timeout: Duration,
    /// How long the body of a request may take to arrive.
    #[serde(with = "values::duration")]
    pub body_timeout: Duration,
    /// How long a connection may be silent between requests.
    #[serde(with = "values::duration")]
    pub idle_timeout: Duration,
    /// How long requests in flight may go on after the signal to stop.
    #[serde(with = "values::duration")]
    pub shutdown_grace: Duration,
    /// Open connections; over it 503 at once.
    pub max_connections: usize,
    /// Requests at work; over it 503 at once.
    pub max_requests: usize,
    /// Subscriptions that are open, and as many WebSockets; over it 503 at once.
    pub max_subscriptions: usize,
    /// Of these one caller's; over it 429.
    pub max_subscriptions_per_caller: usize,
    /// Bytes of a request's body, and of a message over a WebSocket.
    pub body_bytes: usize,
    /// Bytes of a request's body under a service token.
    pub service_body_bytes: usize,
    /// Bytes of GraphQL text whose parsed documents are kept.
    pub document_cache_bytes: u64,
    /// The highest cost of one request.
    pub cost_per_request: u32,
    /// What a caller may spend at once.
    pub cost_bucket: u32,
    /// What of it comes back each second.
    pub cost_restored_per_second: u32,
    /// What a service may spend at once.
    pub service_cost_bucket: u32,
    /// What of it comes back each second.
    pub service_cost_restored_per_second: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(25),
            max_connections: 1_024,
            max_requests: 512,
            max_subscriptions: 1_000,
            max_subscriptions_per_caller: 20,
            body_bytes: 64 * 1024,
            service_body_bytes: 1024 * 1024,
            document_cache_bytes: 2 * 1024 * 1024,
            cost_per_request: 3_000,
            cost_bucket: 10_000,
            cost_restored_per_second: 200,
            service_cost_bucket: 50_000,
            service_cost_restored_per_second: 2_000,
        }
    }
}
