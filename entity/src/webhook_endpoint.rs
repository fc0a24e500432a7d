//! The table `webhook_endpoint`.

use sea_orm::entity::prelude::*;

use crate::{Moment, WebhookStatus};

/// An address that is told of a partner's events; or the provider's own, which belongs to no partner and whose address
/// and secret the configuration says.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Option<Uuid>,
    pub url: Option<String>,
    /// Names of event types, separated by blanks.
    pub events: String,
    pub status: WebhookStatus,
    /// What deliveries are signed with, encrypted.
    pub secret_key_id: Option<String>,
    pub secret_sealed: Option<Vec<u8>>,
    /// The secret before it, which still signs until `previous_until`.
    pub previous_key_id: Option<String>,
    pub previous_sealed: Option<Vec<u8>>,
    pub previous_until: Option<Moment>,
    pub created_at: Moment,
    /// The number of the partner's changes up to which deliveries have been made.
    pub told_until: i64,
    /// When the first delivery failed since one succeeded.
    pub failing_since: Option<Moment>,
    /// Nothing is sent before: the endpoint asked for it.
    pub not_before: Moment,
    /// Who sends to it: each claim raises the epoch, and holds until `lease_until`.
    pub lease_epoch: i64,
    pub lease_until: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
