//! The table `referral_sum`.

use sea_orm::entity::prelude::*;

use crate::{Moment, Money, Period};

/// A client's totals by rate period and his activity: a purchase refunded in full counts under the period in which
/// it was taken back, every other line under 99999999; last_purchase_at is the last occurrence of a purchase in the
/// group.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_sum")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub referral_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub settle_period: Period,
    #[sea_orm(primary_key, auto_increment = false)]
    pub rate_period: Period,
    #[sea_orm(primary_key, auto_increment = false)]
    pub taken_back_period: Period,
    pub partner_id: Uuid,
    pub base: Money,
    pub top_ups: i64,
    pub last_purchase_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
