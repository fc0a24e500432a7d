//! The table `statement`.

use sea_orm::entity::prelude::*;

use crate::{CarryReason, Moment, Money, Period, RateBasisPoints};

/// What one settlement did for one partner. Never changes (rule 20); its digest and verify tell.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "statement")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub period: Period,
    pub active_clients: i64,
    pub tier: String,
    pub rate_basis_points: RateBasisPoints,
    pub top_ups: i64,
    pub base: Money,
    pub commission: Money,
    pub carried_in: Money,
    pub credited: Money,
    pub carried_out: Money,
    pub carry_reason: Option<CarryReason>,
    pub closing_balance: Money,
    pub settled_at: Moment,
    pub digest: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
