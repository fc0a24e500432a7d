//! The table `payment_batch`.

use sea_orm::entity::prelude::*;

use crate::{Moment, Money};

/// A payment file: the withdrawals that the bank is told to pay in one go (rule 25).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_batch")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: Moment,
    pub created_by: String,
    /// How many withdrawals are in it.
    pub transfers: i64,
    /// What they add up to.
    pub amount: Money,
    /// Who pays and what the file says of it, encrypted (AEAD) under the key of this id.
    pub head_key_id: String,
    pub head_sealed: Vec<u8>,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub digest: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
