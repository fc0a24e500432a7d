//! The table `api_key`.

use sea_orm::entity::prelude::*;

use crate::Moment;

/// A key of a partner's programs. The key itself is not kept: `hash` is its SHA-256 in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: Uuid,
    pub hash: String,
    /// How the key begins.
    pub prefix: String,
    pub label: String,
    /// Separated by blanks.
    pub scopes: String,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    /// To the minute.
    pub last_used_at: Option<Moment>,
    pub revoked_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
