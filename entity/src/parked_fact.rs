//! The table `parked_fact`.

use sea_orm::entity::prelude::*;

use crate::{Day, LineKind, Moment, Money, ParkedStatus, TopUpKind};

/// Facts that wait for what they belong to (rule 12): a top-up for its account, a refund for its top-up.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "parked_fact")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: LineKind,
    pub source: String,
    pub external_id: String,
    pub account_id: Uuid,
    pub top_up_external_id: Option<String>,
    pub top_up_kind: Option<TopUpKind>,
    pub occurred_at: Moment,
    pub amount: Money,
    pub currency: Option<String>,
    pub exchange_rate: Option<String>,
    pub rate_published_on: Option<Day>,
    pub base: Option<Money>,
    pub arrived_at: Moment,
    pub status: ParkedStatus,
    pub reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
