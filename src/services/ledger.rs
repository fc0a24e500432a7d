//! The ledger: every movement of money, numbered for each partner, with the balance after it (rule 23).
//!
//! The only file that writes ledger rows, and it only inserts. Two partners' money never meets in one transfer.

use std::collections::{BTreeSet, HashMap};

use entity::{Moment, Money};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::lock;
use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::balance::Balance;
use crate::domain::transfer::{Transfer, TransferKind};

/// A partner's balance row under its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockedBalance {
    pub balance: Balance,
    /// What the last statement carried out.
    pub carried: Money,
    pub lifetime_credited: Money,
    pub lifetime_paid: Money,
    /// The number of the last ledger transfer.
    pub transfers: i64,
}

/// Locks the balances of partners, in the order of their ids, against each other's movements.
pub async fn lock_balances(
    tx: &impl ConnectionTrait,
    partners: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, LockedBalance>, DbErr> {
    let sql = format!("{SELECT} ORDER BY b.partner_id{}", lock::for_update(tx, "b"));
    load(tx, partners, &sql).await
}

/// Locks one partner's balance.
pub async fn lock_balance(tx: &impl ConnectionTrait, partner_id: Uuid) -> Result<Balance, ServiceError> {
    let locked = lock_balances(tx, &BTreeSet::from([partner_id])).await?.remove(&partner_id);
    let locked =
        locked.ok_or_else(|| ServiceError::Broken(format!("partner {partner_id} has no balance")))?;
    Ok(locked.balance)
}

/// The balances of partners as they are, without a lock.
pub async fn balances(
    db: &impl ConnectionTrait,
    partners: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, LockedBalance>, DbErr> {
    load(db, partners, SELECT).await
}

const SELECT: &str = "WITH {rows} SELECT b.partner_id, b.available, b.reserved, b.carried, b.lifetime_credited, \
    b.lifetime_paid, b.transfers FROM v JOIN balance b ON b.partner_id = v.id";

async fn load(
    db: &impl ConnectionTrait,
    partners: &BTreeSet<Uuid>,
    sql: &str,
) -> Result<HashMap<Uuid, LockedBalance>, DbErr> {
    let rows = Rows::of(&[("id", Column::Uuid)], partners.iter().map(|id| Value::from(*id)));
    rows.query(db, sql, vec![]).await?.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<(Uuid, LockedBalance), DbErr> {
    let balance = LockedBalance {
        balance: Balance { available: row.try_get_by_index(1)?, reserved: row.try_get_by_index(2)? },
        carried: row.try_get_by_index(3)?,
        lifetime_credited: row.try_get_by_index(4)?,
        lifetime_paid: row.try_get_by_index(5)?,
        transfers: row.try_get_by_index(6)?,
    };
    Ok((row.try_get_by_index(0)?, balance))
}

/// Makes the balance row of a partner who joins.
pub async fn open(tx: &DatabaseTransaction, partners: impl Iterator<Item = Uuid>) -> Result<(), DbErr> {
    let sql = "WITH {rows} INSERT INTO balance (partner_id, available, reserved, carried, lifetime_credited, \
               lifetime_paid, transfers) SELECT id, 0, 0, 0, 0, 0, 0 FROM v";
    Rows::of(&[("id", Column::Uuid)], partners.map(Value::from)).execute(tx, sql, vec![]).await.map(|_| ())
}

/// Movements to be written together, with the balances they lead to.
#[derive(Debug)]
pub struct Postings {
    at: Moment,
    balances: HashMap<Uuid, LockedBalance>,
    touched: BTreeSet<Uuid>,
    transfers: Vec<Posted>,
}

#[derive(Debug)]
struct Posted {
    id: Uuid,
    partner_id: Uuid,
    number: i64,
    transfer: Transfer,
    after: Balance,
}

impl Postings {
    /// Begins with locked balances.
    pub fn new(at: Moment, balances: HashMap<Uuid, LockedBalance>) -> Postings {
        Postings { at, balances, touched: BTreeSet::new(), transfers: Vec::new() }
    }

    /// The balance of a partner after what was posted so far.
    pub fn balance(&self, partner_id: Uuid) -> Option<&LockedBalance> {
        self.balances.get(&partner_id)
    }

    /// Posts a movement; refused as broken where a balance would be negative, since the domain had agreed to it.
    pub fn post(&mut self, app: &App, partner_id: Uuid, transfer: Transfer) -> Result<Balance, ServiceError> {
        let broken =
            || ServiceError::Broken(format!("a transfer of partner {partner_id} has no balance for it"));
        let held = self.balances.get_mut(&partner_id).ok_or_else(broken)?;
        held.balance = transfer.apply(held.balance).ok_or_else(broken)?;
        held.transfers += 1;
        let amount = transfer.amount();
        match transfer.kind() {
            TransferKind::Commission => held.lifetime_credited = sum(held.lifetime_credited, amount)?,
            // Paid is what has left for good: paid out, or spent on calls (a service transfer that did not fail).
            TransferKind::WithdrawalPaid | TransferKind::ServiceTransfer => {
                held.lifetime_paid = sum(held.lifetime_paid, amount)?;
            }
            TransferKind::ServiceTransferReturned => held.lifetime_paid = sum(held.lifetime_paid, -amount)?,
            TransferKind::WithdrawalReserved
            | TransferKind::WithdrawalReleased
            | TransferKind::Adjustment => {}
        }
        self.touched.insert(partner_id);
        let after = held.balance;
        let number = held.transfers;
        self.transfers.push(Posted { id: app.clock.new_id(), partner_id, number, transfer, after });
        Ok(after)
    }

    /// Sets what the partner's last statement carried out.
    pub fn carry(&mut self, partner_id: Uuid, carried: Money) {
        if let Some(held) = self.balances.get_mut(&partner_id).filter(|held| held.carried != carried) {
            held.carried = carried;
            self.touched.insert(partner_id);
        }
    }

    /// Writes the movements and the balances after them.
    pub async fn write(self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let mut transfers = Rows::new(TRANSFER);
        for posted in &self.transfers {
            transfers.push([
                posted.id.into(),
                posted.partner_id.into(),
                posted.number.into(),
                <&str>::from(posted.transfer.kind()).into(),
                <&str>::from(posted.transfer.from()).into(),
                <&str>::from(posted.transfer.to()).into(),
                posted.transfer.amount().0.into(),
                posted.transfer.source_id().into(),
                self.at.0.into(),
                posted.after.available.0.into(),
                posted.after.reserved.0.into(),
            ]);
        }
        transfers.execute(tx, INSERT_TRANSFER, vec![]).await?;
        let mut balances = Rows::new(BALANCE);
        for partner_id in &self.touched {
            let held = &self.balances[partner_id];
            balances.push([
                (*partner_id).into(),
                held.balance.available.0.into(),
                held.balance.reserved.0.into(),
                held.carried.0.into(),
                held.lifetime_credited.0.into(),
                held.lifetime_paid.0.into(),
                held.transfers.into(),
            ]);
        }
        balances.execute(tx, UPDATE_BALANCE, vec![]).await.map(|_| ())
    }
}

fn sum(total: Money, amount: Money) -> Result<Money, ServiceError> {
    total.checked_add(amount).ok_or_else(|| ServiceError::Broken("a total leaves 64 bits".to_owned()))
}

/// Posts one movement of a partner whose balance is locked here.
pub async fn post(
    app: &App,
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    transfer: Transfer,
    at: Moment,
) -> Result<(), ServiceError> {
    let balances = lock_balances(tx, &BTreeSet::from([partner_id])).await?;
    let mut postings = Postings::new(at, balances);
    postings.post(app, partner_id, transfer)?;
    postings.write(tx).await?;
    Ok(())
}

const TRANSFER: &[(&str, Column)] = &[
    ("id", Column::Uuid),
    ("partner_id", Column::Uuid),
    ("number", Column::BigInt),
    ("kind", Column::Text),
    ("from_account", Column::Text),
    ("to_account", Column::Text),
    ("amount", Column::BigInt),
    ("source_id", Column::Uuid),
    ("at", Column::BigInt),
    ("available_after", Column::BigInt),
    ("reserved_after", Column::BigInt),
];

const INSERT_TRANSFER: &str = "WITH {rows} INSERT INTO ledger_transfer (id, partner_id, number, kind, from_account, \
    to_account, amount, source_id, at, available_after, reserved_after) SELECT id, partner_id, number, kind, \
    from_account, to_account, amount, source_id, at, available_after, reserved_after FROM v";

const BALANCE: &[(&str, Column)] = &[
    ("partner_id", Column::Uuid),
    ("available", Column::BigInt),
    ("reserved", Column::BigInt),
    ("carried", Column::BigInt),
    ("lifetime_credited", Column::BigInt),
    ("lifetime_paid", Column::BigInt),
    ("transfers", Column::BigInt),
];

const UPDATE_BALANCE: &str = "WITH {rows} UPDATE balance SET available = v.available, reserved = v.reserved, \
    carried = v.carried, lifetime_credited = v.lifetime_credited, lifetime_paid = v.lifetime_paid, \
    transfers = v.transfers FROM v WHERE balance.partner_id = v.partner_id";
