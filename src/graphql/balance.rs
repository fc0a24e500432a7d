//! A partner's balance as the interface shows it.

use async_graphql::Object;

use super::money::Money;
use crate::services::balance::BalanceView;

pub struct Balance(pub BalanceView);

/// All of a partner's money, in the programme's currency.
#[Object]
impl Balance {
    /// Free to withdraw or to move to the service balance.
    async fn available(&self) -> Money {
        self.0.available.into()
    }

    /// Requested withdrawals that are not decided or not paid yet.
    async fn reserved(&self) -> Money {
        self.0.reserved.into()
    }

    /// Commission of periods not settled yet, at the rates in force.
    async fn pending(&self) -> Money {
        self.0.pending.into()
    }

    /// Net of settled periods that was not credited: below the minimum of active clients, or negative after refunds.
    async fn carried(&self) -> Money {
        self.0.carried.into()
    }

    /// All that settlements have credited.
    async fn lifetime_credited(&self) -> Money {
        self.0.lifetime_credited.into()
    }

    /// All that was paid out, or moved to the service balance.
    async fn lifetime_paid(&self) -> Money {
        self.0.lifetime_paid.into()
    }
}
