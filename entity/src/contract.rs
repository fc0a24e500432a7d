//! The table `contract`.

use sea_orm::entity::prelude::*;

use crate::{ContractStatus, Moment};

/// The state of a partner's contract (rule 26); no row: none. What led to it is in the ticket's thread.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contract")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub partner_id: Uuid,
    pub status: ContractStatus,
    pub ticket_id: Option<Uuid>,
    pub requested_at: Option<Moment>,
    pub offer_version: Option<String>,
    pub offer_url: Option<String>,
    pub offer_digest: Option<String>,
    pub offered_at: Option<Moment>,
    pub accepted_version: Option<String>,
    pub accepted_url: Option<String>,
    pub accepted_digest: Option<String>,
    pub accepted_at: Option<Moment>,
    pub accepted_by: Option<String>,
    pub terminated_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
