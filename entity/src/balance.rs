//! The table `balance`.

use sea_orm::entity::prelude::*;

use crate::Money;

/// Never negative (rule 23). carried is the last statement's carried_out; transfers is the number of the last
/// ledger transfer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "balance")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub partner_id: Uuid,
    pub available: Money,
    pub reserved: Money,
    pub carried: Money,
    pub lifetime_credited: Money,
    pub lifetime_paid: Money,
    pub transfers: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
