//! The table `visit`.

use sea_orm::entity::prelude::*;

use crate::{Moment, VisitVerdict};

/// Somebody followed a link (rules 4 and 5). Holds no address.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "visit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub link_id: Uuid,
    pub at: Moment,
    pub verdict: VisitVerdict,
    /// The host of the page it came from.
    pub referrer: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
