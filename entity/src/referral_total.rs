//! The table `referral_total`.

use sea_orm::entity::prelude::*;

use crate::{Moment, Money};

/// A client's totals over all periods, his last purchase that is not refunded in full, and his first.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_total")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub referral_id: Uuid,
    pub partner_id: Uuid,
    pub base: Money,
    pub top_ups: i64,
    pub last_purchase_at: Option<Moment>,
    /// Of his first earning purchase, refunded or not.
    pub first_purchase_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
