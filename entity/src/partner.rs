//! The table `partner`.

use sea_orm::entity::prelude::*;

use crate::{Moment, PartnerStatus};

/// An account seen as a source of clients.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "partner")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub status: PartnerStatus,
    pub status_reason: Option<String>,
    pub joined_at: Moment,
    pub recorded_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
