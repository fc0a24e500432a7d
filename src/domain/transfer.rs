//! Ledger transfers: the only way in which money moves, always between two accounts (rule 23).

use entity::Money;
pub use entity::{LedgerAccount, TransferKind};
use uuid::Uuid;

use super::balance::Balance;

/// One movement of a partner's money. Its amount is above zero, its two accounts follow from its kind, and kind and
/// source together make it unique; nothing outside this file can make another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    kind: TransferKind,
    from: LedgerAccount,
    to: LedgerAccount,
    amount: Money,
    source_id: Uuid,
}

/// What a statement credits. `None`, here and below, where the amount is not above zero.
pub fn commission_credit(statement_id: Uuid, amount: Money) -> Option<Transfer> {
    Transfer::new(
        TransferKind::Commission,
        LedgerAccount::CommissionExpense,
        LedgerAccount::Available,
        amount,
        statement_id,
    )
}

/// What a withdrawal sets aside when it is asked for.
pub fn withdrawal_reserve(withdrawal_id: Uuid, amount: Money) -> Option<Transfer> {
    Transfer::new(
        TransferKind::WithdrawalReserved,
        LedgerAccount::Available,
        LedgerAccount::Reserved,
        amount,
        withdrawal_id,
    )
}

/// What a rejected, cancelled or failed withdrawal gives back.
pub fn withdrawal_release(withdrawal_id: Uuid, amount: Money) -> Option<Transfer> {
    Transfer::new(
        TransferKind::WithdrawalReleased,
        LedgerAccount::Reserved,
        LedgerAccount::Available,
        amount,
        withdrawal_id,
    )
}

/// What the bank has paid out.
pub fn withdrawal_paid(withdrawal_id: Uuid, amount: Money) -> Option<Transfer> {
    Transfer::new(
        TransferKind::WithdrawalPaid,
        LedgerAccount::Reserved,
        LedgerAccount::PaidOut,
        amount,
        withdrawal_id,
    )
}

/// What moves to the service balance when it is asked for.
pub fn service_transfer(service_transfer_id: Uuid, amount: Money) -> Option<Transfer> {
    Transfer::new(
        TransferKind::ServiceTransfer,
        LedgerAccount::Available,
        LedgerAccount::ServiceBalance,
        amount,
        service_transfer_id,
    )
}

/// What a failed service transfer gives back.
pub fn service_transfer_return(service_transfer_id: Uuid, amount: Money) -> Option<Transfer> {
    Transfer::new(
        TransferKind::ServiceTransferReturned,
        LedgerAccount::ServiceBalance,
        LedgerAccount::Available,
        amount,
        service_transfer_id,
    )
}

/// What staff adds to the available balance, or takes from it where `amount` is negative. `None` for zero.
pub fn adjustment(adjustment_id: Uuid, amount: Money) -> Option<Transfer> {
    let (from, to) = if amount.is_negative() {
        (LedgerAccount::Available, LedgerAccount::Adjustments)
    } else {
        (LedgerAccount::Adjustments, LedgerAccount::Available)
    };
    let size = Money(amount.0.checked_abs()?);
    Transfer::new(TransferKind::Adjustment, from, to, size, adjustment_id)
}

impl Transfer {
    fn new(
        kind: TransferKind,
        from: LedgerAccount,
        to: LedgerAccount,
        amount: Money,
        source_id: Uuid,
    ) -> Option<Transfer> {
        amount.is_positive().then_some(Transfer { kind, from, to, amount, source_id })
    }

    pub fn kind(&self) -> TransferKind {
        self.kind
    }

    pub fn from(&self) -> LedgerAccount {
        self.from
    }

    pub fn to(&self) -> LedgerAccount {
        self.to
    }

    /// Above zero.
    pub fn amount(&self) -> Money {
        self.amount
    }

    /// The statement, withdrawal, service transfer or adjustment behind it.
    pub fn source_id(&self) -> Uuid {
        self.source_id
    }

    /// What the transfer adds to the available balance; negative where it takes.
    pub fn available_change(&self) -> Money {
        self.change_of(LedgerAccount::Available)
    }

    /// What the transfer adds to the reserved balance; negative where it takes.
    pub fn reserved_change(&self) -> Money {
        self.change_of(LedgerAccount::Reserved)
    }

    /// The balance after the transfer; `None` where one would be negative.
    pub fn apply(&self, balance: Balance) -> Option<Balance> {
        balance.changed(self.available_change(), self.reserved_change())
    }

    fn change_of(&self, account: LedgerAccount) -> Money {
        if self.to == account {
            self.amount
        } else if self.from == account {
            -self.amount
        } else {
            Money::ZERO
        }
    }
}

#[cfg(test)]
mod tests;
