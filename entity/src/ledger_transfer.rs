//! The table `ledger_transfer`.

use sea_orm::entity::prelude::*;

use crate::{LedgerAccount, Moment, Money, TransferKind};

/// Every movement of money (rule 23), numbered without a gap for each partner; one movement of a kind for a source.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_transfer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub number: i64,
    pub kind: TransferKind,
    pub from_account: LedgerAccount,
    pub to_account: LedgerAccount,
    pub amount: Money,
    pub source_id: Uuid,
    pub at: Moment,
    pub available_after: Money,
    pub reserved_after: Money,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
