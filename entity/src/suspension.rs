//! The table `suspension`.

use sea_orm::entity::prelude::*;

use crate::Moment;

/// When a partner was suspended, from and until (rule 27).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suspension")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub since: Moment,
    pub until: Option<Moment>,
    pub reason: String,
    pub reinstated_reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
