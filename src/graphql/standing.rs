//! A partner's standing as the interface shows it.

use async_graphql::{Enum, Object};

use super::period::Period;
use super::scalar::Decimal;
use super::tier::Tier;
use crate::{domain, services};

pub struct Standing(pub services::standing::Standing);

/// A partner's tier and rate in one period, fixed when the period before was closed.
#[Object]
impl Standing {
    /// The period that it is of.
    async fn period(&self) -> Period {
        Period(self.0.period)
    }

    /// Clients active when the period began.
    async fn active_clients(&self) -> u32 {
        self.0.active_clients
    }

    /// The highest tier whose floor they reach.
    async fn tier(&self) -> Tier {
        Tier(self.0.tier.clone())
    }

    /// The rate that what occurs in the period earns.
    async fn rate_percent(&self) -> Decimal {
        self.0.rate.rate.into()
    }

    /// Where that rate comes from.
    async fn rate_source(&self) -> RateSource {
        self.0.rate.source.into()
    }

    /// The tier above; null in the highest.
    async fn next_tier(&self) -> Option<Tier> {
        self.0.next_tier.clone().map(Tier)
    }

    /// Active clients still missing to the next tier, on the figures of this standing.
    async fn clients_to_next_tier(&self) -> Option<u32> {
        self.0.clients_to_next_tier
    }
}

/// Where a rate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::rate::RateSource")]
pub enum RateSource {
    /// From the tier.
    Tier,
    /// Set for this partner by staff.
    Individual,
}
