//! The table `programme`.

use sea_orm::entity::prelude::*;

use crate::{Moment, Period};

/// Fixed with the first line: another configuration then refuses to start. first_period is that of the earliest
/// line.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "programme")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub currency: String,
    pub time_zone: String,
    pub first_period: Period,
    pub created_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
