//! The table `event`.

use sea_orm::entity::prelude::*;

use crate::{EventType, Moment, SubjectKind};

/// A change of a partner's that is no row of its own, by its number among his changes. Lines, referrals and statements
/// are events themselves, by a number in their column `change`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub partner_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// None: of the feed alone.
    pub event_type: Option<EventType>,
    pub subject_kind: SubjectKind,
    pub subject_id: Uuid,
    pub at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
