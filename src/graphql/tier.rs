//! A tier as the interface shows it.

use async_graphql::Object;

use super::scalar::Decimal;
use crate::domain;

pub struct Tier(pub domain::tier::Tier);

/// A step of the table: the rate that so many active clients earn.
#[Object]
impl Tier {
    /// Its name, unique in its table.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// From this many active clients on.
    async fn minimum_active_clients(&self) -> u32 {
        self.0.minimum_active_clients
    }

    /// The rate of commission.
    async fn rate_percent(&self) -> Decimal {
        self.0.rate.into()
    }
}
