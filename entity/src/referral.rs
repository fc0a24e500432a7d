//! The table `referral`.

use sea_orm::entity::prelude::*;

use crate::{BroughtBy, LineReason, Moment};

/// One client with one partner, from `since` (0: the beginning of time) to before `until` (rule 6).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub account_id: Uuid,
    pub link_id: Option<Uuid>,
    pub brought_by: BroughtBy,
    /// Of the visitor token that bound the client: one visitor id binds three accounts without doubt (rule 3).
    pub visitor_id: Option<Uuid>,
    pub visited_at: Option<Moment>,
    pub registered_at: Moment,
    pub recorded_at: Moment,
    pub since: Moment,
    pub until: Option<Moment>,
    /// Lines recorded while this is set are held for review, for this reason (rules 3, 7).
    pub hold_reason: Option<LineReason>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
