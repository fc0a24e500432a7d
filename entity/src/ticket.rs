//! The table `ticket`.

use sea_orm::entity::prelude::*;

use crate::{Moment, TicketKind, TicketStatus};

/// A conversation of a partner with staff.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ticket")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub kind: TicketKind,
    pub subject: String,
    pub status: TicketStatus,
    pub about_id: Option<Uuid>,
    pub opened_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
