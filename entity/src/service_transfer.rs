//! The table `service_transfer`.

use sea_orm::entity::prelude::*;

use crate::{Moment, Money, ServiceTransferStatus};

/// Money that leaves to the service balance (rule 24).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "service_transfer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub amount: Money,
    pub status: ServiceTransferStatus,
    pub requested_at: Moment,
    pub completed_at: Option<Moment>,
    pub reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
