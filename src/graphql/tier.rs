//! A tier as the interface shows it.

use async_graphql::Object;

use super::period::Period;
use super::scalar::Decimal;
use crate::domain;
use crate::domain::tier::Tiers;

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

/// A table of tiers and the period from which it holds.
pub struct TierTable {
    pub from: entity::Period,
    pub tiers: Tiers,
}

/// A table of tiers that is still to come.
#[Object]
impl TierTable {
    /// The first period in which it holds.
    async fn from(&self) -> Period {
        Period(self.from)
    }

    /// Lowest first.
    async fn tiers(&self) -> Vec<Tier> {
        self.tiers.iter().cloned().map(Tier).collect()
    }
}
