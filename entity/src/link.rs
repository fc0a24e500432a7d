//! The table `link`.

use sea_orm::entity::prelude::*;

use crate::Moment;

/// Codes are unique without regard to case (rule 1): code_key is the code in lower case.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub code: String,
    pub code_key: String,
    pub target: String,
    pub label: Option<String>,
    pub campaign: Option<String>,
    pub is_own: bool,
    pub created_at: Moment,
    pub archived_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
