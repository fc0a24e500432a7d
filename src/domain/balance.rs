//! A partner's balance: what is free, and what is set aside for withdrawals (rule 23).

use entity::Money;

/// Both are never negative; the database refuses it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Free to withdraw or to move to the service balance.
    pub available: Money,
    /// Set aside for withdrawals that are not paid yet.
    pub reserved: Money,
}

impl Balance {
    pub const ZERO: Balance = Balance { available: Money::ZERO, reserved: Money::ZERO };

    /// Adds signed changes; `None` where a balance would be negative or leave 64 bits.
    pub(super) fn changed(self, available: Money, reserved: Money) -> Option<Balance> {
        let balance = Balance {
            available: self.available.checked_add(available)?,
            reserved: self.reserved.checked_add(reserved)?,
        };
        (!balance.available.is_negative() && !balance.reserved.is_negative()).then_some(balance)
    }
}
