//! The ledger as the interface shows it.

use async_graphql::{Context, Enum, ID, Object};
use entity::{LedgerAccount, TransferKind, ledger_transfer};

use super::error::Result;
use super::id::Tag;
use super::money::Money;
use super::node::Node;
use super::request::loaders;
use super::scalar::DateTime;
use super::service_transfer::ServiceTransfer;
use super::statement::Statement;
use super::withdrawal::Withdrawal;

pub struct LedgerEntry(pub ledger_transfer::Model);

/// One movement of a partner's money.
#[Object]
impl LedgerEntry {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::LedgerEntry.id(self.0.id)
    }

    /// When it was made.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// What it was.
    async fn kind(&self) -> LedgerEntryKind {
        self.0.kind.into()
    }

    /// Signed: what the movement adds to the available balance.
    async fn amount(&self) -> Money {
        added_to_available(&self.0).into()
    }

    /// The available balance after it.
    async fn available_after(&self) -> Money {
        self.0.available_after.into()
    }

    /// The reserved balance after it.
    async fn reserved_after(&self) -> Money {
        self.0.reserved_after.into()
    }

    /// The statement, withdrawal or service transfer behind it.
    async fn source(&self, context: &Context<'_>) -> Option<Result<Node>> {
        source_of(context, &self.0).await.transpose()
    }
}

fn added_to_available(entry: &ledger_transfer::Model) -> entity::Money {
    match (entry.from_account, entry.to_account) {
        (LedgerAccount::Available, _) => -entry.amount,
        (_, LedgerAccount::Available) => entry.amount,
        _ => entity::Money::ZERO,
    }
}

async fn source_of(context: &Context<'_>, entry: &ledger_transfer::Model) -> Result<Option<Node>> {
    let (loaders, id) = (loaders(context)?, entry.source_id);
    Ok(match entry.kind {
        TransferKind::Commission => loaders.statements.get(id).await?.map(|found| Statement(found).into()),
        TransferKind::WithdrawalReserved
        | TransferKind::WithdrawalReleased
        | TransferKind::WithdrawalPaid => {
            loaders.withdrawals.get(id).await?.map(|found| Withdrawal(found).into())
        }
        TransferKind::ServiceTransfer | TransferKind::ServiceTransferReturned => {
            loaders.service_transfers.get(id).await?.map(|found| ServiceTransfer(found).into())
        }
        TransferKind::Adjustment => None,
    })
}

/// What a movement of money was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::TransferKind")]
pub enum LedgerEntryKind {
    /// A statement credited commission.
    Commission,
    /// A withdrawal was asked for: its amount is set aside.
    WithdrawalReserved,
    /// A withdrawal came to nothing: its amount is available again.
    WithdrawalReleased,
    /// A withdrawal was paid out.
    WithdrawalPaid,
    /// Moved to the service balance.
    ServiceTransfer,
    /// A move to the service balance failed: its amount is available again.
    ServiceTransferReturned,
    /// Put right by staff.
    Adjustment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_movement_counts_by_what_it_adds_to_the_available_balance() {
        use LedgerAccount::{Adjustments, Available, CommissionExpense, PaidOut, Reserved, ServiceBalance};
        for (from, to, added) in [
            (CommissionExpense, Available, 5),
            (Available, Reserved, -5),
            (Reserved, Available, 5),
            (Reserved, PaidOut, 0),
            (Available, ServiceBalance, -5),
            (Available, Adjustments, -5),
        ] {
            let entry = ledger_transfer::Model {
                id: uuid::Uuid::nil(),
                partner_id: uuid::Uuid::nil(),
                number: 1,
                kind: TransferKind::Adjustment,
                from_account: from,
                to_account: to,
                amount: entity::Money(5),
                source_id: uuid::Uuid::nil(),
                at: entity::Moment(0),
                available_after: entity::Money::ZERO,
                reserved_after: entity::Money::ZERO,
            };
            assert_eq!(added_to_available(&entry), entity::Money(added), "{from} {to}");
        }
    }
}
