//! The table `standing`.

use sea_orm::entity::prelude::*;

use crate::{Period, RateBasisPoints};

/// Fixed when the period before is closed (rules 17, 21). No row: no active clients, the first tier, not suspended.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "standing")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub partner_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: Period,
    pub active_clients: i64,
    pub tier: String,
    pub rate_basis_points: RateBasisPoints,
    /// Whether the partner was suspended when the period before was closed: the gate of its statement (rule 20).
    pub was_suspended: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
