//! A partner's forecast as the interface shows it.

use async_graphql::Object;

use super::money::Money;
use super::scalar::DateTime;
use super::tier::Tier;
use crate::services;

pub struct Forecast(pub services::forecast::Forecast);

/// Where a partner is heading if nothing more happens, by the very code that settles.
#[Object]
impl Forecast {
    /// Clients with a purchase in the window that ends now.
    async fn active_clients_now(&self) -> u32 {
        self.0.active_clients_now
    }

    /// The tier of the next period if nothing more happens, counted at the end of the oldest open one.
    async fn tier(&self) -> Tier {
        Tier(self.0.tier.clone())
    }

    /// Active clients still missing to the tier above that one, by the same count; null in the highest.
    async fn clients_to_next_tier(&self) -> Option<u32> {
        self.0.clients_to_next_tier
    }

    /// What the next settlement will credit if nothing more happens.
    async fn next_credit(&self) -> Money {
        self.0.next_credit.into()
    }

    /// When the oldest open period is settled by itself.
    async fn next_settlement_at(&self) -> DateTime {
        DateTime(self.0.next_settlement_at)
    }
}
