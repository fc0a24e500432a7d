//! The table `webhook_delivery`.

use sea_orm::entity::prelude::*;

use crate::{DeliveryStatus, EventType, Moment, SubjectKind};

/// One event for one endpoint. Its id is the same however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub endpoint_id: Uuid,
    /// Whose event it is.
    pub partner_id: Uuid,
    /// Its place among his changes; 0 for a test, which is none.
    pub number: i64,
    pub event_type: EventType,
    pub subject_kind: SubjectKind,
    pub subject_id: Uuid,
    pub occurred_at: Moment,
    pub created_at: Moment,
    pub status: DeliveryStatus,
    /// How often it was sent in all.
    pub attempts: i32,
    /// How often in a row it failed since it was made, or asked for again.
    pub failures: i32,
    pub last_attempt_at: Option<Moment>,
    pub response_status: Option<i32>,
    /// How the last answer began, or why there was none: for who runs the service, and for no partner.
    pub response: Option<String>,
    /// None where nothing more will be tried.
    pub next_attempt_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
