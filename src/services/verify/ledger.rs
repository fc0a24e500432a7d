//! Balances against the ledger, and the ledger against what moved the money.

use std::collections::{BTreeMap, HashMap};

use entity::{
    LedgerAccount, Money, ServiceTransferStatus, TransferKind, WithdrawalStatus, balance, ledger_transfer,
    service_transfer, withdrawal,
};
use futures_util::TryStreamExt;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, StreamTrait};
use uuid::Uuid;

use super::{Check, Chunk, Finding};
use crate::db;
use crate::services::error::ServiceError;

/// What a partner's transfers add up to.
#[derive(Default)]
struct Account {
    available: i64,
    reserved: i64,
    credited: i64,
    paid: i64,
    transfers: i64,
}

/// What each source is to have moved, and what it did move.
type Movements = HashMap<(Uuid, TransferKind), Money>;

impl<F: FnMut(Finding)> Check<'_, F> {
    pub(super) async fn ledger(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
        partners: &[Uuid],
    ) -> Result<(), ServiceError> {
        let mut expected = expected_movements(snapshot, chunk).await?;
        let mut accounts: BTreeMap<Uuid, Account> = BTreeMap::new();
        let sql =
            "SELECT * FROM ledger_transfer WHERE partner_id BETWEEN $1 AND $2 ORDER BY partner_id, number";
        let mut rows = snapshot.stream_raw(db::statement(snapshot, sql, chunk.values())).await?;
        while let Some(row) = rows.try_next().await? {
            let transfer = ledger_transfer::Model::from_query_result(&row, "")?;
            let account = accounts.entry(transfer.partner_id).or_default();
            self.transfer(account, &transfer, &mut expected);
            self.summary.transfers += 1;
        }
        drop(rows);
        for ((source, kind), amount) in expected {
            self.report(
                format!("ledger_transfer {} of {source}", kind.as_str()),
                format!("{amount} is missing"),
            );
        }
        self.balances(snapshot, chunk, partners, &accounts).await
    }

    fn transfer(
        &mut self,
        account: &mut Account,
        transfer: &ledger_transfer::Model,
        expected: &mut Movements,
    ) {
        let subject = format!("ledger_transfer {} of partner {}", transfer.number, transfer.partner_id);
        let amount = transfer.amount.0;
        account.transfers += 1;
        let (from, to) = accounts_of(transfer);
        for (account_name, sign) in [(transfer.from_account, -1), (transfer.to_account, 1)] {
            match account_name {
                LedgerAccount::Available => account.available += sign * amount,
                LedgerAccount::Reserved => account.reserved += sign * amount,
                _ => {}
            }
        }
        match transfer.kind {
            TransferKind::Commission => account.credited += amount,
            TransferKind::WithdrawalPaid | TransferKind::ServiceTransfer => account.paid += amount,
            TransferKind::ServiceTransferReturned => account.paid -= amount,
            _ => {}
        }
        self.compare(&subject, "number", transfer.number, account.transfers);
        self.compare(&subject, "from", transfer.from_account, from);
        self.compare(&subject, "to", transfer.to_account, to);
        self.compare(&subject, "available after", transfer.available_after, Money(account.available));
        self.compare(&subject, "reserved after", transfer.reserved_after, Money(account.reserved));
        if transfer.kind == TransferKind::Adjustment {
            return;
        }
        match expected.remove(&(transfer.source_id, transfer.kind)) {
            Some(due) => self.compare(&subject, "amount", transfer.amount, due),
            None => self.report(&subject, "has nothing behind it that moves money"),
        }
    }

    async fn balances(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
        partners: &[Uuid],
        accounts: &BTreeMap<Uuid, Account>,
    ) -> Result<(), ServiceError> {
        let balances = balance::Entity::find()
            .filter(balance::Column::PartnerId.between(chunk.first, chunk.last))
            .all(snapshot)
            .await?;
        let balances: HashMap<Uuid, balance::Model> =
            balances.into_iter().map(|balance| (balance.partner_id, balance)).collect();
        let sql = "SELECT s.partner_id, s.carried_out FROM statement s WHERE s.partner_id BETWEEN $1 AND $2 \
                   AND s.period = (SELECT MAX(x.period) FROM statement x WHERE x.partner_id = s.partner_id)";
        let mut carried: HashMap<Uuid, Money> = HashMap::new();
        for row in db::query(snapshot, sql, chunk.values()).await? {
            carried.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
        let nothing = Account::default();
        for partner_id in partners {
            let subject = format!("balance of {partner_id}");
            let Some(found) = balances.get(partner_id) else {
                self.report(subject, "is missing");
                continue;
            };
            let account = accounts.get(partner_id).unwrap_or(&nothing);
            self.compare(&subject, "available", found.available, Money(account.available));
            self.compare(&subject, "reserved", found.reserved, Money(account.reserved));
            self.compare(&subject, "lifetime credited", found.lifetime_credited, Money(account.credited));
            self.compare(&subject, "lifetime paid", found.lifetime_paid, Money(account.paid));
            self.compare(&subject, "transfers", found.transfers, account.transfers);
            let last = carried.get(partner_id).copied().unwrap_or(Money::ZERO);
            self.compare(&subject, "carried", found.carried, last);
        }
        Ok(())
    }
}

/// The two accounts that follow from a transfer's kind; an adjustment goes either way.
fn accounts_of(transfer: &ledger_transfer::Model) -> (LedgerAccount, LedgerAccount) {
    use LedgerAccount::{Adjustments, Available, CommissionExpense, PaidOut, Reserved, ServiceBalance};
    match transfer.kind {
        TransferKind::Commission => (CommissionExpense, Available),
        TransferKind::WithdrawalReserved => (Available, Reserved),
        TransferKind::WithdrawalReleased => (Reserved, Available),
        TransferKind::WithdrawalPaid => (Reserved, PaidOut),
        TransferKind::ServiceTransfer => (Available, ServiceBalance),
        TransferKind::ServiceTransferReturned => (ServiceBalance, Available),
        TransferKind::Adjustment if transfer.from_account == Available => (Available, Adjustments),
        TransferKind::Adjustment => (Adjustments, Available),
    }
}

/// What statements, withdrawals and service transfers are to have moved.
async fn expected_movements(snapshot: &DatabaseTransaction, chunk: Chunk) -> Result<Movements, ServiceError> {
    let mut movements = Movements::new();
    let sql = "SELECT id, credited FROM statement WHERE partner_id BETWEEN $1 AND $2 AND credited > 0";
    for row in db::query(snapshot, sql, chunk.values()).await? {
        movements.insert((row.try_get_by_index(0)?, TransferKind::Commission), row.try_get_by_index(1)?);
    }
    let withdrawals = withdrawal::Entity::find()
        .filter(withdrawal::Column::PartnerId.between(chunk.first, chunk.last))
        .all(snapshot)
        .await?;
    for one in withdrawals {
        movements.insert((one.id, TransferKind::WithdrawalReserved), one.amount);
        let after = match one.status {
            WithdrawalStatus::Requested | WithdrawalStatus::Approved => continue,
            WithdrawalStatus::Paid => TransferKind::WithdrawalPaid,
            WithdrawalStatus::Rejected | WithdrawalStatus::Cancelled | WithdrawalStatus::Failed => {
                TransferKind::WithdrawalReleased
            }
        };
        movements.insert((one.id, after), one.amount);
    }
    let transfers = service_transfer::Entity::find()
        .filter(service_transfer::Column::PartnerId.between(chunk.first, chunk.last))
        .all(snapshot)
        .await?;
    for one in transfers {
        movements.insert((one.id, TransferKind::ServiceTransfer), one.amount);
        if one.status == ServiceTransferStatus::Failed {
            movements.insert((one.id, TransferKind::ServiceTransferReturned), one.amount);
        }
    }
    Ok(movements)
}
