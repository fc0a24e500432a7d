//! Individual rates as the interface shows them.

use async_graphql::{Context, Object};
use entity::individual_rate;

use super::authority;
use super::period::Period;
use super::scalar::{DateTime, Decimal};

pub struct IndividualRate(pub individual_rate::Model);

/// A rate that staff set for one partner.
#[Object]
impl IndividualRate {
    /// The rate, which holds where it does not lie below the first tier's; null where his tier's holds again.
    async fn rate_percent(&self) -> Option<Decimal> {
        self.0.rate_basis_points.map(Decimal::from)
    }

    /// The first period in which it holds; null where it holds from the beginning.
    async fn from(&self) -> Option<Period> {
        Some(self.0.from_period).filter(|from| *from > entity::Period::BEGINNING).map(Period)
    }

    /// When it was set.
    async fn set_at(&self) -> DateTime {
        DateTime(self.0.set_at)
    }

    /// Staff: who set it; null for others.
    async fn set_by(&self, context: &Context<'_>) -> Option<&str> {
        authority::staff(context).ok().map(|_| self.0.set_by.as_str())
    }

    /// Why.
    async fn reason(&self) -> &str {
        &self.0.reason
    }
}
