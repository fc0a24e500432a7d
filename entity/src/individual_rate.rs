//! The table `individual_rate`.

use sea_orm::entity::prelude::*;

use crate::{Moment, Period, RateBasisPoints};

/// Individual rates by the period from which they hold; a null rate takes it away (rule 17).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "individual_rate")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub from_period: Period,
    pub rate_basis_points: Option<RateBasisPoints>,
    pub set_at: Moment,
    pub set_by: String,
    pub reason: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
