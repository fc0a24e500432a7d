//! The table `partner_sum`.

use sea_orm::entity::prelude::*;

use crate::{Money, Period};

/// What a settlement adds up: by partner, settle period and rate period.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "partner_sum")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub partner_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub settle_period: Period,
    #[sea_orm(primary_key, auto_increment = false)]
    pub rate_period: Period,
    pub base: Money,
    pub top_ups: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
