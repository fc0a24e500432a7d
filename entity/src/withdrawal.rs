//! The table `withdrawal`.

use sea_orm::entity::prelude::*;

use crate::{DestinationKind, Moment, Money, WithdrawalStatus};

/// Money that leaves to the partner (rules 24, 25).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "withdrawal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub amount: Money,
    pub status: WithdrawalStatus,
    pub destination_kind: DestinationKind,
    pub destination_masked: String,
    /// The whole destination, encrypted (AEAD) under the key of this id.
    pub destination_key_id: Option<String>,
    pub destination_sealed: Option<Vec<u8>>,
    pub requested_at: Moment,
    pub decided_at: Option<Moment>,
    pub decided_by: Option<String>,
    pub paid_at: Option<Moment>,
    pub reason: Option<String>,
    pub payment_reference: Option<String>,
    /// The payment file that it is in.
    pub payment_batch_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
