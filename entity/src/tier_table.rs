//! The table `tier_table`.

use sea_orm::entity::prelude::*;

use crate::{Moment, Period};

/// Tier tables by the period from which they hold (rule 17); of two for one period the one set last.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tier_table")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub from_period: Period,
    pub tiers: String,
    pub set_at: Moment,
    pub set_by: String,
    pub reason: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
