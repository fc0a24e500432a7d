//! The table `referral_total`.

use sea_orm::entity::prelude::*;

use crate::{Moment, Money, Period};

/// What lists show of a client, and his totals over all periods. `closed_base` and `closed_commission` are of the lines
/// at the rates of periods up to `closed_through`, which are final.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_total")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub referral_id: Uuid,
    pub partner_id: Uuid,
    /// The link that brought him, if a link did.
    pub link_id: Option<Uuid>,
    pub registered_at: Moment,
    /// What a partner sees of the account id.
    pub reference: String,
    pub base: Money,
    pub top_up_count: i64,
    /// Of his first earning purchase, refunded or not.
    pub first_purchase_at: Option<Moment>,
    /// Of his last one that is not refunded in full.
    pub last_purchase_at: Option<Moment>,
    pub closed_through: Period,
    pub closed_base: Money,
    pub closed_commission: Money,
    /// The one rate period of all other lines; none without such lines, `Period::NEVER` where they are of several.
    pub open_period: Option<Period>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
