//! The table `account_fingerprint`.

use sea_orm::entity::prelude::*;

use crate::{FingerprintKind, Moment};

/// A fingerprint by which the abuse rules tell that two accounts are one person (rule 7).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_fingerprint")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    pub kind: FingerprintKind,
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    pub recorded_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
