//! The table `settlement`.

use sea_orm::entity::prelude::*;

use crate::{Moment, Money, Period, SettlementStatus};

/// The closing of one period for all partners. holder, epoch and lease_until are the lease under which statements
/// are written; settled_through is the last partner whose statement is written.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "settlement")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub period: Period,
    pub status: SettlementStatus,
    pub closed_at: Moment,
    pub completed_at: Option<Moment>,
    pub minimum_active_clients: i32,
    pub window_days: i32,
    pub partner_count: i64,
    pub top_up_count: i64,
    pub base: Money,
    pub commission: Money,
    pub credited: Money,
    pub carried_out: Money,
    pub partners_total: i64,
    pub settled_through: Option<Uuid>,
    pub digest: Option<String>,
    pub holder: String,
    pub epoch: i64,
    pub lease_until: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
